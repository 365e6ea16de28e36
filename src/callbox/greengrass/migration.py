"""What becomes of a V1 group: the values that are carried over, and a line for each thing.

The meaning of V1's parameters and topics is that of the connector's page; the rest is from the
AWS IoT Greengrass V1 and V2 developer guides.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from paho.mqtt.client import topic_matches_sub

from callbox.domain.phone import is_e164, mask
from callbox.errors import CallboxError
from callbox.greengrass.parameters import (
    ACCOUNT_SID,
    DEFAULT_FROM,
    ISOLATION_MODE,
    NEWEST,
    PARAMETERS,
    RESOURCE_ID,
    SECRET_ARN,
    Parameter,
    fault,
    is_set,
)
from callbox.greengrass.report import Line, Verdict
from callbox.greengrass.template import Unknown
from callbox.greengrass.v1 import CLOUD, TWILIO, Connector, Found, Resource, Subscription, shown

TOKEN_FILE = "twilio-auth-token"  # noqa: S105 - a file's name

CARRIED, CHANGED, BY_HAND, LEFT = Verdict
_SID = re.compile(r"AC[0-9a-fA-F]{32}")
_TOKEN = re.compile(r"[0-9a-fA-F]{32}")
_PYTHON_3 = 4  # the first version of the connector that ran on it
_PLACEHOLDER = ":account-id:"  # in the ARN that the connector's page prints
_IN = {"txt": "twilio/txt", "call": "twilio/call"}
_OUT = {"status": "twilio/message/status"}
_SUCCESSORS = {  # AWS IoT Greengrass V2 Developer Guide, "Use V1 connectors"
    "CloudWatchMetrics": "aws.greengrass.Cloudwatch",
    "DeviceDefender": "aws.greengrass.DeviceDefender",
    "KinesisFirehose": "aws.greengrass.KinesisFirehose",
    "ModbusRTUProtocolAdapter": "aws.greengrass.ModbusRTUProtocolAdapter",
    "SNS": "aws.greengrass.SNS",
}
_CONFINED = {  # what is like a mode of V1, for callbox.yaml and for the component
    ("GreengrassContainer", False): "The hardened systemd unit in greengrass/ confines it.",
    ("GreengrassContainer", True): "The component's launcher confines it where it can; "
    "systemResourceLimits of the deployment limit its memory and processors.",
    ("NoContainer", False): "So does a plain process, which Callbox is; greengrass/ has a hardened "
    "systemd unit.",
    ("NoContainer", True): "The component's launcher leaves it a plain process.",
}
_ENDS = {
    ":lambda:": "function",
    ":function:": "function",
    ":thing/": "client device",
    "/connectors/": "connector",
    "${": "resource of the template",
}


@dataclass(frozen=True, slots=True)
class Migration:
    """What is written: values that are usable, None for others, and the report's lines.

    `ways` are keys of the section greengrass with `pubsub`, `iotcore` or `both`; `labels` are the
    secret's further staging labels.
    """

    account_sid: str | None = None
    secret_arn: str | None = None
    default_from_number: str | None = None
    isolation_mode: str | None = None
    ways: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()


def chosen(found: Found, wanted: str | None) -> Connector:
    """Give the TwilioNotifications connector, the one with the id `wanted` if that is given.

    The same parameters twice are one connector. Raises CallboxError if there is none, or if it
    is not clear which one is meant.
    """
    ours = [each for each in found.connectors if each.name == TWILIO]
    if not ours:
        raise CallboxError(_none(found))
    named = [each for each in ours if wanted in {None, each.id}]
    if not named:
        raise CallboxError(f"No {TWILIO} connector has that id; expected {_ids(ours)}.")
    first = named[0]
    if any(each.parameters != first.parameters for each in named):
        where = "; ".join(f"{shown(each.id) or 'one without id'} ({each.place})" for each in named)
        remedy = "give one of the files" if wanted else "choose one with --connector ID"
        raise CallboxError(
            f"There are {len(named)} {TWILIO} connectors with different parameters, and a group "
            f"has one: {where}; {remedy}."
        )
    return max(named, key=lambda each: each.version)


def _ids(connectors: Iterable[Connector]) -> str:
    return " or ".join(dict.fromkeys(shown(each.id) for each in connectors)) or "one"


def _none(found: Found) -> str:
    others = ", ".join(dict.fromkeys(shown(each.name) for each in found.connectors))
    has = f"; there are only {others}" if others else ""
    if found.named:
        return (
            f"No {TWILIO} connector is in there{has}: {shown(found.named[0])} is only named; "
            "expected the definition itself, as `aws greengrass get-connector-definition-version` "
            "gave it, or a CloudFormation template."
        )
    return (
        f"No {TWILIO} connector is in there{has}; expected a connector definition or a "
        "CloudFormation template with one. Without either: callbox migrate --ask."
    )


def migrate(found: Found, connector: Connector, *, component: bool) -> Migration:
    """Decide what becomes of everything, for callbox.yaml or for the Greengrass component."""
    return _Move(found, connector, component).made()


class _Move:
    """One migration in the making: collects the lines."""

    def __init__(self, found: Found, connector: Connector, component: bool) -> None:
        self._found = found
        self._connector_version = connector.version
        self._version = connector.version or NEWEST
        self._parameters = connector.parameters
        self._component = component
        self._lines: list[Line] = []

    def made(self) -> Migration:
        if not self._connector_version:
            sentence = f"only CloudFormation knows it; taken for {NEWEST}."
            self._tell(LEFT, "Version of the connector", sentence)
        sid = self._account_sid()
        secret = self._secret()
        arn = self._secret_arn(secret)
        number = self._number()
        mode = self._isolation_mode()
        ways = self._ways()
        self._lines.extend(_changes(self._version, component=self._component))
        self._lines.extend(_work(arn, component=self._component))
        self._lines.extend(_defaults(self._found))
        self._lines.extend(self._unknown_parameters())
        self._lines.extend(_left(self._found, secret))
        labels = secret.labels if secret and arn == secret.arn else ()
        return Migration(sid, arn, number, mode, ways, labels, tuple(self._lines))

    def _tell(self, verdict: Verdict, subject: str, sentence: str) -> None:
        self._lines.append(Line(verdict, subject, sentence))

    # parameters

    def _home(self, parameter: Parameter) -> str:
        """Give the key that a parameter has become in what is written."""
        return parameter.name if self._component else parameter.key or parameter.name

    def _becomes(self, parameter: Parameter) -> bool:
        return self._component or parameter in {ACCOUNT_SID, DEFAULT_FROM}

    def _usable(self, parameter: Parameter) -> str | None:
        """Give a parameter's value if V1 took it; what is wrong with another is told."""
        value = self._parameters.get(parameter.name)
        if isinstance(value, Unknown):
            wrong = f"only CloudFormation knows {_lacking(value)} in it"
        else:
            wrong = fault(parameter, value, self._version)
        if wrong:
            then = f"; then set {self._home(parameter)}" if self._becomes(parameter) else ""
            self._tell(BY_HAND, parameter.name, f"{wrong}{then}.")
        return value if isinstance(value, str) and is_set(value) and not wrong else None

    def _carry(self, parameter: Parameter, value: str) -> None:
        how = "kept" if self._component else f"it is {parameter.key} now"
        self._tell(CARRIED, parameter.name, f"{how}{f', {value}' if value else ''}.")

    def _account_sid(self) -> str | None:
        value = self._usable(ACCOUNT_SID)
        if value is None:
            return None
        if _TOKEN.fullmatch(value) or not value.isprintable():
            what = "it looks like an auth token" if value.isprintable() else "it is not printable"
            self._tell(BY_HAND, ACCOUNT_SID.name, f"{what}; expected {ACCOUNT_SID.expected}.")
            return None
        is_real = bool(_SID.fullmatch(value))
        self._carry(ACCOUNT_SID, value if is_real else "")
        if not is_real:
            self._tell(
                BY_HAND,
                ACCOUNT_SID.name,
                "it is not AC and 32 hexadecimal digits as Twilio's are; set "
                f"{self._home(ACCOUNT_SID)} to {ACCOUNT_SID.expected}.",
            )
        return value

    def _number(self) -> str | None:
        value = self._usable(DEFAULT_FROM)
        home = self._home(DEFAULT_FROM)
        if not is_set(self._parameters.get(DEFAULT_FROM.name)):
            sentence = f"it was not set: requests bring a from_number as before, or set {home}."
            self._tell(LEFT, DEFAULT_FROM.name, sentence)
        elif value is not None and not is_e164(value):
            sentence = "Twilio has no such number; expected one like +12345000000"
            self._tell(BY_HAND, DEFAULT_FROM.name, f"{sentence}; then set {home}.")
            return None
        elif value is not None:
            self._carry(DEFAULT_FROM, mask(value))
        return value

    def _isolation_mode(self) -> str | None:
        value = self._usable(ISOLATION_MODE)
        mode = value or "GreengrassContainer"
        was = mode if value else f"{mode}, as nothing else was set,"
        sentence = f"{was} selects nothing by itself any more: no container is around Callbox. "
        self._tell(CHANGED, ISOLATION_MODE.name, sentence + _CONFINED[mode, self._component])
        return value

    # the secret

    def _secret(self) -> Resource | None:
        """Give the secret resource that the connector named."""
        wanted = self._parameters.get(RESOURCE_ID.name)
        if is_set(wanted):
            sentence = "groups have no resources any more: the secret is named by its ARN alone."
            self._tell(LEFT, RESOURCE_ID.name, sentence)
        secrets = (each for each in self._found.resources if each.kind == "a secret")
        return next((each for each in secrets if each.id == str(wanted)), None)

    def _secret_arn(self, secret: Resource | None) -> str | None:
        given = self._parameters.get(SECRET_ARN.name)
        in_group = secret.arn if secret else None
        if in_group and not fault(SECRET_ARN, in_group) and fault(SECRET_ARN, given):
            self._tell(CARRIED, SECRET_ARN.name, f"the secret resource has it: {in_group}.")
            return str(in_group)
        if isinstance(given, str) and _PLACEHOLDER in given:
            sentence = "it is the placeholder of the connector's page; expected"
            self._tell(BY_HAND, SECRET_ARN.name, f"{sentence} {SECRET_ARN.expected}.")
            return None
        value = self._usable(SECRET_ARN)
        if value is not None:
            as_what = "kept" if self._component else "where the token is fetched from"
            self._tell(CARRIED, SECRET_ARN.name, f"{as_what}: {value}.")
        if value is not None and isinstance(in_group, str) and in_group != value:
            sentence = "the secret resource of the group has another ARN; see which one is right."
            self._tell(BY_HAND, SECRET_ARN.name, sentence)
        return value

    def _unknown_parameters(self) -> Iterator[Line]:
        names = {each.name.lower(): each.name for each in PARAMETERS}
        for name in self._parameters:
            if name not in names.values():
                near = names.get(name.lower())
                meant = f"; it is written {near}" if near else ""
                sentence = f"the connector has no such parameter{meant}."
                yield Line(BY_HAND if near else LEFT, shown(name), sentence)

    # subscriptions

    def _ways(self) -> dict[str, str]:
        ways: dict[str, set[str]] = {}
        for each in self._found.subscriptions:
            ours = [*_topics(each, inward=True), *_topics(each, inward=False)]
            for key, other in ours:
                ways.setdefault(key, set()).add("iotcore" if other == CLOUD else "pubsub")
                self._lines.append(_subscription(each, key, other, component=self._component))
            if not ours:
                self._lines.append(_other_subscription(each))
        if self._component and not self._found.subscriptions:
            self._tell(
                LEFT,
                "Subscriptions",
                "no definition of them was given: topics travel as shipped, see the section "
                "greengrass in callbox.example.yaml.",
            )
        return {key: found.pop() if len(found) == 1 else "both" for key, found in ways.items()}


