"""Waiting for something to become true, never for time to pass."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 30.0
"""Seconds after which a test gives up; a busy machine is no failure."""
_LOOK = 0.002


async def until(condition: Callable[[], T | None], what: str, within: float = PATIENCE) -> T:
    """Give the first true value of a condition; AssertionError says `what` never came."""
    deadline = time.monotonic() + within
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"Not within {within:g} s: {what}")
        await asyncio.sleep(_LOOK)
    return found


async def stays(condition: Callable[[], object], what: str, during: float) -> None:
    """See that a condition holds all the time; for what must NOT happen."""
    deadline = time.monotonic() + during
    while time.monotonic() < deadline:
        assert condition(), f"It did not stay so: {what}"
        await asyncio.sleep(_LOOK)
