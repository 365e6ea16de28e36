"""The official SDK, blocking and asynchronous, does all that the simulator serves."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from callbox.simulator import Settings, Simulator, start
from harness.sdk import ACCOUNT, Clock, Sdk, either

pytestmark = pytest.mark.filterwarnings(
    "ignore:BasicAuth is deprecated:DeprecationWarning",
    "ignore:The 'auth' parameter is deprecated:DeprecationWarning",
)
"""The SDK's asynchronous client uses it."""

OURS, THEIRS, OTHERS = "+15557654321", "+15551234567", "+15551234568"
TEXT = {"to": THEIRS, "from_": OURS, "body": "The tank is full"}
CALL = {"to": THEIRS, "from_": OURS, "twiml": "<Response><Say>Hello</Say></Response>"}
PICTURES = [f"https://example.org/{name}.jpg" for name in "abc"]


@pytest.fixture(params=[True, False], ids=["blocking", "async"])
async def twilio(sim: Simulator, request: pytest.FixtureRequest) -> AsyncIterator[Sdk]:
    async with either(sim, blocks=request.param) as client:
        yield client


async def refused(status: int, code: int, question: Awaitable[Any]) -> None:
    with pytest.raises(TwilioRestException) as caught:
        await question
    assert (caught.value.status, caught.value.code) == (status, code)


def messages(client: Client) -> Any:  # noqa: ANN401 - the SDK's
    return client.messages


def calls(client: Client) -> Any:  # noqa: ANN401 - the SDK's
    return client.calls


def numbers(client: Client) -> Any:  # noqa: ANN401 - the SDK's
    return client.incoming_phone_numbers


def of_kind(client: Client, kind: str) -> Any:  # noqa: ANN401 - the SDK's
    return getattr(client.incoming_phone_numbers, kind)


def accounts(client: Client) -> Any:  # noqa: ANN401 - the SDK's
    return client.api.v2010.accounts


async def test_texts_are_created_fetched_canceled_redacted_and_deleted(
    sim: Simulator, twilio: Sdk
) -> None:
    made = await twilio.do(messages, "create", **TEXT)

    def this(client: Client) -> Any:  # noqa: ANN401 - the SDK's
        return client.messages(made.sid)

    assert (await twilio.do(this, "fetch")).body == "The tank is full"
    assert (await twilio.do(this, "update", status="canceled")).status == "canceled"
    assert (await twilio.do(this, "update", body="")).body == ""
    assert await twilio.do(this, "delete")
    assert len(sim.messages) == 0
    await refused(404, 20404, twilio.do(this, "fetch"))


async def test_texts_are_listed_in_pages_and_by_filters(twilio: Sdk, clock: Clock) -> None:
    made = []
    for number in range(5):
        made.append(await twilio.do(messages, "create", **(TEXT | {"body": f"{number}"})))
        clock.now += 1
    await twilio.do(messages, "create", **(TEXT | {"to": OTHERS}))
    clock.now += 10
    found = await twilio.do(messages, "list", to=THEIRS, from_=OURS, page_size=2)
    assert [each.body for each in found] == ["4", "3", "2", "1", "0"]
    assert len(await twilio.do(messages, "list", to=THEIRS, limit=3)) == 3
    moment = datetime.fromtimestamp(clock.now, UTC)
    for filters, count in (
        ({"date_sent_after": moment - timedelta(days=1)}, 6),
        ({"date_sent_before": moment - timedelta(days=1)}, 0),
        ({"date_sent": moment}, 6),
    ):
        assert len(await twilio.do(messages, "list", **filters)) == count


async def test_smart_encoding_spares_a_text_that_looks_like_gsm_its_parts(twilio: Sdk) -> None:
    body = "\u2019" + "a" * 159
    for asked, parts, first in (({}, "3", "\u2019"), ({"smart_encoded": True}, "1", "'")):
        made = await twilio.do(messages, "create", **(TEXT | {"body": body} | asked))
        assert (made.num_segments, made.body[0]) == (parts, first)


async def test_feedback_is_given(sim: Simulator, twilio: Sdk) -> None:
    made = await twilio.do(messages, "create", provide_feedback=True, **TEXT)
    told = await twilio.do(
        lambda client: client.messages(made.sid).feedback, "create", outcome="unconfirmed"
    )
    assert (told.message_sid, told.outcome) == (made.sid, "unconfirmed")
    assert sim.messages[0].feedback == "unconfirmed"


