"""The wheels that Indigo will install beside the plugin, on every Mac it is to run on."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from packaging.requirements import Requirement
from verdicts import Refused
from wheels import Target, Wheel, download, in_folder, needed


def _mac(python: str, version: str, machine: str) -> Target:
    """Give a Mac by the first macOS that this Python and all the wheels run on.

    pip takes wheels for older ones and universal2 too.
    """
    tag = f"macosx_{version.replace('.', '_')}_{machine}"
    title = f"CPython {python}, macOS {version} {machine}"
    return Target(python, 6, "Darwin", machine, (tag,), title)


TARGETS = (
    _mac("3.11", "10.13", "x86_64"),
    _mac("3.11", "11.0", "arm64"),
    _mac("3.13", "10.13", "x86_64"),
    _mac("3.13", "11.0", "arm64"),
)
"""The Pythons of Indigo 2023.2 and 2025.2, on both kinds of Mac."""


class Shop:
    """Fetches wheels, and keeps those of each target for the next build."""

    def __init__(self, asked: Path, cache: Path, advance: Callable[[], None]) -> None:
        """Take requirements.txt, a folder, and whom to tell of each distribution found."""
        self._asked = asked
        self._cache = cache
        self._advance = advance

    def wheels(self, target: Target) -> dict[str, Wheel]:
        """Give the wheels that pip chooses for a target, by name."""
        (tag,) = target.platforms
        about = f"{tag} {target.python}\n{self._asked.read_text(encoding='utf-8')}"
        folder = self._cache / hashlib.sha256(about.encode()).hexdigest()[:16]
        if not folder.is_dir():
            self._fetch(target, folder)
        return in_folder(folder)

    def _fetch(self, target: Target, folder: Path) -> None:
        self._cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._cache) as part:
            download(["--requirement", str(self._asked)], target, Path(part), self._advance)
            shutil.copytree(part, folder, dirs_exist_ok=True)


def checked(
    wheels: Mapping[str, Wheel], asked: dict[str, Requirement], used: set[str], target: Target
) -> str:
    """Check that wheels fit each other on a Mac, and that all of them are needed.

    Args:
        wheels: what pip chose.
        asked: requirements.txt.
        used: what the bundle imports.
        target: the Mac.

    """
    of = "requirements.txt"
    every = needed(asked.values(), of, wheels.get, target)
    for name in sorted(wheels.keys() - every):
        raise Refused(f"{name} is fetched for {target}, but nothing needs it there.")
    imported = needed([asked[name] for name in asked if name in used], of, wheels.get, target)
    for name in sorted(asked.keys() - imported):
        raise Refused(f"requirements.txt asks for {name}, but nothing imports it.")
    size = sum(wheel.path.stat().st_size for wheel in wheels.values())
    return f"{target}: {len(wheels)} wheels, {size / 1e6:.1f} MB"
