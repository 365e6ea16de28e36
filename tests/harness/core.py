"""A Greengrass core device: a nucleus, Twilio, and Callbox as its component, a real process.

core.nucleus     the fake nucleus, which plays the other components and AWS IoT Core, too
core.simulator   Twilio
core.component   the gateway: start, stop, kill; its log and its store
"""

import json
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from callbox.simulator import Settings, Simulator, start
from harness.gateway import ACCOUNT, AUTH_TOKEN, FROM, QUICK, Gateway, merged
from harness.nursery import Nursery
from harness.waiting import until
from nucleus import Nucleus

NAME = "io.callbox.TwilioNotifications"
ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:greengrass-TwilioAuthToken-a1B2c3"

_IN = [
    *("twilio/txt", "twilio/call"),
    *(f"twilio/bridge/request/{name}" for name in ("cancel", "check_messages", "health_check")),
]
_OUT = [
    *(f"twilio/message/{name}" for name in ("status", "delivery", "sent", "received")),
    "twilio/call/received",
    *(f"twilio/bridge/{name}" for name in ("state", "info", "health")),
    *(f"twilio/bridge/response/{name}" for name in ("cancel", "check_messages", "health_check")),
]


def _policy(service: str, number: int, operation: str, resources: list[str]) -> dict[str, Any]:
    operations = [f"aws.greengrass#{operation}"]
    return {f"{NAME}:{service}:{number}": {"operations": operations, "resources": resources}}


ACCESS: dict[str, Any] = {
    "aws.greengrass.ipc.pubsub": _policy("pubsub", 1, "SubscribeToTopic", _IN)
    | _policy("pubsub", 2, "PublishToTopic", _OUT),
    "aws.greengrass.ipc.mqttproxy": _policy("mqttproxy", 1, "SubscribeToIoTCore", _IN)
    | _policy("mqttproxy", 2, "PublishToIoTCore", _OUT),
    "aws.greengrass.SecretManager": _policy("secrets", 1, "GetSecretValue", [ARN]),
}
"""Exact topics for both services, as the recipe ships it."""

V1: dict[str, Any] = {
    "TWILIO_ACCOUNT_SID": ACCOUNT,
    "TwilioAuthTokenSecretArn": ARN,
    "TwilioAuthTokenSecretArn-ResourceId": "MyTwilioSecret",
    "DefaultFromPhoneNumber": FROM,
    "IsolationMode": "GreengrassContainer",
}


@dataclass(slots=True)
class Component(Gateway):
    """The gateway as the nucleus starts it: in its work folder, with a token and a socket."""

    nucleus: Nucleus = field(kw_only=True)
    configuration: dict[str, Any] = field(kw_only=True)
    access: dict[str, Any] = field(default_factory=lambda: dict(ACCESS), kw_only=True)

    def start(self, *options: str) -> None:
        """Start the process."""
        self.folder.mkdir(parents=True, exist_ok=True)
        environ = self.nucleus.admit(NAME, self.access, self.configuration)
        env = {**environ, **self.env}
        self.pid = self.nursery.fork(["greengrass", *options], self._log, env, self.folder)

    async def serving(self) -> None:
        """Start it and wait until it says that it takes requests."""
        states = self.said("bridge/state")
        self.start()

        def is_online() -> bool:
            assert self.alive, f"the component ended; it said: {self.log[-2000:]}"
            return self.said("bridge/state")[len(states) :] == [b"online"]

        await until(is_online, "bridge/state is online")

    def said(self, topic: str) -> list[bytes]:
        """Give what it published on local pubsub below `twilio/`."""
        return [
            each.payload
            for each in self.nucleus.published
            if (each.component, each.topic) == (NAME, f"twilio/{topic}")
        ]

    def told(self, topic: str) -> list[bytes]:
        """Give what it published to AWS IoT Core below `twilio/`."""
        return [each.payload for each in self.nucleus.in_cloud if each.topic == f"twilio/{topic}"]

    def statuses(self, request_id: str | None) -> list[dict[str, Any]]:
        """Give the `response` parts that AWS IoT Core got for a request's id."""
        found = map(json.loads, self.told("message/status"))
        return [each["response"] for each in found if each["id"] == request_id]

    async def status(self, request_id: str | None) -> dict[str, Any]:
        """Wait for the `response` part of a request's first status in AWS IoT Core."""
        await until(lambda: self.statuses(request_id), f"a status of {request_id}")
        return self.statuses(request_id)[0]

    async def ask(self, command: str, document: bytes | dict[str, Any] = b"") -> Any:  # noqa: ANN401 - a document
        """Send a `bridge/request` on local pubsub and give what it is answered."""
        topic = f"bridge/response/{command}"
        known = len(self.said(topic))
        await self.nucleus.publish(f"twilio/bridge/request/{command}", document)
        await until(lambda: len(self.said(topic)) > known, f"an answer to {command}")
        return json.loads(self.said(topic)[known])

    async def health(self) -> Any:  # noqa: ANN401 - a document
        """Ask how it is."""
        return (await self.ask("health_check"))["data"]

    @property
    def wrong(self) -> list[str]:
        """What the last `bridge/health` on local pubsub calls wrong."""
        told = self.said("bridge/health")
        found: list[str] = json.loads(told[-1])["wrong"] if told else []
        return found

    async def troubled(self, *words: str) -> str:
        """Wait until its health tells of a trouble that has all of the words, and give it."""

        def told() -> list[str]:
            return [each for each in self.wrong if all(word in each for word in words)]

        await until(told, f"health tells of {words}")
        return told()[0]


class Core:
    """Use it as `async with`; the component is started by the test."""

    def __init__(
        self,
        nursery: Nursery,
        folder: Path,
        *,
        settings: Settings | None = None,
        configuration: dict[str, Any] | None = None,
        lite: bool = False,
        floats: bool = False,
    ) -> None:
        self._nursery, self._folder = nursery, folder
        self._lite, self._floats = lite, floats
        self._settings = settings or Settings(account_sid=ACCOUNT, auth_token=AUTH_TOKEN)
        self._configuration = configuration or {}
        self._exits = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self.simulator: Simulator = await self._exits.enter_async_context(
            await start(settings=self._settings)
        )
        self.nucleus = await self._exits.enter_async_context(
            Nucleus(self._folder, lite=self._lite, floats=self._floats)
        )
        self.nucleus.secrets[ARN] = AUTH_TOKEN
        self.component = Component(
            self._nursery,
            self._folder / "work" / NAME,
            {},
            nucleus=self.nucleus,
            configuration=self._whole(self._configuration),
        )
        self._exits.push_async_callback(self._end)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    def check(self) -> None:
        """See that nobody broke the protocol, that no secret and no stack trace was logged."""
        assert self.nucleus.faults == []
        log = self.component.log
        for secret in (AUTH_TOKEN, self.nucleus.environment(NAME)["SVCUID"]):
            assert secret not in log, f"a secret is in the log: {log}"
        assert "Traceback" not in log, log

    def _whole(self, more: dict[str, Any]) -> dict[str, Any]:
        """Give a deployment's configuration, with the times of the tests and their Twilio."""
        quick = {name: dict(section) for name, section in QUICK.items()}
        for key in ("account_sid", "auth_token", "default_from_number"):
            del quick["twilio"][key]
        quick["twilio"]["base_url"] = self.simulator.url
        return V1 | merged(quick, more)

    async def _end(self) -> None:
        if self.component.alive:
            await self.component.kill()
