"""Accepting: is a publish a redelivery, a key taken, a limit reached? Then it is kept, or refused.

Everything here runs inside the writer's transaction, in order of arrival.
"""

import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace

from callbox.domain.delivery import Delivery
from callbox.domain.notification import CRITICAL
from callbox.ports import Documents, Event, Limits, Origin, Receipt, Refusal, Submission
from callbox.store.owing import Owing
from callbox.store.rows import dedup_prefix, to_insert
from callbox.store.statements import statements

REMEMBERED_ARRIVALS = 32_768


@dataclass(frozen=True, slots=True)
class _Holder:
    """The delivery that holds a place under a dedup_key."""

    id: str
    digest: str
    answer: str | None


class Acceptance:
    """The accepting half of a SQLite store, with the counters that it keeps in memory."""

    def __init__(
        self,
        db: sqlite3.Connection,
        documents: Documents,
        limits: Limits,
        run: str,
        owing: Owing,
    ) -> None:
        self._db = db
        self._owing = owing
        self._sql = statements()
        self._documents = documents
        self._limits = limits
        self._run = run
        self._arrivals = 0
        self._connection = 0
        self._reuses_ids = False
        self._waiting = [0, 0]  # not critical, critical
        self._counting = threading.Lock()

    def recount(self) -> None:
        """Count what is waiting, from the table."""
        counts = dict(self._db.execute(self._sql["waiting_counts"]).fetchall())
        self._waiting = [counts.get(0, 0), counts.get(1, 0)]
        self._arrivals = self._db.execute(self._sql["last_arrival"]).fetchone()[0]

    def count(self, deliveries: Iterable[Delivery], by: int) -> None:
        """Count deliveries that wait from now on (1), or no longer (-1); from any thread."""
        with self._counting:
            for delivery in deliveries:
                self._waiting[delivery.priority >= CRITICAL] += by

    def begin_session(self, client_id: str, *, present: bool) -> int:
        """See `Store.begin_session`."""
        self._db.execute(self._sql["forget_sessions"], (client_id,))
        known = self._db.execute(self._sql["session"], (client_id,)).fetchone()
        if known is None or not present:
            self._db.execute(self._sql["forget_arrivals"])
        self._reuses_ids = bool(known and known[1])
        connection = (known[0] if known else 0) + 1
        self._db.execute(self._sql["connect"], (client_id, connection))
        return connection

    def take(self, submission: Submission, now: float) -> tuple[Receipt, list[Delivery]]:
        """Keep one submission; give its receipt and the deliveries that are new."""
        if submission.origin and self._is_redelivery(submission.origin, submission.connection):
            return Receipt(redelivered=True), []
        for refusal in submission.refusals:
            self._refuse(refusal)
        accepted: list[str] = []
        refused = list(submission.refusals)
        new: list[Delivery] = []
        holders = self._holders(submission.deliveries, now)
        several = len(submission.deliveries) + len(submission.refusals) > 1
        for delivery in submission.deliveries:
            holder = holders.get(delivery.position)
            fault = self._fault(delivery, holders, new, now)
            if fault is not None:
                refused.append(self._refuse(_named(fault, delivery) if several else fault))
            elif holder is not None:
                accepted.append(self._follow(delivery, holder))
            else:
                accepted.append(delivery.id)
                new.append(delivery)
                self._db.execute(self._sql["insert_delivery"], to_insert(delivery, self._run))
        if submission.question is not None and new:
            self._db.execute(self._sql["ask"], astuple(submission.question))
        return Receipt(tuple(accepted), tuple(refused)), new

    def owe_status(
        self, payload: bytes, reply_topic: str | None, correlation: bytes | None
    ) -> None:
        """Owe a status document, to an MQTT 5 response topic as well if one was given."""
        events = [Event("message/status", payload)]
        if reply_topic is not None:
            events.append(Event(reply_topic, payload, absolute=True, correlation=correlation))
        self._owing.owe(events)

    def _is_redelivery(self, origin: Origin, connection: int) -> bool:
        """Compare with what came under this packet id, and remember this one instead.

        Within one connection a broker never repeats a message without DUP, so an id that comes
        again there shows a broker that reuses ids: then equality alone proves nothing.
        """
        self._arrivals += 1
        row = self._db.execute(self._sql["arrival"], (origin.packet_id,)).fetchone()
        values = (origin.packet_id, connection, self._arrivals, origin.digest)
        self._db.execute(self._sql["arrive"], values)
        if row is None or self._arrivals - row[1] > REMEMBERED_ARRIVALS:
            return False
        if row[0] == connection and not origin.dup:
            self._reuses_ids = True
            self._db.execute(self._sql["reuses_ids"], (True,))
            return False
        return bool(row[2] == origin.digest and (origin.dup or not self._reuses_ids))

    def _holders(self, deliveries: tuple[Delivery, ...], now: float) -> dict[int, _Holder]:
        if not deliveries or deliveries[0].dedup_key is None:
            return {}
        prefix = dedup_prefix(deliveries[0])
        values = (prefix, prefix[:-1] + "\1", now - self._limits.dedup_window)
        self._db.execute(self._sql["free_old_key"], values)
        rows = self._db.execute(self._sql["held_under_key"], values).fetchall()
        return {position: _Holder(id_, digest, answer) for id_, position, digest, answer in rows}

    def _fault(
        self,
        delivery: Delivery,
        holders: dict[int, _Holder],
        new: list[Delivery],
        now: float,
    ) -> Refusal | None:
        if any(holder.digest != delivery.dedup_digest for holder in holders.values()):
            return _refusal(
                delivery,
                "InvalidParameter",
                "Dedup key was used with other content: expected a new key for a new message",
            )
        if delivery.position in holders:
            return None
        exceeded = self._exceeded(delivery, len(new), now)
        return None if exceeded is None else _refusal(delivery, "LimitReached", exceeded)

    def _exceeded(self, delivery: Delivery, new: int, now: float) -> str | None:
        """Count a delivery against the limits; give the sentence of the one it is over."""
        limits, critical = self._limits, delivery.priority >= CRITICAL
        if limits.waiting and self._waiting[critical] + new >= limits.waiting:
            return f"limits.waiting: {limits.waiting} deliveries are waiting already"
        hour, day = now // 3600 * 3600, now // 86_400 * 86_400
        windows = (
            ("per_recipient_hour", delivery.notification.to, hour, limits.per_recipient_hour),
            ("per_day", "", day, limits.per_day),
        )
        for name, subject, begins, limit in windows:
            values = (name, subject, begins, critical, limit)
            if limit and self._db.execute(self._sql["tally"], values).rowcount == 0:
                return f"limits.{name}: {limit} were accepted in this window already"
        return None

    def _follow(self, delivery: Delivery, holder: _Holder) -> str:
        """Answer a request with the status of the first one under its key, now or later."""
        asker = (delivery.request_id, delivery.reply_topic, delivery.correlation)
        if holder.answer is None:
            self._db.execute(self._sql["follow"], (holder.id, *asker))
        else:
            payload = self._documents.answer(holder.answer, delivery.request_id)
            self.owe_status(payload, delivery.reply_topic, delivery.correlation)
        return holder.id

    def _refuse(self, refusal: Refusal) -> Refusal:
        response = self._documents.failed(refusal.error, refusal.message)
        payload = self._documents.answer(response, refusal.request_id)
        self.owe_status(payload, refusal.reply_topic, refusal.correlation)
        return refusal


def _refusal(delivery: Delivery, error: str, message: str) -> Refusal:
    return Refusal(delivery.request_id, error, message, delivery.reply_topic, delivery.correlation)


def _named(refusal: Refusal, delivery: Delivery) -> Refusal:
    return replace(refusal, message=f"{delivery.notification.name}: {refusal.message}")
