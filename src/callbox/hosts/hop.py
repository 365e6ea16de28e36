"""The hop from a foreign network thread into the loop: many things at once, in their order."""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Hop(Generic[T]):
    """Carries what is `put` in any thread to `handler`, in the loop, or keeps it without one."""

    loop: asyncio.AbstractEventLoop
    handler: Callable[[Sequence[T]], None] | None = None
    waiting: deque[T] = field(default_factory=deque)
    lock: threading.Lock = field(default_factory=threading.Lock)
    hopping: bool = False

    def put(self, thing: T) -> None:
        """Hand over, from any thread."""
        with self.lock:
            self.waiting.append(thing)
            if self.hopping:
                return
            self.hopping = True
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            self.loop.call_soon_threadsafe(self._drain)

    def deliver_to(self, handler: Callable[[Sequence[T]], None] | None) -> None:
        """Give everything that has come, and will, to `handler`; None: keep it."""
        self.handler = handler
        self._drain()

    def _drain(self) -> None:
        with self.lock:
            self.hopping = False
            if self.handler is None:
                return
            batch = list(self.waiting)
            self.waiting.clear()
        if batch:
            self.handler(batch)
