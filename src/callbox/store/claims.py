"""Claiming: which deliveries may be attempted next, and the record of the attempt."""

import sqlite3
from itertools import chain

from callbox.domain.notification import Kind
from callbox.ports import Claims, Slots
from callbox.store.rows import to_delivery
from callbox.store.statements import statements


def claim(db: sqlite3.Connection, now: float, slots: Slots, run: str) -> Claims:
    """Record the next attempt of up to `slots` due deliveries and give them; see `Store.claim`."""
    calls = _claim_kinds(db, (Kind.CALL,), now, min(slots.calls, slots.total), run)
    rest = _claim_kinds(db, (Kind.TXT, Kind.FLOW), now, slots.total - len(calls), run)
    due = db.execute(statements()["next_due"], (now,)).fetchone()[0]
    return Claims(tuple(to_delivery(row) for row in calls + rest), due)


def _claim_kinds(
    db: sqlite3.Connection, kinds: tuple[Kind, ...], now: float, slots: int, run: str
) -> list[tuple[object, ...]]:
    """Claim what waits of these kinds, in one order of priority and arrival."""
    claimed: list[tuple[object, ...]] = []
    while slots > len(claimed):
        most = slots - len(claimed)
        waiting = sorted(chain(*(_waiting(db, kind, now, most) for kind in kinds)))[:most]
        lanes: set[str] = set()
        for _, seq, lane in waiting:
            if lane not in lanes:
                lanes.add(lane)
                row = db.execute(statements()["begin_attempt"], (now, now, run, seq)).fetchone()
                claimed.append(row)
        if len(waiting) < most:
            break
    return claimed


def _waiting(
    db: sqlite3.Connection, kind: Kind, now: float, most: int
) -> list[tuple[int, int, str]]:
    values = {"kind": kind, "now": now, "most": most}
    return db.execute(statements()["waiting"], values).fetchall()
