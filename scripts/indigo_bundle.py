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
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import Distribution
from pathlib import Path

try:
    import archive
    from indigo_checks import CHECKS, PROPERTIES, identified
    from indigo_contents import CODE, LICENCE, LICENCES, NAME, UNWANTED, is_left_out, requirements
    from indigo_imports import distributions, foreign, modules
    from indigo_wheels import TARGETS, Shop, checked
    from licences import licences
    from packaging.requirements import Requirement
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.table import Table
    from verdicts import Refused, Unreachable
    from wheels import pip
except ModuleNotFoundError as error:
    sys.stderr.write(f"This Python has no {error.name}: run make indigo, which has its own.\n")
    sys.exit(1)

ROOT = Path(__file__).resolve().parents[1]
WHEELS = ROOT / "build" / "indigo-wheels"
IDENTIFIER = "com.flyingdiver.indigoplugin.twilio"
"""As in the sources, and of the plugin that this one replaces."""

console = Console(highlight=False)
complaints = Console(stderr=True, highlight=False, soft_wrap=True)


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
        if not is_left_out(name):
            yield path, f"{CODE}/callbox/{name}"
    if (licence := source / "LICENSE").is_file() and not licence.is_symlink():
        yield licence, LICENCE


def _files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Give the files in a folder, and none that only a symbolic link leads to."""
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for each in sorted(files):
            path = Path(parent, each)
            name = path.relative_to(folder).as_posix()
            if path.is_file() and not (path.is_symlink() or UNWANTED.search(name)):
                yield path, name


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


def examine(bundle: Path, checks: dict[str, Callable[[Path], str]]) -> None:
    """Print what each check finds, up to the first that refuses the bundle."""
    for title, check in checks.items():
        _row(title, check(bundle))


def add_licences(bundle: Path, others: Iterable[Distribution]) -> int:
    """Put the licences of what will be installed into the bundle, and an index; give how many."""
    every = list(others)
    head = "Installed beside Callbox by requirements.txt, each under its own licence:"
    for name, text in licences(every, head, (bundle / LICENCE).read_bytes()).items():
        path = bundle / LICENCES / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    return len(every)


def pack(bundle: Path, target: Path) -> Path:
    """Write the zip; the same files give the same bytes, under the date of SOURCE_DATE_EPOCH."""
    text = os.environ.get("SOURCE_DATE_EPOCH", str(archive.FIRST))
    if not text.isdecimal():
        raise Refused(f"SOURCE_DATE_EPOCH is {text!r}, but must be seconds since 1970.")
    paths = (path for path in bundle.rglob("*") if path.is_file())
    files = {path.relative_to(bundle.parent).as_posix(): path.read_bytes() for path in paths}
    return archive.pack(files, target, int(text))


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
    with zipfile.ZipFile(packed) as inside:
        inside.extractall(folder)
    bundle, packages = folder / NAME, folder / NAME / "Contents" / "Packages"
    began = time.monotonic()
    asked = ["--target", str(packages), "--requirement", str(bundle / CODE / "requirements.txt")]
    here = f"this machine, Python {platform.python_version()}"
    pip(["install", "--only-binary=:all:", *asked], here)
    lasted = time.monotonic() - began
    count, seconds = _read(bundle, packages)
    size = sum(path.stat().st_size for path in packages.rglob("*") if path.is_file())
    return (f"{lasted:.1f} s and {size / 1e6:.0f} MB with Python {platform.python_version()}; "
            f"{count} modules imported in {seconds:.1f} s")  # fmt: skip


def _read(bundle: Path, packages: Path) -> tuple[int, float]:
    """Import everything in a Python that sees nothing else; give how much, and the seconds."""
    own = [each for each in modules(bundle) if each != "plugin" and "__main__" not in each]
    others = {each.module for each in foreign(bundle) if each.certain}
    names = [*own, *sorted(others)]
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", _READ, bundle / CODE, packages, *names],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise Refused(f"An installed bundle cannot import {done.stderr.strip().splitlines()[-1]}.")
    return len(names), time.monotonic() - began


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
    every = {
        (name, wheel.version): wheel
        for each in reversed(TARGETS)
        for name, wheel in wheels[each].items()
    }
    _row("versions", ", ".join(f"{name} {version}" for name, version in sorted(every)))
    loose = sorted({name for name, _ in every} - _pinned(asked))
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
    except Refused as error:
        complaints.print(str(error), style="red", markup=False)
        return 1
    except Unreachable as error:
        remedy = "try again, or build with ARGS=--offline."
        complaints.print(f"{error}: {remedy}", style="red", markup=False)
        return 3
    except KeyboardInterrupt:
        return 130
    console.print(f"{os.path.relpath(asked.output)}")
    if asked.offline:
        console.print("Without the licences of others and without proof: not for a release.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
