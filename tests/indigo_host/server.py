"""The Indigo server, in the test's process.

    server = IndigoServer(tmp_path, bundle_folder, prefs={"accountSID": "AC..."})
    await server.start()                       # web server and plugin; True once it is ready
    number = await server.create_device("twilioNumber", "My number", {"twilioNumber": "+1..."})
    await server.create_trigger("messageReceived", "Any", {"twilioNumber": "ANYDEVICE"})
    result = await server.run_action("sendSMS", device=number, props={"smsMessage": "Hello"})
    await server.until(lambda: server.executed)
    await server.stop()

What the dialog engine needs: `call` runs a plugin's method in its callback thread (dicts become
indigo.Dict and back, tuples stay tuples), `create_device`, `create_trigger`, `set_props` and
`set_prefs` store with all that follows from it, `bundle` has each dialog's ConfigUI element.

Everything a test reads is plain Python data. Every change wakes `until`.
"""
# ruff: noqa: ANN401 - what crosses to a plugin has any type

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from indigo_host.bundle import Bundle
from indigo_host.database import Database
from indigo_host.desk import Desk
from indigo_host.house import House
from indigo_host.pipe import Outcome, Pipe, PluginGone
from indigo_host.quirks import Quirks
from indigo_host.records import (
    ActionRequest,
    Step,
    Welcome,
)
from indigo_host.web import WebServer

T = TypeVar("T")
API_VERSION = "3.8"
SERVER_VERSION = "2025.2.0"
PATIENCE = 30.0
"""Seconds after which a test gives up; a busy machine is no failure."""
STOP_TIME = 10.0
"""Seconds a plugin has to stop before it is killed."""
PluginState = Literal[
    "stopped", "starting", "running", "stopping", "suspended", "refused", "crashed"
]


class PluginError(Exception):
    """A callback raised (the message is its trace), or a completion handler returned an error."""


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


