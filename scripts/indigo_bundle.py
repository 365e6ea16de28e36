"""Builds the Indigo plugin, dist/Callbox.indigoPlugin.zip, and proves that it can be installed.

    make indigo                             build, check, prove (half a minute, needs the network)
    make indigo ID=org.example.callbox      under an identifier of your own
    make indigo ARGS=--offline              without licences of others and without proof

The same sources give the same bytes: no time, mode, order or name of this machine gets in. The zip
is written only when all is as it must be.
Exit codes: 0 built; 1 not as it must be, or this Python lacks a library; 2 wrong arguments;
3 no package index answers.
"""

import argparse
import ast
import email.parser
import hashlib
import os
import platform
import plistlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.message import Message
from functools import cache, cached_property, partial
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree as ET
from xml.parsers.expat import ExpatError

try:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.table import Table
except ModuleNotFoundError as error:
    sys.stderr.write(f"This Python has no {error.name}: run make indigo, which has its own.\n")
    sys.exit(1)

ROOT = Path(__file__).resolve().parents[1]
NAME = "Callbox.indigoPlugin"
WHEELS = ROOT / "build" / "indigo-wheels"
CODE = "Contents/Server Plugin"
LICENCES = "Contents/Resources/licences"
IDENTIFIER = "com.flyingdiver.indigoplugin.twilio"
"""As in the sources, and of the plugin that this one replaces."""
NEWER_THAN = (2024, 0, 1)
"""PluginVersion of the last release of the plugin that this one replaces."""

