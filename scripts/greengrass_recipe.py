"""The recipe of the Greengrass component, and what is wrong with one.

The rules are those of the recipe reference of AWS IoT Greengrass V2 and of what nucleus lite reads
of it, and those of this project: nothing but fixed words in a script.
"""

import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import yaml
from verdicts import Refused

NAME = "io.callbox.TwilioNotifications"
"""Of the component."""
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


def faults(text: str, files: Iterable[str]) -> list[str]:
    """Give what is wrong with a recipe, a sentence each.

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