def _lacking(value: Unknown) -> str:
    return ", ".join(dict.fromkeys(re.findall(r"\$\{[^}]*\}", shown(value)))) or "what is"


def _is_ours(end: str) -> bool:
    return f"/connectors/{TWILIO}/" in end


def _topics(subscription: Subscription, *, inward: bool) -> Iterator[tuple[str, str]]:
    """Give the keys of the topics that a subscription led to or from us, with the other end."""
    ours, other = subscription.target, subscription.source
    if not inward:
        ours, other = other, ours
    if _is_ours(ours):
        for key, topic in (_IN if inward else _OUT).items():
            if _covers(subscription.subject, topic):
                yield key, other


def _covers(subject: str, topic: str) -> bool:
    try:
        return topic_matches_sub(subject, topic)
    except ValueError:  # it is no topic filter
        return False


def _end(end: str) -> str:
    if end == CLOUD:
        return "AWS IoT Core"
    if _is_ours(end):
        return "the connector"
    kind = next((kind for part, kind in _ENDS.items() if part in end), "")
    return f"{kind} {shown(end)}".lstrip()


def _named(subscription: Subscription) -> str:
    return f"Subscription {shown(subscription.subject)}"


def _subscription(each: Subscription, key: str, other: str, *, component: bool) -> Line:
    way = "iotcore" if other == CLOUD else "pubsub"
    path = f"{_end(each.source)} to {_end(each.target)}"
    if component:
        sentence = f"{path}: greengrass.{key} has {way} for it{_beside(other)}."
        return Line(BY_HAND if _beside(other) else CARRIED, _named(each), sentence)
    topic = {**_IN, **_OUT}[key]
    through = (
        "bridge it from AWS IoT Core to the broker of mqtt.url, or have mqtt.url lead to AWS IoT "
        "Core itself"
        if other == CLOUD
        else f"it speaks to the broker of mqtt.url now, on {topic}"
    )
    return Line(CHANGED, _named(each), f"{path}: {through}.")


