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

    def jitter(self) -> float:
        """See `Clock`."""
        return random.random()  # noqa: S311 - spreads retries, guards nothing

    def new_id(self) -> str:
        """See `Clock`: milliseconds, then 64 random bits."""
        return f"{int(time.time() * 1000):011x}{secrets.token_hex(8)}"
