"""`make greengrass`: what goes into the artifact, what is refused; and the examples beside it."""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import PathDistribution
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import wheels
import yaml
from greengrass_recipe import faults
from licences import licences
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from verdicts import Refused, Unreachable
from wheels import Target, complaint, needed

from callbox.hosts.bridge import COMMANDS

ROOT = Path(__file__).parents[2]
GREENGRASS = ROOT / "greengrass"
NAME = "io.callbox.TwilioNotifications"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def script(root: Path = ROOT) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "greengrass_component", root / "scripts" / "greengrass_component.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


BUNDLING: Any = script()
RECIPE: str = BUNDLING.recipe_of(ROOT)


def project(into: Path) -> Path:
    """Give a copy of what the component is made of."""
    for folder in ("greengrass", "src"):
        shutil.copytree(
            ROOT / folder, into / folder, ignore=shutil.ignore_patterns("__pycache__", "*-build")
        )
    (into / "scripts").mkdir()
    for name in ("LICENSE", "README.md", "pyproject.toml", "scripts/greengrass_component.py"):
        shutil.copyfile(ROOT / name, into / name)
    return into


# --- the artifact ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give what is delivered, with the layout for gdk in it."""
    folder = tmp_path_factory.mktemp("dist")
    assert BUNDLING.main(["--output", str(folder), "--layout", str(folder / "laid")]) == 0
    return folder


@pytest.fixture
def artifact(built: Path) -> zipfile.ZipFile:
    with zipfile.ZipFile(built / f"{NAME}.zip") as archive:
        return archive


def test_two_builds_are_the_same_bytes_whatever_lies_about(built: Path, tmp_path: Path) -> None:
    copy = project(tmp_path / "project")
    for path in copy.rglob("*"):
        path.chmod(0o700)
        os.utime(path, (1e9, 1e9))
    (copy / "src/callbox/__pycache__").mkdir()
    (copy / "src/callbox/__pycache__/clock.cpython-311.pyc").write_text("")
    (copy / "notes.txt").write_text("of mine")
    assert script(copy).main(["--output", str(tmp_path / "dist")]) == 0
    script()
    for name in (f"{NAME}.zip", "recipe.yaml"):
        assert (tmp_path / "dist" / name).read_bytes() == (built / name).read_bytes()


def test_the_artifact_has_the_wheel_the_scripts_and_the_licences_of_all_that_is_needed(
    artifact: zipfile.ZipFile,
) -> None:
    wheel = f"callbox-{PROJECT['version']}-py3-none-any.whl"
    inside = artifact.namelist()
    assert {name for name in inside if not name.startswith("licences/")} == {
        "LICENSE", "README.md", "artifact", "install.sh", "launch.sh", wheel,
    }  # fmt: skip
    assert {entry.external_attr >> 16 for entry in artifact.infolist()} == {0o100644, 0o100755}
    folders = {name.split("/")[1] for name in inside if name.startswith("licences/")}
    names = {folder.rpartition("-")[0] for folder in folders - {"index.txt"}}
    asked = (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["greengrass"])
    assert {canonicalize_name(Requirement(each).name) for each in asked} <= names
    assert {"awscrt", "typing-extensions", "urllib3"} <= names
    assert "pytest" not in names


def test_the_index_of_licences_names_each_with_version_and_licence(built: Path) -> None:
    with zipfile.ZipFile(built / f"{NAME}.zip") as archive:
        index = archive.read("licences/index.txt").decode()
        folders = {name.split("/")[1] for name in archive.namelist() if name.count("/") > 1}
        texts = [archive.read(name) for name in archive.namelist() if name.startswith("licences/")]
    assert re.search(r"^awsiotsdk-[\d.]+: Apache", index, re.MULTILINE)
    assert all(f"{folder}: " in index for folder in folders)
    assert all(texts)


def test_the_name_of_an_artifact_changes_with_anything_in_it() -> None:
    files = {"install.sh": b"1", "launch.sh": b"2"}
    names = {
        BUNDLING.named(each, "1.2.3")["artifact"]
        for each in (files, files | {"install.sh": b"2"}, files | {"more": b""})
    }
    assert len(names) == 3
    assert all(re.fullmatch(rb"1\.2\.3-[0-9a-f]{12}\n", name) for name in names)


