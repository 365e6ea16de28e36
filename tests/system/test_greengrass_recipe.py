"""The recipe's own install and run, as both nuclei do them, with the artifact that is built.

The deployment is the example of greengrass/deployments, with this test's values filled in.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest
import pytest_asyncio

from callbox.simulator import Settings, Simulator, start
from harness import ACCOUNT, AUTH_TOKEN, FROM, call, number, text, until
from harness.core import ARN, NAME
from harness.ports import free_port
from harness.quick import quick_python
from nucleus import Nucleus
from nucleus.configuration import merged
from nucleus.policy import resources
from nucleus.recipe import Recipe
from nucleus.runner import Component

ROOT = Path(__file__).parents[2]
PUBSUB, MQTTPROXY = "aws.greengrass.ipc.pubsub", "aws.greengrass.ipc.mqttproxy"
WAYS = ("txt", "call", "status", "delivery", "sent", "received", "rules", "bridge")

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Device:
    """A core device with the component installed by its recipe, and Twilio; `lite`: which nucleus.

    port   where webhooks of Twilio's would come in
    """

    built: Path
    folder: Path
    lite: bool
    port: int = field(default_factory=free_port)
    _exits: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def __aenter__(self) -> Self:
        settings = Settings(account_sid=ACCOUNT, auth_token=AUTH_TOKEN)
        self.simulator: Simulator = await self._exits.enter_async_context(
            await start(settings=settings)
        )
        self.nucleus = await self._exits.enter_async_context(Nucleus(self.folder, lite=self.lite))
        self.nucleus.secrets[ARN] = AUTH_TOKEN
        self.component = await self._exits.enter_async_context(
            Component(
                Recipe.read(self.built / "recipe.yaml", lite=self.lite),
                self.nucleus,
                artifacts=[self.built / f"{NAME}.zip"],
                update=self._deployment(),
                env={"PIP_NO_INDEX": "1"},
            )
        )
        # In its work folder, which is what the box lets it see of /tmp.
        python = quick_python(self.component.work)
        self.nucleus.configure(NAME, {"PythonPath": str(python)})
        if self.lite:
            self._token_in_a_file()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    def _deployment(self) -> dict[str, Any]:
        """Give what the example deployment merges, and what a test needs besides."""
        path = ROOT / "greengrass" / "deployments" / "component.json"
        shipped = json.loads(path.read_text())["components"][NAME]
        merge = shipped["configurationUpdate"]["merge"]
        example = "arn:aws:secretsmanager:REGION:ACCOUNT:secret:greengrass-TwilioAuthToken-SUFFIX"
        for placeholder, value in (
            (example, ARN),
            ('"ACCOUNT_SID"', f'"{ACCOUNT}"'),
            ('"FROM_NUMBER"', f'"{FROM}"'),
        ):
            assert placeholder in merge
            merge = merge.replace(placeholder, value)
        base = f"http://127.0.0.1:{self.port}"
        ours = {
            "twilio": {"base_url": self.simulator.url},
            "http": {"port": self.port, "public_url": base},
        }
        return merged(json.loads(merge), ours)

    def _token_in_a_file(self) -> None:
        """Give the token as nucleus lite wants it, which has no secrets."""
        token = self.component.work / "token"
        token.write_text(AUTH_TOKEN)
        token.chmod(0o600)
        changes = {"twilio": {"auth_token_file": str(token)}, "TwilioAuthTokenSecretArn": ""}
        self.nucleus.configure(NAME, changes)

    def topics(self, *, cloud: bool) -> set[str]:
        """Give on which topics the component has published."""
        spoken = self.nucleus.in_cloud if cloud else self.nucleus.published
        return {each.topic for each in spoken if each.component == NAME}

    def statuses(self, request_id: str) -> list[str]:
        """Give how a request fared, as AWS IoT Core was told."""
        return [
            each.document["response"]["status"]
            for each in self.nucleus.in_cloud
            if each.topic == "twilio/message/status" and each.document["id"] == request_id
        ]

    def states(self) -> list[bytes]:
        """Give what it has said on `bridge/state`."""
        return [e.payload for e in self.nucleus.published if e.topic == "twilio/bridge/state"]

    async def online(self, said_before: int) -> None:
        """Wait until it takes requests, once more than so many states ago."""

        def is_online() -> bool:
            return self.states()[said_before:][-1:] == [b"online"]

        try:
            await until(is_online, "bridge/state is online")
        except AssertionError as late:
            raise AssertionError(f"{late}; it said: {self.component.log[-2000:]}") from None


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the artifact, with the recipe beside it."""
    folder = tmp_path_factory.mktemp("built")
    script = ROOT / "scripts" / "greengrass_component.py"
    subprocess.run([sys.executable, script, "--output", folder], check=True)
    return folder


@pytest_asyncio.fixture(
    loop_scope="module", scope="module", params=[False, True], ids=["classic", "lite"]
)
async def device(
    request: pytest.FixtureRequest, built: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Device]:
    folder = tmp_path_factory.mktemp("core")
    async with Device(built, folder, request.param) as device:
        assert await device.component.step("install") == 0, device.component.log
        yield device
        assert device.nucleus.faults == []
        assert device.nucleus.refused == [], "the recipe's accessControl allows what is asked"


