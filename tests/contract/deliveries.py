"""What the tests of the store put in it, and the steps they take with it."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from callbox.domain.delivery import Delivery, Evidence, Progress, State
from callbox.domain.notification import Channel, Flow, Kind, Notification, Voice
from callbox.ports import Change, Claims, Event, Limits, Origin, Receipt, Slots, Submission
from callbox.store.sqlite import SqliteStore
from callbox.wire import JsonDocuments

NOW = 1_800_000_000.0  # a full hour
DOCUMENTS = JsonDocuments()
ALL = Slots(1000, 1000)
_ids = itertools.count(1)


def text(
    to: str = "+12345000001",
    body: str = "Hi",
    *,
    sender: str = "+19999999999",
    **terms: Any,  # noqa: ANN401 - fields
) -> Delivery:
    """Give a text that waits to be accepted; `terms` are fields of Delivery."""
    note = Notification(Kind.TXT, Channel.SMS, terms.pop("name", "Darla"), to, sender, body)
    return _delivery(note, terms)


def call(to: str = "+12345000001", says: str = "Fire", **terms: Any) -> Delivery:  # noqa: ANN401 - fields
    """Give a call that waits to be accepted."""
    voice = Voice(text=says)
    note = Notification(Kind.CALL, Channel.VOICE, "Darla", to, "+19999999999", voice=voice)
    return _delivery(note, terms)


def flow(
    to: str = "+12345000001",
    sid: str = "FW" + "a" * 32,
    parameters: str = '{"message": "Fire"}',
    **terms: Any,  # noqa: ANN401 - fields
) -> Delivery:
    """Give a run of a Studio flow that waits to be accepted."""
    told = Flow(sid, parameters)
    note = Notification(Kind.FLOW, Channel.FLOW, "Darla", to, "+19999999999", flow=told)
    return _delivery(note, terms)


def _delivery(note: Notification, terms: dict[str, Any]) -> Delivery:
    id_ = f"d{next(_ids)}"
    at = terms.get("created_at", NOW)
    plain: dict[str, Any] = {
        "request_id": f"r-{id_}",
        "priority": 1,
        "retries": None,
        "on_unknown": "hold",
        "created_at": at,
        "expires_at": at + 3600.0,
        "expires_fixed": False,
        "progress": Progress(updated_at=at),
    }
    return Delivery(id=id_, notification=note, **(plain | terms))


def publish(packet_id: int, digest: str = "a", *, dup: bool = False) -> Origin:
    return Origin(packet_id, digest.encode(), dup)


@dataclass
class Shelf:
    """A store's file, and the stores that were opened on it."""

    path: Path
    limits: Limits = field(default_factory=Limits)
    dead: list[SqliteStore] = field(default_factory=list)

    async def open(self) -> SqliteStore:
        """Open the store as a new process would."""
        return await SqliteStore.open(self.path, DOCUMENTS, self.limits)

    def kill(self, store: SqliteStore) -> None:
        """Leave a store as SIGKILL would: nothing is finished, the system frees the lock."""
        store._lock.release()
        self.dead.append(store)

    async def reopen(self, store: SqliteStore) -> SqliteStore:
        """Kill a store and open its file again."""
        self.kill(store)
        return await self.open()


@asynccontextmanager
async def a_store(path: Path, limits: Limits | None = None) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(path, DOCUMENTS, limits or Limits())
    try:
        yield store
    finally:
        await store.close()


async def keep(
    store: SqliteStore, *deliveries: Delivery, now: float = NOW, slots: Slots | None = None
) -> list[Receipt]:
    """Accept each delivery as a request of its own; claims nothing unless there are slots."""
    receipts, _ = await accept(store, *map(one, deliveries), now=now, slots=slots)
    return receipts


async def accept(
    store: SqliteStore, *submissions: Submission, now: float = NOW, slots: Slots | None = None
) -> tuple[list[Receipt], Claims]:
    results, claims = await store.accept(submissions, now, slots or Slots())
    return [_receipt(result) for result in results], claims


def _receipt(result: Receipt | Exception) -> Receipt:
    if isinstance(result, Exception):
        raise result
    return result


def one(delivery: Delivery) -> Submission:
    return Submission((delivery,))


async def claim(store: SqliteStore, now: float = NOW, slots: Slots = ALL) -> list[Delivery]:
    return list((await store.claim(now, slots)).deliveries)


async def stored(store: SqliteStore, delivery: Delivery) -> Delivery:
    found = await store.find(delivery.id)
    assert found is not None
    return found


def became(before: Delivery, state: State, **progress: Any) -> Progress:  # noqa: ANN401 - fields
    """Give a delivery's next progress; due at no time unless said."""
    return replace(before.progress, **({"state": state, "due_at": None} | progress))


def step(before: Delivery, after: Progress, answer: str | None = None) -> Change:
    """Give a step with the event it owes, or with none while it waits on."""
    waits = after.state is State.QUEUED or (after.state is State.UNKNOWN and after.due_at)
    if waits:
        return Change(before, after)
    payload = f"{before.id} is {after.state}".encode()
    return Change(before, after, (Event("message/delivery", payload),), answer)


async def succeed(
    store: SqliteStore,
    delivery: Delivery,
    sid: str,
    *,
    evidence: Evidence = Evidence.ANSWER,
    now: float = NOW,
) -> str:
    """Record that Twilio accepted it."""
    after = became(
        delivery,
        State.ACCEPTED,
        sid=sid,
        evidence=evidence,
        word="queued",
        sent_from="+19999999999",
        updated_at=now,
    )
    answer = DOCUMENTS.accepted(replace(delivery, progress=after))
    return await store.apply(step(delivery, after, answer))


async def end(store: SqliteStore, delivery: Delivery, state: State) -> str:
    """Record that it ended without success."""
    answer = DOCUMENTS.failed(state, "It ended")
    return await store.apply(step(delivery, became(delivery, state), answer))


async def put_in_doubt(store: SqliteStore, delivery: Delivery, due_at: float) -> str:
    after = became(
        delivery,
        State.UNKNOWN,
        due_at=due_at,
        doubt_since=delivery.progress.attempted_at,
        doubt_base=delivery.progress.attempted_at,
    )
    return await store.apply(step(delivery, after))


async def put_off(store: SqliteStore, delivery: Delivery, due_at: float | None) -> str:
    """Record a temporary failure: it waits for its retry."""
    failures = delivery.progress.failures + 1
    after = became(delivery, State.QUEUED, due_at=due_at, failures=failures)
    return await store.apply(step(delivery, after))


async def owed(store: SqliteStore) -> list[Event]:
    return await store.owed("mqtt", 0, 1000)
