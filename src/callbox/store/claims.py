"""Claiming: which deliveries may be attempted next, and the record of the attempt."""

import sqlite3

from callbox.domain.notification import Kind
from callbox.ports import Claims, Slots
from callbox.store.rows import to_delivery
from callbox.store.statements import statements


def claim(db: sqlite3.Connection, now: float, slots: Slots, run: str) -> Claims:
    """Record the next attempt of up to `slots` due deliveries and give them; see `Store.claim`."""
    calls = _claim_kind(db, Kind.CALL, now, min(slots.calls, slots.total), run)
    texts = _claim_kind(db, Kind.TXT, now, slots.total - len(calls), run)
    due = db.execute(statements()["next_due"], (now,)).fetchone()[0]
    return Claims(tuple(to_delivery(row) for row in calls + texts), due)


def _claim_kind(
    db: sqlite3.Connection, kind: Kind, now: float, slots: int, run: str
) -> list[tuple[object, ...]]:
    claimed: list[tuple[object, ...]] = []
    while slots > len(claimed):
        most = slots - len(claimed)
        values = {"kind": kind, "now": now, "most": most}
        waiting = db.execute(statements()["waiting"], values).fetchall()
        lanes: set[str] = set()
        for seq, lane in waiting:
            if lane not in lanes:
                lanes.add(lane)
                row = db.execute(statements()["begin_attempt"], (now, now, run, seq)).fetchone()
                claimed.append(row)
        if len(waiting) < most:
            break
    return claimed
