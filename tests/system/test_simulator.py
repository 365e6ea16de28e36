"""The official Twilio SDK, unmodified, talks to the simulator."""

from datetime import UTC, datetime
from typing import Any

import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.rest import Client

from callbox.simulator import Settings, Simulator, start
from harness.sdk import ACCOUNT, Ask, Clock, ask

KEY = "SK" + "b" * 32
SERVICE = "MG" + "c" * 32
OURS, THEIRS = "+15557654321", "+15551234567"
TWIML = "<Response><Say>Hello</Say></Response>"


def text(**more: object) -> Ask:
    asked = {"to": THEIRS, "from_": OURS, "body": "The tank is full", **more}
    return lambda client: client.messages.create(**asked)


def call(**more: object) -> Ask:
    asked = {"to": THEIRS, "from_": OURS, "twiml": TWIML, **more}
    return lambda client: client.calls.create(**asked)


def listed(resource: str, **filters: object) -> Ask:
    return lambda client: getattr(client, resource).list(**filters)


async def test_a_created_message_is_queued_and_has_no_sent_date_and_no_price(
    sim: Simulator,
) -> None:
    message = await ask(sim, text())
    assert (message.status, message.direction) == ("queued", "outbound-api")
    assert (message.to, message.from_) == (THEIRS, OURS)
    assert (message.num_segments, message.num_media) == ("1", "0")
    assert (message.date_sent, message.price, message.price_unit) == (None, None, "USD")
    assert message.date_created == datetime.fromtimestamp(1_790_000_000, UTC)
    assert message.sid.startswith("SM")
    assert len(message.sid) == 34
    assert message.error_code is None


async def test_a_message_goes_from_queued_to_sent_to_delivered_as_time_goes_by(
    sim: Simulator, clock: Clock
) -> None:
    created = await ask(sim, text())
    seen = []
    for _ in range(4):
        message = await ask(sim, lambda client: client.messages(created.sid).fetch())
        seen.append((message.status, message.date_sent is not None))
        clock.now += 1
    assert seen == [("queued", False), ("sent", True), ("delivered", True), ("delivered", True)]


async def test_a_service_accepts_first_and_picks_a_sender_later(
    sim: Simulator, clock: Clock
) -> None:
    created = await ask(sim, text(from_=None, messaging_service_sid=SERVICE))
    assert (created.status, created.from_, created.num_segments) == ("accepted", None, "0")
    assert created.messaging_service_sid == SERVICE
    clock.now += 1
    later = await ask(sim, lambda client: client.messages(created.sid).fetch())
    assert (later.status, later.num_segments) == ("queued", "1")
    assert later.from_ in sim.settings.own_numbers
    found = await ask(sim, lambda client: client.messages.list(to=THEIRS, from_=later.from_))
    assert [message.sid for message in found] == [created.sid]


async def test_a_message_with_pictures_has_an_mm_sid_and_counts_them(sim: Simulator) -> None:
    urls = ["https://example.org/a.jpg", "https://example.org/b.jpg"]
    message = await ask(sim, text(media_url=urls, body=None))
    assert message.sid.startswith("MM")
    assert message.num_media == "2"
    assert sim.messages[0].media == tuple(urls)


@pytest.mark.parametrize(
    "asked", [{"media_url": ["https://example.org/a.jpg"]}, {"send_as_mms": True}], ids=str
)
async def test_an_mms_is_not_cut_into_segments_and_costs_as_one(
    sim: Simulator, clock: Clock, asked: dict[str, object]
) -> None:
    made = await ask(sim, text(body="x" * 500, **asked))
    clock.now += 9
    message = await ask(sim, lambda client: client.messages(made.sid).fetch())
    assert (message.sid[:2], message.num_segments, message.price) == ("MM", "1", "-0.02000")
    assert (await sim.receive(THEIRS, OURS, "x" * 500, media=({"url": "a"},))).parts == 1


