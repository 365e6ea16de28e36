"""The inbox on a real store: what is texted is kept once, told, and sets off what rules say."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from callbox.domain.delivery import Delivery
from callbox.domain.notification import Channel
from callbox.domain.received import Medium, OptOut, Ring, Text
from callbox.errors import StoreUnavailable
from callbox.inbox import MOST_REPLIES, MOST_WRONG_PINS, Habits, Inbox
from callbox.intake import Intake, Terms
from callbox.ports import Reception
from callbox.rules import Rule, Rulebook
from contract.bench import Bench, ScriptedTwilio, ToyClock
from contract.deliveries import DOCUMENTS, NOW, Shelf, one, owed, text

OURS, DARLA, STRANGER = "+19999999999", "+12345000001", "+12345000009"
SERVICE = "MG" + "0" * 32


class Words:
    """A template without fields."""

    def __init__(self, words: str) -> None:
        self._words = words

    def render(self, fields: Mapping[str, object]) -> str:
        del fields
        return self._words


def gate(**rule: Any) -> Rule:  # noqa: ANN401 - fields of Rule
    """Give a rule that opens the gate."""

    def match(body: str) -> Mapping[str, str] | None:
        return {} if body.lower() == "gate open" else None

    plain: dict[str, Any] = {
        "name": "gate",
        "senders": frozenset({DARLA}),
        "match": match,
        "topic": "home/gate/set",
        "payload": Words("OPEN"),
        "reply": Words("The gate opens."),
    }
    return Rule(**(plain | rule))


@dataclass
class Post:
    """An inbox and an outbox on one store."""

    bench: Bench
    inbox: Inbox
    woken: list[None] = field(default_factory=list)

    async def events(self, topic: str | None = None) -> list[tuple[str, Any]]:
        """Give topic and payload of what is owed to the broker."""
        return [
            (event.topic, _read(event.payload))
            for event in await owed(self.bench.store)
            if topic in {None, event.topic}
        ]

    async def received(self) -> list[Any]:
        return [document for _, document in await self.events("message/received")]

    async def replies(self) -> list[Delivery]:
        return list(reversed(await self.bench.store.listing(None, 100)))


def _read(payload: bytes) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode()


def post_on(bench: Bench, *rules: Rule) -> Post:
    terms = Terms(OURS, None, None, 3600.0, "hold", lambda _: [])
    inbox = Inbox(
        bench.store,
        DOCUMENTS,
        bench.clock,
        Rulebook(rules, {OURS}),
        Intake(terms, bench.clock),
        bench.outbox.consent,
        {DARLA: "Darla"}.get,
        Habits(max_age=300.0, service=SERVICE),
        lambda: None,
    )
    return Post(bench, inbox)


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    shelf = Shelf(tmp_path / "callbox.db")
    yield shelf
    for store in shelf.dead:
        await store.close()


@pytest.fixture
async def post(shelf: Shelf) -> AsyncIterator[Post]:
    store = await shelf.open()
    bench = Bench(store, ScriptedTwilio(), ToyClock())
    await bench.outbox.open()
    post = post_on(bench, gate())
    await post.inbox.open()
    yield post
    if store not in shelf.dead:
        await store.close()


def sms(body: str = "Hello", sender: str = DARLA, sid: str = "SM1", **more: Any) -> Text:  # noqa: ANN401 - fields
    return Text(sid, sender, OURS, body, **more)


async def test_a_text_is_told_with_the_keys_of_the_contract(post: Post) -> None:
    medium = Medium("https://api.twilio.com/ME1", "image/jpeg")
    assert await post.inbox.receive(sms(media=(medium,)))
    (document,) = await post.received()
    assert document == {
        "messageFrom": DARLA,
        "messageTo": OURS,
        "messageText": "Hello",
        "sid": "SM1",
        "channel": "sms",
        "media": [{"url": "https://api.twilio.com/ME1", "content_type": "image/jpeg"}],
        "name": "Darla",
        "opt_out": None,
        "stale": False,
        "received_at": "2027-01-15T08:00:00.000Z",
    }


async def test_a_text_that_twilio_repeats_is_told_once(post: Post) -> None:
    assert await post.inbox.receive(sms("gate open"))
    assert not await post.inbox.receive(sms("gate open"))
    assert len(await post.received()) == 1
    assert len(await post.events("home/gate/set")) == 1
    assert len(await post.replies()) == 1


async def test_a_text_that_was_kept_before_a_kill_is_known_after_it(
    post: Post, shelf: Shelf
) -> None:
    await post.inbox.receive(sms())
    store = await shelf.reopen(post.bench.store)
    again = post_on(Bench(store, ScriptedTwilio(), ToyClock()))
    assert not await again.inbox.receive(sms())
    assert len(await again.received()) == 1
    await store.close()


async def test_a_rule_publishes_and_replies_from_the_number_that_was_texted(post: Post) -> None:
    await post.inbox.receive(sms("Gate open"))
    assert await post.events("home/gate/set") == [("home/gate/set", "OPEN")]
    (reply,) = await post.replies()
    note = reply.notification
    assert (note.to, note.sender, note.body, note.name) == (DARLA, OURS, "The gate opens.", "Darla")
    await post.bench.round()
    assert [each.id for each in post.bench.twilio.created] == [reply.id]


async def test_a_whatsapp_text_is_answered_on_whatsapp(post: Post) -> None:
    await post.inbox.receive(sms("gate open", channel=Channel.WHATSAPP))
    (reply,) = await post.replies()
    assert reply.notification.channel is Channel.WHATSAPP


async def test_an_old_text_is_told_as_stale_and_sets_nothing_off(post: Post) -> None:
    await post.inbox.receive(sms("gate open", sent_at=NOW - 301))
    (document,) = await post.received()
    assert document["stale"]
    assert document["received_at"] == "2027-01-15T07:54:59.000Z"
    assert await post.events("home/gate/set") == []
    assert await post.replies() == []


async def test_a_text_just_young_enough_is_acted_on(post: Post) -> None:
    await post.inbox.receive(sms("gate open", sent_at=NOW - 299))
    assert len(await post.events("home/gate/set")) == 1


async def test_a_stranger_is_told_and_sets_nothing_off(post: Post) -> None:
    await post.inbox.receive(sms("gate open", STRANGER))
    (document,) = await post.received()
    assert document["name"] is None
    assert await post.events("home/gate/set") == []


async def test_no_more_than_five_replies_an_hour_go_to_one_sender(post: Post) -> None:
    for number in range(7):
        await post.inbox.receive(sms("gate open", sid=f"SM{number}"))
    assert len(await post.replies()) == MOST_REPLIES
    assert len(await post.events("home/gate/set")) == 7
    assert post.inbox.counters.replies_withheld == 2
    post.bench.clock.pass_by(3600)
    await post.inbox.receive(sms("gate open", sid="SMlater"))
    assert len(await post.replies()) == MOST_REPLIES + 1


async def test_the_count_of_replies_outlives_a_kill(post: Post, shelf: Shelf) -> None:
    for number in range(5):
        await post.inbox.receive(sms("gate open", sid=f"SM{number}"))
    store = await shelf.reopen(post.bench.store)
    again = post_on(Bench(store, ScriptedTwilio(), ToyClock()), gate())
    await again.inbox.receive(sms("gate open", sid="SMmore"))
    assert len(await again.replies()) == MOST_REPLIES
    await store.close()


@pytest.mark.parametrize("body", ["STOP", "stop ", "Unsubscribe", "REVOKE", "START", "help"])
async def test_opt_out_words_set_off_everything_but_replies(bench_post: Post, body: str) -> None:
    await bench_post.inbox.receive(sms(body))
    (document,) = await bench_post.received()
    assert document["opt_out"] in {"STOP", "START", "HELP"}
    assert len(await bench_post.events("any/text")) == 1
    assert await bench_post.replies() == []


@pytest.fixture
async def bench_post(post: Post) -> Post:
    """An inbox where every text is published and answered."""
    every = gate(match=lambda _: {}, topic="any/text", payload=None)
    return post_on(post.bench, every)


async def test_a_rule_without_a_payload_publishes_the_document_of_the_text(
    bench_post: Post,
) -> None:
    await bench_post.inbox.receive(sms())
    assert await bench_post.events("any/text") == [("any/text", (await bench_post.received())[0])]


async def test_stop_alone_is_told_as_a_warning_and_the_next_text_is_tried(post: Post) -> None:
    await post.inbox.receive(sms("STOP"))
    await post.bench.outbox.submit([one(text(DARLA))])
    await post.bench.round()
    assert len(post.bench.twilio.created) == 1
    document = (await post.events("message/delivery"))[-1][1]
    assert document["state"] == "accepted"
    assert "STOP" in document["remedy"]


async def test_twilios_own_opt_out_is_certain_until_start(post: Post) -> None:
    await post.inbox.receive(sms("Basta", told_opt_out=OptOut.STOP))
    await post.bench.outbox.submit([one(text(DARLA))])
    await post.bench.round()
    assert post.bench.twilio.created == []
    await post.inbox.receive(sms("start", sid="SM2"))
    await post.bench.outbox.submit([one(text(DARLA))])
    await post.bench.round()
    assert len(post.bench.twilio.created) == 1


async def test_an_opt_out_by_a_messaging_service_holds_for_the_service(post: Post) -> None:
    stop = sms("STOP", told_opt_out=OptOut.STOP, service=SERVICE)
    await post.inbox.receive(stop)
    await post.bench.outbox.submit([one(text(DARLA, sender=SERVICE))])
    await post.bench.round()
    assert post.bench.twilio.created == []


async def test_a_pin_opens_the_rule_and_is_neither_stored_nor_told(
    post: Post, caplog: pytest.LogCaptureFixture, shelf: Shelf
) -> None:
    locked = post_on(post.bench, gate(pin="4711"))
    await locked.inbox.receive(sms("4711 gate open"))
    assert len(await locked.events("home/gate/set")) == 1
    (document,) = await locked.received()
    assert document["messageText"] == "gate open"
    assert "4711" not in caplog.text
    files = shelf.path.parent.glob(f"{shelf.path.name}*")
    assert not any(b"4711" in file.read_bytes() for file in files)


async def test_too_many_wrong_pins_lock_the_sender_out_for_the_hour(post: Post) -> None:
    locked = post_on(post.bench, gate(pin="4711"))
    for number in range(MOST_WRONG_PINS):
        await locked.inbox.receive(sms(f"gate open 000{number}", sid=f"SM{number}"))
    await locked.inbox.receive(sms("gate open 4711", sid="SMright"))
    assert await locked.events("home/gate/set") == []
    post.bench.clock.pass_by(3600)
    await locked.inbox.receive(sms("gate open 4711", sid="SMlater"))
    assert len(await locked.events("home/gate/set")) == 1


async def test_wrong_pins_count_beyond_a_kill(post: Post, shelf: Shelf) -> None:
    locked = post_on(post.bench, gate(pin="4711"))
    for number in range(MOST_WRONG_PINS):
        await locked.inbox.receive(sms(f"gate open 000{number}", sid=f"SM{number}"))
    store = await shelf.reopen(post.bench.store)
    again = post_on(Bench(store, ScriptedTwilio(), ToyClock()), gate(pin="4711"))
    await again.inbox.open()
    await again.inbox.receive(sms("gate open 4711", sid="SMright"))
    assert await again.events("home/gate/set") == []
    await store.close()


async def test_half_an_emoji_is_no_reason_to_lose_a_text(post: Post) -> None:
    assert await post.inbox.receive(sms("Wave \ud83d"))
    assert (await post.received())[0]["messageText"] == "Wave ?"


async def test_a_call_and_its_end_are_told_each_once(post: Post) -> None:
    ring = Ring("CA1", DARLA, OURS, "ringing")
    for step in (ring, ring, replace(ring, status="completed"), replace(ring, status="completed")):
        await post.inbox.ring(step)
    documents = [document for _, document in await post.events("call/received")]
    assert documents == [
        {
            "callFrom": DARLA,
            "callTo": OURS,
            "call_status": status,
            "sid": "CA1",
            "name": "Darla",
            "received_at": "2027-01-15T08:00:00.000Z",
        }
        for status in ("ringing", "completed")
    ]


async def test_a_voicemail_is_told_with_its_address(post: Post) -> None:
    url = "https://api.twilio.com/RE1"
    await post.inbox.ring(Ring("CA1", DARLA, OURS, "in-progress", url, 7))
    (document,) = [document for _, document in await post.events("call/received")]
    assert (document["recording_url"], document["duration"]) == (url, 7)


async def test_while_the_disk_refuses_twilio_is_told_to_come_again(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post.bench.store._writer, "trouble", "No room")
    with pytest.raises(StoreUnavailable, match="No room"):
        await post.inbox.receive(sms())


async def test_what_comes_by_webhook_while_the_first_list_is_read_is_new(post: Post) -> None:
    listed = Reception("SM1", DARLA, OURS, "", NOW, old=True)
    assert (await post.bench.store.receive([listed, listed], NOW))[0].new
    assert await post.inbox.receive(sms("gate open"))
    assert not await post.inbox.receive(sms("gate open"))
    assert (await post.received())[0]["messageText"] == "gate open"
    assert len(await post.replies()) == 1


async def test_what_a_rule_publishes_is_over_when_the_text_is_too_old(post: Post) -> None:
    await post.inbox.receive(sms("gate open", sent_at=NOW - 100))
    ends = {event.topic: event.expires_at for event in await owed(post.bench.store)}
    assert ends == {"message/received": None, "home/gate/set": NOW + 200}


async def test_a_command_with_a_pin_is_no_opt_out_though_stop_is_left_of_it(post: Post) -> None:
    stop = gate(match=lambda body: {} if body == "stop" else None, pin="4711")
    alarm = post_on(post.bench, stop)
    await alarm.inbox.receive(sms("stop 4711"))
    (document,) = await alarm.received()
    assert (document["messageText"], document["opt_out"]) == ("stop", None)
    assert len(await alarm.replies()) == 1
    await alarm.bench.round()
    assert (await alarm.events("message/delivery"))[-1][1]["remedy"] is None


@pytest.mark.parametrize("sender", ["AMAZON", "24273", "messenger:123456", OURS])
async def test_who_cannot_be_answered_is_not(bench_post: Post, sender: str) -> None:
    await bench_post.inbox.receive(sms(sender=sender))
    assert len(await bench_post.received()) == 1
    assert await bench_post.replies() == []


async def test_a_number_that_was_ever_texted_is_ours_and_sets_nothing_off(
    bench_post: Post, shelf: Shelf
) -> None:
    other = "+15550002222"
    await bench_post.inbox.receive(Text("SM1", DARLA, other, "Hello"))
    await bench_post.inbox.receive(Text("SM2", other, OURS, "Hello"))
    assert len(await bench_post.replies()) == 1
    store = await shelf.reopen(bench_post.bench.store)
    every = gate(match=lambda _: {}, topic="any/text", payload=None)
    again = post_on(Bench(store, ScriptedTwilio(), ToyClock()), every)
    await again.inbox.open()
    await again.inbox.receive(Text("SM3", other, "+15550003333", "Hello"))
    assert len(await again.replies()) == 1
    await store.close()


async def test_a_wrong_pin_counts_once_however_often_twilio_tells_of_it(post: Post) -> None:
    locked = post_on(post.bench, gate(pin="4711"))
    for _ in range(2 * MOST_WRONG_PINS):
        await locked.inbox.receive(sms("gate open 0000"))
    assert locked.inbox.counters.wrong_pins == 1
    await locked.inbox.receive(sms("gate open 4711", sid="SMright"))
    assert len(await locked.events("home/gate/set")) == 1
