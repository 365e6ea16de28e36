"""The owner sets the home up: preferences, dry run, devices, Check set-up, a broker beside it."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from callbox.simulator import Settings
from harness.broker import Broker
from harness.device import Device
from harness.gateway import ACCOUNT
from harness.home import ANY, AUTH_TOKEN, DARLA, JOE, OTHER, OURS, PREFS, REFLECTOR, Home
from harness.outage import plug_in, unplug
from harness.waiting import until
from indigo_host import desktop
from indigo_host.records import ERROR, WARNING

THIRD, FOURTH, STRANGER = "+15550001113", "+15550001114", "+15559990000"
WRONG_TOKEN = "f" * 32


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    async with Home(tmp_path) as home:
        yield home
        assert home.indigo.uncaught == []


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def quiet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Home]:
    """A home with our number, for tests that leave it as it is."""
    async with Home(tmp_path_factory.mktemp("quiet")) as home:
        await home.number("+1 (555) 000-1111")
        yield home
        assert home.indigo.uncaught == []


async def save(home: Home, **fields: Any) -> None:  # noqa: ANN401 - str or bool
    """Change the plugin's preferences in their dialog."""
    dialog = await desktop.preferences(home.indigo)
    for name, value in fields.items():
        await dialog.set(name, value)
    answer = await dialog.ok()
    assert answer.closed, answer.errors


async def text(home: Home, number: int, body: str) -> Any:  # noqa: ANN401 - a result
    """Have a script text Darla."""
    return await home.indigo.script("sendSMS", number, smsTo=DARLA, smsMessage=body)


async def checked(home: Home) -> dict[str, int]:
    """Choose Check set-up, and give its lines with their kind."""
    home.indigo.event_log.clear()
    await home.indigo.menu("checkSetup")
    await home.indigo.until(lambda: home.indigo.lines("Check set-up:"))
    return {entry.message: entry.type_val for entry in home.indigo.event_log}


# --- preferences ----------------------------------------------------------------------------------


async def test_defect_5_saved_preferences_take_effect_without_a_restart(tmp_path: Path) -> None:
    async with Home(tmp_path, prefs={**PREFS, "pollFrequency": "0"}) as home:
        indigo, pid = home.indigo, home.indigo.plugin_pid
        number = await home.number()
        await home.trigger("messageReceived", "Somebody texted", twilioNumber=ANY)
        lists = home.simulator.requests
        await until(lambda: lists.count("list-messages") == 1, "the first look")
        await home.simulator.receive(DARLA, OURS, "Are you there?")
        await text(home, number, "Quiet")
        await indigo.until(lambda: indigo.states(number)["deliveryState"] == "accepted")
        assert not [entry for entry in indigo.event_log if "Debug" in entry.type_str]
        assert lists.count("list-messages") == 1
        await save(home, pollFrequency="5", logLevel="10")
        await indigo.until(lambda: indigo.executed)
        assert indigo.states(number)["messageText"] == "Are you there?"
        await text(home, number, "Talkative")
        await indigo.until(lambda: [e for e in indigo.event_log if "Debug" in e.type_str])
        await save(home, logLevel="40")
        await indigo.settle()
        indigo.event_log.clear()
        await home.indigo.menu("checkSetup")
        await until(lambda: lists.count("list-numbers", 200), "the check is made")
        await text(home, number, "Silent")
        await until(lambda: "Silent" in home.bodies(), "it went out")
        assert indigo.event_log == []
        assert indigo.plugin_pid == pid
        assert indigo.uncaught == []


