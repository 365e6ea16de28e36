"""Builds the AWS IoT Greengrass component: dist/greengrass/, the artifact and its recipe.

    make greengrass                              build and check (seconds)
    make greengrass ARGS="--wheels aarch64"      for devices without a package index (minutes)
    make greengrass ARGS="--layout FOLDER"       also laid out for gdk and for local deployments

The same sources and libraries give the same bytes. Nothing is written that is not as it must be.
Exit codes: 0 built; 1 not as it must be, or this Python lacks a library; 2 wrong arguments;
3 no package index answers.
"""

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

try:
    from archive import pack
    from greengrass_recipe import NAME, faults
    from licences import licences
    from packaging.requirements import Requirement
    from verdicts import Refused, Unreachable
    from wheels import Target, download, in_folder, needed, pip
except ModuleNotFoundError as error:
    sys.stderr.write(f"This Python has no {error.name}: run make greengrass, which has its own.\n")
    sys.exit(1)

ROOT = Path(__file__).resolve().parents[1]
FILES = {
    "install.sh": "greengrass/install.sh",
    "launch.sh": "greengrass/launch.sh",
    "README.md": "greengrass/README.md",
    "LICENSE": "LICENSE",
}
"""Of the artifact, and where they come from. The wheel, licences/ and artifact are added."""
MACHINES = {"x86_64": ("x86_64",), "aarch64": ("aarch64",), "both": ("x86_64", "aarch64")}
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = ("manylinux2014", "manylinux_2_28")
"""Of the C library: what a Debian 10 has, and newer."""


def target(python: str, machine: str) -> Target:
    """Give a machine that an artifact brings its wheels for."""
    platforms = tuple(f"{each}_{machine}" for each in PLATFORMS)
    return Target(python, 0, "Linux", machine, platforms, f"CPython {python} on {machine}")


def requirements(source: Path) -> list[Requirement]:
    """Give what the component needs, as the project says."""
    project = _project(source)
    extra = project.get("optional-dependencies", {}).get("greengrass")
    if not extra:
        raise Refused("pyproject.toml has no optional dependencies named greengrass.")
    return [Requirement(text) for text in (*project["dependencies"], *extra)]


def version(source: Path) -> str:
    """Give the version of Callbox, which is that of the component."""
    return str(_project(source)["version"])


