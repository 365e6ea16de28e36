"""What every store must do; each comment of the port `Store` is tested here."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from callbox.domain.delivery import Delivery, Evidence, State
from callbox.domain.notification import CRITICAL, Channel, Kind, Notification, Voice
from callbox.domain.question import Question
from callbox.errors import StoreError, StoreInUse, StoreTooNew
from callbox.hosts import indigo
from callbox.ports import Change, Claims, Event, Limits, Receipt, Refusal, Slots, Submission
from callbox.store.lock import Lock
from callbox.store.sqlite import SqliteStore
from contract.deliveries import (
    ALL,
    DOCUMENTS,
    NOW,
    Shelf,
    a_store,
    accept,
    became,
    call,
    claim,
    end,
    keep,
    one,
    owed,
    publish,
    put_in_doubt,
    put_off,
    step,
    stored,
    succeed,
    text,
)

OTHER = "+12345000002"
THIRD = "+12345000003"


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    shelf = Shelf(tmp_path / "callbox.db")
    yield shelf
    for store in shelf.dead:
        await store.close()


@pytest.fixture
async def store(shelf: Shelf) -> AsyncIterator[SqliteStore]:
    store = await shelf.open()
    yield store
    await store.close()


def status(event: Event) -> tuple[str | None, str]:
    """Give the id and the status of a status document."""
    document = json.loads(event.payload)
    return document["id"], document["response"]["status"]


async def statuses(store: SqliteStore) -> list[tuple[str | None, str]]:
    return [status(event) for event in await owed(store) if event.topic == "message/status"]


# Accepting


async def test_what_is_accepted_is_found_with_everything_it_was_given(store: SqliteStore) -> None:
    voice = Voice("https://x", None, "GET", "alice", "en-GB", "Enable")
    note = Notification(
        Kind.CALL, Channel.VOICE, "Dr. Müller 🚒", "+1234", "+1999", "", ("https://a", "b"), voice
    )
    given = replace(
        text(priority=3, retries=2**63 - 1, on_unknown="resend", expires_fixed=True),
        notification=note,
        dedup_key="k",
        dedup_digest="d",
        position=7,
        reply_topic="answers/7",
        correlation=b"\0\xff",
        retry_of="d0",
    )
    (receipt,) = await keep(store, given)
    assert receipt == Receipt((given.id,))
    assert await stored(store, given) == replace(given, seq=1)


async def test_a_request_is_claimed_in_the_transaction_that_accepts_it(store: SqliteStore) -> None:
    first, second = text(), text(OTHER)
    _, claims = await accept(store, one(first), one(second), slots=Slots(1, 0))
    (delivery,) = claims.deliveries
    assert delivery.id == first.id
    progress = (await stored(store, first)).progress
    assert (progress.state, progress.attempt, progress.attempted_at) == (State.SENDING, 1, NOW)
    assert (await stored(store, second)).progress.state is State.QUEUED


async def test_one_request_that_cannot_be_kept_stops_no_other(store: SqliteStore) -> None:
    good, other = text(), text(OTHER)
    twice = replace(text(THIRD), id=good.id)
    surrogate = text(THIRD, body="\ud83d")
    results, _ = await store.accept([one(d) for d in (good, twice, surrogate, other)], NOW, ALL)
    assert [isinstance(result, Receipt) for result in results] == [True, False, False, True]
    assert [delivery.id for delivery in await store.listing(None, 9)] == [other.id, good.id]


async def test_of_a_request_that_cannot_be_kept_no_recipient_is_kept(store: SqliteStore) -> None:
    group = Submission((text(), text(OTHER, body="\ud83d"), text(THIRD)), origin=publish(1))
    (result,), _ = await store.accept([group], NOW, Slots())
    assert isinstance(result, Exception)
    assert await store.listing(None, 9) == []
    (receipt,), _ = await accept(store, replace(group, deliveries=(text(),)))
    assert not receipt.redelivered


async def test_a_refusal_owes_a_failed_status_and_keeps_no_delivery(store: SqliteStore) -> None:
    refusal = Refusal("r1", "InvalidParameter", "Message cannot be None")
    (receipt,), _ = await accept(store, Submission(refusals=(refusal,)))
    assert receipt == Receipt((), (refusal,))
    (event,) = await owed(store)
    assert event.topic == "message/status"
    assert json.loads(event.payload) == {
        "response": {
            "status": "fail",
            "error_message": "Message cannot be None",
            "error": "InvalidParameter",
            "payload": None,
        },
        "id": "r1",
    }


async def test_a_refusal_is_told_on_the_response_topic_too(store: SqliteStore) -> None:
    refusal = Refusal(None, "InvalidParameter", "No", "answers/7", b"\0\xff")
    await accept(store, Submission(refusals=(refusal,)))
    status, reply = await owed(store)
    assert (status.topic, status.absolute, status.correlation) == ("message/status", False, None)
    assert (reply.topic, reply.absolute, reply.correlation) == ("answers/7", True, b"\0\xff")
    assert reply.payload == status.payload


async def test_of_several_recipients_each_is_accepted_or_refused(store: SqliteStore) -> None:
    refusal = Refusal("r1", "InvalidParameter", "Cy: Message cannot be None")
    first, second = text(), text(OTHER)
    (receipt,), _ = await accept(store, Submission((first, second), (refusal,)))
    assert receipt == Receipt((first.id, second.id), (refusal,))


# Redeliveries


async def take(
    store: SqliteStore, connection: int, packet_id: int, digest: str = "a", *, dup: bool = False
) -> bool:
    """Accept a publish; tell whether it was taken for a redelivery."""
    origin = publish(packet_id, digest, dup=dup)
    submission = Submission((text(f"+1{packet_id:09}"),), origin=origin, connection=connection)
    (receipt,), _ = await accept(store, submission)
    assert bool(receipt.accepted) is not receipt.redelivered
    return receipt.redelivered


async def connect(store: SqliteStore, *, present: bool = True, client: str = "gateway") -> int:
    return await store.begin_session(client, present=present)


@pytest.mark.parametrize("dup", [False, True])
async def test_the_same_publish_of_an_earlier_connection_is_a_redelivery_whatever_its_dup_bit(
    store: SqliteStore, dup: bool
) -> None:
    first = await connect(store, present=False)
    assert not await take(store, first, 1)
    assert await take(store, await connect(store), 1, dup=dup)
    assert len(await store.listing(None, 9)) == 1


async def test_a_redelivery_is_still_one_at_the_third_connection(store: SqliteStore) -> None:
    assert not await take(store, await connect(store), 1)
    assert await take(store, await connect(store), 1)
    assert await take(store, await connect(store), 1)


async def test_a_redelivered_refusal_is_not_told_again(store: SqliteStore) -> None:
    refusal = Submission(refusals=(Refusal("r1", "x", "y"),), origin=publish(1))
    first = replace(refusal, connection=await connect(store))
    await accept(store, first)
    again = replace(refusal, connection=await connect(store))
    (receipt,), _ = await accept(store, again)
    assert receipt.redelivered
    assert len(await owed(store)) == 1


async def test_another_payload_or_topic_under_the_same_packet_id_is_a_new_request(
    store: SqliteStore,
) -> None:
    assert not await take(store, await connect(store), 1, "twilio/txt and a payload")
    connection = await connect(store)
    assert not await take(store, connection, 1, "twilio/call and that payload", dup=True)
    assert await take(store, await connect(store), 1, "twilio/call and that payload")


async def test_within_a_connection_only_dup_makes_a_redelivery(store: SqliteStore) -> None:
    connection = await connect(store)
    assert not await take(store, connection, 1)
    assert await take(store, connection, 1, dup=True)
    assert not await take(store, connection, 1)


async def test_a_broker_that_reuses_low_ids_redelivers_by_dup_alone(store: SqliteStore) -> None:
    connection = await connect(store)
    assert not await take(store, connection, 1)
    assert not await take(store, connection, 1)  # shows that ids are reused
    assert not await take(store, connection, 2)
    connection = await connect(store)
    assert not await take(store, connection, 1)
    assert await take(store, connection, 2, dup=True)


async def test_that_a_broker_reuses_ids_is_remembered_over_a_restart(
    shelf: Shelf, store: SqliteStore
) -> None:
    connection = await connect(store)
    await take(store, connection, 1)
    await take(store, connection, 1)
    other = await shelf.reopen(store)
    await other.recover(NOW, 5.0)
    connection = await connect(other)
    assert not await take(other, connection, 1)
    assert await take(other, connection, 1, dup=True)
    await other.close()


async def test_packet_ids_are_remembered_over_a_kill(shelf: Shelf, store: SqliteStore) -> None:
    assert not await take(store, await connect(store), 7)
    other = await shelf.reopen(store)
    await other.recover(NOW, 5.0)
    assert await take(other, await connect(other), 7)
    await other.close()


@pytest.mark.parametrize("dup", [False, True])
async def test_a_session_that_the_broker_lost_is_forgotten(store: SqliteStore, dup: bool) -> None:
    assert not await take(store, await connect(store), 1)
    assert not await take(store, await connect(store, present=False), 1, dup=dup)


async def test_another_clients_session_is_another_session(store: SqliteStore) -> None:
    assert not await take(store, await connect(store), 1)
    assert not await take(store, await connect(store, client="renamed"), 1, dup=True)
    assert not await take(store, await connect(store), 1, dup=True)


async def test_each_connection_has_a_number_of_its_own(shelf: Shelf, store: SqliteStore) -> None:
    first, second = await connect(store), await connect(store)
    other = await shelf.reopen(store)
    third = await connect(other)
    assert first < second < third
    await other.close()


@pytest.mark.parametrize(("others", "remembered"), [(32_767, True), (32_768, False)])
async def test_only_the_last_32768_arrivals_can_be_redelivered(
    store: SqliteStore, others: int, remembered: bool
) -> None:
    connection = await connect(store)
    await take(store, connection, 1)
    filler = Submission(origin=publish(2, dup=True), connection=connection)
    await store.accept([filler] * others, NOW, Slots())
    assert await take(store, await connect(store), 1, dup=True) is remembered


async def test_a_publish_at_qos_0_is_never_a_redelivery(store: SqliteStore) -> None:
    first, again = await keep(store, text(), text())
    assert (first.redelivered, again.redelivered) == (False, False)


# dedup_key


def keyed(key: str = "k", digest: str = "same", *, to: str = "+12345000001") -> Delivery:
    return replace(text(to), dedup_key=key, dedup_digest=digest)


async def test_a_request_under_a_known_key_follows_the_first_and_is_not_sent(
    store: SqliteStore,
) -> None:
    first, second = keyed(), keyed()
    receipts = await keep(store, first, second)
    assert [receipt.accepted for receipt in receipts] == [(first.id,), (first.id,)]
    assert [delivery.id for delivery in await store.listing(None, 9)] == [first.id]


async def test_a_follower_is_answered_when_the_first_is_under_its_own_id(
    store: SqliteStore,
) -> None:
    first = keyed()
    second = replace(keyed(), reply_topic="answers/2", correlation=b"2")
    await keep(store, first, second, keyed())
    assert await owed(store) == []
    (delivery,) = await claim(store)
    await succeed(store, delivery, "SM1")
    told = {event.id: event for event in await owed(store) if event.topic != "message/delivery"}
    ids = [json.loads(event.payload)["id"] for event in told.values()]
    assert sorted(set(ids)) == sorted({first.request_id, second.request_id, ids[-1]})
    assert len(told) == 4
    (reply,) = (event for event in told.values() if event.absolute)
    assert (reply.topic, reply.correlation) == ("answers/2", b"2")
    assert json.loads(reply.payload)["id"] == second.request_id


async def test_a_late_follower_is_answered_at_once(store: SqliteStore) -> None:
    first, late = keyed(), replace(keyed(), reply_topic="answers/2")
    await keep(store, first)
    await succeed(store, (await claim(store))[0], "SM1")
    before = len(await owed(store))
    await keep(store, late)
    status, reply = (await owed(store))[before:]
    assert json.loads(status.payload)["id"] == late.request_id
    assert json.loads(status.payload)["response"]["payload"]["messages"]["name"] == "Darla"
    assert (reply.topic, reply.payload) == ("answers/2", status.payload)


async def test_followers_survive_a_kill(shelf: Shelf, store: SqliteStore) -> None:
    first, second = keyed(), keyed()
    await keep(store, first, second)
    other = await shelf.reopen(store)
    await other.recover(NOW, 5.0)
    await succeed(other, (await claim(other))[0], "SM1")
    assert await statuses(other) == [
        (first.request_id, "success"),
        (second.request_id, "success"),
    ]
    await other.close()


async def test_other_content_under_a_key_is_refused(store: SqliteStore) -> None:
    await keep(store, keyed())
    (receipt,) = await keep(store, keyed(digest="other"))
    assert [refusal.error for refusal in receipt.refused] == ["InvalidParameter"]
    assert receipt.refused[0].message.startswith("Dedup key was used with other content")


@pytest.mark.parametrize("other", ["l", "k\1", "k ", "", "K"])
async def test_another_key_is_another_request(store: SqliteStore, other: str) -> None:
    first, second = keyed(), keyed(other, "different")
    receipts = await keep(store, first, second)
    assert [receipt.accepted for receipt in receipts] == [(first.id,), (second.id,)]


async def test_a_key_counts_for_texts_and_calls_apart(store: SqliteStore) -> None:
    first = keyed()
    second = replace(call(), dedup_key="k", dedup_digest="same")
    receipts = await keep(store, first, second)
    assert [receipt.accepted for receipt in receipts] == [(first.id,), (second.id,)]


@pytest.mark.parametrize("state", [State.FAILED, State.EXPIRED, State.CANCELLED])
async def test_a_first_one_that_ended_without_being_sent_frees_the_key(
    store: SqliteStore, state: State
) -> None:
    first, second = keyed(), keyed(digest="different")
    await keep(store, first)
    (delivery,) = await claim(store)
    await end(store, delivery, state)
    (receipt,) = await keep(store, second)
    assert receipt.accepted == (second.id,)


@pytest.mark.parametrize("state", [State.ACCEPTED, State.UNDELIVERED, State.UNKNOWN])
async def test_a_first_one_that_was_or_may_have_been_sent_keeps_the_key(
    store: SqliteStore, state: State
) -> None:
    first = keyed()
    await keep(store, first)
    (delivery,) = await claim(store)
    await end(store, delivery, state)
    (receipt,) = await keep(store, keyed())
    assert receipt.accepted == (first.id,)


async def test_a_key_is_free_after_its_window(shelf: Shelf) -> None:
    async with a_store(shelf.path, Limits(dedup_window=100.0)) as store:
        first, within, after = keyed(), keyed(), keyed()
        await keep(store, first)
        receipts = [
            *await keep(store, within, now=NOW + 99),
            *await keep(store, after, now=NOW + 100),
        ]
        assert [receipt.accepted for receipt in receipts] == [(first.id,), (after.id,)]


async def test_of_a_group_under_a_key_only_what_ended_without_being_sent_is_sent_again(
    store: SqliteStore,
) -> None:
    def group() -> Submission:
        recipients = [keyed(to=to) for to in ("+12345000001", OTHER, THIRD)]
        return Submission(tuple(replace(d, position=n) for n, d in enumerate(recipients, 1)))

    first, again = group(), group()
    await accept(store, first)
    one_, two, three = await claim(store)
    await end(store, two, State.FAILED)
    await succeed(store, three, "SM3")
    (receipt,), _ = await accept(store, again)
    assert receipt.accepted == (one_.id, again.deliveries[1].id, three.id)


async def test_two_requests_under_one_key_in_one_transaction_are_one(store: SqliteStore) -> None:
    first, second = keyed(), keyed()
    receipts, claims = await accept(store, one(first), one(second), slots=ALL)
    assert [receipt.accepted for receipt in receipts] == [(first.id,), (first.id,)]
    assert len(claims.deliveries) == 1


# Limits


async def refusals(store: SqliteStore, *deliveries: Delivery, now: float = NOW) -> list[str]:
    """Accept each; give the limit each was over, or an empty string."""
    receipts = await keep(store, *deliveries, now=now)
    for receipt in receipts:
        assert all(refusal.error == "LimitReached" for refusal in receipt.refused)
    return [
        receipt.refused[0].message.partition(":")[0] if receipt.refused else ""
        for receipt in receipts
    ]


async def test_a_recipient_gets_so_many_an_hour_of_the_clock(shelf: Shelf) -> None:
    limit = "limits.per_recipient_hour"
    async with a_store(shelf.path, Limits(per_recipient_hour=2)) as store:
        assert await refusals(store, text(), call(), text(), text(OTHER)) == ["", "", limit, ""]
        assert await refusals(store, text(), now=NOW + 3599.9) == [limit]
        assert await refusals(store, text(), text(), text(), now=NOW + 3600) == ["", "", limit]


async def test_all_get_so_many_a_day(shelf: Shelf) -> None:
    midnight = (NOW // 86_400 + 1) * 86_400
    async with a_store(shelf.path, Limits(per_day=2)) as store:
        assert await refusals(store, text(), text(OTHER), text(THIRD)) == ["", "", "limits.per_day"]
        assert await refusals(store, text(), now=midnight - 1) == ["limits.per_day"]
        assert await refusals(store, text(), now=midnight) == [""]


async def test_so_many_may_wait(shelf: Shelf) -> None:
    async with a_store(shelf.path, Limits(waiting=2)) as store:
        assert await refusals(store, text(), text(OTHER)) == ["", ""]
        assert await refusals(store, text(THIRD)) == ["limits.waiting"]
        first, _ = await claim(store)
        assert await refusals(store, text(THIRD)) == ["limits.waiting"]
        await succeed(store, first, "SM1")
        assert await refusals(store, text(THIRD), text(THIRD)) == ["", "limits.waiting"]


async def test_so_many_may_wait_of_a_burst_that_is_accepted_at_once(shelf: Shelf) -> None:
    async with a_store(shelf.path, Limits(waiting=2)) as store:
        found = await refusals(store, text(), text(), text(), text(priority=CRITICAL), text())
        assert found == ["", "", "limits.waiting", "", "limits.waiting"]


async def test_what_cannot_be_kept_does_not_count_as_waiting(shelf: Shelf) -> None:
    async with a_store(shelf.path, Limits(waiting=2)) as store:
        bodies = ["\ud83d", "1", "\ud83d", "2", "3"]
        burst = [one(text(body=body)) for body in bodies]
        results, _ = await store.accept(burst, NOW, Slots())
        kept = [isinstance(result, Receipt) and bool(result.accepted) for result in results]
        assert kept == [False, True, False, True, False]
        assert await refusals(store, text()) == ["limits.waiting"]


async def test_so_many_may_wait_of_requests_that_are_accepted_side_by_side(shelf: Shelf) -> None:
    async with a_store(shelf.path, Limits(waiting=5)) as store:
        found = await asyncio.gather(*(refusals(store, text()) for _ in range(20)))
        assert sum(limits == [""] for limits in found) == 5


async def test_what_waits_is_counted_again_after_a_restart(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "callbox.db", Limits(waiting=3))
    store = await shelf.open()
    await keep(store, text(), text(OTHER), text(THIRD))
    first, second, _ = await claim(store)
    await put_in_doubt(store, first, NOW + 5)
    await end(store, second, State.FAILED)
    other = await shelf.reopen(store)
    await other.recover(NOW, 5.0)
    assert await refusals(other, text(), text()) == ["", "limits.waiting"]
    await other.close()
    await store.close()


async def test_critical_ones_have_an_equal_allowance_of_their_own(shelf: Shelf) -> None:
    limits = Limits(per_recipient_hour=1, per_day=1, waiting=1)
    async with a_store(shelf.path, limits) as store:
        assert await refusals(store, text()) == [""]
        assert await refusals(store, text(priority=2)) == ["limits.waiting"]
        assert await refusals(store, text(priority=CRITICAL)) == [""]
        assert await refusals(store, text(priority=CRITICAL)) == ["limits.waiting"]


@pytest.mark.parametrize("limit", ["per_recipient_hour", "per_day"])
async def test_critical_ones_have_an_equal_tally_of_their_own(shelf: Shelf, limit: str) -> None:
    async with a_store(shelf.path, Limits(**{limit: 1})) as store:
        plain, critical = text(), text(priority=CRITICAL)
        assert await refusals(store, plain, critical) == ["", ""]
        assert await refusals(store, text(), text(priority=CRITICAL)) == [f"limits.{limit}"] * 2


async def test_over_a_limit_nothing_is_kept_and_the_status_says_which(shelf: Shelf) -> None:
    async with a_store(shelf.path, Limits(per_day=1)) as store:
        await keep(store, text(), text(OTHER))
        assert len(await store.listing(None, 9)) == 1
        (event,) = await owed(store)
        response = json.loads(event.payload)["response"]
        assert (response["error"], response["payload"]) == ("LimitReached", None)
        assert response["error_message"].startswith("limits.per_day: 1 ")


async def test_of_several_recipients_only_those_over_a_limit_are_refused_by_name(
    shelf: Shelf,
) -> None:
    async with a_store(shelf.path, Limits(per_day=1)) as store:
        first, second = text(name="Ada"), text(OTHER, name="Bert")
        (receipt,), _ = await accept(store, Submission((first, second)))
        assert receipt.accepted == (first.id,)
        assert receipt.refused[0].message.startswith("Bert: limits.per_day: ")


async def test_a_follower_counts_against_no_limit(shelf: Shelf) -> None:
    async with a_store(shelf.path, Limits(1, 1, 1)) as store:
        assert await refusals(store, keyed(), keyed(), keyed()) == ["", "", ""]


async def test_tallies_survive_a_kill(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "callbox.db", Limits(per_day=1))
    store = await shelf.open()
    await keep(store, text())
    other = await shelf.reopen(store)
    assert await refusals(other, text()) == ["limits.per_day"]
    await other.close()
    await store.close()


# The order of claims


async def claimed_bodies(store: SqliteStore, now: float = NOW, slots: Slots = ALL) -> list[str]:
    return [delivery.notification.body for delivery in await claim(store, now, slots)]


async def test_a_claim_is_on_disk_as_an_attempt_before_it_is_given(store: SqliteStore) -> None:
    await keep(store, text())
    (delivery,) = await claim(store, NOW + 7)
    assert await stored(store, delivery) == delivery
    assert (delivery.progress.attempt, delivery.progress.attempted_at) == (1, NOW + 7)
    assert delivery.attempt_id == f"{delivery.id}-1"
    assert await claim(store) == []


async def test_higher_priorities_go_first_then_earlier_arrivals(store: SqliteStore) -> None:
    for number, priority in enumerate([1, 0, 3, 2, 1, 3]):
        await keep(store, text(f"+1234500000{number}", f"{priority} {number}", priority=priority))
    order = ["3 2", "3 5", "2 3", "1 0", "1 4", "0 1"]
    assert await claimed_bodies(store, slots=Slots(3, 0)) == order[:3]
    assert await claimed_bodies(store) == order[3:]


async def test_texts_to_one_recipient_go_one_at_a_time_in_order_of_arrival(
    store: SqliteStore,
) -> None:
    await keep(store, text(body="1"), text(body="2"), text(body="3"), text(OTHER, "4"))
    assert await claimed_bodies(store) == ["1", "4"]
    assert await claimed_bodies(store) == []
    first = (await store.listing(State.SENDING, 9))[1]
    await succeed(store, first, "SM1")
    assert await claimed_bodies(store) == ["2"]


async def test_a_higher_priority_overtakes_in_its_own_lane(store: SqliteStore) -> None:
    await keep(store, text(body="1"), text(body="2", priority=3))
    assert await claimed_bodies(store) == ["2"]


async def test_texts_and_calls_to_one_recipient_go_apart(store: SqliteStore) -> None:
    await keep(store, text(), call(), call())
    assert len(await claim(store)) == 2


async def test_a_busy_recipient_with_a_long_queue_holds_nobody_else(store: SqliteStore) -> None:
    await keep(store, *(text(body=f"{n}") for n in range(50)), text(OTHER, "other"))
    assert await claimed_bodies(store, slots=Slots(10, 0)) == ["0", "other"]


async def test_no_more_calls_are_claimed_than_there_are_slots_for(store: SqliteStore) -> None:
    await keep(store, call(), call(OTHER), text(THIRD), text())
    kinds = [delivery.notification.kind for delivery in await claim(store, slots=Slots(9, 1))]
    assert sorted(kinds) == [Kind.CALL, Kind.TXT, Kind.TXT]
    assert await claim(store, slots=Slots(9, 0)) == []
    assert len(await claim(store, slots=Slots(1, 9))) == 1


async def test_no_slots_claim_nothing_but_tell_when_more_is_due(store: SqliteStore) -> None:
    await keep(store, text(expires_at=NOW + 50), text(expires_at=NOW + 40))
    assert await store.claim(NOW, Slots()) == Claims((), NOW + 40)


async def test_the_next_due_time_is_the_first_of_retries_lookups_and_expiries(
    store: SqliteStore,
) -> None:
    assert (await store.claim(NOW, ALL)).next_due is None
    await keep(store, text(body="a"), text(OTHER, "b"), text(THIRD, "c"))
    first, second, third = await claim(store)
    assert (await store.claim(NOW, ALL)).next_due is None
    await put_in_doubt(store, first, NOW + 30)
    assert (await store.claim(NOW, ALL)).next_due == NOW + 30
    await put_off(store, second, NOW + 20)
    assert (await store.claim(NOW, ALL)).next_due == NOW + 20
    await put_off(store, third, NOW + 10)
    assert (await store.claim(NOW, ALL)).next_due == NOW + 10


async def test_what_is_over_is_not_claimed_but_told_as_overdue(store: SqliteStore) -> None:
    await keep(store, text(expires_at=NOW + 10), text(expires_at=NOW + 20))
    assert await store.overdue(NOW + 9.9) == []
    assert [delivery.expires_at for delivery in await store.overdue(NOW + 10)] == [NOW + 10]
    assert await claimed_bodies(store, NOW + 20) == []


async def test_what_is_under_way_or_in_doubt_is_not_overdue(store: SqliteStore) -> None:
    await keep(store, text(expires_at=NOW + 10), text(OTHER, expires_at=NOW + 10))
    _, second = await claim(store)
    await put_in_doubt(store, second, NOW + 5)
    assert await store.overdue(NOW + 99) == []


# Who waits for whom


async def test_what_waits_for_its_retry_steps_aside_and_is_claimed_when_due(
    store: SqliteStore,
) -> None:
    await keep(store, text(body="1"), text(body="2"))
    (first,) = await claim(store)
    await put_off(store, first, NOW + 10)
    assert await claimed_bodies(store, NOW + 9) == ["2"]
    assert await claimed_bodies(store, NOW + 10) == []  # the lane is busy
    (second,) = await store.listing(State.SENDING, 9)
    await succeed(store, second, "SM2")
    assert await claimed_bodies(store, NOW + 10) == ["1"]


async def test_an_equal_one_waits_for_an_earlier_one_that_waits_for_its_retry(
    store: SqliteStore,
) -> None:
    await keep(store, text(body="same"), text(body="same"), text(body="other"))
    (first,) = await claim(store)
    await put_off(store, first, NOW + 10)
    (other,) = await claim(store, NOW + 1)
    assert other.notification.body == "other"
    await succeed(store, other, "SM3")
    assert await claim(store, NOW + 9) == []
    (again,) = await claim(store, NOW + 10)
    assert (again.id, again.progress.attempt) == (first.id, 2)


async def test_an_earlier_one_does_not_wait_for_a_later_equal_one(store: SqliteStore) -> None:
    await keep(store, text(body="same"), text(body="same", priority=3))
    (later,) = await claim(store)
    await put_off(store, later, NOW + 10)
    assert await claimed_bodies(store, NOW + 1) == ["same"]


async def test_nothing_like_one_in_doubt_is_claimed_until_it_is_settled(
    store: SqliteStore,
) -> None:
    await keep(store, text(body="same"), text(body="same"), text(body="other"))
    (first,) = await claim(store)
    await put_in_doubt(store, first, NOW + 5)
    assert await claimed_bodies(store, NOW + 1) == ["other"]
    await succeed(store, (await store.listing(State.SENDING, 9))[0], "SM3")
    assert await claim(store, NOW + 3000) == []
    await succeed(store, await stored(store, first), "SM1", evidence=Evidence.LOOKUP)
    assert len(await claim(store, NOW + 3000)) == 1


async def test_what_ended_unknown_holds_nobody(store: SqliteStore) -> None:
    await keep(store, text(body="same"), text(body="same"))
    (first,) = await claim(store)
    await end(store, first, State.UNKNOWN)
    assert await claimed_bodies(store) == ["same"]


LIKENESS: list[tuple[Delivery, bool]] = [
    (text(body="same"), True),
    (text(body="same", name="Another name"), True),
    (text(body="same", priority=3), True),
    (text(body="other"), False),
    (text(OTHER, "same"), False),
    (text(body="same", sender="+18888888888"), False),
    (call(), False),
]


@pytest.mark.parametrize(("later", "alike"), LIKENESS)
async def test_equal_means_the_same_recipient_sender_and_content(
    store: SqliteStore, later: Delivery, alike: bool
) -> None:
    await keep(store, text(body="same"))
    (first,) = await claim(store)
    await put_in_doubt(store, first, NOW + 5)
    await keep(store, later)
    assert (await claim(store, NOW + 1) == []) is alike


async def test_calls_between_the_same_numbers_are_equal_whatever_they_say(
    store: SqliteStore,
) -> None:
    await keep(store, call(says="Fire"))
    (first,) = await claim(store)
    await put_in_doubt(store, first, NOW + 5)
    await keep(store, call(says="Flood"), call(OTHER))
    assert [d.notification.to for d in await claim(store, NOW + 1)] == [OTHER]


async def test_doubtful_ones_are_given_when_their_lookup_is_due(store: SqliteStore) -> None:
    await keep(store, text(), text(OTHER), text(THIRD))
    first, second, third = await claim(store)
    await put_in_doubt(store, first, NOW + 20)
    await put_in_doubt(store, second, NOW + 5)
    await end(store, third, State.UNKNOWN)
    assert await store.doubtful(NOW + 4) == []
    assert [d.id for d in await store.doubtful(NOW + 20)] == [second.id, first.id]


# Steps


async def test_a_step_is_written_as_a_whole(store: SqliteStore) -> None:
    await keep(store, text())
    (delivery,) = await claim(store)
    after = became(
        delivery,
        State.UNKNOWN,
        due_at=NOW + 5,
        failures=3,
        doubt_since=NOW + 1,
        doubt_base=NOW + 2,
        doubt_answered=True,
        lookups=2,
        sid="SM1",
        evidence=Evidence.CALLBACK,
        word="sent",
        sent_from="MG1",
        error_code=30001,
        error_message="ü",
        updated_at=NOW + 3,
    )
    assert await store.apply(Change(delivery, after)) == "done"
    assert (await stored(store, delivery)).progress == after


async def test_a_step_from_what_is_no_longer_so_changes_nothing_and_tells_nothing(
    store: SqliteStore,
) -> None:
    await keep(store, text())
    (queued,) = await store.listing(None, 9)
    (sending,) = await claim(store)
    assert await end(store, queued, State.CANCELLED) == "stale"
    assert await succeed(store, sending, "SM1") == "done"
    assert await succeed(store, sending, "SM2") == "stale"
    assert (await stored(store, sending)).progress.sid == "SM1"
    assert len(await owed(store)) == 2


async def test_a_step_of_an_earlier_attempt_is_stale(store: SqliteStore) -> None:
    await keep(store, text())
    (first,) = await claim(store)
    await put_off(store, first, None)
    (second,) = await claim(store)
    assert await succeed(store, first, "SM1") == "stale"
    assert await succeed(store, second, "SM2") == "done"


async def test_a_delivery_has_exactly_one_first_status(store: SqliteStore) -> None:
    await keep(store, text())
    (delivery,) = await claim(store)
    await end(store, delivery, State.UNKNOWN)
    unknown = await stored(store, delivery)
    assert await succeed(store, unknown, "SM1", evidence=Evidence.CALLBACK) == "done"
    assert await statuses(store) == [(delivery.request_id, "fail")]
    told = [event.payload for event in await owed(store) if event.topic == "message/delivery"]
    assert len(told) == 2
    assert (await stored(store, delivery)).answer == unknown.answer


async def test_the_first_status_goes_to_the_response_topic_too(store: SqliteStore) -> None:
    await keep(store, replace(text(), reply_topic="answers/1", correlation=b"c"))
    await succeed(store, (await claim(store))[0], "SM1")
    status, reply, delivery = await owed(store)
    assert [event.topic for event in (status, reply, delivery)] == [
        "message/status",
        "answers/1",
        "message/delivery",
    ]
    assert (reply.absolute, reply.correlation, reply.payload) == (True, b"c", status.payload)


async def test_what_is_cancelled_or_expired_is_never_claimed(store: SqliteStore) -> None:
    await keep(store, text(), text(OTHER))
    first, second = reversed(await store.listing(None, 9))
    assert await end(store, first, State.CANCELLED) == "done"
    assert await end(store, second, State.EXPIRED) == "done"
    assert await claim(store) == []


# SIDs


async def two_in_doubt(store: SqliteStore) -> tuple[Delivery, Delivery]:
    await keep(store, text(), text(OTHER))
    first, second = await claim(store)
    await put_in_doubt(store, first, NOW + 5)
    await put_in_doubt(store, second, NOW + 5)
    return await stored(store, first), await stored(store, second)


async def test_a_sid_is_claimed_by_one_lookup_only(store: SqliteStore) -> None:
    first, second = await two_in_doubt(store)
    assert await store.unclaimed(["SM2", "SM1"]) == ["SM2", "SM1"]
    assert await succeed(store, first, "SM1", evidence=Evidence.LOOKUP) == "done"
    assert await store.unclaimed(["SM2", "SM1"]) == ["SM2"]
    assert await succeed(store, second, "SM1", evidence=Evidence.LOOKUP) == "claimed"
    assert (await stored(store, second)).progress == second.progress
    assert await statuses(store) == [(first.request_id, "success")]


@pytest.mark.parametrize("evidence", [Evidence.ANSWER, Evidence.CALLBACK])
async def test_an_answer_or_a_callback_takes_a_sid_from_a_lookup_and_the_loser_is_in_doubt_again(
    store: SqliteStore, evidence: Evidence
) -> None:
    first, second = await two_in_doubt(store)
    await succeed(store, first, "SM1", evidence=Evidence.LOOKUP)
    assert await succeed(store, second, "SM1", evidence=evidence, now=NOW + 50) == "done"
    loser = (await stored(store, first)).progress
    assert (loser.state, loser.sid, loser.evidence) == (State.UNKNOWN, None, None)
    assert (loser.due_at, loser.lookups, loser.doubt_since) == (NOW + 50, 0, NOW)
    assert [delivery.id for delivery in await store.doubtful(NOW + 50)] == [first.id]
    assert (await stored(store, second)).progress.sid == "SM1"


async def test_the_losers_second_success_is_no_second_status(store: SqliteStore) -> None:
    first, second = await two_in_doubt(store)
    await succeed(store, first, "SM1", evidence=Evidence.LOOKUP)
    await succeed(store, second, "SM1")
    loser = await stored(store, first)
    assert await succeed(store, loser, "SM2", evidence=Evidence.LOOKUP) == "done"
    assert len(await statuses(store)) == 2


@pytest.mark.parametrize("held_by", [Evidence.ANSWER, Evidence.CALLBACK])
@pytest.mark.parametrize("evidence", Evidence)
async def test_what_an_answer_or_a_callback_holds_nobody_takes(
    store: SqliteStore, held_by: Evidence, evidence: Evidence
) -> None:
    first, second = await two_in_doubt(store)
    await succeed(store, first, "SM1", evidence=held_by)
    assert await succeed(store, second, "SM1", evidence=evidence) == "claimed"
    assert (await stored(store, first)).progress.sid == "SM1"


# Owed events


BOTH = {"mqtt": lambda _event: True, "indigo": indigo.wants}
EACH = dict.fromkeys(("pubsub", "iotcore"), indigo.wants)


async def owe(store: SqliteStore, *topics: str) -> list[int]:
    """Owe events; give their ids."""
    await keep(store, text(body="owes"))
    delivery = (await store.listing(None, 1))[0]
    events = tuple(Event(topic, topic.encode()) for topic in topics)
    change = Change(delivery, became(delivery, State.CANCELLED), events)
    assert await store.apply(change) == "done"
    return [event.id for event in await owed(store)]


async def test_events_are_given_in_the_order_they_were_owed_from_anywhere_on(
    store: SqliteStore,
) -> None:
    ids = await owe(store, "a", "b", "c")
    assert [event.topic for event in await store.owed("mqtt", 0, 2)] == ["a", "b"]
    assert [event.topic for event in await store.owed("mqtt", ids[0], 9)] == ["b", "c"]
    assert [event.topic for event in await store.owed("mqtt", ids[2], 9)] == []


async def test_what_one_host_has_told_is_still_owed_to_the_other(shelf: Shelf) -> None:
    store = await SqliteStore.open(shelf.path, DOCUMENTS, Limits(), hosts=BOTH)
    ids = await owe(store, "a", "b")
    await store.acknowledge(ids)
    assert await store.owed("mqtt", 0, 9) == []
    assert [event.topic for event in await store.owed("indigo", 0, 9)] == ["a", "b"]
    await store.close()


async def test_a_topic_of_the_broker_is_owed_to_the_broker_alone(shelf: Shelf) -> None:
    store = await SqliteStore.open(shelf.path, DOCUMENTS, Limits(), hosts=BOTH)
    await keep(store, text())
    delivery = (await store.listing(None, 1))[0]
    event = Event("reply/to/me", b"{}", absolute=True)
    await store.apply(Change(delivery, became(delivery, State.CANCELLED), (event,)))
    assert [event.topic for event in await store.owed("mqtt", 0, 9)] == ["reply/to/me"]
    assert await store.owed("indigo", 0, 9) == []
    await store.close()


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("iotcore", {"pubsub"}, {"pubsub": ["a"]}),
        ("pubsub", {"mqtt"}, {"mqtt": ["a"]}),
        ("mqtt", {"pubsub", "iotcore"}, {"pubsub": ["a"]}),
        ("iotcore", {"iotcore"}, {"iotcore": ["a"]}),
        ("mqtt", {"indigo"}, {"mqtt": ["a"]}),
    ],
)
async def test_what_a_host_does_not_tell_any_more_is_told_by_another_but_never_by_a_home(
    shelf: Shelf, before: str, after: set[str], told: dict[str, list[str]]
) -> None:
    async def opened(hosts: set[str]) -> SqliteStore:
        wants = dict.fromkeys(hosts, lambda _event: True)
        return await SqliteStore.open(shelf.path, DOCUMENTS, Limits(), hosts=wants)

    store = await opened({before})
    await keep(store, text(body="owes"))
    delivery = (await store.listing(None, 1))[0]
    change = Change(delivery, became(delivery, State.CANCELLED), (Event("a", b"a"),))
    await store.apply(change)
    await store.close()
    store = await opened(after)
    await store.recover(200.0, 5.0)
    owed = {host: [each.topic for each in await store.owed(host, 0, 9)] for host in BOTH | EACH}
    assert {host: topics for host, topics in owed.items() if topics} == told
    await store.close()


async def test_what_is_told_by_no_way_any_more_is_forgotten(shelf: Shelf) -> None:
    everything, nothing = (lambda _event: True), (lambda _event: False)
    for wants in (everything, nothing):
        store = await SqliteStore.open(shelf.path, DOCUMENTS, Limits(), hosts={"iotcore": wants})
        if wants is everything:
            await keep(store, text())
            delivery = (await store.listing(None, 1))[0]
            event = Event("a", b"a")
            await store.apply(Change(delivery, became(delivery, State.CANCELLED), (event,)))
        await store.recover(200.0, 5.0)
        assert bool(await store.owed("iotcore", 0, 9)) is (wants is everything)
        await store.close()


# Questions

QUESTION = Question("question-1", "+15550001111", "+12345000000", 100.0, 700.0, "{}")


async def test_a_question_is_kept_with_its_text_until_it_is_closed(
    shelf: Shelf, store: SqliteStore
) -> None:
    await accept(store, Submission((text(),), question=QUESTION))
    store = await shelf.reopen(store)
    assert await store.questions() == [QUESTION]
    await store.close_question(QUESTION.id)
    assert await store.questions() == []
    await store.close()


async def test_a_question_whose_text_is_refused_is_not_kept(store: SqliteStore) -> None:
    refusal = Refusal("r1", "InvalidParameter", "No")
    await accept(store, Submission((), (refusal,), question=QUESTION))
    assert await store.questions() == []


async def test_an_event_is_owed_until_it_is_acknowledged(shelf: Shelf, store: SqliteStore) -> None:
    ids = await owe(store, "a", "b", "c")
    await store.acknowledge([ids[1]])
    other = await shelf.reopen(store)
    assert [event.topic for event in await owed(other)] == ["a", "c"]
    await other.acknowledge(ids)
    assert await owed(other) == []
    await other.close()


async def test_an_events_id_is_never_used_again(store: SqliteStore) -> None:
    (first,) = await owe(store, "a")
    await store.acknowledge([first])
    (second,) = await owe(store, "b")
    assert second > first


async def test_an_event_in_flight_at_three_disconnects_is_set_aside_and_holds_no_other(
    shelf: Shelf, store: SqliteStore
) -> None:
    ids = await owe(store, "bad", "good")
    assert await store.lost(ids) == []
    assert await store.lost([ids[0]]) == []
    assert [event.topic for event in await store.lost([ids[0], 999])] == ["bad"]
    assert [event.topic for event in await owed(store)] == ["good"]
    figures = await store.figures(NOW)
    assert (figures.owed_events, figures.set_aside_events) == (1, 1)
    other = await shelf.reopen(store)
    await other.recover(NOW, 5.0)
    assert [event.topic for event in await owed(other)] == ["bad", "good"]
    await other.close()


# Restarts


async def test_attempts_that_a_kill_left_open_are_in_doubt_and_no_others(
    shelf: Shelf, store: SqliteStore
) -> None:
    await keep(store, *(text(f"+1234500000{n}") for n in range(4)))
    one_, two, three = await claim(store, NOW + 1, Slots(3, 0))
    await succeed(store, two, "SM2")
    await put_off(store, three, NOW + 500)
    other = await shelf.reopen(store)
    assert await other.recover(NOW + 100, 5.0) == 1
    left = (await stored(other, one_)).progress
    assert (left.state, left.attempt, left.sid) == (State.UNKNOWN, 1, None)
    assert (left.doubt_since, left.doubt_base, left.due_at) == (NOW + 1, NOW + 100, NOW + 105)
    assert (await stored(other, two)).progress.state is State.ACCEPTED
    assert (await stored(other, three)).progress.due_at == NOW + 500
    assert len(await other.listing(State.QUEUED, 9)) == 2
    await other.close()


async def test_a_second_kill_keeps_the_begin_of_the_doubt(shelf: Shelf, store: SqliteStore) -> None:
    await keep(store, text())
    (delivery,) = await claim(store, NOW + 1)
    await put_in_doubt(store, delivery, NOW + 5)
    unknown = await stored(store, delivery)
    await store.apply(Change(unknown, became(unknown, State.QUEUED)))
    await claim(store, NOW + 60)
    other = await shelf.reopen(store)
    await other.recover(NOW + 100, 5.0)
    progress = (await stored(other, delivery)).progress
    assert (progress.doubt_since, progress.doubt_base, progress.attempt) == (NOW + 1, NOW + 100, 2)
    await other.close()


async def test_the_files_a_power_cut_leaves_hold_everything_that_was_told_to_be_kept(
    shelf: Shelf, store: SqliteStore, tmp_path: Path
) -> None:
    kept = [text(f"+1234500000{n}") for n in range(5)]
    await keep(store, *kept)
    (delivery,) = await claim(store, slots=Slots(1, 0))
    await succeed(store, delivery, "SM1")
    after = tmp_path / "after"
    after.mkdir()
    for name in (shelf.path.name, f"{shelf.path.name}-wal"):
        shutil.copy(shelf.path.with_name(name), after)
    async with a_store(after / shelf.path.name) as other:
        assert [found.id for found in reversed(await other.listing(None, 9))] == [
            delivery.id for delivery in kept
        ]
        assert await other.listing(State.ACCEPTED, 9) == [await stored(store, delivery)]
        assert await owed(other) == await owed(store)


async def test_a_store_keeps_its_name_over_restarts(shelf: Shelf, store: SqliteStore) -> None:
    other = await shelf.reopen(store)
    assert len(other.instance) == 12
    assert other.instance == store.instance
    await other.close()


async def test_what_is_queued_when_the_store_closes_is_written(shelf: Shelf) -> None:
    store = await shelf.open()
    waiting = [asyncio.ensure_future(keep(store, text(f"+1234500{n:04}"))) for n in range(50)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*waiting)
    async with a_store(shelf.path) as other:
        assert len(await other.listing(None, 99)) == 50


# The clock


async def test_a_jump_moves_the_times_of_this_run(store: SqliteStore) -> None:
    await keep(store, text(), text(OTHER), text(THIRD))
    sending, doubtful, retried = await claim(store, NOW + 1)
    await put_in_doubt(store, doubtful, NOW + 6)
    await put_off(store, retried, NOW + 11)
    await store.shift(1000.0, NOW + 1020)
    moved = {d.id: d for d in await store.listing(None, 9)}
    for delivery in moved.values():
        assert delivery.created_at == NOW + 1000
        assert delivery.expires_at == NOW + 4600
        assert delivery.progress.attempted_at == NOW + 1001
    doubt = moved[doubtful.id].progress
    assert (doubt.due_at, doubt.doubt_since, doubt.doubt_base) == (
        NOW + 1006,
        NOW + 1001,
        NOW + 1001,
    )
    assert moved[retried.id].progress.due_at == NOW + 1011
    assert moved[sending.id].progress.due_at is None


async def test_a_jump_does_not_move_an_expiry_by_the_publishers_clock(store: SqliteStore) -> None:
    await keep(store, text(expires_fixed=True))
    await store.shift(-1000.0, NOW - 980)
    (delivery,) = await store.listing(None, 9)
    assert (delivery.created_at, delivery.expires_at) == (NOW - 1000, NOW + 3600)


async def test_a_jump_moves_nothing_that_an_earlier_run_set(
    shelf: Shelf, store: SqliteStore
) -> None:
    await keep(store, text(), text(OTHER))
    (first,) = await claim(store, slots=Slots(1, 0))
    await put_off(store, first, NOW + 50)
    before = await store.listing(None, 9)
    other = await shelf.reopen(store)
    await other.recover(NOW + 10, 5.0)
    await other.shift(1000.0, NOW + 1020)
    assert await other.listing(None, 9) == before
    await other.close()


@pytest.mark.parametrize("began", [NOW + 10, NOW - 9999], ids=["later", "by a clock that was slow"])
async def test_a_jump_moves_of_an_attempt_that_a_kill_cut_off_only_what_this_run_set(
    shelf: Shelf, store: SqliteStore, began: float
) -> None:
    await keep(store, text())
    await claim(store, NOW + 1)
    other = await shelf.reopen(store)
    await other.recover(began, 5.0)
    await other.shift(20_000.0, began + 20_010)
    (delivery,) = await other.listing(None, 9)
    assert (delivery.created_at, delivery.expires_at) == (NOW, NOW + 3600)
    doubt = delivery.progress
    assert (doubt.attempted_at, doubt.doubt_since) == (NOW + 1, NOW + 1)
    assert (doubt.doubt_base, doubt.due_at) == (began + 20_000, began + 20_005)
    await other.close()


async def test_a_second_jump_moves_the_same_times_again(store: SqliteStore) -> None:
    await store.recover(NOW - 1, 5.0)
    await keep(store, text())
    await store.shift(1000.0, NOW + 1005)
    await store.shift(-500.0, NOW + 510)
    (delivery,) = await store.listing(None, 9)
    assert (delivery.created_at, delivery.expires_at) == (NOW + 500, NOW + 4100)


async def test_a_jump_does_not_move_what_is_settled(store: SqliteStore) -> None:
    await keep(store, text())
    await succeed(store, (await claim(store))[0], "SM1")
    before = await store.listing(None, 9)
    await store.shift(1000.0, NOW + 1020)
    assert await store.listing(None, 9) == before


# Figures, lists, purges


async def test_the_figures_count_what_waits(store: SqliteStore) -> None:
    assert await store.figures(NOW) == await store.figures(NOW + 5)
    await keep(store, text(), text(OTHER), text(THIRD, created_at=NOW + 2))
    first, second = await claim(store, slots=Slots(2, 0))
    await put_in_doubt(store, first, NOW + 5)
    await succeed(store, second, "SM2")
    figures = await store.figures(NOW + 12)
    assert (figures.waiting, figures.unknown) == (1, 1)
    assert (figures.owed_events, figures.set_aside_events) == (2, 0)
    assert figures.oldest_waiting == 10.0


async def test_a_list_is_newest_first_of_one_state_or_all(store: SqliteStore) -> None:
    first, second, third = text(), text(OTHER), text(THIRD)
    await keep(store, first, second, third)
    await claim(store, slots=Slots(1, 0))
    assert [d.id for d in await store.listing(None, 2)] == [third.id, second.id]
    assert [d.id for d in await store.listing(State.QUEUED, 9)] == [third.id, second.id]
    assert [d.id for d in await store.listing(State.SENDING, 9)] == [first.id]
    assert await store.listing(State.FAILED, 9) == []


async def test_the_deliveries_of_a_request_are_those_that_are_not_final_oldest_first(
    store: SqliteStore,
) -> None:
    first, second, third = (replace(text(to), request_id="r1") for to in ("+12", "+13", "+14"))
    await keep(store, first, second, third, text(OTHER))
    await end(store, await stored(store, second), State.CANCELLED)
    assert [d.id for d in await store.of_request("r1")] == [first.id, third.id]
    assert await store.of_request("r2") == []


async def test_nothing_is_found_under_an_id_that_never_was(store: SqliteStore) -> None:
    assert await store.find("d0") is None


async def test_a_purge_forgets_what_is_old_and_settled_and_nothing_else(store: SqliteStore) -> None:
    old = [text(f"+1234500000{n}", created_at=NOW - 100) for n in range(6)]
    await keep(store, *old)
    one_, two, three, four, five = await claim(store, slots=Slots(5, 0))
    await succeed(store, one_, "SM1")
    await end(store, two, State.UNKNOWN)
    await put_in_doubt(store, three, NOW + 5)
    await put_off(store, four, NOW + 5)
    young = text("+12345000009")
    await keep(store, young)
    await end(store, young, State.FAILED)
    assert await store.purge(NOW - 50, NOW) == 2
    left = {delivery.id for delivery in await store.listing(None, 99)}
    assert left == {three.id, four.id, five.id, old[5].id, young.id}
    assert await store.purge(NOW - 50, NOW) == 0


async def test_a_purge_does_some_at_a_time_and_tells_how_many(store: SqliteStore) -> None:
    await keep(store, *(text(f"+1234{n:06}", created_at=NOW - 100) for n in range(600)))
    for delivery in await claim(store):
        await end(store, delivery, State.FAILED)
    done = [await store.purge(NOW, NOW) for _ in range(3)]
    assert sum(done) == 600
    assert done[-1] == 0


async def test_a_purge_forgets_tallies_that_are_over_only(shelf: Shelf) -> None:
    async with a_store(shelf.path, Limits(per_day=1)) as store:
        await refusals(store, text())
        await store.purge(0.0, NOW)
        assert await refusals(store, text()) == ["limits.per_day"]


# Opening


async def test_a_store_in_use_is_refused_with_who_holds_it(
    shelf: Shelf, store: SqliteStore
) -> None:
    with pytest.raises(StoreInUse) as refusal:
        await shelf.open()
    holder = Lock(shelf.path).held()
    assert holder is not None
    assert str(refusal.value) == (
        f"The store {shelf.path} is in use by process {holder.pid} on {holder.host}: "
        "stop it first, or use another store.url"
    )
    await keep(store, text())


async def test_a_store_that_is_held_for_a_moment_only_is_waited_for(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "callbox.db")
    holder = await shelf.open()
    waiting = asyncio.create_task(shelf.open())
    await asyncio.sleep(0)
    await holder.close()
    store = await waiting
    assert await keep(store, text())
    await store.close()


async def test_who_holds_a_store_is_told_with_its_control_socket(shelf: Shelf) -> None:
    assert Lock(shelf.path).held() is None
    store = await SqliteStore.open(shelf.path, DOCUMENTS, Limits(), "/run/callbox.sock")
    holder = Lock(shelf.path).held()
    assert holder is not None
    assert holder.control == "/run/callbox.sock"
    await store.close()
    assert Lock(shelf.path).held() is None


async def test_a_holder_that_cannot_be_read_is_another_process(
    shelf: Shelf, store: SqliteStore
) -> None:
    shelf.path.with_name("callbox.db.lock").write_text("{")
    with pytest.raises(StoreInUse, match="is in use by another process: stop it first"):
        await shelf.open()
    await keep(store, text())


async def test_a_store_that_a_newer_callbox_wrote_is_refused_and_left_as_it_is(
    shelf: Shelf,
) -> None:
    async with a_store(shelf.path):
        pass
    db = sqlite3.connect(shelf.path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreTooNew, match=r"newer Callbox \(schema 99, this one knows 3\)"):
        await shelf.open()
    assert Lock(shelf.path).held() is None


@pytest.mark.parametrize(
    "content", [b"this is no database, but a letter to a friend" * 99, b"\xff" * 4096]
)
async def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(
    shelf: Shelf, content: bytes
) -> None:
    shelf.path.write_bytes(content)
    with pytest.raises(StoreError, match=r"cannot be used \(file is not a database\)"):
        await shelf.open()
    assert shelf.path.read_bytes() == content
    assert Lock(shelf.path).held() is None


async def test_a_folder_in_the_stores_place_is_refused(shelf: Shelf) -> None:
    shelf.path.mkdir()
    with pytest.raises(StoreError, match=r"cannot be used \(.*Is a directory"):
        await shelf.open()


async def test_a_file_in_the_place_of_the_stores_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="must name a file in a writable folder"):
        await Shelf(tmp_path / "file" / "callbox.db").open()


async def test_the_stores_folder_is_made_and_its_file_is_nobody_elses_to_read(
    tmp_path: Path,
) -> None:
    path = tmp_path / "new" / "folder" / "callbox.db"
    async with a_store(path):
        assert path.stat().st_mode & 0o777 == 0o600


# One poison row, one writer


async def test_a_statement_that_fails_in_a_group_commit_is_rolled_back_alone(
    store: SqliteStore,
) -> None:
    def poison(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO setting VALUES ('poison', 'x')")
        db.execute("INSERT INTO setting VALUES ('poison', 'again')")

    def broken(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO setting VALUES ('broken', 'x')")
        raise sqlite3.OperationalError("without a code, as the module itself raises it")

    before, bad, worse, after = await asyncio.gather(
        keep(store, text()),
        store._write(poison),
        store._write(broken),
        keep(store, text(OTHER)),
        return_exceptions=True,
    )
    assert isinstance(bad, sqlite3.IntegrityError)
    assert isinstance(worse, sqlite3.OperationalError)
    assert isinstance(before, list)
    assert isinstance(after, list)
    assert len(await store.listing(None, 9)) == 2
    count = await store._write(
        lambda db: db.execute("SELECT count(*) FROM setting WHERE name <> 'instance'").fetchone()
    )
    assert count == (0,)


async def test_an_event_that_cannot_be_kept_undoes_its_step(store: SqliteStore) -> None:
    await keep(store, text())
    (delivery,) = await claim(store)
    change = step(delivery, became(delivery, State.FAILED), DOCUMENTS.failed("x", "y"))
    bad = replace(change, events=(Event("\ud83d", b""),))
    with pytest.raises(UnicodeEncodeError):
        await store.apply(bad)
    assert await stored(store, delivery) == delivery
    assert await owed(store) == []
    assert await store.apply(change) == "done"


async def test_a_thousand_things_at_once_are_all_kept_in_their_order(store: SqliteStore) -> None:
    deliveries = [text(f"+1234{n:06}") for n in range(1000)]
    await asyncio.gather(*(keep(store, delivery) for delivery in deliveries))
    found = [delivery.id for delivery in await store.listing(None, 2000)]
    assert found == [delivery.id for delivery in reversed(deliveries)]