def _beside(other: str) -> str:
    """Give what has to be done at the other end of a local subscription."""
    kind = next((kind for part, kind in _ENDS.items() if part in other), "")
    return {
        "client device": "; its messages reach the component by "
        "aws.greengrass.clientdevices.mqtt.Bridge, which is to be deployed too",
        "function": "; the function becomes a component of its own, and speaks local pubsub",
        "connector": "; the other connector needs a successor on local pubsub",
        "resource of the template": "; it is to speak local pubsub: a function as a component of "
        "its own, a client device by aws.greengrass.clientdevices.mqtt.Bridge",
    }.get(kind, "")


def _other_subscription(each: Subscription) -> Line:
    path = f"{_end(each.source)} to {_end(each.target)}"
    if _is_ours(each.target):
        topics = " and ".join(_IN.values())
        return Line(LEFT, _named(each), f"{path}: the connector read only {topics}.")
    if _is_ours(each.source):
        return Line(LEFT, _named(each), f"{path}: the connector published only {_OUT['status']}.")
    return Line(LEFT, _named(each), f"{path}: it has nothing to do with the connector.")


def _changes(version: int, *, component: bool) -> Iterator[Line]:
    restored = '"delivery": {"default_retries": "0"}' if component else "default_retries: 0"
    yield Line(
        CHANGED,
        "retries",
        "a request without it was sent once by V1, whose default is 0; Callbox sends it again "
        "after temporary failures until it expires (delivery.expires_after, 48 h). V1's is "
        f"restored by {restored}{' in merge' if component else ' below delivery:'}.",
    )
    yield Line(
        CHANGED,
        "Limits",
        "V1 had none; Callbox sends 60 requests an hour to one recipient and 1000 a day. "
        "limits.per_recipient_hour and limits.per_day set others; 0 is none.",
    )
    yield Line(
        CHANGED,
        "Topics",
        "twilio/txt, twilio/call and twilio/message/status and their JSON are V1's; further topics "
        "below twilio/ are published too (docs/topics.md).",
    )
    python = "3.7" if version >= _PYTHON_3 else "2.7"
    yield Line(
        LEFT,
        "Lambda runtime",
        f"version {version} of the connector needed Python {python}, a Lambda's memory size and a "
        "group's role; Callbox is a process with Python 3.11 or newer and needs none of them.",
    )


