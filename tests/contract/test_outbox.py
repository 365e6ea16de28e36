"""The outbox on a real store, with a Twilio that answers as it is told."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from callbox.domain.delivery import Delivery, State
from callbox.domain.outcome import (
    Absent,
    Accepted,
    Deferred,
    Lookup,
    Outcome,
    Pause,
    Refused,
    Unknown,
)
from callbox.domain.pace import Pace
from callbox.domain.policy import Rules
from callbox.outbox import Outbox
from callbox.ports import Limits
from callbox.store.sqlite import SqliteStore
from contract.deliveries import DOCUMENTS, NOW, a_store, one, owed, stored, text


@dataclass
class ScriptedTwilio:
    """Gives the outcomes it was given, in their order, then accepts; waits while it is `slow`."""

    outcomes: list[Outcome] = field(default_factory=list)
    lookups: list[Lookup] = field(default_factory=list)
    created: list[Delivery] = field(default_factory=list)
    slow: asyncio.Event | None = None

    async def create(self, delivery: Delivery, validity: int | None) -> Outcome:
        del validity
        self.created.append(delivery)
        await self.answer_comes()
        if self.outcomes:
            return self.outcomes.pop(0)
        sid = f"SM{len(self.created)}"
        return Accepted(sid, State.ACCEPTED, "queued", "+19999999999")

    async def look_up(self, delivery: Delivery) -> Lookup:
        del delivery
        await self.answer_comes()
        return self.lookups.pop(0) if self.lookups else Absent()

    async def answer_comes(self) -> None:
        if self.slow is not None:
            await self.slow.wait()

    async def probe(self) -> tuple[Pause | None, str]:
        return None, ""


@dataclass
class ToyClock:
    """Stands still unless it is moved."""

    wall: float = NOW
    since_start: float = 0.0
    ids: int = 0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.since_start

    def jitter(self) -> float:
        return 0.0

    def new_id(self) -> str:
        self.ids += 1
        return f"again{self.ids}"

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.since_start += seconds


@dataclass
class Bench:
    """An outbox whose rounds the test makes itself."""

    store: SqliteStore
    twilio: ScriptedTwilio
    clock: ToyClock
    outbox: Outbox = field(init=False)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        rules = Rules((2.0, 10.0), (5.0, 20.0, 60.0))
        self.outbox = Outbox(
            self.store,
            self.twilio,
            DOCUMENTS,
            self.clock,
            rules,
            Pace(10, 1.0),
            lambda: None,
            self.spawn,
        )

    def spawn(self, work: Coroutine[Any, Any, None]) -> object:
        self.tasks.append(asyncio.ensure_future(work))
        return self.tasks[-1]

    async def round(self) -> None:
        """Let the outbox do what is due, to the end."""
        await self.outbox._round()
        while self.tasks:
            await self.tasks.pop()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with a_store(tmp_path / "callbox.db", Limits(per_recipient_hour=2)) as store:
        bench = Bench(store, ScriptedTwilio(), ToyClock())
        await bench.outbox.open()
        yield bench


async def test_what_is_submitted_is_sent_once_and_told(bench: Bench) -> None:
    delivery = text()
    (receipt,) = await bench.outbox.submit([one(delivery)])
    assert receipt.accepted == (delivery.id,)
    await bench.round()
    await bench.round()
    assert [each.id for each in bench.twilio.created] == [delivery.id]
    assert (await stored(bench.store, delivery)).progress.state is State.ACCEPTED
    assert [event.topic for event in await owed(bench.store)] == [
        "message/status",
        "message/delivery",
        "message/sent",
    ]


async def test_an_attempt_is_on_disk_before_twilio_is_asked(bench: Bench) -> None:
    delivery = text()
    bench.twilio.slow = asyncio.Event()
    await bench.outbox.submit([one(delivery)])
    before = (await stored(bench.store, delivery)).progress
    assert (before.state, before.attempt) == (State.SENDING, 1)
    bench.twilio.slow.set()
    await bench.round()


async def test_a_lost_answer_is_looked_up_three_times_and_then_sent_again(bench: Bench) -> None:
    bench.twilio.outcomes = [Unknown("No answer")]
    delivery = text()
    await bench.outbox.submit([one(delivery)])
    await bench.round()
    for seconds in (5, 15, 40):
        assert (await stored(bench.store, delivery)).progress.in_doubt
        bench.clock.pass_by(seconds)
        await bench.round()
    await bench.round()
    assert len(bench.twilio.created) == 2
    assert (await stored(bench.store, delivery)).progress.state is State.ACCEPTED


async def test_what_is_over_is_expired_and_told(bench: Bench) -> None:
    bench.outbox.pace.failed(0.0, Pause.ACCOUNT, "Suspended")
    delivery = text()
    await bench.outbox.submit([one(delivery)])
    bench.clock.pass_by(3600)
    await bench.round()
    assert (await stored(bench.store, delivery)).progress.state is State.EXPIRED
    assert len(await owed(bench.store)) == 2


async def test_sending_a_failed_one_again_makes_a_new_delivery_that_names_it(bench: Bench) -> None:
    bench.twilio.outcomes = [Refused(21211, "Not a number")]
    delivery = text()
    await bench.outbox.submit([one(delivery)])
    await bench.round()
    failed = await stored(bench.store, delivery)
    receipt = await bench.outbox.retry(failed, 60.0)
    assert receipt.accepted == ("again1",)
    await bench.round()
    again = await bench.store.find("again1")
    assert again is not None
    assert (again.retry_of, again.expires_at) == (failed.id, NOW + 60)
    assert again.progress.state is State.ACCEPTED
    assert (await stored(bench.store, delivery)).progress.state is State.FAILED


async def test_sending_again_over_a_limit_is_refused_in_a_sentence(bench: Bench) -> None:
    bench.twilio.outcomes = [Refused(21211, "Not a number")] * 2
    await bench.outbox.submit([one(text()), one(text())])
    await bench.round()
    await bench.round()
    failed = (await bench.store.listing(State.FAILED, 1))[0]
    receipt = await bench.outbox.retry(failed, 60.0)
    assert receipt.accepted == ()
    assert receipt.refused[0].message.startswith("limits.per_recipient_hour: 2 ")


async def test_a_jump_of_the_clock_moves_what_waits_with_it(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.outbox.pace.failed(0.0, Pause.ACCOUNT, "Suspended")
    delivery = text()
    await bench.outbox.submit([one(delivery)])
    bench.clock.wall += 90_000
    with caplog.at_level(logging.WARNING):
        await bench.round()
    assert caplog.messages == ["The clock jumped by +90000 s: due times move with it"]
    found = await stored(bench.store, delivery)
    assert (found.progress.state, found.expires_at) == (State.QUEUED, NOW + 93_600)


async def test_a_jump_while_twilio_is_asked_does_not_shorten_the_lookups(bench: Bench) -> None:
    bench.twilio.outcomes = [Unknown("No answer")]
    delivery = text()
    bench.twilio.slow = asyncio.Event()
    await bench.outbox.submit([one(delivery)])
    bench.clock.wall += 90_000
    await bench.outbox._round()
    bench.twilio.slow.set()
    await bench.round()
    doubt = (await stored(bench.store, delivery)).progress
    assert (doubt.doubt_since, doubt.doubt_base) == (NOW + 90_000, NOW + 90_000)
    assert doubt.due_at == NOW + 90_005


async def test_a_jump_while_a_lookup_is_under_way_does_not_bring_the_next_one_forward(
    bench: Bench,
) -> None:
    bench.twilio.outcomes = [Unknown("No answer")]
    delivery = text()
    await bench.outbox.submit([one(delivery)])
    await bench.round()
    bench.clock.pass_by(5)
    bench.twilio.slow = asyncio.Event()
    await bench.outbox._round()
    bench.clock.wall += 90_000
    await bench.outbox._round()
    bench.twilio.slow.set()
    await bench.round()
    doubt = (await stored(bench.store, delivery)).progress
    assert (doubt.lookups, doubt.due_at) == (1, NOW + 90_020)


async def test_a_sid_given_twice_puts_the_second_one_in_doubt(bench: Bench) -> None:
    same = Accepted("SMsame", State.ACCEPTED, "queued", "+19999999999")
    bench.twilio.outcomes = [same, same]
    first, second = text("+12345000001"), text("+12345000002")
    await bench.outbox.submit([one(first), one(second)])
    await bench.round()
    states = [(await stored(bench.store, each)).progress.state for each in (first, second)]
    assert states == [State.ACCEPTED, State.UNKNOWN]


async def test_thousands_that_expire_in_a_pause_are_told_without_waiting(bench: Bench) -> None:
    bench.outbox.pace.failed(0.0, Pause.ACCOUNT, "Suspended")
    await bench.outbox.submit([one(text(f"+1234500{n:04}")) for n in range(450)])
    bench.clock.pass_by(90_000)
    for _ in range(4):
        await bench.round()
    assert (await bench.store.figures(NOW)).waiting == 0


async def test_a_request_that_only_a_proxy_refuses_lets_others_pass(bench: Bench) -> None:
    refused = Deferred("Not Twilio's answer", pause=Pause.OUTAGE, aside=True)
    bench.twilio.outcomes = [refused]
    poison, alarm = text("+12345000001"), text("+12345000002")
    await bench.outbox.submit([one(poison)])
    await bench.round()
    bench.outbox.pace.failed(0.0, Pause.ACCOUNT, "Suspended")
    await bench.outbox.submit([one(alarm)])
    bench.clock.pass_by(1)
    await bench.round()
    await bench.round()
    assert [created.id for created in bench.twilio.created] == [poison.id, alarm.id]


async def test_a_lookup_counts_from_when_it_was_asked_not_answered(bench: Bench) -> None:
    bench.twilio.outcomes = [Unknown("No answer")]
    delivery = replace(text(), on_unknown="resend")
    await bench.outbox.submit([one(delivery)])
    await bench.round()
    bench.clock.pass_by(5)
    bench.twilio.slow = asyncio.Event()
    doubtful = await stored(bench.store, delivery)
    asking = asyncio.ensure_future(bench.outbox._look_up(doubtful, 0))
    await asyncio.sleep(0)
    bench.clock.pass_by(16)
    bench.twilio.slow.set()
    await asking
    assert (await stored(bench.store, delivery)).progress.in_doubt


async def test_what_expired_while_it_waited_for_the_disk_is_not_sent(bench: Bench) -> None:
    delivery = replace(text(), expires_at=NOW + 60)
    await bench.outbox.submit([one(delivery)])
    bench.clock.pass_by(3600)
    await bench.round()
    assert bench.twilio.created == []
    assert (await stored(bench.store, delivery)).progress.state is State.EXPIRED