LEFT_OUT = ("cli", "demo", "device", "__main__", "hosts.embedded")
"""Modules of callbox that stay out of the bundle."""
OPTIONAL = {
    "yaml": "read with a configuration file; the plugin has its settings from Indigo",
    "jinja2": "read with a rule that has a template; the plugin's rules are Indigo's triggers",
    "callbox.hosts.embedded": "read for a broker of its own; the plugin has none",
}
"""What may be missing where a function imports it, and why it is never missed."""
DISTRIBUTIONS = {"paho": "paho-mqtt", "pydantic_core": "pydantic", "yarl": "aiohttp"}
"""What brings a module, where it has another name than the module."""
GIVEN = {"indigo"}
"""What the server puts into a plugin."""
GONE = frozenset(
    ("aifc", "asynchat", "asyncore", "audioop", "cgi", "cgitb", "chunk", "crypt", "distutils",
     "imghdr", "imp", "lib2to3", "mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "pipes",
     "smtpd", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib")
)  # fmt: skip
"""Modules of Python 3.11 that Python 3.13 does without."""

FILES = (
    "Contents/Info.plist",
    "Contents/Resources/icon.png",
    "Contents/Resources/LICENSE",
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

console = Console(highlight=False)
complaints = Console(stderr=True, highlight=False, soft_wrap=True)


class Refused(Exception):  # noqa: N818 - it is a verdict
    """The bundle is not as it must be; the text is one sentence that says what and where."""


class Unreachable(Exception):  # noqa: N818 - it is a verdict
    """No package index answers."""


# --- staging --------------------------------------------------------------------------------------


def stage(into: Path, identifier: str | None = None, *, source: Path = ROOT) -> Path:
    """Put the bundle together in a folder, in place of an older one there; give its path.

    Nothing is fetched: the licences of others are added by a build only.

    Args:
        into: the folder that gets `Callbox.indigoPlugin`.
        identifier: in place of the usual one, wherever the bundle names it.
        source: the project.

    """
    bundle = into / NAME
    shutil.rmtree(bundle, ignore_errors=True)
    for path, name in _sources(source):
        target = bundle / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_renamed(path.read_bytes(), identifier))
    return bundle


def _sources(source: Path) -> Iterator[tuple[Path, str]]:
    """Give each file of the bundle and its name there."""
    own, package = source / "indigo" / NAME, source / "src" / "callbox"
    for path, name in _files(own):
        if not name.startswith(f"{CODE}/callbox/"):
            yield path, name
    for path, name in _files(package):
        if not _is_left_out(name):
            yield path, f"{CODE}/callbox/{name}"
    if (licence := source / "LICENSE").is_file() and not licence.is_symlink():
        yield licence, "Contents/Resources/LICENSE"


def _files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Give the files in a folder, and none that only a symbolic link leads to."""
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for each in sorted(files):
            path = Path(parent, each)
            name = path.relative_to(folder).as_posix()
            if path.is_file() and not (path.is_symlink() or UNWANTED.search(name)):
                yield path, name


def _is_left_out(name: str) -> bool:
    module = name.removesuffix(".py").replace("/", ".")
    return any(f"{module}.".startswith(f"{each}.") for each in LEFT_OUT)


def _renamed(content: bytes, identifier: str | None) -> bytes:
    """Put another identifier in place of the usual one; longer words that contain it stay."""
    if identifier is None:
        return content
    usual = rb"(?<![\w.-])" + re.escape(IDENTIFIER.encode()) + rb"(?![\w-])"
    return re.sub(usual, identifier.encode(), content)


def identifier_of(text: str) -> str:
    """Read an identifier from the command line."""
    if not re.fullmatch(PROPERTIES["CFBundleIdentifier"], text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not like org.example.callbox")
    if text.lower().startswith(("com.indigodomo", "com.perceptiveautomation")):
        raise argparse.ArgumentTypeError(f"{text!r} begins with a name that Indigo keeps to itself")
    return text


# --- what is checked in a bundle ------------------------------------------------------------------


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
        if UNWANTED.search(name) or (module != name and _is_left_out(module.rstrip("/"))):
            raise Refused(f"{name} must not be in {NAME}.")
    return "no caches, tests, installed packages; no broker or command line of callbox"


def well_formed(bundle: Path) -> str:
    """Check that every XML file can be read."""
    paths = sorted(bundle.rglob("*.xml"))
    for path in paths:
        try:
            ET.parse(path)
        except ET.ParseError as error:
            raise Refused(f"{_name(bundle, path)} is not well-formed XML: {error}.") from None
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
    return f"{len(_trees(bundle))} files, as Python 3.11"


def self_sufficient(bundle: Path) -> str:
    """Check that what is imported is Python's, in the bundle or required; optional parts late."""
    allowed, optional = Allowed.of(bundle), set()
    for name, tree in _trees(bundle).items():
        for each in _imports(tree):
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
"""What a check is called in the table, and the check: it gives what it found or raises Refused."""


def examine(bundle: Path, checks: dict[str, Callable[[Path], str]]) -> None:
    """Print what each check finds, up to the first that refuses the bundle."""
    for title, check in checks.items():
        _row(title, check(bundle))


def _properties(bundle: Path) -> dict[str, Any]:
    try:
        return dict(plistlib.loads((bundle / "Contents/Info.plist").read_bytes()))
    except (plistlib.InvalidFileException, ExpatError, ValueError) as error:
        raise Refused(f"Info.plist is not a property list: {error}.") from None


def _name(bundle: Path, path: Path) -> str:
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


# --- imports --------------------------------------------------------------------------------------


def _trees(bundle: Path) -> dict[str, ast.Module]:
    """Give every Python file of the bundle, parsed, by its name."""
    paths = sorted((bundle / CODE).rglob("*.py"))
    return {_name(bundle, path): _tree(bundle, path) for path in paths}


def _tree(bundle: Path, path: Path) -> ast.Module:
    try:
        return _parsed(path.read_bytes())
    except (SyntaxError, ValueError) as error:
        name, line = _name(bundle, path), getattr(error, "lineno", 1)
        what = getattr(error, "msg", error)
        raise Refused(f"{name}, line {line}: this is not Python 3.11: {what}.") from None


@cache
def _parsed(content: bytes) -> ast.Module:
    return ast.parse(content, feature_version=(3, 11))


@dataclass(frozen=True)
class Import:
    """A module that is imported, or what may be one: `from a import b` gives a and a.b."""

    module: str
    line: int
    late: bool
    """By a function, when it is called."""
    certain: bool
    """A module, and not perhaps something else in one."""


def _imports(node: ast.AST, *, late: bool = False) -> Iterator[Import]:
    """Give what is imported, except for what only a type checker reads."""
    within = list(ast.iter_child_nodes(node))
    match node:
        case ast.Import():
            for name in node.names:
                yield Import(name.name, node.lineno, late, certain=True)
        case ast.ImportFrom(module=str(module), level=0):
            yield Import(module, node.lineno, late, certain=True)
            for name in node.names:
                yield Import(f"{module}.{name.name}", node.lineno, late, certain=False)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            late = True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            within = list(node.orelse)
    for each in within:
        if not isinstance(each, ast.expr):
            yield from _imports(each, late=late)


@dataclass(frozen=True)
class Allowed:
    """What the code of a bundle can import when it is installed."""

    modules: frozenset[str]
    """In the bundle, in full: callbox.store."""
    distributions: frozenset[str]
    """Required."""

    @classmethod
    def of(cls, bundle: Path) -> "Allowed":
        """Read it off a bundle."""
        return cls(frozenset(modules(bundle)), frozenset(requirements(bundle)))

    def lacks(self, wanted: Import) -> str | None:
        """Give what cannot be imported, as OPTIONAL would name it, or None."""
        top = wanted.module.partition(".")[0]
        if top in self.modules:
            return wanted.module if self._is_absent(wanted) else None
        if top in GIVEN or (top in sys.stdlib_module_names and top not in GONE):
            return None
        bringer = canonicalize_name(DISTRIBUTIONS.get(top, top))
        return None if bringer in self.distributions else top

    def _is_absent(self, wanted: Import) -> bool:
        if wanted.module in self.modules or wanted.certain:
            return wanted.module not in self.modules
        package, _, name = wanted.module.rpartition(".")
        within = f"{package}.".removeprefix("callbox.")
        return package in self.modules and _is_left_out(f"{within}{name}")


def modules(bundle: Path) -> Iterator[str]:
    """Give the modules and packages that are in a bundle."""
    for path in sorted((bundle / CODE).rglob("*.py")):
        yield (
            path.relative_to(bundle / CODE)
            .as_posix()
            .removesuffix(".py")
            .removesuffix("/__init__")
            .replace("/", ".")
        )


# --- wheels ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    """A Mac that the plugin is to run on."""

    python: str
    version: str
    """Of macOS: the first that this Python and all the wheels run on."""
    machine: str

    def __str__(self) -> str:
        """Give it as a reader of the table knows it."""
        return f"CPython {self.python}, macOS {self.version} {self.machine}"

    @property
    def tag(self) -> str:
        """Give the platform as pip names it; it takes wheels for older ones and universal2 too."""
        return f"macosx_{self.version.replace('.', '_')}_{self.machine}"

    @property
    def environment(self) -> dict[str, str]:
        """Give what the conditions of requirements are asked of."""
        return {
            "extra": "",
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_system": "Darwin",
            "python_full_version": f"{self.python}.6",
            "python_version": self.python,
            "sys_platform": "darwin",
        }


TARGETS = (
    Target("3.11", "10.13", "x86_64"),
    Target("3.11", "11.0", "arm64"),
    Target("3.13", "10.13", "x86_64"),
    Target("3.13", "11.0", "arm64"),
)
"""The Pythons of Indigo 2023.2 and 2025.2, on both kinds of Mac."""


@dataclass(frozen=True)
class Wheel:
    """A downloaded wheel."""

    path: Path

    @cached_property
    def metadata(self) -> Message:
        """Give what the distribution says of itself."""
        with zipfile.ZipFile(self.path) as archive:
            (name,) = (each for each in archive.namelist() if _METADATA.fullmatch(each))
            return email.parser.BytesParser().parsebytes(archive.read(name), headersonly=True)

    @property
    def name(self) -> str:
        """Give its name as packages are compared by."""
        return canonicalize_name(str(self.metadata["Name"]))

    @property
    def version(self) -> str:
        """Give its version as it writes it."""
        return str(self.metadata["Version"])

    def needs(self, target: Target) -> Iterator[Requirement]:
        """Give what it needs on a Mac, without extras."""
        for text in self.metadata.get_all("Requires-Dist", []):
            asked = Requirement(text)
            if asked.marker is None or asked.marker.evaluate(target.environment):
                yield asked


_METADATA = re.compile(r"[^/]+\.dist-info/METADATA")


class Shop:
    """Fetches wheels, and keeps those of each target for the next build."""

    def __init__(self, asked: Path, cache: Path, advance: Callable[[], None]) -> None:
        """Take requirements.txt, a folder, and whom to tell of each distribution found."""
        self._asked = asked
        self._cache = cache
        self._advance = advance

    def wheels(self, target: Target) -> dict[str, Wheel]:
        """Give the wheels that pip chooses for a target, by name."""
        about = f"{target.tag} {target.python}\n{self._asked.read_text(encoding='utf-8')}"
        folder = self._cache / hashlib.sha256(about.encode()).hexdigest()[:16]
        if not folder.is_dir():
            self._fetch(target, folder)
        found = map(Wheel, sorted(folder.glob("*.whl")))
        return {wheel.name: wheel for wheel in found}

    def _fetch(self, target: Target, folder: Path) -> None:
        self._cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._cache) as part:
            _pip(
                ["download", "--only-binary=:all:", "--implementation=cp",
                 f"--platform={target.tag}", f"--python-version={target.python}",
                 "--dest", part, "--requirement", str(self._asked)],
                str(target), self._advance,
            )  # fmt: skip
            shutil.copytree(part, folder, dirs_exist_ok=True)


