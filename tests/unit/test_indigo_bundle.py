"""`make indigo`: what goes into the bundle, what is refused, and what is told."""

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from indigo_checks import CHECKS, identified, self_sufficient
from indigo_contents import FILES
from indigo_wheels import TARGETS, checked
from packaging.requirements import Requirement
from verdicts import Refused, Unreachable
from wheels import Wheel, complaint

ROOT = Path(__file__).parents[2]
USUAL = "com.flyingdiver.indigoplugin.twilio"
OTHER = "org.example.callbox"
PLIST = "Contents/Info.plist"


def script(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "indigo_bundle", root / "scripts" / "indigo_bundle.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BUNDLING: Any = script(ROOT)


def project(into: Path) -> Path:
    """Give a copy of what a bundle is made of."""
    for folder in ("indigo", "src/callbox"):
        shutil.copytree(
            ROOT / folder, into / folder, ignore=shutil.ignore_patterns("__pycache__", "Packages")
        )
    (into / "scripts").mkdir()
    for name in ("LICENSE", "scripts/indigo_bundle.py"):
        shutil.copyfile(ROOT / name, into / name)
    return into


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Path(BUNDLING.stage(tmp_path))


def names(bundle: Path) -> set[str]:
    return {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}


def refusal(bundle: Path) -> str:
    """Give the sentence that a bundle is refused with."""
    with pytest.raises(Refused) as caught:
        BUNDLING.examine(bundle, CHECKS)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def add(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_text() if path.exists() else ""
    path.write_text(before + text)


# --- the bundle of this project -------------------------------------------------------------------


@pytest.mark.parametrize("check", CHECKS)
def test_the_bundle_as_it_is_passes(check: str, bundle: Path) -> None:
    assert CHECKS[check](bundle)


def test_the_package_is_inside_with_its_statements_and_without_what_the_plugin_has_no_use_for(
    bundle: Path,
) -> None:
    package = "Contents/Server Plugin/callbox"
    inside = names(bundle)
    for source in (ROOT / "src/callbox/store/sql").glob("*.sql"):
        assert f"{package}/store/sql/{source.name}" in inside
    assert {f"{package}/service.py", f"{package}/hosts/mqtt.py"} <= inside
    for absent in ("cli/__init__", "demo", "device", "__main__", "hosts/embedded"):
        assert f"{package}/{absent}.py" not in inside


def test_a_bundle_is_put_together_in_place_of_an_older_one(tmp_path: Path) -> None:
    add(BUNDLING.stage(tmp_path) / "Contents/Server Plugin/old.py", "")
    assert "Contents/Server Plugin/old.py" not in names(BUNDLING.stage(tmp_path))


def test_what_a_symbolic_link_leads_to_stays_out(tmp_path: Path) -> None:
    copy = project(tmp_path / "project")
    add(tmp_path / "elsewhere/secret.py", "SECRET = 1\n")
    (copy / "src/callbox/linked.py").symlink_to(tmp_path / "elsewhere/secret.py")
    (copy / "src/callbox/away").symlink_to(tmp_path / "elsewhere")
    assert names(BUNDLING.stage(tmp_path, source=copy)) == names(BUNDLING.stage(tmp_path / "b"))


# --- reproducible ---------------------------------------------------------------------------------


def test_two_builds_are_the_same_bytes_whatever_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = BUNDLING.pack(BUNDLING.stage(tmp_path / "a"), tmp_path / "a.zip")
    copy = project(tmp_path / "project")
    for path in copy.rglob("*"):
        path.chmod(0o700)
        os.utime(path, (1e9, 1e9))
    add(copy / "indigo/Callbox.indigoPlugin/.DS_Store", "junk")
    add(copy / "indigo/Callbox.indigoPlugin/Contents/Packages/six.py", "")
    add(copy / "indigo/Callbox.indigoPlugin/Contents/Server Plugin/callbox/old.py", "")
    add(copy / "src/callbox/__pycache__/clock.cpython-311.pyc", "")
    monkeypatch.chdir(tmp_path)
    other = script(copy)
    second = other.pack(other.stage(Path("b")), Path("b.zip"))
    assert first.read_bytes() == second.read_bytes()


def test_the_zip_has_one_folder_sorted_files_of_one_mode_and_the_date_asked_for(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    (bundle / PLIST).chmod(0o700)
    with zipfile.ZipFile(BUNDLING.pack(bundle, tmp_path / "x.zip")) as archive:
        entries = archive.infolist()
    inside = [entry.filename for entry in entries]
    assert inside == sorted(inside)
    assert {name.partition("/")[0] for name in inside} == {"Callbox.indigoPlugin"}
    assert {entry.date_time for entry in entries} == {(2026, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}


def test_a_date_that_is_none_is_refused(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(Refused, match="'yesterday'"):
        BUNDLING.pack(bundle, tmp_path / "x.zip")


# --- another identifier ---------------------------------------------------------------------------


def test_another_identifier_is_everywhere_and_nothing_else_changes(tmp_path: Path) -> None:
    usual, other = BUNDLING.stage(tmp_path / "a"), BUNDLING.stage(tmp_path / "b", OTHER)
    assert names(usual) == names(other)
    changed = set()
    for name in names(usual):
        before, after = (usual / name).read_bytes(), (other / name).read_bytes()
        assert USUAL.encode() not in after
        assert after == before.replace(USUAL.encode(), OTHER.encode())
        if before != after:
            changed.add(name)
    assert PLIST in changed
    assert identified(other, OTHER) == OTHER


def test_an_identifier_that_only_begins_like_the_usual_one_stays(tmp_path: Path) -> None:
    copy = project(tmp_path / "project")
    text = f"'{USUAL}2', '{USUAL}-old', 'x.{USUAL}', '/{USUAL}/ping', '{USUAL}.indiPref'\n"
    add(copy / "indigo/Callbox.indigoPlugin/Contents/Server Plugin/names.py", text)
    bundle = BUNDLING.stage(tmp_path, OTHER, source=copy)
    assert (bundle / "Contents/Server Plugin/names.py").read_text() == (
        f"'{USUAL}2', '{USUAL}-old', 'x.{USUAL}', '/{OTHER}/ping', '{OTHER}.indiPref'\n"
    )


def test_sources_under_an_unexpected_identifier_are_refused(bundle: Path) -> None:
    with pytest.raises(Refused, match=USUAL):
        identified(bundle, OTHER)


@pytest.mark.parametrize("wrong", ["callbox", "org.example.call box", "com.indigodomo.callbox"])
def test_an_identifier_that_cannot_be_one_is_a_wrong_argument(
    wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        BUNDLING.main(["--id", wrong])
    assert caught.value.code == 2
    assert wrong in capsys.readouterr().err


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused(name: str, bundle: Path) -> None:
    (bundle / name).unlink(missing_ok=True)
    assert name in refusal(bundle)


@pytest.mark.parametrize(
    "name",
    [
        "Contents/Packages/six.py",
        "Contents/Packages/pip-install-log-success.txt",
        "Contents/3.13-pip-install-log-success.txt",
        "Contents/.DS_Store",
        "Contents/Server Plugin/._plugin.py",
        "Contents/Server Plugin/__pycache__/plugin.cpython-311.pyc",
        "Contents/Server Plugin/tests/test_plugin.py",
        "Contents/Server Plugin/callbox/hosts/embedded.py",
        "Contents/Server Plugin/callbox/cli/__init__.py",
    ],
)
def test_what_does_not_belong_into_a_release_is_refused(name: str, bundle: Path) -> None:
    add(bundle / name, "")
    assert "must not be in" in refusal(bundle)


def test_xml_that_cannot_be_read_is_refused_with_its_place(bundle: Path) -> None:
    add(bundle / "Contents/Server Plugin/Actions.xml", "<Action>")
    assert refusal(bundle).startswith("Actions.xml is not well-formed XML: ")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("2026.1.0", "2024.0.1", "PluginVersion 2024.0.1 is not above 2024.0.1"),
        ("2026.1.0", "2023.9.9", "PluginVersion 2023.9.9 is not above"),
        ("2026.1.0", "2026.1.0b1", "PluginVersion is '2026.1.0b1'"),
        ("<string>3.4<", "<string>3.0<", "ServerApiVersion is '3.0'"),
        ("<key>CFBundleVersion<", "<key>BundleVersion<", "CFBundleVersion is None"),
        ("CFBundleURLName", "URLName", "CFBundleURLTypes has no CFBundleURLName"),
        ("</dict>", "", "not a property list"),
    ],
)
def test_a_wrong_property_is_refused(old: str, new: str, told: str, bundle: Path) -> None:
    text = (bundle / PLIST).read_text()
    assert old in text
    (bundle / PLIST).write_text(text.replace(old, new))
    assert told in refusal(bundle)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"GIF89a", "not a PNG"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x40\0\0\0\x40", "64 pixels high"),
    ],
)
def test_an_icon_that_the_store_would_not_take_is_refused(
    content: bytes, told: str, bundle: Path
) -> None:
    (bundle / "Contents/Resources/icon.png").write_bytes(content)
    assert told in refusal(bundle)


@pytest.mark.parametrize("code", ["def f(:\n", "type Name = str\n", "def f[T](x: T) -> T: ...\n"])
def test_code_that_is_not_python_3_11_is_refused_with_its_line(code: str, bundle: Path) -> None:
    add(bundle / "Contents/Server Plugin/callbox/news.py", "import os\n" + code)
    assert refusal(bundle).startswith("callbox/news.py, line 2: this is not Python 3.11: ")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import numpy\n", "numpy"),
        ("def f():\n    from numpy.linalg import norm\n", "numpy"),
        ("async def f():\n    import numpy\n", "numpy"),
        ("try:\n    import numpy\nexcept ImportError:\n    pass\n", "numpy"),
        ("import yaml\n", "yaml"),
        ("class A:\n    import jinja2\n", "jinja2"),
        ("import telnetlib\n", "telnetlib"),
        ("from callbox.hosts import embedded\n", "callbox.hosts.embedded"),
        ("from callbox import device\n", "callbox.device"),
        ("def f():\n    from callbox.cli import main\n", "callbox.cli"),
        ("from callbox.nowhere import x\n", "callbox.nowhere"),
    ],
)
def test_an_import_that_an_installed_bundle_lacks_is_refused(
    code: str, told: str, bundle: Path
) -> None:
    add(bundle / "Contents/Server Plugin/news.py", code)
    sentence = refusal(bundle)
    assert sentence.startswith("news.py, line ")
    assert f": {told} is neither " in sentence


