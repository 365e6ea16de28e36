"""V1's subscriptions: by which ways topics travel now, and what the other ends have to do.

Source: AWS IoT Greengrass V1 Developer Guide, "Managed subscriptions"; AWS IoT Greengrass V2
Developer Guide, "MQTT bridge".
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from paho.mqtt.client import topic_matches_sub

from callbox.greengrass.report import Line, Verdict
from callbox.greengrass.v1 import CLOUD, TWILIO, Subscription, shown

_TOPICS = (  # key of the section greengrass, topic, whether the connector read it
    ("txt", "twilio/txt", True),
    ("call", "twilio/call", True),
    ("status", "twilio/message/status", False),
)
_CORE, _OURS = "AWS IoT Core", "the connector"
_KINDS = {  # by a part of the ARN or name
    f"/connectors/{TWILIO}/": _OURS,
    ":lambda:": "function",
    ":function:": "function",
    ":thing/": "client device",
    "/connectors/": "connector",
    "${": "resource of the template",
}
_BRIDGE = "aws.greengrass.clientdevices.mqtt.Bridge"
_DEVICE = f"{{heard}} by {_BRIDGE} (way A; greengrass/deployments/client-devices.json)"
_FUNCTION = "becomes a component of its own that {does} on local pubsub"
_BESIDE = {  # what the other end has to do
    "client device": _DEVICE,
    "function": f"the function {_FUNCTION}",
    "connector": "the other connector needs a successor that {does} on local pubsub",
    "resource of the template": f"a function {_FUNCTION}; as to a client device, {_DEVICE}",
}
_ASKS = {"does": "publishes", "heard": "its requests come"}
_HEARS = {"does": "subscribes", "heard": "it hears them"}


def ways_of(subscriptions: Iterable[Subscription]) -> dict[str, str]:
    """Give what the section greengrass says of each topic: `pubsub`, `iotcore` or `both`."""
    ways: dict[str, set[str]] = {}
    for passage in (each for entry in subscriptions for each in _passages(entry)):
        ways.setdefault(passage.key, set()).add(passage.way)
    return {key: found.pop() if len(found) == 1 else "both" for key, found in ways.items()}


def subscription_lines(subscriptions: Iterable[Subscription], *, component: bool) -> Iterator[Line]:
    """Tell what has become of each, for callbox.yaml or for the component."""
    for each in subscriptions:
        passages = list(_passages(each))
        subject = f"Subscription {shown(each.subject)}"
        path = f"{_end(each.source)} to {_end(each.target)}"
        for passage in passages:
            verdict, sentence = passage.in_component() if component else passage.at_broker()
            yield Line(verdict, subject, f"{path}: {sentence}.")
        if not passages:
            yield Line(Verdict.LEFT, subject, f"{path}: {_unread(each)}.")


@dataclass(frozen=True, slots=True)
class _Passage:
    """One of our topics on its way: to us (`inward`) or from us, and the kind of the other end."""

    key: str
    topic: str
    other: str
    inward: bool

    @property
    def way(self) -> str:
        return "iotcore" if self.other == _CORE else "pubsub"

    def in_component(self) -> tuple[Verdict, str]:
        sentence = f"greengrass.{self.key} has {self.way} for it"
        if self.other not in _BESIDE:
            return Verdict.CARRIED, sentence
        beside = _BESIDE[self.other].format_map(_ASKS if self.inward else _HEARS)
        return Verdict.BY_HAND, f"{sentence}; {beside}"

    def at_broker(self) -> tuple[Verdict, str]:
        if self.other != _CORE:
            return Verdict.CHANGED, f"it speaks to the broker of mqtt.url now, on {self.topic}"
        where, way = ("from", "in") if self.inward else ("to", "out")
        return Verdict.CHANGED, (
            f"have the broker bridge it {where} AWS IoT Core (topic {self.topic} {way} 1), or have "
            "mqtt.url lead to AWS IoT Core itself"
        )


def _passages(subscription: Subscription) -> Iterator[_Passage]:
    source, target = _kind(subscription.source), _kind(subscription.target)
    for key, topic, inward in _TOPICS:
        ours, other = (target, source) if inward else (source, target)
        if ours == _OURS and _covers(subscription.subject, topic):
            yield _Passage(key, topic, other, inward)


def _covers(subject: str, topic: str) -> bool:
    try:
        return topic_matches_sub(subject, topic)
    except ValueError:  # it is no topic filter
        return False


def _kind(end: str) -> str:
    """Give what an end is; empty if its ARN or name does not tell."""
    if end == CLOUD:
        return _CORE
    return next((kind for part, kind in _KINDS.items() if part in end), "")


def _end(end: str) -> str:
    kind = _kind(end)
    return kind if kind in {_CORE, _OURS} else f"{kind} {shown(end)}".lstrip()


def _unread(subscription: Subscription) -> str:
    if _kind(subscription.target) == _OURS:
        return "the connector read only twilio/txt and twilio/call"
    if _kind(subscription.source) == _OURS:
        return "the connector published only twilio/message/status"
    return "it has nothing to do with the connector"
