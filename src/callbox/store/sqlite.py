"""The store of one gateway: SQLite, WAL, fsync at every commit, one writing thread."""

import asyncio
import contextlib
import json
import os
import secrets
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import TypeVar

from callbox.domain.consent import Pair, Step
from callbox.domain.delivery import Delivery, Evidence, State
from callbox.domain.notification import Channel
from callbox.domain.policy import LONGEST_BETWEEN_NEWS
from callbox.domain.question import Question
from callbox.errors import StoreError, StoreInUse, StoreTooNew
from callbox.ports import (
    MQTT,
    Change,
    Claims,
    Documents,
    Event,
    Figures,
    Kept,
    Limits,
    Mailbox,
    Receipt,
    Reception,
    Slots,
    Submission,
)
from callbox.store.acceptance import Acceptance
from callbox.store.claims import claim
from callbox.store.lock import Lock
from callbox.store.owing import Owing, Wants
from callbox.store.receiving import WRONG_PIN, Receiving, hour_of
from callbox.store.rows import to_delivery, to_update
from callbox.store.statements import migrations, statements
from callbox.store.writer import Writer

T = TypeVar("T")

LOSSES_TO_SET_ASIDE = 3
DAY_SECONDS = 86_400.0
_LOCK_SECONDS, _LOCK_AGAIN = 2.0, 0.1

_A_BROKER: Mapping[str, Wants] = {MQTT: lambda _event: True}