@pytest.mark.parametrize(
    "code",
    [
        "try:\n    import indigo\nexcept ImportError:\n    pass\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import numpy\n",
        "def f():\n    import yaml\n",
        "import twilio.rest\nfrom paho.mqtt import client\nimport yarl\nimport pydantic_core\n",
        "from callbox.service import Gateway\nfrom callbox import hosts\nimport plugin\n",
    ],
)
def test_an_import_that_an_installed_bundle_has_or_does_without_passes(
    code: str, bundle: Path
) -> None:
    add(bundle / "Contents/Server Plugin/news.py", code)
    self_sufficient(bundle)


def test_a_requirement_that_is_none_is_refused_with_its_line(bundle: Path) -> None:
    path = bundle / "Contents/Server Plugin/requirements.txt"
    path.write_text("# those of callbox\ntwilio is needed\n")
    assert refusal(bundle).startswith("requirements.txt, line 2: 'twilio is needed' ")


# --- wheels and licences --------------------------------------------------------------------------

MAC = TARGETS[0]


def wheel(folder: Path, name: str, version: str, *lines: str, licence: str = "LICENSE") -> Wheel:
    """Make a wheel that is nothing but what it says of itself."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    text = "\n".join([f"Name: {name}", f"Version: {version}", *lines, "", "It does it all"])
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}-{version}.dist-info/METADATA", text)
        archive.writestr(f"{name}-{version}.dist-info/{licence}", "Do as you like")
        archive.writestr(
            f"{name}-{version}.dist-info/RECORD", f"{name}-{version}.dist-info/{licence},,"
        )
    return Wheel(path)


@pytest.fixture
def wheels(tmp_path: Path) -> dict[str, Wheel]:
    """Give a wheel that needs another on a Mac, and does not need a third there."""
    needs = (
        'Requires-Dist: needle>=2; sys_platform == "darwin" and python_version < "3.12"',
        'Requires-Dist: pin; sys_platform == "linux"',
        'Requires-Dist: thread; extra == "sewing"',
    )
    made = (wheel(tmp_path, "cloth", "1.0", *needs), wheel(tmp_path, "needle", "2.1"))
    return {each.name: each for each in made}


def verdict(wheels: dict[str, Wheel], *asked: str, used: str = "cloth") -> str:
    wanted = {Requirement(each).name: Requirement(each) for each in asked}
    return checked(wheels, wanted, {used}, MAC)


def test_wheels_that_fit_each_other_on_a_mac_are_told_with_their_size(
    wheels: dict[str, Wheel],
) -> None:
    assert verdict(wheels, "cloth==1.0") == "CPython 3.11, macOS 10.13 x86_64: 2 wheels, 0.0 MB"


@pytest.mark.parametrize("version", [None, "1.9"])
def test_what_is_missing_on_a_mac_is_refused_though_pip_elsewhere_does_not_miss_it(
    version: str | None, wheels: dict[str, Wheel], tmp_path: Path
) -> None:
    del wheels["needle"]
    if version:
        wheels["needle"] = wheel(tmp_path, "needle", version)
    with pytest.raises(Refused, match=r"^needle>=2 is missing .*: cloth 1\.0 needs it"):
        verdict(wheels, "cloth")


def test_what_only_another_system_needs_is_refused(
    wheels: dict[str, Wheel], tmp_path: Path
) -> None:
    wheels["pin"] = wheel(tmp_path, "pin", "1")
    with pytest.raises(Refused, match=r"^pin is fetched for .* nothing needs it"):
        verdict(wheels, "cloth")


def test_a_requirement_that_nothing_imports_is_refused(
    wheels: dict[str, Wheel], tmp_path: Path
) -> None:
    wheels["pin"] = wheel(tmp_path, "pin", "1")
    with pytest.raises(Refused, match="asks for pin, but nothing imports it"):
        verdict(wheels, "cloth", "needle", "pin")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("License-Expression: MIT AND Apache-2.0", "MIT AND Apache-2.0"),
        ("License: BSD", "BSD"),
        ("Classifier: License :: OSI Approved :: MIT License", "MIT License"),
    ],
)
@pytest.mark.parametrize("licence", ["licenses/vendor/LICENSE.txt", "COPYING", "LICENSE"])
def test_each_licence_is_inside_and_named_in_the_index(
    line: str, told: str, licence: str, bundle: Path, tmp_path: Path
) -> None:
    made = wheel(tmp_path, "a_b", "1", line, licence=licence)
    assert BUNDLING.add_licences(bundle, [made]) == 1
    folder = bundle / "Contents/Resources/licences"
    where = licence.removeprefix("licenses/")
    assert (folder / "a-b-1" / where).read_text() == "Do as you like"
    assert f"a-b-1: {told}\n    {where}\n" in (folder / "index.txt").read_text()


@pytest.mark.parametrize(
    ("lines", "licence", "told"),
    [
        (["License: MIT"], "README", "brings no text of its licence"),
        ([], "LICENSE", "does not say"),
    ],
)
def test_a_distribution_without_a_licence_is_refused(
    lines: list[str], licence: str, told: str, bundle: Path, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match=rf"cloth 1 .*{told}"):
        BUNDLING.add_licences(bundle, [wheel(tmp_path, "cloth", "1", *lines, licence=licence)])


@pytest.mark.parametrize(
    "licence", ["licenses/../../../plugin.py", "licenses//etc/passwd", "licenses/a\\..\\b"]
)
def test_a_licence_that_leads_out_of_its_folder_is_refused(
    licence: str, bundle: Path, tmp_path: Path
) -> None:
    bad = wheel(tmp_path, "cloth", "1", "License: MIT", licence=licence)
    with pytest.raises(Refused, match=r"^cloth 1 .* leads out of its folder"):
        BUNDLING.add_licences(bundle, [bad])
    assert not (bundle / "Contents/Resources/licences").exists()


def test_the_proof_installs_wheels_only(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(BUNDLING, "pip", lambda arguments, _: ran.append(arguments))
    monkeypatch.setattr(BUNDLING, "_read", lambda *_: (0, 0.0))
    BUNDLING.installed(BUNDLING.pack(bundle, tmp_path / "x.zip"), tmp_path / "installed")
    assert [arguments[:2] for arguments in ran] == [["install", "--only-binary=:all:"]]


@pytest.mark.parametrize(
    ("said", "kind", "told"),
    [
        (
            [
                "ERROR: Could not find a version that satisfies the requirement regex==9",
                "ERROR: No matching distribution found for regex==9",
            ],
            Refused,
            "regex==9 has no wheel for CPython 3.11, macOS 10.13 x86_64.",
        ),
        (["ERROR: Cannot install a and b."], Refused, "pip fails for CPython 3.11, macOS"),
        (
            [
                "WARNING: Retrying (Retry(total=0)) after connection broken by",
                "ERROR: No matching distribution found for regex==9",
            ],
            Unreachable,
            "No package index answers for CPython 3.11",
        ),
    ],
)
def test_a_failure_of_pip_is_told_in_a_sentence(
    said: list[str], kind: type[Exception], told: str
) -> None:
    found = complaint(said, str(MAC))
    assert isinstance(found, kind)
    assert str(found).startswith(told)


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Any]:
    """Give the script of a copy of the project."""
    return script(project(tmp_path / "project"))


def test_an_offline_build_says_what_it_lacks(
    command: Any,  # noqa: ANN401 - a script
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command.main(["--offline", "--id", OTHER]) == 0
    told = capsys.readouterr().out
    assert all(title in told for title in CHECKS)
    assert OTHER in told
    assert "Without the licences of others and without proof" in told
    assert (command.ROOT / "dist/Callbox.indigoPlugin.zip").exists()


def test_a_refused_build_leaves_no_zip_and_one_sentence(
    command: Any,  # noqa: ANN401 - a script
    capsys: pytest.CaptureFixture[str],
) -> None:
    add(command.ROOT / "dist/Callbox.indigoPlugin.zip", "of yesterday")
    (command.ROOT / "src/callbox/__init__.py").unlink()
    assert command.main(["--offline"]) == 1
    assert capsys.readouterr().err == (
        "Callbox.indigoPlugin has no Contents/Server Plugin/callbox/__init__.py.\n"
    )
    assert not (command.ROOT / "dist/Callbox.indigoPlugin.zip").exists()


@pytest.mark.parametrize(
    ("absent", "told"),
    [("LICENSE", "Contents/Resources/LICENSE"), ("indigo", PLIST), ("src", "callbox/__init__.py")],
)
def test_a_project_that_lacks_a_part_is_refused_in_a_sentence(
    absent: str,
    told: str,
    command: Any,  # noqa: ANN401 - a script
    capsys: pytest.CaptureFixture[str],
) -> None:
    (command.ROOT / absent).rename(command.ROOT / "elsewhere")
    assert command.main(["--offline"]) == 1
    assert capsys.readouterr().err.endswith(f"{told}.\n")


def test_a_python_without_what_the_script_needs_is_told_in_a_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-E", "-s", "-S", ROOT / "scripts/indigo_bundle.py", "--offline"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "This Python has no packaging: run make indigo, which has its own.\n"


def test_no_index_is_told_apart_from_a_bad_bundle(
    command: Any,  # noqa: ANN401 - a script
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(command, "TARGETS", command.TARGETS[:1])
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    assert command.main([]) == 3
    assert "--offline" in capsys.readouterr().err