def _work(arn: str | None, *, component: bool) -> Iterator[Line]:
    """Tell how the auth token gets to where it is read."""
    if component:
        yield from _work_of_component(arn)
        return
    if arn:
        yield Line(
            BY_HAND,
            "Auth token",
            f"put it into the file {TOKEN_FILE} beside callbox.yaml with the command below, or "
            "delete the line auth_token_file and set TWILIO_AUTH_TOKEN.",
            fetch_command(arn),
        )
    else:
        yield Line(
            BY_HAND,
            "Auth token",
            f"put it alone into the file {TOKEN_FILE} beside callbox.yaml, which nobody else may "
            "read, or delete the line auth_token_file and set TWILIO_AUTH_TOKEN. Secrets Manager "
            "still has it, and so has console.twilio.com.",
        )
    yield Line(
        BY_HAND,
        "Broker",
        "V1's core carried the messages itself; set mqtt.url to the broker that your devices "
        "publish to.",
    )


def _work_of_component(arn: str | None) -> Iterator[Line]:
    if arn:
        yield Line(
            BY_HAND,
            "Auth token",
            "the secret stays where it is; the core device's token exchange role needs "
            "secretsmanager:GetSecretValue on it, and its value is to be the token alone (the "
            "Plaintext tab). Nucleus lite has no secrets: there set twilio.auth_token_file.",
        )
    else:
        yield Line(
            BY_HAND,
            "Auth token",
            f"set {SECRET_ARN.name} in merge, add aws.greengrass.SecretManager with the secret in "
            "cloudSecrets and accessControl for it; or set twilio.auth_token_file.",
        )
    yield Line(
        BY_HAND,
        "Deployment",
        "set targetArn to your core device or group. A deployment replaces the earlier one of its "
        "target: add the other components that it has.",
    )


