"""A cable between a gateway and its broker: it can lose MQTT packets, change them, and break."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Self

from harness.ports import free_port

CONNECT, PUBLISH, PUBACK, SUBACK = 1, 3, 4, 9

Alter = Callable[[bytes], bytes | None]
"""Gives the packet that goes on instead, None for none."""


def untouched(packet: bytes) -> bytes | None:
    """Let it pass."""
    return packet


def without(kind: int) -> Alter:
    """Lose every packet of a kind."""
    return lambda packet: None if packet[0] >> 4 == kind else packet


class Cable:
    """Listens on `port`, leads to another one; `up` alters what goes to the broker, `down` back."""

    def __init__(self, to: int) -> None:
        self.port = free_port()
        self.up: Alter = untouched
        self.down: Alter = untouched
        self.carried: Counter[tuple[str, int]] = Counter()
        """How many packets of a kind came `up` and `down`, altered or not."""
        self._to = to
        self._ends: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """What `mqtt.url` says."""
        return f"mqtt://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Break every connection; new ones may be made."""
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()

    async def _connected(self, here: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            there, onward = await asyncio.open_connection("127.0.0.1", self._to)
            self._ends |= {back, onward}
            try:
                await asyncio.gather(
                    self._carry("up", here, onward), self._carry("down", there, back)
                )
            finally:
                onward.transport.abort()
                back.transport.abort()

    async def _carry(
        self, way: str, source: asyncio.StreamReader, target: asyncio.StreamWriter
    ) -> None:
        while True:
            packet = await _read(source)
            self.carried[way, packet[0] >> 4] += 1
            altered = (self.up if way == "up" else self.down)(packet)
            if altered is not None:
                target.write(altered)
                await target.drain()


async def _read(source: asyncio.StreamReader) -> bytes:
    """Read one packet: a byte of kind and flags, the length in groups of 7 bits, the rest."""
    head = await source.readexactly(1)
    length = shift = 0
    while True:
        byte = await source.readexactly(1)
        head += byte
        length |= (byte[0] & 0x7F) << shift
        shift += 7
        if not byte[0] & 0x80:
            return head + await source.readexactly(length)
