"""A recipe file as a nucleus reads it: the manifest for this device, steps and variables.

Nothing is checked that no nucleus checks. Not there: Skipif, dependencies, Selections.
Source: "AWS IoT Greengrass component recipe reference", developer guide; for nucleus lite its
RECIPE_SUPPORT_CHANGES.md and what it was seen to do.
"""

import json
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import yaml

from nucleus.configuration import found

_ARCHITECTURES = {"x86_64": "amd64", "arm64": "aarch64", "armv7l": "arm", "armv6l": "arm"}
_RUNTIMES: dict[bool, set[str | None]] = {
    True: {"*", "aws_nucleus_lite"},
    False: {"*", None},
}
_ANY = {None, "*", "all"}
_CLASSIC = re.compile(r"\{(\w+):([^{}]+)\}")
_LITE = re.compile(r"\{([^}]*)(\}?)")
_IN_DOUBLE_QUOTES = re.compile(r'(["\\$`])')

_DEFAULT_TIMEOUTS = {"install": 120.0, "startup": 120.0, "shutdown": 15.0, "recover": 60.0}


class StepFailedError(Exception):
    """A step that the nucleus cannot even start."""


class NoManifestError(Exception):
    """No manifest is for this device; a deployment with it fails."""


Quote = Callable[[str], str]
Variables = Mapping[str, str]


def in_double_quotes(value: str) -> str:
    """Give a value as lite puts it into a script: whole only between double quotes."""
    return _IN_DOUBLE_QUOTES.sub(r"\\\1", value)


def in_single_quotes(value: str) -> str:
    """Give a value as lite puts it into what it exports."""
    return value.replace("'", "'\\''")


def as_it_is(value: str) -> str:
    """Give a value as the classic nucleus puts it in."""
    return value


@dataclass(frozen=True, slots=True)
class Step:
    """A lifecycle step, before its variables are known. `timeout` in seconds."""

    script: str
    setenv: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a file says; `lite`: for which nucleus it is read."""

    data: Mapping[str, Any]
    lite: bool = False
    architecture: str = field(default_factory=lambda: _architecture(platform.machine()))

    @classmethod
    def read(cls, path: Path, *, lite: bool = False) -> Self:
        """Read a YAML or JSON file."""
        return cls(yaml.safe_load(path.read_text()), lite)

    @property
    def name(self) -> str:
        """The component's name."""
        return str(self.data["ComponentName"])

    @property
    def version(self) -> str:
        """The component's version."""
        return str(self.data["ComponentVersion"])

    @property
    def default_configuration(self) -> dict[str, Any]:
        """What a deployment's changes are merged into, `accessControl` among it."""
        described = self.data.get("ComponentConfiguration") or {}
        return dict(described.get("DefaultConfiguration") or {})

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The first manifest that fits. Raises NoManifestError."""
        for manifest in self.data["Manifests"]:
            if self._fits(manifest.get("Platform") or {}):
                found_: Mapping[str, Any] = manifest
                return found_
        raise NoManifestError(f"{self.name}: no manifest for linux on {self.architecture}")

    def _fits(self, wanted: Mapping[str, Any]) -> bool:
        ours = {"os": "linux", "architecture": self.architecture}
        return wanted.get("runtime") in _RUNTIMES[self.lite] and all(
            self._is(wanted.get(key), value) for key, value in ours.items()
        )

    def _is(self, wanted: str | None, value: str) -> bool:
        if wanted in _ANY or wanted == value:
            return True
        pattern = re.fullmatch("/(.*)/", wanted or "")
        return bool(pattern and not self.lite and re.fullmatch(pattern[1], value))

    @property
    def artifacts(self) -> Sequence[Mapping[str, Any]]:
        """What the manifest has the nucleus fetch."""
        return self.manifest.get("Artifacts") or ()

    def step(self, name: str) -> Step | None:
        """Give a lifecycle step; None if there is none of this name."""
        lifecycle = self.manifest.get("Lifecycle") or {}
        value = self._get(lifecycle, name)
        if value is None:
            return None
        step = {"Script": value} if isinstance(value, str) else value
        script = self._get(step, "Script")
        if script is None:
            raise StepFailedError(f"{name} has no Script")
        common, own = (self._get(each, "Setenv") or {} for each in (lifecycle, step))
        timeout = self._get(step, "Timeout")
        seconds = _DEFAULT_TIMEOUTS.get(name) if timeout is None else float(timeout)
        return Step(script, {**common, **own}, seconds)

    def _get(self, mapping: Mapping[str, Any], key: str) -> Any:  # noqa: ANN401 - any YAML
        """Give a value by its key: lite wants it exact, the classic nucleus takes any case."""
        if self.lite:
            return mapping.get(key)
        return next((mapping[each] for each in mapping if each.lower() == key.lower()), None)

    def filled(
        self,
        text: str,
        variables: Variables,
        configuration: Mapping[str, Any],
        quote: Quote = as_it_is,
    ) -> str:
        """Give a text with its variables. Raises StepFailedError, on lite only."""
        if not self.lite:
            return _CLASSIC.sub(lambda hit: _known(hit, variables, configuration), text)

        def value(hit: re.Match[str]) -> str:
            if not hit[2]:
                raise StepFailedError(f"a brace is not closed: {hit[0]}")
            key, _, pointer = hit[1].partition(":")
            if key != "configuration" and hit[1] in variables:
                return variables[hit[1]]
            if key != "configuration" or pointer == "/":
                raise StepFailedError(f"every brace begins a variable, and there is no {hit[0]}")
            try:
                return quote(_pointed(configuration, pointer))
            except KeyError:
                raise StepFailedError(f"the configuration has no {pointer}") from None

        return _LITE.sub(value, text)


def _known(hit: re.Match[str], variables: Variables, configuration: Mapping[str, Any]) -> str:
    """Give a variable's value, or the variable as it stands there."""
    key, rest = hit.groups()
    if key != "configuration":
        return variables.get(f"{key}:{rest}", hit[0])
    try:
        return _pointed(configuration, rest)
    except KeyError:
        return str(hit[0])


def _pointed(configuration: Mapping[str, Any], pointer: str) -> str:
    """Give what a JSON pointer points to: a text as it is, anything else as JSON."""
    keys = [key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/")[1:]]
    value = found(configuration, [key for key in keys if key])
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _architecture(machine: str) -> str:
    return _ARCHITECTURES.get(machine, machine)
