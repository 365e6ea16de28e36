"""The fake Indigo keeps the platform's rules, seen from a tiny plugin in a real process."""
# ruff: noqa: ANN401 - options of any type

import asyncio
import os
import plistlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

import aiohttp
import pytest
import pytest_asyncio

from indigo_host import desktop
from indigo_host.quirks import Quirks
from indigo_host.records import ERROR, INFO, WARNING, Step
from indigo_host.server import IndigoServer, PluginError
from indigo_host.values import ArgumentError, Dict, List, plain, wrap

pytestmark = pytest.mark.asyncio(loop_scope="module")

ID = "com.example.tiny"
PLUGIN = """
import logging, os, sys, threading, time
GLOBAL = indigo
try:
    import indigo
except ImportError:
    pass


class Plugin(indigo.PluginBase):
    def __init__(self, pluginId, pluginDisplayName, pluginVersion, pluginPrefs):
        super().__init__(pluginId, pluginDisplayName, pluginVersion, pluginPrefs)
        self.note("init")
        if pluginPrefs.get("init") == "raise":
            raise ValueError("no init")

    def note(self, line):
        with open(indigo.server.getInstallFolderPath() + "/journal", "a") as file:
            file.write(line + "\\n")

    def evaluate(self, source):
        return eval(source, globals(), {"self": self})

    def execute(self, source):
        exec(source, {**globals(), "self": self})

    def startup(self):
        self.note("startup")
        answer = self.pluginPrefs.get("startup")
        if answer == "raise":
            raise ValueError("no startup")
        return answer

    def runConcurrentThread(self):
        self.note("thread")
        if self.pluginPrefs.get("thread") == "raise":
            raise ValueError("no thread")
        try:
            while True:
                self.sleep(60)
                self.note("slept")
        except self.StopThread:
            self.note("thread stopped")

    def shutdown(self):
        self.note("shutdown")

    def deviceStartComm(self, dev):
        self.note("start " + dev.name)
        if dev.name == "bad":
            raise ValueError("no device")

    def deviceStopComm(self, dev):
        self.note("stop " + dev.name)

    def didDeviceCommPropertyChange(self, orig, new):
        return orig.pluginProps.get("comm") != new.pluginProps.get("comm")

    def trigger_start_processing(self, trigger):
        self.note("start " + trigger.name)

    def trigger_stop_processing(self, trigger):
        self.note("stop " + trigger.name)

    def heard(self, data=None):
        self.note(f"heard {data}")

    def say(self, action, dev=None, callerWaitingForResult=None, event_data=None):
        self.last = (action, dev, callerWaitingForResult, event_data)
        return self.evaluate(action.props.get("result", "None"))

    def short(self, pluginAction, dev):
        self.note("short " + dev.name)

    def later(self, action, dev=None, callerWaitingForResult=None):
        handler = indigo.acquireCallbackCompleteHandler()
        result = action.props.get("result", "never")
        if result == "never":
            return {"this": "is ignored"}

        def finish():
            if result == "raise":
                handler.returnException(ValueError("too late"))
            handler.returnResult(result)

        threading.Thread(target=finish).start()

    def web(self, action, dev=None, callerWaitingForResult=None):
        self.last = (action, dev, callerWaitingForResult, None)
        parts = list(action.props["file_path"])
        if parts == ["raise"]:
            raise ValueError("no page")
        if parts == ["never"]:
            indigo.acquireCallbackCompleteHandler()
        if parts == ["reply"]:
            return {"status": 201, "headers": {"Content-Type": "text/xml"}, "content": "<a/>"}
        return "text"

    def chosen(self):
        return "chosen"

    def filled(self, valuesDict, typeId):
        errors = indigo.Dict()
        errors["field"] = typeId
        return (False, valuesDict, errors)
"""
ACTION = "<Action id='{0}' {1}><Name>{0}</Name><CallbackMethod>{0}</CallbackMethod></Action>"
ACTIONS = "".join(
    ACTION.format(name, more)
    for name, more in [
        ("say", ""),
        ("short", "deviceFilter='self.thing'"),
        ("later", ""),
        ("web", "uiPath='hidden'"),
    ]
)
STATE = "<State id='{0}'><ValueType>{1}</ValueType></State>"
STATES = {"text": "String", "count": "Integer", "level": "Number", "on": "Boolean"}
XML = {
    "Actions": ACTIONS,
    "Devices": "<Device id='thing' type='custom'><Name>Thing</Name><ConfigUI>"
    "<Field id='label' type='textfield' defaultValue='new'/><Field id='comm' type='textfield'/>"
    "</ConfigUI><States>{}</States>"
    "<UiDisplayStateId>text</UiDisplayStateId></Device>"
    "<Device id='other' type='custom'><Name>Other</Name></Device>",
    "Events": "<Event id='hit'><Name>Hit</Name></Event>",
    "MenuItems": "<MenuItem id='plain'><Name>P</Name><CallbackMethod>chosen</CallbackMethod>"
    "</MenuItem><MenuItem id='sep' type='separator'/><MenuItem id='asks'><Name>A</Name>"
    "<CallbackMethod>filled</CallbackMethod><ConfigUI><Field id='field' type='textfield'/>"
    "</ConfigUI></MenuItem>",
}


