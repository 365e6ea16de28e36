"""The bare script that `trickle` compares with: paho and the official SDK, nothing kept."""

import json
import sys

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from twilio.rest import Client as Twilio

from benchmarks.stage import ACCOUNT, SENDER

port, url = int(sys.argv[1]), sys.argv[2]
twilio = Twilio(ACCOUNT, "secret")
twilio.api.base_url = url


def listen(client: Client, *_: object) -> None:
    """Subscribe."""
    client.subscribe("bare/txt", 1)


def take(client: Client, _data: object, message: MQTTMessage) -> None:
    """Send what came and tell."""
    document = json.loads(message.payload)
    recipient = document["request"]["recipient"]
    created = twilio.messages.create(
        to=recipient["phone_number"], from_=SENDER, body=recipient["message"]
    )
    status = {"response": {"status": "success", "payload": created.status}, "id": document["id"]}
    client.publish("bare/status", json.dumps(status), 1)


mqtt = Client(CallbackAPIVersion.VERSION2, "script")
mqtt.on_message = take
mqtt.on_subscribe = lambda *_: print("script ready", flush=True)
mqtt.on_connect = listen
mqtt.connect("127.0.0.1", port)
mqtt.loop_forever()
