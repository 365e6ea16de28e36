"""What V1 had, as its files tell: connectors, subscriptions, secrets, functions.

Shapes are those of the AWS IoT Greengrass V1 API: whatever an object holds, its lists
`Connectors`, `Subscriptions`, `Resources` and `Functions` are found, so that what commands took,
what they gave, bundles of both and CloudFormation templates are all read alike.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callbox.domain.phone import mask_numbers
from callbox.errors import CallboxError
from callbox.greengrass.documents import documents_in, documents_of
from callbox.greengrass.parameters import NEWEST, TOKEN
from callbox.greengrass.template import Template, Unknown

TWILIO = "TwilioNotifications"
CLOUD = "cloud"
_CONNECTOR = re.compile(r"/connectors/([^/]+)/versions/(.+)")
_LONGEST_SHOWN = 200
_ONLY_NAMES = ("ConnectorDefinitionVersionArn", "LatestVersionArn")
_KINDS = {
    "SecretsManagerSecretResourceData": "a secret",
    "LocalDeviceResourceData": "a local device",
    "LocalVolumeResourceData": "a local volume",
    "S3MachineLearningModelResourceData": "a machine learning model",
    "SageMakerMachineLearningModelResourceData": "a machine learning model",
}


@dataclass(frozen=True, slots=True)
class Connector:
    """A connector of any kind; `version` is 0 where it is not a number."""

    place: str
    id: str
    name: str
    version: int
    parameters: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who sent to whom on which topic filter; an end is `cloud`, or an ARN or name."""

    source: str
    subject: str
    target: str


@dataclass(frozen=True, slots=True)
class Resource:
    """A local resource of the group; only a secret has `arn` and `labels` (staging labels)."""

    id: str
    kind: str
    arn: object = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that was found; `named` are definitions that a file only names.

    `defaults` are parameters of templates, each with its place, whose defaults were taken.
    """

    connectors: list[Connector] = field(default_factory=list)
    subscriptions: list[Subscription] = field(default_factory=list)
    resources: list[Resource] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    named: list[str] = field(default_factory=list)
    defaults: list[tuple[str, str]] = field(default_factory=list)


def shown(text: object) -> str:
    """Give a name out of a file as it may be told: printable, short, no token and no number."""
    printable = "".join(each if each.isprintable() else "?" for each in str(text))
    hidden = TOKEN.sub("***", printable)
    short = f"{hidden[:_LONGEST_SHOWN]}..." if len(hidden) > _LONGEST_SHOWN else hidden
    return short if short.startswith("arn:") else mask_numbers(short)


def find(paths: Iterable[Path]) -> Found:
    """Read files. Raises CallboxError for the first that cannot be read as what V1 had."""
    found = Found()
    for path in paths:
        for place, value in documents_of(path):
            _walk_all(value, place, found)
    return found


def _walk_all(value: object, file: str, found: Found) -> None:
    try:
        _walk(value, file, "", found)
    except RecursionError:
        raise CallboxError(f"{file}: it is nested too deeply for a definition.") from None


def _walk(value: object, file: str, path: str, found: Found) -> None:
    if isinstance(value, list):
        for number, each in enumerate(value, 1):
            _walk(each, file, _entry(path, number), found)
    elif isinstance(value, dict):
        if isinstance(value.get("Resources"), dict):
            _walk_template(value, file, path, found)
        for key, each in value.items():
            _walk_key(key, each, file, f"{path}.{shown(key)}".lstrip("."), found)


def _walk_key(key: str, value: object, file: str, path: str, found: Found) -> None:
    if key in _LISTS and not (key == "Resources" and isinstance(value, dict)):
        for number, each in enumerate(_typed(value, list, "a list", file, path), 1):
            where = _entry(path, number)
            entry = _typed(each, dict, "an object", file, where)
            _LISTS[key](_Entry(entry, file, where), found)
    elif key == "TemplateBody" and isinstance(value, str):  # aws cloudformation get-template
        for place, document in documents_in(value, f"{file}, {path}"):
            _walk(document, place, "", found)
    elif key in _ONLY_NAMES and isinstance(value, str):
        found.named.append(value)
    elif key != "Resources":
        _walk(value, file, path, found)


def _walk_template(document: dict[str, Any], file: str, path: str, found: Found) -> None:
    template = Template(document)
    for name, properties in template.definitions():
        _walk(properties, file, f"{path}.Resources.{shown(name)}".lstrip("."), found)
    found.defaults.extend((file, name) for name in sorted(template.defaults))


def _entry(path: str, number: int) -> str:
    return f"{path}, entry {number}".lstrip(", ")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One object of a list, and where it stands."""

    value: dict[str, Any]
    file: str
    path: str

    @property
    def place(self) -> str:
        return f"{self.file}, {self.path}"

    def text(self, key: str, default: str | None = None) -> str:
        """Give a text; without a default it has to be there."""
        value = self.value.get(key, default)
        if isinstance(value, str | Unknown):
            return str(value)
        wrong = "it is not text" if key in self.value else "it is missing"
        near = next((each for each in self.value if each.lower() == key.lower()), key)
        hint = "" if near == key else f"; AWS writes {key} for what stands there as {near}"
        raise CallboxError(f"{self.place}, {key}: {wrong}; expected text{hint}.")

    def object(self, key: str) -> dict[str, Any]:
        value = self.value.get(key)
        empty: dict[str, Any] = {}
        where = f"{self.path}, {key}"
        return empty if value is None else _typed(value, dict, "an object", self.file, where)


