"""The newest webhook requests; the oldest are let go, and every other keeps its place."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import overload

from callbox.simulator.telephony.exchange import Exchange

KEPT = 10_000


class Exchanges(Sequence[Exchange]):
    """A list, oldest first, that counts what was let go: whoever remembers a place goes on there.

    What was let go is in no slice and no loop, and an IndexError by its place.
    """

    def __init__(self) -> None:
        self._kept: deque[Exchange] = deque(maxlen=KEPT)
        self._count = 0

    def append(self, exchange: Exchange) -> None:
        """Keep one more."""
        self._kept.append(exchange)
        self._count += 1

    def clear(self) -> None:
        """Forget them, and count from nothing again."""
        self._kept.clear()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self._kept)

    @overload
    def __getitem__(self, place: int) -> Exchange: ...

    @overload
    def __getitem__(self, place: slice) -> list[Exchange]: ...

    def __getitem__(self, place: int | slice) -> Exchange | list[Exchange]:
        gone = self._count - len(self._kept)
        if isinstance(place, slice):
            wanted = range(*place.indices(self._count))
            return [self._kept[each - gone] for each in wanted if each >= gone]
        found = (place + self._count if place < 0 else place) - gone
        if found < 0:
            raise IndexError(place)
        return self._kept[found]
