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
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import Distribution, PackageNotFoundError, PathDistribution, distribution
from pathlib import Path, PurePosixPath
from typing import Any

try:
    import yaml
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name
except ModuleNotFoundError as error:
    sys.stderr.write(f"This Python has no {error.name}: run make greengrass, which has its own.\n")
    sys.exit(1)

ROOT = Path(__file__).resolve().parents[1]
NAME = "io.callbox.TwilioNotifications"
FILES = {
    "install.sh": "greengrass/install.sh",
    "launch.sh": "greengrass/launch.sh",
    "README.md": "greengrass/README.md",
    "LICENSE": "LICENSE",
}
"""Of the artifact, and where they come from. The wheel, licences/ and artifact are added."""
WITHOUT_TEXT = {"awsiotsdk": "Apache"}
"""Distributions that bring no text of their licence, and the word for the one of this project."""


class Refused(Exception):  # noqa: N818 - it is a verdict
    """Something is not as it must be; the text is one sentence that says what and where."""


class Unreachable(Exception):  # noqa: N818 - it is a verdict
    """No package index answers."""


# --- the recipe -----------------------------------------------------------------------------------

LARGEST = 16 * 1024
"""Bytes of a recipe that nucleus lite reads."""
TOP = {
    "RecipeFormatVersion", "ComponentName", "ComponentVersion", "ComponentDescription",
    "ComponentPublisher", "ComponentConfiguration", "ComponentDependencies", "Manifests",
}  # fmt: skip
"""Keys that both nuclei know, spelled as nucleus lite wants them."""
STEPS = {"install", "run", "startup"}
"""Steps that nucleus lite runs."""
STEP = {"Script", "Setenv", "Timeout", "RequiresPrivilege"}
VARIABLES = {"artifacts:path", "artifacts:decompressedPath", "kernel:rootPath", "iot:thingName",
             "work:path"}  # fmt: skip
