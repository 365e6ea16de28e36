"""The one thread that writes: whatever waits goes into one transaction (group commit)."""

import asyncio
import contextlib
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from callbox.errors import StoreUnavailable

T = TypeVar("T")

RETRY_SECONDS = 1.0
_MOST_JOBS = 16  # in one transaction, so that a burst of requests does not hold up what is sent

# What the disk or another process says, not the statement: the whole transaction is tried again.
_REFUSALS = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
    }
)


@dataclass(slots=True)
class _Job(Generic[T]):
    work: Callable[[sqlite3.Connection], T]
    future: asyncio.Future[T]
    impatient: bool
    urgent: bool
    result: T | None = None
    error: Exception | None = field(default=None)


class Writer:
    """Runs jobs against one connection, in order, many to a transaction.

    A job that raises is rolled back alone and its future gets the exception. When the disk refuses,
    nothing is given up: the transaction is tried again every second, urgent jobs (outcomes of what
    Twilio has already done) before all others; impatient ones fail with `StoreUnavailable` then.
    """

    def __init__(self, connection: sqlite3.Connection, loop: asyncio.AbstractEventLoop) -> None:
        self.trouble: str | None = None
        self._db = connection
        self._loop = loop
        self._jobs: deque[_Job[Any]] = deque()
        self._ahead: deque[_Job[Any]] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="callbox-store", daemon=True)
        self._thread.start()

    def submit(
        self,
        work: Callable[[sqlite3.Connection], T],
        *,
        impatient: bool = False,
        urgent: bool = False,
        ahead: bool = False,
    ) -> asyncio.Future[T]:
        """Queue a job; its future is done after the commit. Call from the loop's thread.

        `ahead`: before what is queued, as urgent jobs are. In order otherwise.
        """
        if impatient and self.trouble:
            raise StoreUnavailable(self.trouble)
        future: asyncio.Future[T] = self._loop.create_future()
        with self._wake:
            jobs = self._ahead if urgent or ahead else self._jobs
            jobs.append(_Job(work, future, impatient, urgent))
            self._wake.notify()
        return future

    def stop(self) -> None:
        """Finish what is queued, give up what the disk refuses, end the thread."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        while batch := self._take():
            while batch and not self._commit(batch):
                batch = self._wait_for_room(batch)
            self._deliver(batch)

    def _take(self) -> list[_Job[Any]]:
        with self._wake:
            self._wake.wait_for(lambda: self._ahead or self._jobs or self._stopping)
            batch = list(self._ahead)
            self._ahead.clear()
            batch += [self._jobs.popleft() for _ in range(min(_MOST_JOBS, len(self._jobs)))]
            return batch

    def _commit(self, batch: Sequence[_Job[Any]]) -> bool:
        try:
            if not self._commit_plainly(batch):
                self._commit_apart(batch)
        except sqlite3.Error as error:
            self._rollback()
            self.trouble = f"The store cannot be written ({error}): free space or mend the disk"
            return False
        self.trouble = None
        return True

    def _commit_plainly(self, batch: Sequence[_Job[Any]]) -> bool:
        """Commit all jobs together; False, and nothing is written, if one of them fails."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for job in batch:
                job.result, job.error = job.work(self._db), None
        except Exception as error:  # found again, and told, one by one
            if _is_refusal(error):
                raise
            self._db.execute("ROLLBACK")
            return False
        self._db.execute("COMMIT")
        return True

    def _commit_apart(self, batch: Sequence[_Job[Any]]) -> None:
        """Commit the jobs again, each in a savepoint of its own: a failing one fails alone."""
        self._db.execute("BEGIN IMMEDIATE")
        for job in batch:
            self._attempt(job)
        self._db.execute("COMMIT")

    def _attempt(self, job: _Job[Any]) -> None:
        self._db.execute("SAVEPOINT job")
        try:
            job.result, job.error = job.work(self._db), None
        except Exception as error:  # one job's fault is its caller's to handle
            if _is_refusal(error):
                raise
            job.error = error
            self._db.execute("ROLLBACK TO job")
        self._db.execute("RELEASE job")

    def _wait_for_room(self, batch: list[_Job[Any]]) -> list[_Job[Any]]:
        """Give what is still to be written: urgent jobs go first, impatient ones are told no."""
        waiting = self._refuse_impatient(batch)
        with self._wake:
            if self._wake.wait_for(lambda: self._stopping, RETRY_SECONDS):
                return []
            waiting += (*self._ahead, *self._jobs)
            self._ahead.clear()
            self._jobs.clear()
        waiting = self._refuse_impatient(waiting)
        urgent = [job for job in waiting if job.urgent]
        if urgent and len(urgent) < len(waiting) and self._commit(urgent):
            self._deliver(urgent)
            waiting = [job for job in waiting if not job.urgent]
        return waiting

    def _refuse_impatient(self, batch: Sequence[_Job[Any]]) -> list[_Job[Any]]:
        refused = [job for job in batch if job.impatient]
        for job in refused:
            job.error = StoreUnavailable(self.trouble or "The store cannot be written")
        self._deliver(refused)
        return [job for job in batch if not job.impatient]

    def _rollback(self) -> None:
        with contextlib.suppress(sqlite3.Error):  # SQLITE_FULL has rolled back already
            self._db.execute("ROLLBACK")

    def _deliver(self, batch: Sequence[_Job[Any]]) -> None:
        if batch:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(_settle, batch)


def _is_refusal(error: Exception) -> bool:
    return (
        isinstance(error, sqlite3.OperationalError)
        and getattr(error, "sqlite_errorcode", 0) & 0xFF in _REFUSALS
    )


def _settle(batch: Sequence[_Job[Any]]) -> None:
    for job in batch:
        if job.future.done():
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.result)