async def test_whatsapp_names_and_short_codes_can_send(sim: Simulator) -> None:
    whatsapp = await ask(sim, text(to=f"whatsapp:{THEIRS}", from_=f"whatsapp:{OURS}"))
    assert (whatsapp.to, whatsapp.from_) == (f"whatsapp:{THEIRS}", f"whatsapp:{OURS}")
    assert (await ask(sim, text(from_="Callbox"))).from_ == "Callbox"
    assert (await ask(sim, text(from_="12345"))).from_ == "12345"


async def test_a_number_without_plus_is_normalised_as_twilio_does(sim: Simulator) -> None:
    message = await ask(sim, text(to="15005550006"))
    assert message.to == "+15005550006"


async def test_a_list_is_newest_first_and_filtered_by_recipient_and_sender(
    sim: Simulator, clock: Clock
) -> None:
    for number in range(3):
        await ask(sim, text(body=f"{number}"))
        clock.now += 1
    await ask(sim, text(to="+15550000001"))
    await ask(sim, text(from_="+15550000002"))
    found = await ask(sim, lambda client: client.messages.list(to=THEIRS, from_=OURS))
    assert [message.body for message in found] == ["2", "1", "0"]


async def test_numbers_in_filters_may_be_written_as_people_write_them(sim: Simulator) -> None:
    made = await ask(sim, text())
    for filters in ({"from_": "(555) 765-4321"}, {"to": "1 555 123 4567"}):
        assert [each.sid for each in await ask(sim, listed("messages", **filters))] == [made.sid]
    assert await ask(sim, listed("messages", from_="+1555")) == [], "part of a number is another"


async def test_a_list_reads_all_its_pages_with_a_plus_in_the_filter(sim: Simulator) -> None:
    created = [await ask(sim, text(body=f"{number}")) for number in range(7)]
    found = await ask(sim, lambda client: client.messages.list(to=THEIRS, page_size=3))
    assert [message.sid for message in found] == [message.sid for message in reversed(created)]
    assert sim.requests.count("list-messages", 200) == 3


async def test_pages_do_not_shift_when_a_message_is_created_between_them(sim: Simulator) -> None:
    for number in range(4):
        await ask(sim, text(body=f"{number}"))

    def read(client: Client) -> list[str]:
        first = client.messages.page(to=THEIRS, page_size=2)
        text(body="new")(client)
        second = first.next_page()
        return [message.body for page in (first, second) for message in page]

    assert await ask(sim, read) == ["3", "2", "1", "0"]


async def test_the_page_before_can_be_read_again(sim: Simulator) -> None:
    for number in range(4):
        await ask(sim, text(body=f"{number}"))

    def read(client: Client) -> list[str]:
        second = client.messages.page(page_size=2).next_page()
        return [message.body for message in second.previous_page()]

    assert await ask(sim, read) == ["3", "2"]


async def test_a_sent_date_filter_leaves_out_what_is_not_sent_yet(
    sim: Simulator, clock: Clock
) -> None:
    sent = await ask(sim, text())
    clock.now += 5
    await ask(sim, text())
    moment = datetime.fromtimestamp(clock.now, UTC)
    today = moment.date()
    for filters, count in (
        ({}, 2),
        ({"date_sent": today}, 1),
        ({"date_sent_after": moment}, 0),
        ({"date_sent_before": moment}, 1),
    ):
        found = await ask(sim, listed("messages", **filters))
        assert len(found) == count, filters
    assert found[0].sid == sent.sid


async def test_a_queued_message_can_be_canceled_and_a_delivered_one_cannot(
    sim: Simulator, clock: Clock
) -> None:
    message = await ask(sim, text())

    def cancel(client: Client) -> object:
        return client.messages(message.sid).update(status="canceled")

    clock.now += 0.5
    assert (await ask(sim, cancel)).status == "canceled"
    clock.now += 9
    assert (
        await ask(sim, lambda client: client.messages(message.sid).fetch())
    ).status == "canceled"
    with pytest.raises(TwilioRestException) as caught:
        await ask(sim, cancel)
    assert caught.value.code == 30409