class IndigoServer(House):
    """One house: an installation folder with one plugin in it."""

    def __init__(
        self,
        folder: Path,
        bundle: Path,
        *,
        prefs: dict[str, Any] | None = None,
        quirks: Quirks | None = None,
        api_key: str = "a-secret-api-key",
        reflector_url: str | None = "https://myhouse.indigodomo.net/",
        speed: float = 1.0,
    ) -> None:
        super().__init__(Bundle(bundle), Database(folder), quirks or Quirks())
        self.folder = folder
        self.api_key = api_key
        self.reflector_url = reflector_url
        self.speed = speed
        self.web_timeout = 15.0
        self.plugin_state: PluginState = "stopped"
        self.started_in = 0.0
        self._pipe: Pipe | None = None
        self._desk = Desk(self)
        self._web = WebServer(self)
        self._tasks: set[asyncio.Task[Any]] = set()
        if prefs is not None and not self.db.prefs_file(self.bundle.id).exists():
            self.db.write_prefs(self.bundle.id, prefs)

    # The life of the server
    async def start(self) -> bool:
        """Start the web server and, if it is enabled, the plugin; tell whether that runs."""
        await self._web.start()
        return await self.start_plugin() if self.db.enabled else False

    async def stop(self, *, power_cut: bool = False) -> None:
        """Stop all. A power cut stops nothing in order and writes nothing more to disk."""
        await self.until(lambda: not self._between, PATIENCE)
        if power_cut:
            await self.kill_plugin()
        else:
            await self.stop_plugin()
        await self._web.stop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if not power_cut:
            self.db.save()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # The life of the plugin
    @property
    def plugin_pid(self) -> int:
        """The plugin's process id; 0 while there is none."""
        return self._pipe.pid if self._pipe is not None else 0

    @property
    def _between(self) -> bool:
        """Whether a process is being made or ended right now."""
        making = self.plugin_state == "starting" and self._pipe is None
        return making or self.plugin_state == "stopping"

    async def start_plugin(self) -> bool:
        """Start the plugin's process; tell whether it is ready (devices and triggers started)."""
        assert self._pipe is None, "the plugin runs already"
        if _version(self.bundle.api_version) > _version(API_VERSION):
            self.write_log(f"plugin wants server API {self.bundle.api_version}", error=True)
            self._become("refused")
            return False
        began = time.monotonic()
        self.write_log(
            f'Starting plugin "{self.bundle.display_name} {self.bundle.version}"', "Application"
        )
        self._become("starting")
        self._pipe = await Pipe.open(
            self.bundle.server_plugin, self._welcome(), self._desk.answer, self._slept
        )
        self._spawn(self._watch(self._pipe))
        try:
            state, message = (await self._pipe.call("start")).value
        except PluginGone:
            return False
        self.started_in = time.monotonic() - began
        if state != "ready":
            await self._pipe.ended(STOP_TIME)
            self._pipe = None
            self.write_log(message, error=True)
        self._become("running" if state == "ready" else state)
        return self.plugin_state == "running"

    def _welcome(self) -> Welcome:
        bundle, install = self.bundle, self.db.install_folder
        return Welcome(
            plugin_id=bundle.id,
            display_name=bundle.display_name,
            version=bundle.version,
            prefs=self.db.read_prefs(bundle.id),
            folder=str(bundle.folder),
            log_folder=str(install / "Logs" / bundle.id),
            install_folder=str(install),
            api_version=API_VERSION,
            server_version=SERVER_VERSION,
            quirks=self.quirks,
            speed=self.speed,
        )

    async def stop_plugin(self) -> None:
        """Have the plugin stop in order; kill it if it does not within STOP_TIME."""
        pipe, self._pipe = self._pipe, None
        if pipe is None:
            return
        self._become("stopping")
        self.write_log(f'Stopping plugin "{self.bundle.display_name}"', "Application")
        try:
            with suppress(PluginGone):
                await pipe.call("stop", within=STOP_TIME)
            await pipe.ended(STOP_TIME)
        except TimeoutError:
            self.write_log("plugin did not stop in time and is killed", error=True)
            pipe.kill()
            await pipe.ended()
        self._become("stopped")

    async def kill_plugin(self) -> None:
        """Kill the plugin's process: no handler runs, nothing is saved."""
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            pipe.kill()
            await pipe.ended()
            self._become("crashed")

    async def restart_plugin(self) -> bool:
        """Stop and start the plugin."""
        await self.stop_plugin()
        return await self.start_plugin()

    async def enable_plugin(self, *, on: bool) -> None:
        """Switch the plugin on or off."""
        self.db.enabled = on
        if on and self._pipe is None:
            await self.start_plugin()
        elif not on:
            await self.stop_plugin()

    def stop_soon(self, *, again: bool) -> None:
        """Stop the plugin at its own wish, and maybe start it again."""
        self._spawn(self.restart_plugin() if again else self.stop_plugin())

    async def replace_bundle(self, bundle: Path) -> bool:
        """Install another version: stop the plugin, start the new one."""
        await self.stop_plugin()
        self.bundle = Bundle(bundle)
        return await self.start_plugin()

    async def _watch(self, pipe: Pipe) -> None:
        code = await pipe.ended()
        if self._pipe is not pipe or (self.plugin_state == "starting" and code == 0):
            return
        self._pipe = None
        self.write_log(
            f'plugin "{self.bundle.display_name}" ended unexpectedly ({code})', error=True
        )
        self._become("crashed")
        if self.quirks.restart_after_crash is not None:
            await asyncio.sleep(self.quirks.restart_after_crash)
            await self.start_plugin()

    async def mac_sleeps(self) -> None:
        """Put the Mac to sleep, as far as the plugin notices."""
        await self._outcome("prepare_to_sleep")

    async def mac_wakes(self) -> None:
        """Wake the Mac."""
        await self._outcome("wake_up")

    async def skip_sleep(self) -> None:
        """Have the plugin's self.sleep return now, or at once when it is next called."""
        if self._pipe is not None:
            self._pipe.skip()

    def _slept(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.changed()

    # What a user and his other programs do
    async def run_action(
        self,
        action_id: str,
        *,
        device: int | None = None,
        props: dict[str, Any] | None = None,
        wait: bool = True,
        event_data: dict[str, Any] | None = None,
        within: float = PATIENCE,
    ) -> Any:
        """Run an action as a schedule or a script does and give its result, None if not waited for.

        A callback that raises gives None and an error in the log; an error that a completion
        handler returns is a PluginError. A device that is gone is an error in the log.
        """
        request = self.action_request(action_id, device, props or {}, wait, event_data)
        if request is None:
            return None
        if not wait:
            self._running().post("action", request)
            return None
        outcome = await self.perform(request, within)
        if outcome.status == "exception":
            raise PluginError(outcome.value)
        return outcome.value if outcome.status == "ok" else None

    def action_request(
        self,
        action_id: str,
        device: int | None,
        props: dict[str, Any],
        waits: bool,
        event_data: dict[str, Any] | None = None,
        *,
        web: bool = False,
    ) -> ActionRequest | None:
        """Give what the plugin is told, None (and a log line) if the device is gone."""
        action = self.bundle.actions[action_id]
        if device is not None and device not in self.db.devices:
            self.write_log(f'action "{action.name}" failed: device {device} missing', error=True)
            return None
        record = None if device is None else self.db.devices[device]
        return ActionRequest(action_id, action.callback, props, record, waits, event_data, web)

    async def perform(self, request: ActionRequest, within: float) -> Outcome:
        """Have the plugin run an action; TimeoutError, PluginGone."""
        return await self._running().call("action", request, within=within)

    async def script(self, action_id: str, device_id: int = 0, **props: Any) -> Any:
        """Run indigo.server.getPlugin(...).executeAction(..., waitUntilDone=True)."""
        return await self.run_action(action_id, device=device_id or None, props=props)

    async def menu(self, item: str, values: dict[str, Any] | None = None) -> Any:
        """Choose a menu item; values are those of its dialog. Give what the callback gave."""
        callback = self.bundle.menu[item].callback
        return await self._value("menu", callback, values, item)

    async def call(self, method: str, *args: Any) -> Any:
        """Run a method of the plugin in its callback thread; PluginError with its trace."""
        return await self._value("method", method, args)

    async def broadcast(self, plugin_id: str, name: str, data: Any = None) -> None:
        """Let another plugin tell its subscribers something."""
        await self._outcome("broadcast", plugin_id, name, data)

    async def settle(self) -> None:
        """Wait until the callback thread has done all that is in its queue."""
        if self._pipe is not None:
            with suppress(PluginGone):
                await self._outcome("nothing")

    async def _outcome(self, kind: str, *args: Any) -> Outcome:
        return await self._running().call(kind, *args, within=PATIENCE)

    async def _value(self, kind: str, *args: Any) -> Any:
        outcome = await self._outcome(kind, *args)
        if outcome.status != "ok":
            raise PluginError(outcome.value)
        return outcome.value

    def _running(self) -> Pipe:
        if self._pipe is None:
            raise PluginGone(f"the plugin is {self.plugin_state}")
        return self._pipe

    def run_step(self, step: Step, event_data: dict[str, Any] | None) -> None:
        """Run an action of a trigger or action group, without waiting for it."""
        how: dict[str, Any] = {"device": step.device, "props": step.props, "wait": False}
        self._spawn(self.run_action(step.action_id, event_data=event_data, **how))

    def post(self, table: str, what: str, records: tuple[Any, ...]) -> None:
        """Tell the plugin of a change to a device or trigger of its own."""
        if self._pipe is not None:
            self._pipe.post("event", table, what, records)

    async def set_prefs(self, values: dict[str, Any]) -> None:
        """Store preferences, as their dialog does on Save: other keys stay."""
        await self._value("prefs", values)

    @property
    def web_url(self) -> str:
        """The base address of the web server."""
        return self._web.url

    def message_url(self, action_id: str, *path: str, query: str = "") -> str:
        """Give the address of a web action."""
        tail = "".join(f"/{part}" for part in path) + (f"?{query}" if query else "")
        return f"{self._web.url}/message/{self.bundle.id}/{action_id}{tail}"

    @property
    def prefs(self) -> dict[str, Any]:
        """The plugin's preferences as they are on disk."""
        return self.db.read_prefs(self.bundle.id)

    def _become(self, state: PluginState) -> None:
        self.plugin_state = state
        self.changed()

    def _spawn(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