def write_bundle(
    folder: Path,
    plugin: str = PLUGIN,
    states: dict[str, str] = STATES,
    api_version: str = "3.4",
) -> Path:
    bundle = folder / "Tiny.indigoPlugin"
    inner = bundle / "Contents" / "Server Plugin"
    inner.mkdir(parents=True)
    info = {
        "CFBundleIdentifier": ID,
        "CFBundleDisplayName": "Tiny",
        "PluginVersion": "1.0.0",
        "ServerApiVersion": api_version,
    }
    (bundle / "Contents" / "Info.plist").write_bytes(plistlib.dumps(info))
    (inner / "plugin.py").write_text(plugin)
    listed = "".join(STATE.format(*each) for each in states.items())
    for name, content in XML.items():
        (inner / f"{name}.xml").write_text(f"<{name}>{content.format(listed)}</{name}>")
    return bundle


def journal(server: IndigoServer) -> list[str]:
    return (server.db.install_folder / "journal").read_text().splitlines()


House = Callable[..., Awaitable[IndigoServer]]


@pytest_asyncio.fixture(loop_scope="module")
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Build houses with the tiny plugin in; `start=False` leaves it to the test."""
    built: list[IndigoServer] = []

    async def build(plugin: str = PLUGIN, *, start: bool = True, **options: Any) -> IndigoServer:
        bundle = write_bundle(tmp_path / str(len(built)), plugin)
        built.append(IndigoServer(tmp_path / f"house{len(built)}", bundle, **options))
        built[-1].db.install_folder.mkdir(parents=True, exist_ok=True)
        if start:
            await built[-1].start()
        return built[-1]

    yield build
    for server in built:
        await server.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[IndigoServer]:
    """One running plugin for what leaves no trace."""
    folder = tmp_path_factory.mktemp("shared")
    async with IndigoServer(folder, write_bundle(folder), speed=1000) as server:
        yield server


def ask(server: IndigoServer, source: str) -> Awaitable[Any]:
    return server.call("evaluate", source)


def do(server: IndigoServer, source: str) -> Awaitable[Any]:
    return server.call("execute", source)


# 1. How plugin.py is loaded


async def test_plugin_py_has_indigo_as_a_global_before_it_imports_it(shared: IndigoServer) -> None:
    assert await ask(shared, "GLOBAL is indigo and indigo.activePlugin is self")


async def test_plugin_runs_in_server_plugin_with_its_folders_first(shared: IndigoServer) -> None:
    inner = shared.bundle.server_plugin
    packages = inner.parent / "Packages"
    assert await ask(shared, "os.getcwd()") == str(inner)
    assert await ask(shared, "sys.path[:2]") == [str(inner), str(packages)]


async def test_plugin_cannot_import_the_tests(shared: IndigoServer) -> None:
    with pytest.raises(PluginError, match="No module named 'harness'"):
        await do(shared, "import harness")


# 2. indigo.Dict and indigo.List


async def test_dict_and_list_are_types_of_their_own() -> None:
    assert not isinstance(Dict(), dict)
    assert not isinstance(List(), list)
    assert plain(wrap({"a": [1, {"b": "c"}]})) == {"a": [1, {"b": "c"}]}


@pytest.mark.parametrize("key", ["a b", "1st", "-a", "_a", "xmlField", "größe", ""])
async def test_dict_refuses_a_key_that_is_no_xml_name(key: str) -> None:
    with pytest.raises(ValueError, match="illegal XML tag name"):
        Dict()[key] = 1


@pytest.mark.parametrize("value", [None, {}, [], (), {1}, b"x"])
async def test_dict_and_list_refuse_what_the_bridge_cannot_convert(value: object) -> None:
    with pytest.raises(ArgumentError, match="No registered converter"):
        Dict()["key"] = value
    with pytest.raises(ArgumentError, match="No registered converter"):
        List().append(value)


async def test_getting_a_nested_container_gives_a_copy() -> None:
    outer = wrap({"inner": {"a": 1}, "list": [1]})
    outer["inner"]["a"] = 2
    outer["list"].append(2)
    assert plain(outer) == {"inner": {"a": 1}, "list": [1]}


async def test_plain_dict_is_refused_where_properties_are_wanted(house: House) -> None:
    server = await house()
    device = await server.create_device("thing", "one", {"a": "1"})
    with pytest.raises(PluginError, match=r"indigo\.Dict wanted, not dict"):
        await do(server, f"indigo.devices[{device}].replacePluginPropsOnServer({{'a': '2'}})")
    with pytest.raises(PluginError, match="No registered converter"):
        await ask(server, "(False, indigo.Dict(), {})")
    assert server.db.devices[device].props == {"a": "1"}


# 3. Snapshots and copies


async def test_a_fetched_device_is_a_copy_and_so_are_its_props_and_states(house: House) -> None:
    server = await house()
    device = await server.create_device("thing", "one", {"a": "1"})
    await do(
        server,
        f"d = indigo.devices[{device}]\n"
        "d.pluginProps['a'] = '2'\nd.states['text'] = 'x'\nd.name = 'two'",
    )
    seen = f"(lambda d: (d.name, d.pluginProps, d.states['text']))(indigo.devices[{device}])"
    assert await ask(server, seen) == ("one", {"a": "1"}, "")


@pytest.mark.parametrize("refreshed", [False, True])
async def test_own_copy_is_refreshed_by_an_update_only_with_the_quirk(
    house: House,
    refreshed: bool,
) -> None:
    server = await house(quirks=Quirks(own_copy_refreshed=refreshed))
    await server.create_device("thing", "one")
    await do(server, "self.d = indigo.devices['one']; self.d.updateStateOnServer('text', 'new')")
    assert await ask(server, "self.d.states['text']") == ("new" if refreshed else "")
    assert await ask(server, "indigo.devices['one'].states['text']") == "new"


async def test_devices_are_found_by_id_name_and_filter(house: House) -> None:
    server = await house()
    one = await server.create_device("thing", "one")
    await server.create_device("other", "two")
    await server.create_device("x", "alien", plugin_id="com.other")
    names = "[d.name for d in indigo.devices{}]"
    assert await ask(server, names.format("")) == ["one", "two", "alien"]
    assert await ask(server, names.format(".iter('self')")) == ["one", "two"]
    assert await ask(server, names.format(".iter('self.thing')")) == ["one"]
    assert await ask(server, names.format(".iter('com.other.x')")) == ["alien"]
    assert await ask(server, f"({one} in indigo.devices, 'no' in indigo.devices)") == (True, False)
    with pytest.raises(PluginError, match="KeyError: 'key 5 not found in database'"):
        await ask(server, "indigo.devices[5]")


# 4. States


async def test_a_state_that_the_type_does_not_have_is_an_error_line(house: House) -> None:
    server = await house()
    device = await server.create_device("thing", "one")
    await do(
        server,
        f"indigo.devices[{device}].updateStatesOnServer([dict(key='nope', value=1),"
        " dict(key='text', value=5)])",
    )
    fault = 'device "one" state key nope not defined (ignoring update request)'
    assert server.errors() == [fault]
    assert server.states(device)["text"] == "5"


async def test_states_hold_values_of_their_type(house: House) -> None:
    server = await house()
    device = await server.create_device("thing", "one")
    assert server.states(device) == {"text": "", "count": 0, "level": 0, "on": False}
    await do(
        server,
        f"d = indigo.devices[{device}]\nd.updateStateOnServer('count', '7')\n"
        "d.updateStateOnServer('level', 1.25, decimalPlaces=1)\n"
        "d.updateStateOnServer('on', 'true')\nd.updateStateOnServer('count', 'many')",
    )
    assert server.states(device) == {"text": "", "count": 7, "level": 1.25, "on": True}
    assert server.db.devices[device].ui["level"] == "1.2"
    assert "state key count" in server.errors()[0]
    with pytest.raises(PluginError, match="NoneType"):
        await do(server, f"indigo.devices[{device}].updateStateOnServer('text', None)")


async def test_a_disabled_device_takes_no_states(house: House) -> None:
    server = await house()
    device = await server.create_device("thing", "one", enabled=False)
    await do(server, f"indigo.devices[{device}].updateStateOnServer('text', 'x')")
    assert server.states(device)["text"] == ""
    assert server.errors() == ['device "one" is disabled (ignoring update request)']


async def test_states_of_a_new_version_need_the_list_made_anew(
    house: House, tmp_path: Path
) -> None:
    server = await house()
    await server.create_device("thing", "one")
    await do(server, "indigo.devices['one'].updateStateOnServer('text', 'kept')")
    await server.replace_bundle(write_bundle(tmp_path / "v2", states={**STATES, "new": "String"}))
    await do(server, "indigo.devices['one'].updateStateOnServer('new', 'x')")
    assert server.errors()
    await do(
        server,
        "d = indigo.devices['one']\nd.stateListOrDisplayStateIdChanged()\n"
        "d.updateStateOnServer('new', 'x')",
    )
    now = "(lambda states: (states['new'], states['text']))(indigo.devices['one'].states)"
    assert await ask(server, now) == ("x", "kept")


async def test_icon_error_and_image_names_reach_the_device(house: House) -> None:
    server = await house()
    device = await server.create_device("thing", "one")
    await do(
        server,
        "d = indigo.devices['one']\nd.setErrorStateOnServer('broken')\n"
        "d.updateStateImageOnServer(indigo.kStateImageSel.SensorOff)",
    )
    assert (server.db.devices[device].error, server.db.devices[device].image) == (
        "broken",
        "SensorOff",
    )
    with pytest.raises(PluginError, match="AttributeError"):
        await ask(server, "indigo.kStateImageSel.SensorGreen")


# 5. The order of life


async def test_plugin_starts_and_stops_in_order(house: House) -> None:
    server = await house(start=False)
    await server.create_device("thing", "d1")
    await server.create_device("thing", "d2")
    await server.create_device("thing", "off", enabled=False)
    await server.create_device("thing", "raw", configured=False)
    await server.create_trigger("hit", "t1")
    await server.create_trigger("hit", "t-off", enabled=False)
    assert await server.start()
    assert 0 < server.started_in < 10
    await server.until(lambda: server.sleeps == [60])
    await server.stop()
    up = ["init", "startup", "start d1", "start d2", "start t1", "thread"]
    assert journal(server) == [*up, "thread stopped", "stop t1", "stop d2", "stop d1", "shutdown"]


async def test_devices_and_triggers_start_and_stop_as_users_change_them(house: House) -> None:
    server = await house()
    await server.until(lambda: server.sleeps)
    device = await server.create_device("thing", "d")
    trigger = await server.create_trigger("hit", "t")
    await server.enable(device, on=False)
    await server.enable(device)
    await server.enable(trigger, on=False)
    await server.set_props(device, {"label": "x"})
    await server.set_props(device, {"label": "x", "comm": "y"})
    await server.delete(device)
    changes = ["start d", "start t", "stop d", "start d", "stop t"]
    assert journal(server)[3:] == [*changes, "stop d", "start d", "stop d"]


@pytest.mark.parametrize(
    ("prefs", "state", "word"),
    [
        ({"init": "raise"}, "suspended", "no init"),
        ({"startup": "raise"}, "suspended", "no startup"),
        ({"startup": False}, "refused", "startup returned False"),
        ({"startup": "not today"}, "refused", "not today"),
    ],
)
async def test_plugin_that_cannot_start_says_so_and_starts_nothing(
    house: House,
    prefs: dict[str, Any],
    state: str,
    word: str,
) -> None:
    server = await house(prefs=prefs, start=False)
    await server.create_device("thing", "d")
    assert not await server.start()
    assert server.plugin_state == state
    assert word in server.errors()[0]
    assert "start d" not in journal(server)


async def test_plugin_that_wants_a_newer_server_is_refused(tmp_path: Path) -> None:
    server = IndigoServer(tmp_path, write_bundle(tmp_path, api_version="3.10"))
    assert not await server.start_plugin()
    assert server.errors() == ["plugin wants server API 3.10"]


async def test_sleep_stops_and_wake_starts_all(house: House) -> None:
    server = await house()
    await server.until(lambda: server.sleeps)
    await server.create_device("thing", "d")
    await server.create_trigger("hit", "t")
    await server.mac_sleeps()
    await server.mac_wakes()
    await server.mac_wakes()
    assert journal(server)[5:] == ["stop t", "stop d", "start d", "start t"]


async def test_preferences_are_kept_when_saved_and_lost_when_killed(house: House) -> None:
    server = await house(prefs={"a": "1"})
    await do(server, "self.pluginPrefs['a'] = '2'; indigo.server.savePluginPrefs()")
    await do(server, "self.pluginPrefs['a'] = '3'")
    await server.kill_plugin()
    assert server.prefs == {"a": "2"}
    await server.start_plugin()
    await do(server, "self.pluginPrefs['a'] = '4'")
    await server.restart_plugin()
    assert await ask(server, "self.pluginPrefs['a']") == "4"


async def test_saved_dialog_reaches_the_running_plugin_and_keeps_hidden_keys(house: House) -> None:
    server = await house(prefs={"hidden": "h", "a": "1"})
    await server.set_prefs({"a": "2", "check": True})
    assert await ask(server, "self.pluginPrefs") == {"hidden": "h", "a": "2", "check": True}
    assert server.prefs == {"hidden": "h", "a": "2", "check": True}


async def test_house_comes_back_after_the_mac_restarts(house: House) -> None:
    server = await house()
    device = await server.create_device("thing", "d", {"address": "here"})
    trigger = await server.create_trigger("hit", "t", steps=[Step("say")])
    await do(server, "indigo.devices['d'].updateStateOnServer('text', 'kept')")
    await server.stop()
    again = IndigoServer(server.folder, server.bundle.folder)
    assert again.db.devices == server.db.devices
    assert again.db.devices[device].address == "here"
    assert again.db.triggers[trigger].steps == [Step("say")]
    assert await again.create_device("thing", "e") > trigger


async def test_power_cut_takes_states_since_the_last_save_and_stops_nothing(house: House) -> None:
    server = await house()
    device = await server.create_device("thing", "d")
    await do(server, "indigo.devices['d'].updateStateOnServer('text', 'lost')")
    await server.stop(power_cut=True)
    assert "shutdown" not in journal(server)
    assert IndigoServer(server.folder, server.bundle.folder).states(device)["text"] == ""


async def test_killed_plugin_starts_again_in_the_living_server(house: House) -> None:
    server = await house()
    device = await server.create_device("thing", "d")
    await do(server, "indigo.devices['d'].updateStateOnServer('text', 'kept')")
    before = server.plugin_pid
    await server.kill_plugin()
    assert server.plugin_pid == 0
    assert await server.start_plugin()
    assert server.plugin_pid not in {0, before}
    assert server.states(device)["text"] == "kept"
    assert journal(server).count("shutdown") == 0


async def test_plugin_that_dies_is_reported_and_started_again_if_so_set(house: House) -> None:
    server = await house(quirks=Quirks(restart_after_crash=0.0))
    first = server.plugin_pid
    os.kill(first, signal.SIGKILL)
    await server.until(lambda: server.plugin_state == "running" and server.plugin_pid != first)
    assert "ended unexpectedly (-9)" in server.errors()[0]


async def test_plugin_can_restart_itself(house: House) -> None:
    server = await house()
    first = server.plugin_pid
    await do(server, "indigo.server.restartPlugin('new settings')")
    await server.until(lambda: server.plugin_state == "running" and server.plugin_pid != first)
    assert server.lines("new settings")


# 6. Threads


async def test_callbacks_share_one_thread_and_the_concurrent_thread_is_another(
    house: House,
) -> None:
    thread = "threading.get_ident()"
    plugin = PLUGIN.replace('self.note("thread")', f"self.concurrent = {thread}")
    server = await house(plugin)
    await server.until(lambda: server.sleeps)
    by_action = await server.run_action("say", props={"result": thread})
    assert by_action == await ask(server, thread) != await ask(server, "self.concurrent")


async def test_skipped_sleep_ends_at_once(house: House) -> None:
    server = await house()
    await server.until(lambda: server.sleeps == [60])
    await server.skip_sleep()
    await server.until(lambda: server.sleeps == [60, 60])
    assert journal(server)[-1] == "slept"


async def test_speed_makes_sleeps_shorter(shared: IndigoServer) -> None:
    seen = len(shared.sleeps)
    await shared.until(lambda: len(shared.sleeps) > seen + 1)


async def test_thread_that_dies_is_reported_and_called_again(house: House) -> None:
    server = await house(prefs={"thread": "raise"}, quirks=Quirks(thread_restart=0.0))
    await server.until(lambda: len(server.uncaught) > 2)
    assert "no thread" in server.uncaught[1]
    await server.stop_plugin()
    assert journal(server)[-1] == "shutdown"


async def test_server_api_answers_other_threads_while_a_callback_runs(house: House) -> None:
    server = await house()
    device = await server.create_device("thing", "d")
    await do(
        server,
        "t = threading.Thread(target=lambda: indigo.devices['d'].updateStateOnServer('count', 3))\n"
        "t.start(); t.join()",
    )
    assert server.states(device)["count"] == 3


# 7. What is not caught


async def test_raising_callback_is_logged_and_the_plugin_goes_on(house: House) -> None:
    server = await house()
    await server.create_device("thing", "bad")
    assert await server.run_action("say", props={"result": "1/0"}) is None
    with pytest.raises(PluginError, match="ZeroDivisionError"):
        await ask(server, "1/0")
    where = [line.partition(":")[0] for line in server.errors()]
    kinds = ["deviceStartComm", "say", "evaluate"]
    assert where == [f"Error in plugin execution {kind}" for kind in kinds]
    assert [trace.splitlines()[-1] for trace in server.uncaught] == [
        "ValueError: no device",
        "ZeroDivisionError: division by zero",
        "ZeroDivisionError: division by zero",
    ]
    assert await ask(server, "1 + 1") == 2


# 8. Dialogs and menus


async def test_dialog_methods_get_and_give_indigo_types_as_plain_ones(shared: IndigoServer) -> None:
    assert await shared.call("validateDeviceConfigUi", {"a": True}, "thing", 0) == (
        True,
        {"a": True},
    )
    assert await shared.call("get_prefs_config_ui_values") == ({}, {})
    assert await ask(shared, "[('1', 'One')]") == [("1", "One")]


async def test_dialogs_open_on_the_plugin_and_store_on_ok(house: House) -> None:
    server = await house()
    dialog = await desktop.new_device(server, "thing", "d")
    assert [row.field for row in dialog.show()] == ["label", "comm"]
    await dialog.set("comm", "a")
    assert (await dialog.ok()).closed
    device = server.device("d")
    assert server.db.devices[device].props == {"label": "new", "comm": "a"}
    dialog = await desktop.edit_device(server, device)
    await dialog.set("comm", "b")
    await dialog.ok()
    assert [line for line in journal(server) if line.endswith(" d")] == [
        "start d",
        "stop d",
        "start d",
    ]
    dialog = await desktop.new_trigger(server, "hit", "t")
    await dialog.ok()
    assert server.db.triggers[server.trigger("t")].props == {}
    dialog, kept = await desktop.action(server, "say")
    await dialog.ok()
    assert kept == {}
    refused = await (await desktop.menu_item(server, "asks")).ok()
    assert refused.errors == {"field": "asks"}


async def test_menu_items_call_their_method(shared: IndigoServer) -> None:
    assert await shared.menu("plain") == "chosen"
    assert await shared.menu("asks", {"a": "b"}) == (False, {"a": "b"}, {"field": "asks"})


# 9. Actions


async def test_action_gets_props_device_and_event_data_by_its_signature(house: House) -> None:
    server = await house()
    device = await server.create_device("thing", "d")
    await server.run_action("say", device=device, props={"a": {"b": "c"}}, event_data={"e": 1})
    facts = "(lambda a, d, w, e: (a.deviceId, a.pluginTypeId, a.props, d.name, w, e))(*self.last)"
    assert await ask(server, facts) == (device, "say", {"a": {"b": "c"}}, "d", True, {"e": 1})
    assert await ask(server, "type(self.last[0].props['a']) is indigo.Dict")
    await server.run_action("short", device=device)
    assert journal(server)[-1] == "short d"


@pytest.mark.parametrize("result", ["None", "True", "7", "1.5", "'text'"])
async def test_action_gives_its_result_to_a_script(shared: IndigoServer, result: str) -> None:
    assert await shared.script("say", result=result) == eval(result)


@pytest.mark.parametrize("result", ["{'a': 1}", "[1]", "(1, 2)", "object()"])
async def test_action_cannot_give_what_the_bridge_cannot_convert(
    house: House,
    result: str,
) -> None:
    server = await house()
    assert await server.script("say", result=result) is None
    assert "No registered converter" in server.uncaught[0]


async def test_action_for_a_deleted_device_is_an_error_line(shared: IndigoServer) -> None:
    assert await shared.run_action("say", device=99) is None
    assert 'action "say" failed: device 99 missing' in shared.errors()


async def test_completion_handler_answers_from_another_thread(shared: IndigoServer) -> None:
    assert await shared.run_action("later", props={"result": "done"}) == "done"
    with pytest.raises(PluginError, match="too late"):
        await shared.run_action("later", props={"result": "raise"})
    with pytest.raises(TimeoutError):
        await shared.run_action("later", within=0.05)
    assert await shared.run_action("later", props={"result": "done"}) == "done"


async def test_action_that_is_not_waited_for_runs_in_its_turn(house: House) -> None:
    server = await house()
    device = await server.create_device("thing", "d")
    await server.run_action("say", device=device, wait=False)
    await server.settle()
    assert await ask(server, "self.last[2]") is False


async def test_plugin_runs_its_own_action_as_scripts_do(house: House) -> None:
    server = await house()
    await do(
        server,
        "def run():\n"
        "    me = indigo.server.getPlugin(self.pluginId)\n"
        "    assert me.isRunning() and not indigo.server.getPlugin('no').isInstalled()\n"
        "    got = me.executeAction('say', props={'result': '6 * 7'})\n"
        "    indigo.server.log(f'it gave {got}')\n"
        "threading.Thread(target=run).start()",
    )
    await server.until(lambda: server.lines("it gave 42"))


# 10. The web server


async def fetch(url: str, method: str = "GET", **options: Any) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.request(method, url, **options) as reply:
        return reply.status, await reply.text()


def bearer(server: IndigoServer) -> dict[str, str]:
    return {"Authorization": f"Bearer {server.api_key}"}


async def props(server: IndigoServer) -> dict[str, Any]:
    return dict(await ask(server, "self.last[0].props"))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"/message/{ID}/web", 200),
        ("POST", f"/message/{ID}/web/", 200),
        ("PUT", f"/message/{ID}/web", 405),
        ("DELETE", f"/message/{ID}/web", 405),
        ("GET", f"/message/{ID}/nothing", 501),
        ("GET", "/message/com.other/web", 501),
        ("GET", "/elsewhere", 404),
        ("GET", f"/message/{ID}/web/raise", 500),
    ],
)
async def test_web_server_answers_by_its_rules(
    shared: IndigoServer,
    method: str,
    path: str,
    status: int,
) -> None:
    assert (await fetch(shared.web_url + path, method, headers=bearer(shared)))[0] == status


async def test_web_server_lets_nobody_in_without_a_key(shared: IndigoServer) -> None:
    url = shared.message_url("web")
    assert (await fetch(url))[0] == 401
    assert (await fetch(url, headers={"Authorization": "Bearer x"}))[0] == 401
    assert (await fetch(f"{url}?api-key={shared.api_key}"))[0] == 200
    assert (await fetch(f"{url}?api_key={shared.api_key}"))[0] == 200


async def test_web_request_reaches_the_action_with_absent_keys_absent(shared: IndigoServer) -> None:
    headers = {**bearer(shared), "X-Twilio-Signature": "s"}
    await fetch(shared.message_url("web", "a", "b"), headers=headers)
    seen = await props(shared)
    assert seen.keys() == {"incoming_request_method", "headers", "file_path"}
    assert seen["file_path"] == ["a", "b"]
    assert seen["headers"]["X-Twilio-Signature"] == "s"
    assert await ask(shared, "(self.last[1], self.last[2])") == (None, True)
    await fetch(shared.message_url("web", query=f"api-key={shared.api_key}&x=1"))
    assert (await props(shared))["url_query_args"] == {"api-key": shared.api_key, "x": "1"}


async def test_form_arrives_parsed_and_other_bodies_as_text(shared: IndigoServer) -> None:
    url, head = shared.message_url("web"), bearer(shared)
    await fetch(url, "POST", headers=head, data={"Body": "Hällo & so", "Empty": ""})
    seen = await props(shared)
    assert seen["body_params"] == {"Body": "Hällo & so", "Empty": ""}
    assert "request_body" not in seen
    await fetch(url, "POST", headers=head, json={"a": 1})
    seen = await props(shared)
    assert seen["request_body"] == '{"a": 1}'
    assert "body_params" not in seen


async def test_form_key_and_header_case_follow_the_quirks(house: House) -> None:
    quirks = Quirks(form_as_request_body=True, key_in_query_args=False, lower_case_headers=True)
    server = await house(quirks=quirks)
    url = server.message_url("web", query=f"api-key={server.api_key}")
    await fetch(url, "POST", data={"Body": "Hi you"})
    seen = await props(server)
    assert seen["request_body"] == "Body=Hi+you"
    assert "url_query_args" not in seen
    assert "content-type" in seen["headers"]


async def test_reply_becomes_the_http_response(shared: IndigoServer) -> None:
    async with aiohttp.ClientSession(headers=bearer(shared)) as session:
        async with session.get(shared.message_url("web", "reply")) as reply:
            assert (reply.status, reply.content_type) == (201, "text/xml")
            assert await reply.text() == "<a/>"
        async with session.get(shared.message_url("web")) as reply:
            assert (reply.content_type, await reply.text()) == ("application/json", "text")


async def test_web_request_that_is_never_answered_times_out(house: House) -> None:
    server = await house()
    server.web_timeout = 0.05
    url = server.message_url("web", "never")
    assert (await fetch(url, headers=bearer(server)))[0] == 504


async def test_web_request_to_a_stopped_or_dying_plugin_is_a_503(house: House) -> None:
    server = await house()
    waiting = asyncio.create_task(
        fetch(server.message_url("web", "never"), headers=bearer(server)),
    )
    await server.settle()
    await ask(server, "1")
    os.kill(server.plugin_pid, signal.SIGKILL)
    assert (await waiting)[0] == 503
    await server.until(lambda: server.plugin_state == "crashed")
    await server.enable_plugin(on=False)
    assert (await fetch(server.message_url("web"), headers=bearer(server)))[0] == 503


async def test_plugin_learns_the_addresses(shared: IndigoServer) -> None:
    ours = "(indigo.server.getReflectorURL(), indigo.server.getWebServerURL())"
    reflector = "https://myhouse.indigodomo.net"
    assert await ask(shared, ours) == (f"{reflector}/", reflector)
    shared.reflector_url = None
    assert await ask(shared, ours) == (None, shared.web_url)
    shared.reflector_url = f"{reflector}/"


# 11. Texts, triggers, broadcasts, log


async def test_substitution_takes_variables_then_states(house: House) -> None:
    server = await house()
    device = await server.create_device("thing", "d")
    variable = server.create_variable("v", f"see %%d:{device}:text%%")
    await do(server, "indigo.devices['d'].updateStateOnServer('text', 'me')")
    assert await server.call("substitute", f"I %%v:{variable}%%.") == "I see me."
    assert await server.call("substituteVariable", f"%%v:{variable}%%") != "see me"
    assert server.errors() == []


@pytest.mark.parametrize("text", ["%%v:5%%", "%%v:x%%", "%%d:5:text%%"])
async def test_bad_substitution_is_an_error_line_or_a_verdict(house: House, text: str) -> None:
    server = await house()
    ok, fault = await server.call("substitute", text, True)
    assert (ok, server.errors()) == (False, [])
    assert await server.call("substitute", text) == text
    assert server.errors() == [fault]
    assert await server.call("substitute", "fine", True) == (True, "")


async def test_trigger_runs_with_the_states_of_that_moment(house: House) -> None:
    server = await house()
    device = await server.create_device("thing", "d")
    trigger = await server.create_trigger("hit", "t", steps=[Step("short", device)])
    await do(
        server,
        "d = indigo.devices['d']\nd.updateStateOnServer('text', 'first')\n"
        f"indigo.trigger.execute(indigo.triggers[{trigger}])\n"
        "d.updateStateOnServer('text', 'second')",
    )
    assert [(e.name, e.states[device]["text"]) for e in server.executed] == [("t", "first")]
    assert [e.message for e in server.event_log if e.type_str == "Trigger"] == ["t"]
    await server.settle()
    assert journal(server)[-1] == "short d"


async def test_trigger_that_is_off_gone_or_without_its_condition_does_not_run(
    house: House,
) -> None:
    server = await house()
    off = await server.create_trigger("hit", "off", enabled=False)
    never = await server.create_trigger("hit", "never", condition=False)
    quiet = await server.create_trigger("hit", "quiet", suppress_logging=True)
    with pytest.raises(PluginError, match="is disabled"):
        await do(server, f"indigo.trigger.execute({off})")
    with pytest.raises(PluginError, match="KeyError"):
        await do(server, "indigo.trigger.execute(5)")
    await do(server, f"indigo.trigger.execute({never}); indigo.trigger.execute({quiet})")
    assert [e.name for e in server.executed] == ["quiet"]
    assert not [e for e in server.event_log if e.type_str == "Trigger"]


async def test_action_groups_and_variables_can_be_used(house: House) -> None:
    server = await house()
    group = server.create_group("g", [Step("say", props={"result": "self.note('ran')"})])
    variable = server.create_variable("v")
    await do(
        server,
        f"indigo.actionGroup.execute({group}, event_data={{'a': 1}})\n"
        f"indigo.variable.updateValue({variable}, 'true')\nindigo.variable.create('w', 'x')",
    )
    await server.settle()
    assert [(e.name, e.event_data) for e in server.executed_groups] == [("g", {"a": 1})]
    assert journal(server)[-1] == "ran"
    assert await ask(server, "[(v.name, v.value) for v in indigo.variables]") == [
        ("v", "true"),
        ("w", "x"),
    ]
    with pytest.raises(PluginError, match="a variable's value is a str"):
        await do(server, f"indigo.variable.updateValue({variable}, True)")


async def test_broadcasts_go_both_ways(house: House) -> None:
    server = await house()
    await do(server, "indigo.server.broadcastToSubscribers('news', {'a': 'b'})")
    assert [(b.name, b.data) for b in server.broadcasts] == [("news", {"a": "b"})]
    await do(server, "indigo.server.subscribeToBroadcast('com.x', 'theirs', 'heard')")
    await server.broadcast("com.x", "theirs", "hello")
    await server.broadcast("com.x", "theirs")
    await server.broadcast("com.y", "theirs")
    assert journal(server)[-2:] == ["heard hello", "heard None"]


async def test_log_lines_have_types_and_levels(house: House) -> None:
    server = await house()
    await do(
        server,
        "self.logger.debug('hidden')\nself.logger.info('i')\nself.logger.warning('w')\n"
        "self.logger.error('e')\nindigo.server.log('own', type='Mine')\n"
        "self.indigo_log_handler.setLevel(5)\nself.logger.setLevel(5)\n"
        "self.logger.threaddebug('t')",
    )
    assert [(e.type_str, e.type_val, e.message) for e in server.event_log[1:]] == [
        ("Tiny", INFO, "i"),
        ("Tiny Warning", WARNING, "w"),
        ("Tiny Error", ERROR, "e"),
        ("Mine", INFO, "own"),
        ("Tiny Debug", INFO, "t"),
    ]
    file = server.db.install_folder / "Logs" / ID / "plugin.log"
    assert "hidden" in file.read_text()
    with pytest.raises(PluginError, match="Unknown level: '10'"):
        await do(server, "self.indigo_log_handler.setLevel('10')")


async def test_event_log_is_read_oldest_first_unless_it_cannot_be_read(house: House) -> None:
    server = await house()
    await do(server, "for n in range(3): indigo.server.log(str(n))")
    entries = "indigo.server.getEventLogList(returnAsList=True, lineCount=2)"
    assert await ask(server, f"[e['Message'] for e in {entries}]") == ["1", "2"]
    assert await ask(server, "indigo.server.getEventLogList(lineCount=1, showTimeStamp=False)") == (
        "Tiny\t2\n"
    )
    blind = await house(quirks=Quirks(log_readable=False))
    with pytest.raises(PluginError, match="not available"):
        await ask(blind, entries)


async def test_event_log_outlives_the_server_only_with_the_quirk(house: House) -> None:
    server = await house(quirks=Quirks(log_survives=True, log_buffer=1))
    await do(server, "indigo.server.log('kept'); indigo.server.log('last')")
    await server.stop(power_cut=True)
    files = (server.folder, server.bundle.folder)
    assert IndigoServer(*files, quirks=server.quirks).event_log == server.event_log
    assert IndigoServer(*files).event_log == []
    await server.start()
    assert await ask(server, "len(indigo.server.getEventLogList(returnAsList=True))") == 1


# 12. Names


@pytest.mark.parametrize(
    ("names", "heard"),
    [("both", {"start d", "start t"}), ("camel", {"start d"}), ("snake", {"start t"})],
)
async def test_callbacks_are_found_under_the_spellings_the_host_knows(
    house: House,
    names: Literal["both", "camel", "snake"],
    heard: set[str],
) -> None:
    server = await house(quirks=Quirks(callback_names=names))
    await server.create_device("thing", "d")
    await server.create_trigger("hit", "t")
    assert {line for line in journal(server) if line.startswith("start ")} == heard


# The host's own


async def test_until_says_what_the_log_says_when_it_never_comes(shared: IndigoServer) -> None:
    shared.write_log("the last thing")
    with pytest.raises(AssertionError, match="the last thing"):
        await shared.until(lambda: False, timeout=0.01)


async def test_a_hundred_triggers_run_in_order(house: House) -> None:
    server = await house()
    for number in range(3):
        await server.create_trigger("hit", str(number))
    await do(
        server,
        "for n in range(100):\n"
        "    for t in indigo.triggers.iter('self'): indigo.trigger.execute(t)",
    )
    assert [e.name for e in server.executed] == ["0", "1", "2"] * 100


async def test_plugin_that_hangs_at_its_end_is_killed(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("indigo_host.server.STOP_TIME", 0.2)
    server = await house(PLUGIN.replace('self.note("shutdown")', "time.sleep(60)"))
    await server.stop_plugin()
    assert server.errors() == ["plugin did not stop in time and is killed"]