class SqliteStore:
    """Implements the port `Store` on one file. Open it by `await SqliteStore.open(...)`."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        lock: Lock,
        documents: Documents,
        limits: Limits,
        hosts: Mapping[str, Wants],
    ) -> None:
        self.instance = _instance(connection)
        self._lock = lock
        self._db = connection
        self._run = secrets.token_hex(6)
        self._began = float("-inf")
        self._last_event = 0  # of earlier runs
        self._sql = statements()
        self._documents = documents
        self._owing = Owing(connection, hosts)
        self._acceptance = Acceptance(connection, documents, limits, self._run, self._owing)
        self._reception = Receiving(connection, self._acceptance, self._owing)
        self._writer = Writer(connection, asyncio.get_running_loop())

    @classmethod
    async def open(
        cls,
        path: Path,
        documents: Documents,
        limits: Limits,
        control: str | None = None,
        hosts: Mapping[str, Wants] = _A_BROKER,
    ) -> "SqliteStore":
        """Open or create the file, holding it for this process.

        `hosts` are to tell what happens: which events, each says.

        Raises StoreInUse, StoreTooNew, or StoreError when it cannot be read or written.
        """
        lock = Lock(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            await _take(lock, control)
            db = await asyncio.to_thread(connect, path)
            return cls(db, lock, documents, limits, hosts)
        except (OSError, sqlite3.Error) as error:
            lock.release()
            raise StoreError(
                f"The store {path} cannot be used ({error}): store.url must name a file in a "
                "writable folder, with room on its disk"
            ) from error
        except StoreError:
            lock.release()
            raise

    async def close(self) -> None:
        """Finish what is queued and let go of the file."""
        await asyncio.to_thread(self._writer.stop)
        with contextlib.suppress(sqlite3.Error):
            self._db.close()
        self._lock.release()

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written now."""
        return self._writer.trouble

    async def begin_session(self, client_id: str, *, present: bool) -> int:
        """See `Store`."""
        return await self._write(
            lambda _: self._acceptance.begin_session(client_id, present=present)
        )

    async def accept(
        self,
        submissions: Sequence[Submission],
        now: float,
        slots: Slots,
        *,
        impatient: bool = False,
    ) -> tuple[list[Receipt | Exception], Claims]:
        """See `Store`."""
        new: list[Delivery] = []  # counted as waiting already

        def work(db: sqlite3.Connection) -> tuple[list[Receipt | Exception], Claims]:
            self._acceptance.count(new, -1)  # of an earlier try that the disk refused
            new.clear()
            receipts = _keep(db, submissions, now, self._acceptance, new)
            return receipts, claim(db, now, slots, self._run)

        try:
            return await self._write(work, impatient=impatient)
        except Exception:
            self._acceptance.count(new, -1)
            raise

    async def claim(self, now: float, slots: Slots) -> Claims:
        """See `Store`."""
        return await self._write(lambda db: claim(db, now, slots, self._run), ahead=True)

    async def recover(self, now: float, first_lookup: float) -> int:
        """Put attempts that the last run left open in doubt; give how many. Call once, first."""

        def work(db: sqlite3.Connection) -> int:
            db.execute(self._sql["forgive"])
            self._owing.reroute()
            db.execute(self._sql["ask_soon"], {"latest": now + LONGEST_BETWEEN_NEWS})
            cursor = db.execute(self._sql["recover"], (now + first_lookup, now, now, self._run))
            self._acceptance.recount()
            self._last_event = db.execute(self._sql["last_event"]).fetchone()[0]
            return cursor.rowcount

        self._began = now
        return await self._write(work)

    async def apply(self, change: Change) -> str:
        """See `Store`."""
        verdict, settles = await self._write(lambda db: self._apply(db, change), urgent=True)
        if settles:
            self._acceptance.count((change.before,), -1)
        return verdict

    def _apply(self, db: sqlite3.Connection, change: Change) -> tuple[str, bool]:
        before = change.before
        row = to_update(before, change.after, change.answer, self._run)
        try:
            cursor = db.execute(self._sql["update_delivery"], row)
        except sqlite3.IntegrityError:
            if not self._dethrone(db, change):
                return "claimed", False
            cursor = db.execute(self._sql["update_delivery"], row)
        if cursor.rowcount == 0:
            return "stale", False
        if change.answer is not None and before.answer is None:
            self._tell(db, before, change.answer)
        self._owing.owe(change.events)
        return "done", before.answer is None and change.answer is not None

    def _dethrone(self, db: sqlite3.Connection, change: Change) -> bool:
        """Take a SID from a delivery that holds it by look-up only; that one is in doubt again."""
        rival = db.execute(self._sql["rival"], (change.after.sid,)).fetchone()
        if rival is None or rival[1] != Evidence.LOOKUP or change.after.evidence is Evidence.LOOKUP:
            return False
        now = change.after.updated_at
        db.execute(self._sql["dethrone"], (now, now, rival[0]))
        return True

    def _tell(self, db: sqlite3.Connection, delivery: Delivery, answer: str) -> None:
        """Owe the first status to whoever asked, and to those who asked under the same key."""
        askers = [(delivery.request_id, delivery.reply_topic, delivery.correlation)]
        if delivery.dedup_key is not None:
            askers += db.execute(self._sql["followers"], (delivery.id,)).fetchall()
        for request_id, reply_topic, correlation in askers:
            self._acceptance.owe_status(
                self._documents.answer(answer, request_id), reply_topic, correlation
            )

    async def receive(
        self, receptions: Sequence[Reception], now: float, *, impatient: bool = False
    ) -> list[Kept]:
        """See `Store`."""
        new: list[Delivery] = []  # counted as waiting already

        def work(_: sqlite3.Connection) -> list[Kept]:
            self._acceptance.count(new, -1)  # of an earlier try that the disk refused
            new.clear()
            return [self._reception.take(reception, now, new) for reception in receptions]

        try:
            return await self._write(work, impatient=impatient)
        except Exception:
            self._acceptance.count(new, -1)
            raise

    async def recipients(self) -> set[str]:
        """See `Store`."""
        sql = self._sql["recipients"]
        return await self._write(lambda db: {row[0] for row in db.execute(sql)})

    async def known(self, sids: Sequence[str]) -> set[str]:
        """See `Store`."""
        sql = self._sql["received"]
        return await self._write(
            lambda db: {sid for sid in sids if db.execute(sql, (sid,)).fetchone()}
        )

    async def consent(self, steps: Sequence[Step]) -> None:
        """See `Store`."""
        await self._write(lambda _: self._reception.consent(steps))

    async def opt_outs(self) -> list[Step]:
        """See `Store`."""
        rows = await self._write(lambda db: db.execute(self._sql["opt_outs"]).fetchall())
        return [
            Step(Pair(Channel(channel), sender, recipient), True, bool(certain), since)
            for channel, sender, recipient, certain, since in rows
        ]

    async def wrong_pins(self, now: float) -> dict[str, int]:
        """See `Store`."""
        values = (WRONG_PIN, hour_of(now))
        rows = await self._write(lambda db: db.execute(self._sql["tallies"], values).fetchall())
        return dict(rows)

    async def mailboxes(self) -> list[Mailbox]:
        """See `Store`."""
        rows = await self._write(lambda db: db.execute(self._sql["mailboxes"]).fetchall())
        return [Mailbox(*row) for row in rows]

    async def read_up_to(self, mailbox: Mailbox) -> None:
        """See `Store`."""
        values = astuple(mailbox)
        await self._write(lambda db: db.execute(self._sql["read_up_to"], values))

    async def to_delete(self, most: int) -> list[str]:
        """See `Store`."""
        rows = await self._write(lambda db: db.execute(self._sql["to_delete"], (most,)).fetchall())
        return [row[0] for row in rows]

    async def deleted(self, sid: str) -> None:
        """See `Store`."""
        await self._write(lambda db: db.execute(self._sql["deleted"], (sid,)))

    async def fresh(self, now: float, most: int) -> list[Delivery]:
        """See `Store`."""
        return await self._select("fresh", now, most)

    async def next_news(self) -> float | None:
        """See `Store`."""
        sql = self._sql["next_news"]
        row = await self._write(lambda db: db.execute(sql).fetchone())
        return None if row[0] is None else float(row[0])

    async def holding(self, sids: Sequence[str]) -> list[Delivery]:
        """See `Store`."""
        return await self._select("holding", json.dumps(list(sids)))

    async def overdue(self, now: float) -> list[Delivery]:
        """See `Store`."""
        return await self._select("overdue", now)

    async def doubtful(self, now: float) -> list[Delivery]:
        """See `Store`."""
        return await self._select("doubtful", now)

    async def unclaimed(self, sids: Sequence[str]) -> list[str]:
        """See `Store`."""
        sql = self._sql["rival"]
        return await self._write(
            lambda db: [sid for sid in sids if db.execute(sql, (sid,)).fetchone() is None]
        )

    async def owed(self, host: str, after: int, most: int) -> list[Event]:
        """See `Store`."""
        sql = self._sql["owed"]
        rows = await self._write(lambda db: db.execute(sql, (host, after, most)).fetchall())
        return [_event(row) for row in rows]

    async def acknowledge(self, ids: Sequence[int], answered: str | None = None) -> None:
        """See `Store`."""

        def work(db: sqlite3.Connection) -> None:
            db.execute(self._sql["acknowledge"], (json.dumps(list(ids)),))
            if answered is not None:
                db.execute(self._sql["close_question"], (answered,))

        await self._write(work)

    async def lost(self, ids: Sequence[int]) -> list[Event]:
        """See `Store`."""
        sql = self._sql["lose"]
        rows = await self._write(lambda db: [db.execute(sql, (id_,)).fetchone() for id_ in ids])
        return [_event(row[:6]) for row in rows if row and row[6] >= LOSSES_TO_SET_ASIDE]

    async def questions(self) -> list[Question]:
        """See `Store`."""
        rows = await self._write(lambda db: db.execute(self._sql["questions"]).fetchall())
        return [Question(*row) for row in rows]

    async def close_question(self, question_id: str) -> None:
        """See `Store`."""
        await self._write(lambda db: db.execute(self._sql["close_question"], (question_id,)))

    async def find(self, delivery_id: str) -> Delivery | None:
        """See `Store`."""
        found = await self._select("find", delivery_id, impatient=True)
        return next(iter(found), None)

    async def of_request(self, request_id: str) -> list[Delivery]:
        """See `Store`."""
        return await self._select("of_request", request_id)

    async def listing(self, state: State | None, most: int) -> list[Delivery]:
        """See `Store`."""
        return await self._select("listing", state, state, most, impatient=True)

    async def figures(self, now: float) -> Figures:
        """See `Store`."""
        sql = self._sql["figures"]
        waiting, unknown, owed, aside, oldest = await self._write(
            lambda db: db.execute(sql).fetchone(), impatient=True
        )
        age = None if oldest is None else round(now - oldest, 1)
        return Figures(waiting, unknown, owed, aside, age)

    async def shift(self, seconds: float, now: float) -> None:
        """See `Store`."""
        values = {
            "by": seconds,
            "run": self._run,
            "began": self._began,
            "jumped": now - seconds,
            "last": self._last_event,
        }

        def work(db: sqlite3.Connection) -> None:
            db.execute(self._sql["shift"], values)
            db.execute(self._sql["shift_news"], values)
            db.execute(self._sql["shift_events"], values)
            db.execute(self._sql["shift_received"], values)

        await self._write(work)
        self._began += seconds

    async def purge(self, before: float, now: float) -> int:
        """See `Store`."""

        def work(db: sqlite3.Connection) -> int:
            db.execute(self._sql["purge_tally"], (now - DAY_SECONDS,))
            db.execute(self._sql["purge_received"], (min(before, now - DAY_SECONDS),))
            return db.execute(self._sql["purge"], (before,)).rowcount

        return await self._write(work)

    async def _select(self, name: str, *values: object, impatient: bool = False) -> list[Delivery]:
        sql = self._sql[name]
        rows = await self._write(lambda db: db.execute(sql, values).fetchall(), impatient=impatient)
        return [to_delivery(row) for row in rows]

    def _write(
        self,
        work: Callable[[sqlite3.Connection], T],
        *,
        impatient: bool = False,
        urgent: bool = False,
        ahead: bool = False,
    ) -> asyncio.Future[T]:
        return self._writer.submit(work, impatient=impatient, urgent=urgent, ahead=ahead)


