"""A device and an observer that cost next to nothing: bare MQTT 3.1.1 on a socket.

On two cores a comfortable client would take from the gateway what is to be measured. Packets are
made before the clock runs; what comes back is counted, and read later.
"""

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

_CONNECT, _PUBLISH, _SUBSCRIBE = 0x10, 0x30, 0x82
_PUBACK_BYTES = 4
_CHUNK = 1 << 18


def _packet(kind: int, body: bytes) -> bytes:
    length, rest = b"", len(body)
    while True:
        rest, digit = rest >> 7, rest & 0x7F
        length += bytes([digit | (0x80 if rest else 0)])
        if not rest:
            return bytes([kind]) + length + body


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("!H", len(data)) + data


def publish_packet(topic: str, payload: bytes, packet_id: int) -> bytes:
    """Give a PUBLISH at QoS 1."""
    return _packet(_PUBLISH | 0x02, _text(topic) + struct.pack("!H", packet_id) + payload)


class Wire:
    """One MQTT connection."""

    def __init__(self, port: int, client_id: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=120.0)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = _text("MQTT") + b"\x04\x02" + struct.pack("!H", 0)
        self._socket.sendall(_packet(_CONNECT, head + _text(client_id)))
        self._read(4)

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self._socket.recv(count - len(data))
            if not part:
                raise ConnectionError("the broker closed the connection")
            data += part
        return data

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Device(Wire):
    """Publishes at QoS 1."""

    def publish(self, packets: Sequence[bytes]) -> None:
        """Send packets as fast as the broker takes them; returns when all are acknowledged."""
        sending = threading.Thread(target=self._socket.sendall, args=[b"".join(packets)])
        sending.start()
        self._read(_PUBACK_BYTES * len(packets))
        sending.join()


@dataclass(slots=True)
class Seen:
    """One publish that the observer got, with the time of the read that brought it."""

    at: float
    topic: str
    payload: bytes

    def json(self) -> Any:  # noqa: ANN401 - any JSON value
        """Read the payload."""
        return json.loads(self.payload)


@dataclass(slots=True)
class Observer:
    """Subscribes at QoS 0 and keeps what comes, read by a thread of its own."""

    port: int
    topics: Sequence[str]
    name: str = "observer"
    _chunks: list[tuple[float, bytes]] = field(default_factory=list)
    _wire: Wire | None = None

    def __enter__(self) -> Self:
        self._wire = Wire(self.port, self.name)
        topics = b"".join(_text(topic) + b"\0" for topic in self.topics)
        self._wire._socket.sendall(_packet(_SUBSCRIBE, b"\0\1" + topics))  # noqa: SLF001
        self._wire._read(4 + len(self.topics))  # noqa: SLF001 - SUBACK
        self._wire._socket.settimeout(None)  # noqa: SLF001
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._wire is not None:
            self._wire.close()

    def _listen(self) -> None:
        if self._wire is None:
            return
        try:
            while chunk := self._wire._socket.recv(_CHUNK):  # noqa: SLF001
                self._chunks.append((time.time(), chunk))
        except OSError:
            return

    def seen(self) -> list[Seen]:
        """Give all that came so far."""
        return list(_publishes(list(self._chunks)))

    def wait(self, count: int, seconds: float) -> list[Seen]:
        """Wait for so many publishes, or until the time is over."""
        deadline = time.monotonic() + seconds
        reader = _Reader()
        found: list[Seen] = []
        done = 0
        while len(found) < count and time.monotonic() < deadline:
            time.sleep(0.02)
            chunks = self._chunks[done:]
            done += len(chunks)
            for at, chunk in chunks:
                found += reader.feed(at, chunk)
        return found


@dataclass(slots=True)
class _Reader:
    """Cuts a stream into PUBLISH packets at QoS 0."""

    _rest: bytes = b""

    def feed(self, at: float, chunk: bytes) -> Iterator[Seen]:
        data = self._rest + chunk
        place = 0
        while (end := _end(data, place)) is not None and end[1] <= len(data):
            if data[place] & 0xF0 == _PUBLISH:
                yield _seen(at, data[end[0] : end[1]])
            place = end[1]
        self._rest = data[place:]


def _end(data: bytes, place: int) -> tuple[int, int] | None:
    """Give where a packet's body begins and ends."""
    length = shift = 0
    for at in range(place + 1, min(place + 5, len(data))):
        length |= (data[at] & 0x7F) << shift
        shift += 7
        if not data[at] & 0x80:
            return at + 1, at + 1 + length
    return None


def _seen(at: float, body: bytes) -> Seen:
    size = int.from_bytes(body[:2], "big")
    return Seen(at, body[2 : 2 + size].decode(), body[2 + size :])


def _publishes(chunks: Sequence[tuple[float, bytes]]) -> Iterator[Seen]:
    reader = _Reader()
    for at, chunk in chunks:
        yield from reader.feed(at, chunk)
