"""Wheels: what pip fetches for other machines, and what they need there."""

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

import archive
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from verdicts import Refused, Unreachable

_PLATFORMS = {"Linux": "linux", "Darwin": "darwin"}
"""What sys.platform is where platform.system() is this."""


@dataclass(frozen=True)
class Target:
    """A Python on a machine that wheels are fetched for."""

    python: str
    """Like 3.11."""
    patch: int
    """Of Python: the third number of its version."""
    system: str
    """As platform.system() names it: Linux or Darwin."""
    machine: str
    platforms: tuple[str, ...]
    """As pip names them."""
    title: str
    """As a reader knows it."""

    def __str__(self) -> str:
        return self.title

    @property
    def environment(self) -> dict[str, str]:
        """Give what the conditions of requirements are asked of."""
        return {
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_system": self.system,
            "python_full_version": f"{self.python}.{self.patch}",
            "python_version": self.python,
            "sys_platform": _PLATFORMS[self.system],
        }


class Wheel(PathDistribution):
    """A distribution as it is in a wheel; `path` is the wheel."""

    def __init__(self, path: Path) -> None:
        (info,) = (
            each for each in zipfile.Path(path).iterdir() if each.name.endswith(".dist-info")
        )
        super().__init__(info)
        self.path = path


Find = Callable[[str], Distribution | None]
"""Gives a distribution by its name in normal form."""


def name_of(there: Distribution) -> NormalizedName:
    """Give the name that a distribution is compared by."""
    return canonicalize_name(there.metadata["Name"])


def in_folder(folder: Path) -> dict[str, Wheel]:
    """Give the wheels of a folder, by name."""
    return {name_of(wheel): wheel for wheel in map(Wheel, sorted(folder.glob("*.whl")))}


def needed(
    asked: Iterable[Requirement], by: str, find: Find, target: Target | None = None
) -> dict[str, Distribution]:
    """Give what requirements lead to, by name. Raises Refused if something is not there.

    pip reads the conditions of requirements as if they were for the machine it runs on, so it can
    choose too few or too many for another.

    Args:
        asked: where to begin.
        by: who asks.
        find: gives what is there.
        target: what it is needed on; this machine, if None.

    """
    found: dict[str, Distribution] = {}
    done: set[str] = set()
    open_ = [(each, by) for each in asked]
    while open_:
        want, asking = open_.pop()
        if str(want) not in done:
            done.add(str(want))
            there = _fitting(want, asking, find, target)
            found[name_of(there)] = there
            named = f"{name_of(there)} {there.version}"
            open_ += ((each, named) for each in _needs(there, want.extras, target))
    return found


def _fitting(want: Requirement, by: str, find: Find, target: Target | None) -> Distribution:
    there = find(canonicalize_name(want.name))
    if there is None or not want.specifier.contains(there.version, prereleases=True):
        where = target or "this machine"
        raise Refused(f"{want.name}{want.specifier} is missing for {where}: {by} needs it.")
    return there


def _needs(
    there: Distribution, extras: Iterable[str], target: Target | None
) -> Iterator[Requirement]:
    environment = target.environment if target else {}
    for text in there.requires or ():
        want = Requirement(text)
        wishes = ({**environment, "extra": extra} for extra in (*extras, ""))
        if want.marker is None or any(want.marker.evaluate(each) for each in wishes):
            yield want


def download(
    asked: Sequence[str], target: Target, into: Path, advance: Callable[[], None] = lambda: None
) -> None:
    """Have pip put the wheels that it chooses for a target into a folder.

    Args:
        asked: arguments that name what is wanted.
        target: what it is wanted for.
        into: the folder.
        advance: is called with each distribution found.

    """
    platforms = (f"--platform={each}" for each in target.platforms)
    pip(
        ["download", "--only-binary=:all:", "--implementation=cp", *platforms,
         f"--python-version={target.python}", "--dest", str(into), *asked],
        str(target), advance,
    )  # fmt: skip


def pip(arguments: list[str], where: str, advance: Callable[[], None] = lambda: None) -> None:
    """Run pip. Raises Refused with what it means, or Unreachable.

    Args:
        arguments: of pip.
        where: what it works for, as a reader knows it.
        advance: is called with each distribution found.

    """
    command = [sys.executable, "-m", "pip", *arguments, "--progress-bar=off", "--no-input",
               "--disable-pip-version-check"]  # fmt: skip
    said = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={"SOURCE_DATE_EPOCH": str(archive.FIRST)} | os.environ,
    ) as running:  # fmt: skip
        for line in running.stdout or ():
            said.append(line.rstrip())
            if line.startswith("Collecting "):
                advance()
    if running.returncode:
        raise complaint(said, where)


def complaint(said: list[str], where: str) -> Exception:
    """Give what pip means by the lines that it said."""
    if any("Retrying (" in line or "NameResolutionError" in line for line in said):
        return Unreachable(f"No package index answers for {where}")
    errors = [line.removeprefix("ERROR: ") for line in said if line.startswith("ERROR: ")]
    for line in errors:
        if absent := re.match(r"No matching distribution found for (\S+)", line):
            return Refused(f"{absent[1]} has no wheel for {where}.")
    return Refused(f"pip fails for {where}: {(errors or said or ['no word of why'])[-1].strip()}")
