"""Twilio's webhook through Indigo's web server, and the ping: what gets in, what does not.

Most tests share one home; each begins with no triggers, and with empty logs.
"""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from callbox.twilio.webhook import MOST_BYTES
from harness.gateway import ACCOUNT
from harness.home import AUTH_TOKEN, DARLA, OURS, PREFS, REFLECTOR
from harness.letterbox import KEY, Letterbox
from harness.signing import signature_of
from indigo_host.quirks import Quirks
from indigo_host.records import Step

pytestmark = pytest.mark.asyncio(loop_scope="module")

SID = "SM" + "0123456789abcdef" * 2
FORM = {
    "MessageSid": SID,
    "SmsSid": SID,
    "AccountSid": ACCOUNT,
    "From": DARLA,
    "To": OURS,
    "Body": "Open up",
    "NumMedia": "0",
}
TEXT, TWIML = "text/plain", "text/xml"


def form(place: int, **changed: str) -> dict[str, str]:
    """Give a text of its own."""
    sid = f"SM{place:032x}"
    return {**FORM, "MessageSid": sid, "SmsSid": sid, **changed}


async def kept(box: Letterbox) -> set[str]:
    """Give the SIDs of all texts that ever got in."""
    return {row[0] for row in box.rows("SELECT sid FROM received")}


async def test_a_signed_text_is_answered_with_twiml_once_it_is_kept(box: Letterbox) -> None:
    await box.trigger("messageReceived", "Any")
    status, kind, answer = await box.post(form(1))
    assert (status, kind, answer) == (200, TWIML, "<Response/>")
    assert form(1)["MessageSid"] in await kept(box)
    await box.home.indigo.until(lambda: box.fired == ["Any"])
    assert box.states()["messageText"] == "Open up"


async def test_what_twilio_repeats_is_answered_alike_and_fires_once(box: Letterbox) -> None:
    await box.trigger("messageReceived", "Any")
    first, *others = [await box.post(form(2)) for _ in range(3)]
    assert others == [first, first]
    await box.post(form(3, Body="End"))
    await box.home.indigo.until(lambda: "End" in box.bodies())
    assert box.bodies() == ["Open up", "End"]


REFUSED: dict[str, tuple[dict[str, Any], int]] = {
    "unsigned": ({"signature": None}, 403),
    "wrongly signed": ({"signature": "bm8gc2lnbmF0dXJl"}, 403),
    "signed with another token": (
        {"signature": signature_of(f"{REFLECTOR}/x", list(FORM.items()), "0" * 32)},
        403,
    ),
    "signed with junk": ({"signature": "$%& =,;" * 50}, 403),
    "binary junk": ({"body": bytes(range(256)) * 8, "Content_Type": "application/zip"}, 403),
    "JSON": ({"body": b'{"From": "+1"}', "Content_Type": "application/json"}, 403),
    "nothing": ({"body": b"", "signature": None}, 403),
    "GET": ({"method": "GET", "signature": None}, 403),
    "a form with another content type": ({"Content_Type": "text/plain"}, 403),
}


@pytest.mark.parametrize("how", REFUSED)
async def test_nothing_that_twilio_has_not_signed_gets_in(box: Letterbox, how: str) -> None:
    await box.trigger("messageReceived", "Any")
    before = await kept(box)
    options, wanted = REFUSED[how]
    status, kind, answer = await box.post(FORM, **options)
    assert (status, kind) == (wanted, TEXT)
    assert answer[0].isupper(), "a sentence"
    assert "\n" not in answer
    assert await kept(box) == before
    assert box.fired == box.heard == []


async def test_junk_that_indigo_cannot_even_hand_over_does_no_harm(box: Letterbox) -> None:
    before = await kept(box)
    status, *_ = await box.post(FORM, body=bytes(range(256)) * 8)
    assert status in {403, 500}
    await box.text("Still there")
    assert len(await kept(box)) == len(before) + 1


async def test_a_word_that_was_changed_on_the_way_is_refused(box: Letterbox) -> None:
    signed = signature_of(box.url, list(FORM.items()), AUTH_TOKEN)
    for name, value in (("Body", "Open up!"), ("From", "+12345000009"), ("Extra", "1")):
        status, _, answer = await box.post({**FORM, name: value}, signature=signed)
        assert (status, answer) == (
            403,
            "X-Twilio-Signature is not right for this URL and these parameters",
        )
    status, _, _ = await box.post(FORM, query=f"api-key={KEY}&more=1", signature=signed)
    assert status == 403, "the address is signed too"
    assert SID not in await kept(box)


