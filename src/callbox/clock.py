"""The machine's clocks, chance and names."""

import random
import secrets
import time


class SystemClock:
    """Implements the port `Clock`."""

    def __init__(self) -> None:
        # Linux's monotonic clock stops while the machine sleeps; this one does not. macOS's own
        # goes on by another name.
        self._monotonic = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

    def now(self) -> float:
        """See `Clock`."""
        return time.time()

    def monotonic(self) -> float:
        """See `Clock`."""
        return time.clock_gettime(self._monotonic)

    def drift(self) -> float:
        """See `Clock`."""
        return self.now() - self.monotonic()

    def machine_seconds(self, seconds: float) -> float:
        """See `Clock`."""
        return seconds

    def jitter(self) -> float:
        """See `Clock`."""
        return random.random()  # noqa: S311 - spreads retries, guards nothing

    def new_id(self) -> str:
        """See `Clock`: milliseconds, then 64 random bits."""
        return f"{int(time.time() * 1000):011x}{secrets.token_hex(8)}"


class HastenedClock(SystemClock):
    """Runs `speed` times as fast as the machine's clocks: a rehearsal of a day takes a minute."""

    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed
        self._wall, self._began = super().now(), super().monotonic()

    def now(self) -> float:
        """See `Clock`."""
        return self._wall + self.monotonic() - self._began

    def monotonic(self) -> float:
        """See `Clock`."""
        return self._began + (super().monotonic() - self._began) * self._speed

    def drift(self) -> float:
        """See `Clock`: what passes between two looks at the time counts many times here."""
        return self._wall - self._began

    def machine_seconds(self, seconds: float) -> float:
        """See `Clock`."""
        return seconds / self._speed
