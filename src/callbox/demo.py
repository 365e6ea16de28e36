"""The demo: broker, simulator and gateway in one process, and a real MQTT client that uses them.

Nothing is needed and nothing is touched: free ports, a temporary folder, no account.
"""

import asyncio
import contextlib
import json
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from callbox.config import Config, load_config
from callbox.device import Device
from callbox.errors import CallboxError
from callbox.service import Gateway
from callbox.simulator import LIFELIKE, Simulator, start
from callbox.stage import connected, free_port, running

TXT = {
    "request": {
        "recipient": {
            "name": "Darla",
            "phone_number": "+12345000000",
            "message": "Hello from the edge",
        },
        "from_number": "+19999999999",
        "retries": 3,
    },
    "id": "request123",
}
"""The text that AWS's page of its Twilio Notifications connector gives as an example."""

CALL = {
    "request": {
        "recipient": {
            "name": "Darla",
            "phone_number": "+12345000000",
            "voice_message_location": "https://some-public-TwiML",
        },
        "from_number": "+19999999999",
        "retries": 3,
    },
    "id": "request123",
}
"""The phone call on the same page."""

SAMPLES = {"txt": TXT, "call": CALL}
TOPICS = ("message/status", "message/delivery", "message/received")
OURS, DARLA = "+19999999999", "+12345000000"
QUESTION = "Is the tank full?"
ANSWER = "Yes, Darla, since 8 o'clock."
GREETING = "This is the demo of Callbox. Text me: is the tank full?"
"""What Darla hears when she calls."""
_RULE = {"name": "tank", "from": ["Darla"], "contains": "tank", "reply": ANSWER}
PATIENCE = 15.0
"""Seconds that a sample's status may take."""

_LOOK_SECONDS = 0.02

Tell = Callable[[str], None]
Document = dict[str, Any]


class DemoError(CallboxError):
    """The round trip failed."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What the demo runs on, once it runs."""

    config: Config
    gateway: Gateway
    simulator: Simulator
    device: Device

    @property
    def broker(self) -> str:
        """Where to publish to."""
        return f"mqtt://{self.config.mqtt.host}:{self.config.mqtt.port}"

    async def round_trip(self, kind: str) -> Document:
        """Publish a sample and give its status. Raises DemoError if none comes."""
        sample = SAMPLES[kind]
        await asyncio.to_thread(self.device.publish, kind, sample)
        statuses = self.device.statuses(str(sample["id"]), PATIENCE)
        status = await asyncio.to_thread(next, statuses, None)
        if status is None:
            raise DemoError(f"No status came for the {kind} within {PATIENCE:.0f} s")
        return status

    async def way_back(self) -> tuple[Document, str]:
        """Text from Darla's phone; give the document that devices get, and the reply she gets.

        Raises DemoError if one of them does not come.
        """
        phone = self.simulator.phone(DARLA)
        before = len(phone.received)
        await phone.texts(QUESTION, OURS)
        documents = self.device.documents("message/received", PATIENCE)
        document = await asyncio.to_thread(next, documents, None)
        if document is None:
            raise DemoError(f"The text did not come back within {PATIENCE:.0f} s")
        for _ in range(round(PATIENCE / _LOOK_SECONDS)):
            if len(phone.received) > before:
                return document, phone.received[-1].body
            await asyncio.sleep(_LOOK_SECONDS)
        raise DemoError(f"No reply came within {PATIENCE:.0f} s")

    def created(self) -> int:
        """Count what the simulator was asked to send."""
        return len(self.simulator.log)


@contextlib.asynccontextmanager
async def stage(tell: Tell) -> AsyncIterator[Stage]:
    """Start everything, telling of each part; stop everything at the end."""
    async with contextlib.AsyncExitStack() as exits:
        folder = exits.enter_context(tempfile.TemporaryDirectory(prefix="callbox-demo-"))
        settings = replace(
            LIFELIKE, numbers=(OURS,), phones={DARLA: "Darla"}, pace=0.2, fetch=False
        )
        simulator = await exits.enter_async_context(await start(settings=settings))
        tell(f"Open {simulator.url} and pick up the phone: it is Darla's.\n")
        tell(f"Twilio simulator  {simulator.url} (nothing is really sent)")
        config = load_config(None, _environment(Path(folder), simulator.url))
        number = simulator.number(OURS)
        number.sms_url = f"{config.http.public_url}/twilio/sms"
        number.voice_url = f"{config.http.public_url}/twilio/voice"
        gateway = await exits.enter_async_context(running(Gateway(config)))
        tell(f"MQTT broker       mqtt://{config.mqtt.host}:{config.mqtt.port}")
        tell(f"Gateway           online on {config.mqtt.base_topic}/#")
        device = await exits.enter_async_context(connected(gateway, TOPICS))
        yield Stage(config, gateway, simulator, device)


def _environment(folder: Path, twilio: str) -> dict[str, str]:
    """Give the configuration as a user would write it in environment variables."""
    port = free_port()
    return {
        "CALLBOX_MQTT__URL": f"embedded://127.0.0.1:{free_port()}",
        "CALLBOX_STORE__URL": f"sqlite://{folder / 'callbox.sqlite3'}",
        "CALLBOX_HTTP__PORT": str(port),
        "CALLBOX_HTTP__PUBLIC_URL": f"http://127.0.0.1:{port}",
        "CALLBOX_TWILIO__BASE_URL": twilio,
        "CALLBOX_TWILIO__ACCOUNT_SID": "AC" + "0" * 32,
        "CALLBOX_TWILIO__AUTH_TOKEN": "any",
        "CALLBOX_TWILIO__DEFAULT_FROM_NUMBER": OURS,
        "CALLBOX_CALLS__ANSWER": "say",
        "CALLBOX_CALLS__TEXT": GREETING,
        "CALLBOX_CONTACTS": f"Darla={DARLA}",
        "CALLBOX_INBOUND__RULES": json.dumps([_RULE]),
    }
