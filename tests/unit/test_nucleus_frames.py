"""The wire format of the fake nucleus, against AWS's published examples and itself."""

import asyncio
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus import frames
from nucleus.frames import Frame, FrameError, TooLargeError, Unusual

# From the test suite of aws-c-event-stream: what every implementation must read and write.
EMPTY = bytes.fromhex("00000010 00000000 05c248eb 7d98c8ff")
NUMBERED = bytes.fromhex(
    "0000002d 00000010 41c424b8 0a6576656e742d74797065 04 0000a00c"
    "7b27666f6f273a27626172277d 36f480a0"
)
NAMED = bytes.fromhex(
    "0000003d 00000020 07fd8396 0c636f6e74656e742d74797065 07 0010 6170706c69636174696f6e2f6a736f6e"
    "7b27666f6f273a27626172277d 8d9c08b1"
)
EXAMPLES = {
    EMPTY: Frame(),
    NUMBERED: Frame({"event-type": 40972}, b"{'foo':'bar'}"),
    NAMED: Frame({"content-type": "application/json"}, b"{'foo':'bar'}"),
}

names = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=255)
numbers = st.integers(-(2**31), 2**31 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
headers = st.dictionaries(names, numbers | texts, max_size=8)


def sealed(head: bytes, payload: bytes = b"") -> bytes:
    """Give a frame around these headers with both CRCs right."""
    size = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    body = size + struct.pack(">I", zlib.crc32(size)) + head + payload
    return body + struct.pack(">I", zlib.crc32(body))


async def fed(data: bytes, limit: int | None = None) -> Frame:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return await frames.read(reader, limit)


@pytest.mark.parametrize("data", EXAMPLES)
def test_the_published_examples_are_written_and_read(data: bytes) -> None:
    assert frames.encode(EXAMPLES[data]) == data
    assert frames.decode(data) == EXAMPLES[data]


@given(headers, st.binary(max_size=300))
def test_every_frame_comes_back_as_it_was(head: dict[str, frames.Value], payload: bytes) -> None:
    frame = Frame(head, payload)
    assert frames.decode(frames.encode(frame)) == frame


@given(st.integers(0, len(NAMED) * 8 - 1))
def test_one_bit_that_turned_over_is_noticed(bit: int) -> None:
    broken = bytearray(NAMED)
    broken[bit // 8] ^= 1 << bit % 8
    with pytest.raises(FrameError):
        frames.decode(bytes(broken))


@pytest.mark.parametrize("count", range(len(NAMED)))
def test_a_frame_that_is_cut_short_is_noticed(count: int) -> None:
    with pytest.raises(FrameError):
        frames.decode(NAMED[:count])


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"\x01a\x0a", "no header type 10"),
        (b"\x01a\x07\x00\x09ab", "beyond the headers"),
        (b"\x05ab", "beyond the headers"),
        (b"\x01a", "beyond the headers"),
        (b"\x01\xff\x00", "no text"),
        (b"\x01a\x07\x00\x01\xff", "no text"),
        (b"\x01a\x00\x01a\x01", "there twice"),
    ],
)
def test_headers_that_are_none_are_refused(head: bytes, said: str) -> None:
    with pytest.raises(FrameError, match=said):
        frames.decode(sealed(head))


def test_headers_of_other_types_are_kept_apart_from_numbers_and_texts() -> None:
    flag, long, blob = b"\x01t\x00", b"\x01l\x05" + bytes(7) + b"\x07", b"\x01b\x06\x00\x02hi"
    frame = frames.decode(sealed(flag + long + blob))
    assert frame.headers == {
        "t": Unusual(0, b""),
        "l": Unusual(5, bytes(7) + b"\x07"),
        "b": Unusual(6, b"hi"),
    }
    assert (frame.number("l"), frame.text("b")) == (None, None)


def test_headers_longer_than_the_frame_are_refused() -> None:
    size = struct.pack(">II", 16, 1)
    prelude = size + struct.pack(">I", zlib.crc32(size))
    with pytest.raises(FrameError, match="headers of 1 bytes"):
        frames.decode(prelude + struct.pack(">I", zlib.crc32(prelude)))


async def test_frames_are_read_one_after_the_other() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(NUMBERED + NAMED)
    assert await frames.read(reader) == EXAMPLES[NUMBERED]
    assert await frames.read(reader) == EXAMPLES[NAMED]


async def test_a_frame_may_be_as_large_as_the_limit_and_no_larger() -> None:
    assert await fed(NAMED, len(NAMED)) == EXAMPLES[NAMED]
    with pytest.raises(TooLargeError, match="61 bytes"):
        await fed(NAMED, len(NAMED) - 1)


async def test_without_a_limit_16_mib_is_the_largest() -> None:
    size = struct.pack(">II", 16 * 1024 * 1024 + 1, 0)
    with pytest.raises(TooLargeError):
        await fed(size + struct.pack(">I", zlib.crc32(size)))


async def test_a_wrong_crc_of_a_prelude_is_noticed_before_the_rest_has_come() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(struct.pack(">III", 1_000, 0, 0))
    with pytest.raises(FrameError, match="prelude"):
        await frames.read(reader)


async def test_a_connection_that_ends_within_a_frame_is_no_frame() -> None:
    with pytest.raises(asyncio.IncompleteReadError):
        await fed(NAMED[:-1])


def test_a_payload_that_is_no_json_is_refused() -> None:
    with pytest.raises(FrameError, match="no JSON"):
        frames.parsed(Frame(payload=b"{"))