def _project(source: Path) -> dict[str, Any]:
    return dict(tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"])


def installed(name: str) -> Distribution | None:
    """Give a distribution of this Python."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def build_wheel(source: Path, into: Path) -> Path:
    """Build the wheel of Callbox from a copy of the sources, without what lies about there."""
    with tempfile.TemporaryDirectory(prefix="callbox-wheel-") as name:
        copy = Path(name)
        for each in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copyfile(source / each, copy / each)
        shutil.copytree(source / "src", copy / "src")
        for path in filter(Path.is_file, copy.rglob("*")):
            path.chmod(0o644)
        alone = ["--no-build-isolation"] if installed("hatchling") else []
        pip(["wheel", "--no-deps", *alone, "--wheel-dir", str(into), name], "the wheel of Callbox")
    (wheel,) = into.glob("callbox-*.whl")
    return wheel


def fetch(wheel: Path, machines: Iterable[str], into: Path) -> list[Target]:
    """Fetch all wheels that a wheel needs on machines, for every Python; give for what."""
    targets = [target(python, machine) for machine in machines for python in PYTHONS]
    for each in targets:
        with tempfile.TemporaryDirectory(prefix="callbox-wheels-") as name:
            download([f"{wheel}[greengrass]"], each, Path(name))
            _prove(wheel, Path(name), each)
            for path in Path(name).glob("*.whl"):
                if path.name != wheel.name:
                    shutil.copyfile(path, into / path.name)
    return targets


def _prove(wheel: Path, folder: Path, target: Target) -> None:
    asked = Requirement("callbox[greengrass]")
    need = needed([asked], "the component", in_folder(folder).get, target)
    print(f"{target}: {len(need) - 1} wheels beside {wheel.name}")


def try_out(artifact: Path, folder: Path) -> None:
    """Install an artifact as a nucleus does, without a package index, for this machine."""
    with zipfile.ZipFile(artifact) as archive:
        archive.extractall(folder / "artifact")
    work = folder / "work"
    work.mkdir()
    done = subprocess.run(
        ["sh", folder / "artifact" / "install.sh"], cwd=work, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=os.environ | {"PythonPath": sys.executable, "PIP_NO_INDEX": "1"},
    )  # fmt: skip
    if done.returncode:
        raise Refused(f"The artifact cannot be installed here: {done.stdout.splitlines()[-1]}")


def named(files: dict[str, bytes], of: str) -> dict[str, bytes]:
    """Add the name by which a work folder knows the artifact: its version and a sum of it."""
    total = hashlib.sha256()
    for name, content in sorted(files.items()):
        total.update(f"{name}\0{len(content)}\0".encode() + content)
    return files | {"artifact": f"{of}-{total.hexdigest()[:12]}\n".encode()}


def recipe_of(source: Path) -> str:
    """Give the recipe with the version. Raises Refused with the first thing wrong with it."""
    text = (source / "greengrass" / "recipe.yaml").read_text(encoding="utf-8")
    text = text.replace('"{COMPONENT_VERSION}"', f'"{version(source)}"')
    for fault in faults(text, FILES):
        raise Refused(f"greengrass/recipe.yaml: {fault}")
    return text


def build(asked: argparse.Namespace) -> Path:
    """Build, check, prove; the files appear when all is well. Gives the artifact."""
    for name in (f"{NAME}.zip", "recipe.yaml"):
        (asked.output / name).unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="callbox-greengrass-") as name:
        folder = Path(name)
        (wheels := folder / "wheels").mkdir()
        recipe = recipe_of(ROOT)
        wheel = build_wheel(ROOT, folder)
        targets = fetch(wheel, MACHINES.get(asked.wheels, ()), wheels)
        files = named(_content(ROOT, wheel, wheels), version(ROOT))
        artifact = pack(files, folder / f"{NAME}.zip")
        if target(".".join(platform.python_version_tuple()[:2]), platform.machine()) in targets:
            try_out(artifact, folder)
        return _deliver(artifact, recipe, asked)


def _content(source: Path, wheel: Path, wheels: Path) -> dict[str, bytes]:
    files = {name: (source / path).read_bytes() for name, path in FILES.items()}
    files[wheel.name] = wheel.read_bytes()
    files |= {f"wheels/{path.name}": path.read_bytes() for path in wheels.glob("*.whl")}
    others: dict[str, Distribution] = {**in_folder(wheels)}
    others = others or needed(requirements(source), "Callbox", installed)
    head = "Callbox stands on these, each under its own licence:"
    texts = licences(others.values(), head, files["LICENSE"])
    return files | {f"licences/{name}": text for name, text in texts.items()}


def _deliver(artifact: Path, recipe: str, asked: argparse.Namespace) -> Path:
    targets = {asked.output / artifact.name: artifact.read_bytes(),
               asked.output / "recipe.yaml": recipe.encode()}  # fmt: skip
    if asked.layout:
        of = version(ROOT)
        targets[asked.layout / "artifacts" / NAME / of / artifact.name] = artifact.read_bytes()
        for name in ("recipe.yaml", f"{NAME}-{of}.yaml"):
            targets[asked.layout / "recipes" / name] = recipe.encode()
    for path, content in targets.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return Path(asked.output / artifact.name)


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    lines = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="make greengrass",
        usage="make greengrass [ARGS='--wheels aarch64 ...']",
        description=lines[0],
        epilog=lines[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--wheels", choices=MACHINES, nargs="?", const="both",
                        help="bring the libraries along, where there is no index")  # fmt: skip
    parser.add_argument("--layout", type=Path, metavar="FOLDER",
                        help="lay artifacts/ and recipes/ out there as well")  # fmt: skip
    parser.add_argument("--output", type=Path, default=ROOT / "dist" / "greengrass",
                        metavar="FOLDER", help="dist/greengrass")  # fmt: skip
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Build, or say in a sentence why not."""
    asked = _arguments(arguments)
    try:
        artifact = build(asked)
    except Refused as error:
        print(error, file=sys.stderr)
        return 1
    except Unreachable as error:
        print(f"{error}: connect, and try again.", file=sys.stderr)
        return 3
    except FileNotFoundError as error:
        print(f"{error.filename} is missing.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    size = artifact.stat().st_size / 1e6
    print(f"{os.path.relpath(artifact)}, {size:.1f} MB, and recipe.yaml beside it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
