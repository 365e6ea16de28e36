"""What belongs into the Indigo plugin, and where it is in there."""

import re
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from verdicts import Refused

NAME = "Callbox.indigoPlugin"
CODE = "Contents/Server Plugin"
LICENCE = "Contents/Resources/LICENSE"
LICENCES = "Contents/Resources/licences"
LEFT_OUT = (
    *("cli", "demo", "rehearsal", "stage", "device", "greengrass", "__main__", "hosts.embedded"),
    *("simulator.testing", "simulator.scenario.file"),
)
"""Modules of callbox that stay out of the bundle."""
FILES = (
    "Contents/Info.plist",
    "Contents/Resources/icon.png",
    LICENCE,
    *(f"{CODE}/{each}.xml" for each in ("Actions", "Devices", "Events", "MenuItems")),
    f"{CODE}/PluginConfig.xml",
    f"{CODE}/plugin.py",
    f"{CODE}/requirements.txt",
    f"{CODE}/callbox/__init__.py",
    f"{CODE}/callbox/store/sql/queries.sql",
)
UNWANTED = re.compile(
    r"(^|/)(\.|__pycache__/|__MACOSX/|tests?/|[^/]*\.py[co]$|[^/]*pip-install-log)|^Contents/Packages/"
)
"""Leftovers of systems, of Python and of running the plugin where its source is."""


def is_left_out(name: str) -> bool:
    """Tell whether a file of callbox, by its name in there, stays out of the bundle."""
    module = name.removesuffix(".py").replace("/", ".")
    return any(f"{module}.".startswith(f"{each}.") for each in LEFT_OUT)


def name_in(bundle: Path, path: Path) -> str:
    """Give a file's name as a reader knows it: within the code, or within the bundle."""
    return path.relative_to(
        bundle / CODE if path.is_relative_to(bundle / CODE) else bundle
    ).as_posix()


def requirements(bundle: Path) -> dict[str, Requirement]:
    """Give what requirements.txt asks for, by name."""
    lines = (bundle / CODE / "requirements.txt").read_text(encoding="utf-8").splitlines()
    found: dict[str, Requirement] = {}
    for number, line in enumerate(lines, 1):
        if text := line.partition("#")[0].strip():
            try:
                asked = Requirement(text)
            except InvalidRequirement:
                raise Refused(f"requirements.txt, line {number}: {text!r} is no requirement like "
                              f"name==1.2.3.") from None  # fmt: skip
            found[canonicalize_name(asked.name)] = asked
    return found
