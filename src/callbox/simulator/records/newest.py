"""The newest of what grows; the oldest are let go, and every other keeps its place."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TypeVar, overload

T = TypeVar("T")
KEPT = 100_000
"""Records of a kind that the simulator remembers: about 80 MB of usual texts [measured]."""


class Newest(Sequence[T]):
    """A list, oldest first, that counts what was let go: whoever remembers a place goes on there.

    What was let go is in no slice and no loop, and an IndexError by its place.
    """

    def __init__(self, most: int = KEPT) -> None:
        self._kept: deque[T] = deque(maxlen=most)
        self._count = 0

    def append(self, member: T) -> None:
        """Keep one more."""
        self._kept.append(member)
        self._count += 1

    def clear(self) -> None:
        """Forget them, and count from nothing again."""
        self._kept.clear()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[T]:
        return iter(self._kept)

    @overload
    def __getitem__(self, place: int) -> T: ...

    @overload
    def __getitem__(self, place: slice) -> list[T]: ...

    def __getitem__(self, place: int | slice) -> T | list[T]:
        gone = self._count - len(self._kept)
        if isinstance(place, slice):
            first, end, step = place.indices(self._count)
            return [self._kept[each - gone] for each in range(max(first, gone), end, step)]
        found = (place + self._count if place < 0 else place) - gone
        if found < 0:
            raise IndexError(place)
        return self._kept[found]
