"""Stands in for AWS's Greengrass Core SDK, for functions that were written for a V1 core.

    import greengrasssdk
    client = greengrasssdk.client("iot-data")
    client.publish(topic="twilio/txt", payload=json.dumps(document))

The names are those of greengrasssdk 1.6.1, the last one. Publishing is all that there is.

IoTDataPlane.py  the client
Lambda.py        the error that it raises
mqtt.py          publishing over MQTT
ipc.py           publishing through the nucleus of Greengrass V2
"""

from greengrasssdk.IoTDataPlane import Client

_NOT_HERE = {
    "lambda": "for calling other functions: import them, or publish what they listen for",
    "secretsmanager": "for secrets: read them with boto3, or with awsiotsdk in a component",
    "streammanager": "for the stream manager: Greengrass V2 has a client of its own for that",
}


def client(client_type: str) -> Client:
    """Give the client for "iot-data".

    Raises NotImplementedError for what V1 had and this has not, ValueError for anything else.
    """
    if client_type in _NOT_HERE:
        raise NotImplementedError(
            f"This greengrasssdk publishes only; {client_type!r} is {_NOT_HERE[client_type]}."
        )
    if client_type != "iot-data":
        raise ValueError(f"Client type {client_type!r} is not known: 'iot-data' is.")
    return Client()
