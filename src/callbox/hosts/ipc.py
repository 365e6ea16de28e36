"""The connection to the nucleus of AWS IoT Greengrass V2: AWS's SDK, seen from the loop.

The SDK's network thread only hands over; what arrives waits here, in order, until it is taken.
There is no way back after a loss: the nucleus gives a new token to a new process only.
Source: "Use the AWS IoT Device SDK to communicate with the Greengrass nucleus", developer guide.
"""

import asyncio
import contextlib
import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

from callbox.errors import HostError
from callbox.hosts.hop import Hop
from callbox.ports import IOTCORE, PUBSUB

if TYPE_CHECKING:
    from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2

SOCKET, TOKEN = "AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT", "SVCUID"
# What waits in memory: nobody can be asked to hold back the next one.
MOST_WAITING = 20_000  # messages
_MOST_BYTES = 32 * 2**20

_ENDED = {"ConnectionClosedError", "StreamClosedError"}  # said before on_disconnect is
_QOS = "1"
_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 20.0
_CLOSE_SECONDS = 1.0
_MOST_FRAME = 7_000  # bytes; nucleus lite cuts the connection at 10,000
_MOST_HEADERS = 400  # of a frame, with the JSON around a payload


class Way(StrEnum):
    """By what a topic travels: between components, or to and from AWS IoT Core."""

    PUBSUB = PUBSUB
    IOTCORE = IOTCORE


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message. `expiry`: seconds it has left; `retained`: AWS IoT Core had kept it."""

    way: Way
    topic: str
    payload: bytes
    retained: bool = False
    expiry: int | None = None


class NucleusRefusedError(HostError):
    """The nucleus answered with an error of this kind; `forbidden` if accessControl lacks it."""

    def __init__(self, kind: str, said: str | None) -> None:
        super().__init__(f"{kind}: {said}" if said else kind)
        self.forbidden = kind == "UnauthorizedError"


def room_for(topic: str) -> int:
    """Give the most bytes that a payload may have so that its frame stays below 7,000."""
    return (_MOST_FRAME - _MOST_HEADERS - len(json.dumps(topic))) // 4 * 3


@dataclass(slots=True)
class _Stream:
    """Events by the SDK's operation; `is_open` until we end it."""

    operation: Any = None
    is_open: bool = False

    def close(self) -> None:
        """End it."""
        self.is_open = False
        if self.operation is not None:
            self.operation.close()


