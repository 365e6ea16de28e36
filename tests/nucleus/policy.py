"""What `accessControl` allows a component.

Source: "Authorize components to perform IPC operations" and each service's page, developer guide
of AWS IoT Greengrass V2.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from paho.mqtt.client import topic_matches_sub

PUBSUB = "aws.greengrass.ipc.pubsub"
MQTTPROXY = "aws.greengrass.ipc.mqttproxy"
SECRETS = "aws.greengrass.SecretManager"

_ESCAPES = re.compile(r"\$\{([*$?])\}|(\*)|(.)", re.DOTALL)


def allows(access: Mapping[str, Any], service: str, operation: str, resource: str) -> bool:
    """Say whether a policy of the service has the operation and the resource."""
    return any(_covers(service, each, resource) for each in resources(access, service, operation))


def resources(access: Mapping[str, Any], service: str, operation: str) -> Iterator[str]:
    """Give the resources of all policies of a service that have the operation."""
    for policy in (access.get(service) or {}).values():
        if {operation, "*"} & set(policy.get("operations") or ()):
            yield from policy.get("resources") or ()


def _covers(service: str, allowed: str, resource: str) -> bool:
    if _pattern(allowed).fullmatch(resource):
        return True
    return service == MQTTPROXY and covers_filter(allowed, resource)


def covers_filter(allowed: str, topic: str) -> bool:
    """Say whether an MQTT filter matches a topic, or another filter whole."""
    if topic.endswith("#") and not allowed.endswith("#"):
        return False
    return topic_matches_sub(allowed, topic)


def _pattern(allowed: str) -> re.Pattern[str]:
    """Give what a resource means: `*` is any run of characters, `${*}` an asterisk."""

    def piece(found: re.Match[str]) -> str:
        escaped, wild, plain = found.groups()
        return ".*" if wild else re.escape(escaped or plain)

    return re.compile(_ESCAPES.sub(piece, allowed), re.DOTALL)
