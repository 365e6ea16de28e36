"""What Twilio tells of a text after it took it, in whatever order, on a real store."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callbox.domain.consent import Step, pair_of
from callbox.domain.delivery import Delivery, Evidence, State
from callbox.domain.news import News
from callbox.domain.notification import CRITICAL, Kind
from callbox.domain.outcome import Accepted, Refused, Unknown
from callbox.twilio.status import follows, state_of
from contract.bench import Bench, ScriptedTwilio, ToyClock
from contract.deliveries import a_store, call, one, owed, stored, text

HOUR = 3600.0


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with a_store(tmp_path / "callbox.db") as store:
        bench = Bench(store, ScriptedTwilio(), ToyClock())
        await bench.outbox.open()
        yield bench


def news(word: str, sid: str = "SM1", kind: Kind = Kind.TXT, **more: Any) -> News:  # noqa: ANN401 - fields
    return News(kind, sid, word, state_of(kind, word), follows(kind, word), **more)


def callback(delivery: Delivery, word: str, sid: str = "SM1", attempt: int = 1) -> News:
    """Tell by a callback whose URL names an attempt."""
    return news(word, sid, evidence=Evidence.CALLBACK, attempt_id=f"{delivery.id}-{attempt}")


async def accepted(bench: Bench, delivery: Delivery | None = None) -> Delivery:
    delivery = delivery or text()
    await bench.outbox.submit([one(delivery)])
    await bench.round()
    return delivery


async def told(bench: Bench) -> list[tuple[str, str]]:
    """Give (previous, new) state of every `message/delivery`."""
    documents = [
        json.loads(event.payload)
        for event in await owed(bench.store)
        if event.topic == "message/delivery"
    ]
    return [(document["previous_state"], document["state"]) for document in documents]


async def statuses(bench: Bench) -> list[str]:
    return [
        json.loads(event.payload)["response"]["status"]
        for event in await owed(bench.store)
        if event.topic == "message/status"
    ]


async def test_a_text_is_told_to_be_sent_and_delivered_each_once(bench: Bench) -> None:
    await accepted(bench)
    for word in ("sent", "sent", "delivered", "delivered"):
        assert await bench.outbox.hear(news(word))
    assert await told(bench) == [
        ("sending", "accepted"),
        ("accepted", "sent"),
        ("sent", "delivered"),
    ]
    assert await statuses(bench) == ["success"]


async def test_news_that_come_late_change_nothing(bench: Bench) -> None:
    delivery = await accepted(bench)
    for word in ("delivered", "sent", "queued", "undelivered"):
        await bench.outbox.hear(news(word))
    assert (await stored(bench.store, delivery)).progress.state is State.DELIVERED
    assert await told(bench) == [("sending", "accepted"), ("accepted", "delivered")]


async def test_what_was_not_delivered_is_told_with_code_and_remedy(bench: Bench) -> None:
    await accepted(bench)
    await bench.outbox.hear(
        news("undelivered", code=30003, reason="Switched off", remedy="Try later")
    )
    document = json.loads((await owed(bench.store))[-1].payload)
    assert document["state"] == "undelivered"
    assert document["error_code"] == 30003
    assert document["error_message"] == "Switched off"
    assert document["remedy"] == "Try later"


async def test_the_price_is_told_once_twilio_knows_it(bench: Bench) -> None:
    await accepted(bench)
    await bench.outbox.hear(news("delivered", segments=2))
    priced = news("delivered", price="-0.00750", price_unit="USD")
    assert await bench.outbox.hear(priced)
    await bench.outbox.hear(priced)
    assert (await told(bench))[1:] == [("accepted", "delivered"), ("delivered", "delivered")]
    document = json.loads((await owed(bench.store))[-1].payload)
    assert (document["segments"], document["price"], document["price_unit"]) == (
        2,
        "-0.00750",
        "USD",
    )


async def test_a_priced_text_that_arrived_is_not_asked_for_any_more(bench: Bench) -> None:
    delivery = await accepted(bench)
    await bench.outbox.hear(news("delivered", price="-0.00750", price_unit="USD"))
    assert (await stored(bench.store, delivery)).progress.news_at is None


async def test_a_calls_steps_are_told_with_who_answered_and_how_long(bench: Bench) -> None:
    await accepted(bench, call())
    for word, more in (
        ("ringing", {}),
        ("in-progress", {"answered_by": "human"}),
        ("ringing", {}),
        ("completed", {"duration": 12}),
    ):
        await bench.outbox.hear(news(word, kind=Kind.CALL, **more))
    documents = [json.loads(e.payload) for e in await owed(bench.store) if "delivery" in e.topic]
    assert [document["call_status"] for document in documents[1:]] == [
        "ringing",
        "in-progress",
        "completed",
    ]
    assert documents[-1]["state"] == "delivered"
    assert (documents[-1]["answered_by"], documents[-1]["duration"]) == ("human", 12)


async def test_a_callback_that_overtakes_the_answer_settles_it(bench: Bench) -> None:
    delivery = text()
    bench.twilio.hook = callback(delivery, "sent")
    bench.twilio.hear = bench.outbox.hear
    await accepted(bench, delivery)
    progress = (await stored(bench.store, delivery)).progress
    assert (progress.state, progress.sid, progress.evidence) == (
        State.SENT,
        "SM1",
        Evidence.CALLBACK,
    )
    assert await statuses(bench) == ["success"]
    assert bench.outbox.counters.doubled == 0


async def test_a_callback_settles_a_lost_answer_and_nothing_is_looked_up(bench: Bench) -> None:
    bench.twilio.outcomes = [Unknown("No answer")]
    delivery = await accepted(bench)
    await bench.outbox.hear(callback(delivery, "delivered", "SM9"))
    bench.clock.pass_by(120)
    await bench.round()
    assert (await stored(bench.store, delivery)).progress.state is State.DELIVERED
    assert len(bench.twilio.created) == 1
    assert await statuses(bench) == ["success"]


async def test_a_callback_for_what_was_thought_absent_keeps_it_from_being_sent_again(
    bench: Bench,
) -> None:
    bench.twilio.outcomes = [Unknown("A 5xx", answered=True)]
    delivery = await accepted(bench)
    for seconds in (6, 15, 40):
        bench.clock.pass_by(seconds)
        await bench.round()
    assert (await stored(bench.store, delivery)).progress.state in {State.QUEUED, State.SENDING}
    await bench.outbox.hear(callback(delivery, "sent", "SM9"))
    bench.clock.pass_by(600)
    await bench.round()
    assert len(bench.twilio.created) == 1
    assert (await stored(bench.store, delivery)).progress.sid == "SM9"


async def test_a_callback_with_another_sid_is_counted_and_told_as_sent_twice(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    delivery = await accepted(bench)
    await bench.outbox.hear(callback(delivery, "delivered", "SM2"))
    assert bench.outbox.counters.doubled == 1
    assert "sent twice: Twilio made SM2 as well as SM1" in caplog.text
    assert (await stored(bench.store, delivery)).progress.state is State.ACCEPTED


async def test_an_answer_that_differs_from_the_callback_before_it_is_told_too(bench: Bench) -> None:
    delivery = text()
    bench.twilio.hook = callback(delivery, "sent", "SM7")
    bench.twilio.hear = bench.outbox.hear
    await accepted(bench, delivery)
    assert bench.outbox.counters.doubled == 1


async def test_a_callback_beats_what_a_lookup_took(bench: Bench) -> None:
    delivery = await accepted(bench)
    found = await stored(bench.store, delivery)
    await bench.outbox._settle(found, _with(found, sid="SMlike", evidence=Evidence.LOOKUP))
    await bench.outbox.hear(callback(delivery, "delivered", "SM2"))
    assert (await stored(bench.store, delivery)).progress.sid == "SM2"
    assert bench.outbox.counters.doubled == 0


def _with(delivery: Delivery, **progress: Any) -> Any:  # noqa: ANN401 - fields
    return replace(delivery.progress, **progress)


async def test_news_of_strangers_are_counted_and_change_nothing(bench: Bench) -> None:
    await accepted(bench)
    assert not await bench.outbox.hear(news("delivered", "SMother"))
    stranger = news("sent", "SMother", evidence=Evidence.CALLBACK, attempt_id="nobody-1")
    assert not await bench.outbox.hear(stranger)
    assert bench.outbox.counters.strangers == 2
    assert await told(bench) == [("sending", "accepted")]


async def test_a_text_without_news_ends_unknown_and_says_so(bench: Bench) -> None:
    delivery = await accepted(bench)
    bench.clock.pass_by(11 * HOUR)
    await bench.outbox.silent(await stored(bench.store, delivery), answered=True)
    assert (await stored(bench.store, delivery)).progress.state is State.ACCEPTED
    bench.clock.pass_by(HOUR)
    await bench.outbox.silent(await stored(bench.store, delivery), answered=True)
    document = json.loads((await owed(bench.store))[-1].payload)
    assert document["state"] == "unknown"
    assert document["error_message"] == "No news from Twilio for 12 h; its last word was queued"
    assert await statuses(bench) == ["success"]


async def test_while_twilio_cannot_be_asked_nothing_ends_for_want_of_news(bench: Bench) -> None:
    delivery = await accepted(bench)
    bench.clock.pass_by(13 * HOUR)
    await bench.outbox.silent(await stored(bench.store, delivery), answered=False)
    assert (await stored(bench.store, delivery)).progress.state is State.ACCEPTED


async def test_evidence_replaces_the_unknown_of_a_long_silence(bench: Bench) -> None:
    delivery = await accepted(bench)
    await bench.outbox.hear(news("sent"))
    bench.clock.pass_by(12 * HOUR)
    await bench.outbox.silent(await stored(bench.store, delivery), answered=True)
    await bench.outbox.hear(news("sent"))
    assert (await stored(bench.store, delivery)).progress.state is State.UNKNOWN
    await bench.outbox.hear(news("delivered"))
    assert (await told(bench))[-1] == ("unknown", "delivered")


async def test_a_jump_of_the_clock_is_no_silence(bench: Bench) -> None:
    delivery = await accepted(bench)
    bench.clock.wall += 24 * HOUR
    await bench.round()
    await bench.outbox.silent(await stored(bench.store, delivery), answered=True)
    assert (await stored(bench.store, delivery)).progress.state is State.ACCEPTED


OPTED_OUT = Refused(21610, "Attempt to send to unsubscribed recipient (Twilio code 21610)")


async def test_after_21610_the_next_text_fails_before_it_costs_a_request(bench: Bench) -> None:
    bench.twilio.outcomes = [OPTED_OUT]
    await accepted(bench)
    delivery = await accepted(bench)
    assert len(bench.twilio.created) == 1
    progress = (await stored(bench.store, delivery)).progress
    assert (progress.state, progress.error_code) == (State.FAILED, 21610)
    remedy = json.loads((await owed(bench.store))[-1].payload)["remedy"]
    assert "START" in remedy


async def test_an_opt_out_is_of_one_sender_and_one_recipient(bench: Bench) -> None:
    bench.twilio.outcomes = [OPTED_OUT]
    await accepted(bench)
    await accepted(bench, text("+12345000002"))
    await accepted(bench, text(sender="+18888888888"))
    await accepted(bench, call())
    assert len(bench.twilio.created) == 4


async def test_a_critical_text_is_tried_all_the_same_and_its_success_ends_the_opt_out(
    bench: Bench,
) -> None:
    bench.twilio.outcomes = [OPTED_OUT]
    await accepted(bench)
    bench.clock.pass_by(1)
    await accepted(bench, text(priority=CRITICAL))
    await accepted(bench)
    assert len(bench.twilio.created) == 3


async def test_an_opt_out_outlives_the_gateway(bench: Bench) -> None:
    bench.twilio.outcomes = [OPTED_OUT]
    await accepted(bench)
    again = Bench(bench.store, ScriptedTwilio(), bench.clock)
    await again.outbox.open()
    await accepted(again)
    assert again.twilio.created == []


async def test_the_first_status_of_a_callback_has_the_sender_it_named(bench: Bench) -> None:
    bench.twilio.outcomes = [Unknown("No answer")]
    delivery = await accepted(bench, text(sender="MG" + "0" * 32))
    told_from = callback(delivery, "sent")
    await bench.outbox.hear(replace(told_from, sent_from="+19999999998"))
    status = next(e for e in await owed(bench.store) if e.topic == "message/status")
    payload = json.loads(status.payload)["response"]["payload"]
    assert payload["from_number"] == "+19999999998"
    assert payload["messages"]["message_status"] == "sent"


async def test_a_second_sid_for_the_same_attempt_is_not_taken_from_another(bench: Bench) -> None:
    bench.twilio.outcomes = [Accepted("SM1", State.ACCEPTED, "queued", "+19999999999")]
    first = await accepted(bench)
    bench.twilio.outcomes = [Unknown("No answer")]
    second = await accepted(bench)
    await bench.outbox.hear(callback(second, "sent", "SM1"))
    assert (await stored(bench.store, first)).progress.sid == "SM1"
    assert (await stored(bench.store, second)).progress.sid is None


async def test_a_jump_of_the_clock_takes_nothing_back_that_a_callback_settled(bench: Bench) -> None:
    """The create times out after the callback came, and the clock is set between the two."""
    delivery = text()
    bench.twilio.hook = callback(delivery, "queued")
    bench.twilio.outcomes = [Unknown("No answer")]

    async def hear_and_jump(told: News) -> bool:
        heard = await bench.outbox.hear(told)
        bench.clock.wall += HOUR
        return heard

    bench.twilio.hear = hear_and_jump
    await accepted(bench, delivery)
    bench.twilio.hook = None
    for _ in range(3):
        bench.clock.pass_by(70)
        await bench.round()
    assert len(bench.twilio.created) == 1
    progress = (await stored(bench.store, delivery)).progress
    assert (progress.state, progress.sid) == (State.ACCEPTED, "SM1")


async def test_a_jump_that_nobody_noticed_yet_is_no_silence_either(bench: Bench) -> None:
    delivery = await accepted(bench)
    bench.clock.wall += 24 * HOUR
    await bench.outbox.silent(await stored(bench.store, delivery), answered=True)
    assert (await stored(bench.store, delivery)).progress.state is State.ACCEPTED


async def test_an_opt_out_that_a_callback_tells_is_learned(bench: Bench) -> None:
    service = "MG" + "0" * 32
    await accepted(bench, text(sender=service))
    await bench.outbox.hear(news("failed", code=21610, reason="Opted out"))
    await accepted(bench, text(sender=service))
    assert len(bench.twilio.created) == 1


async def test_a_services_acceptance_does_not_end_an_opt_out_but_a_delivery_does(
    bench: Bench,
) -> None:
    service = "MG" + "0" * 32
    await accepted(bench, text(sender=service))
    await bench.outbox.hear(news("failed", code=21610, reason="Opted out"))
    bench.clock.pass_by(1)
    await accepted(bench, text(sender=service, priority=CRITICAL))
    await accepted(bench, text(sender=service))
    assert len(bench.twilio.created) == 2
    await bench.outbox.hear(news("delivered", "SM2"))
    await accepted(bench, text(sender=service))
    assert len(bench.twilio.created) == 3


async def test_what_a_lookup_took_from_another_leaves_nothing_behind(bench: Bench) -> None:
    delivery = await accepted(bench)
    found = await stored(bench.store, delivery)
    await bench.outbox._settle(
        found,
        _with(found, sid="SMlike", evidence=Evidence.LOOKUP, state=State.DELIVERED,
              word="delivered", price="-1"),
    )  # fmt: skip
    await bench.outbox.hear(callback(delivery, "undelivered", "SM2"))
    progress = (await stored(bench.store, delivery)).progress
    assert (progress.state, progress.sid, progress.price) == (State.UNDELIVERED, "SM2", None)


async def test_that_an_expired_one_was_sent_after_all_is_counted_and_told(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.twilio.outcomes = [Refused(21211, "Not a number")]
    delivery = await accepted(bench)
    await bench.outbox.hear(callback(delivery, "delivered", "SM9"))
    assert bench.outbox.counters.doubled == 1
    assert "sent after all: Twilio made SM9" in caplog.text
    assert (await stored(bench.store, delivery)).progress.state is State.FAILED


async def test_callbacks_of_one_second_sid_count_once(bench: Bench) -> None:
    delivery = await accepted(bench)
    for word in ("queued", "sent", "delivered"):
        await bench.outbox.hear(callback(delivery, word, "SM2"))
    assert bench.outbox.counters.doubled == 1


async def test_a_text_that_is_proved_after_all_is_told_as_sent(bench: Bench) -> None:
    bench.twilio.outcomes = [Unknown("No answer")]
    delivery = await accepted(bench)
    found = await stored(bench.store, delivery)
    await bench.outbox._settle(found, _with(found, due_at=None))
    await bench.outbox.hear(callback(delivery, "delivered"))
    assert [e.topic for e in await owed(bench.store)].count("message/sent") == 1


async def test_a_code_that_is_told_later_is_told(bench: Bench) -> None:
    await accepted(bench)
    await bench.outbox.hear(news("undelivered"))
    await bench.outbox.hear(news("undelivered", code=30005, reason="Unknown number"))
    document = json.loads((await owed(bench.store))[-1].payload)
    assert (document["state"], document["error_code"]) == ("undelivered", 30005)


async def test_late_news_of_an_earlier_text_do_not_end_an_opt_out(bench: Bench) -> None:
    service = "MG" + "0" * 32
    first = await accepted(bench, text(sender=service))
    bench.clock.pass_by(1)
    pair = pair_of(first.notification)
    bench.outbox.consent.take((Step(pair, out=True, certain=True, since=bench.clock.now()),))
    await bench.outbox.hear(news("delivered"))
    await accepted(bench, text(sender=service))
    assert len(bench.twilio.created) == 1


async def test_a_double_is_noticed_whatever_the_list_said_in_between(bench: Bench) -> None:
    bench.twilio.outcomes = [Unknown("No answer")]
    delivery = await accepted(bench)
    await bench.outbox.hear(callback(delivery, "sent", "SM1"))
    await bench.outbox.hear(news("sent", "SM1"))
    await bench.outbox.hear(callback(delivery, "sent", "SM2"))
    assert bench.outbox.counters.doubled == 1
    assert (await stored(bench.store, delivery)).progress.sid == "SM1"