@pytest.mark.parametrize("after", [1, 2], ids=["sent", "delivered"])
async def test_what_was_sent_can_not_be_canceled(sim: Simulator, clock: Clock, after: int) -> None:
    message = await ask(sim, text())
    clock.now += after
    with pytest.raises(TwilioRestException) as caught:
        await ask(sim, lambda client: client.messages(message.sid).update(status="canceled"))
    assert (caught.value.status, caught.value.code) == (409, 30409)
    clock.now += 9
    fetched = await ask(sim, lambda client: client.messages(message.sid).fetch())
    assert fetched.status == "delivered"


async def test_a_redacted_body_is_empty_but_the_log_still_knows_it(sim: Simulator) -> None:
    message = await ask(sim, text())
    redacted = await ask(sim, lambda client: client.messages(message.sid).update(body=""))
    assert redacted.body == ""
    assert sim.log[0].entry()["body"] == "The tank is full"


async def test_a_message_on_its_way_cannot_be_deleted(sim: Simulator, clock: Clock) -> None:
    message = await ask(sim, text())
    for status in ("queued", "sent"):
        fetched = await ask(sim, lambda client: client.messages(message.sid).fetch())
        assert fetched.status == status
        with pytest.raises(TwilioRestException) as caught:
            await ask(sim, lambda client: client.messages(message.sid).delete())
        assert (caught.value.status, caught.value.code) == (409, 20009)
        clock.now += 1
    assert await ask(sim, lambda client: client.messages(message.sid).delete())
    assert [text.body for text in sim.arrived] == ["The tank is full"]


async def test_a_message_arrives_as_it_is_sent_and_not_if_it_was_canceled_before(
    sim: Simulator, clock: Clock
) -> None:
    dropped, kept = await ask(sim, text(body="No")), await ask(sim, text(body="Yes"))
    assert list(sim.arrived) == []
    clock.now += 0.9
    await ask(sim, lambda client: client.messages(dropped.sid).update(status="canceled"))
    assert list(sim.arrived) == []
    clock.now += 0.2
    assert [text.sid for text in sim.arrived] == [kept.sid]


async def test_what_was_deleted_has_been_paid_for(sim: Simulator, clock: Clock) -> None:
    sent, made = await ask(sim, text()), await ask(sim, call())
    came = await sim.receive("+15551234567", "+15005550006")
    clock.now += 10
    cost = sim.tally().cost
    assert cost > 0.02
    await ask(sim, lambda client: client.messages(sent.sid).delete())
    await ask(sim, lambda client: client.calls(made.sid).delete())
    sim._board.messages.remove(came)
    assert (sim.tally().cost, sim.tally().received) == (cost, 1)


async def test_a_deleted_message_is_gone_but_stays_in_the_log(sim: Simulator, clock: Clock) -> None:
    message = await ask(sim, text())
    clock.now += 2
    assert await ask(sim, lambda client: client.messages(message.sid).delete())
    with pytest.raises(TwilioRestException) as caught:
        await ask(sim, lambda client: client.messages(message.sid).fetch())
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{message.sid}.json"
    assert (caught.value.status, caught.value.code) == (404, 20404)
    assert f"The requested resource {path} was not found" in caught.value.msg
    assert len(sim.messages) == 0
    assert len(sim.log) == 1


async def test_a_call_has_no_creation_date_until_it_leaves_the_queue(
    sim: Simulator, clock: Clock
) -> None:
    created = await ask(sim, call())
    assert (created.status, created.date_created, created.duration) == ("queued", None, None)
    assert created.to_formatted == "(555) 123-4567"
    clock.now += 1
    ringing = await ask(sim, lambda client: client.calls(created.sid).fetch())
    assert ringing.status == "ringing"
    assert ringing.date_created == datetime.fromtimestamp(1_790_000_000, UTC)