async def test_wrong_credentials_are_told_and_what_waits_goes_out_with_the_right_ones(
    tmp_path: Path,
) -> None:
    settings = Settings(numbers=(OURS,), credentials={ACCOUNT: AUTH_TOKEN})
    async with Home(tmp_path, prefs={**PREFS, "authToken": WRONG_TOKEN}, settings=settings) as home:
        number = await home.number()
        assert (await text(home, number, "Waiting"))["success"]
        told = await home.indigo.until(lambda: home.indigo.lines("Twilio:"))
        assert "20003" in told[0]
        lines = await checked(home)
        (wrong,) = (line for line, kind in lines.items() if kind == ERROR)
        assert "Compare the account SID and the auth token" in wrong
        assert "Check set-up: 1 thing to mend" in lines
        assert WRONG_TOKEN not in "".join(home.indigo.lines())
        await save(home, authToken=AUTH_TOKEN)
        await until(lambda: home.bodies() == ["Waiting"], "it went out")
        await home.indigo.until(lambda: home.indigo.broadcasts)
        assert home.indigo.uncaught == []


async def test_a_new_installation_says_what_is_missing_and_runs_once_it_is_there(
    tmp_path: Path,
) -> None:
    async with Home(tmp_path, prefs={}) as home:
        number = await home.number()
        assert home.indigo.plugin_state == "running"
        (told,) = home.indigo.lines("Not set up")
        assert "Account SID: There is no Account SID" in told
        assert "Auth Token: There is no Auth Token" in told
        assert told.endswith("Choose Configure... in the plugin's menu")
        dialog = await desktop.preferences(home.indigo)
        await dialog.set("accountSID", "AC123")
        await dialog.set("pollFrequency", "often")
        answer = await dialog.ok()
        assert sorted(answer.errors) == ["accountSID", "authToken", "pollFrequency"]
        await save(home, accountSID=ACCOUNT, authToken=AUTH_TOKEN)
        assert (await text(home, number, "At last"))["success"]
        await until(lambda: home.bodies() == ["At last"], "it went out")
        assert home.indigo.uncaught == []


# --- dry run --------------------------------------------------------------------------------------


async def test_a_rehearsal_reaches_nobody_and_what_waited_for_real_goes_out_after_it(
    home: Home,
) -> None:
    indigo, number = home.indigo, await home.number()
    await home.trigger("messageReceived", "Somebody texted", twilioNumber=ANY)
    await unplug(home.simulator)
    await text(home, number, "Real")
    await save(home, dryRun=True)
    assert (await text(home, number, "Rehearsed"))["success"]
    await indigo.until(lambda: indigo.broadcasts)
    assert indigo.broadcasts[0].data["messageText"] == "Rehearsed"
    await plug_in(home.simulator)
    dialog = await desktop.menu_item(indigo, "simulateText")
    await dialog.set("fromNumber", "(234) 500-0001")
    await dialog.set("twilioNumber", str(number))
    await dialog.set("message", "Open the gate")
    assert (await dialog.ok()).closed
    await indigo.until(lambda: indigo.executed)
    states = indigo.executed[0].states[number]
    assert (states["messageFrom"], states["messageText"]) == (JOE, "Open the gate")
    asked = home.simulator.requests.count()
    await indigo.script("replySMS", number, smsMessage="It is open")
    await indigo.until(lambda: len(indigo.broadcasts) == 3)
    assert (home.bodies(), home.simulator.requests.count() - asked) == ([], 0)
    await save(home, dryRun=False)
    await text(home, number, "After")
    await until(lambda: sorted(home.bodies()) == ["After", "Real"], "what is real went out")
    await indigo.until(lambda: len(indigo.broadcasts) == 5)
    assert sorted(home.bodies()) == ["After", "Real"]


async def test_nobody_is_simulated_outside_of_a_dry_run(quiet: Home) -> None:
    dialog = await desktop.menu_item(quiet.indigo, "simulateText")
    await dialog.set("fromNumber", DARLA)
    await dialog.set("message", "Open the gate")
    answer = await dialog.ok()
    assert answer.errors == {
        "fromNumber": "This is for a dry run only; tick Dry run in the plugin's settings"
    }


# --- devices --------------------------------------------------------------------------------------