async def test_media_are_listed_by_date_fetched_and_deleted(twilio: Sdk, clock: Clock) -> None:
    made = await twilio.do(messages, "create", media_url=PICTURES, **TEXT)

    def media(client: Client) -> Any:  # noqa: ANN401 - the SDK's
        return client.messages(made.sid).media

    kept = await twilio.do(media, "list", page_size=2)
    assert [each.content_type for each in kept] == ["image/jpeg"] * 3
    moment = datetime.fromtimestamp(clock.now, UTC)
    for filters, count in (
        ({"date_created": moment}, 3),
        ({"date_created": moment - timedelta(days=1)}, 0),
        ({"date_created_before": moment - timedelta(days=1)}, 0),
        ({"date_created_after": moment - timedelta(days=1)}, 3),
    ):
        assert len(await twilio.do(media, "list", **filters)) == count, filters

    def first(client: Client) -> Any:  # noqa: ANN401 - the SDK's
        return client.messages(made.sid).media(kept[0].sid)

    assert (await twilio.do(first, "fetch")).parent_sid == made.sid
    assert await twilio.do(first, "delete")
    fetched = await twilio.do(lambda client: client.messages(made.sid), "fetch")
    assert fetched.num_media == "2"


async def test_calls_are_created_by_url_and_twiml_listed_ended_and_deleted(
    sim: Simulator, twilio: Sdk, clock: Clock
) -> None:
    by_url = {"to": THEIRS, "from_": OURS, "url": "https://example.org/say.xml"}
    first = await twilio.do(calls, "create", **by_url)
    second = await twilio.do(calls, "create", **(CALL | {"to": OTHERS}))
    listed = await twilio.do(calls, "list", to=THEIRS, status="queued", page_size=1)
    assert [each.sid for each in listed] == [first.sid]
    clock.now += 2.5

    def this(client: Client) -> Any:  # noqa: ANN401 - the SDK's
        return client.calls(second.sid)

    assert (await twilio.do(this, "fetch")).status == "in-progress"
    assert (await twilio.do(this, "update", time_limit=600)).status == "in-progress"
    assert (await twilio.do(this, "update", status="completed")).status == "completed"
    assert await twilio.do(this, "delete")
    assert [call.sid for call in sim.calls] == [first.sid]


async def test_calls_are_listed_by_when_they_were_answered_and_ended(
    twilio: Sdk, clock: Clock
) -> None:
    await twilio.do(calls, "create", **CALL)
    clock.now += 60
    moment = datetime.fromtimestamp(clock.now, UTC)
    yesterday, tomorrow = moment - timedelta(days=1), moment + timedelta(days=1)
    for part in ("start_time", "end_time"):
        for end, when, count in (
            ("", moment, 1),
            ("", yesterday, 0),
            ("_after", yesterday, 1),
            ("_after", tomorrow, 0),
            ("_before", tomorrow, 1),
            ("_before", yesterday, 0),
        ):
            found = await twilio.do(calls, "list", **{part + end: when})
            assert len(found) == count, (part, end, when)


async def test_a_number_is_bought_changed_texted_from_and_released(
    sim: Simulator, twilio: Sdk
) -> None:
    bought = await twilio.do(
        numbers, "create", phone_number="+14155550199", sms_url="https://example.org/sms"
    )
    assert (bought.friendly_name, bought.type) == ("(415) 555-0199", "local")
    assert sim.number("+14155550199").sms_url == "https://example.org/sms"

    def this(client: Client) -> Any:  # noqa: ANN401 - the SDK's
        return client.incoming_phone_numbers(bought.sid)

    changed = await twilio.do(this, "update", friendly_name="Boiler", voice_caller_id_lookup=True)
    assert (changed.friendly_name, changed.voice_caller_id_lookup) == ("Boiler", True)
    message = await sim.receive(THEIRS, "+14155550199", "hello")
    assert message.to == "+14155550199"
    await refused(400, 21422, twilio.do(numbers, "create", phone_number="+14155550199"))
    assert await twilio.do(this, "delete")
    assert await twilio.do(numbers, "list", phone_number="+14155550199") == []
    with pytest.raises(KeyError):
        sim.number("+14155550199")


async def test_a_number_is_bought_by_its_area_code(twilio: Sdk) -> None:
    bought = [await twilio.do(numbers, "create", area_code="415") for _ in range(2)]
    assert all(number.phone_number.startswith("+1415") for number in bought)
    assert bought[0].phone_number != bought[1].phone_number
    for area, code in (("12", 21451), ("115", 21451), ("533", 21452)):
        await refused(400, code, twilio.do(numbers, "create", area_code=area))