def _pip(arguments: list[str], where: str, advance: Callable[[], None] = lambda: None) -> None:
    """Run pip; a failure becomes one sentence."""
    command = [sys.executable, "-m", "pip", *arguments, "--progress-bar=off", "--no-input",
               "--disable-pip-version-check"]  # fmt: skip
    said = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        for line in running.stdout or ():
            said.append(line.strip())
            if line.startswith("Collecting "):
                advance()
    if running.returncode:
        raise _complaint(said, where)


def _complaint(said: list[str], where: str) -> Exception:
    """Give what pip means."""
    if any("Retrying (" in line or "NameResolutionError" in line for line in said):
        return Unreachable(
            f"No package index answers for {where}: try again, or build with ARGS=--offline."
        )
    errors = [line.removeprefix("ERROR: ") for line in said if line.startswith("ERROR: ")]
    for line in errors:
        if absent := re.match(r"No matching distribution found for (\S+)", line):
            return Refused(f"{absent[1]} has no wheel for {where}.")
    return Refused(f"pip fails for {where}: {(errors or said or ['no word of why'])[-1]}")


def checked(
    wheels: dict[str, Wheel], asked: dict[str, Requirement], used: set[str], target: Target
) -> str:
    """Check that wheels fit each other on a Mac, and that all of them are needed.

    pip reads the conditions of requirements as if they were for the machine it runs on, so it can
    choose too few or too many for another.

    Args:
        wheels: what pip chose.
        asked: requirements.txt.
        used: what the bundle imports.
        target: the Mac.

    """
    needed = _needed(wheels, asked.values(), target)
    for name in sorted(set(wheels) - needed):
        raise Refused(f"{name} is fetched for {target}, but nothing needs it there.")
    imported = [asked[name] for name in asked if name in used]
    for name in sorted(set(asked) - _needed(wheels, imported, target)):
        raise Refused(f"requirements.txt asks for {name}, but nothing imports it.")
    size = sum(wheel.path.stat().st_size for wheel in wheels.values())
    return f"{target}: {len(wheels)} wheels, {size / 1e6:.1f} MB"