async def test_a_call_rings_is_answered_and_ends_as_time_goes_by(
    sim: Simulator, clock: Clock
) -> None:
    created = await ask(sim, call(machine_detection="Enable"))
    seen = []
    for _ in range(4):
        fetched = await ask(sim, lambda client: client.calls(created.sid).fetch())
        seen.append((fetched.status, fetched.answered_by, fetched.duration))
        clock.now += 1
    assert seen == [
        ("queued", None, None),
        ("ringing", None, None),
        ("in-progress", "human", None),
        ("completed", "human", "1"),
    ]


async def test_a_call_is_hung_up_or_canceled_by_an_update(sim: Simulator, clock: Clock) -> None:
    calls = [await ask(sim, call()) for _ in range(2)]

    def update(sid: str, status: str) -> Ask:
        return lambda client: client.calls(sid).update(status=status)

    assert (await ask(sim, update(calls[0].sid, "canceled"))).status == "canceled"
    clock.now += 2.5
    ended = await ask(sim, update(calls[1].sid, "completed"))
    assert (ended.status, ended.duration) == ("completed", "0")
    with pytest.raises(TwilioRestException) as caught:
        await ask(sim, lambda client: client.calls(calls[0].sid).update(twiml=TWIML))
    assert caught.value.code == 21220


async def test_calls_are_listed_by_recipient_sender_status_and_start(
    sim: Simulator, clock: Clock
) -> None:
    first = await ask(sim, call())
    clock.now += 10
    second = await ask(sim, call(from_="+15550000002"))
    moment = datetime.fromtimestamp(clock.now, UTC)
    for filters, expected in (
        ({"to": THEIRS}, [second.sid, first.sid]),
        ({"to": THEIRS, "from_": OURS}, [first.sid]),
        ({"status": "queued"}, [second.sid]),
        ({"start_time_before": moment}, [first.sid]),
        ({"parent_call_sid": first.sid}, []),
    ):
        found = await ask(sim, listed("calls", **filters))
        assert [entry.sid for entry in found] == expected, filters
    await ask(sim, lambda client: client.calls(first.sid).delete())
    assert [record.sid for record in sim.calls] == [second.sid]


async def test_own_numbers_are_listed_fetched_and_searched(sim: Simulator) -> None:
    numbers = await ask(sim, lambda client: client.incoming_phone_numbers.list(page_size=1))
    assert [number.phone_number for number in numbers] == ["+15005550006", OURS]
    fetched = await ask(sim, lambda client: client.incoming_phone_numbers(numbers[0].sid).fetch())
    assert fetched.capabilities == {"voice": True, "sms": True, "mms": True, "fax": False}
    for pattern, count in ((OURS, 1), ("5550006", 1), ("+1555*654321", 1), ("+999", 0)):
        found = await ask(sim, listed("incoming_phone_numbers", phone_number=pattern))
        assert len(found) == count, pattern


async def test_a_call_names_the_sid_of_its_own_number(sim: Simulator) -> None:
    placed = await ask(sim, call())
    listed = await ask(sim, lambda client: client.incoming_phone_numbers.list(phone_number=OURS))
    assert placed.phone_number_sid == listed[0].sid


async def test_account_and_balance_can_be_read(sim: Simulator) -> None:
    account = await ask(sim, lambda client: client.api.v2010.accounts(ACCOUNT).fetch())
    assert (account.sid, account.status, account.type) == (ACCOUNT, "active", "Full")
    balance = await ask(sim, lambda client: client.balance.fetch())
    assert (balance.balance, balance.currency) == ("20.00", "USD")


async def test_an_api_key_can_text_but_not_read_the_account(sim: Simulator) -> None:
    assert (await ask(sim, text(), user=KEY)).account_sid == ACCOUNT
    with pytest.raises(TwilioRestException) as caught:
        await ask(sim, lambda client: client.api.v2010.accounts(ACCOUNT).fetch(), user=KEY)
    assert (caught.value.status, caught.value.code) == (401, 20003)