def test_the_recipe_is_delivered_with_the_version_of_callbox(built: Path) -> None:
    recipe = yaml.safe_load((built / "recipe.yaml").read_text())
    assert recipe["ComponentVersion"] == PROJECT["version"]


def test_it_is_laid_out_as_gdk_and_both_nuclei_look_for_it(built: Path) -> None:
    of = PROJECT["version"]
    laid = {
        path.relative_to(built / "laid").as_posix(): hashlib.sha256(path.read_bytes()).digest()
        for path in (built / "laid").rglob("*")
        if path.is_file()
    }
    packed = hashlib.sha256((built / f"{NAME}.zip").read_bytes()).digest()
    recipe = hashlib.sha256((built / "recipe.yaml").read_bytes()).digest()
    assert laid == {
        f"artifacts/{NAME}/{of}/{NAME}.zip": packed,
        "recipes/recipe.yaml": recipe,
        f"recipes/{NAME}-{of}.yaml": recipe,
    }


def test_gdk_builds_by_this_script_under_the_name_and_version_of_the_recipe() -> None:
    config = json.loads((GREENGRASS / "gdk-config.json").read_text())
    ((name, about),) = config["component"].items()
    assert (name, about["version"]) == (NAME, PROJECT["version"])
    assert about["build"]["build_system"] == "custom"
    *command, given = about["build"]["custom_build_command"]
    assert command == ["make", "-C", "..", "greengrass"]
    assert given == "ARGS=--layout greengrass/greengrass-build"
    assert {"bucket", "region"} <= about["publish"].keys()


# --- the recipe -----------------------------------------------------------------------------------


def test_the_recipe_as_it_is_has_no_fault() -> None:
    assert faults(RECIPE, BUNDLING.FILES) == []


POLICY = f'"{NAME}:pubsub:1"'
SECRET = f"""\
      aws.greengrass.SecretManager:
        "{NAME}:secrets:1":
          operations: ["aws.greengrass#GetSecretValue"]
          resources: ["arn:aws:secretsmanager:*"]
      aws.greengrass.ipc.mqttproxy:"""
