"""Component: what a nucleus does with a recipe; folders, artifacts, processes, restarts."""

import asyncio
import contextlib
import os
import shutil
import signal
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, Self

from nucleus.configuration import merged
from nucleus.recipe import (
    Recipe,
    Step,
    StepFailedError,
    as_it_is,
    in_double_quotes,
    in_single_quotes,
)
from nucleus.server import THING, Nucleus

_ERRORS = 3  # in a row make a component BROKEN
_PATIENCE = 15.0  # seconds between SIGTERM and SIGKILL
_GONE = (ProcessLookupError, PermissionError)


@dataclass(slots=True)
class Component:
    """A component deployed to a core. `async with` it; its processes end with it.

    artifacts   the files that the recipe's artifacts name, each by the last part of its URI
    update      a deployment's `merge`, into the recipe's default configuration
    env         variables that a test adds; nothing else is inherited but PATH
    states      what it has been: INSTALLED, RUNNING, FINISHED, ERRORED, BROKEN
    """

    recipe: Recipe
    nucleus: Nucleus
    _: KW_ONLY
    artifacts: Sequence[Path] = ()
    update: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    states: list[str] = field(default_factory=list)
    _process: asyncio.subprocess.Process | None = None
    _stopped: bool = False

    async def __aenter__(self) -> Self:
        self.deploy()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    # its place

    @property
    def name(self) -> str:
        """The component's name."""
        return self.recipe.name

    @property
    def work(self) -> Path:
        """Its work folder, in which its scripts run."""
        return self.nucleus.root / "work" / self.name

    @property
    def log(self) -> str:
        """What its processes have said."""
        file = self._log
        return file.read_text(errors="replace") if file.exists() else ""

    @property
    def _log(self) -> Path:
        return self.nucleus.root / "logs" / f"{self.name}.log"

    def _packages(self, kind: str) -> Path:
        return self.nucleus.root / "packages" / kind / self.name / self.recipe.version

    def deploy(self) -> None:
        """Put everything in its place, and have the nucleus know it. Raises NoManifestError."""
        for folder in (self.work, self._log.parent):
            folder.mkdir(parents=True, exist_ok=True)
        self._fetch()
        values = merged(self.recipe.default_configuration, self.update)
        self.nucleus.admit(self.name, values.pop("accessControl", {}), values)

    def _fetch(self) -> None:
        given = {path.name: path for path in self.artifacts}
        for artifact in self.recipe.artifacts:
            source = given[artifact["URI"].rpartition("/")[2]]
            target = self._packages("artifacts") / source.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            execute = (artifact.get("Permission") or {}).get("Execute", "NONE") != "NONE"
            _only_to_read(target, execute=execute)
            if artifact.get("Unarchive") == "ZIP":
                folder = self._packages("artifacts-unarchived") / source.stem
                with zipfile.ZipFile(source) as archive:
                    archive.extractall(folder)
                for path in (folder, *folder.rglob("*")):
                    _only_to_read(path, execute=execute)

    # its steps

    def script(self, step: Step) -> str:
        """Give what the shell gets. Raises StepFailedError."""
        return self._filled(step.script, in_double=True)

    def _filled(self, text: str, *, in_double: bool) -> str:
        quote = in_double_quotes if in_double else in_single_quotes
        return self.recipe.filled(
            text,
            self._variables(),
            self.nucleus.configuration_of(self.name),
            quote if self.recipe.lite else as_it_is,
        )

    def _variables(self) -> dict[str, str]:
        folders = {
            "artifacts:path": self._packages("artifacts"),
            "artifacts:decompressedPath": self._packages("artifacts-unarchived"),
            "work:path": self.work,
        }
        end = "/" if self.recipe.lite else ""
        return {
            **{name: f"{folder}{end}" for name, folder in folders.items()},
            "kernel:rootPath": str(self.nucleus.root),
            "iot:thingName": THING,
        }

    def _command(self, step: Step) -> tuple[list[str], dict[str, str]]:
        """Give the command and Setenv's variables, which lite exports in the script itself."""
        setenv = {
            key: self._filled(str(value), in_double=False) for key, value in step.setenv.items()
        }
        script = self.script(step)
        if not self.recipe.lite:
            return ["sh", "-c", script], setenv
        exports = "".join(f"export {key}='{value}'\n" for key, value in setenv.items())
        return ["sh", "-c", f"{exports}{script}"], {}

    def environment(self) -> dict[str, str]:
        """Give what a process of the component is started with; there is no HOME."""
        return {
            "PATH": os.environ["PATH"],
            **self.nucleus.environment(self.name),
            **self.env,
        }

    # its processes

    @property
    def pid(self) -> int:
        """The process id of what runs, which is also that of its group."""
        assert self._process is not None, "nothing was started"
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether a step runs."""
        return self._process is not None and self._process.returncode is None

    async def start(self, name: str = "run") -> None:
        """Start a step. Raises StepFailedError."""
        step = self.recipe.step(name)
        if step is None:
            raise StepFailedError(f"{self.name} has no step {name}")
        command, setenv = self._command(step)
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                cwd=self.work,
                env={**self.environment(), **setenv},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def ended(self, within: float | None = None) -> int:
        """Wait for the end of what runs and give its exit code. Raises TimeoutError."""
        assert self._process is not None, "nothing was started"
        return await asyncio.wait_for(self._process.wait(), within)

    async def step(self, name: str) -> int:
        """Run a step to its end and give its exit code; one that takes too long is killed."""
        step = self.recipe.step(name)
        await self.start(name)
        try:
            return await self.ended(step.timeout if step else None)
        except TimeoutError:
            return await self._slain()

    async def stop(self) -> int:
        """Stop what runs, as before a new version: SIGTERM, later SIGKILL; give its exit code."""
        self._stopped = True
        self._signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            return await self.ended(_PATIENCE)
        return await self._slain()

    async def kill(self) -> None:
        """Kill what runs, with all its children."""
        self._stopped = True
        if self._process is not None:
            await self._slain()

    async def _slain(self) -> int:
        self._signal(signal.SIGKILL)
        return await self.ended()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(*_GONE):
                os.killpg(self._process.pid, number)

    async def live(self) -> str:
        """Install and run it, as when the nucleus starts; give its last state.

        `run` is started again after an error, at once; the third in a row makes it BROKEN.
        """
        self._stopped = False
        self.states.clear()
        for state in ("INSTALLED", "FINISHED"):
            await self._reach(state)
            if self.states[-1] != state:
                break
        return self.states[-1]

    async def _reach(self, state: str) -> None:
        name = "install" if state == "INSTALLED" else "run"
        for _ in range(_ERRORS):
            if name == "run":
                self.states.append("RUNNING")
            if await self._succeeds(name) or self._stopped:
                self.states.append(state)
                return
            self.states.append("ERRORED")
        self.states.append("BROKEN")

    async def _succeeds(self, name: str) -> bool:
        try:
            if self.recipe.step(name) is None:
                return name == "install"
            return await self.step(name) == 0
        except StepFailedError as failed:
            with self._log.open("a") as log:
                log.write(f"{failed}\n")
            return False


def _only_to_read(path: Path, *, execute: bool) -> None:
    path.chmod(0o555 if execute or path.is_dir() else 0o444)
