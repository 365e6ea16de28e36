"""What is checked in a bundle of the Indigo plugin before it is packed.

Each check gives what it found, or raises Refused.
"""

import plistlib
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET
from xml.parsers.expat import ExpatError

from indigo_contents import CODE, FILES, NAME, UNWANTED, is_left_out, name_in, requirements
from indigo_imports import OPTIONAL, Allowed, imports, trees
from verdicts import Refused

NEWER_THAN = (2024, 0, 1)
"""PluginVersion of the last release of the plugin that this one replaces."""
PROPERTIES = {
    "CFBundleIdentifier": r"[A-Za-z][\w-]*(\.[\w-]+)+",
    "CFBundleDisplayName": r".+",
    "CFBundleName": r".{1,15}",
    "CFBundleVersion": r"1\.0\.0",
    "PluginVersion": r"\d+(\.\d+){2}",
    "ServerApiVersion": r"3\.4",
}
"""Keys of Info.plist, and what their values look like."""
LEAST_ICON = 128
"""Pixels of height that the plugin store asks for."""


def complete(bundle: Path) -> str:
    """Check that every file is there that the server or the plugin cannot do without."""
    missing = [name for name in FILES if not (bundle / name).is_file()]
    if missing:
        raise Refused(f"{NAME} has no {missing[0]}.")
    return f"{sum(path.is_file() for path in bundle.rglob('*'))}"


def clean(bundle: Path) -> str:
    """Check that nothing is there that does not belong into a release."""
    for path in sorted(bundle.rglob("*")):
        name = path.relative_to(bundle).as_posix() + "/" * path.is_dir()
        module = name.removeprefix(f"{CODE}/callbox/")
        if UNWANTED.search(name) or (module != name and is_left_out(module.rstrip("/"))):
            raise Refused(f"{name} must not be in {NAME}.")
    return "no caches, tests, installed packages; no broker or command line of callbox"


def well_formed(bundle: Path) -> str:
    """Check that every XML file can be read."""
    paths = sorted(bundle.rglob("*.xml"))
    for path in paths:
        try:
            ET.parse(path)
        except ET.ParseError as error:
            raise Refused(f"{name_in(bundle, path)} is not well-formed XML: {error}.") from None
    return ", ".join(path.name for path in paths)


def described(bundle: Path) -> str:
    """Check Info.plist: its keys, and that the server takes it for newer than what it replaces."""
    properties = _properties(bundle)
    for key, pattern in PROPERTIES.items():
        value = properties.get(key)
        if not (isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII)):
            raise Refused(f"Info.plist: {key} is {value!r}, but must look like {pattern}.")
    try:
        properties["CFBundleURLTypes"][0]["CFBundleURLName"]
    except (KeyError, IndexError, TypeError):
        raise Refused("Info.plist: CFBundleURLTypes has no CFBundleURLName.") from None
    version = properties["PluginVersion"]
    if tuple(map(int, version.split("."))) <= NEWER_THAN:
        least = ".".join(map(str, NEWER_THAN))
        raise Refused(f"Info.plist: PluginVersion {version} is not above {least}.")
    return f"{properties['CFBundleDisplayName']} {version}, server API 3.4"


def identified(bundle: Path, identifier: str) -> str:
    """Check that the bundle goes by this identifier, and by no other."""
    found = _properties(bundle).get("CFBundleIdentifier")
    if found != identifier:
        raise Refused(f"Info.plist: CFBundleIdentifier is {found!r}, but must be {identifier!r}.")
    return identifier


def pictured(bundle: Path) -> str:
    """Check that the icon is a picture of the size the store asks for."""
    head = (bundle / "Contents/Resources/icon.png").read_bytes()[:24]
    if head[:8] != b"\x89PNG\r\n\x1a\n":
        raise Refused("Contents/Resources/icon.png is not a PNG file.")
    width, height = struct.unpack(">II", head[16:24])
    if height < LEAST_ICON:
        raise Refused(f"icon.png is {height} pixels high, but must be {LEAST_ICON} or more.")
    return f"{width} x {height}"


def compiled(bundle: Path) -> str:
    """Check that every Python file is one for Python 3.11."""
    return f"{len(trees(bundle))} files, as Python 3.11"


def self_sufficient(bundle: Path) -> str:
    """Check that what is imported is Python's, in the bundle or required; optional parts late."""
    allowed, optional = Allowed.of(bundle), set()
    for name, tree in trees(bundle).items():
        for each in imports(tree):
            if (missing := allowed.lacks(each)) is None:
                continue
            if not (each.late and missing in OPTIONAL):
                raise Refused(f"{name}, line {each.line}: {missing} is neither Python's, nor in "
                              f"the bundle, nor in requirements.txt.")  # fmt: skip
            optional.add(missing)
    late = (f"not {each}: {OPTIONAL[each]}" for each in sorted(optional))
    return "\n".join([", ".join(sorted(requirements(bundle))), *late])


CHECKS: dict[str, Callable[[Path], str]] = {
    "files": complete,
    "nothing else": clean,
    "XML": well_formed,
    "Info.plist": described,
    "icon": pictured,
    "Python": compiled,
    "imports": self_sufficient,
}
"""What a check is called in the table, and the check."""


def _properties(bundle: Path) -> dict[str, Any]:
    try:
        return dict(plistlib.loads((bundle / "Contents/Info.plist").read_bytes()))
    except (plistlib.InvalidFileException, ExpatError, ValueError) as error:
        raise Refused(f"Info.plist is not a property list: {error}.") from None