async def test_pinned_credentials_refuse_every_other_secret() -> None:
    async with await start(settings=Settings(credentials={ACCOUNT: "right"})) as sim:
        assert await ask(sim, text(), secret="right")
        with pytest.raises(TwilioRestException) as caught:
            await ask(sim, text(), secret="wrong")
        assert (caught.value.status, caught.value.code) == (401, 20003)
        assert "Authenticate" in caught.value.msg
        with pytest.raises(TwilioException, match="Unable to fetch page"):
            await ask(sim, lambda client: client.messages.list(), secret="wrong")
        assert len(sim.messages) == 1


REFUSED_TEXTS: list[tuple[int, dict[str, object], str]] = [
    (21604, {"to": ""}, "A 'To' phone number is required."),
    (21211, {"to": "mum"}, "The 'To' number mum is not a valid phone number."),
    (21603, {"from_": None}, "A 'From' phone number is required."),
    (21212, {"from_": "+12"}, "The 'From' number +12 is not a valid phone number, shortcode"),
    (21602, {"body": None}, "Message body is required."),
    (21619, {"body": ""}, "A text message body or media urls must be specified."),
    (21617, {"body": "x" * 1601}, "body exceeds the 1600 character limit"),
    (21617, {"body": "👍" * 801}, "body exceeds the 1600 character limit"),
    (21623, {"media_url": ["https://example.org/a"] * 11}, "exceeds allowed limit"),
    (21620, {"media_url": ["a.jpg"]}, "Invalid media URL(s)"),
    (21624, {"validity_period": 0}, "The validity period 0"),
    (21624, {"validity_period": 36001}, "The validity period 36001"),
    (21609, {"status_callback": "nowhere"}, "The StatusCallback URL nowhere is not a valid URL."),
    (21609, {"status_callback": "https://my_host/x"}, "is not a valid URL."),
    (21705, {"messaging_service_sid": "MG1"}, "The Messaging Service Sid MG1 is invalid"),
    (21266, {"to": OURS}, "'To' and 'From' number cannot be the same"),
    (21910, {"to": f"whatsapp:{THEIRS}"}, "From and To should be of the same channel"),
    (21212, {"from_": "+15005550001"}, "The 'From' number +15005550001 is not a valid"),
    (21606, {"from_": "+15005550007"}, "The From phone number +15005550007 is not a valid"),
    (21606, {"from_": "+15005550009"}, "The From phone number +15005550009 is not a valid"),
    (21611, {"from_": "+15005550008"}, "exceeded the maximum number of queued messages"),
    (21211, {"to": "+15005550001"}, "The 'To' number +15005550001 is not a valid phone number."),
    (21612, {"to": "+15005550002"}, "is not currently reachable"),
    (21408, {"to": "+15005550003"}, "Permission to send an SMS has not been enabled"),
    (21610, {"to": "+15005550004"}, "The message From/To pair violates a blacklist rule."),
    (21614, {"to": "+15005550009"}, "To number: +15005550009, is not a mobile number"),
]


@pytest.mark.parametrize(("code", "asked", "words"), REFUSED_TEXTS)
async def test_a_bad_text_is_refused_with_twilios_code_and_words(
    sim: Simulator, code: int, asked: dict[str, object], words: str
) -> None:
    with pytest.raises(TwilioRestException) as caught:
        await ask(sim, text(**asked))
    assert (caught.value.status, caught.value.code) == (400, code)
    assert words in caught.value.msg
    assert len(sim.log) == 0


