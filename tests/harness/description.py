"""Twilio's own description of its API, and whether an answer is as it says.

It is the file in `shared/` beside the repository, else that of the npm package @twilio/cli-core,
fetched once into `build/`.
"""

import copy
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import FormatChecker
from openapi_schema_validator import OAS30Validator

Spec = dict[str, Any]

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "twilio" / "twilio_api_v2010.reduced.json"
CACHED = ROOT / "build" / "description" / "twilio_api_v2010.reduced.json"
PACKAGE = "@twilio/cli-core@8.3.2"
INSIDE = "package/src/services/twilio-api/twilio_api_v2010.json"
BASE = "/2010-04-01/Accounts"
SERVED = (
    f"{BASE}.json",
    f"{BASE}/{{Sid}}.json",
    *(
        f"{BASE}/{{AccountSid}}/{path}.json"
        for path in (
            "Balance",
            "Calls",
            "Calls/{Sid}",
            "IncomingPhoneNumbers",
            "IncomingPhoneNumbers/{Sid}",
            "IncomingPhoneNumbers/Local",
            "IncomingPhoneNumbers/Mobile",
            "IncomingPhoneNumbers/TollFree",
            "Messages",
            "Messages/{Sid}",
            "Messages/{MessageSid}/Feedback",
            "Messages/{MessageSid}/Media",
            "Messages/{MessageSid}/Media/{Sid}",
        )
    ),
)
"""The paths that are served here; the description has hundreds more."""
NEWER = {
    "api.v2010.account.incoming_phone_number": {"type": {"type": "string", "nullable": True}},
}
"""Fields that Twilio has added since the npm package was made, by schema."""
METHODS = ("get", "post", "delete")
FORM = "application/x-www-form-urlencoded"


def _is_rfc2822(value: object) -> bool:
    return value is None or parsedate_to_datetime(str(value)) is not None


FORMATS = FormatChecker(formats=())
FORMATS.checkers["date-time-rfc-2822"] = (_is_rfc2822, (ValueError, TypeError))


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked, as the description has it."""

    path: str
    method: str
    content: Spec

    def __str__(self) -> str:
        return str(self.content["operationId"])

    @property
    def _body(self) -> Spec:
        found: Spec = self.content.get("requestBody", {}).get("content", {}).get(FORM, {})
        return found

    @property
    def form(self) -> Spec:
        """The parameters in the body: schema by name."""
        found: Spec = self._body.get("schema", {}).get("properties", {})
        return found

    @property
    def query(self) -> Spec:
        """The parameters in the query: schema by name."""
        asked = self.content.get("parameters", ())
        return {each["name"]: each["schema"] for each in asked if each["in"] == "query"}

    @property
    def required(self) -> tuple[str, ...]:
        """The parameters in the body that must be there."""
        return tuple(self._body.get("schema", {}).get("required", ()))

    @property
    def request_examples(self) -> dict[str, Spec]:
        """The forms that Twilio shows, by the name of the example."""
        return {name: each["value"] for name, each in self._body.get("examples", {}).items()}

    @property
    def response_examples(self) -> dict[str, Spec]:
        """The documents that Twilio shows, by the name of the example."""
        return {
            name: each["value"]
            for response in self.content["responses"].values()
            for content in response.get("content", {}).values()
            for name, each in content.get("examples", {}).items()
        }


class Description:
    """The operations that are served, and what their answers look like."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self._strict = copy.deepcopy(spec)
        for schema in _objects(self._strict):
            schema |= {"required": list(schema["properties"]), "additionalProperties": False}
        self.operations = [
            Operation(path, method, item[method])
            for path, item in spec["paths"].items()
            for method in METHODS
            if method in item
        ]

    def schema(self, schema: Spec) -> Spec:
        """Return what a schema refers to, else itself."""
        name = schema.get("$ref", "").rpartition("/")[2]
        found: Spec = self.spec["components"]["schemas"][name] if name else schema
        return found

    @cache  # noqa: B019 - there is one description
    def _validator(self, path: str, method: str, status: str, *, strict: bool) -> Any:  # noqa: ANN401
        spec = self._strict if strict else self.spec
        content = spec["paths"][path][method]["responses"][status]["content"]
        schema = {**content["application/json"]["schema"], "components": spec["components"]}
        return OAS30Validator(schema, format_checker=FORMATS)

    def faults(
        self, document: object, path: str, method: str, status: int, *, strict: bool = True
    ) -> list[str]:
        """Say what is wrong with an answer; strictly, it has the described fields and no other."""
        validator = self._validator(path, method, str(status), strict=strict)
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]

    def place(self, path: str) -> str:
        """Return the path of the description that a real path is."""
        for template in self.spec["paths"]:
            pattern = re.sub(r"\\{\w+\\}", "[A-Z]{2}[0-9a-fA-F]{32}", re.escape(template))
            if re.fullmatch(pattern, path):
                return str(template)
        raise KeyError(path)


def _objects(node: Any) -> Iterator[Spec]:  # noqa: ANN401 - JSON
    """Yield the schemas of objects with fields."""
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict) and node.get("type", "object") == "object":
            yield node
        for value in node.values():
            yield from _objects(value)
    elif isinstance(node, list):
        for value in node:
            yield from _objects(value)


def reduced(spec: Spec) -> Spec:
    """Leave out what is not served here, and what that alone refers to."""
    paths = {path: spec["paths"][path] for path in SERVED}
    schemas, wanted = spec["components"]["schemas"], [json.dumps(paths)]
    kept: Spec = {}
    while wanted:
        for name in set(re.findall(r"#/components/schemas/([\w.]+)", wanted.pop())) - set(kept):
            kept[name] = schemas[name]
            wanted.append(json.dumps(schemas[name]))
    for name in NEWER.keys() & kept.keys():
        kept[name]["properties"] = NEWER[name] | kept[name]["properties"]
    components = {**spec["components"], "schemas": kept}
    return {**spec, "paths": paths, "components": components}


def _fetch() -> None:
    """Have npm fetch the package, and keep what is needed of it."""
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("npm is not installed")
    CACHED.parent.mkdir(parents=True, exist_ok=True)
    packed = [npm, "pack", "--silent", "--fetch-retries=1", PACKAGE]
    with tempfile.TemporaryDirectory(dir=CACHED.parent) as folder:
        subprocess.run(packed, cwd=folder, check=True, capture_output=True, timeout=120)
        (package,) = Path(folder).iterdir()
        with tarfile.open(package) as archive:
            inside = archive.extractfile(INSIDE)
            assert inside is not None, f"{PACKAGE} has no {INSIDE}"
            spec = json.load(inside)
        kept = Path(folder) / CACHED.name
        kept.write_text(json.dumps(reduced(spec)))
        kept.replace(CACHED)  # others may fetch at the same time


@cache
def load() -> Description:
    """Return the description; without one skip the module, or fail where CI is set."""
    for path in (SHARED, CACHED):
        if path.exists():
            return Description(json.loads(path.read_text()))
    try:
        _fetch()
    except (OSError, subprocess.SubprocessError) as reason:
        said = f"There is no description at {SHARED}, and npm pack {PACKAGE} failed: {reason}"
        if os.environ.get("CI"):
            pytest.fail(said, pytrace=False)
        pytest.skip(said, allow_module_level=True)
    return Description(json.loads(CACHED.read_text()))