async def test_a_number_that_is_switched_off_hears_nothing_until_it_is_on_again(
    home: Home,
) -> None:
    indigo, number, other = home.indigo, await home.number(), await home.number(OTHER, "Other")
    await home.trigger("messageReceived", "Somebody texted", twilioNumber=ANY)
    await text(home, number, "Hello")
    await indigo.until(lambda: indigo.states(number)["deliveryState"] == "accepted")
    await home.known(OURS, OTHER)
    await indigo.enable(number, on=False)
    await home.simulator.receive(DARLA, OURS, "Into the dark")
    await home.simulator.receive(DARLA, OTHER, "In the light")
    await indigo.menu("checkMessages")
    await indigo.until(lambda: indigo.executed)
    await indigo.settle()
    assert indigo.states(other)["messageText"] == "In the light"
    assert indigo.states(number)["messageText"] == ""
    await indigo.enable(other, on=False)
    result = await indigo.script("checkMessages", number)
    (sentence,) = result["failures"]
    assert sentence == "No number's device is in service; expected one that texts come to"
    # How the check went may be on its way to the device while it is switched off.
    errors = [error for error in indigo.errors() if "is disabled" not in error]
    assert (result["success"], errors) == (False, [sentence])
    await indigo.enable(number)
    await indigo.until(lambda: len(indigo.executed) == 2)
    assert indigo.executed[1].states[number]["messageText"] == "Into the dark"


async def test_a_text_outlives_the_device_that_it_was_sent_with(home: Home) -> None:
    number = await home.number()
    await unplug(home.simulator)
    await text(home, number, "My last words")
    await home.indigo.delete(number)
    await plug_in(home.simulator)
    await until(lambda: home.bodies() == ["My last words"], "it went out")
    await home.indigo.until(lambda: home.indigo.broadcasts)


async def test_what_waits_when_the_plugin_is_switched_off_goes_out_when_it_is_on(
    home: Home,
) -> None:
    number = await home.number()
    await unplug(home.simulator)
    await text(home, number, "See you")
    await home.indigo.enable_plugin(on=False)
    await plug_in(home.simulator)
    assert home.bodies() == []
    await home.indigo.enable_plugin(on=True)
    await until(lambda: home.bodies() == ["See you"], "it went out")
    await home.indigo.until(lambda: home.indigo.broadcasts)


async def test_two_devices_cannot_have_one_number(quiet: Home) -> None:
    dialog = await desktop.new_device(quiet.indigo, "twilioNumber", "Twin")
    await dialog.set("twilioNumber", "1-555-000-1111")
    answer = await dialog.ok()
    assert not answer.closed
    await dialog.set("twilioNumber", "+1 555 0001111")
    answer = await dialog.ok()
    assert answer.errors == {"twilioNumber": "Another device has this number already"}


# --- Check set-up ---------------------------------------------------------------------------------


async def test_check_set_up_explains_each_number_and_trigger(tmp_path: Path) -> None:
    settings = Settings(numbers=(OURS, OTHER, THIRD, FOURTH))
    async with Home(tmp_path, settings=settings) as home:
        indigo = home.indigo
        written = (OURS, OTHER, THIRD, FOURTH, STRANGER)
        numbers = [await home.number(each, f"No {each[-4:]}") for each in written]
        await indigo.enable(numbers[3], on=False)
        address = f"{REFLECTOR}/message/{indigo.bundle.id}/receive"
        for number in (OURS, OTHER):
            home.simulator.number(number).sms_url = f"{address}?api-key={indigo.api_key}"
        home.simulator.number(OTHER).sms_method = "GET"
        home.simulator.number(THIRD).sms_url = "https://demo.twilio.com/welcome"
        await home.trigger("messageReceived", "Gate", leastLevel="trusted")
        await home.trigger("messageReceived", "Mine", twilioNumber=str(numbers[0]))
        regex = {"matchType": "regexMatch", "matchString": "gate|door"}
        await home.trigger("patternMatch", "Doors", **regex)
        lines = await checked(home)
        assert lines["Number No 1111 (+1…1111): Twilio's webhook comes here"] > WARNING
        expected = {
            "Number No 1112 (+1…1112): Twilio's webhook is by GET; set it to HTTP POST": ERROR,
            "Number No 1113 (+1…1113): Twilio's webhook leads elsewhere, to demo.twilio.com; "
            f"expected {address}": WARNING,
            "Number No 1114 (+1…1114): its device is disabled, so it gets no texts": WARNING,
            "Number No 0000 (+1…0000): it is not in this Twilio account": ERROR,
            "Access levels: not asked for, so anyone fires Gate; tick Access levels in the "
            "plugin's settings": ERROR,
            "Check set-up: 3 things to mend": lines["Check set-up: 3 things to mend"],
        }
        assert expected.items() <= lines.items()
        assert list(lines.values()).count(ERROR) == 3
        assert not [line for line in lines if line.startswith("Trigger")]
        await save(home, checkAccess=True)
        for key in numbers[1:]:
            await indigo.delete(key)
        await indigo.until(lambda: True)
        assert "Check set-up: nothing to mend" in await checked(home)
        assert indigo.uncaught == []


