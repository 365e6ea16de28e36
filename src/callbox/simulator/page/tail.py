"""The newest of what grows, and what became of it since one last looked."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from callbox.simulator.records.ledger import Ledger
from callbox.simulator.records.record import Record

Document = dict[str, object]
R = TypeVar("R", bound=Record)
T = TypeVar("T")
MOST_WATCHED = 500
"""What is not over yet is watched; of more than so many the oldest are let go."""
OVER = {
    *("undelivered", "failed", "read", "received", "canceled"),
    *("completed", "busy", "no-answer"),
}


class LedgerTail(Generic[R]):
    """New records of a ledger, and those told before whose face has changed."""

    def __init__(
        self,
        ledger: Ledger[R],
        face: Callable[[R, float], object],
        shown: Callable[[R, float], Document],
    ) -> None:
        self._ledger = ledger
        self._face = face
        """What of a record is compared: cheap, and different whenever it is shown differently."""
        self._shown = shown
        self._seen = 0
        self._watched: OrderedDict[str, tuple[R, object]] = OrderedDict()

    def first(self, now: float, each: int) -> list[Document]:
        """Return the newest so many of each conversation, oldest first."""
        recent, counts, chosen = list(self._ledger.recent), dict[object, int](), list[R]()
        self._seen = recent[-1].serial[1] if recent else 0
        for record in reversed(recent):
            pair = frozenset((record.to, record.sender))
            counts[pair] = counts.get(pair, 0) + 1
            if counts[pair] <= each:
                chosen.append(record)
        return [self._tell(record, now) for record in reversed(chosen)]

    def news(self, now: float, most: int) -> tuple[list[Document], int]:
        """Return what is new or changed, and how many more there are that are left out."""
        changed = list(self._changed(now))
        new = list[R]()
        for record in reversed(self._ledger.recent):
            if record.serial[1] <= self._seen or len(new) == most:
                break
            new.append(record)
        left = 0
        if new:
            left = new[0].serial[1] - self._seen - len(new)
            self._seen = new[0].serial[1]
        return changed[:most] + [self._tell(record, now) for record in reversed(new)], left

    def _changed(self, now: float) -> Iterable[Document]:
        for record, face in list(self._watched.values()):
            if self._face(record, now) != face:
                yield self._tell(record, now)

    def _tell(self, record: R, now: float) -> Document:
        self._watched[record.sid] = (record, self._face(record, now))
        if _is_over(record, now):
            del self._watched[record.sid]
        elif len(self._watched) > MOST_WATCHED:
            self._watched.popitem(last=False)
        return self._shown(record, now)


def _is_over(record: Record, now: float) -> bool:
    status = record.status(now)
    return status in OVER or (status == "delivered" == record.timeline.statuses[-1])


class ListTail(Generic[T]):
    """New members of a list that may be cleared, and those that were not over yet."""

    def __init__(
        self,
        members: Callable[[], Sequence[T]],
        is_over: Callable[[T], bool],
        shown: Callable[[T, int], Document],
    ) -> None:
        self._members = members
        self._is_over = is_over
        self._shown = shown
        self._place = 0
        self._number = 0
        self._open: dict[int, T] = {}

    def news(self, most: int) -> tuple[list[Document], int]:
        """Return what is new or over by now, and how many more there are that are left out."""
        ended = {number: each for number, each in self._open.items() if self._is_over(each)}
        told = [self._shown(each, number) for number, each in ended.items()]
        self._open = {n: each for n, each in self._open.items() if n not in ended}
        members = self._members()
        if len(members) < self._place:
            self._place = 0
        new = len(members) - self._place
        left = max(new - most, 0)
        self._number += left
        for member in members[self._place + left :]:
            self._number += 1
            told.append(self._shown(member, self._number))
            if not self._is_over(member) and len(self._open) < MOST_WATCHED:
                self._open[self._number] = member
        self._place = len(members)
        return told, left
