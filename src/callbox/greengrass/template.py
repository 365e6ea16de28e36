"""CloudFormation templates: what their functions come to, as far as a template tells.

Source: AWS CloudFormation User Guide, "Intrinsic functions" and "Parameters".
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_PLAIN_TYPES = ("String", "Number")  # the default of any other type is a name, not the value
_PSEUDO = {"AWS::Partition": "aws"}  # the only one that V1's pattern of an ARN takes
_GREENGRASS = "AWS::Greengrass::"


@dataclass(frozen=True, slots=True)
class Unknown:
    """Text that only CloudFormation could fill in; `text` has `${Name}` where something lacks."""

    text: str

    def __str__(self) -> str:
        return self.text


class Template:
    """One template; `defaults` collects the names of parameters whose defaults were taken."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._parameters = _mapping(document.get("Parameters"))
        self.defaults: set[str] = set()
        self._functions: dict[str, Callable[[Any], object]] = {
            "Ref": self._ref,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::GetAtt": _attribute,
        }

    def definitions(self) -> Iterator[tuple[str, Any]]:
        """Give the name and the resolved properties of each resource of Greengrass V1."""
        for name, resource in _mapping(self._document.get("Resources")).items():
            if str(_mapping(resource).get("Type")).startswith(_GREENGRASS):
                yield name, self.resolved(resource.get("Properties"))

    def resolved(self, value: object) -> object:
        """Give a value with every function in it replaced by text, an Unknown, or None."""
        if isinstance(value, list):
            entries = (self.resolved(each) for each in value)
            return [each for each in entries if each is not None]
        if not isinstance(value, dict):
            return value
        name, argument = next(iter(value.items()), ("", None))
        if len(value) == 1 and name in self._functions:
            return self._functions[name](argument)
        if len(value) == 1 and name.startswith("Fn::"):
            return Unknown(f"${{{name}}}")
        return {key: self.resolved(each) for key, each in value.items()}

    def _ref(self, name: object) -> str | Unknown | None:
        if name == "AWS::NoValue":
            return None
        parameter = _mapping(self._parameters.get(str(name)))
        default = parameter.get("Default")
        hidden = str(parameter.get("NoEcho")).lower() == "true"
        if default is not None and not hidden and parameter.get("Type") in _PLAIN_TYPES:
            self.defaults.add(str(name))
            return str(default)
        return _PSEUDO.get(str(name)) or Unknown(f"${{{name}}}")

    def _sub(self, argument: object) -> str | Unknown:
        text, own = (*argument, {}, {})[:2] if isinstance(argument, list) else (argument, {})
        given = {name: self.resolved(value) for name, value in _mapping(own).items()}

        def fill(found: re.Match[str]) -> str:
            name = found[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            value = given[name] if name in given else self._ref(name)
            unknown.append(not isinstance(value, str))
            return "" if value is None else str(value)

        unknown: list[bool] = []
        filled = _REFERENCE.sub(fill, str(text))
        return Unknown(filled) if any(unknown) else filled

    def _join(self, argument: object) -> str | Unknown:
        separator, parts = (*argument, "", "")[:2] if isinstance(argument, list) else ("", None)
        if not isinstance(parts, list):
            return Unknown("${Fn::Join}")
        values = [self.resolved(part) for part in parts]
        joined = str(separator).join(str(value) for value in values if value is not None)
        return joined if all(isinstance(value, str) for value in values) else Unknown(joined)


def _attribute(argument: object) -> Unknown:
    parts = argument if isinstance(argument, list) else [argument]
    return Unknown(f"${{{'.'.join(map(str, parts))}}}")


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
