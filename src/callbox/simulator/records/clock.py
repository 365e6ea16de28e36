"""The time of the simulation, which may run faster than the machine's."""

import asyncio
import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Gives seconds since 1970."""


def hastened(speed: float) -> Clock:
    """Return a clock that shows the time now, and from now on runs `speed` times as fast."""
    if speed == 1:
        return time.time
    began, wall = time.monotonic(), time.time()
    return lambda: wall + (time.monotonic() - began) * speed


class Pause:
    """Waits for seconds of the simulation."""

    def __init__(self, speed: float) -> None:
        self._speed = speed

    async def __call__(self, seconds: float) -> None:
        """Wait; not at all for less than nothing."""
        await asyncio.sleep(seconds / self._speed)

    def mark(self) -> float:
        """Return this moment, for `since`."""
        return asyncio.get_running_loop().time()

    async def since(self, mark: float, seconds: float) -> None:
        """Wait until so long after a moment."""
        await asyncio.sleep(mark + seconds / self._speed - self.mark())