async def test_check_set_up_says_how_texts_come(home: Home) -> None:
    home.indigo.reflector_url = None
    lines = await checked(home)
    assert lines["Numbers: there is none; create a Twilio Number device"] == ERROR
    assert (
        lines["Webhook: Indigo has no reflector and no URL is set, so texts come by asking only"]
        == WARNING
    )
    assert "Texts: Twilio is asked for them every 10 min" in lines
    await save(home, pollFrequency="0")
    await home.number()
    lines = await checked(home)
    assert lines["Texts: none come in: set minutes, such as 10, or a webhook"] == ERROR
    assert "Check set-up: 1 thing to mend" in lines
    assert "come by asking" not in "".join(lines)
    home.indigo.reflector_url = REFLECTOR
    lines = await checked(home)
    never = "Texts: Twilio is not asked for them regularly, so its webhook has to bring them"
    assert lines[never] == WARNING
    silent = "Number Our number (+1…1111): Twilio calls no webhook, so no texts come in"
    assert lines[silent] == ERROR


async def test_check_set_up_does_not_ask_a_simulator_about_the_account(tmp_path: Path) -> None:
    prefs = {**PREFS, "dryRun": True, "authToken": WRONG_TOKEN}
    async with Home(tmp_path, prefs=prefs) as home:
        await home.number()
        lines = await checked(home)
        assert lines["Account and numbers: not looked at in a dry run"] == WARNING
        assert not [line for line in lines if line.startswith(("Twilio", "Auth", "Number "))]
        assert home.indigo.uncaught == []


async def test_check_set_up_names_devices_and_triggers_that_cannot_work(home: Home) -> None:
    indigo, number = home.indigo, await home.number()
    lost = await home.number(OTHER, "Lost")
    darla = await home.contact()
    await home.trigger("textUndelivered", "Orphan", twilioNumber=str(lost))
    await indigo.delete(lost)
    for name, written in (("Twin", OURS), ("Empty", ""), ("Bad", "call me")):
        await indigo.create_device("twilioNumber", name, {"twilioNumber": written})
    await indigo.create_device("twilioContact", "Mum", {"contactNumber": ""})
    members = {"Family": [str(darla), "7"], "Nobody": ["7", "8"]}
    groups = [
        await indigo.create_device("twilioGroup", name, {"members": each})
        for name, each in members.items()
    ]
    regex = {"matchType": "regexMatch", "matchField": "messageText", "matchString": "(gate"}
    await indigo.create_trigger("patternMatch", "Doors", {"twilioNumber": ANY, **regex})
    expected = {
        "Our number and Twin have one number; only Twin hears it: delete one": ERROR,
        "Number Empty: has no phone number; enter it in the device": ERROR,
        "Number Bad (call me): is no phone number; correct it in the device": ERROR,
        "Contact Mum: No phone number is given; expected + and the country code before the "
        "number": ERROR,
        "Group Family: a member is gone; open its settings and save them": WARNING,
        "Group Nobody: nobody in it can be reached; choose its members": ERROR,
        "Trigger Orphan: its number's device is gone, so it never fires; choose a number or Any": (
            ERROR
        ),
        "Trigger Doors: The pattern is not a regular expression (missing ) at character 6); "
        "expected one like gate|door": ERROR,
    }
    lines = await checked(home)
    assert expected.items() <= lines.items()
    assert "Check set-up: 7 things to mend" in lines
    dialog = await desktop.edit_device(indigo, groups[0])
    assert (await dialog.ok()).closed
    assert indigo.db.devices[groups[0]].props["members"] == [str(darla)]
    dialog = await desktop.edit_device(indigo, groups[1])
    assert (await dialog.ok()).errors == {"members": "Choose at least one"}
    await home.simulator.receive(DARLA, OURS, "Who hears?")
    await indigo.menu("checkMessages")
    twin = indigo.device("Twin")
    await indigo.until(lambda: indigo.states(twin)["messageText"])
    assert indigo.states(number)["messageText"] == ""