async def test_too_large_a_request_is_refused_without_a_look_at_its_signature(
    box: Letterbox,
) -> None:
    junk = {"Content_Type": "application/json"}
    status, kind, answer = await box.post(FORM, body=b"x" * (MOST_BYTES + 1), **junk)
    assert (status, kind) == (413, TEXT)
    assert str(MOST_BYTES) in answer.replace(",", "")
    status, _, _ = await box.post({**FORM, "Body": "x" * (MOST_BYTES + 1)})
    assert status == 413, "a form likewise"
    assert SID not in await kept(box)


async def test_a_text_without_sender_or_sid_is_answered_with_what_is_missing(
    box: Letterbox,
) -> None:
    for changed in ({"MessageSid": "SM1"}, {"From": ""}):
        status, kind, answer = await box.post({**FORM, **changed})
        assert (status, kind) == (400, TEXT)
        assert "MessageSid" in answer


async def test_the_web_server_lets_nobody_in_without_a_key(box: Letterbox) -> None:
    status, _, _ = await box.post(FORM, query="api-key=guess")
    assert status == 401


async def test_a_signed_get_is_a_text_too(box: Letterbox) -> None:
    await box.trigger("messageReceived", "Any")
    box.home.simulator.number(OURS).sms_method = "GET"
    try:
        await box.text("By GET, with é & more")
    finally:
        box.home.simulator.number(OURS).sms_method = "POST"
    assert box.bodies() == ["By GET, with é & more"]
    assert box.home.simulator.webhooks[-1].status == 200


async def test_news_of_what_was_sent_does_no_harm_at_the_same_address(box: Letterbox) -> None:
    await box.trigger("messageReceived", "Any")
    before = box.states()
    news = {"MessageSid": SID, "MessageStatus": "delivered", "From": OURS, "To": DARLA}
    assert (await box.post(news))[0] == 200
    assert (await box.post({**news, "MessageStatus": "no such status"}))[0] == 200
    await box.post(form(4, Body="End"))
    await box.home.indigo.until(lambda: box.fired)
    assert box.bodies() == ["End"]
    assert before["numberStatus"] == box.states()["numberStatus"]


async def test_news_of_our_own_text_reaches_the_number(box: Letterbox) -> None:
    await box.trigger("textUndelivered", "Not delivered")
    box.home.simulator.outcome(DARLA, "sent")
    await box.home.act("sendSMS", box.number, twilioContact=str(box.darla), smsMessage="Water")
    await box.home.indigo.until(lambda: box.states()["deliveryState"] in {"accepted", "sent"})
    (sent,) = [each for each in box.home.simulator.messages if each.body == "Water"]
    lost = {"MessageSid": sent.sid, "MessageStatus": "undelivered", "ErrorCode": "30003"}
    assert (await box.post({**lost, "From": OURS, "To": DARLA}))[0] == 200
    await box.home.indigo.until(lambda: box.fired == ["Not delivered"])
    assert box.states()["deliveryState"] == "undelivered"
    assert box.states()["deliveryReason"]


async def test_a_call_is_answered_with_twiml_and_fires_no_trigger(box: Letterbox) -> None:
    await box.trigger("messageReceived", "Any")
    box.home.simulator.number(OURS).voice_url = box.url
    await box.home.simulator.ring(DARLA, OURS)
    exchange = box.home.simulator.webhooks[-1]
    assert (exchange.status, exchange.content_type) == (200, TWIML)
    assert "<Reject" in exchange.body
    await box.text("End")
    assert box.bodies() == ["End"]
    assert [each["messageText"] for each in box.heard] == ["End"]


async def test_the_callback_thread_waits_for_no_webhook(box: Letterbox) -> None:
    """While another process holds the database, texts wait; the dialogs of the plugin do not."""
    indigo = box.home.indigo
    store = next(indigo.db.install_folder.rglob("callbox.sqlite"))
    await box.trigger("messageReceived", "Any")
    with closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        texting = [asyncio.create_task(box.post(form(100 + place))) for place in range(20)]
        for _ in range(20):
            assert await indigo.call("pickTwilioNumber", "", None, "", 0)
        assert not any(each.done() for each in texting)
        other.execute("ROLLBACK")
    answers = await asyncio.gather(*texting)
    assert {status for status, *_ in answers} == {200}
    await indigo.until(lambda: len(box.fired) == 20)


