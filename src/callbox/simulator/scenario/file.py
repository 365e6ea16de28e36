"""Scenarios from YAML files; imported by those alone who have one, as PyYAML is."""

from pathlib import Path

import yaml

from callbox.simulator.order import BadOrder
from callbox.simulator.scenario.scenario import Scenario, scenario

LARGEST_FILE = 1_000_000
BOOLEAN = "tag:yaml.org,2002:bool"


class Loader(yaml.SafeLoader):
    """Reads +12345000000 as a phone number, and `on`, `off`, `yes` and `no` as words."""


Loader.yaml_implicit_resolvers = {
    letter: [(tag, form) for tag, form in resolvers if letter in "tTfF" or tag != BOOLEAN]
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
    except OSError as error:
        raise BadOrder(f"{path}: it cannot be read ({error.strerror}).") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise BadOrder(f"{path}: it is not YAML: {' '.join(str(error).split())}.") from None
    except BadOrder as reason:
        raise BadOrder(f"{path}: {reason}") from None
