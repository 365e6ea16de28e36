"""What Twilio is asked for, and how its own list tells what became of a create."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime, formatdate
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from twilio.rest.studio.v2.flow.execution import ExecutionInstance, ExecutionPage

from callbox.domain.delivery import Delivery, Progress, State
from callbox.domain.notification import Channel, Flow, Kind, Notification, Voice
from callbox.domain.outcome import (
    Absent,
    Accepted,
    Ambiguous,
    Deferred,
    Found,
    Lookup,
    Refused,
    Unanswered,
)
from callbox.simulator import Settings, Simulator, start
from callbox.twilio.client import Credentials, TwilioProvider, studio_url
from callbox.twilio.transport import Transport

ACCOUNT = "AC" + "a" * 32
SERVICE = "MG" + "b" * 32
TO, SENDER = "+12345000000", "+19999999999"
NOTE = Notification(Kind.TXT, Channel.SMS, "Darla", TO, SENDER, "Hi")
CALLED = Notification(Kind.CALL, Channel.VOICE, "Darla", TO, SENDER, voice=Voice(text="Fire"))
FLOW_SID = "FW" + "0aF9" * 8
RUNNING = Notification(
    Kind.FLOW, Channel.FLOW, "Darla", TO, SENDER, flow=Flow(FLOW_SID, '{"message": "Ümläut & 🚒"}')
)
CALLBACK = "https://gateway.example/twilio/status"


def delivery(note: Notification = NOTE, begun: float | None = None) -> Delivery:
    """Give a delivery whose create began a second ago, or at `begun`."""
    since = time.time() - 1 if begun is None else begun
    progress = Progress(State.UNKNOWN, attempt=2, attempted_at=since, doubt_since=since)
    return Delivery(
        "d1", "r1", note, 1, None, "hold", since, since + 60, expires_fixed=False, progress=progress
    )


@asynccontextmanager
async def provider_of(
    url: str, callback: str | None = None, credentials: Credentials | None = None
) -> AsyncIterator[TwilioProvider]:
    transport = Transport(connect_timeout=5.0, read_timeout=5.0, most=20)
    login = credentials or Credentials(ACCOUNT, ACCOUNT, "token")
    try:
        yield TwilioProvider(transport, login, url, callback)
    finally:
        await transport.close()


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with await start() as simulator:
        yield simulator


@pytest.fixture
async def twilio(sim: Simulator) -> AsyncIterator[TwilioProvider]:
    async with provider_of(sim.url) as provider:
        yield provider


async def created(twilio: TwilioProvider, note: Notification = NOTE) -> str:
    """Have Twilio create it; give its SID."""
    found = await twilio.create(delivery(note), None)
    assert isinstance(found, Accepted), found
    return found.sid


def sids(lookup: Lookup) -> list[str]:
    assert isinstance(lookup, Found), lookup
    return [candidate.sid for candidate in lookup.candidates]


# Parameters: recorded by a server that takes down what it is asked


async def asked(
    note: Notification, validity: int | None = None, callback: str | None = None
) -> tuple[str, dict[str, list[str]]]:
    """Give the path and the form of a create."""
    taken: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        taken.extend((head, await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 204 X\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with provider_of(f"http://127.0.0.1:{port}/", callback) as twilio:
        await twilio.create(delivery(note), validity)
    server.close()
    await server.wait_closed()
    head, body = taken
    return head.split()[1].decode(), parse_qs(body.decode(), keep_blank_values=True)


MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
CALLS = f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json"
PLAIN = {"To": [TO], "From": [SENDER], "Body": ["Hi"]}


async def test_a_text_is_asked_for_with_to_from_and_body_alone() -> None:
    assert await asked(NOTE) == (MESSAGES, PLAIN)


async def test_a_body_goes_unchanged() -> None:
    body = "100 % + Ümläut & = \r\n €🚒"
    assert (await asked(replace(NOTE, body=body)))[1]["Body"] == [body]


async def test_whatsapp_addresses_have_its_prefix() -> None:
    _, form = await asked(replace(NOTE, channel=Channel.WHATSAPP))
    assert (form["To"], form["From"]) == ([f"whatsapp:{TO}"], [f"whatsapp:{SENDER}"])


async def test_a_messaging_service_takes_the_place_of_from() -> None:
    _, form = await asked(replace(NOTE, sender=SERVICE))
    assert form == {"To": [TO], "MessagingServiceSid": [SERVICE], "Body": ["Hi"]}


async def test_whatsapp_by_a_messaging_service_prefixes_to_alone() -> None:
    _, form = await asked(replace(NOTE, sender=SERVICE, channel=Channel.WHATSAPP))
    assert (form["To"], form["MessagingServiceSid"]) == ([f"whatsapp:{TO}"], [SERVICE])


@pytest.mark.parametrize("sender", ["Plant 4", "MGM", "12345"])
async def test_a_name_or_a_short_code_sends_as_it_is(sender: str) -> None:
    assert (await asked(replace(NOTE, sender=sender)))[1]["From"] == [sender]


async def test_media_are_repeated_in_order_and_may_come_without_body() -> None:
    media = ("https://a/1.jpg", "https://a/2.jpg?x=1&y=2")
    _, form = await asked(replace(NOTE, body="", media=media))
    assert form == {"To": [TO], "From": [SENDER], "MediaUrl": list(media)}


async def test_the_seconds_left_bind_twilio_too() -> None:
    assert (await asked(NOTE, 42))[1]["ValidityPeriod"] == ["42"]
    assert "ValidityPeriod" not in (await asked(CALLED, 42))[1]


async def test_the_attempt_is_named_in_the_status_callback() -> None:
    _, form = await asked(NOTE, callback=CALLBACK)
    assert form["StatusCallback"] == [f"{CALLBACK}?attempt=d1-2"]
    assert "StatusCallbackEvent" not in form


async def test_calls_subscribe_to_initiated_too() -> None:
    _, form = await asked(CALLED, callback=CALLBACK)
    assert form["StatusCallback"] == [f"{CALLBACK}?attempt=d1-2"]
    assert form["StatusCallbackEvent"] == ["initiated", "ringing", "answered", "completed"]
    assert "StatusCallbackEvent" not in (await asked(CALLED))[1]


async def test_a_location_goes_to_twilio_byte_for_byte() -> None:
    location = "https://some-public-TwiML/ä?a=b&c=%20+d"
    path, form = await asked(replace(CALLED, voice=Voice(location)))
    assert (path, form) == (CALLS, {"To": [TO], "From": [SENDER], "Url": [location]})


async def test_a_spoken_text_is_escaped_and_has_its_voice_and_language() -> None:
    voice = Voice(text='Fire <in> "A&B"', voice="Polly.Joanna", language="en-GB")
    _, form = await asked(replace(CALLED, voice=voice))
    (twiml,) = form["Twiml"]
    assert "Url" not in form
    assert twiml.startswith('<?xml version="1.0" encoding="UTF-8"?><Response><Say ')
    assert 'voice="Polly.Joanna"' in twiml
    assert 'language="en-GB"' in twiml
    assert twiml.endswith('>Fire &lt;in&gt; "A&amp;B"</Say></Response>')


async def test_a_spoken_text_without_voice_leaves_the_choice_to_twilio() -> None:
    _, form = await asked(CALLED)
    assert form["Twiml"][0].endswith("<Response><Say>Fire</Say></Response>")


async def test_a_call_plays_what_it_is_given() -> None:
    _, form = await asked(replace(CALLED, voice=Voice(play=("https://a/1.mp3", "https://a/2.mp3"))))
    says = "<Response><Play>https://a/1.mp3</Play><Play>https://a/2.mp3</Play></Response>"
    assert form["Twiml"][0].endswith(says)


@pytest.mark.parametrize("callback", [None, CALLBACK])
async def test_a_flow_is_asked_for_with_to_from_and_parameters_alone(callback: str | None) -> None:
    path, form = await asked(RUNNING, 42, callback)
    assert path == f"/v2/Flows/{FLOW_SID}/Executions"
    assert form == {"To": [TO], "From": [SENDER], "Parameters": ['{"message": "Ümläut & 🚒"}']}


@pytest.mark.parametrize(
    ("api", "studio"),
    [
        ("https://api.twilio.com", "https://studio.twilio.com"),
        ("https://api.dublin.ie1.twilio.com", "https://studio.dublin.ie1.twilio.com"),
        ("http://127.0.0.1:8081", "http://127.0.0.1:8081"),
        ("https://api.example.org/twilio.com", "https://api.example.org/twilio.com"),
        ("https://proxy.example.org/api.twilio.com", "https://proxy.example.org/api.twilio.com"),
    ],
)
def test_studio_is_a_host_of_its_own_at_twilio_only(api: str, studio: str) -> None:
    assert studio_url(api) == studio


async def test_without_another_address_a_flow_goes_to_twilios_studio() -> None:
    transport = Transport(connect_timeout=1.0, read_timeout=1.0, most=1)
    twilio = TwilioProvider(transport, Credentials(ACCOUNT, ACCOUNT, "token"))
    assert twilio.client.studio.base_url == "https://studio.twilio.com"
    await transport.close()


async def test_a_flow_that_twilio_took_is_active_and_never_called_back(sim: Simulator) -> None:
    async with provider_of(sim.url, CALLBACK) as twilio:
        found = await twilio.create(delivery(RUNNING), None)
    (run,) = sim.executions
    assert found == Accepted(run.sid, State.ACCEPTED, "active", "")
    assert (run.to, run.sender, run.parameters) == (TO, SENDER, {"message": "Ümläut & 🚒"})


async def test_a_flow_that_there_is_not_is_refused_in_plain_words() -> None:
    async with (
        await start(settings=Settings(flows=())) as sim,
        provider_of(sim.url) as twilio,
    ):
        found = await twilio.create(delivery(RUNNING), None)
    assert isinstance(found, Refused)
    assert found.reason == (
        f"This Twilio account has no Studio flow {FLOW_SID} (Twilio code 20404)"
    )
    assert found.remedy is not None
    assert found.remedy.startswith("Copy the flow's SID")


async def test_a_second_run_of_the_same_two_numbers_waits_for_the_first(
    twilio: TwilioProvider,
) -> None:
    await created(twilio, RUNNING)
    found = await twilio.create(delivery(RUNNING), None)
    assert isinstance(found, Deferred)
    assert (found.code, found.counts, found.pause) == (20409, True, None)


async def test_the_method_and_machine_detection_are_passed_on() -> None:
    voice = Voice("https://x", method="GET", machine_detection="DetectMessageEnd")
    _, form = await asked(replace(CALLED, voice=voice))
    assert (form["Method"], form["MachineDetection"]) == (["GET"], ["DetectMessageEnd"])


async def test_a_spoken_text_that_is_too_long_for_twilio_is_refused_unsent(
    sim: Simulator, twilio: TwilioProvider
) -> None:
    found = await twilio.create(delivery(replace(CALLED, voice=Voice(text="&" * 900))), None)
    assert isinstance(found, Refused)
    assert found.reason.startswith("The spoken text is 4")
    assert sim.requests.count() == 0


async def test_an_api_key_signs_in_for_the_account() -> None:
    key = "SK" + "c" * 32
    settings = Settings(credentials={key: "secret"})
    async with (
        await start(settings=settings) as sim,
        provider_of(sim.url, credentials=Credentials(ACCOUNT, key, "secret")) as twilio,
    ):
        await created(twilio)
        assert sim.messages[0].account_sid == ACCOUNT


async def test_what_the_simulator_created_is_what_was_asked_for(
    sim: Simulator, twilio: TwilioProvider
) -> None:
    await created(twilio, replace(NOTE, channel=Channel.WHATSAPP, media=("https://a/1.jpg",)))
    await created(twilio, CALLED)
    message, call = sim.log
    assert (message.to, message.sender) == (f"whatsapp:{TO}", f"whatsapp:{SENDER}")
    assert (call.to, call.sender) == (TO, SENDER)


# Look-ups


async def test_a_create_that_was_lost_is_found_with_its_word_and_sender(
    sim: Simulator, twilio: TwilioProvider
) -> None:
    sim.faults.set([{"on": "create", "drop": "after"}])
    await twilio.create(delivery(), None)
    found = await twilio.look_up(delivery())
    assert isinstance(found, Found)
    (candidate,) = found.candidates
    assert candidate == Accepted(sim.messages[0].sid, State.ACCEPTED, "queued", SENDER)
    assert found.otherwise == Absent()


@pytest.mark.parametrize("note", [NOTE, CALLED, RUNNING], ids=["text", "call", "flow"])
async def test_what_was_never_created_is_absent(twilio: TwilioProvider, note: Notification) -> None:
    assert await twilio.look_up(delivery(note)) == Absent()


async def test_of_equal_ones_the_oldest_comes_first(twilio: TwilioProvider) -> None:
    given = [await created(twilio) for _ in range(3)]
    assert sids(await twilio.look_up(delivery())) == given


async def test_a_queued_call_is_found_although_it_has_no_date(twilio: TwilioProvider) -> None:
    sid = await created(twilio, CALLED)
    assert sids(await twilio.look_up(delivery(CALLED))) == [sid]


async def test_a_call_is_found_whatever_it_says(twilio: TwilioProvider) -> None:
    sid = await created(twilio, replace(CALLED, voice=Voice("https://flood")))
    assert sids(await twilio.look_up(delivery(CALLED))) == [sid]


OTHERS = [
    replace(NOTE, body="Ho"),
    replace(NOTE, body="Hi!"),
    replace(NOTE, body="Sent from Hi"),
    replace(NOTE, to="+12345000001"),
    replace(NOTE, sender="+18888888888"),
    replace(NOTE, sender=SERVICE),
    replace(NOTE, channel=Channel.WHATSAPP),
    replace(NOTE, media=("https://a",)),
    CALLED,
]


@pytest.mark.parametrize("other", OTHERS)
async def test_another_message_is_not_taken_for_it(
    twilio: TwilioProvider, other: Notification
) -> None:
    await created(twilio, other)
    assert await twilio.look_up(delivery()) == Absent()


ALIKE = [
    NOTE,
    replace(NOTE, body="two\nlines\n\nand a gap"),
    replace(NOTE, channel=Channel.WHATSAPP),
    replace(NOTE, sender=SERVICE),
    replace(NOTE, sender=SERVICE, channel=Channel.WHATSAPP),
    replace(NOTE, sender="Plant 4"),
    replace(NOTE, sender="12345"),
    replace(NOTE, body="", media=("https://a", "https://b")),
    replace(NOTE, media=("https://a",)),
    replace(NOTE, body="€ + 100 % & 🚒"),
    CALLED,
    RUNNING,
]


@pytest.mark.parametrize(
    ("note", "trial"),
    [(note, False) for note in ALIKE]
    + [(note, True) for note in ALIKE if note.sender != "Plant 4"],
)
async def test_every_kind_of_notification_is_found_again(note: Notification, trial: bool) -> None:
    async with (
        await start(settings=Settings(trial=trial)) as sim,
        provider_of(sim.url) as twilio,
    ):
        sid = await created(twilio, note)
        assert sids(await twilio.look_up(delivery(note))) == [sid]


@pytest.mark.parametrize(
    "other",
    [
        replace(RUNNING, to="+12345000001"),
        replace(RUNNING, flow=Flow("FW" + "b" * 32)),
        CALLED,
        NOTE,
    ],
)
async def test_another_run_is_not_taken_for_it(twilio: TwilioProvider, other: Notification) -> None:
    await created(twilio, other)
    assert await twilio.look_up(delivery(RUNNING)) == Absent()


async def test_a_flow_is_found_whoever_started_it_and_whatever_it_was_told(
    twilio: TwilioProvider,
) -> None:
    sid = await created(twilio, replace(RUNNING, sender="+18888888888", flow=Flow(FLOW_SID)))
    assert sids(await twilio.look_up(delivery(RUNNING))) == [sid]


async def test_the_runs_of_a_flow_are_read_on_to_the_page_that_holds_it(
    sim: Simulator, twilio: TwilioProvider
) -> None:
    sid = await created(twilio, RUNNING)
    others = [replace(RUNNING, to=f"+1234511{n:04}") for n in range(250)]
    await asyncio.gather(*(created(twilio, other) for other in others))
    assert sids(await twilio.look_up(delivery(RUNNING))) == [sid]
    assert sim.requests.count("list-executions", 200) == 3


async def test_an_older_run_of_a_flow_hides_none_that_is_listed_after_it(
    twilio: TwilioProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    sid = await created(twilio, RUNNING)
    found = await twilio.look_up(delivery(RUNNING))
    assert sids(found) == [sid]
    listed = ExecutionPage.get_instance

    def aged(page: ExecutionPage, payload: dict[str, Any]) -> ExecutionInstance:
        run = listed(page, payload)
        if run.contact_channel_address != RUNNING.to:
            run.date_created = datetime(2020, 1, 1, tzinfo=UTC)
        return run

    await created(twilio, replace(RUNNING, to="+12345110000"))  # newer, so listed first
    monkeypatch.setattr(ExecutionPage, "get_instance", aged)
    assert sids(await twilio.look_up(delivery(RUNNING))) == [sid]


async def test_a_redacted_message_may_be_it_and_cannot_be_told_apart(
    twilio: TwilioProvider,
) -> None:
    sid = await created(twilio)
    await created(twilio, replace(NOTE, body="something else"))
    await twilio.client.messages(sid).update_async(body="")
    assert await twilio.look_up(delivery()) == Ambiguous()
    second = await created(twilio)
    found = await twilio.look_up(delivery())
    assert sids(found) == [second]
    assert isinstance(found, Found)
    assert found.otherwise == Ambiguous()


async def test_a_list_is_read_on_to_the_page_that_holds_it(
    sim: Simulator, twilio: TwilioProvider
) -> None:
    sid = await created(twilio)
    await asyncio.gather(*(created(twilio, replace(NOTE, body=f"{n}")) for n in range(250)))
    assert sids(await twilio.look_up(delivery())) == [sid]
    assert sim.requests.count("list-messages", 200) == 3


async def test_a_list_is_read_no_further_back_than_the_attempt(sim: Simulator) -> None:
    clock = [1000.0]
    async with await start(clock=lambda: clock[0]) as old, provider_of(old.url) as twilio:
        await asyncio.gather(*(created(twilio) for _ in range(250)))
        clock[0] += 1000.0
        assert await twilio.look_up(delivery(begun=time.time())) == Absent()
        assert old.requests.count("list-messages", 200) == 1
    assert sim.requests.count() == 0


@pytest.mark.parametrize("fast", [-3600.0, 3600.0])
@pytest.mark.parametrize(("earlier", "found"), [(3.0, True), (8.0, False)])
async def test_times_are_compared_in_twilios_clock_with_five_seconds_of_tolerance(
    fast: float, earlier: float, found: bool
) -> None:
    async with (
        await start(clock=lambda: time.time() + fast) as sim,
        provider_of(sim.url) as twilio,
    ):
        sid = await created(twilio)
        lookup = await twilio.look_up(delivery(begun=time.time() + earlier))
        assert (lookup == Absent()) is not found
        assert not found or sids(lookup) == [sid]


async def test_a_lookup_begins_at_the_first_doubtful_attempt_not_at_the_last(
    twilio: TwilioProvider,
) -> None:
    sid = await created(twilio)
    later = delivery(begun=time.time() - 1)
    later = replace(later, progress=replace(later.progress, attempted_at=time.time() + 500))
    assert sids(await twilio.look_up(later)) == [sid]


# Lists as only a server of our own gives them


def run(**changes: object) -> dict[str, Any]:
    """Give an execution of Twilio's list, created now."""
    return {
        "sid": "FN1",
        "status": "active",
        "contact_channel_address": TO,
        "initiated_by": None,
        "date_created": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    } | changes


