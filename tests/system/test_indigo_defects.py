"""Each defect of the Twilio plugin 2024.0.1, which this plugin takes the place of, does not return.

All tests share one home; each begins with no triggers, and with empty logs.
"""

import asyncio
import time

import pytest

from harness.home import AUTH_TOKEN, DARLA, JOE, OTHER, OURS, PREFS
from harness.letterbox import Letterbox, side_by_side
from harness.waiting import until
from indigo_host import desktop

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = {"MessageSid": "SM" + "7" * 32, "From": DARLA, "To": OURS, "Body": "Signed anew"}
WHOLE = {"matchType": "exactMatch", "matchField": "messageText"}


async def test_1_a_trigger_with_a_regular_expression_fires(box: Letterbox) -> None:
    await box.trigger(
        "patternMatch", "Heat",
        matchType="regexMatch", matchField="messageText", matchString="heat(ing)? to [0-9]+",
    )  # fmt: skip
    await box.text("Set the heating to 21, please")
    assert box.fired == ["Heat"]
    assert box.states()["matchResult"] == "heating to 21"


async def test_2_a_trigger_for_one_number_stays_silent_for_another(box: Letterbox) -> None:
    await box.trigger("messageReceived", "Ours", box.number)
    await box.trigger("patternMatch", "Pattern", box.number, matchString="Hello")
    await box.text("Hello", to=OTHER)
    assert box.fired == []
    await box.text("Hello")
    assert box.fired == ["Ours", "Pattern"]


async def test_3_texts_come_in_the_order_of_their_time_and_each_only_once(box: Letterbox) -> None:
    """Twilio lists the newest first; the old plugin kept the date of the oldest."""
    await box.trigger("messageReceived", "Any")
    made = [
        await box.home.simulator.receive(DARLA, OURS, f"{place}", webhook=False)
        for place in range(4)
    ]
    await box.look()
    await box.told(*made)
    assert box.bodies() == ["0", "1", "2", "3"]
    await box.text("4", listed=True)
    assert box.bodies() == ["0", "1", "2", "3", "4"]


async def test_4_a_number_that_is_read_first_hides_no_text_of_another(box: Letterbox) -> None:
    """The old plugin kept one date for all; and of two texts of one second it lost one."""
    [(since,)] = box.rows("SELECT max(since) FROM mailbox")
    await until(lambda: time.time() > since + 3, "there was time for texts")
    await box.trigger("messageReceived", "Any")
    second = float(int(time.time()))
    texts = [("newer", OURS, second), ("older", OTHER, since + 1), ("same second", OURS, second)]
    made = [
        await box.home.simulator.receive(DARLA, to, body, webhook=False, date=date)
        for body, to, date in texts
    ]
    await box.look()
    await box.told(*made)
    assert sorted(each["messageText"] for each in box.heard) == ["newer", "older", "same second"]
    assert len(box.fired) == 3


async def test_5_saved_preferences_take_effect_without_a_restart(box: Letterbox) -> None:
    """The old plugin failed on the level, which is a text, and then did nothing more."""
    indigo = box.home.indigo
    token = "f" * 32
    await box.trigger("messageReceived", "Any")
    asked = box.home.simulator.requests.count("list")
    await box.set(logLevel="10", authToken=token, pollFrequency="0.02")
    try:
        await until(
            lambda: box.home.simulator.requests.count("list") > asked + 4,
            "Twilio is asked every second or so",
        )
        status, *_ = await box.post(TEXT)
        assert status == 403, "the old token does not count any more"
    finally:
        await box.set(logLevel="20", authToken=AUTH_TOKEN, pollFrequency=PREFS["pollFrequency"])
    assert (await box.post(TEXT))[0] == 200
    await indigo.until(lambda: box.bodies() == ["Signed anew"])
    assert indigo.errors() == []


async def test_6_a_text_that_cannot_be_deleted_yet_keeps_no_other_from_being_handled(
    box: Letterbox,
) -> None:
    box.home.simulator.faults.set([{"on": "delete", "status": 409, "times": 1}])
    await box.trigger("messageReceived", "Any")
    dialog = await desktop.edit_device(box.home.indigo, box.number)
    await dialog.set("delete", True)
    assert (await dialog.ok()).closed
    one, two = [await box.text(body) for body in ("One", "Two")]
    await until(
        lambda: len({one, two} - set(box.home.simulator.messages)) == 1, "the other is deleted"
    )
    await box.text("Three")
    assert box.bodies() == ["One", "Two", "Three"]
    assert box.home.indigo.errors() == []
    dialog = await desktop.edit_device(box.home.indigo, box.number)
    await dialog.set("delete", False)
    assert (await dialog.ok()).closed


async def test_7_a_text_is_matched_by_its_own_words_not_by_those_of_the_last(
    box: Letterbox,
) -> None:
    await box.trigger("patternMatch", "Open", matchString="open", **WHOLE)
    await box.trigger("patternMatch", "Shut", matchString="shut", **WHOLE)
    await box.trigger("patternMatch", "Joe", matchString=JOE, matchField="messageFrom")
    for body, sender in (("open", DARLA), ("shut", JOE), ("open", JOE), ("what", DARLA)):
        await box.text(body, sender)
    assert box.fired == ["Open", "Shut", "Joe", "Open", "Joe"]


async def test_8_a_push_and_a_poll_at_once_handle_each_text_once(box: Letterbox) -> None:
    await box.trigger("messageReceived", "Any")
    texts = (box.home.simulator.receive(DARLA, OURS, f"{place}") for place in range(20))
    checks = (box.look() for _ in range(5))
    made = [each for each in await side_by_side(*texts, *checks) if each is not None]
    await box.told(*made)
    await box.text("End", listed=True)
    assert sorted(box.bodies()) == sorted([*(f"{place}" for place in range(20)), "End"])


async def test_9_the_state_of_a_contact_is_shown_in_the_list_of_devices(box: Letterbox) -> None:
    await box.text("Hello")
    darla = box.home.indigo.db.devices[box.darla]
    assert darla.display_state == "contactStatus"
    assert darla.states[darla.display_state] == "Message Received"


async def test_10_a_slow_twilio_holds_neither_dialogs_nor_webhooks(box: Letterbox) -> None:
    indigo = box.home.indigo
    box.home.simulator.faults.set([{"on": "create", "stall": 4}])
    props = await box.home.action("sendSMS", box.number, smsTo=DARLA, smsMessage="Slow")
    sending = [
        asyncio.create_task(indigo.run_action("sendSMS", device=box.number, props=props))
        for _ in range(5)
    ]
    for _ in range(10):
        assert await indigo.call("pickTwilioNumber", "", None, "", 0)
    await box.trigger("messageReceived", "Any")
    await box.text("Meanwhile")
    assert box.bodies() == ["Meanwhile"]
    assert all(result["success"] for result in await asyncio.gather(*sending))
    assert box.home.simulator.requests.creating, "all that while Twilio has not answered"