async def test_check_set_up_knows_a_webhook_that_indigo_turns_away(quiet: Home) -> None:
    address = f"{REFLECTOR}/message/{quiet.indigo.bundle.id}/receive"
    quiet.simulator.number(OURS).sms_url = address
    lines = await checked(quiet)
    turned = "Twilio's webhook has no api-key, so Indigo turns it away"
    assert lines[f"Number Our number (+1…1111): {turned}"] == ERROR
    quiet.simulator.number(OURS).sms_url = ""


async def test_check_set_up_knows_an_old_device_however_its_number_is_written(
    quiet: Home,
) -> None:
    props = {"twilioNumber": "+1 (555) 000-1112", "delete": True}
    await quiet.indigo.create_device("twilioNumber", "Old", props)
    lines = await checked(quiet)
    assert not [line for line in lines if "not in this Twilio account" in line]
    assert [
        line for line in lines if line.startswith("Number Old (+1…1112): Twilio calls no webhook")
    ]


async def test_the_plugin_stops_in_time_while_a_check_waits_for_twilio(home: Home) -> None:
    await home.number()
    home.simulator.faults.set([{"on": "any", "stall": 60}])
    await home.indigo.menu("checkSetup")
    await until(lambda: home.simulator.requests.in_flight, "Twilio stalls")
    began = time.monotonic()
    await home.indigo.stop_plugin()
    assert not home.indigo.lines("did not stop in time")
    assert time.monotonic() - began < 30


# --- a broker beside Indigo -----------------------------------------------------------------------


async def test_requests_by_mqtt_and_triggers_in_indigo_work_beside_each_other(
    home: Home, tmp_path: Path
) -> None:
    indigo, number = home.indigo, await home.number()
    await home.trigger("messageReceived", "Somebody texted", twilioNumber=ANY)
    broker = Broker(tmp_path / "broker")
    await broker.start()
    device = Device(broker.port)
    try:
        await device.connect()
        await save(home, mqttUrl=broker.url)
        await until(lambda: device.state == "online", "the plugin is at the broker")
        recipient = {"name": "Darla", "phone_number": DARLA, "message": "By MQTT"}
        request = {"request": {"recipient": recipient, "from_number": OURS}, "id": "r1"}
        device.publish("txt", request)
        await device.status("r1")
        await indigo.until(lambda: indigo.broadcasts)
        assert indigo.states(number)["deliveryTo"] == DARLA
        await text(home, number, "By Indigo")
        await indigo.until(lambda: len(indigo.broadcasts) == 2)
        await home.simulator.receive(JOE, OURS, "To both")
        await indigo.until(lambda: indigo.executed)
        (received,) = await device.hears("message/received")
        sent = await device.hears("message/sent", 2)
        assert received.document["messageText"] == "To both"
        assert [each.document for each in sent] == [
            each.data for each in indigo.broadcasts if each.name == "messageSent"
        ]
        await broker.kill()
        await home.simulator.receive(JOE, OURS, "To Indigo alone")
        await indigo.until(lambda: len(indigo.executed) == 2)
        assert home.bodies() == ["By MQTT", "By Indigo"]
    finally:
        await device.close()
        await broker.kill()