RUN = 'exec sh "{artifacts:decompressedPath}/io.callbox.TwilioNotifications/launch.sh"'


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"2020-01-25"', "2020-01-25", 'RecipeFormatVersion is not the text "2020-01-25"'),
        (f"ComponentName: {NAME}", "ComponentName: Twilio", "ComponentName is 'Twilio'"),
        ('ComponentVersion: "', 'ComponentVersion: "v', "ComponentVersion is 'v"),
        (f'"{PROJECT["version"]}"', "1.2", "ComponentVersion is 1.2, but must be a text"),
        (f'"{PROJECT["version"]}"', '"1.2"', "ComponentVersion is '1.2'"),
        ("ComponentPublisher: Callbox", "", "ComponentPublisher is missing"),
        ("ComponentPublisher:", "Publisher:", "Publisher is not a key that both nuclei know"),
        ("ComponentPublisher: Callbox", "[", "The recipe is not YAML: "),
        ("ComponentPublisher: Callbox", "ComponentDependencies: {aws.greengrass.SecretManager: {}}",
         "ComponentDependencies has aws.greengrass.SecretManager"),
        ("ComponentPublisher: Callbox", f"ComponentPublisher: {'x' * 16384}", "16384"),
        ('PythonPath: ""', "PythonPath: 3.11", "/PythonPath is 3.11, but must be a text"),
        ('RequireIsolation: "false"', "RequireIsolation: false", "/RequireIsolation is False"),
        ('RequireIsolation: "false"', 'RequireIsolation: "false"\n    delivery: {retries: 3}',
         "/delivery/retries is 3"),
        ("accessControl:", "access:", "has no accessControl"),
        ("aws.greengrass.ipc.mqttproxy:", "aws.greengrass.ipc.mqtt:", "is no service that"),
        (f'"{NAME}:pubsub:2"', POLICY, f"{NAME}:pubsub:1 is there twice in the mapping"),
        (f'"{NAME}:mqttproxy:1"', POLICY, f"the policy {NAME}:pubsub:1 is there twice"),
        (POLICY, '"callbox:pubsub:1"', "callbox:pubsub:1 is not named like"),
        ("#SubscribeToTopic", "#SubscribeToIoTCore", "which aws.greengrass.ipc.pubsub does not"),
        ("aws.greengrass#SubscribeToTopic", "*", "allows *, which"),
        ("- twilio/txt", '- "*"', "names '*', which is no exact topic"),
        ("- twilio/txt", "- twilio/+", "names 'twilio/+', which is no exact topic"),
        ("- twilio/txt", '- "twilio/#"', "names 'twilio/#', which is no exact topic"),
        ("- twilio/txt", '- ""', "names '', which is no exact topic"),
        ("      aws.greengrass.ipc.mqttproxy:", SECRET, "is no exact ARN"),
        ("Manifests:", "Manifest:", "Manifests is no list, or empty"),
        ("os: linux", "os: all", "Platform/os is 'all', but must be linux"),
        ('      runtime: "*"\n', "", "Platform/runtime is not"),
        ("os: linux", "os: linux\n      architecture: /amd64|arm/", "architecture is /amd64|arm/"),
        ("os: linux", "os: linux\n      architecture: arm", "architecture is arm"),
        (f"{NAME}.zip", "callbox.zip", "callbox.zip is no s3://"),
        ("s3://", "file:///", "is no s3://"),
        ("Unarchive: ZIP", "Unarchive: NONE", "Unarchive is not ZIP"),
        ("      run:", "      Run:", "Lifecycle/Run is no step of nucleus lite"),
        ("      run:", "      Run:", "Lifecycle must have one of run and startup"),
        ("      run:", "      shutdown:", "Lifecycle/shutdown is no step"),
        ("      install:", "      bootstrap:", "Lifecycle/install: Timeout is None"),
        ("Timeout: 900", "Timeout: 120", "Timeout is 120, but pip may take"),
        ("Timeout: 900", 'Timeout: "900"', "Timeout is 900, but"),
        ("Timeout: 900", "timeout: 900", "Lifecycle/install/timeout is not a key that both"),
        ("Timeout: 900", "Timeout: 900\n        RequiresPrivilege: true", "asks to be root"),
        (RUN, f"{RUN} {{configuration:/TWILIO_ACCOUNT_SID}}", "would be read by a shell"),
        (RUN, f"{RUN} {{configuration:/accessControl}}", "would be read by a shell"),
        (RUN, f"{RUN} ${{HOME}}", "{HOME} is no variable, and nucleus lite fails at it"),
        (RUN, RUN.replace("launch.sh", "start.sh"), "start.sh is not in the artifact"),
        (RUN, RUN.replace(NAME, "callbox"), "callbox/launch.sh is not in the artifact"),
        (RUN, "callbox greengrass", "runs nothing of the artifact"),
        ("        Script: exec", "        script: exec", "Lifecycle/run has no text Script"),
        ("{configuration:/PythonPath}", "{configuration:/accessControl}", "is no text of Default"),
        ("{configuration:/PythonPath}", "{configuration:/Pythonpath}", "is no text of Default"),
        ("{configuration:/PythonPath}", "{config:/PythonPath}", "which is no variable"),
        ('PythonPath: "{', 'CALLBOX_PYTHON: "{', "CALLBOX_ is for configuration"),
        ('PythonPath: "{', 'Python-Path: "{', "Python-Path is no name"),
        ('"{configuration:/PythonPath}"', "3", "Setenv: PythonPath is 3, but must be a text"),
    ],
)  # fmt: skip
def test_a_wrong_recipe_is_a_sentence(old: str, new: str, told: str) -> None:
    assert old in RECIPE
    found = faults(RECIPE.replace(old, new, 1), BUNDLING.FILES)
    assert any(told in fault for fault in found), found
    assert all(fault.endswith(".") and "\n" not in fault for fault in found)


@pytest.mark.parametrize(
    "text", ["", "3", "- Manifests", "ComponentConfiguration: 3", "Manifests: 3"]
)
def test_what_is_no_recipe_at_all_is_told(text: str) -> None:
    assert faults(text, BUNDLING.FILES)


def access(recipe: str = RECIPE) -> dict[str, dict[str, Any]]:
    """Give the accessControl policies by the last part of their service, and their number."""
    defaults = yaml.safe_load(recipe)["ComponentConfiguration"]["DefaultConfiguration"]
    return {
        f"{service.rpartition('.')[2]}:{name.rpartition(':')[2]}": policy
        for service, policies in defaults["accessControl"].items()
        for name, policy in policies.items()
    }