OPERATIONS = {
    "aws.greengrass.ipc.pubsub": {"SubscribeToTopic", "PublishToTopic"},
    "aws.greengrass.ipc.mqttproxy": {"SubscribeToIoTCore", "PublishToIoTCore"},
    "aws.greengrass.SecretManager": {"GetSecretValue"},
}
"""What the component may ask to be allowed, by service."""
SHORTEST_INSTALL = 300
"""Seconds: pip takes minutes on a small machine, and a nucleus waits for two if not told."""
_SEMVER = r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?"
_POLICY = re.compile(rf"{re.escape(NAME)}:[a-z]+:\d+")
_TOPIC = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+){1,7}")
_ENVIRONMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class _Loader(yaml.SafeLoader):
    """Refuses a key that is there twice, of which one would be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                where = node.start_mark.line + 1
                raise Refused(f"{key} is there twice in the mapping that begins in line {where}.")
        return super().construct_mapping(node, deep)


def read(text: str) -> dict[str, Any]:
    """Read a recipe. Raises Refused if it is no mapping in YAML."""
    try:
        recipe = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise Refused(f"The recipe is not YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(recipe, dict):
        raise Refused("The recipe is no mapping of keys such as ComponentName.")
    return recipe


def faults(text: str, files: Iterable[str] = FILES) -> list[str]:
    """Give what is wrong with a recipe, a sentence each.

    The rules are those of the recipe reference of AWS IoT Greengrass V2 and of what nucleus lite
    reads of it, and those of this project: nothing but fixed words in a script.

    Args:
        text: the recipe, in YAML.
        files: names in the artifact.

    """
    try:
        recipe = read(text)
    except Refused as error:
        return [str(error)]
    defaults = recipe.get("ComponentConfiguration", {})
    defaults = defaults.get("DefaultConfiguration", {}) if isinstance(defaults, dict) else {}
    if not isinstance(defaults, dict):
        return ["ComponentConfiguration has no mapping DefaultConfiguration."]
    return [
        *_size(text), *_head(recipe), *_dependencies(recipe), *_defaults(defaults),
        *_policies(defaults.get("accessControl")), *_manifests(recipe, defaults, set(files)),
    ]  # fmt: skip


def _size(text: str) -> Iterator[str]:
    size = len(text.encode())
    if size > LARGEST:
        yield f"The recipe has {size} bytes, but nucleus lite reads no more than {LARGEST}."


def _head(recipe: dict[str, Any]) -> Iterator[str]:
    for key in sorted(map(str, recipe.keys() - TOP)):
        yield f"{key} is not a key that both nuclei know: {', '.join(sorted(TOP))}."
    if recipe.get("RecipeFormatVersion") != "2020-01-25":
        yield 'RecipeFormatVersion is not the text "2020-01-25", in quotes.'
    if recipe.get("ComponentName") != NAME:
        yield f"ComponentName is {recipe.get('ComponentName')!r}, but must be {NAME}."
    version = recipe.get("ComponentVersion")
    if not (isinstance(version, str) and re.fullmatch(_SEMVER, version, re.ASCII)):
        yield f'ComponentVersion is {version!r}, but must be a text like "1.2.3".'
    for key in ("ComponentDescription", "ComponentPublisher"):
        if not isinstance(recipe.get(key), str) or not recipe[key].strip():
            yield f"{key} is missing."


def _dependencies(recipe: dict[str, Any]) -> Iterator[str]:
    for name in recipe.get("ComponentDependencies") or {}:
        yield f"ComponentDependencies has {name}, which not every nucleus has."


def _defaults(defaults: dict[str, Any]) -> Iterator[str]:
    for where, value in _leaves(defaults):
        if not isinstance(value, str):
            yield f"DefaultConfiguration: {where} is {value!r}, but must be a text, in quotes."


def _leaves(value: object, where: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{where}/{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{where}/{number}")
    else:
        yield where, value


def _policies(control: object) -> Iterator[str]:
    if not isinstance(control, dict) or not control:
        yield "DefaultConfiguration has no accessControl."
        return
    seen: set[str] = set()
    for service, policies in control.items():
        if service not in OPERATIONS or not isinstance(policies, dict):
            yield f"accessControl: {service} is no service that the component uses."
            continue
        for name, policy in policies.items():
            if name in seen:
                yield f"accessControl: the policy {name} is there twice."
            seen.add(name)
            yield from (
                f"accessControl: {name} {fault}" for fault in _policy(service, name, policy)
            )


def _policy(service: str, name: str, policy: object) -> Iterator[str]:
    if not _POLICY.fullmatch(str(name)):
        yield f"is not named like {NAME}:pubsub:1."
    if not isinstance(policy, dict):
        yield "is no mapping."
        return
    allowed = {f"aws.greengrass#{each}" for each in OPERATIONS[service]}
    for operation in _texts(policy.get("operations")) or ["nothing"]:
        if operation not in allowed:
            yield f"allows {operation}, which {service} does not have."
    resources = _texts(policy.get("resources"))
    if not resources:
        yield "names no resources."
    for resource in resources:
        if not _TOPIC.fullmatch(resource) and service != "aws.greengrass.SecretManager":
            yield f"names {resource!r}, which is no exact topic."
        if "*" in resource and service == "aws.greengrass.SecretManager":
            yield f"names {resource!r}, which is no exact ARN."


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _manifests(recipe: dict[str, Any], defaults: dict[str, Any], files: set[str]) -> Iterator[str]:
    manifests = recipe.get("Manifests")
    if not isinstance(manifests, list) or not manifests:
        yield "Manifests is no list, or empty."
        return
    for number, manifest in enumerate(manifests):
        for check in (_platform, _artifacts, partial(_lifecycle, defaults, files)):
            yield from (f"Manifests/{number}: {fault}" for fault in check(manifest))


def _platform(manifest: dict[str, Any]) -> Iterator[str]:
    found = manifest.get("Platform") or {}
    if found.get("os") != "linux":
        yield f"Platform/os is {found.get('os')!r}, but must be linux."
    if found.get("runtime") != "*":
        yield 'Platform/runtime is not "*", without which nucleus lite passes the manifest over.'
    if found.get("architecture") not in {None, "amd64", "aarch64"}:
        yield f"Platform/architecture is {found['architecture']}: there is amd64 and aarch64."


def _artifacts(manifest: dict[str, Any]) -> Iterator[str]:
    artifacts = manifest.get("Artifacts") or []
    if len(artifacts) != 1:
        yield "Artifacts must be one, the ZIP."
    for artifact in artifacts:
        uri = str(artifact.get("URI"))
        if not uri.startswith("s3://") or PurePosixPath(uri).name != f"{NAME}.zip":
            yield f"Artifacts: {uri} is no s3://.../{NAME}.zip."
        if artifact.get("Unarchive") != "ZIP":
            yield "Artifacts: Unarchive is not ZIP."


def _lifecycle(
    defaults: dict[str, Any], files: set[str], manifest: dict[str, Any]
) -> Iterator[str]:
    lifecycle = manifest.get("Lifecycle") or {}
    yield from _environment("Lifecycle", lifecycle.get("Setenv"), defaults)
    steps = {name: step for name, step in lifecycle.items() if name != "Setenv"}
    for name in sorted(steps.keys() - STEPS):
        yield f"Lifecycle/{name} is no step of nucleus lite: {', '.join(sorted(STEPS))}, lowercase."
    if len(steps.keys() & {"run", "startup"}) != 1:
        yield "Lifecycle must have one of run and startup."
    for name in sorted(steps.keys() & STEPS):
        yield from _step(f"Lifecycle/{name}", steps[name], defaults, files)
    yield from _install(steps.get("install"))


def _install(step: object) -> Iterator[str]:
    timeout = step.get("Timeout") if isinstance(step, dict) else None
    if not isinstance(timeout, int) or timeout < SHORTEST_INSTALL:
        yield f"Lifecycle/install: Timeout is {timeout}, but pip may take {SHORTEST_INSTALL} s."


def _step(where: str, step: object, defaults: dict[str, Any], files: set[str]) -> Iterator[str]:
    if not isinstance(step, dict) or not isinstance(step.get("Script"), str):
        yield f"{where} has no text Script."
        return
    for key in sorted(step.keys() - STEP):
        yield f"{where}/{key} is not a key that both nuclei know: {', '.join(sorted(STEP))}."
    if str(step.get("RequiresPrivilege", "false")).lower() != "false":
        yield f"{where} asks to be root, which Callbox has no use for."
    yield from _environment(where, step.get("Setenv"), defaults)
    yield from _script(where, step["Script"], files)


def _script(where: str, script: str, files: set[str]) -> Iterator[str]:
    for variable in re.findall(r"{([^}]*)}?", script):
        if variable.startswith("configuration:"):
            yield f"{where}: {{{variable}}} would be read by a shell: give it by Setenv."
        elif variable not in VARIABLES:
            yield f"{where}: {{{variable}}} is no variable, and nucleus lite fails at it."
    for path in re.findall(r"{artifacts:decompressedPath}/+([^\s\"']+)", script):
        folder, _, name = path.partition("/")
        if folder != NAME or name not in files:
            yield f"{where}: {path} is not in the artifact."
    if "{artifacts:decompressedPath}" not in script:
        yield f"{where} runs nothing of the artifact."


def _environment(where: str, values: object, defaults: dict[str, Any]) -> Iterator[str]:
    for name, value in (values if isinstance(values, dict) else {}).items():
        if not _ENVIRONMENT.fullmatch(str(name)) or str(name).startswith("CALLBOX_"):
            yield f"{where}/Setenv: {name} is no name for it; CALLBOX_ is for configuration."
        if not isinstance(value, str):
            yield f"{where}/Setenv: {name} is {value!r}, but must be a text, in quotes."
            continue
        for variable in re.findall(r"{([^}]*)}?", value):
            yield from _variable(f"{where}/Setenv: {name}", variable, defaults)


def _variable(where: str, variable: str, defaults: dict[str, Any]) -> Iterator[str]:
    kind, _, pointer = variable.partition(":/")
    if kind != "configuration":
        if variable not in VARIABLES:
            yield f"{where} has {{{variable}}}, which is no variable."
        return
    value: Any = defaults
    for key in pointer.split("/"):
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, str):
        yield f"{where} has {{{variable}}}, which is no text of DefaultConfiguration."


# --- libraries ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    """A machine that an artifact brings its wheels for."""

    python: str
    machine: str

    def __str__(self) -> str:
        """Give it as a reader knows it."""
        return f"CPython {self.python} on {self.machine}"

    @property
    def environment(self) -> dict[str, str]:
        """Give what the conditions of requirements are asked of."""
        return {
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
        }


MACHINES = {"x86_64": ("x86_64",), "aarch64": ("aarch64",), "both": ("x86_64", "aarch64")}
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = ("manylinux2014", "manylinux_2_28")
"""Of the C library: what a Debian 10 has, and newer."""

Find = Callable[[str], Distribution | None]
"""Gives a distribution by its name in normal form."""


def needed(
    asked: Iterable[Requirement], find: Find, environment: dict[str, str]
) -> dict[str, Distribution]:
    """Give what requirements lead to, by name. Raises Refused if something is not there.

    Args:
        asked: where to begin.
        find: gives what is there.
        environment: what conditions are asked of; what is absent in it is of this machine.

    """
    found: dict[str, Distribution] = {}
    done: set[str] = set()
    open_ = list(asked)
    while open_:
        want = open_.pop()
        if str(want) in done:
            continue
        done.add(str(want))
        name = canonicalize_name(want.name)
        there = find(name)
        if there is None or not want.specifier.contains(there.version, prereleases=True):
            raise Refused(f"{want.name}{want.specifier} is not there: Callbox needs it.")
        found[name] = there
        open_ += _of(there, want.extras, environment)
    return found


def _of(
    there: Distribution, extras: Iterable[str], environment: dict[str, str]
) -> Iterator[Requirement]:
    for text in there.requires or ():
        want = Requirement(text)
        wishes = ({**environment, "extra": extra} for extra in (*extras, ""))
        if want.marker is None or any(want.marker.evaluate(each) for each in wishes):
            yield want


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


def in_wheels(folder: Path) -> dict[str, Distribution]:
    """Give the distributions of a folder of wheels, by name."""
    found: dict[str, Distribution] = {}
    for path in sorted(folder.glob("*.whl")):
        inside = zipfile.Path(path)
        (info,) = (each for each in inside.iterdir() if each.name.endswith(".dist-info"))
        there = PathDistribution(info)
        found[canonicalize_name(there.metadata["Name"])] = there
    return found


_LICENCE = re.compile(
    r"[^/]+\.dist-info/(?:licen[cs]es/(.+)|((?:licen[cs]e|copying|notice|authors)[^/]*))",
    re.IGNORECASE,
)


def licences(distributions: Iterable[Distribution], own: bytes) -> dict[str, bytes]:
    """Give the licences of others, and an index, by their names in the artifact."""
    texts: dict[str, bytes] = {}
    index = []
    for each in sorted(distributions, key=lambda each: canonicalize_name(each.metadata["Name"])):
        name = f"{canonicalize_name(each.metadata['Name'])}-{each.version}"
        files = dict(_licence_files(each)) or _without_text(each, own)
        texts |= {f"licences/{name}/{inside}": text for inside, text in files.items()}
        index.append(f"{name}: {_expression(each)}\n    {', '.join(sorted(files))}\n")
    head = "Callbox stands on these, each under its own licence:\n\n"
    return texts | {"licences/index.txt": (head + "\n".join(index)).encode()}


def _licence_files(each: Distribution) -> Iterator[tuple[str, bytes]]:
    for file in each.files or ():
        if not (found := _LICENCE.fullmatch(file.as_posix())):
            continue
        inside = PurePosixPath(found[1] or found[2])
        if inside.is_absolute() or ".." in inside.parts or "\\" in str(inside):
            raise Refused(f"{each.name} has the licence {file}, which leads out of its folder.")
        text: Any = file.locate()  # of this disk, or within a wheel
        yield str(inside), text.read_bytes()


def _without_text(each: Distribution, own: bytes) -> dict[str, bytes]:
    word = WITHOUT_TEXT.get(canonicalize_name(each.name))
    if word is None or word not in _expression(each):
        raise Refused(f"{each.name} {each.version} brings no text of its licence.")
    return {"LICENSE": own}


def _expression(each: Distribution) -> str:
    """Give a licence as the distribution names it."""
    about = each.metadata
    told = about.get_all("License-Expression") or about.get_all("License")
    if told and "\n" not in told[0]:
        return str(told[0]).rpartition(" :: ")[2]
    classes = about.get_all("Classifier") or []
    named = [text.rpartition(" :: ")[2] for text in classes if text.startswith("License :: ")]
    if not named:
        raise Refused(f"{each.name} {each.version} does not say what its licence is.")
    return ", ".join(named)


# --- wheels ---------------------------------------------------------------------------------------


def _pip(arguments: list[str], where: str) -> None:
    """Run pip; a failure becomes one sentence."""
    command = [sys.executable, "-m", "pip", *arguments, "--quiet", "--no-input",
               "--disable-pip-version-check", "--progress-bar=off"]  # fmt: skip
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        env={"SOURCE_DATE_EPOCH": "315532800"} | os.environ,
    )  # fmt: skip
    if done.returncode:
        raise _complaint(done.stdout.splitlines(), where)


def _complaint(said: list[str], where: str) -> Exception:
    if any("Retrying (" in line or "NameResolutionError" in line for line in said):
        return Unreachable(f"No package index answers for {where}: connect, and try again.")
    told = [line.strip() for line in said if line.startswith("ERROR: ")] or said or ["ERROR: ?"]
    return Refused(f"pip fails for {where}: {told[-1].removeprefix('ERROR: ')}")


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
        _pip(["wheel", "--no-deps", *alone, "--wheel-dir", str(into), name], "the wheel of Callbox")
    (wheel,) = into.glob("callbox-*.whl")
    return wheel


def fetch(wheel: Path, machines: Iterable[str], into: Path) -> list[Target]:
    """Fetch all wheels that a wheel needs on machines, for every Python; give for what.

    pip reads the conditions of requirements as if they were for the machine it runs on, so what it
    fetched is looked at again.
    """
    targets = [Target(python, machine) for machine in machines for python in PYTHONS]
    for target in targets:
        with tempfile.TemporaryDirectory(prefix="callbox-wheels-") as name:
            platforms = [f"--platform={each}_{target.machine}" for each in PLATFORMS]
            _pip(
                ["download", "--only-binary=:all:", "--implementation=cp", *platforms,
                 f"--python-version={target.python}", "--dest", name, f"{wheel}[greengrass]"],
                str(target),
            )  # fmt: skip
            _prove(wheel, Path(name), target)
            for path in Path(name).glob("*.whl"):
                if path.name != wheel.name:
                    shutil.copyfile(path, into / path.name)
    return targets


def _prove(wheel: Path, folder: Path, target: Target) -> None:
    there = in_wheels(folder)
    asked = Requirement("callbox[greengrass]")
    try:
        need = needed([asked], there.get, target.environment)
    except Refused as error:
        raise Refused(f"{target}: {error}") from None
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


# --- the artifact ---------------------------------------------------------------------------------


def pack(files: dict[str, bytes], target: Path) -> Path:
    """Write a ZIP; the same files give the same bytes.

    Files are stored as they are: what a compressor makes of them differs from one version of zlib
    to the next.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, wherever it is built
            entry.external_attr = (0o100755 if name.endswith(".sh") else 0o100644) << 16
            archive.writestr(entry, content)
    return target


