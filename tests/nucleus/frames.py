"""The event-stream encoding (`vnd.amazon.event-stream`) of AWS's IPC, both ways.

A frame: total length, length of the headers (both u32, big endian), CRC-32 of these eight bytes,
headers, payload, CRC-32 of everything before it.
"""

import asyncio
import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any, NamedTuple

PRELUDE = struct.Struct(">III")
_CRC = struct.Struct(">I")
_AROUND = PRELUDE.size + _CRC.size
_LARGEST = 16 * 1024 * 1024
_JSON = "application/json"
_INT32, _STRING = 4, 7
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, _INT32: 4, 5: 8, 8: 8, 9: 16}
_COUNTED = {6, _STRING}


class FrameError(Exception):
    """Bytes that are no frame. Nothing after them can be understood."""


class TooLargeError(FrameError):
    """A frame above the limit of the nucleus."""


class Kind(IntEnum):
    """What `:message-type` says."""

    MESSAGE = 0
    ERROR = 1
    PING = 2
    PING_RESPONSE = 3
    CONNECT = 4
    CONNECT_ACK = 5
    PROTOCOL_ERROR = 6
    INTERNAL_ERROR = 7


class Flag(IntFlag):
    """What `:message-flags` says."""

    NONE = 0
    ACCEPTED = 1
    TERMINATE = 2


class Unusual(NamedTuple):
    """A header's value of a type that has no meaning to a nucleus."""

    type: int
    raw: bytes


Value = int | str | Unusual


@dataclass(frozen=True, slots=True)
class Frame:
    """Headers and payload; an int travels as int32, a str as string."""

    headers: Mapping[str, Value] = field(default_factory=dict)
    payload: bytes = b""

    def number(self, name: str) -> int | None:
        """Give an int32 header; None if it is missing or of another type."""
        value = self.headers.get(name)
        return value if isinstance(value, int) else None

    def text(self, name: str) -> str | None:
        """Give a string header; None if it is missing or of another type."""
        value = self.headers.get(name)
        return value if isinstance(value, str) else None


def message(
    kind: Kind,
    flags: Flag = Flag.NONE,
    stream: int = 0,
    *,
    headers: Mapping[str, Value] | None = None,
    payload: bytes = b"",
) -> Frame:
    """Give a frame with the three headers that every one has."""
    always: dict[str, Value] = {
        ":message-type": int(kind),
        ":message-flags": int(flags),
        ":stream-id": stream,
    }
    return Frame({**always, **(headers or {})}, payload)


def document(
    kind: Kind, flags: Flag, stream: int, body: object, model: str | None = None, **more: Value
) -> Frame:
    """Give a frame with a JSON document, named after its model."""
    headers: dict[str, Value] = {":content-type": _JSON, **more}
    if model is not None:
        headers["service-model-type"] = model
    payload = json.dumps(body, separators=(",", ":")).encode()
    return message(kind, flags, stream, headers=headers, payload=payload)


def encode(frame: Frame) -> bytes:
    """Give a frame's bytes."""
    headers = b"".join(_header(name, value) for name, value in frame.headers.items())
    size = struct.pack(">II", len(headers) + len(frame.payload) + _AROUND, len(headers))
    body = size + _CRC.pack(zlib.crc32(size)) + headers + frame.payload
    return body + _CRC.pack(zlib.crc32(body))


def _header(name: str, value: Value) -> bytes:
    called = struct.pack(">B", len(name)) + name.encode("ascii")
    match value:
        case int():
            return called + struct.pack(">Bi", _INT32, value)
        case str():
            text = value.encode()
            return called + struct.pack(">BH", _STRING, len(text)) + text
        case Unusual(type_, raw):
            return called + struct.pack(">B", type_) + raw


def decode(data: bytes) -> Frame:
    """Give the frame of exactly these bytes. Raises FrameError."""
    total, header_length = _sizes(data[: PRELUDE.size])
    if len(data) != total:
        raise FrameError(f"a frame of {total} bytes has {len(data)}")
    if _CRC.unpack(data[-_CRC.size :])[0] != zlib.crc32(data[: -_CRC.size]):
        raise FrameError("the CRC of a message is wrong")
    end = PRELUDE.size + header_length
    headers: dict[str, Value] = {}
    for name, value in _headers(data[PRELUDE.size : end]):
        if name in headers:
            raise FrameError(f"the header {name} is there twice")
        headers[name] = value
    return Frame(headers, data[end : -_CRC.size])


async def read(reader: asyncio.StreamReader, limit: int | None = None) -> Frame:
    """Wait for a frame. Raises FrameError, TooLargeError, IncompleteReadError at the end."""
    prelude = await reader.readexactly(PRELUDE.size)
    total, _ = _sizes(prelude)
    if total > min(limit or _LARGEST, _LARGEST):
        raise TooLargeError(f"a frame of {total} bytes is above the limit")
    return decode(prelude + await reader.readexactly(total - PRELUDE.size))


def _sizes(prelude: bytes) -> tuple[int, int]:
    if len(prelude) < PRELUDE.size:
        raise FrameError("a frame ends within its prelude")
    total, headers, crc = PRELUDE.unpack(prelude)
    if crc != zlib.crc32(prelude[: -_CRC.size]):
        raise FrameError("the CRC of a prelude is wrong")
    if headers + _AROUND > total:
        raise FrameError(f"headers of {headers} bytes in a frame of {total}")
    return total, headers


def _headers(data: bytes) -> Iterator[tuple[str, Value]]:
    rest = _Bytes(data)
    while rest.left:
        name = rest.take(rest.take(1)[0])
        kind = rest.take(1)[0]
        try:
            yield name.decode("ascii"), _value(kind, rest)
        except UnicodeDecodeError:
            raise FrameError(f"the header {name!r} is no text") from None


def _value(kind: int, rest: "_Bytes") -> Value:
    if kind in _COUNTED:
        raw = rest.take(struct.unpack(">H", rest.take(2))[0])
    elif kind in _SIZES:
        raw = rest.take(_SIZES[kind])
    else:
        raise FrameError(f"there is no header type {kind}")
    if kind == _STRING:
        return raw.decode()
    return int.from_bytes(raw, "big", signed=True) if kind == _INT32 else Unusual(kind, raw)


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise FrameError("a header goes beyond the headers")
        self._at += count
        return self._data[self._at - count : self._at]


def parsed(frame: Frame) -> Any:  # noqa: ANN401 - any JSON value
    """Give the document in a frame. Raises FrameError."""
    try:
        return json.loads(frame.payload)
    except ValueError:
        raise FrameError("a payload is no JSON") from None