# What one submission may do wrong by itself.
_FAULTS = (sqlite3.IntegrityError, sqlite3.InterfaceError, UnicodeError, OverflowError)


def _keep(
    db: sqlite3.Connection,
    submissions: Sequence[Submission],
    now: float,
    acceptance: Acceptance,
    new: list[Delivery],
) -> list[Receipt | Exception]:
    """Keep submissions all together or, where one of them cannot be kept, each by itself.

    A savepoint copies every page that is written after it: one for all costs a tenth of many.
    """
    receipts: list[Receipt | Exception] = []
    db.execute("SAVEPOINT submissions")
    try:
        for each in submissions:
            receipt, deliveries = acceptance.take(each, now)
            receipts.append(receipt)
            acceptance.count(deliveries, 1)
            new += deliveries
    except _FAULTS:
        db.execute("ROLLBACK TO submissions")
        acceptance.count(new, -1)
        new.clear()
        receipts = [_alone(db, each, now, acceptance, new) for each in submissions]
    db.execute("RELEASE submissions")
    return receipts


def _alone(
    db: sqlite3.Connection,
    submission: Submission,
    now: float,
    acceptance: Acceptance,
    new: list[Delivery],
) -> Receipt | Exception:
    """Keep one submission; one that cannot be kept is undone alone and given as its exception."""
    db.execute("SAVEPOINT submission")
    try:
        receipt, deliveries = acceptance.take(submission, now)
    except _FAULTS as error:
        db.execute("ROLLBACK TO submission")
        db.execute("RELEASE submission")
        return error
    db.execute("RELEASE submission")
    acceptance.count(deliveries, 1)
    new += deliveries
    return receipt


