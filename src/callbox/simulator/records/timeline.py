"""Statuses that come by themselves as time goes by."""

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Timeline:
    """The statuses in order, and when each comes: seconds after the creation, the first at 0."""

    statuses: tuple[str, ...]
    instants: tuple[float, ...] = (0.0,)

    def stage(self, elapsed: float) -> int:
        """Return the place in `statuses` so long after the creation, 0 at the creation."""
        return bisect_right(self.instants, elapsed) - 1 if elapsed > 0 else 0

    def due(self, status: str) -> float | None:
        """Return the seconds until a status comes; None if it never does."""
        return self.instants[self.statuses.index(status)] if status in self.statuses else None

    def later(self, seconds: float, status: str = "") -> "Timeline":
        """Return the same with all that comes after the first status so much later.

        With a status: that one and what follows it.
        """
        place = self.statuses.index(status) if status else 1
        moved = tuple(instant + seconds for instant in self.instants[place:])
        return Timeline(self.statuses, self.instants[:place] + moved)


RECEIVED, QUEUED, RINGING = (Timeline((name,)) for name in ("received", "queued", "ringing"))


@lru_cache(maxsize=64)
def timeline(statuses: tuple[str, ...], pace: float) -> Timeline:
    """Return one status every `pace` seconds; thousands of messages share the same timeline."""
    return Timeline(statuses, tuple(place * pace for place in range(len(statuses))))
