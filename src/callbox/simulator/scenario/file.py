"""Scenarios from YAML files; imported by those alone who have one, as PyYAML is."""

from pathlib import Path
from typing import Any

import yaml

from callbox.simulator.order import BadOrder
from callbox.simulator.scenario.scenario import Scenario, scenario

LARGEST_FILE = 1_000_000
BOOLEAN, TIMESTAMP = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp"


class Loader(yaml.SafeLoader):
    """Reads +12345000000 as a phone number, and `on`, `off`, `yes`, `no` and dates as words.

    Aliases are refused: a few lines of them may stand for more than there is memory. So is a key
    that stands twice, of which YAML forgets the first.
    """

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401 - PyYAML's
        """Read on, unless it is an alias."""
        if self.check_event(yaml.AliasEvent):
            raise BadOrder("it has an alias (*), which scenarios do not have.")
        found: yaml.Node | None = super().compose_node(parent, index)
        return found

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Make an object, unless it has a key twice."""
        seen: set[str] = set()
        for key, _ in node.value:
            if (name := str(key.value)) in seen:
                raise BadOrder(f'line {key.start_mark.line + 1}: "{name}" stands there twice.')
            seen.add(name)
        return super().construct_mapping(node, deep)


Loader.yaml_implicit_resolvers = {
    letter: [
        (tag, form)
        for tag, form in resolvers
        if tag != TIMESTAMP and (letter in "tTfF" or tag != BOOLEAN)
    ]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    if letter != "+"
}


def load(path: Path) -> Scenario:
    """Read a scenario from a file; BadOrder with one sentence that begins with its name."""
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_FILE + 1)
        if len(text) > LARGEST_FILE:
            raise BadOrder(f"it is larger than {LARGEST_FILE} bytes.")
        return scenario(yaml.load(text, Loader))  # noqa: S506 - it is a safe one
    except BadOrder as reason:
        raise BadOrder(f"{path}: {reason}") from None
    except OSError as error:
        raise BadOrder(f"{path}: it cannot be read ({error.strerror}).") from None
    except yaml.MarkedYAMLError as error:
        raise BadOrder(f"{path}: {_fault(error)}.") from None
    except yaml.reader.ReaderError:
        raise BadOrder(f"{path}: it is not YAML: it is no plain text in UTF-8.") from None
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise BadOrder(f"{path}: it is not YAML: {' '.join(str(error).split())}.") from None


def _fault(error: yaml.MarkedYAMLError) -> str:
    """Say where the YAML is wrong, and how."""
    mark = error.problem_mark or error.context_mark
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    if "'\\t'" in (error.problem or ""):
        return f"{where}a tab stands there; YAML wants spaces"
    said = ", ".join(filter(None, (error.context, error.problem)))
    return f"{where}it is not YAML: {said}"