def entry(**changes: object) -> dict[str, Any]:
    """Give a message of Twilio's list, created now."""
    return {
        "sid": "SM1",
        "status": "queued",
        "direction": "outbound-api",
        "body": "Hi",
        "from": SENDER,
        "to": TO,
        "num_media": "0",
        "messaging_service_sid": None,
        "date_created": format_datetime(datetime.now(UTC)),
        "error_code": None,
    } | changes


async def looked_up(
    entries: list[dict[str, Any]], note: Notification = NOTE
) -> tuple[Lookup, dict[str, list[str]]]:
    """Give the look-up in a list, and the filters it was asked with."""
    pages: dict[Kind, dict[str, Any]] = {
        Kind.TXT: {"messages": entries, "next_page_uri": None, "page_size": 100},
        Kind.CALL: {"calls": entries, "next_page_uri": None, "page_size": 100},
        Kind.FLOW: {"executions": entries, "meta": {"key": "executions", "next_page_url": None}},
    }
    body = json.dumps(pages[note.kind]).encode()
    queries: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        queries.append(urlsplit(head.split()[1].decode()).query)
        date = formatdate(usegmt=True).encode()
        size = str(len(body)).encode()
        writer.write(b"HTTP/1.1 200 X\r\nDate: %b\r\nContent-Length: %b\r\n\r\n" % (date, size))
        writer.write(body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with provider_of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as twilio:
        found = await twilio.look_up(delivery(note))
    server.close()
    await server.wait_closed()
    (query,) = queries
    return found, parse_qs(query)


async def test_a_list_is_filtered_by_to_and_from_and_never_by_the_date_of_sending() -> None:
    for note in (NOTE, CALLED):
        _, query = await looked_up([], note)
        assert query == {"To": [TO], "From": [SENDER], "PageSize": ["100"]}


async def test_behind_a_messaging_service_a_list_is_filtered_by_to_alone() -> None:
    _, query = await looked_up([], replace(NOTE, sender=SERVICE))
    assert query == {"To": [TO], "PageSize": ["100"]}


@pytest.mark.parametrize("direction", ["inbound", "outbound-call", "outbound-reply"])
async def test_what_was_not_created_by_a_request_is_not_taken_for_it(direction: str) -> None:
    found, _ = await looked_up([entry(direction=direction), entry(direction=direction, body="")])
    assert found == Absent()


@pytest.mark.parametrize(
    ("sent", "listed", "same"),
    [
        ("a\nb", "a\r\nb", True),
        ("a\r\nb", "a\nb", True),
        ("a\rb", "a\nb", True),
        ("a\nb", "Sent from your Twilio trial account - a\r\nb", True),
        ("a\nb", "a b", False),
        ("a", "A", False),
        ("a", "b - a", False),
        ("Hi", "Sent from your Twilio trial account - ", False),
    ],
)
async def test_bodies_are_compared_after_newline_normalisation_and_behind_a_trial_prefix(
    sent: str, listed: str, same: bool
) -> None:
    found, _ = await looked_up([entry(body=listed)], replace(NOTE, body=sent))
    assert isinstance(found, Found if same else Absent)


@pytest.mark.parametrize("body", ["", None])
async def test_an_empty_body_is_a_redacted_one_if_ours_was_not_empty(body: str | None) -> None:
    found, _ = await looked_up([entry(body=body)])
    assert found == Ambiguous()
    silent = replace(NOTE, body="", media=("https://a",))
    found, _ = await looked_up([entry(body=body, num_media="1")], silent)
    assert sids(found) == ["SM1"]


@pytest.mark.parametrize(
    ("number", "same"), [("1", True), ("2", False), ("0", False), (None, False)]
)
async def test_the_number_of_media_must_be_ours(number: str | None, same: bool) -> None:
    note = replace(NOTE, media=("https://a",))
    found, _ = await looked_up([entry(num_media=number)], note)
    assert isinstance(found, Found if same else Absent)


async def test_a_service_is_known_by_its_sid_while_twilio_names_no_sender() -> None:
    note = replace(NOTE, sender=SERVICE)
    ours = entry(**{"from": None, "messaging_service_sid": SERVICE})
    other = entry(**{"from": SENDER, "messaging_service_sid": None, "sid": "SM2"})
    found, _ = await looked_up([other, ours], note)
    assert isinstance(found, Found)
    assert [(each.sid, each.sent_from) for each in found.candidates] == [("SM1", SERVICE)]


async def test_an_entry_without_date_does_not_end_the_list() -> None:
    found, _ = await looked_up([entry(sid="SM2", date_created=None), entry(sid="SM1")])
    assert sids(found) == ["SM1", "SM2"]


@pytest.mark.parametrize(
    ("initiated_by", "ours"),
    [
        ("RQ" + "a" * 32, True),
        (None, True),
        ("", True),
        ("CA" + "a" * 32, False),
        ("SM" + "a" * 32, False),
        ("MM" + "a" * 32, False),
    ],
)
async def test_a_run_that_somebodys_text_or_call_started_is_not_taken_for_it(
    initiated_by: str | None, ours: bool
) -> None:
    found, query = await looked_up([run(initiated_by=initiated_by)], RUNNING)
    assert isinstance(found, Found if ours else Absent)
    assert query.keys() == {"PageSize", "DateCreatedFrom"}


async def test_a_run_that_has_ended_meanwhile_is_found() -> None:
    found, _ = await looked_up([run(status="ended")], RUNNING)
    assert isinstance(found, Found)
    (candidate,) = found.candidates
    assert (candidate.state, candidate.word) == (State.ACCEPTED, "ended")


@pytest.mark.parametrize("broken", [{"sid": None}, {"status": None}, {"date_created": "today"}])
async def test_a_run_that_cannot_be_read_makes_the_lookup_say_nothing(
    broken: dict[str, object],
) -> None:
    found, _ = await looked_up([run(**broken)], RUNNING)
    assert isinstance(found, Unanswered)


async def test_an_older_entry_ends_the_list() -> None:
    old = "Thu, 01 Jan 2015 00:00:00 +0000"
    found, _ = await looked_up([entry(sid="SM2"), entry(sid="SM0", date_created=old), entry()])
    assert sids(found) == ["SM2"]


async def test_what_has_failed_meanwhile_is_found_with_its_code() -> None:
    found, _ = await looked_up([entry(status="failed", error_code=30007)])
    assert isinstance(found, Found)
    (candidate,) = found.candidates
    assert (candidate.state, candidate.code) == (State.FAILED, 30007)


@pytest.mark.parametrize(
    "broken",
    [{"sid": None}, {"status": None}, {"num_media": "many"}, {"body": 5}, {"date_created": 5}],
)
async def test_an_entry_that_cannot_be_read_makes_the_lookup_say_nothing(
    broken: dict[str, object],
) -> None:
    found, _ = await looked_up([entry(**broken)])
    assert isinstance(found, Unanswered)


def test_pictures_count_and_line_ends_do_not_when_two_texts_are_alike() -> None:
    first = Notification(
        Kind.TXT, Channel.SMS, "D", "+12345000000", "+19999999999", "a\r\nb", ("u",)
    )
    assert first.likeness == replace(first, body="a\nb", media=("v",)).likeness
    assert first.likeness != replace(first, media=("u", "v")).likeness
