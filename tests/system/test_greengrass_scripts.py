"""install.sh and launch.sh of the Greengrass component, run as a nucleus runs them.

What they install is a stand-in for Callbox that says what it sees, except in the last test.
"""

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from harness.quick import quick_python
from harness.waiting import until

ROOT = Path(__file__).parents[2]
SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""PATH of a component."""

STAND_IN = """
import json, os, pathlib, signal, socket, sys

ask = json.loads(os.environ["ASK"])

def can_write(folder):
    try:
        (pathlib.Path(folder) / ask["trace"]).write_text("")
    except OSError:
        return False
    return True

def reaches(family, address):
    with socket.socket(family) as end:
        return end.connect_ex(address) == 0

def stop(*_):
    pathlib.Path("stopped").touch()
    sys.exit(int(os.environ.get("CODE", "0")))

signal.signal(signal.SIGTERM, stop)
seen = {
    "arguments": sys.argv[1:],
    "environment": dict(os.environ),
    "writable": [each for each in ask["folders"] if can_write(each)],
    "there": [each for each in ask["files"] if os.path.exists(each)],
    "ipc": reaches(socket.AF_UNIX, ask["ipc"]),
    "network": reaches(socket.AF_INET, ("127.0.0.1", ask["port"])),
    "processes": sum(each.isdigit() for each in os.listdir("/proc")),
    "no_new_privileges": "NoNewPrivs:\\t1" in pathlib.Path("/proc/self/status").read_text(),
}
pathlib.Path("seen.part").write_text(json.dumps(seen))
os.rename("seen.part", "seen")
if "CODE" in os.environ and "STAY" not in os.environ:
    sys.exit(int(os.environ["CODE"]))
while True:
    signal.pause()
"""
"""Of the stand-in's __main__: what it can reach, and that it ended in order."""


