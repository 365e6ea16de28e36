"""Statuses that come by themselves as time goes by."""

from dataclasses import dataclass

SENT_BY_NUMBER = ("queued", "sent", "delivered")
SENT_BY_SERVICE = ("accepted", "queued", "sent", "delivered")
CALLED = ("queued", "ringing", "in-progress", "completed")


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
