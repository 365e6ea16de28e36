"""Statuses that come by themselves as time goes by."""

from dataclasses import dataclass
from functools import lru_cache

RECEIVED = ("received",)
RINGING, TALKING = ("ringing",), ("in-progress",)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The statuses in order, one every `pace` seconds."""

    statuses: tuple[str, ...]
    pace: float

    def stage(self, elapsed: float) -> int:
        """Return the place in `statuses` so long after the creation, 0 at the creation."""
        if elapsed <= 0:
            return 0
        last = len(self.statuses) - 1
        return last if elapsed >= last * self.pace else int(elapsed / self.pace)


@lru_cache(maxsize=64)
def timeline(statuses: tuple[str, ...], pace: float) -> Timeline:
    """Return the same timeline for the same course: thousands of messages share it."""
    return Timeline(statuses, pace)