async def test_numbers_are_listed_by_kind_and_by_filters(twilio: Sdk) -> None:
    for kind, number in (
        ("local", "+14155550001"),
        ("mobile", "+447700900001"),
        ("toll_free", "+18335550001"),
    ):
        await twilio.do(
            partial(of_kind, kind=kind),
            "create",
            phone_number=number,
            friendly_name=f"the {kind} one",
        )
    for kind, found in (
        ("local", ["+15005550006", OURS, "+14155550001"]),
        ("mobile", ["+447700900001"]),
        ("toll_free", ["+18335550001"]),
    ):
        listed = await twilio.do(
            partial(of_kind, kind=kind),
            "list",
            page_size=2,
        )
        assert [number.phone_number for number in listed] == found
    for filters, count in (
        ({}, 5),
        ({"friendly_name": "the local one"}, 1),
        ({"phone_number": "+44"}, 1),
        ({"phone_number": "555*001"}, 2),
        ({"beta": False}, 5),
        ({"origin": "twilio"}, 5),
        ({"origin": "hosted"}, 0),
    ):
        assert len(await twilio.do(numbers, "list", **filters)) == count, filters


async def test_a_subaccount_is_made_named_suspended_reopened_and_closed(twilio: Sdk) -> None:
    made = await twilio.do(accounts, "create", friendly_name="Greenhouse")
    assert (made.owner_account_sid, made.status) == (ACCOUNT, "active")

    def this(client: Client) -> Any:  # noqa: ANN401 - the SDK's
        return client.api.v2010.accounts(made.sid)

    def its_texts(client: Client) -> Any:  # noqa: ANN401 - the SDK's
        return this(client).messages

    assert (await twilio.do(this, "fetch")).friendly_name == "Greenhouse"
    assert (await twilio.do(its_texts, "create", **TEXT)).account_sid == made.sid
    assert (await twilio.do(this, "update", status="suspended")).status == "suspended"
    await refused(403, 20005, twilio.do(its_texts, "create", **TEXT))
    assert len(await twilio.do(its_texts, "list")) == 1
    assert (await twilio.do(this, "update", status="active")).status == "active"
    assert await twilio.do(its_texts, "create", **TEXT)
    assert (await twilio.do(this, "update", status="closed")).status == "closed"
    await refused(400, 21479, twilio.do(this, "update", status="active"))


async def test_accounts_are_listed_by_name_and_status(twilio: Sdk) -> None:
    made = [await twilio.do(accounts, "create", friendly_name=name) for name in ("a", "b")]
    await twilio.do(lambda c: c.api.v2010.accounts(made[0].sid), "update", status="suspended")
    for filters, count in (
        ({"page_size": 1}, 3),
        ({"friendly_name": "b"}, 1),
        ({"status": "suspended"}, 1),
        ({"status": "active"}, 2),
    ):
        assert len(await twilio.do(accounts, "list", **filters)) == count, filters


async def test_the_main_account_keeps_its_status_and_has_the_balance(twilio: Sdk) -> None:
    def this(client: Client) -> Any:  # noqa: ANN401 - the SDK's
        return client.api.v2010.accounts(ACCOUNT)

    assert (await twilio.do(this, "update", friendly_name="Home")).friendly_name == "Home"
    await refused(400, 21477, twilio.do(this, "update", status="suspended"))
    assert (await twilio.do(lambda client: client.balance, "fetch")).currency == "USD"
    made = await twilio.do(accounts, "create")
    assert made.friendly_name == "SubAccount Created at 2026-09-21 02:13 pm"
    await refused(404, 20404, twilio.do(lambda c: c.api.v2010.accounts(made.sid).balance, "fetch"))


async def test_a_number_goes_to_a_subaccount_and_is_released_with_it(
    sim: Simulator, twilio: Sdk
) -> None:
    made = await twilio.do(accounts, "create")
    bought = await twilio.do(numbers, "create", phone_number="+14155550199")
    moved = await twilio.do(
        lambda client: client.incoming_phone_numbers(bought.sid), "update", account_sid=made.sid
    )
    assert moved.account_sid == made.sid
    assert len(await twilio.do(numbers, "list")) == 2
    theirs = await twilio.do(
        lambda client: client.api.v2010.accounts(made.sid).incoming_phone_numbers, "list"
    )
    assert [number.sid for number in theirs] == [bought.sid]
    await twilio.do(lambda c: c.api.v2010.accounts(made.sid), "update", status="closed")
    with pytest.raises(KeyError):
        sim.number("+14155550199")


