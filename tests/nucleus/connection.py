"""The nucleus's end of one component's connection: handshake, streams, answers.

What is wrong with a message is answered as the classic nucleus does, with a protocol error before
the connection ends; nucleus lite only ends it. Source: event-stream RPC, aws-c-event-stream.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from nucleus import frames
from nucleus.frames import Flag, Frame, Kind

VERSION = "0.1.0"
_ALWAYS = (":message-type", ":message-flags", ":stream-id")
_HANDSHAKE = "a CONNECT is the first message of a connection, and the only one"
_LOST = (asyncio.IncompleteReadError, ConnectionError)


class ProtocolFault(Exception):  # noqa: N818 - what the component did wrong
    """A message that has no place here; the connection ends."""


class Refused(Exception):  # noqa: N818 - an answer
    """An operation's error; `kind` is its model, "UnauthorizedError" or a full name."""

    def __init__(self, kind: str, said: str) -> None:
        super().__init__(said)
        self.model = kind if "#" in kind else f"aws.greengrass#{kind}"
        self.said = said


@dataclass(eq=False, slots=True)
class Subscription:
    """A stream that stays open. `way`: pubsub, iotcore, configuration; `model`: its events'."""

    way: str
    topic: str
    model: str
    wildcards: bool = False
    from_others: bool = False
    component: str = ""
    deliver: Callable[[object], bool] = bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation gives back, and the stream of events that it opens."""

    body: dict[str, Any] = field(default_factory=dict)
    opens: Subscription | None = None


class Desk(Protocol):
    """What a connection needs of the nucleus."""

    lite: bool
    frame_limit: int | None
    hold_answers: asyncio.Event | None
    faults: list[str]
    largest: dict[str, int]

    def owner(self, token: str) -> str | None:
        """Give the component that has the token."""

    def serve(self, component: str, operation: str, body: object) -> Answer:
        """Do what is asked. Raises Refused."""


class Connection:
    """One connection; `run` it until it ends."""

    def __init__(
        self, desk: Desk, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.component: str | None = None
        self._desk = desk
        self._reader = reader
        self._writer = writer
        self._streams: dict[int, Subscription | None] = {}
        self._latest = 0
        self._held: set[asyncio.Task[None]] = set()

    @property
    def subscriptions(self) -> Iterator[Subscription]:
        """The streams that get events."""
        yield from [each for each in self._streams.values() if each is not None]

    async def run(self) -> None:
        """Serve until either side ends it."""
        try:
            while not self._writer.is_closing():
                frame = await frames.read(self._reader, self._desk.frame_limit)
                self._take(frame)
                self._measure(frame)
                await self._writer.drain()
        except frames.FrameError as fault:
            self._note(fault)
        except ProtocolFault as fault:
            self._note(fault)
            self._tell(fault)
        except _LOST:
            pass
        finally:
            await self._end()

    def close(self) -> None:
        """End it, as when the nucleus stops."""
        self._writer.close()

    async def drained(self) -> None:
        """Wait until the component has room for more."""
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    async def _end(self) -> None:
        for task in self._held:
            task.cancel()
        self._streams.clear()
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    def _measure(self, frame: Frame) -> None:
        name, largest = self.component or "", self._desk.largest
        largest[name] = max(largest.get(name, 0), len(frames.encode(frame)))

    def _note(self, fault: Exception) -> None:
        self._desk.faults.append(f"{self.component or 'somebody'}: {fault}")

    def _tell(self, fault: ProtocolFault) -> None:
        if not self._desk.lite:
            self.send(frames.document(Kind.PROTOCOL_ERROR, Flag.NONE, 0, {"message": str(fault)}))

    def send(self, frame: Frame) -> bool:
        """Send a frame; one above the limit is not sent, nor one to a component that left."""
        data = frames.encode(frame)
        limit = self._desk.frame_limit
        if self._writer.is_closing() or (limit is not None and len(data) > limit):
            return False
        self._writer.write(data)
        return True

    # what comes

    def _take(self, frame: Frame) -> None:
        kind, flags, stream = (frame.number(name) for name in _ALWAYS)
        if kind is None or flags is None or stream is None:
            raise ProtocolFault("a message lacks :message-type, :message-flags or :stream-id")
        if self.component is None and kind != Kind.CONNECT:
            raise ProtocolFault(_HANDSHAKE)
        if stream == 0:
            self._on_connection(kind, frame)
        elif kind == Kind.MESSAGE and stream > 0:
            self._on_stream(stream, Flag(flags), frame)
        else:
            raise ProtocolFault(f"a message of type {kind} on the stream {stream}")

    def _on_connection(self, kind: int, frame: Frame) -> None:
        match kind:
            case Kind.CONNECT:
                self._connect(frame)
            case Kind.PING:
                extra = {n: v for n, v in frame.headers.items() if not n.startswith(":")}
                self.send(frames.message(Kind.PING_RESPONSE, headers=extra, payload=frame.payload))
            case Kind.PING_RESPONSE:
                pass
            case _:
                raise ProtocolFault(f"a message of type {kind} on the stream 0")

    def _connect(self, frame: Frame) -> None:
        if self.component is not None:
            raise ProtocolFault(_HANDSHAKE)
        if frame.text(":version") != VERSION:
            raise ProtocolFault(f"a CONNECT whose :version is not {VERSION}")
        said = frames.parsed(frame)
        token = said.get("authToken") if isinstance(said, dict) else None
        self.component = self._desk.owner(token) if isinstance(token, str) else None
        if self.component is not None:
            self.send(frames.message(Kind.CONNECT_ACK, Flag.ACCEPTED))
        elif self._desk.lite:
            self.close()
        else:
            # Who is refused closes: if we did, at once, the SDK might see that and no refusal.
            self.send(frames.message(Kind.CONNECT_ACK))

    def _on_stream(self, stream: int, flags: Flag, frame: Frame) -> None:
        if stream == self._latest + 1:
            self._latest = stream
            self._streams[stream] = None
            self._request(stream, frame)
        elif stream > self._latest:
            raise ProtocolFault(f"the stream {stream} follows the stream {self._latest}")
        elif Flag.TERMINATE in flags:
            self._streams.pop(stream, None)
        elif stream in self._streams:
            raise ProtocolFault(f"a second message on the stream {stream}")
        else:
            raise ProtocolFault(f"a message on the closed stream {stream}")

    # what is asked and answered

    def _request(self, stream: int, frame: Frame) -> None:
        operation = frame.text("operation")
        if not operation:
            raise ProtocolFault(f"the first message of the stream {stream} has no operation")
        assert self.component is not None
        try:
            self._check(operation, frame)
            answer = self._desk.serve(self.component, operation, frames.parsed(frame))
        except Refused as refused:
            self._soon(partial(self._refuse, stream, refused))
        else:
            self._soon(partial(self._answer, stream, operation, answer))

    def _check(self, operation: str, frame: Frame) -> None:
        expected = {
            "service-model-type": f"{operation}Request",
            ":content-type": "application/json",
        }
        for name, value in expected.items():
            if frame.text(name) != value:
                said = f"{operation} whose {name} is {frame.text(name)}, not {value}"
                self._note(ProtocolFault(said))
                raise Refused("aws#ValidationException", said)

    def _soon(self, finish: Callable[[], None]) -> None:
        if self._desk.hold_answers is None:
            finish()
        else:
            self._later(self._after(self._desk.hold_answers, finish))

    async def _after(self, hold: asyncio.Event, finish: Callable[[], None]) -> None:
        await hold.wait()
        finish()

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._held.add(task)
        task.add_done_callback(self._held.discard)

    def _answer(self, stream: int, operation: str, answer: Answer) -> None:
        ends = answer.opens is None and not self._desk.lite
        flags = Flag.TERMINATE if ends else Flag.NONE
        frame = frames.document(Kind.MESSAGE, flags, stream, answer.body, f"{operation}Response")
        if not self.send(frame):
            self._refuse(stream, Refused("ServiceError", "the answer is too large"))
        elif ends:
            self._streams.pop(stream, None)
        elif answer.opens is not None and stream in self._streams:
            self._open(stream, answer.opens)

    def _open(self, stream: int, opened: Subscription) -> None:
        assert self.component is not None
        opened.component = self.component
        opened.deliver = lambda body: self.send(
            frames.document(Kind.MESSAGE, Flag.NONE, stream, body, opened.model)
        )
        self._streams[stream] = opened

    def _refuse(self, stream: int, refused: Refused) -> None:
        code = refused.model.partition("#")[2]
        lite = {"_message": refused.said, "_errorCode": code}
        body = lite if self._desk.lite else {"message": refused.said}
        self.send(frames.document(Kind.ERROR, Flag.TERMINATE, stream, body, refused.model))
        self._streams.pop(stream, None)