def _defaults(found: Found) -> Iterator[Line]:
    for place, name in found.defaults:
        yield Line(
            BY_HAND,
            f"Parameter {shown(name)}",
            f"its default in the template ({place}) was taken; see whether the stack was created "
            "with another value.",
            "aws cloudformation describe-stacks --query 'Stacks[].Parameters'",
        )


def _left(found: Found, secret: Resource | None) -> Iterator[Line]:
    for connector in found.connectors:
        if connector.name != TWILIO:
            version = f", version {connector.version}" if connector.version else ""
            successor = _SUCCESSORS.get(connector.name)
            instead = f"AWS has {successor} instead" if successor else "Callbox does not replace it"
            subject = f"Connector {shown(connector.name)}"
            yield Line(LEFT, subject, f"{shown(connector.id) or 'no id'}{version}: {instead}.")
    for function in dict.fromkeys(found.functions):
        yield Line(
            LEFT,
            f"Function {shown(function)}",
            "it can be imported as a Lambda component, or publish by Greengrass IPC or MQTT.",
        )
    for resource in found.resources:
        if resource != secret:
            subject = f"Resource {shown(resource.id)}"
            yield Line(LEFT, subject, f"{resource.kind} that the connector did not use.")


def fetch_command(arn: str) -> str:
    """Give the command that fetches the token into the file that callbox.yaml names."""
    return (
        f"(umask 077; aws secretsmanager get-secret-value --secret-id '{arn}' "
        f"--query SecretString --output text > {TOKEN_FILE})"
    )