async def test_a_subaccount_logs_in_with_its_own_token_until_it_is_suspended() -> None:
    async with AsyncExitStack() as exits:
        sim = await exits.enter_async_context(
            await start(settings=Settings(credentials={ACCOUNT: "token"}))
        )
        twilio = await exits.enter_async_context(either(sim))
        made = await twilio.do(accounts, "create")
        login = {"user": made.sid, "secret": made.auth_token}
        own = await exits.enter_async_context(either(sim, **login))
        wrong = await exits.enter_async_context(either(sim, **(login | {"secret": "wrong"})))
        assert (await own.do(messages, "create", **TEXT)).account_sid == made.sid
        await refused(401, 20003, wrong.do(messages, "create", **TEXT))
        await refused(401, 20003, own.do(lambda c: c.api.v2010.accounts(ACCOUNT), "fetch"))
        await refused(403, 20006, own.do(accounts, "create"))
        await twilio.do(lambda c: c.api.v2010.accounts(made.sid), "update", status="suspended")
        await refused(401, 20003, own.do(messages, "create", **TEXT))
        assert sim.holder.account_sid == ACCOUNT


TEST_NUMBER = "+15005550006"
MAGIC: list[tuple[str, dict[str, str], int | None]] = [
    ("messages", {"from_": TEST_NUMBER}, None),
    ("messages", {"from_": "+15005550001"}, 21212),
    ("messages", {"from_": "+15005550007"}, 21606),
    ("messages", {"from_": "+15005550008"}, 21611),
    ("messages", {"from_": OURS}, 21606),
    ("messages", {"from_": "Callbox"}, 21606),
    ("messages", {"to": "+15005550001"}, 21211),
    ("messages", {"to": "+15005550002"}, 21612),
    ("messages", {"to": "+15005550003"}, 21408),
    ("messages", {"to": "+15005550004"}, 21610),
    ("messages", {"to": "+15005550009"}, 21614),
    ("messages", {"to": "mum"}, 21211),
    ("calls", {"from_": TEST_NUMBER}, None),
    ("calls", {"from_": "+15005550001"}, 21212),
    ("calls", {"from_": OURS}, 21210),
    ("calls", {"to": "+15005550001"}, 21217),
    ("calls", {"to": "+15005550002"}, 21214),
    ("calls", {"to": "+15005550003"}, 21215),
    ("calls", {"to": "+15005550004"}, 21216),
    ("incoming_phone_numbers", {"phone_number": TEST_NUMBER}, None),
    ("incoming_phone_numbers", {"phone_number": "+15005550000"}, 21422),
    ("incoming_phone_numbers", {"phone_number": "+15005550001"}, 21421),
    ("incoming_phone_numbers", {"area_code": "500"}, None),
    ("incoming_phone_numbers", {"area_code": "533"}, 21452),
]
"""Twilio's three tables: parameter, number, result."""
LIVE = {("messages", OURS), ("messages", "Callbox"), ("calls", OURS)}
"""What a real account may do, and test credentials may not."""


@pytest.mark.parametrize("test_credentials", [True, False], ids=["test", "live"])
@pytest.mark.parametrize(("resource", "asked", "code"), MAGIC, ids=str)
async def test_magic_numbers_do_what_twilio_says(
    resource: str, asked: dict[str, str], code: int | None, *, test_credentials: bool
) -> None:
    bases = {"messages": TEXT, "calls": CALL}
    form = {**bases.get(resource, {}), **({} if "phone" in resource else {"from_": TEST_NUMBER})}
    settings = Settings(test_credentials=test_credentials)
    if not test_credentials and (resource, asked.get("from_")) in LIVE:
        code = None
    async with await start(settings=settings) as sim, either(sim) as twilio:
        question = twilio.do(lambda c: getattr(c, resource), "create", **(form | asked))
        if code is None:
            assert (await question).sid
        else:
            await refused(400, code, question)


async def test_test_credentials_create_for_show_and_are_good_for_nothing_else() -> None:
    settings = Settings(test_credentials=True, pace=0.001)
    async with await start(settings=settings) as sim, either(sim) as twilio:
        asked = {"from_": TEST_NUMBER, "status_callback": f"{sim.url}/nowhere"}
        made = await twilio.do(messages, "create", **(TEXT | asked))
        await twilio.do(calls, "create", **(CALL | asked))
        await twilio.do(numbers, "create", phone_number=TEST_NUMBER, friendly_name="x")
        for of, verb, more in (
            (lambda c: c.messages(made.sid), "fetch", {}),
            (lambda c: c.messages(made.sid), "update", {"body": ""}),
            (lambda c: c.api.v2010.accounts(ACCOUNT), "fetch", {}),
            (lambda c: c.balance, "fetch", {}),
        ):
            await refused(403, 20008, twilio.do(of, verb, **more))
        assert not sim._network.chores._tasks, "somebody is still to be called back"
        assert (list(sim.webhooks), list(sim.arrived)) == ([], [])
        assert sim.number(TEST_NUMBER).friendly_name == "(500) 555-0006"
