"""Call a Lambda function with events, as a V1 core did.

    python run_lambda.py temp_monitor.function_handler < events.txt
    python run_lambda.py temp_monitor.function_handler --topic temperature/input

The folder `greengrasssdk`, this program and the function belong side by side.
"""

import argparse
import contextlib
import importlib
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from greengrasssdk.Lambda import InvocationException
from greengrasssdk.mqtt import QOS, Broker
from paho.mqtt.client import Client, MQTTMessage

Handler = Callable[[Any, Any], object]

log = logging.getLogger("run_lambda")


def named(name: str) -> Handler:
    """Give the function that is named `module.function`; raises ArgumentTypeError."""
    module, _, function = name.rpartition(".")
    try:
        handler: Handler = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{name} cannot be used: {error}") from error
    return handler


def call(handler: Handler, event: str | bytes | bytearray, topic: str = "") -> bool:
    """Call it with one event, JSON; tell whether that went well.

    V1 functions find the event's topic at `context.client_context.custom["subject"]`.
    """
    client_context = SimpleNamespace(custom={"subject": topic})
    context = SimpleNamespace(function_name=handler.__name__, client_context=client_context)
    try:
        handler(json.loads(event), context)
    except Exception as error:  # noqa: BLE001 - whatever it raises, the next event is another
        log.error("An event was not handled: %s: %s", type(error).__name__, error)  # noqa: TRY400
        return False
    return True


def call_for_topic(handler: Handler, topic: str) -> None:
    """Call it with every message on a topic of the broker that greengrasssdk/mqtt.py says."""

    def listen(client: Client, *_: object) -> None:
        client.subscribe(topic, QOS)

    def handle(_client: Client, _data: object, came: MQTTMessage) -> None:
        call(handler, came.payload, came.topic)

    broker = Broker()
    client = broker.client(reconnects=True)
    client.on_connect = listen
    client.on_subscribe = lambda *_: log.info("Listening on %s", topic)
    client.on_message = handle
    broker.connect(client)
    client.loop_forever()


def main() -> int:
    """Run what the command line says; 1 if an event was not handled."""
    parser = argparse.ArgumentParser(description="Call a Lambda function with events.")
    parser.add_argument("handler", type=named, help="module.function, as AWS Lambda was told")
    parser.add_argument("file", nargs="?", help="events, JSON, one a line (standard input)")
    parser.add_argument("--topic", help="take MQTT messages on this topic as events")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    wanted = parser.parse_args()
    if wanted.topic:
        call_for_topic(wanted.handler, wanted.topic)
    with Path(wanted.file).open() if wanted.file else contextlib.nullcontext(sys.stdin) as events:
        failed = [line for line in events if line.strip() and not call(wanted.handler, line)]
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (InvocationException, OSError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(0)
