"""V1's own sample documents, from a device over a real broker to Twilio and back."""

import json

import pytest
from paho.mqtt.client import MQTTv5, MQTTv311

from harness import Site, judge

SAMPLE = {
    "request": {
        "recipient": {"name": "Darla", "phone_number": "+12345000000", "message": "Hello from the edge"},
        "from_number": "+19999999999",
    },
    "id": "request123",
}


@pytest.mark.parametrize("version", [MQTTv5, MQTTv311])
async def test_v1s_sample_text_is_sent_and_answered_in_v1s_words(site: Site, version: int) -> None:
    gateway = site.gateway(mqtt={"version": "5" if version == MQTTv5 else "3.1.1"})
    device = await site.device(version=version)
    gateway.start()
    await device.online()
    device.publish("txt", SAMPLE)
    status = await device.status("request123")
    assert status == {
        "response": {
            "status": "success",
            "payload": {
                "from_number": "+19999999999",
                "messages": {
                    "message_status": "queued",
                    "to_number": "+12345000000",
                    "name": "Darla",
                },
            },
        },
        "id": "request123",
    }