@pytest_asyncio.fixture(loop_scope="module")
async def running(device: Device) -> AsyncIterator[Device]:
    """Run it, as the nucleus does."""
    said = len(device.states())
    await device.component.start()
    await device.online(said)
    yield device
    await device.component.kill()


async def test_a_request_becomes_a_text_and_a_status_in_the_cloud_until_sigterm(
    running: Device,
) -> None:
    component = running.component
    assert await running.nucleus.publish("twilio/txt", text("1", number(1), "Hello")) == 1
    await until(lambda: running.statuses("1") == ["success"], "its status is in the cloud")
    (message,) = running.simulator.messages
    assert (message.to, message.sender, message.body) == (number(1), FROM, "Hello")
    os.kill(component.pid, signal.SIGTERM)  # to the process that was started, and no other
    assert await component.ended(15) == 0
    assert running.states()[-1] == b"offline"
    assert "Stopped" in component.log.splitlines()[-1]
    assert (component.work / "callbox.sqlite3").exists()
    assert AUTH_TOKEN not in component.log


async def test_after_a_restart_of_the_nucleus_it_is_installed_already_runs_again_and_goes_on(
    device: Device,
) -> None:
    nucleus, component = device.nucleus, device.component
    said = len(device.states())
    living = asyncio.create_task(component.live())
    await device.online(said)
    said = len(device.states())
    await nucleus.restart()
    await device.online(said)
    await nucleus.publish("twilio/txt", text("after", number(2), "Hello again"))
    await until(lambda: device.statuses("after") == ["success"], "its status is in the cloud")
    assert await component.stop() == 0
    assert await living == "FINISHED"
    assert component.states == ["INSTALLED", "RUNNING", "ERRORED", "RUNNING", "FINISHED"]
    assert component.log.count("Installing Callbox") == 1


async def test_every_topic_works_by_both_ways_and_no_other_is_allowed(running: Device) -> None:
    nucleus = running.nucleus
    used = _topics(nucleus, "SubscribeToTopic", "SubscribeToIoTCore")
    await _by_both_ways(running)
    assert nucleus.subscriptions(NAME) == used
    await _use_everything(running)
    used = _topics(nucleus, "PublishToTopic", "PublishToIoTCore")
    found = {
        (way, topic)
        for way, cloud in (("pubsub", False), ("iotcore", True))
        for topic in running.topics(cloud=cloud)
    }
    assert found == used, "nothing is allowed that is not used"
    services = set(nucleus.access(NAME))
    assert services == {PUBSUB, MQTTPROXY, "aws.greengrass.SecretManager"}


def _topics(nucleus: Nucleus, local: str, cloud: str) -> set[tuple[str, str]]:
    """Give what the recipe allows."""
    access = nucleus.access(NAME)

    def allowed(way: str, service: str, operation: str) -> Iterable[tuple[str, str]]:
        named = resources(access, service, f"aws.greengrass#{operation}")
        return ((way, topic) for topic in named)

    return {*allowed("pubsub", PUBSUB, local), *allowed("iotcore", MQTTPROXY, cloud)}


async def _by_both_ways(device: Device) -> None:
    """Have every topic travel by both, by an update of the configuration."""
    said = len(device.states())
    ways = {"greengrass": dict.fromkeys(WAYS, "both"), "inbound": {"numbers": [FROM]}}
    device.nucleus.configure(NAME, ways)
    await device.online(said)


async def _use_everything(device: Device) -> None:
    """Text and call, ask everything of the bridge, by both ways; be texted and called."""
    nucleus, simulator = device.nucleus, device.simulator
    base = f"http://127.0.0.1:{device.port}/twilio"
    ours = simulator.number(FROM)
    ours.sms_url, ours.voice_url = f"{base}/sms", f"{base}/voice"
    for way in ("pubsub", "iotcore"):
        documents = {
            "twilio/txt": text(f"txt {way}", number(3), way),
            "twilio/call": call(f"call {way}", number(4), "https://example.com/say"),
            "twilio/bridge/request/cancel": {"id": "unknown"},
            "twilio/bridge/request/check_messages": {},
            "twilio/bridge/request/health_check": {},
        }
        for topic, document in documents.items():
            payload = json.dumps(document).encode()
            speak = nucleus.publish if way == "pubsub" else nucleus.from_cloud
            assert await speak(topic, payload) == 1, (way, topic)
        await _told(device, f"txt {way}", f"call {way}")
    await simulator.receive(number(5), FROM, "Hello")
    await simulator.ring(number(5), FROM)
    await until(
        lambda: all(
            "twilio/call/received" in device.topics(cloud=cloud)
            and "twilio/message/received" in device.topics(cloud=cloud)
            for cloud in (False, True)
        ),
        "what came in is told",
    )


async def _told(device: Device, *request_ids: str) -> None:
    await until(lambda: all(map(device.statuses, request_ids)), "they have a status")
