"""What waits its turn: each takes its time, one after another, and nobody overtakes."""


class Lane:
    """Knows only when it will be free, so that a place in it costs the same however long it is.

    What is canceled does not give its time back: those behind it keep their turns.
    """

    __slots__ = ("_free_at",)

    def __init__(self) -> None:
        self._free_at = 0.0

    def wait(self, now: float) -> float:
        """Return the seconds until it is free."""
        return max(0.0, self._free_at - now)

    def take(self, now: float, seconds: float) -> float:
        """Take so much time as soon as it is free; return the seconds until then."""
        waits = self.wait(now)
        self._free_at = now + waits + seconds
        return waits
