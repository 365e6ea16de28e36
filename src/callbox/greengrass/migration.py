"""What becomes of a V1 group: the values that are carried over, and a line for each thing.

The meaning of V1's parameters and topics is that of the connector's page; the rest is from the
AWS IoT Greengrass V1 and V2 developer guides.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

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
    unset,
)
from callbox.greengrass.report import Line, Verdict
from callbox.greengrass.subscriptions import subscription_lines, ways_of
from callbox.greengrass.template import Unknown
from callbox.greengrass.v1 import TWILIO, Connector, Found, Resource, shown
from callbox.greengrass.work import component_lines, file_lines

CARRIED, CHANGED, BY_HAND, LEFT = Verdict
_SID = re.compile(r"AC[0-9a-fA-F]{32}")
_PLACEHOLDER = ":account-id:"  # in the ARN that the connector's page prints
_SUCCESSORS = {  # AWS IoT Greengrass V2 Developer Guide, "Use V1 connectors"
    "CloudWatchMetrics": "aws.greengrass.Cloudwatch",
    "DeviceDefender": "aws.greengrass.DeviceDefender",
    "KinesisFirehose": "aws.greengrass.KinesisFirehose",
    "ModbusRTUProtocolAdapter": "aws.greengrass.ModbusRTUProtocolAdapter",
    "SNS": "aws.greengrass.SNS",
}
_CONFINED = {  # what is like a mode of V1, for callbox.yaml and for the component
    ("GreengrassContainer", False): "The drop-in greengrass/confined.conf for "
    "examples/callbox.service confines it.",
    ("GreengrassContainer", True): "The component's launcher confines it where it can; "
    "systemResourceLimits of the deployment limit its memory and processors where the nucleus can.",
    ("NoContainer", False): "Callbox is a plain process, as then.",
    ("NoContainer", True): "The component's launcher leaves it a plain process.",
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


def migrate(found: Found, connector: Connector, target: Path, *, component: bool) -> Migration:
    """Decide what becomes of everything; `target` is what will be written.

    That is callbox.yaml, or a deployment of the Greengrass component.
    """
    return _Move(found, connector, component).made(target)


class _Move:
    """One migration in the making: collects the lines."""

    def __init__(self, found: Found, connector: Connector, component: bool) -> None:
        self._found = found
        self._version = connector.version or NEWEST
        self._parameters = connector.parameters
        self._component = component
        self._lines: list[Line] = []

    def made(self, target: Path) -> Migration:
        sid = self._account_sid()
        secret = self._secret()
        arn = self._secret_arn(secret)
        number = self._number()
        mode = self._isolation_mode()
        ways = self._ways()
        self._lines.extend(component_lines(arn) if self._component else file_lines(arn, target))
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
        wrong = self._wrong(parameter, value)
        if wrong:
            then = f"; then set {self._home(parameter)}" if self._becomes(parameter) else ""
            self._tell(BY_HAND, parameter.name, f"{wrong}{then}.")
        return value if isinstance(value, str) and is_set(value) and not wrong else None

    def _wrong(self, parameter: Parameter, value: object) -> str:
        if isinstance(value, Unknown):
            return f"only CloudFormation knows {_lacking(value)} in it"
        if not is_set(value):
            return unset(parameter) if parameter.required and self._becomes(parameter) else ""
        if self._version < parameter.since:
            return f"version {self._version} of the connector did not have it; expected it not set"
        return fault(parameter, value)

    def _carry(self, parameter: Parameter, value: str) -> None:
        how = "kept" if self._component else f"it is {parameter.key} now"
        self._tell(CARRIED, parameter.name, f"{how}{f', {value}' if value else ''}.")

    def _account_sid(self) -> str | None:
        value = self._usable(ACCOUNT_SID)
        if value is None:
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

    def _ways(self) -> dict[str, str]:
        subscriptions = self._found.subscriptions
        self._lines.extend(subscription_lines(subscriptions, component=self._component))
        if self._component and not subscriptions:
            self._tell(
                LEFT,
                "Subscriptions",
                "no definition of them was given: topics travel as shipped, see the section "
                "greengrass in callbox.example.yaml.",
            )
        return ways_of(subscriptions)


def _lacking(value: Unknown) -> str:
    return ", ".join(dict.fromkeys(re.findall(r"\$\{[^}]*\}", shown(value)))) or "what is"


def _defaults(found: Found) -> Iterator[Line]:
    if found.defaults:
        names = ", ".join(dict.fromkeys(shown(name) for _, name in found.defaults))
        places = ", ".join(dict.fromkeys(place for place, _ in found.defaults))
        yield Line(
            BY_HAND,
            f"Parameters {names}",
            f"the defaults in the template ({places}) were taken; see whether the stack was "
            "created with other values.",
            "aws cloudformation describe-stacks --stack-name NAME --query 'Stacks[].Parameters'",
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