PLATFORMS = {
    "a form as text": Quirks(form_as_request_body=True),
    "lower-case headers": Quirks(lower_case_headers=True),
    "both": Quirks(form_as_request_body=True, lower_case_headers=True),
}


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_texts_get_in_however_indigo_hands_them_over(tmp_path: Path, platform: str) -> None:
    async with Letterbox(tmp_path, quirks=PLATFORMS[platform]) as box:
        await box.trigger("messageReceived", "Any")
        await box.text("One & two=3 é 😀 +")
        assert box.bodies() == ["One & two=3 é 😀 +"]
        assert box.home.simulator.webhooks[-1].content_type == TWIML
        assert (await box.post(FORM, signature=None))[0] == 403
        assert (await box.post({**FORM, "Body": "x" * (MOST_BYTES + 1)}))[0] == 413
        assert (await box.post(FORM, body=b"\xff\xfe=\x00&%%%=%ff"))[0] in {400, 403, 500}
        assert box.bodies() == ["One & two=3 é 😀 +"]
        assert box.home.indigo.uncaught == []


async def test_a_mapped_port_works_with_its_own_address_and_a_key_that_indigo_hides(
    tmp_path: Path,
) -> None:
    outside = "https://house.example.org:8443"
    async with Letterbox(
        tmp_path, quirks=Quirks(key_in_query_args=False), webhooks=False
    ) as box:  # fmt: skip
        await box.trigger("messageReceived", "Any")
        box.home.simulator.tunnels[outside] = box.home.indigo.web_url
        mapped = f"{outside}{box.path}?api-key={KEY}"
        box.let_twilio_call(mapped)
        await box.home.simulator.receive(DARLA, OURS, "Not let in")
        assert box.home.simulator.webhooks[-1].status == 403, "nobody knows that address yet"
        await box.set(receiveUrl=mapped)
        await box.text("Let in")
        assert "Let in" in box.bodies()
        box.let_twilio_call()
        await box.home.simulator.receive(DARLA, OURS, "By the old way")
        assert box.home.simulator.webhooks[-1].status == 403


async def test_without_credentials_texts_are_refused_at_once_with_a_sentence(
    tmp_path: Path,
) -> None:
    async with Letterbox(tmp_path) as box:
        await box.home.indigo.set_prefs({**PREFS, "authToken": ""})
        await box.home.indigo.restart_plugin()
        status, kind, answer = await box.post(FORM)
        assert (status, kind) == (503, TEXT)
        assert answer == "Callbox does not run"
        assert box.home.indigo.lines("Auth Token")


# --- the ping -------------------------------------------------------------------------------------


async def ping(box: Letterbox, action: str, key: str, **query: str) -> str:
    """Call one of the two addresses as Twilio would."""
    asked = urlencode({key: KEY, **query})
    url = box.home.indigo.message_url(action, query=asked)
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 200
        return await answer.text()


@pytest.mark.parametrize("key", ["api-key", "api_key"])
@pytest.mark.parametrize("action", ["ping", "check_messages"])
async def test_a_ping_checks_and_sets_its_own_variable_only(
    box: Letterbox, action: str, key: str
) -> None:
    indigo = box.home.indigo
    await box.trigger("messageReceived", "Any")
    pinged = indigo.create_variable("twilio_ping", "false")
    alarm = indigo.create_variable("alarm", "on")
    listed = await box.home.simulator.receive(DARLA, OURS, f"{action} {key}", webhook=False)
    await ping(box, action, key, alarm="off", twilio_ping="hacked", new="1")
    await box.told(listed)
    assert box.fired == ["Any"]
    values = {key: variable.value for key, variable in indigo.db.variables.items()}
    assert values == {pinged: "true", alarm: "on"}


async def test_a_ping_creates_no_variable(box: Letterbox) -> None:
    await ping(box, "ping", "api-key", twilio_ping="true", other="1")
    await box.home.indigo.settle()
    assert box.home.indigo.db.variables == {}


async def test_the_set_up_of_the_readme_handles_each_text_once(box: Letterbox) -> None:
    """A variable, a trigger on its change, and the action Check for Messages, which resets it."""
    indigo = box.home.indigo
    await box.trigger("messageReceived", "Any")
    variable = indigo.create_variable("twilio_ping", "false")
    group = indigo.create_group("Check", [Step("checkMessages", box.number)])

    async def house() -> None:
        """Do what the owner's trigger on the variable does."""
        while True:
            await indigo.until(lambda: indigo.db.variables[variable].value == "true", 60)
            indigo.db.variables[variable].value = "false"
            indigo.execute_group(group)

    watching = asyncio.create_task(house())
    made = []
    for place in range(3):
        made.append(await box.home.simulator.receive(DARLA, OURS, f"{place}", webhook=False))
        await ping(box, "ping", "api-key")
    await box.told(*made)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert box.bodies() == ["0", "1", "2"]
    assert len(box.ran) == 3