def _needed(wheels: dict[str, Wheel], asked: Iterable[Requirement], target: Target) -> set[str]:
    """Give the names that requirements lead to; each must be there in a version that fits."""
    needed: set[str] = set()
    open_ = [(each, "requirements.txt") for each in asked]
    while open_:
        want, by = open_.pop()
        name = canonicalize_name(want.name)
        wheel = wheels.get(name)
        if wheel is None or not want.specifier.contains(wheel.version, prereleases=True):
            raise Refused(f"{want.name}{want.specifier} is missing for {target}: {by} needs it.")
        if name not in needed:
            needed.add(name)
            open_ += ((each, f"{wheel.name} {wheel.version}") for each in wheel.needs(target))
    return needed


def distributions(bundle: Path) -> set[str]:
    """Give what the code of a bundle imports beyond Python and itself."""
    tops = {each.module.partition(".")[0] for each in _foreign(bundle)}
    return {canonicalize_name(DISTRIBUTIONS.get(top, top)) for top in tops}


def _foreign(bundle: Path) -> Iterator[Import]:
    known = {*modules(bundle), *GIVEN, *OPTIONAL, *sys.stdlib_module_names}
    for tree in _trees(bundle).values():
        for each in _imports(tree):
            if each.module.partition(".")[0] not in known:
                yield each


# --- licences -------------------------------------------------------------------------------------