class Nucleus:
    """Open it once; after `lost` is set it is of no more use. To be made and used in the loop."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self.lost = asyncio.Event()
        self.dropped = 0
        self._environ = environ
        self._loop = asyncio.get_running_loop()
        self._client: GreengrassCoreIPCClientV2 | None = None
        self._hop: Hop[Arrived] = Hop(self._loop, self._keep)
        self._waiting: deque[Arrived] = deque()
        self._bytes = 0
        self._arrival = asyncio.Event()
        self._subscriptions: dict[tuple[Way, str], _Stream] = {}

    async def open(self) -> None:
        """Connect. Raises HostError with a sentence."""
        missing = [name for name in (TOKEN, SOCKET) if not self._environ.get(name)]
        if missing:
            raise HostError(
                "This was not started by the Greengrass nucleus, which sets "
                f"{' and '.join(missing)}: deploy the component, or use `callbox run` with an MQTT "
                "broker"
            )
        try:
            self._client = await asyncio.to_thread(self._connect)
        except ImportError:
            raise HostError(
                "AWS's SDK is not installed: pip install 'callbox[greengrass]'"
            ) from None
        except Exception as error:
            raise HostError(
                f"The Greengrass nucleus does not let us in ({_said(error)}): is the component "
                "deployed, and did the nucleus itself start this process?"
            ) from error

    def _connect(self) -> "GreengrassCoreIPCClientV2":
        from awsiot.eventstreamrpc import LifecycleHandler  # noqa: PLC0415 - an extra
        from awsiot.greengrasscoreipc import connect  # noqa: PLC0415 - an extra
        from awsiot.greengrasscoreipc.clientv2 import (  # noqa: PLC0415 - an extra
            GreengrassCoreIPCClientV2,
        )

        watch = LifecycleHandler()
        watch.on_disconnect = self._on_disconnect
        watch.on_error = lambda _error: True
        connected = connect(
            ipc_socket=self._environ[SOCKET],
            authtoken=self._environ[TOKEN],
            lifecycle_handler=watch,
            timeout=_CONNECT_SECONDS,
        )
        return GreengrassCoreIPCClientV2(connected, executor=None)

    async def close(self) -> None:
        """Disconnect."""
        if self._client is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await asyncio.wrap_future(self._client.close())

    def _on_disconnect(self, _reason: Exception | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            self._loop.call_soon_threadsafe(self.lost.set)

    # what arrives

    @property
    def waiting(self) -> int:
        """How many messages are waiting to be taken."""
        return len(self._waiting)

    async def arrival(self) -> None:
        """Wait until there are messages."""
        await self._arrival.wait()

    def take(self, most: int) -> list[Arrived]:
        """Give messages, oldest first."""
        taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        self._bytes -= sum(len(each.payload) for each in taken)
        if not self._waiting:
            self._arrival.clear()
        return taken

    def put_back(self, taken: Sequence[Arrived]) -> None:
        """Have messages wait again, before all others."""
        self._waiting.extendleft(reversed(taken))
        self._bytes += sum(len(each.payload) for each in taken)
        if taken:
            self._arrival.set()

    def _keep(self, arrived: Sequence[Arrived]) -> None:
        for each in arrived:
            if len(self._waiting) >= MOST_WAITING or self._bytes >= _MOST_BYTES:
                self.dropped += 1
            else:
                self._waiting.append(each)
                self._bytes += len(each.payload)
        self._arrival.set()

    async def subscribe(self, wanted: Iterable[tuple[Way, str]]) -> str | None:
        """Have these subscriptions, and no others; say what cannot be had for now, if anything.

        Raises HostError where no policy allows one: then none has ended.
        """
        chosen = set(wanted)
        missing = None
        for way, topic in sorted(chosen - set(self._subscriptions)):
            try:
                self._subscriptions[way, topic] = await self._streaming(
                    partial(_SUBSCRIBE[way], self._sdk, topic, self._hop.put)
                )
            except NucleusRefusedError as refused:
                if refused.forbidden:
                    raise HostError(
                        f"The nucleus refuses the topic {topic} ({refused}): the component's "
                        f"accessControl must let it subscribe to it by {way}"
                    ) from None
                missing = f"{topic} cannot be subscribed to by {way} for now ({refused})"
        for gone in set(self._subscriptions) - chosen:  # last: what is forbidden ends none
            self._subscriptions.pop(gone).close()
        return missing

    # what is asked

    async def publish(
        self, way: Way, topic: str, payload: bytes, expiry: int | None = None
    ) -> None:
        """Publish and wait for the nucleus's answer. Raises HostError."""
        await self._answer(partial(_PUBLISH[way], self._sdk, topic, payload, expiry))

    async def configuration(self) -> dict[str, Any]:
        """Give the component's whole configuration. Raises HostError."""
        answer = await self._answer(partial(self._sdk.get_configuration_async, key_path=[]))
        return answer.value or {}

    async def watch(self, changed: Callable[[], None]) -> None:
        """Have `changed` called, in the loop, after every change of the configuration."""
        tell = partial(self._loop.call_soon_threadsafe, changed)
        await self._streaming(
            partial(
                self._sdk.subscribe_to_configuration_update_async,
                key_path=[],
                on_stream_event=lambda _event: tell(),
            )
        )

    async def secret(self, name: str, *, refresh: bool) -> str | bytes:
        """Give the current value of a secret by its ARN or name. Raises HostError.

        `refresh`: have the core ask AWS for it first, where its secret manager can do so.
        """
        ask = partial(self._sdk.get_secret_value_async, secret_id=name, refresh=refresh or None)
        value = (await self._answer(ask)).secret_value
        found: str | bytes = value.secret_string or value.secret_binary or ""
        return found

    @property
    def _sdk(self) -> "GreengrassCoreIPCClientV2":
        if self._client is None:
            raise HostError("The connection to the Greengrass nucleus is not open")
        return self._client

    async def _streaming(self, ask: "Callable[..., tuple[Future[Any], Any]]") -> "_Stream":
        """Ask for a stream of events; once it is open, its end is the end of the connection."""
        stream = _Stream()

        def begin() -> "Future[Any]":
            asked, stream.operation = ask(on_stream_closed=lambda: self._hear_end(stream))
            return asked

        try:
            await self._answer(begin)
        except BaseException:  # its answer may be yet to come: no second stream beside it
            stream.close()
            raise
        stream.is_open = True
        return stream

    def _hear_end(self, stream: "_Stream") -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            self._loop.call_soon_threadsafe(self._end, stream)

    def _end(self, stream: "_Stream") -> None:
        if stream.is_open:
            self.lost.set()

    async def _answer(self, ask: "Callable[[], Future[Any]]") -> Any:  # noqa: ANN401 - SDK's shapes
        """Ask and wait for the answer. Raises HostError; what the SDK raises stops here."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await asyncio.wrap_future(ask())
        except TimeoutError:
            raise HostError(
                f"The Greengrass nucleus does not answer in {_ANSWER_SECONDS:g} s"
            ) from None
        except Exception as error:
            if type(error).__name__ in _ENDED:
                self.lost.set()
            raise _refusal(error) from error


def _refusal(error: Exception) -> HostError:
    kind = type(error).__name__
    if hasattr(error, "_get_error_type_string"):
        return NucleusRefusedError(kind, getattr(error, "message", None))
    if kind in _ENDED:
        return HostError(f"The connection to the Greengrass nucleus is lost ({kind})")
    return HostError(f"The Greengrass nucleus cannot be asked ({_said(error)})")


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _subscribe_pubsub(
    sdk: "GreengrassCoreIPCClientV2",
    topic: str,
    put: Callable[[Arrived], None],
    on_stream_closed: Callable[[], None],
) -> Any:  # noqa: ANN401 - a future and the SDK's operation
    def arrived(event: Any) -> None:  # noqa: ANN401 - the SDK's shape
        if event.binary_message is not None:
            put(Arrived(Way.PUBSUB, topic, event.binary_message.message or b""))
        elif event.json_message is not None:
            put(Arrived(Way.PUBSUB, topic, _as_bytes(event.json_message.message)))

    return sdk.subscribe_to_topic_async(
        topic=topic,
        on_stream_event=arrived,
        on_stream_error=_unread(Way.PUBSUB, topic, put),
        on_stream_closed=on_stream_closed,
    )


def _subscribe_iotcore(
    sdk: "GreengrassCoreIPCClientV2",
    topic: str,
    put: Callable[[Arrived], None],
    on_stream_closed: Callable[[], None],
) -> Any:  # noqa: ANN401 - a future and the SDK's operation
    def arrived(event: Any) -> None:  # noqa: ANN401 - the SDK's shape
        message = event.message
        payload, expiry = message.payload or b"", message.message_expiry_interval_seconds
        put(Arrived(Way.IOTCORE, topic, payload, bool(message.retain), expiry))

    return sdk.subscribe_to_iot_core_async(
        topic_name=topic,
        qos=_QOS,
        on_stream_event=arrived,
        on_stream_error=_unread(Way.IOTCORE, topic, put),
        on_stream_closed=on_stream_closed,
    )


def _unread(way: Way, topic: str, put: Callable[[Arrived], None]) -> Callable[[Exception], bool]:
    """Give what takes a message that the SDK cannot read: refused, and not the stream's last."""

    def unread(error: Exception) -> bool:
        if type(error).__name__ != "DeserializeError":
            return True
        put(Arrived(way, topic, b"unreadable"))
        return False  # the SDK would end the subscription

    return unread


