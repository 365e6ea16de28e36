"""Processes of a benchmark: started, measured from /proc, killed and started again."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_TICKS = os.sysconf("SC_CLK_TCK")
_PATIENCE = 15.0


@dataclass(slots=True)
class Process:
    """One process; `log` takes what it writes."""

    command: Sequence[str]
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    _running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it (again)."""
        with self.log.open("ab") as output:
            self._running = subprocess.Popen(
                self.command,
                stdout=output,
                stderr=output,
                env=os.environ | self.environment,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its id while it runs."""
        if self._running is None:
            raise RuntimeError("not started")
        return self._running.pid

    @property
    def ended(self) -> bool:
        """Whether it is not running."""
        return self._running is None or self._running.poll() is not None

    def kill(self) -> None:
        """SIGKILL."""
        if self._running is not None:
            self._running.kill()
            self._running.wait()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL to what does not hear."""
        if self._running is None:
            return
        self._running.terminate()
        try:
            self._running.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()

    def cpu_seconds(self) -> float:
        """Give the CPU time that it has used, by user and system together."""
        return sum(self.cpu_by_thread().values())

    def cpu_by_thread(self) -> dict[str, float]:
        """Give the CPU time of every thread that lives, by name and thread id."""
        found: dict[str, float] = {}
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            name, ticks = _ticks(task / "stat")
            found[f"{name}/{task.name}"] = ticks / _TICKS
        return found

    def memory_megabytes(self) -> tuple[float, float]:
        """Give RSS, and PSS, which counts what is shared with other processes once."""
        values = {}
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()[1:]:
            name, value, *_ = line.split()
            values[name] = int(value) / 1024
        return values["Rss:"], values["Pss:"]

    def read(self, beginning: str) -> str:
        """Wait for a line that begins so in the log and give the rest of it."""
        return wait_for(lambda: self._line(beginning), f"{self.command[2:4]} to say {beginning!r}")

    def _line(self, beginning: str) -> str | None:
        for line in self.log.read_text(errors="replace").splitlines():
            if line.startswith(beginning):
                return line.removeprefix(beginning).strip()
        if self.ended:
            raise RuntimeError(f"{self.command} ended: {self.log.read_text()[-2000:]}")
        return None


def _ticks(stat: Path) -> tuple[str, int]:
    head, _, tail = stat.read_text().rpartition(")")
    values = tail.split()
    return head.partition("(")[2], int(values[11]) + int(values[12])


def python(module: str, *arguments: str) -> list[str]:
    """Give the command that runs a module."""
    return [sys.executable, "-m", module, *arguments]


def wait_for(
    look: Callable[[], T | None], what: str, seconds: float = _PATIENCE, every: float = 0.01
) -> T:
    """Ask until there is an answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(every)
    raise TimeoutError(f"waited {seconds:g} s for {what}")
