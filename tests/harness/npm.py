"""Programs and libraries of npm, of one version each, in a folder that git ignores."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "build" / "fidelity"
PATIENCE = 600
"""Seconds that an installation may take."""


class NoNpm(Exception):  # noqa: N818 - it reads as the sentence it is
    """What is needed cannot be had; says what to do."""


def missing(packages: Mapping[str, str]) -> dict[str, str]:
    """Return what of some packages, by name and version, is not installed."""
    return {name: version for name, version in packages.items() if _installed(name) != version}


def _installed(name: str) -> str | None:
    manifest = FOLDER / "node_modules" / name / "package.json"
    return json.loads(manifest.read_text())["version"] if manifest.exists() else None


def install(packages: Mapping[str, str]) -> None:
    """Have npm install packages; NoNpm if it cannot."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise NoNpm("Node.js and npm are not installed (apt-get install npm, brew install node).")
    FOLDER.mkdir(parents=True, exist_ok=True)
    manifest = FOLDER / "package.json"
    if not manifest.exists():  # what it lists already is kept by npm
        manifest.write_text('{"private": true}')
    wanted = [f"{name}@{version}" for name, version in packages.items()]
    argv = [npm, "install", "--no-audit", "--no-fund", "--loglevel=error", *wanted]
    try:
        done = subprocess.run(
            argv, check=False, cwd=FOLDER, capture_output=True, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        raise NoNpm(f"npm install {' '.join(wanted)} took longer than {PATIENCE} s.") from None
    if done.returncode:
        raise NoNpm(f"npm install {' '.join(wanted)} failed: {done.stderr.strip()}")


def need(packages: Mapping[str, str]) -> None:
    """Have packages at hand; without npm skip the test, or fail where CI is set."""
    try:
        if lacking := missing(packages):
            install(lacking)
    except NoNpm as reason:
        if os.environ.get("CI"):
            pytest.fail(str(reason), pytrace=False)
        pytest.skip(str(reason))


def program(name: str) -> str:
    """Give the path of a program that a package brought."""
    return str(FOLDER / "node_modules" / ".bin" / name)


def evaluate(script: str, given: object) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Run JavaScript that reads JSON from stdin and writes some to stdout."""
    done = subprocess.run(
        ["node", "-e", script],
        cwd=FOLDER,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "NODE_PATH": str(FOLDER / "node_modules")},
    )
    return json.loads(done.stdout)