_LICENCE = re.compile(
    r"[^/]+\.dist-info/(?:licen[cs]es/(.+)|((?:licen[cs]e|copying|notice|authors)[^/]*))",
    re.IGNORECASE,
)


def add_licences(bundle: Path, wheels: Iterable[Wheel]) -> int:
    """Put the licences of what will be installed into the bundle, and an index; give how many."""
    index = []
    for wheel in sorted(wheels, key=lambda each: (each.name, each.version)):
        folder = bundle / LICENCES / f"{wheel.name}-{wheel.version}"
        files = dict(_licence_files(wheel))
        if not files:
            raise Refused(f"The wheel of {wheel.name} {wheel.version} has no licence in it.")
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        index.append(f"{folder.name}: {_expression(wheel)}\n    {', '.join(sorted(files))}\n")
    text = "Installed beside Callbox by requirements.txt, each under its own licence:\n\n"
    (bundle / LICENCES / "index.txt").write_text(text + "\n".join(index), encoding="utf-8")
    return len(index)


def _licence_files(wheel: Wheel) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(wheel.path) as archive:
        for name in archive.namelist():
            if not (found := _LICENCE.fullmatch(name)) or name.endswith("/"):
                continue
            inside = PurePosixPath(found[1] or found[2])
            if inside.is_absolute() or ".." in inside.parts or "\\" in name:
                raise Refused(f"The wheel of {wheel.name} {wheel.version} has the licence {name}, "
                              f"which leads out of its folder.")  # fmt: skip
            yield str(inside), archive.read(name)


def _expression(wheel: Wheel) -> str:
    """Give a licence as the distribution names it."""
    told = wheel.metadata["License-Expression"] or wheel.metadata["License"]
    if told and "\n" not in str(told):
        return str(told)
    classes = wheel.metadata.get_all("Classifier", [])
    named = [each.rpartition(" :: ")[2] for each in classes if each.startswith("License :: ")]
    if not named:
        raise Refused(f"{wheel.name} {wheel.version} does not say what its licence is.")
    return ", ".join(named)


# --- the zip --------------------------------------------------------------------------------------


def pack(bundle: Path, target: Path) -> Path:
    """Write the zip; the same files give the same bytes.

    Files are stored as they are: what a compressor makes of them differs from one version of zlib
    to the next.
    """
    when = _date()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        files = (path for path in bundle.rglob("*") if path.is_file())
        names = sorted(path.relative_to(bundle.parent).as_posix() for path in files)
        for name in names:
            entry = zipfile.ZipInfo(name, when)
            entry.create_system = 3  # Unix, wherever it is built
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, (bundle.parent / name).read_bytes())
    return target


def _date() -> tuple[int, int, int, int, int, int]:
    """Give the date of all files: SOURCE_DATE_EPOCH, or the first that a zip can hold."""
    first = 315532800
    text = os.environ.get("SOURCE_DATE_EPOCH", str(first))
    if not text.isdecimal():
        raise Refused(f"SOURCE_DATE_EPOCH is {text!r}, but must be seconds since 1970.")
    when = time.gmtime(max(first, int(text)))
    return (when.tm_year, when.tm_mon, when.tm_mday, when.tm_hour, when.tm_min, when.tm_sec)


# --- installing -----------------------------------------------------------------------------------

_READ = """\
import importlib, sys
sys.path[:0] = sys.argv[1:3]
for name in sys.argv[3:]:
    try:
        importlib.import_module(name)
    except Exception as error:
        sys.exit(f"{name}: {type(error).__name__}: {error}")
"""


def installed(packed: Path, folder: Path) -> str:
    """Install as the server does, for this machine, and import everything that the bundle can.

    Only Python itself, the bundle and what was installed are in reach.
    """
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(folder)
    bundle, packages = folder / NAME, folder / NAME / "Contents" / "Packages"
    began = time.monotonic()
    asked = ["--target", str(packages), "--requirement", str(bundle / CODE / "requirements.txt")]
    here = f"this machine, Python {platform.python_version()}"
    _pip(["install", "--only-binary=:all:", *asked], here)
    lasted = time.monotonic() - began
    count, seconds = _read(bundle, packages)
    size = sum(path.stat().st_size for path in packages.rglob("*") if path.is_file())
    return (f"{lasted:.1f} s and {size / 1e6:.0f} MB with Python {platform.python_version()}; "
            f"{count} modules imported in {seconds:.1f} s")  # fmt: skip


