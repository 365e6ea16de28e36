"""Receiving: is the SID known? Then nothing; else what came in is kept with all it causes.

Everything here runs inside the writer's transaction.
"""

import sqlite3
from collections.abc import Sequence

from callbox.domain.consent import Step
from callbox.domain.delivery import Delivery
from callbox.ports import Kept, Reception
from callbox.store.acceptance import Acceptance
from callbox.store.owing import Owing
from callbox.store.statements import statements

WRONG_PIN, REPLY = "wrong_pin", "reply"  # names of tallies
HOUR_SECONDS = 3600


class Receiving:
    """The receiving half of a SQLite store."""

    def __init__(self, db: sqlite3.Connection, acceptance: Acceptance, owing: Owing) -> None:
        self._db = db
        self._owing = owing
        self._acceptance = acceptance
        self._sql = statements()

    def take(self, reception: Reception, now: float, new: list[Delivery]) -> Kept:
        """Keep one reception; its replies are counted as waiting and added to `new`."""
        values = (
            reception.sid,
            reception.sender,
            reception.recipient,
            reception.body,
            reception.received_at,
            now,
            reception.delete,
            reception.old,
        )
        if self._db.execute(self._sql["receive"], values).rowcount == 0:
            return Kept(new=False)
        self._owing.owe(reception.events)
        self.consent(reception.consent)
        if reception.wrong_pins:
            counted = (WRONG_PIN, reception.sender, hour_of(now), reception.wrong_pins)
            self._db.execute(self._sql["count_wrong_pins"], counted)
        return Kept(new=True, withheld=self._reply(reception, now, new))

    def consent(self, steps: Sequence[Step]) -> None:
        """See `Store.consent`."""
        for step in steps:
            if step.out:
                self._db.execute(self._sql["opt_out"], (*step.pair, step.certain, step.since))
            else:
                self._db.execute(self._sql["opt_in"], step.pair)

    def _reply(self, reception: Reception, now: float, new: list[Delivery]) -> int:
        withheld = 0
        for reply in reception.replies:
            if not self._tally(REPLY, reception.sender, now, reception.most_replies):
                withheld += 1
                continue
            _, deliveries = self._acceptance.take(reply, now)
            self._acceptance.count(deliveries, 1)
            new += deliveries
        return withheld

    def _tally(self, name: str, subject: str, now: float, limit: int) -> bool:
        """Count one more in this clock hour; False if there were `limit` already."""
        if limit == 0:
            return False
        values = (name, subject, hour_of(now), 0, limit)
        return self._db.execute(self._sql["tally"], values).rowcount > 0


def hour_of(now: float) -> float:
    """Give the first second of a clock hour."""
    return now // HOUR_SECONDS * HOUR_SECONDS
