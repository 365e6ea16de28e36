"""The outbox on a real store, with a Twilio that answers as it is told."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from callbox.domain.delivery import State
from callbox.domain.outcome import (
    Accepted,
    Deferred,
    Pause,
    Refused,
    Unknown,
)
from callbox.ports import Limits
from contract.bench import Bench, ScriptedTwilio, ToyClock
from contract.deliveries import NOW, a_store, one, owed, stored, text


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