async def _take(lock: Lock, control: str | None) -> None:
    """Take a lock; `callbox queue` holds it for a moment, which must keep no gateway away."""
    now = asyncio.get_running_loop().time
    latest = now() + _LOCK_SECONDS
    while True:
        try:
            return lock.take(control)
        except StoreInUse:
            if now() >= latest:
                raise
        await asyncio.sleep(_LOCK_AGAIN)


def connect(path: Path) -> sqlite3.Connection:
    """Open the file and bring its schema up to date. Raises StoreTooNew."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    # On macOS a plain fsync leaves what is written in the drive's own cache.
    db.execute("PRAGMA fullfsync = ON")
    db.execute("PRAGMA checkpoint_fullfsync = ON")
    db.execute("PRAGMA cache_size = -4096")
    _migrate(db, path)
    return db


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    steps = migrations()
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > len(steps):
        raise StoreTooNew(
            f"The store {path} was written by a newer Callbox (schema {version}, this one knows "
            f"{len(steps)}): install that version, or use another store.url"
        )
    for number, step in enumerate(steps[version:], version + 1):
        db.executescript(f"BEGIN IMMEDIATE; {step}; PRAGMA user_version = {number}; COMMIT;")


def _instance(db: sqlite3.Connection) -> str:
    """Give the store's own name, made once: it outlives restarts and host renames."""
    db.execute("INSERT OR IGNORE INTO setting VALUES ('instance', ?)", (secrets.token_hex(6),))
    return str(db.execute("SELECT value FROM setting WHERE name = 'instance'").fetchone()[0])


def _event(row: tuple[str, bytes, int, bytes | None, int, float | None]) -> Event:
    topic, payload, absolute, correlation, id_, expires_at = row
    return Event(topic, payload, bool(absolute), correlation, id_, expires_at)