def _typed(value: object, kind: type, words: str, file: str, path: str) -> Any:  # noqa: ANN401 - of that type
    if isinstance(value, kind):
        return value
    filled = "CloudFormation fills it in" if isinstance(value, Unknown) else f"it is not {words}"
    raise CallboxError(f"{file}, {path}: {filled}; expected {words} of the V1 API.")


def _connector(entry: _Entry, found: Found) -> None:
    arn = entry.text("ConnectorArn")
    match = _CONNECTOR.search(arn)
    if not match:
        raise CallboxError(
            f"{entry.place}, ConnectorArn: it is not the ARN of a connector; expected one like "
            f"arn:aws:greengrass:us-west-2::/connectors/{TWILIO}/versions/{NEWEST}."
        )
    version = int(match[2]) if re.fullmatch("[0-9]{1,3}", match[2]) else 0
    if match[1] == TWILIO and version not in range(NEWEST + 1):
        raise CallboxError(
            f"{entry.place}, ConnectorArn: there is no version {version} of {TWILIO}; "
            f"expected 1 to {NEWEST}."
        )
    parameters = entry.object("Parameters")
    found.connectors.append(
        Connector(entry.place, entry.text("Id", ""), match[1], version, parameters)
    )


def _subscription(entry: _Entry, found: Found) -> None:
    found.subscriptions.append(
        Subscription(entry.text("Source"), entry.text("Subject"), entry.text("Target"))
    )


def _resource(entry: _Entry, found: Found) -> None:
    container = entry.object("ResourceDataContainer")
    kind = next((words for key, words in _KINDS.items() if key in container), "a resource")
    secret = container.get("SecretsManagerSecretResourceData")
    data = secret if isinstance(secret, dict) else {}
    labels = data.get("AdditionalStagingLabelsToDownload")
    texts = (each for each in labels if isinstance(each, str)) if isinstance(labels, list) else ()
    found.resources.append(Resource(entry.text("Id"), kind, data.get("ARN"), tuple(texts)))


def _function(entry: _Entry, found: Found) -> None:
    found.functions.append(entry.text("FunctionArn", entry.text("Id", "without a name")))


_LISTS: dict[str, Callable[[_Entry, Found], None]] = {
    "Connectors": _connector,
    "Subscriptions": _subscription,
    "Resources": _resource,
    "Functions": _function,
}
