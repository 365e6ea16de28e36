"""The store against a small model of it, through random lives with kills in them."""

import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from callbox.domain.delivery import FREES_DEDUP_KEY, Delivery, Evidence, State
from callbox.domain.notification import Kind
from callbox.ports import Slots
from contract.deliveries import (
    NOW,
    Shelf,
    accept,
    call,
    end,
    flow,
    one,
    owed,
    put_in_doubt,
    put_off,
    step,
    stored,
    succeed,
    text,
)

T = TypeVar("T")


@dataclass
class Row:
    """A delivery as the model knows it."""

    delivery: Delivery
    seq: int
    state: State = State.QUEUED
    due_at: float | None = None
    attempt: int = 0
    sid: str | None = None
    evidence: Evidence | None = None
    holds_key: bool = False
    followers: int = 0
    statuses: int = 0

    @property
    def id(self) -> str:
        return self.delivery.id

    @property
    def lane(self) -> str:
        return self.delivery.notification.lane

    def blocks(self, other: "Row", now: float) -> bool:
        """Tell whether another one must wait for it."""
        if self is other:
            return False
        if self.state is State.SENDING:
            return self.lane == other.lane
        if self.due_at is None:
            return False
        alike = self.delivery.notification.likeness == other.delivery.notification.likeness
        waits = self.due_at > now and self.seq < other.seq
        return alike and (self.state is State.UNKNOWN or waits)


DELIVERIES = st.builds(
    lambda to, body, priority, kind, key, lasts: (to, body, priority, kind, key, lasts),
    st.sampled_from(["+12345000001", "+12345000002"]),
    st.sampled_from(["a", "b"]),
    st.sampled_from([1, 1, 3]),
    st.sampled_from([Kind.TXT, Kind.TXT, Kind.CALL, Kind.FLOW]),
    st.sampled_from([None, None, "k", "l"]),
    st.sampled_from([20.0, 1000.0]),
)
_MAKERS: dict[Kind, Callable[..., Delivery]] = {
    Kind.TXT: text,
    Kind.CALL: call,
    Kind.FLOW: flow,
}
SLOTS = st.builds(Slots, st.integers(0, 3), st.integers(0, 2))