REFUSED_CALLS: list[tuple[int, dict[str, object], str]] = [
    (21201, {"to": ""}, "No 'To' number is specified"),
    (21217, {"to": "mum"}, "mum, is not valid."),
    (21213, {"from_": ""}, "No 'From' number is specified"),
    (21212, {"from_": "Callbox"}, "The 'From' number Callbox is not a valid phone number"),
    (21205, {"twiml": None}, "Url parameter is required."),
    (21205, {"url": "doorbell"}, "Url is not a valid URL: doorbell"),
    (21212, {"from_": "+15005550001"}, "+15005550001 is not a valid phone number"),
    (21210, {"from_": "+15005550007"}, "The source phone number provided, +15005550007"),
    (21217, {"to": "+15005550001"}, "+15005550001, is not valid."),
    (21214, {"to": "+15005550002"}, "cannot be reached"),
    (21215, {"to": "+15005550003"}, "Account not authorized to call +15005550003."),
    (21216, {"to": "+15005550004"}, "Account not allowed to call +15005550004."),
]


@pytest.mark.parametrize(("code", "asked", "words"), REFUSED_CALLS)
async def test_a_bad_call_is_refused_with_twilios_code_and_words(
    sim: Simulator, code: int, asked: dict[str, object], words: str
) -> None:
    with pytest.raises(TwilioRestException) as caught:
        await ask(sim, call(**asked))
    assert (caught.value.status, caught.value.code) == (400, code)
    assert words in caught.value.msg
    assert len(sim.log) == 0


async def test_the_good_magic_number_sends_and_calls_even_if_it_is_not_owned() -> None:
    async with await start(settings=Settings(numbers=(OURS,))) as sim:
        assert await ask(sim, text(from_="+15005550006"))
        assert await ask(sim, call(from_="+15005550006"))


async def test_a_sender_that_is_not_owned_is_refused_once_numbers_are_given() -> None:
    async with await start(settings=Settings(numbers=(OURS,))) as sim:
        assert await ask(sim, text())
        assert await ask(sim, text(from_=f"whatsapp:{OURS}", to=f"whatsapp:{THEIRS}"))
        for asked, code in (
            (text(from_="+15550000002"), 21606),
            (text(from_="whatsapp:+15550000002", to=f"whatsapp:{THEIRS}"), 63007),
            (call(from_="+15550000002"), 21210),
        ):
            with pytest.raises(TwilioRestException) as caught:
                await ask(sim, asked)
            assert caught.value.code == code


async def test_a_trial_account_prefixes_bodies_and_reaches_only_verified_numbers() -> None:
    async with await start(settings=Settings(trial=True, verified={THEIRS})) as sim:
        message = await ask(sim, text())
        assert message.body == "Sent from your Twilio trial account - The tank is full"
        assert sim.messages[0].body == "The tank is full"
        account = await ask(sim, lambda client: client.api.v2010.accounts(ACCOUNT).fetch())
        assert account.type == "Trial"
        for asked, code in (
            (text(to="+15550000001"), 21608),
            (call(to="+15550000001"), 21219),
            (text(from_="Callbox"), 21267),
        ):
            with pytest.raises(TwilioRestException) as caught:
                await ask(sim, asked)
            assert caught.value.code == code
        with pytest.raises(TwilioRestException, match=r"\+1555000XXXX is unverified"):
            await ask(sim, text(to="+15550000001"))


async def test_an_account_does_not_see_what_another_one_sent(sim: Simulator) -> None:
    other = "AC" + "d" * 32
    message = await ask(sim, text())

    def read(client: Client) -> list[Any]:
        client.api.base_url = sim.url
        return list(client.api.v2010.accounts(other).messages.list(to=THEIRS))

    assert await ask(sim, read, user=KEY) == []
    with pytest.raises(TwilioRestException) as caught:
        await ask(
            sim,
            lambda client: client.api.v2010.accounts(other).messages(message.sid).fetch(),
            user=KEY,
        )
    assert caught.value.status == 404
    with pytest.raises(TwilioRestException) as caught:
        await ask(sim, lambda client: client.api.v2010.accounts(other).fetch())
    assert caught.value.status == 401
