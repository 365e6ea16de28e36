"""Publish a text the safe way: at QoS 1, acknowledged by the broker, under a dedup_key.

    python examples/publish.py +12345000000 "The tank is full"

Needs only `pip install paho-mqtt`. BROKER_HOST and BROKER_PORT name another broker than the one on
this machine.
"""

import json
import os
import sys
import uuid

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

HOST = os.environ.get("BROKER_HOST", "127.0.0.1")
PORT = int(os.environ.get("BROKER_PORT", "1883"))
SECONDS = 10


def document(number: str, text: str) -> dict[str, object]:
    """Make the request.

    The `id` comes back with the status. Callbox sends what has the same `dedup_key` once only, so
    publishing this very document again, after a doubt, is harmless. For MQTT alone a second publish
    is a second request.
    """
    key = str(uuid.uuid4())
    recipient = {"name": "", "phone_number": number, "message": text}
    return {"request": {"recipient": recipient, "dedup_key": key}, "id": key}


def publish(request: dict[str, object]) -> bool:
    """Publish, and tell whether the broker has acknowledged it (PUBACK)."""
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect(HOST, PORT)
    client.loop_start()
    sent = client.publish("twilio/txt", json.dumps(request), qos=1)
    sent.wait_for_publish(SECONDS)
    client.disconnect()
    client.loop_stop()
    return sent.is_published()


def main() -> int:
    """Publish what the command line says."""
    if len(sys.argv) != 3:  # noqa: PLR2004 - number and text
        sys.stderr.write(f"{__doc__}\n")
        return 2
    request = document(*sys.argv[1:])
    if not publish(request):
        sys.stderr.write("The broker has not acknowledged it: publish the same document again.\n")
        return 1
    sys.stdout.write(f"The broker has it; its status will have the id {request['id']}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