def named(files: dict[str, bytes], of: str) -> dict[str, bytes]:
    """Add the name by which a work folder knows the artifact: its version and a sum of it."""
    total = hashlib.sha256()
    for name, content in sorted(files.items()):
        total.update(f"{name}\0{len(content)}\0".encode() + content)
    return files | {"artifact": f"{of}-{total.hexdigest()[:12]}\n".encode()}


def recipe_of(source: Path, files: Iterable[str] = FILES) -> str:
    """Give the recipe with the version. Raises Refused with the first thing wrong with it."""
    text = (source / "greengrass" / "recipe.yaml").read_text(encoding="utf-8")
    text = text.replace('"{COMPONENT_VERSION}"', f'"{version(source)}"')
    for fault in faults(text, files):
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
        if Target(".".join(platform.python_version_tuple()[:2]), platform.machine()) in targets:
            try_out(artifact, folder)
        return _deliver(artifact, recipe, asked)


def _content(source: Path, wheel: Path, wheels: Path) -> dict[str, bytes]:
    files = {name: (source / path).read_bytes() for name, path in FILES.items()}
    files[wheel.name] = wheel.read_bytes()
    files |= {f"wheels/{path.name}": path.read_bytes() for path in wheels.glob("*.whl")}
    if brought := in_wheels(wheels):
        others = brought.values()
    else:
        others = needed(requirements(source), installed, {}).values()
    return files | licences(others, files["LICENSE"])


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


# --- the command ----------------------------------------------------------------------------------


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
    except (Refused, Unreachable) as error:
        print(error, file=sys.stderr)
        return 3 if isinstance(error, Unreachable) else 1
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
