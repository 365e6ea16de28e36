"""TempMonitor, the function of AWS's tutorial "Getting started with Greengrass connectors".

An event is {"to_name": "Darla", "to_number": "+12345000000", "temperature": 31}; degrees Celsius.
"""

import json
import random
from typing import Any

import greengrasssdk

HOT = 30

client = greengrasssdk.client("iot-data")


def function_handler(event: dict[str, Any], context: object) -> None:  # noqa: ARG001 - Lambda's
    """Have Darla told if it is hot."""
    if event["temperature"] > HOT:
        client.publish(topic="twilio/txt", payload=json.dumps(request(event)))


def request(event: dict[str, Any]) -> dict[str, Any]:
    """Make the request, with one of the tutorial's 101 ids: they repeat."""
    recipient = {
        "name": event["to_name"],
        "phone_number": event["to_number"],
        "message": f"temperature:{event['temperature']}",
    }
    return {
        "request": {"recipient": recipient},
        "id": f"request_{random.randint(1, 101)}",  # noqa: S311 - no secret
    }
