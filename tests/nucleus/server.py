"""Nucleus: a Greengrass core in the test's loop, on a real Unix socket."""

import asyncio
import base64
import contextlib
import json
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from nucleus import policy
from nucleus.configuration import Path as KeyPath
from nucleus.configuration import changed, floated, merged
from nucleus.connection import Answer, Connection, Refused, Subscription
from nucleus.operations import CONFIGURATION, IOTCORE, OPERATIONS, PREFIX, PUBSUB

LITE_FRAME = 10_000
"""Bytes; a larger frame ends the connection."""

OTHER = "com.example.Other"
"""The component as which a test speaks."""

THING = "test-core"
_REGION = "eu-west-1"
_SUFFIX = 7  # of a secret's ARN: a dash and six letters

Form = Literal["json", "binary"]


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message that somebody published; `qos`, `retain`, `expiry` are AWS IoT Core's."""

    component: str
    topic: str
    payload: bytes
    form: Form = "binary"
    qos: str | None = None
    retain: bool = False
    expiry: int | None = None

    @property
    def document(self) -> Any:  # noqa: ANN401 - any JSON value
        """The payload as JSON."""
        return json.loads(self.payload)


@dataclass(slots=True)
class _Component:
    configuration: dict[str, Any]
    token: str


@dataclass(slots=True, eq=False, repr=False)
class Nucleus:
    """The core. `async with` it; every switch may be changed while it runs.

    root             what {kernel:rootPath} means; components' folders are below it
    secrets          what the core holds, by ARN (or name); text or bytes
    secrets_in_aws   what a request with `refresh` fetches into `secrets` first
    troubles         operations that fail: {"PublishToIoTCore": "ServiceError"}
    hold_answers     answers wait until it is set; what was asked is done at once
    frame_limit      bytes; nucleus lite's is 10,000. A larger event is not delivered.
    lite             no GetSecretValue, no UpdateState, errors with `_message` only
    floats           every whole number handed out is a float, as by the classic nucleus
    faults           what components did against the protocol; a test wants none
    refused          component, operation and resource that no policy allows
    largest          the bytes of the largest frame that each component sent
    """

    root: Path = Path("/greengrass/v2")
    _: KW_ONLY
    lite: bool = False
    floats: bool = False
    frame_limit: int | None = None
    published: list[Spoken] = field(default_factory=list)
    in_cloud: list[Spoken] = field(default_factory=list)
    secrets: dict[str, str | bytes] = field(default_factory=dict)
    secrets_in_aws: dict[str, str | bytes] = field(default_factory=dict)
    secret_requests: list[str] = field(default_factory=list)
    states: list[tuple[str, str]] = field(default_factory=list)
    refused: list[tuple[str, str, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    largest: dict[str, int] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)
    hold_answers: asyncio.Event | None = None
    # Not below `root`: a socket's path has at most 107 characters, on a Mac 103.
    _folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp("", "gg", "/tmp")))
    _components: dict[str, _Component] = field(default_factory=dict)
    _connections: dict[Connection, asyncio.Task[None]] = field(default_factory=dict)
    _server: asyncio.Server | None = None

    def __post_init__(self) -> None:
        if self.lite and self.frame_limit is None:
            self.frame_limit = LITE_FRAME

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    # its life

    @property
    def socket(self) -> Path:
        """Where components connect."""
        return self._folder / "ipc.socket"

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_unix_server(self._meet, self.socket)

    def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, reader, writer)
        task = asyncio.create_task(self._serve(connection))
        self._connections[connection] = task

    async def _serve(self, connection: Connection) -> None:
        try:
            await connection.run()
        except Exception as broken:
            self.faults.append(f"the nucleus itself: {broken!r}")
            raise
        finally:
            self._connections.pop(connection, None)

    async def stop(self) -> None:
        """End every connection; no token is of use afterwards."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.socket.unlink(missing_ok=True)
        await self.drop()
        for component in self._components.values():
            component.token = _token()

    async def drop(self) -> None:
        """End every connection, and listen on."""
        tasks = list(self._connections.values())
        for connection in list(self._connections):
            connection.close()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def restart(self) -> None:
        """Stop and start, at the same path: components need their new environment."""
        await self.stop()
        await self.start()

    # the components

    def admit(
        self,
        component: str,
        access_control: Mapping[str, Any],
        configuration: Mapping[str, Any],
    ) -> dict[str, str]:
        """Deploy a component, or deploy it anew; give the environment that it is started with."""
        values = {**configuration, "accessControl": dict(access_control)}
        known = self._components.get(component)
        self._components[component] = _Component(values, known.token if known else _token())
        return self.environment(component)

    def environment(self, component: str) -> dict[str, str]:
        """Give a component's environment as of now; a restart of the nucleus changes it."""
        token = self._components[component].token
        return {
            "AWS_IOT_THING_NAME": THING,
            "AWS_REGION": _REGION,
            "AWS_DEFAULT_REGION": _REGION,
            "GGC_VERSION": "2.6.0" if self.lite else "2.14.3",
            "GG_ROOT_CA_PATH": str(self.root / "rootCA.pem"),
            "AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT": str(self.socket),
            "SVCUID": token,
            **({"AWS_CONTAINER_AUTHORIZATION_TOKEN": token} if self.lite else {}),
        }

    def configuration_of(self, component: str) -> dict[str, Any]:
        """Give a component's configuration. Raises KeyError."""
        return self._components[component].configuration

    def access(self, component: str) -> dict[str, Any]:
        """Give what a component's `accessControl` says now."""
        return self.configuration_of(component).get("accessControl") or {}

    def configure(self, component: str, changes: Mapping[str, Any]) -> None:
        """Merge changes, as a deployment does, and tell who subscribed to them."""
        owner = self._components[component]
        old, owner.configuration = (
            owner.configuration,
            merged(owner.configuration, changes),
        )
        for path in changed(old, owner.configuration):
            self._tell_changed(component, path)

    def _tell_changed(self, component: str, path: KeyPath) -> None:
        place = "/".join((component, *path, ""))
        event = {"componentName": component, "keyPath": list(path)}
        for each in self._open(CONFIGURATION):
            if place.startswith(f"{each.topic}/"):
                each.deliver({"configurationUpdateEvent": event})

    def subscriptions(self, component: str) -> set[tuple[str, str]]:
        """Give the topics that a component hears: ("pubsub" or "iotcore", topic)."""
        ways = (PUBSUB, IOTCORE)
        return {(way, each.topic) for way in ways for each in self._open(way, component)}

    def connected(self, component: str) -> bool:
        """Say whether a component is connected."""
        return any(each.component == component for each in self._connections)

    def _open(self, way: str, component: str | None = None) -> Iterator[Subscription]:
        for connection in list(self._connections):
            for each in connection.subscriptions:
                if each.way == way and component in (None, each.component):
                    yield each

    # what is said

    async def publish(
        self, topic: str, payload: bytes | Mapping[str, Any], component: str = OTHER
    ) -> int:
        """Publish locally as another component; give how many subscriptions it reached."""
        count = self.speak(component, topic, payload)
        await self._drained()
        return count

    async def from_cloud(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        expiry: int | None = None,
    ) -> int:
        """Have AWS IoT Core send a message; give how many subscriptions it reached."""
        count = self._send_down(topic, payload, retain=retain, expiry=expiry)
        await self._drained()
        return count

    async def _drained(self) -> None:
        for connection in list(self._connections):
            await connection.drained()

    def speak(self, component: str, topic: str, payload: bytes | Mapping[str, Any]) -> int:
        """Publish locally; used by the nucleus's own operations too."""
        spoken, event = self._local(component, topic, payload)
        self.published.append(spoken)
        return sum(
            each.deliver(event)
            for each in list(self._open(PUBSUB))
            if _hears(each, topic) and not (each.from_others and each.component == component)
        )

    def _local(
        self, component: str, topic: str, payload: bytes | Mapping[str, Any]
    ) -> tuple[Spoken, dict[str, Any]]:
        context = {"topic": topic}
        if isinstance(payload, bytes):
            text = base64.b64encode(payload).decode()
            event = {"binaryMessage": {"message": text, "context": context}}
            return Spoken(component, topic, payload), event
        shown = floated(payload) if self.floats else dict(payload)
        spoken = Spoken(component, topic, json.dumps(payload).encode(), "json")
        return spoken, {"jsonMessage": {"message": shown, "context": context}}

    def speak_to_cloud(
        self,
        component: str,
        topic: str,
        payload: bytes,
        *,
        qos: str,
        retain: bool,
        expiry: int | None,
    ) -> None:
        """Publish to AWS IoT Core, which gives it to everybody who subscribed there."""
        self.in_cloud.append(Spoken(component, topic, payload, "binary", qos, retain, expiry))
        self._send_down(topic, payload, retain=False, expiry=expiry)

    def _send_down(self, topic: str, payload: bytes, *, retain: bool, expiry: int | None) -> int:
        message: dict[str, Any] = {
            "topicName": topic,
            "payload": base64.b64encode(payload).decode(),
        }
        if not self.lite:
            message["retain"] = retain
            if expiry is not None:
                message["messageExpiryIntervalSeconds"] = expiry
        return sum(
            each.deliver({"message": message})
            for each in list(self._open(IOTCORE))
            if _hears(each, topic)
        )

    # what connections ask of it

    def owner(self, token: str) -> str | None:
        """Give the component that has the token."""
        for name, component in self._components.items():
            if secrets.compare_digest(component.token, token):
                return name
        return None

    def serve(self, component: str, operation: str, body: object) -> Answer:
        """Do what is asked. Raises Refused."""
        name = operation.removeprefix(PREFIX)
        perform = OPERATIONS.get(name) if operation.startswith(PREFIX) else None
        if perform is None:
            self.faults.append(f"{component}: there is no operation {operation}")
            kind = "ServiceError" if self.lite else "aws#UnsupportedOperation"
            raise Refused(kind, f"UnsupportedOperation: {operation}")
        if name in self.troubles:
            raise Refused(self.troubles[name], f"{name} fails")
        if not isinstance(body, dict):
            raise Refused("InvalidArgumentsError", "a request must be an object")
        return perform(self, component, body)

    def check(self, component: str, service: str, name: str, resource: str) -> None:
        """Raise Refused if no policy of the component allows it."""
        allowed = policy.allows(self.access(component), service, f"{PREFIX}{name}", resource)
        doubtful = self.lite and ("?" in resource or "${" in resource)
        if not allowed or doubtful:
            self.refused.append((component, name, resource))
            said = f"Principal {component} is not authorized to perform {service}:{name}"
            raise Refused("UnauthorizedError", f"{said} on resource {resource}")

    def secret_named(self, name: str) -> str | None:
        """Give the ARN (or the name) under which a secret is held; None if it is not."""
        if name in self.secrets:
            return name
        with contextlib.suppress(StopIteration):
            return next(arn for arn in self.secrets if arn[:-_SUFFIX].endswith(f":secret:{name}"))
        return None


def _token() -> str:
    return secrets.token_urlsafe(12)


def _hears(subscription: Subscription, topic: str) -> bool:
    if subscription.wildcards:
        return policy.covers_filter(subscription.topic, topic)
    return subscription.topic == topic
