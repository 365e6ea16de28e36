"""The newest that was created of one kind, found by SID and by recipient without a search."""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import count
from operator import attrgetter
from typing import Generic, TypeVar

from callbox.simulator.records.newest import KEPT
from callbox.simulator.records.record import Record

R = TypeVar("R", bound=Record)
SERIAL = attrgetter("serial")
RECENT = 1000


class Ledger(Generic[R]):
    """Records in order of creation; of more than `most` the oldest are let go."""

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self.records: list[R] = []
        self.recent: deque[R] = deque(maxlen=RECENT)
        """The newest in the order in which they came, whatever their dates say."""
        self.removed: deque[R] = deque(maxlen=most)
        """What was deleted: it is paid for all the same."""
        self._serials = count(1)
        self._by_sid: dict[str, R] = {}
        self._by_recipient: dict[str, list[R]] = {}

    def add(self, record: R) -> None:
        """Write down what was created, now or before."""
        record.serial = (record.created_at, next(self._serials))
        self._by_sid[record.sid] = record
        self.recent.append(record)
        for records in (self.records, self._by_recipient.setdefault(record.to, [])):
            insort(records, record, key=SERIAL)
        if len(self.records) > self._most:
            self._let_go(self.records[0])

    def find(self, account_sid: str, sid: str) -> R | None:
        """Return the record with a SID, if the account has it."""
        record = self._by_sid.get(sid)
        return record if record and record.account_sid == account_sid else None

    def remove(self, record: R) -> None:
        """Take a record out of all lists."""
        self.removed.append(record)
        self._let_go(record)

    def _let_go(self, record: R) -> None:
        del self._by_sid[record.sid]
        same = self._by_recipient[record.to]
        for records in (self.records, same):
            del records[bisect_left(records, record.serial, key=SERIAL)]
        if not same:
            del self._by_recipient[record.to]

    def newest(self, account_sid: str, to: str | None, before: R | None) -> Iterator[R]:
        """Yield an account's records, newest first: to one recipient, older than another."""
        records: Sequence[R] = self.records if to is None else self._by_recipient.get(to, [])
        end = len(records) if before is None else bisect_left(records, before.serial, key=SERIAL)
        for place in range(end - 1, -1, -1):
            if records[place].account_sid == account_sid:
                yield records[place]
