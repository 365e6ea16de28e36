"""A real gateway process: `callbox run --config ...`, started, stopped, killed, started again."""

import json
import os
import signal
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.device import Device
from harness.nursery import Nursery
from harness.waiting import until

ACCOUNT = "AC" + "0123456789abcdef" * 2
AUTH_TOKEN = "a-secret-auth-token"
FROM = "+15005550006"

QUICK: dict[str, dict[str, Any]] = {
    "twilio": {
        "account_sid": ACCOUNT,
        "auth_token": AUTH_TOKEN,
        "default_from_number": FROM,
        "calls_per_second": 100,
        "connect_timeout": 2,
        "read_timeout": 2,
    },
    "delivery": {
        "retry_delays": [0.1, 0.2, 0.4],
        "lookup_delays": [0.3, 0.6, 1.0],
        "probe_first": 0.1,
        "probe_longest": 0.4,
    },
    "limits": {"per_recipient_hour": 0, "per_day": 0},
    "http": {"port": 0},
    "log": {"level": "DEBUG"},
}
"""The shipped configuration with its times scaled down: by configuration, never by patching."""

Sections = dict[str, dict[str, Any]]


def merged(sections: Sections, more: Sections) -> Sections:
    """Lay sections over others, key by key."""
    names = {**sections, **more}
    return {name: {**sections.get(name, {}), **more.get(name, {})} for name in names}


@dataclass(slots=True)
class Gateway:
    """One gateway with its store and log in `folder`; `sections` may change between two starts."""

    nursery: Nursery
    folder: Path
    sections: Sections
    env: dict[str, str] = field(default_factory=dict)
    pid: int = 0

    @property
    def store(self) -> Path:
        """The database file."""
        url: str = self.sections.get("store", {}).get("url", "")
        return Path(url.removeprefix("sqlite://")) if url else self.folder / "callbox.sqlite3"

    def start(self, *options: str) -> None:
        """Start the process; what it needs to come up is waited for elsewhere."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "callbox.yaml"
        store = {"store": {"url": f"sqlite://{self.store}"}}
        config.write_text(json.dumps(merged(merged(QUICK, store), self.sections)))
        argv = ["run", "--config", str(config), *options]
        self.pid = self.nursery.fork(argv, self._log, self.env)

    async def stop(self) -> int:
        """Ask it to stop and give its exit code."""
        os.kill(self.pid, signal.SIGTERM)
        return await self.ended()

    async def kill(self) -> None:
        """Kill it: no handler runs, nothing is flushed."""
        os.kill(self.pid, signal.SIGKILL)
        assert await self.ended() == -signal.SIGKILL

    async def ended(self) -> int:
        """Wait for its end and give its exit code."""
        try:
            await until(lambda: not self.alive, "the gateway ends")
        except AssertionError:
            os.kill(self.pid, signal.SIGUSR1)
            await until(lambda: self.lines("most recent call first"), "it tells where it hangs")
            raise AssertionError(f"It does not end:\n{self.log[-8000:]}") from None
        code = self.nursery.code(self.pid)
        assert code is not None, "it was never started"
        self.pid = 0
        return code

    async def online(self, device: Device) -> None:
        """Wait until a device hears that it takes requests; a gateway that ends says why."""

        def is_online() -> bool:
            assert self.alive, f"the gateway ended; it said: {self.log[-2000:]}"
            return device.state == "online"

        await until(is_online, "bridge/state is online")

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.pid != 0 and self.nursery.code(self.pid) is None

    @property
    def _log(self) -> Path:
        return self.folder / "gateway.log"

    @property
    def log(self) -> str:
        """What all its runs have said."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def lines(self, *words: str) -> list[str]:
        """Give the log lines that have all of the words."""
        return [line for line in self.log.splitlines() if all(word in line for word in words)]

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask its store, which may be open or left by a kill."""
        db = sqlite3.connect(f"file:{self.store}?mode=ro", uri=True, timeout=5)
        try:
            return db.execute(sql, values).fetchall()
        finally:
            db.close()

    def write(self, sql: str) -> None:
        """Change its store while it is stopped."""
        db = sqlite3.connect(self.store, isolation_level=None)
        db.execute(sql)
        db.close()