def _read(bundle: Path, packages: Path) -> tuple[int, float]:
    """Import everything in a Python that sees nothing else; give how much, and the seconds."""
    own = [each for each in modules(bundle) if each != "plugin" and "__main__" not in each]
    others = {each.module for each in _foreign(bundle) if each.certain}
    names = [*own, *sorted(others)]
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", _READ, bundle / CODE, packages, *names],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise Refused(f"An installed bundle cannot import {done.stderr.strip().splitlines()[-1]}.")
    return len(names), time.monotonic() - began


# --- the build ------------------------------------------------------------------------------------


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    lines = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="make indigo",
        usage="make indigo [ID=IDENTIFIER] [ARGS='--offline ...']",
        description=lines[0],
        epilog=lines[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--id", type=identifier_of, default=IDENTIFIER, metavar="IDENTIFIER",
                        help="in place of %(default)s; the same as ID=")  # fmt: skip
    parser.add_argument("--offline", action="store_true", help="no licences of others, no proof")
    parser.add_argument("--install", action=argparse.BooleanOptionalAction, default=True,
                        help="install and import it here, as the last proof (on)")  # fmt: skip
    parser.add_argument("--output", type=Path, default=ROOT / "dist" / f"{NAME}.zip",
                        metavar="FILE", help="dist/Callbox.indigoPlugin.zip")  # fmt: skip
    return parser.parse_args(arguments)


def _row(name: str, found: str, mark: str = "[green]ok[/green]") -> None:
    """Print a line of the table."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=2)
    table.add_column(width=13)
    table.add_column()
    table.add_row(mark, name, escape(found))
    console.print(table)


def build(asked: argparse.Namespace) -> None:
    """Stage, check, prove, pack, install; the zip appears when all is well."""
    asked.output.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="callbox-indigo-") as name:
        folder = Path(name)
        bundle = stage(folder, asked.id)
        examine(bundle, CHECKS | {"identifier": partial(identified, identifier=asked.id)})
        if not asked.offline:
            _prove(bundle)
        packed = pack(bundle, folder / "packed.zip")
        _row("zip", f"{packed.stat().st_size / 1e6:.2f} MB")
        if asked.install and not asked.offline:
            with console.status("Installing it here"):
                found = installed(packed, folder / "installed")
            _row("installed", found)
        asked.output.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(packed, asked.output)


def _prove(bundle: Path) -> None:
    """Show that there are wheels for every target, and add their licences."""
    asked, used = requirements(bundle), distributions(bundle)
    columns = (TextColumn("Fetching wheels"), BarColumn(), MofNCompleteColumn())
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    with bar, ThreadPoolExecutor() as pool:
        step = bar.add_task("", total=None)
        shop = Shop(bundle / CODE / "requirements.txt", WHEELS, partial(bar.advance, step))
        wheels = dict(zip(TARGETS, pool.map(shop.wheels, TARGETS), strict=True))
    _row("wheels", "\n".join(checked(wheels[each], asked, used, each) for each in TARGETS))
    every = {(w.name, w.version): w for each in reversed(TARGETS) for w in wheels[each].values()}
    _row("versions", ", ".join(f"{name} {version}" for name, version in sorted(every)))
    loose = sorted({wheel.name for wheel in every.values()} - _pinned(asked))
    if loose:
        _row("not pinned", f"another day may bring another version of {', '.join(loose)}",
             "[yellow]!![/yellow]")  # fmt: skip
    _row("licences", f"of {add_licences(bundle, every.values())} distributions")


def _pinned(asked: dict[str, Requirement]) -> set[str]:
    return {name for name, each in asked.items() if str(each.specifier).startswith("==")}


def main(arguments: list[str] | None = None) -> int:
    """Build, or say in a sentence why not."""
    asked = _arguments(arguments)
    try:
        build(asked)
    except (Refused, Unreachable) as error:
        complaints.print(str(error), style="red", markup=False)
        return 3 if isinstance(error, Unreachable) else 1
    except KeyboardInterrupt:
        return 130
    console.print(f"{os.path.relpath(asked.output)}")
    if asked.offline:
        console.print("Without the licences of others and without proof: not for a release.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