def _publish_pubsub(
    sdk: "GreengrassCoreIPCClientV2", topic: str, payload: bytes, _expiry: int | None
) -> "Future[Any]":
    from awsiot.greengrasscoreipc.model import (  # noqa: PLC0415 - an extra
        BinaryMessage,
        PublishMessage,
    )

    message = PublishMessage(binary_message=BinaryMessage(message=payload))
    asked: Future[Any] = sdk.publish_to_topic_async(topic=topic, publish_message=message)
    return asked


def _publish_iotcore(
    sdk: "GreengrassCoreIPCClientV2", topic: str, payload: bytes, expiry: int | None
) -> "Future[Any]":
    asked: Future[Any] = sdk.publish_to_iot_core_async(
        topic_name=topic, qos=_QOS, payload=payload, message_expiry_interval_seconds=expiry
    )
    return asked


_SUBSCRIBE = {Way.PUBSUB: _subscribe_pubsub, Way.IOTCORE: _subscribe_iotcore}
_PUBLISH = {Way.PUBSUB: _publish_pubsub, Way.IOTCORE: _publish_iotcore}


def _as_bytes(document: object) -> bytes:
    """Give a document's JSON; the classic nucleus makes 3.0 of every 3 on the way."""
    try:
        return json.dumps(_whole(document), ensure_ascii=False).encode("utf-8", "surrogatepass")
    except RecursionError:
        return b"too deep"  # refused like any other broken document


def _whole(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {key: _whole(each) for key, each in value.items()}
        case list():
            return [_whole(each) for each in value]
    return value