class StoreLife(RuleBasedStateMachine):
    """Every rule does the same to the store and to the model, and compares what they say."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.shelf = Shelf(Path(self.folder.name) / "callbox.db")
        self.rows: list[Row] = []
        self.now = NOW
        self.sids = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        for store in [*self.shelf.dead, self.store]:
            self.run(store.close())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        self.folder.cleanup()

    @initialize()
    def open(self) -> None:
        self.store = self.run(self.shelf.open())
        self.run(self.store.recover(self.now, 5.0))

    def those(self, *states: State) -> list[Row]:
        return [row for row in self.rows if row.state in states]

    def pick(self, data: st.DataObject, *states: State) -> tuple[Row, Delivery]:
        row = data.draw(st.sampled_from(self.those(*states)))
        return row, self.run(stored(self.store, row.delivery))

    # the model

    def expect_claims(self, slots: Slots) -> list[str]:
        calls = self.expect_kinds({Kind.CALL}, min(slots.calls, slots.total))
        rest = self.expect_kinds({Kind.TXT, Kind.FLOW}, slots.total - len(calls))
        return calls + rest

    def expect_kinds(self, kinds: set[Kind], most: int) -> list[str]:
        claimed: list[str] = []
        for row in sorted(self.rows, key=lambda row: (-row.delivery.priority, row.seq)):
            due = row.due_at is None or row.due_at <= self.now
            ready = row.state is State.QUEUED and due and row.delivery.expires_at > self.now
            ours = row.delivery.notification.kind in kinds and len(claimed) < most
            if ours and ready and not any(other.blocks(row, self.now) for other in self.rows):
                row.state, row.due_at = State.SENDING, None
                row.attempt += 1
                claimed.append(row.id)
        return claimed

    def expect_accepted(self, delivery: Delivery) -> str:
        holders = [
            row
            for row in self.rows
            if row.holds_key
            and row.delivery.dedup_key == delivery.dedup_key
            and row.delivery.notification.kind is delivery.notification.kind
        ]
        if delivery.dedup_key is None or not holders:
            holds = delivery.dedup_key is not None
            self.rows.append(Row(delivery, len(self.rows) + 1, holds_key=holds))
            return delivery.id
        (holder,) = holders
        if holder.statuses:
            holder.statuses += 1
        else:
            holder.followers += 1
        return holder.id

    def settle(self, row: Row, state: State, *, told: bool = True) -> None:
        row.state, row.due_at = state, None
        if told and not row.statuses:
            row.statuses = 1 + row.followers
        if state in FREES_DEDUP_KEY:
            row.holds_key = False

    # the rules

    @rule(specs=st.lists(DELIVERIES, min_size=1, max_size=3), slots=SLOTS)
    def accept(self, specs: list[tuple[Any, ...]], slots: Slots) -> None:
        deliveries = []
        for to, body, priority, kind, key, lasts in specs:
            delivery = _MAKERS[kind](to, body, priority=priority, created_at=self.now)
            deliveries.append(
                replace(
                    delivery,
                    dedup_key=key,
                    dedup_digest=key and "same",
                    expires_at=self.now + lasts,
                )
            )
        receipts, claims = self.run(
            accept(self.store, *map(one, deliveries), now=self.now, slots=slots)
        )
        ids = [receipt.accepted[0] for receipt in receipts]
        assert ids == [self.expect_accepted(delivery) for delivery in deliveries]
        assert [delivery.id for delivery in claims.deliveries] == self.expect_claims(slots)

    @rule(slots=SLOTS)
    def claim(self, slots: Slots) -> None:
        claims = self.run(self.store.claim(self.now, slots))
        assert [delivery.id for delivery in claims.deliveries] == self.expect_claims(slots)
        due = [row.due_at for row in self.rows if row.due_at is not None and row.due_at > self.now]
        ends = [row.delivery.expires_at for row in self.those(State.QUEUED)]
        assert claims.next_due == min(due + ends, default=None)

    @rule(seconds=st.sampled_from([0.5, 5.0, 30.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.those(State.SENDING, State.UNKNOWN))
    @rule(data=st.data(), evidence=st.sampled_from(Evidence), known=st.booleans())
    def is_created(self, data: st.DataObject, evidence: Evidence, *, known: bool) -> None:
        row, delivery = self.pick(data, State.SENDING, State.UNKNOWN)
        taken = [other for other in self.rows if other.sid is not None]
        rival = data.draw(st.sampled_from(taken)) if known and taken else None
        self.sids += 1
        sid = rival.sid if rival and rival.sid else f"SM{self.sids}"
        verdict = self.run(succeed(self.store, delivery, sid, evidence=evidence, now=self.now))
        if rival:
            if evidence is Evidence.LOOKUP or rival.evidence is not Evidence.LOOKUP:
                assert verdict == "claimed"
                return
            rival.state, rival.due_at, rival.sid = State.UNKNOWN, self.now, None
        assert verdict == "done"
        row.sid, row.evidence = sid, evidence
        self.settle(row, State.ACCEPTED)

    @precondition(lambda self: self.those(State.SENDING))
    @rule(data=st.data(), state=st.sampled_from([State.FAILED, State.UNKNOWN]))
    def ends(self, data: st.DataObject, state: State) -> None:
        row, delivery = self.pick(data, State.SENDING)
        assert self.run(end(self.store, delivery, state)) == "done"
        self.settle(row, state)

    @precondition(lambda self: self.those(State.SENDING))
    @rule(data=st.data(), delay=st.sampled_from([None, 10.0]))
    def is_put_off(self, data: st.DataObject, delay: float | None) -> None:
        row, delivery = self.pick(data, State.SENDING)
        due_at = None if delay is None else self.now + delay
        assert self.run(put_off(self.store, delivery, due_at)) == "done"
        row.state, row.due_at = State.QUEUED, due_at

    @precondition(lambda self: self.those(State.SENDING))
    @rule(data=st.data())
    def comes_into_doubt(self, data: st.DataObject) -> None:
        row, delivery = self.pick(data, State.SENDING)
        assert self.run(put_in_doubt(self.store, delivery, self.now + 5)) == "done"
        row.state, row.due_at = State.UNKNOWN, self.now + 5

    @precondition(lambda self: self.those(State.UNKNOWN))
    @rule(data=st.data())
    def is_absent(self, data: st.DataObject) -> None:
        row, delivery = self.pick(data, State.UNKNOWN)
        after = replace(delivery.progress, state=State.QUEUED, due_at=None)
        assert self.run(self.store.apply(step(delivery, after))) == "done"
        row.state, row.due_at = State.QUEUED, None

    @precondition(lambda self: self.those(State.QUEUED))
    @rule(data=st.data(), state=st.sampled_from([State.CANCELLED, State.EXPIRED]))
    def is_withdrawn(self, data: st.DataObject, state: State) -> None:
        row, delivery = self.pick(data, State.QUEUED)
        assert self.run(end(self.store, delivery, state)) == "done"
        self.settle(row, state)

    @precondition(lambda self: self.rows)
    @rule(data=st.data())
    def a_late_step_changes_nothing(self, data: st.DataObject) -> None:
        _, delivery = self.pick(data, *State)
        old = replace(delivery, progress=replace(delivery.progress, attempt=99))
        assert self.run(end(self.store, old, State.FAILED)) == "stale"

    @rule()
    def kill(self) -> None:
        self.store = self.run(self.shelf.reopen(self.store))
        left = self.those(State.SENDING)
        assert self.run(self.store.recover(self.now, 5.0)) == len(left)
        for row in left:
            row.state, row.due_at = State.UNKNOWN, self.now + 5

    # what always holds

    @invariant()
    def the_store_is_as_the_model(self) -> None:
        found = self.run(self.store.listing(None, 1000))
        assert [
            (d.id, d.seq, d.progress.state, d.progress.due_at, d.progress.attempt, d.progress.sid)
            for d in reversed(found)
        ] == [(r.id, r.seq, r.state, r.due_at, r.attempt, r.sid) for r in self.rows]

    @invariant()
    def one_create_is_in_flight_per_lane(self) -> None:
        lanes = Counter(row.lane for row in self.those(State.SENDING))
        assert all(number == 1 for number in lanes.values())

    @invariant()
    def every_request_has_one_status_once_there_is_one(self) -> None:
        events = self.run(owed(self.store))
        told = [json.loads(e.payload)["id"] for e in events if e.topic == "message/status"]
        assert len(told) == len(set(told)) == sum(row.statuses for row in self.rows)

    @invariant()
    def the_overdue_are_those_whose_time_is_over(self) -> None:
        over = [r.id for r in self.those(State.QUEUED) if r.delivery.expires_at <= self.now]
        assert sorted(d.id for d in self.run(self.store.overdue(self.now))) == sorted(over)


StoreLife.TestCase.settings = settings(deadline=None, max_examples=40, stateful_step_count=30)
TestStoreLife = StoreLife.TestCase