def wheel(folder: Path, name: str, *lines: str, code: dict[str, str]) -> None:
    """Write a wheel by hand."""
    info = f"{name}-0.1.0.dist-info"
    files = {
        **{f"{name}/{path}": text for path, text in code.items()},
        f"{info}/METADATA": "\n".join(
            ["Metadata-Version: 2.1", f"Name: {name}", "Version: 0.1.0", *lines, ""]
        ),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-0.1.0-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{path},,\n" for path in files))


def artifact(folder: Path, named: str = "0.1.0-abc") -> Path:
    """Give an unpacked artifact with a stand-in for Callbox and the library that it needs."""
    wheel(folder / "wheels", "companion", code={"__init__.py": ""})
    wheel(
        folder,
        "callbox",
        "Provides-Extra: greengrass",
        'Requires-Dist: companion; extra == "greengrass"',
        code={"__init__.py": "", "__main__.py": STAND_IN},
    )
    for script in ("install.sh", "launch.sh"):
        shutil.copyfile(ROOT / "greengrass" / script, folder / script)
    (folder / "artifact").write_text(f"{named}\n")
    quick_python(folder.parent)
    return folder


def install(artifact: Path, work: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    work.mkdir(exist_ok=True)
    return subprocess.run(
        ["sh", artifact / "install.sh"],
        cwd=work,
        env={"PATH": SYSTEM, "PythonPath": str(artifact.parent / "python-quick")} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def told(ended: subprocess.CompletedProcess[str], code: int = 1) -> str:
    """Give the one sentence that something failed with."""
    assert ended.returncode == code, ended
    (sentence,) = ended.stderr.splitlines()
    assert sentence.endswith(".")
    return sentence


def state(work: Path) -> dict[str, tuple[int, int]]:
    """Give all files in a folder, and when they were last written."""
    found = {}
    for path in work.rglob("*"):
        about = path.lstat()
        found[str(path.relative_to(work))] = (about.st_mtime_ns, about.st_size)
    return found


def fake_python(folder: Path, says: str, rest: str = "exit 1") -> Path:
    """Give a Python that says of itself what install.sh asks, and nothing else."""
    path = folder / "python3"
    path.write_text(f'#!/bin/sh\ncase "$*" in *version_info*) echo {says} ;; *) {rest} ;; esac\n')
    path.chmod(0o755)
    return path


def path_without_python(folder: Path) -> str:
    """Give a PATH with the tools of the scripts alone."""
    tools = "awk cat cut df dirname grep head ls mkfifo rm sed sh sync tail tr true uname"
    for name in tools.split():
        (folder / name).symlink_to(str(shutil.which(name)))
    return str(folder)


# --- install.sh -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return artifact(tmp_path_factory.mktemp("delivered") / "artifact")


@pytest.fixture(scope="module")
def installed(delivered: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a work folder with all in it."""
    work = tmp_path_factory.mktemp("work")
    ended = install(delivered, work)
    assert ended.returncode == 0, ended
    return work


def test_a_second_install_changes_nothing_and_needs_neither_pip_nor_python_on_the_path(
    delivered: Path, installed: Path, tmp_path: Path
) -> None:
    before = state(installed)
    ended = install(delivered, installed, PATH=path_without_python(tmp_path))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert state(installed) == before


def test_an_upgrade_keeps_the_store_and_the_version_before_until_it_was_in_order_once(
    delivered: Path, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    newer = artifact(tmp_path / "newer", "0.2.0-def")
    shutil.copytree(delivered, older := tmp_path / "older")
    assert install(older, work).returncode == 0
    (work / "callbox.sqlite3").write_bytes(b"what waits")
    for again in ({"venv-0.1.0-abc", "venv-0.2.0-def"}, {"venv-0.2.0-def"}):
        assert install(newer, work).returncode == 0
        assert {path.name for path in work.iterdir()} == {"callbox.sqlite3", *again}
    assert (work / "callbox.sqlite3").read_bytes() == b"what waits"


async def test_an_install_that_was_interrupted_is_made_good_and_so_is_one_whose_python_is_gone(
    delivered: Path, tmp_path: Path
) -> None:
    venv = tmp_path / "venv-0.1.0-abc"
    await cut_short(delivered, tmp_path, venv)
    assert install(delivered, tmp_path).returncode == 0
    assert runs(venv)
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").symlink_to("/nowhere/python3")
    assert install(delivered, tmp_path).returncode == 0
    assert runs(venv)


async def cut_short(delivered: Path, work: Path, venv: Path) -> None:
    """Kill an install as soon as there is half an environment."""
    with subprocess.Popen(  # noqa: ASYNC220 - it is at once
        ["sh", delivered / "install.sh"],
        cwd=work,
        env={"PATH": SYSTEM, "PythonPath": str(delivered.parent / "python-quick"), "HANG": "yes"},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as running:
        await until(lambda: list(venv.glob("lib/*/site-packages/more.pth")), "half an environment")
        os.killpg(running.pid, signal.SIGKILL)


def runs(venv: Path) -> bool:
    done = subprocess.run([venv / "bin" / "python", "-c", "import callbox"], check=False)
    return done.returncode == 0


@pytest.mark.skipif(
    any(Path("/opt").glob("*/bin/python3")), reason="there is a Python that cannot be hidden"
)
@pytest.mark.parametrize(
    ("says", "words"),
    [
        ("old 3.9.2", "Callbox needs Python 3.11 or newer, and the newest here is Python 3.9.2"),
        ("bare 3.11.2", "Python 3.11.2 has no venv module: install it, on Debian and Ubuntu"),
        ("foreign 3.11.2", "as a plain MQTT gateway, as docs/greengrass.md says for 32-bit ARM"),
        ("nothing known", "Callbox needs Python 3.11 or newer, and there is none here"),
    ],
)
def test_a_machine_whose_python_will_not_do_is_a_sentence_with_the_remedy(
    delivered: Path, tmp_path: Path, says: str, words: str
) -> None:
    (tools := tmp_path / "tools").mkdir()
    fake = fake_python(tools, says)
    for name in ("python3.11", "python3.12", "python3.13"):
        (tools / name).symlink_to(fake)
    ended = install(delivered, tmp_path / "work", PATH=path_without_python(tools), PythonPath="")
    assert words in told(ended)
    assert not list((tmp_path / "work").iterdir())


@pytest.mark.parametrize("odd", ["/nowhere/python3", 'a b"; $(touch trace) `touch trace`', "-c"])
def test_a_python_path_that_is_none_is_told_and_not_replaced(
    delivered: Path, tmp_path: Path, odd: str
) -> None:
    sentence = told(install(delivered, tmp_path / "work", PythonPath=odd))
    assert sentence.startswith(f"PythonPath is '{odd}', which cannot be run as Python: ")
    assert not list((tmp_path / "work").iterdir())


def test_a_python_path_that_is_too_old_is_told_and_not_replaced(
    delivered: Path, tmp_path: Path
) -> None:
    old = fake_python(tmp_path, "old 3.8.10")
    sentence = told(install(delivered, tmp_path / "work", PythonPath=str(old)))
    assert f"3.11 or newer, and {old} is Python 3.8.10: set PythonPath" in sentence


def test_a_library_that_an_offline_artifact_lacks_is_named(tmp_path: Path) -> None:
    lacking = artifact(tmp_path / "artifact")
    (companion,) = (lacking / "wheels").glob("*.whl")
    companion.unlink()
    sentence = told(install(lacking, tmp_path / "work"))
    assert sentence.startswith("There is no wheel of companion")
    assert "in this artifact: set PythonPath" in sentence
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["install.log"]


def test_no_index_is_a_sentence_that_names_the_way_without_one(tmp_path: Path) -> None:
    lacking = artifact(tmp_path / "artifact")
    shutil.rmtree(lacking / "wheels")
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1"}
    ended = install(lacking, tmp_path / "work", PIP_CONFIG_FILE=os.devnull, **nowhere)
    sentence = told(ended)
    assert sentence.startswith("No Python package index answers: ")
    assert "--wheels" in sentence


def test_a_full_disk_is_a_sentence(delivered: Path, tmp_path: Path) -> None:
    full = "echo 'OSError: [Errno 28] No space left on device' >&2; exit 1"
    python = fake_python(tmp_path, "good 3.11.2", full)
    sentence = told(install(delivered, tmp_path / "work", PythonPath=str(python)))
    assert sentence.startswith("The disk is full: make 300 MB free where ")


def test_the_sources_are_no_artifact(tmp_path: Path) -> None:
    ended = subprocess.run(
        ["sh", ROOT / "greengrass" / "install.sh"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "greengrass is not what make greengrass packs: unpack" in told(ended)


# --- launch.sh ------------------------------------------------------------------------------------


class Component:
    """The stand-in, started by launch.sh, with a nucleus's socket and a server to reach."""

    def __init__(self, artifact: Path, work: Path, folder: Path) -> None:
        self.work = work
        self._artifact = artifact
        self._ipc = socket.socket(socket.AF_UNIX)
        self._socket = folder / "ipc.socket"
        self.beside = folder / "beside"
        self.beside.touch()
        self._ipc.bind(str(self._socket))
        self._ipc.listen()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.ask: dict[str, Any] = {
            "folders": [],
            "files": [],
            "ipc": str(self._socket),
            "trace": f"trace-{folder.name}",
            "port": self._server.getsockname()[1],
        }
        self._running: list[subprocess.Popen[str]] = []

    def start(self, **environment: str) -> subprocess.Popen[str]:
        (self.work / "seen").unlink(missing_ok=True)
        (self.work / "stopped").unlink(missing_ok=True)
        (self.work / "odd").unlink(missing_ok=True)
        given = {
            "PATH": SYSTEM,
            "ASK": json.dumps(self.ask),
            "SVCUID": "a token",
            "AWS_REGION": "us-west-2",
            "AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT": str(self._socket),
            "IsolationMode": "GreengrassContainer",
            "RequireIsolation": "false",
        }
        started = subprocess.Popen(
            ["sh", self._artifact / "launch.sh"],
            cwd=self.work,
            env=given | environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._running.append(started)
        return started

    async def seen(self) -> dict[str, Any]:
        await until((self.work / "seen").exists, "what the stand-in sees")
        return dict(json.loads((self.work / "seen").read_text()))

    def left_a_trace(self) -> bool:
        """Whether it wrote into the /tmp of all."""
        return Path("/tmp", str(self.ask["trace"])).exists()

    def processes(self) -> list[int]:
        """Give all that runs for this work folder."""
        return [pid for pid, line in _processes() if str(self.work) in line]

    async def gone(self) -> None:
        await until(lambda: not self.processes(), "the end of every process")

    def close(self) -> None:
        for pid in (
            *self.processes(),
            *(each.pid for each in self._running if each.poll() is None),
        ):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for each in self._running:
            each.communicate()
        self._ipc.close()
        self._server.close()


def _processes() -> Iterator[tuple[int, str]]:
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            where = (path / "cwd").readlink()
            line = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if line:
                yield int(path.name), f"{where} {line}"


@pytest.fixture
def component(delivered: Path, installed: Path) -> Iterator[Component]:
    with tempfile.TemporaryDirectory(prefix="gg-", dir="/tmp") as name:
        component = Component(delivered, installed, Path(name))
        yield component
        component.close()


def boxes() -> bool:
    """Whether bubblewrap works here for this user."""
    done = subprocess.run(
        ["sh", "-c", "bwrap --unshare-pid --ro-bind / / --proc /proc true"],
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


confined = pytest.mark.skipif(
    not boxes(), reason="bubblewrap is missing, or may not be used by this user"
)


@confined
async def test_in_the_box_only_the_work_folder_is_writable_and_all_that_is_needed_is_reached(
    component: Component,
) -> None:
    venv = component.work / "venv-0.1.0-abc"
    folders = ("/", "/etc", "/var", str(ROOT), str(venv), str(component.work), "/tmp")
    component.ask |= {"folders": folders, "files": ["/etc/passwd", str(component.beside)]}
    component.start()
    seen = await component.seen()
    assert seen["writable"] == [str(component.work), "/tmp"]
    assert seen["there"] == ["/etc/passwd"]
    assert not component.left_a_trace()
    assert seen["ipc"]
    assert seen["network"]
    assert seen["arguments"] == ["greengrass"]
    assert seen["environment"]["SVCUID"] == "a token"
    assert seen["environment"]["AWS_REGION"] == "us-west-2"
    assert seen["processes"] == 1
    assert seen["no_new_privileges"]


def to_the_launcher(component: Component, launcher: subprocess.Popen[str]) -> None:  # noqa: ARG001
    launcher.terminate()


def to_all_there_are(component: Component, launcher: subprocess.Popen[str]) -> None:  # noqa: ARG001
    for pid in component.processes():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


@pytest.mark.parametrize(
    "mode", [pytest.param("GreengrassContainer", marks=confined), "NoContainer"]
)
@pytest.mark.parametrize("tell", [to_the_launcher, to_all_there_are])
async def test_callbox_hears_sigterm_ends_in_order_and_nothing_stays(
    component: Component,
    tell: Callable[[Component, subprocess.Popen[str]], None],
    mode: str,
) -> None:
    launcher = component.start(IsolationMode=mode, CODE="7", STAY="yes")
    await component.seen()
    tell(component, launcher)
    _, complaint = launcher.communicate(timeout=20)
    assert (component.work / "stopped").exists()
    assert (launcher.returncode, complaint) == (7, "")
    await component.gone()


@confined
async def test_a_sigterm_at_any_moment_of_the_start_is_heard(component: Component) -> None:
    for steps in range(12):
        launcher = component.start()
        for _ in range(steps):
            component.processes()
        launcher.terminate()
        launcher.communicate(timeout=20)
        assert launcher.returncode in {0, -signal.SIGTERM, 128 + signal.SIGTERM}
        await component.gone()


@confined
async def test_nothing_outlives_a_launcher_that_was_killed(component: Component) -> None:
    launcher = component.start()
    await component.seen()
    launcher.kill()
    await component.gone()


@pytest.mark.parametrize(
    "mode", [pytest.param("GreengrassContainer", marks=confined), "NoContainer"]
)
async def test_the_exit_code_is_that_of_callbox(component: Component, mode: str) -> None:
    launcher = component.start(CODE="2", IsolationMode=mode)
    _, complaint = launcher.communicate(timeout=20)
    assert (launcher.returncode, complaint) == (2, "")


def useless_box(folder: Path) -> str:
    (folder / "bwrap").write_text(
        "#!/bin/sh\necho 'No permissions to create namespace' >&2\nexit 1\n"
    )
    (folder / "bwrap").chmod(0o755)
    return f"{folder}:{SYSTEM}"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (useless_box, "bubblewrap does not work here (No permissions to create namespace)"),
        (path_without_python, "bubblewrap is not installed"),
    ],
)
async def test_without_a_box_it_warns_and_runs_or_refuses_where_that_is_asked_for(
    component: Component, tmp_path: Path, path: Callable[[Path], str], reason: str
) -> None:
    found = path(tmp_path)
    launcher = component.start(PATH=found)
    assert (await component.seen())["arguments"] == ["greengrass"]
    launcher.terminate()
    _, warning = launcher.communicate(timeout=20)
    assert warning == (
        f"Callbox runs unconfined, as {reason}: install bubblewrap, or set IsolationMode to "
        f"NoContainer to have it so.\n"
    )
    refused = component.start(PATH=found, RequireIsolation="true")
    _, complaint = refused.communicate(timeout=20)
    assert refused.returncode == 2
    assert complaint.startswith(f"RequireIsolation is true, but {reason}: ")


@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv is missing")
async def test_an_unconfined_callbox_cannot_gain_privileges(component: Component) -> None:
    component.start(IsolationMode="NoContainer")
    assert (await component.seen())["no_new_privileges"]


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("IsolationMode", "Container", "IsolationMode is 'Container': set it to Greengrass"),
        ("IsolationMode", "NoContainer ", "IsolationMode is 'NoContainer': set it to"),
        ("IsolationMode", "{configuration:/IsolationMode}", "'{configuration:/IsolationMode}'"),
        ("IsolationMode", '"; $(touch odd)', "IsolationMode is 'touchodd': set it to"),
        ("RequireIsolation", "yes", "RequireIsolation is 'yes': set it to \"true\" or"),
    ],
)
def test_a_setting_that_is_none_is_a_sentence(
    component: Component, setting: str, value: str, words: str
) -> None:
    refused = component.start(**{setting: value})
    _, complaint = refused.communicate(timeout=20)
    assert refused.returncode == 2
    assert words in complaint
    assert len(complaint.splitlines()) == 1
    assert not (component.work / "odd").exists()


def test_what_is_not_set_is_as_the_recipe_has_it(component: Component) -> None:
    refused = component.start(IsolationMode="", RequireIsolation="", CODE="0")
    assert refused.wait(timeout=20) == 0


def test_a_launch_before_an_install_is_a_sentence(delivered: Path, tmp_path: Path) -> None:
    ended = subprocess.run(
        ["sh", delivered / "launch.sh"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert told(ended, 2).startswith(f"Callbox is not installed in {tmp_path}: ")


# --- the real one ---------------------------------------------------------------------------------


def test_the_artifact_that_is_built_installs_and_runs(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location(
        "greengrass_component", ROOT / "scripts" / "greengrass_component.py"
    )
    assert spec is not None
    assert spec.loader is not None
    script: Any = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = script
    spec.loader.exec_module(script)
    assert script.main(["--output", str(tmp_path)]) == 0
    with zipfile.ZipFile(tmp_path / f"{script.NAME}.zip") as archive:
        archive.extractall(tmp_path / "artifact")
    quick_python(tmp_path)
    ended = install(tmp_path / "artifact", tmp_path / "work", PIP_NO_INDEX="1")
    assert ended.returncode == 0, ended
    ran = subprocess.run(
        ["sh", tmp_path / "artifact" / "launch.sh"],
        cwd=tmp_path / "work",
        env={"PATH": SYSTEM, "IsolationMode": "NoContainer"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 2
    assert "not started by the Greengrass nucleus" in ran.stderr
