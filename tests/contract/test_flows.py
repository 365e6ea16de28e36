"""Runs of Studio flows in the store and the outbox: as any other delivery, but for their news."""

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from callbox.domain.delivery import State
from callbox.domain.notification import Kind, Voice
from callbox.domain.outcome import Absent, Accepted, Deferred, Found, Unknown
from callbox.ports import Slots
from contract.bench import Bench, ScriptedTwilio, ToyClock
from contract.deliveries import NOW, a_store, call, claim, flow, keep, one, owed, stored, text

OTHER, THIRD = "+12345000002", "+12345000003"
LOST = Unknown("No answer")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with a_store(tmp_path / "callbox.db") as store:
        bench = Bench(store, ScriptedTwilio(), ToyClock())
        await bench.outbox.open()
        yield bench


def run(sid: str = "FN1") -> Accepted:
    return Accepted(sid, State.ACCEPTED, "active", "")


async def test_a_flow_and_music_are_found_with_everything_they_were_given(bench: Bench) -> None:
    asked = flow(parameters='{"message": "Ümläut"}', priority=2)
    music = call()
    voice = Voice(text="Wait", play=("https://a/1.mp3", "https://a/2.mp3"))
    music = replace(music, notification=replace(music.notification, voice=voice))
    await keep(bench.store, asked, music)
    assert await stored(bench.store, asked) == replace(asked, seq=1)
    assert await stored(bench.store, music) == replace(music, seq=2)


async def test_a_call_that_was_stored_before_there_was_music_is_read(
    bench: Bench, tmp_path: Path
) -> None:
    old = call()
    await keep(bench.store, old)
    with sqlite3.connect(tmp_path / "callbox.db") as db:
        db.execute("UPDATE delivery SET extras = json_remove(extras, '$.voice.play')")
    db.close()
    assert await stored(bench.store, old) == replace(old, seq=1)


async def test_a_flow_takes_a_slot_that_is_no_calls(bench: Bench) -> None:
    await keep(bench.store, flow(), flow(OTHER), call(), call(OTHER))
    claimed = await claim(bench.store, slots=Slots(3, 1))
    assert sorted(each.notification.kind for each in claimed) == [Kind.CALL, Kind.FLOW, Kind.FLOW]


async def test_flows_and_texts_are_claimed_in_one_order_of_priority_and_arrival(
    bench: Bench,
) -> None:
    waiting = [text(), flow(), text(OTHER, priority=2), flow(OTHER, priority=3), flow(THIRD)]
    await keep(bench.store, *waiting)
    order = [waiting[place].id for place in (3, 2, 0, 1, 4)]
    for place in range(5):
        assert [each.id for each in await claim(bench.store, slots=Slots(1, 0))] == [order[place]]


async def test_a_recipients_flows_go_one_after_another_and_hold_no_text(bench: Bench) -> None:
    first, second, beside = flow(), flow(sid="FW" + "b" * 32), text()
    await keep(bench.store, first, second, beside)
    assert {each.id for each in await claim(bench.store)} == {first.id, beside.id}
    assert await claim(bench.store) == []


async def test_what_is_submitted_is_started_once_told_and_never_asked_for_again(
    bench: Bench,
) -> None:
    bench.twilio.outcomes = [run()]
    delivery = flow()
    await bench.outbox.submit([one(delivery)])
    await bench.round()
    await bench.round()
    assert [each.id for each in bench.twilio.created] == [delivery.id]
    after = (await stored(bench.store, delivery)).progress
    assert (after.state, after.word, after.sent_from) == (State.ACCEPTED, "active", "+19999999999")
    assert [event.topic for event in await owed(bench.store)] == [
        "message/status",
        "message/delivery",
    ]
    assert await bench.store.next_news() is None
    assert await bench.store.fresh(NOW + 1e9, 9) == []


async def test_one_without_an_answer_is_claimed_by_a_lookup_and_not_started_again(
    bench: Bench,
) -> None:
    bench.twilio.outcomes = [LOST]
    bench.twilio.lookups = [Found((run(),), Absent())]
    delivery = flow()
    await bench.outbox.submit([one(delivery)])
    await bench.round()
    bench.clock.pass_by(5)
    await bench.round()
    bench.clock.pass_by(600)
    await bench.round()
    found = (await stored(bench.store, delivery)).progress
    assert (found.state, found.sid, found.news_at) == (State.ACCEPTED, "FN1", None)
    assert len(bench.twilio.created) == 1


async def test_one_that_three_lookups_do_not_find_is_started_again_once(bench: Bench) -> None:
    bench.twilio.outcomes = [LOST, run()]
    delivery = flow()
    await bench.outbox.submit([one(delivery)])
    await bench.round()
    for seconds in (5, 15, 40):
        assert (await stored(bench.store, delivery)).progress.in_doubt
        bench.clock.pass_by(seconds)
        await bench.round()
    await bench.round()
    assert len(bench.twilio.created) == 2
    assert (await stored(bench.store, delivery)).progress.sid == "FN1"


async def test_while_one_is_in_doubt_no_other_run_that_is_listed_alike_begins(bench: Bench) -> None:
    bench.twilio.outcomes = [LOST]
    doubtful = flow()
    await bench.outbox.submit([one(doubtful)])
    await bench.round()
    alike = flow(parameters="{}")
    alike = replace(alike, notification=replace(alike.notification, sender="+18888888888"))
    other = flow(sid="FW" + "b" * 32)
    bench.twilio.outcomes = [run("FN2")]
    await bench.outbox.submit([one(alike), one(other)])
    await bench.round()
    assert [each.id for each in bench.twilio.created] == [doubtful.id, other.id]


async def test_a_person_cancels_one_that_waits_and_retries_it(bench: Bench) -> None:
    bench.twilio.outcomes = [Deferred("Busy", counts=True, code=20409), run()]
    delivery = flow()
    await bench.outbox.submit([one(delivery)])
    await bench.round()
    waiting = await stored(bench.store, delivery)
    assert waiting.progress.due_at == NOW + 2
    assert await bench.outbox.cancel_delivery(waiting)
    (again,) = (await bench.outbox.retry(await stored(bench.store, delivery), 60.0)).accepted
    await bench.round()
    found = await bench.store.find(again)
    assert found is not None
    assert (found.notification, found.retry_of) == (delivery.notification, delivery.id)
    assert (found.progress.state, found.progress.sid) == (State.ACCEPTED, "FN1")
