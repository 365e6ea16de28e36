"""What a component may ask of the nucleus, and what it is answered.

Source: the "Use the ... IPC service" pages, developer guide of AWS IoT Greengrass V2.
"""

import base64
import binascii
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nucleus import configuration, policy
from nucleus.connection import Answer, Refused, Subscription

if TYPE_CHECKING:
    from nucleus.server import Nucleus

PREFIX = "aws.greengrass#"
PUBSUB, IOTCORE, CONFIGURATION = "pubsub", "iotcore", "configuration"

_STATES = {"RUNNING", "ERRORED"}
_MODES = {"RECEIVE_ALL_MESSAGES", "RECEIVE_MESSAGES_FROM_OTHERS"}
_WILD = ("+", "#")

Body = dict[str, Any]


def _wrong(said: str) -> Refused:
    return Refused("InvalidArgumentsError", said)


def _text(body: Body, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise _wrong(f"{name} must be a text")
    return value


def _binary(body: Body, name: str) -> bytes:
    try:
        return base64.b64decode(body.get(name) or "", validate=True)
    except (binascii.Error, TypeError):
        raise _wrong(f"{name} must be base64") from None


def _publish_to_topic(nucleus: "Nucleus", component: str, body: Body) -> Answer:
    topic = _text(body, "topic")
    nucleus.check(component, policy.PUBSUB, "PublishToTopic", topic)
    if not nucleus.lite and any(sign in topic for sign in _WILD):
        raise _wrong(f"a topic to publish to must have no wildcard: {topic}")
    message = body.get("publishMessage") or {}
    match message.get("jsonMessage"), message.get("binaryMessage"):
        case dict(said), None:
            document = said.get("message")
            if not isinstance(document, dict):
                raise _wrong("jsonMessage.message must be an object")
            nucleus.speak(component, topic, document)
        case None, dict(said):
            nucleus.speak(component, topic, _binary(said, "message"))
        case _:
            raise _wrong("publishMessage must have either jsonMessage or binaryMessage")
    return Answer()


def _subscribe_to_topic(nucleus: "Nucleus", component: str, body: Body) -> Answer:
    topic = _text(body, "topic")
    nucleus.check(component, policy.PUBSUB, "SubscribeToTopic", topic)
    # A wildcard is one only if a policy names the same filter; `*` lets it be a topic's letter.
    named = policy.resources(nucleus.access(component), policy.PUBSUB, f"{PREFIX}SubscribeToTopic")
    wild = any(sign in topic for sign in _WILD) and topic in named
    usual = "RECEIVE_MESSAGES_FROM_OTHERS" if wild else "RECEIVE_ALL_MESSAGES"
    mode = body.get("receiveMode") or usual
    if mode not in _MODES:
        raise _wrong(f"there is no receiveMode {mode}")
    others = mode == "RECEIVE_MESSAGES_FROM_OTHERS" and not nucleus.lite
    opened = Subscription(PUBSUB, topic, f"{PREFIX}SubscriptionResponseMessage", wild, others)
    return Answer({"topicName": topic}, opened)


def _qos(body: Body) -> str:
    qos = body.get("qos") or "0"
    if qos not in ("0", "1"):
        raise _wrong(f"qos must be 0 or 1, not {qos}")
    return str(qos)


def _publish_to_iot_core(nucleus: "Nucleus", component: str, body: Body) -> Answer:
    topic, qos = _text(body, "topicName"), _qos(body)
    nucleus.check(component, policy.MQTTPROXY, "PublishToIoTCore", topic)
    payload = _binary(body, "payload")
    retain, expiry = bool(body.get("retain")), body.get("messageExpiryIntervalSeconds")
    nucleus.speak_to_cloud(component, topic, payload, qos=qos, retain=retain, expiry=expiry)
    return Answer()


def _subscribe_to_iot_core(nucleus: "Nucleus", component: str, body: Body) -> Answer:
    topic = _text(body, "topicName")
    _qos(body)
    nucleus.check(component, policy.MQTTPROXY, "SubscribeToIoTCore", topic)
    return Answer({}, Subscription(IOTCORE, topic, f"{PREFIX}IoTCoreMessage", wildcards=True))


def _get_secret_value(nucleus: "Nucleus", component: str, body: Body) -> Answer:
    if nucleus.lite:
        raise Refused("ServiceError", "GetSecretValue is not there")
    name = _text(body, "secretId")
    nucleus.secret_requests.append(name)
    if body.get("refresh"):
        nucleus.secrets.update(nucleus.secrets_in_aws)
    found = nucleus.secret_named(name)
    if found is None:
        raise Refused("ResourceNotFoundError", f"there is no secret {name} on this core")
    nucleus.check(component, policy.SECRETS, "GetSecretValue", found)
    stage = body.get("versionStage") or "AWSCURRENT"
    value = nucleus.secrets[found]
    shown = (
        {"secretString": value}
        if isinstance(value, str)
        else {"secretBinary": base64.b64encode(value).decode()}
    )
    version = {"secretId": found, "versionId": "1", "versionStage": [stage]}
    return Answer({**version, "secretValue": shown})


def _path(body: Body) -> tuple[str, ...]:
    path = body.get("keyPath") or []
    if not isinstance(path, list) or not all(isinstance(key, str) for key in path):
        raise _wrong("keyPath must be a list of texts")
    return tuple(path)


def _get_configuration(nucleus: "Nucleus", component: str, body: Body) -> Answer:
    owner, path = body.get("componentName") or component, _path(body)
    try:
        value = configuration.answered(nucleus.configuration_of(owner), path)
    except KeyError:
        raise Refused("ResourceNotFoundError", f"there is no key {'.'.join(path)}") from None
    shown = configuration.floated(value) if nucleus.floats else value
    return Answer({"componentName": owner, "value": shown})


def _subscribe_to_configuration(nucleus: "Nucleus", component: str, body: Body) -> Answer:
    owner, path = body.get("componentName") or component, _path(body)
    try:
        configuration.found(nucleus.configuration_of(owner), path)
    except KeyError:
        raise Refused("ResourceNotFoundError", f"there is no key {'.'.join(path)}") from None
    topic = "/".join((owner, *path))
    model = f"{PREFIX}ConfigurationUpdateEvents"
    return Answer({}, Subscription(CONFIGURATION, topic, model))


def _update_state(nucleus: "Nucleus", component: str, body: Body) -> Answer:
    if nucleus.lite:
        raise Refused("ServiceError", "the health daemon is not there")
    state = _text(body, "state")
    if state not in _STATES:
        raise _wrong(f"there is no state {state}")
    nucleus.states.append((component, state))
    return Answer()


OPERATIONS: dict[str, Callable[["Nucleus", str, Body], Answer]] = {
    "PublishToTopic": _publish_to_topic,
    "SubscribeToTopic": _subscribe_to_topic,
    "PublishToIoTCore": _publish_to_iot_core,
    "SubscribeToIoTCore": _subscribe_to_iot_core,
    "GetSecretValue": _get_secret_value,
    "GetConfiguration": _get_configuration,
    "SubscribeToConfigurationUpdate": _subscribe_to_configuration,
    "UpdateState": _update_state,
}