IN = {"txt", "call", *(f"bridge/request/{each}" for each in COMMANDS)}
OUT = {
    "message/status", "message/delivery", "message/sent", "message/received", "call/received",
    "bridge/state", "bridge/info", "bridge/health",
    *(f"bridge/response/{each}" for each in COMMANDS),
}  # fmt: skip


@pytest.mark.parametrize("service", ["pubsub", "mqttproxy"])
def test_both_ways_may_hear_every_request_and_tell_everything(service: str) -> None:
    policies = access()
    assert set(policies[f"{service}:1"]["resources"]) == {f"twilio/{each}" for each in IN}
    assert set(policies[f"{service}:2"]["resources"]) == {f"twilio/{each}" for each in OUT}


def test_no_topic_is_both_heard_and_told_which_would_go_in_a_circle() -> None:
    policies = access()
    assert not set(policies["pubsub:1"]["resources"]) & set(policies["pubsub:2"]["resources"])


def test_the_parameters_are_those_of_the_v1_connector_and_of_the_scripts() -> None:
    defaults = yaml.safe_load(RECIPE)["ComponentConfiguration"]["DefaultConfiguration"]
    assert defaults.keys() == {
        "TWILIO_ACCOUNT_SID", "TwilioAuthTokenSecretArn", "TwilioAuthTokenSecretArn-ResourceId",
        "DefaultFromPhoneNumber", "IsolationMode", "PythonPath", "RequireIsolation",
        "http", "accessControl",
    }  # fmt: skip
    assert defaults["IsolationMode"] == "GreengrassContainer"
    assert defaults["http"] == {"port": "0"}  # a core opens no port that nobody asked for


# --- libraries ------------------------------------------------------------------------------------


def distribution(folder: Path, name: str, *lines: str, licence: str | None = "LICENSE") -> Any:  # noqa: ANN401 - importlib's
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("\n".join([f"Name: {name}", "Version: 1.0", *lines, ""]))
    record = [f"{info.name}/METADATA,,"]
    if licence:
        (info / licence).parent.mkdir(exist_ok=True)
        (info / licence).write_text("Do as you like")
        record.append(f"{info.name}/{licence},,")
    (info / "RECORD").write_text("\n".join(record))
    return PathDistribution(info)


LINUX: Target = BUNDLING.target("3.11", "aarch64")


def test_what_is_needed_is_found_through_extras_and_conditions(tmp_path: Path) -> None:
    needs = (
        "Provides-Extra: sewing",
        'Requires-Dist: thread; extra == "sewing"',
        'Requires-Dist: needle; sys_platform == "linux" and platform_machine == "aarch64"',
        'Requires-Dist: pin; sys_platform == "win32"',
    )
    names = ("thread", "needle", "pin")
    there = {each: distribution(tmp_path, each) for each in names}
    there["cloth"] = distribution(tmp_path, "cloth", *needs)
    with_extra = needed([Requirement("cloth[sewing]")], "you", there.get, LINUX)
    assert with_extra.keys() == {"cloth", "thread", "needle"}
    plain = needed([Requirement("cloth>=1")], "you", there.get, LINUX)
    assert plain.keys() == {"cloth", "needle"}


@pytest.mark.parametrize("asked", ["cloth", "cloth>=2"])
def test_what_is_missing_or_too_old_is_refused(asked: str, tmp_path: Path) -> None:
    there = {"cloth": distribution(tmp_path, "cloth")} if ">" in asked else {}
    with pytest.raises(Refused, match=rf"^{asked} is missing for CPython 3\.11 .*: you needs it"):
        needed([Requirement(asked)], "you", there.get, LINUX)


@pytest.mark.parametrize("licence", ["LICENSE", "COPYING", "licenses/vendor-LICENSE.txt"])
def test_each_licence_is_inside(licence: str, tmp_path: Path) -> None:
    cloth = distribution(tmp_path, "cloth", "License-Expression: MIT", licence=licence)
    texts = licences([cloth], "These:", b"ours")
    where = licence.removeprefix("licenses/")
    assert texts[f"cloth-1.0/{where}"] == b"Do as you like"
    assert f"cloth-1.0: MIT\n    {where}\n" in texts["index.txt"].decode()


@pytest.mark.parametrize(
    ("lines", "licence", "told"),
    [
        (["License: MIT"], None, "brings no text of its licence"),
        ([], "LICENSE", "does not say what its licence is"),
    ],
)
def test_a_library_without_a_licence_is_refused(
    lines: list[str], licence: str | None, told: str, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match=rf"^cloth 1\.0 {told}"):
        licences([distribution(tmp_path, "cloth", *lines, licence=licence)], "These:", b"ours")


