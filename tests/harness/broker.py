"""A real mosquitto on a free port, whose life is the test's: start, stop, kill, start again."""

import asyncio
import getpass
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.ports import free_port, listens
from harness.waiting import until

RECOMMENDED = {
    "autosave_interval": "1",
    "autosave_on_changes": "true",
    "max_queued_messages": "1000000",
    "max_inflight_messages": "100",
}
"""What the README recommends, and more in flight. Not `max_queued_messages 0` (no limit): with it
mosquitto 2.0.11 cuts the connection of whoever publishes to a topic that the ACL denies."""

_EVERYBODY = {"allow_anonymous": "true"}


def mosquitto() -> str:
    """Give the program; without it the test is skipped on a laptop and fails in CI."""
    found = shutil.which(
        "mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    )
    if found is None:
        complaint = "mosquitto is not installed (apt-get install mosquitto, brew install mosquitto)"
        if os.environ.get("CI"):
            pytest.fail(complaint)
        pytest.skip(complaint)
    return found


@dataclass(slots=True)
class Broker:
    """One broker; `options` are lines of mosquitto.conf, to be changed between two starts."""

    folder: Path
    options: dict[str, str] = field(default_factory=dict)
    access: dict[str, str] = field(default_factory=lambda: dict(_EVERYBODY))
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What `mqtt.url` says."""
        return f"mqtt://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it, on the same port and folder as before, and wait until it listens."""
        self.folder.mkdir(parents=True, exist_ok=True)
        conf = self.folder / "mosquitto.conf"
        conf.write_text("".join(f"{name} {value}\n" for name, value in self._conf().items()))
        with (self.folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - returns at once
                [mosquitto(), "-c", str(conf)], stdout=log, stderr=log
            )
        await until(self._serves, "mosquitto listens")

    def _serves(self) -> bool:
        assert self._process is not None
        code = self._process.poll()
        assert code is None, f"mosquitto ended ({code}): {self.log[-500:]}"
        return listens(self.port)

    def _conf(self) -> dict[str, str]:
        return {
            "user": getpass.getuser(),
            "listener": f"{self.port} 127.0.0.1",
            "persistence": "true",
            "persistence_location": f"{self.folder}/",
            "set_tcp_nodelay": "true",
            **RECOMMENDED,
            **self.access,
            **self.options,
        }

    @property
    def log(self) -> str:
        """What it said, in all its lives."""
        return (self.folder / "mosquitto.log").read_text(errors="replace")

    async def stop(self) -> None:
        """Stop it as an administrator does: it saves everything."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """Stop it as a power cut does."""
        await self._end(signal.SIGKILL)

    async def saved(self) -> None:
        """Have it write its persistence file now."""
        assert self._process is not None
        file = self.folder / "mosquitto.db"
        file.unlink(missing_ok=True)
        self._process.send_signal(signal.SIGUSR1)
        await until(file.exists, "mosquitto has saved")

    async def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            await asyncio.to_thread(self._process.wait, 10)
            self._process = None
