"""What the home sends: from an action's dialog, from a script, and from actions of the old plugin.

All but the last tests share one home, whose logs begin anew with each.
"""

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from callbox.simulator import Settings
from callbox.simulator.records.call import Call
from callbox.simulator.records.execution import Execution
from callbox.simulator.records.message import Message
from callbox.simulator.records.newest import Newest
from callbox.simulator.records.switchboard import Created
from callbox.twilio.music import tracks
from harness.home import ANY, DARLA, JOE, OTHER, OURS, REFLECTOR, Home
from harness.outage import plug_in, unplug
from harness.waiting import until
from indigo_host import desktop
from indigo_host.records import Broadcast

pytestmark = pytest.mark.asyncio(loop_scope="module")

FLOW, NO_FLOW = "FW" + "0a" * 16, "FW" + "0b" * 16
STRANGER = "+15559990000"  # no number of the account
LAST = "+12345000002"
FRONT, BACK = "https://example.com/front.jpg", "https://example.com/back.jpg?at=1,2"
ROCK = "com.twilio.music.rock"


@dataclass
class House:
    """A home, its devices, and what happened in it since the test began."""

    home: Home
    number: int = 0
    other: int = 0
    stranger: int = 0
    darla: int = 0
    name: int = 0  # a variable with Darla in it
    phone: int = 0  # one with her number

    async def furnish(self) -> None:
        self.number = await self.home.number()
        self.other = await self.home.number(OTHER, "Other number")
        self.stranger = await self.home.number(STRANGER, "No number of ours")
        self.darla = await self.home.contact()
        self.name = self.home.indigo.create_variable("name", "Darla")
        self.phone = self.home.indigo.create_variable("phone", "(234) 500-0000")
        await self.home.trigger("messageFailed", "It failed", twilioNumber=ANY)
        webhook = f"{REFLECTOR}/message/{self.home.indigo.bundle.id}/receive?api-key=key"
        for number in (OURS, OTHER):
            self.home.simulator.number(number).sms_url = webhook.replace("=key", "=" + self.key)

    @property
    def key(self) -> str:
        return self.home.indigo.api_key

    def begin(self) -> None:
        """Forget what other tests did."""
        indigo = self.home.indigo
        for each in (indigo.event_log, indigo.broadcasts, indigo.executed, self.made):
            each.clear()

    @property
    def made(self) -> Newest[Created]:
        """What Twilio made for us."""
        return self.home.simulator._board.log

    async def only(self) -> Created:
        """Wait for what Twilio makes, and see that it is one thing."""
        await until(lambda: self.made, "Twilio made something")
        await self.home.indigo.settle()
        (made,) = self.made
        return made

    async def script(self, action_id: str, **props: Any) -> Any:  # noqa: ANN401
        """Run an action as a script does."""
        return await self.home.indigo.script(action_id, self.number, **props)

    def states(self) -> dict[str, Any]:
        return self.home.indigo.states(self.number)

    def broadcast(self) -> list[str]:
        """Give the texts that other plugins heard of, what was sent and what came."""
        return [each.data["messageText"] for each in self.home.indigo.broadcasts]

    async def became(self, key: str, value: str, device: int = 0) -> None:
        """Wait until a state of our number is as given."""
        indigo = self.home.indigo
        await indigo.until(lambda: indigo.states(device or self.number)[key] == value)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def furnished(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("home")
    settings = Settings(numbers=(OURS, OTHER), flows=(FLOW,), pace=0.1)
    async with Home(folder, settings=settings) as home:
        house = House(home)
        await house.furnish()
        yield house


@pytest.fixture
def house(furnished: House) -> House:
    furnished.begin()
    return furnished


@pytest.fixture(autouse=True)
def nothing_uncaught(request: pytest.FixtureRequest) -> Iterator[None]:
    """No callback of the plugin may raise, whatever is asked of it."""
    yield
    if "furnished" in request.fixturenames:
        assert request.getfixturevalue("furnished").home.indigo.uncaught == []


def seen(made: Created) -> tuple[Any, ...]:
    """Give what reaches the person: of a text, of a call, of a flow."""
    match made:
        case Message():
            return made.body, made.media
        case Call():
            assert made.url is None
            assert "twimlets" not in str(made.twiml)
            return (re.sub(r"<\?.*?\?>", "", made.twiml or ""),)
        case Execution():
            return made.flow_sid, made.parameters["message"]


def played(bucket: str) -> str:
    return "<Response>" + "".join(f"<Play>{url}</Play>" for url in tracks(bucket)) + "</Response>"


# By action: where its number goes, what its dialog gets, and what reaches the person.
ACTIONS: dict[str, tuple[str, dict[str, str], tuple[Any, ...]]] = {
    "sendSMS": ("smsTo", {"smsMessage": "Water, Darla 😀"}, ("Water, Darla 😀", ())),
    "sendMMS": (
        "mmsTo",
        {"mmsMessage": "Look, Darla", "mmsUrl": f"{FRONT}, {BACK.replace(',', '%2C')}"},
        ("Look, Darla", (FRONT, BACK.replace(",", "%2C"))),
    ),
    "voiceCall": ("callTo", {"bucket": ROCK}, (played(ROCK),)),
    "voiceMessage": (
        "callTo",
        {"messageText": "Fire & <smoke>, Darla"},
        ("<Response><Say>Fire &amp; &lt;smoke&gt;, Darla</Say></Response>",),
    ),
    "doFlowAction": (
        "callTo",
        {"flowSID": FLOW, "flowMessage": 'The "tank" of Darla'},
        (FLOW, 'The "tank" of Darla'),
    ),
}


@pytest.mark.parametrize("action_id", ACTIONS)
async def test_each_action_reaches_a_contact_from_its_dialog(house: House, action_id: str) -> None:
    _, fields, expected = ACTIONS[action_id]
    result = await house.home.act(action_id, house.number, twilioContact=str(house.darla), **fields)
    made = await house.only()
    assert (made.to, made.sender, *seen(made)) == (DARLA, OURS, *expected)
    assert (result["success"], result["failures"]) == (True, [])
    assert len(result["deliveries"]) == 1
    assert house.home.indigo.errors() == []


@pytest.mark.parametrize("action_id", ACTIONS)
async def test_each_stored_action_of_the_old_plugin_runs_with_everything_substituted(
    house: House, action_id: str
) -> None:
    to, fields, expected = ACTIONS[action_id]
    props = {name: text.replace("Darla", f"%%v:{house.name}%%") for name, text in fields.items()}
    props[to] = f"%%v:{house.phone}%%"
    result = await house.script(action_id, **props)
    made = await house.only()
    assert (made.to, made.sender, *seen(made)) == (DARLA, OURS, *expected)
    assert result["success"]


async def test_a_text_may_hold_the_state_of_a_device(house: House) -> None:
    await house.home.simulator.receive(JOE, OURS, "It rains")
    await house.became("messageText", "It rains")
    markup = f"%%v:{house.name}%%: %%d:{house.number}:messageText%%, %%d:{house.number}:messageTo%%"
    await house.home.act(
        "sendSMS", house.number, smsTo=f"%%d:{house.number}:messageFrom%%", smsMessage=markup
    )
    made = await house.only()
    assert (made.to, *seen(made)) == (JOE, f"Darla: It rains, {OURS}", ())


@pytest.mark.parametrize("written", ["+1 (234) 500-0000", "[1] 234.500.0000", "234 500 0000"])
async def test_a_number_is_understood_as_people_write_it(house: House, written: str) -> None:
    await house.home.act("sendSMS", house.number, smsTo=written, smsMessage="Hi")
    assert (await house.only()).to == DARLA


async def test_several_numbers_each_get_a_text_once(house: House) -> None:
    result = await house.script(
        "sendSMS", smsTo=f"{DARLA}, {JOE}; (234) 500-0000", smsMessage="All of you"
    )
    await until(lambda: len(house.made) == 2, "both have it")
    assert {made.to for made in house.made} == {DARLA, JOE}
    assert len(result["deliveries"]) == 2


async def test_the_longest_text_goes_out_whole(house: House) -> None:
    text = "ä" * 1599 + "!"
    await house.script("sendSMS", smsTo=DARLA, smsMessage=text)
    assert seen(await house.only())[0] == text


async def test_a_script_that_does_not_wait_gets_nothing_and_the_text_goes_out(
    house: House,
) -> None:
    props = {"smsTo": DARLA, "smsMessage": "No hurry"}
    await house.home.indigo.run_action("sendSMS", device=house.number, props=props, wait=False)
    assert seen(await house.only()) == ("No hurry", ())


# --- what is refused ------------------------------------------------------------------------------

HALF = "\ud83d"
REFUSED: dict[str, tuple[str, dict[str, str], str]] = {
    "no text": (
        "sendSMS",
        {"smsTo": DARLA},
        "Send Text Message (SMS): There is no text; expected what to send",
    ),
    "too long": (
        "sendSMS",
        {"smsTo": DARLA, "smsMessage": "x" * 1601},
        "The text has 1,601 characters; expected at most 1,600",
    ),
    "half a character": (
        "sendSMS",
        {"smsTo": DARLA, "smsMessage": f"Oh {HALF}"},
        "There is half a character in it; expected whole ones",
    ),
    "no number": (
        "sendSMS",
        {"smsMessage": "Hi"},
        "No phone number is given; expected + and the country code before the number",
    ),
    "a bad number": (
        "voiceMessage",
        {"callTo": "call me", "messageText": "Hi"},
        "is not a phone number; expected + and the country code before the number",
    ),
    "no picture": (
        "sendMMS",
        {"mmsTo": DARLA, "mmsMessage": "Look"},
        "There is no address of a picture; expected 1 to 10, separated by commas",
    ),
    "a bad picture": (
        "sendMMS",
        {"mmsTo": DARLA, "mmsUrl": f"{FRONT},door.jpg"},
        "Address 2 of 2 is not valid; expected http:// or https://",
    ),
    "no such music": (
        "voiceCall",
        {"callTo": DARLA, "bucket": "polka"},
        "This music is not known; expected a choice of the menu",
    ),
    "no flow": (
        "doFlowAction",
        {"callTo": DARLA, "flowSID": "my flow"},
        "This is not the SID of a flow; expected FW and 32 hexadecimal digits",
    ),
    "a contact that is gone": (
        "sendSMS",
        {"twilioContact": "424242", "smsMessage": "Hi"},
        "Send Text Message (SMS): The chosen contact (id 424242) is not there anymore",
    ),
    "an unknown delivery": (
        "deliveryStatus",
        {"id": "nothing"},
        "There is no delivery 'nothing'; expected the id of a result",
    ),
}


@pytest.mark.parametrize(("action_id", "props", "sentence"), REFUSED.values(), ids=REFUSED)
async def test_what_cannot_be_sent_is_refused_in_one_sentence(
    house: House, action_id: str, props: Mapping[str, str], sentence: str
) -> None:
    result = await house.script(action_id, **props)
    assert (result["success"], result["deliveries"]) == (False, [])
    (told,) = result["failures"]
    assert sentence in told
    assert house.home.indigo.errors() == [told]
    assert "Traceback" not in told
    assert not house.made


async def test_a_dialog_tells_of_a_mistake_at_its_field(house: House) -> None:
    dialog, kept = await desktop.action(house.home.indigo, "sendMMS", house.number)
    await dialog.set("mmsTo", "12")
    await dialog.set("mmsUrl", "door.jpg")
    answer = await dialog.ok()
    assert not answer.closed
    assert sorted(answer.errors) == ["mmsTo", "mmsUrl"]
    assert kept == {}


async def test_an_action_for_a_contact_that_was_deleted_says_so(house: House) -> None:
    gone = await house.home.contact(JOE, "Joe")
    props = await house.home.action(
        "sendSMS", house.number, twilioContact=str(gone), smsMessage="Hi"
    )
    await house.home.indigo.delete(gone)
    result = await house.script("sendSMS", **props)
    assert "is not there anymore" in result["failures"][0]
    assert not house.made


async def test_one_bad_member_does_not_keep_an_alarm_from_the_others(house: House) -> None:
    mum = await house.home.contact(JOE, "Mum")
    family = await house.home.device("twilioGroup", "Family", members=[str(house.darla), str(mum)])
    alarm = await house.home.action(
        "sendSMS", house.number, twilioContact=str(family), smsMessage="Fire"
    )
    await house.home.indigo.set_props(mum, {"contactNumber": "at home"})
    result = await house.script("sendSMS", **alarm)
    assert (await house.only()).to == DARLA
    assert result["success"]
    assert len(result["deliveries"]) == 1
    assert house.home.indigo.errors() == result["failures"]
    assert result["failures"][0].startswith("Mum: ")


# --- what Twilio says -----------------------------------------------------------------------------


async def test_other_plugins_hear_of_a_text_in_three_keys_once_twilio_took_it(
    house: House,
) -> None:
    indigo = house.home.indigo
    await house.home.act("sendSMS", house.number, smsTo=DARLA, smsMessage="Told")
    expected = Broadcast(
        "messageSent", {"messageFrom": OURS, "messageTo": DARLA, "messageText": "Told"}
    )
    await indigo.until(lambda: "Told" in house.broadcast())
    assert indigo.broadcasts.count(expected) == 1
    assert house.broadcast().count("Told") == 1
    await house.became("numberStatus", "Message Sent")
    assert indigo.db.devices[house.number].image == "SensorOn"
    assert indigo.states(house.darla)["contactStatus"] == "Message Sent"


async def test_a_refused_text_is_a_create_failure_that_fires_a_trigger_and_is_not_broadcast(
    house: House,
) -> None:
    indigo = house.home.indigo
    result = await indigo.script("sendSMS", house.stranger, smsTo=DARLA, smsMessage="From whom?")
    await indigo.until(lambda: indigo.executed)
    assert indigo.executed[0].name == "It failed"
    states = indigo.executed[0].states[house.stranger]
    assert states["numberStatus"] == "Create Failure"
    assert states["deliveryState"] == "failed"
    assert "Twilio code 21" in states["deliveryReason"]
    assert states["deliveryId"] == result["deliveries"][0]
    assert indigo.db.devices[house.stranger].image == "SensorOff"
    await house.script("sendSMS", smsTo=DARLA, smsMessage="From us")
    await indigo.until(lambda: "From us" in house.broadcast())
    assert "From whom?" not in house.broadcast()


async def test_a_flow_is_created_once_and_its_code_is_known_before_twilio_hears_of_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = house.home.simulator
    known: list[str] = []
    plan = simulator.faults.plan

    def asked(endpoint: str) -> Any:  # noqa: ANN401 - the simulator's
        if endpoint == "create-execution":
            known.append(house.states()["last_auth"])
        return plan(endpoint)

    monkeypatch.setattr(simulator.faults, "plan", asked)
    await house.home.act(
        "doFlowAction", house.number, callTo=DARLA, flowSID=FLOW, flowMessage="The tank is full"
    )
    run = await house.only()
    assert isinstance(run, Execution)
    (auth,) = known
    assert re.fullmatch(r"[A-Za-z0-9]{16}", auth)
    assert run.parameters == {"auth": auth, "message": "The tank is full"}
    await house.became("numberStatus", "Flow Activated")
    assert "The tank is full" not in house.broadcast()


async def test_a_flow_that_there_is_not_is_a_flow_failure(house: House) -> None:
    await house.script("doFlowAction", callTo=DARLA, flowSID=NO_FLOW, flowMessage="Hi")
    await house.became("numberStatus", "Flow Failure")
    indigo = house.home.indigo
    await indigo.until(lambda: indigo.executed)
    assert NO_FLOW in house.states()["deliveryReason"]
    assert not house.made


# --- answers and checks ---------------------------------------------------------------------------


async def test_a_reply_goes_to_whoever_texted_last(house: House) -> None:
    for sender in (DARLA, LAST):
        await house.home.simulator.receive(sender, OURS, "Open the gate")
    await house.became("messageFrom", LAST)
    await house.home.act("replySMS", house.number, smsMessage="It is open", mmsUrl=FRONT)
    made = await house.only()
    assert (made.to, made.sender, *seen(made)) == (LAST, OURS, "It is open", (FRONT,))


async def test_there_is_no_reply_where_nobody_texted(house: House) -> None:
    result = await house.home.indigo.script("replySMS", house.stranger, smsMessage="Hello?")
    (told,) = result["failures"]
    assert told.startswith("Reply to Last Sender: No number of ours: Nobody has texted to this")


async def test_a_check_finds_what_no_webhook_told(house: House) -> None:
    text = await house.home.simulator.receive(DARLA, OTHER, "Psst", webhook=False)
    result = await house.script("checkMessages")
    assert result == {"success": True, "numbers": 3, "failures": []}
    await house.became("messageSid", text.sid, house.other)
    await house.became("numberStatus", "Success", house.other)


# --- in a home of its own -------------------------------------------------------------------------


async def test_what_became_of_a_text_and_a_call_fires_its_trigger(tmp_path: Path) -> None:
    nobody, busy = "+12345000007", "+12345000009"
    async with Home(tmp_path, settings=Settings(numbers=(OURS,), pace=0.1)) as home:
        indigo = home.indigo
        number = await home.number()
        home.simulator.outcome(nobody, "undelivered", error_code=30003)
        home.simulator.outcome(busy, "busy")
        await home.trigger("textUndelivered", "Not delivered", twilioNumber=str(number))
        await home.trigger("callUnanswered", "Nobody there", twilioNumber=ANY)
        await home.trigger("messageFailed", "It failed", twilioNumber=ANY)
        await indigo.script("sendSMS", number, smsTo=nobody, smsMessage="Hello?")
        call = await indigo.script("voiceMessage", number, callTo=busy, messageText="Hello?")
        await indigo.until(lambda: len(indigo.executed) >= 2, 30)
        fired = {each.name: each.states[number] for each in indigo.executed}
        assert sorted(fired) == ["Nobody there", "Not delivered"]
        assert fired["Nobody there"]["deliveryTo"] == busy
        states = fired["Not delivered"]
        assert states["deliveryTo"] == nobody
        assert states["deliveryState"] == "undelivered"
        assert states["deliveryReason"].startswith("The recipient's phone was switched off")
        assert states["numberStatus"] == "Message Sent"
        told = await indigo.script("deliveryStatus", id=call["deliveries"][0])
        assert (told["success"], told["state"], told["to_number"]) == (True, "undelivered", busy)
        assert type(told["state"]) is str
        assert indigo.uncaught == []


async def test_nothing_waits_for_a_twilio_that_stalls(tmp_path: Path) -> None:
    async with Home(tmp_path) as home:
        indigo = home.indigo
        number = await home.number()
        home.simulator.faults.set([{"on": "any", "stall": 60}])
        began = time.monotonic()
        for action_id, (to, fields, _) in ACTIONS.items():
            result = await home.act(action_id, number, **{to: DARLA}, **fields)
            assert result["success"]
        await indigo.script("checkMessages", number)
        await indigo.menu("checkMessages")
        await indigo.menu("checkSetup")
        dialog = await desktop.preferences(indigo)
        await dialog.cancel()
        await home.trigger("messageReceived", "Any", twilioNumber=ANY)
        await indigo.mac_wakes()
        assert time.monotonic() - began < 30
        await until(lambda: home.simulator.requests.in_flight >= 3, "Twilio stalls")
        assert indigo.uncaught == []
        await indigo.kill_plugin()


async def restart_plugin(home: Home) -> None:
    assert await home.indigo.restart_plugin()


async def kill_plugin_then_cut_power(home: Home) -> None:
    await home.indigo.kill_plugin()
    assert await home.indigo.start_plugin()
    await home.restart(power_cut=True)


@pytest.mark.parametrize("restart", [restart_plugin, kill_plugin_then_cut_power])
async def test_what_was_asked_for_in_an_outage_goes_out_once_after_a_restart(
    tmp_path: Path, restart: Callable[[Home], Awaitable[None]]
) -> None:
    asked = [f"Text {place}" for place in range(20)]
    async with Home(tmp_path) as home:
        number = await home.number()
        await unplug(home.simulator)
        for body in asked:
            result = await home.indigo.script("sendSMS", number, smsTo=DARLA, smsMessage=body)
            assert result["success"]
        await home.indigo.until(lambda: home.indigo.lines("Twilio: No connection"))
        await restart(home)
        await plug_in(home.simulator)
        await until(lambda: len(home.bodies()) >= 20, "all went out")
        await home.indigo.until(lambda: len(home.indigo.broadcasts) >= 20)
        assert sorted(home.bodies()) == sorted(asked)
        assert home.indigo.uncaught == []


async def test_what_twilio_may_have_taken_in_an_outage_is_not_sent_again_and_the_rest_goes_out(
    tmp_path: Path,
) -> None:
    async with Home(tmp_path) as home:
        number = await home.number()
        home.simulator.faults.set([{"on": "any", "status": 503}])
        ids: list[str] = []
        for place in range(20):
            props = {"smsTo": DARLA, "smsMessage": f"Text {place}"}
            ids += (await home.indigo.script("sendSMS", number, **props))["deliveries"]
        await home.indigo.until(lambda: home.indigo.lines("Twilio:", "503"))
        tried = home.simulator.requests.count("create")
        await home.restart(power_cut=True)
        home.simulator.faults.clear()
        await until(lambda: len(home.bodies()) >= 20 - tried, "the rest went out")
        await home.indigo.until(lambda: len(home.indigo.broadcasts) >= 20 - tried)
        assert len(set(home.bodies())) == len(home.bodies())
        told = [(await home.indigo.script("deliveryStatus", id=each))["state"] for each in ids]
        assert told.count("unknown") == tried
        assert home.indigo.uncaught == []