def test_a_licence_that_leads_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    cloth = distribution(tmp_path, "cloth", "License: MIT", licence=None)
    (tmp_path / "install.sh").write_text("of ours")
    (tmp_path / "cloth-1.0.dist-info/licenses").mkdir()
    record = tmp_path / "cloth-1.0.dist-info" / "RECORD"
    record.write_text("cloth-1.0.dist-info/licenses/../../install.sh,,\n")
    with pytest.raises(Refused, match="leads out of its folder"):
        licences([cloth], "These:", b"ours")


# --- wheels ---------------------------------------------------------------------------------------


class Index:
    """Stands in for pip: `download` gives wheels that say who they are, and what they need."""

    def __init__(self, **needs: list[str]) -> None:
        self._needs = needs
        self.asked: list[list[str]] = []

    def __call__(self, arguments: list[str], *_: object) -> None:
        self.asked.append(arguments)
        folder = Path(arguments[arguments.index("--dest") + 1])
        for name, needs in self._needs.items():
            path = folder / f"{name}-0.1.0-py3-none-any.whl"
            lines = [f"Name: {name}", "Version: 0.1.0", *(f"Requires-Dist: {n}" for n in needs), ""]
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr(f"{name}-0.1.0.dist-info/METADATA", "\n".join(lines))


def test_wheels_are_fetched_for_every_python_and_machine_and_callbox_is_not_there_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Index(callbox=['companion; extra == "greengrass"'], companion=[])
    monkeypatch.setattr(wheels, "pip", index)
    wheel = tmp_path / "callbox-0.1.0-py3-none-any.whl"
    targets = BUNDLING.fetch(wheel, ["x86_64", "aarch64"], tmp_path)
    assert {(each.python, each.machine) for each in targets} == {
        (python, machine)
        for python in ("3.11", "3.12", "3.13")
        for machine in ("x86_64", "aarch64")
    }
    assert [path.name for path in tmp_path.iterdir()] == ["companion-0.1.0-py3-none-any.whl"]
    assert all("--only-binary=:all:" in asked for asked in index.asked)
    assert any("--platform=manylinux2014_aarch64" in asked for asked in index.asked)


def test_wheels_that_do_not_suffice_elsewhere_are_refused_though_pip_here_does_not_miss_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Index(callbox=['companion; platform_machine == "aarch64"'])
    monkeypatch.setattr(wheels, "pip", index)
    wheel = tmp_path / "callbox-0.1.0-py3-none-any.whl"
    with pytest.raises(Refused, match=r"^companion is missing for CPython 3\.11 on aarch64: "):
        BUNDLING.fetch(wheel, ["x86_64", "aarch64"], tmp_path)


@pytest.mark.parametrize(
    ("said", "kind", "told"),
    [
        (["ERROR: No matching distribution found for a==9"], Refused, "a==9 has no wheel for here"),
        (["WARNING: Retrying (Retry(total=0))", "ERROR: No matching"], Unreachable, "No package"),
        (["  it is broken"], Refused, "pip fails for here: it is broken"),
        ([], Refused, "pip fails for here: no word of why"),
    ],
)
def test_a_failure_of_pip_is_told_in_a_sentence(
    said: list[str], kind: type[Exception], told: str
) -> None:
    found = complaint(said, "here")
    assert isinstance(found, kind)
    assert str(found).startswith(told)


# --- the command ----------------------------------------------------------------------------------


def test_a_refused_build_leaves_no_artifact_and_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = project(tmp_path / "project")
    recipe = copy / "greengrass/recipe.yaml"
    recipe.write_text(recipe.read_text().replace("      run:", "      Run:"))
    (copy / "dist/greengrass").mkdir(parents=True)
    (copy / f"dist/greengrass/{NAME}.zip").write_text("of yesterday")
    assert script(copy).main([]) == 1
    script()
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith("greengrass/recipe.yaml: Manifests/0: Lifecycle/Run is no step")
    assert not list((copy / "dist/greengrass").iterdir())


@pytest.mark.parametrize("name", ["greengrass/launch.sh", "greengrass/recipe.yaml", "LICENSE"])
def test_a_project_that_lacks_a_part_is_refused_in_a_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = project(tmp_path / "project")
    (copy / name).unlink()
    command: Any = script(copy)
    script()
    monkeypatch.setattr(command, "build_wheel", lambda *_: copy / "README.md")
    assert command.main([]) == 1
    assert capsys.readouterr().err.endswith(f"{name} is missing.\n")


def test_an_architecture_that_has_no_wheels_is_a_wrong_argument(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        BUNDLING.main(["--wheels", "armv7l"])
    assert caught.value.code == 2
    assert "armv7l" in capsys.readouterr().err


def test_a_python_without_what_the_script_needs_is_told_in_a_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-E", "-s", "-S", ROOT / "scripts/greengrass_component.py"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "This Python has no yaml: run make greengrass, which has its own.\n"


# --- deployments and policies ---------------------------------------------------------------------

DEPLOYMENTS = sorted((GREENGRASS / "deployments").glob("*.json"))
POLICIES = sorted((GREENGRASS / "policies").glob("*.json"))
DEPLOYMENT_KEYS = {
    "targetArn", "deploymentName", "components", "deploymentPolicies", "iotJobConfiguration",
    "parentTargetArn", "tags", "clientToken",
}  # fmt: skip
"""Of CreateDeployment, as the API reference of AWS IoT Greengrass V2 has them."""


def deployed(name: str) -> dict[str, Any]:
    """Give what a deployment merges into the configuration of each component."""
    document = json.loads((GREENGRASS / "deployments" / name).read_text())
    return {
        component: json.loads(about.get("configurationUpdate", {}).get("merge", "{}"))
        for component, about in document["components"].items()
    }


@pytest.mark.parametrize("path", DEPLOYMENTS, ids=lambda path: path.stem)
def test_a_deployment_has_the_shape_of_create_deployment(path: Path) -> None:
    document = json.loads(path.read_text())
    assert document.keys() <= DEPLOYMENT_KEYS
    for about in document["components"].values():
        assert about.keys() <= {"componentVersion", "configurationUpdate", "runWith"}
        assert re.fullmatch(r"\d+\.\d+\.\d+", about["componentVersion"])
        update = about.get("configurationUpdate", {})
        assert update.keys() <= {"merge", "reset"}
        assert isinstance(json.loads(update.get("merge", "{}")), dict)
    assert document["components"][NAME]["componentVersion"] == PROJECT["version"]
    limits = document["components"][NAME]["runWith"]["systemResourceLimits"]
    assert limits == {"memory": 262144, "cpus": 1.0}
    assert document["deploymentPolicies"]["failureHandlingPolicy"] == "ROLLBACK"


@pytest.mark.parametrize("path", DEPLOYMENTS, ids=lambda path: path.stem)
def test_the_secret_of_a_deployment_is_fetched_named_and_allowed_by_one_arn(path: Path) -> None:
    merged = deployed(path.name)
    ours = merged[NAME]
    arn = ours["TwilioAuthTokenSecretArn"]
    assert merged["aws.greengrass.SecretManager"]["cloudSecrets"] == [{"arn": arn}]
    ((name, policy),) = ours["accessControl"]["aws.greengrass.SecretManager"].items()
    assert name == f"{NAME}:secrets:1"
    assert policy["operations"] == ["aws.greengrass#GetSecretValue"]
    assert policy["resources"] == [arn]
    role = json.loads((GREENGRASS / "policies/device-role.json").read_text())
    allowed = {action: each["Resource"] for each in role["Statement"] for action in each["Action"]}
    assert allowed["secretsmanager:GetSecretValue"] == [arn]
    assert allowed["s3:GetObject"] == [f"arn:aws:s3:::BUCKET/{NAME}/*"]


@pytest.mark.parametrize("path", DEPLOYMENTS, ids=lambda path: path.stem)
def test_a_deployment_merged_into_the_recipe_has_no_fault(path: Path) -> None:
    recipe = yaml.safe_load(RECIPE)
    defaults = recipe["ComponentConfiguration"]["DefaultConfiguration"]
    ours = deployed(path.name)[NAME]
    control = defaults["accessControl"] | ours.pop("accessControl")
    assert ours.keys() <= defaults.keys() | {"greengrass"}
    defaults |= ours | {"accessControl": control}
    assert faults(yaml.safe_dump(recipe), BUNDLING.FILES) == []


def mapping() -> list[dict[str, str]]:
    bridge = deployed("client-devices.json")["aws.greengrass.clientdevices.mqtt.Bridge"]
    return list(bridge["mqttTopicMapping"].values())


def test_all_that_the_bridge_brings_may_be_heard_and_all_that_it_fetches_may_be_told() -> None:
    policies = access()
    brought = {each["topic"] for each in mapping() if each["source"] == "LocalMqtt"}
    fetched = {each["topic"] for each in mapping() if each["source"] == "Pubsub"}
    assert {"twilio/txt", "twilio/call"} == brought <= set(policies["pubsub:1"]["resources"])
    assert "twilio/message/status" in fetched <= set(policies["pubsub:2"]["resources"])
    ends = {(each["source"], each["target"]) for each in mapping()}
    assert ends == {("LocalMqtt", "Pubsub"), ("Pubsub", "LocalMqtt")}
    assert not brought & fetched


def test_client_devices_may_use_what_is_bridged_and_no_more() -> None:
    auth = deployed("client-devices.json")["aws.greengrass.clientdevices.Auth"]["deviceGroups"]
    assert auth["formatVersion"] == "2021-03-05"
    ((_, group),) = auth["definitions"].items()
    assert "*" not in group["selectionRule"]
    allowed: dict[str, set[str]] = {}
    for statement in auth["policies"][group["policyName"]].values():
        for operation in statement["operations"]:
            allowed.setdefault(operation, set()).update(statement["resources"])
    assert allowed == {
        "mqtt:connect": {"*"},
        "mqtt:publish": {
            f"mqtt:topic:{each['topic']}" for each in mapping() if each["source"] == "LocalMqtt"
        },
        "mqtt:subscribe": {
            f"mqtt:topicfilter:{each['topic']}" for each in mapping() if each["source"] == "Pubsub"
        },
    }


def test_with_client_devices_the_status_goes_to_them_and_to_the_cloud_as_in_v1() -> None:
    merged = deployed("client-devices.json")
    assert merged[NAME]["greengrass"] == {"status": "both"}
    assert merged.keys() >= {
        "aws.greengrass.clientdevices.Auth",
        "aws.greengrass.clientdevices.mqtt.Moquette",
        "aws.greengrass.clientdevices.IPDetector",
    }


def test_the_certificate_of_the_core_may_do_in_the_cloud_what_the_component_may() -> None:
    policy = json.loads((GREENGRASS / "policies/core-iot.json").read_text())
    allowed = {
        action: {resource.partition("/")[2] for resource in each["Resource"]}
        for each in policy["Statement"]
        for action in each["Action"]
    }
    policies = access()
    heard, told = (set(policies[f"mqttproxy:{number}"]["resources"]) for number in (1, 2))
    assert allowed == {"iot:Subscribe": heard, "iot:Receive": heard, "iot:Publish": told}


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_a_policy_has_the_shape_of_one(path: Path) -> None:
    policy = json.loads(path.read_text())
    assert policy["Version"] == "2012-10-17"
    for statement in policy["Statement"]:
        assert statement.keys() == {"Sid", "Effect", "Action", "Resource"}
        assert re.fullmatch(r"[A-Za-z0-9]+", statement["Sid"])
        assert "*" not in statement["Action"]


# --- confined.conf --------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is missing")
def test_the_unit_with_what_confines_it_is_valid_and_hardly_exposed(tmp_path: Path) -> None:
    unit = tmp_path / "callbox.service"
    text = (ROOT / "examples/callbox.service").read_text()
    unit.write_text(text.replace("/opt/callbox/bin/callbox", "/bin/true"))
    (tmp_path / "callbox.service.d").mkdir()
    shutil.copyfile(GREENGRASS / "confined.conf", tmp_path / "callbox.service.d/confined.conf")
    told = analyze(tmp_path, "verify", str(unit))
    assert (told.returncode, told.stderr) == (0, ""), told
    judged = analyze(tmp_path, "security", "--offline=yes", "--threshold=20", str(unit))
    assert judged.returncode == 0, judged.stdout.splitlines()[-1]


def analyze(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments],
        env={"PATH": os.defpath, "SYSTEMD_UNIT_PATH": f"{folder}:"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_limits_of_the_unit_are_those_of_the_deployments() -> None:
    lines = (GREENGRASS / "confined.conf").read_text().splitlines()
    assert {"MemoryMax=256M", "CPUQuota=100%"} <= set(lines)
