"""What a benchmark plays on: mosquitto, the simulator and the gateway, each a real process."""

import contextlib
import json
import os
import shutil
import socket
import sqlite3
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from benchmarks.device import Observer
from benchmarks.process import Process, python, wait_for

SCALED = "--scaled" in sys.argv
ACCOUNT = "AC" + "0" * 32
SENDER = "+15005550006"

# As the README recommends; the benchmarks add to it what they say.
RECOMMENDED = {
    "persistence": "true",
    "autosave_interval": "1",
    "autosave_on_changes": "true",
    "max_queued_messages": "1000000",
}

EVENTS = ("twilio/message/status", "twilio/message/delivery", "twilio/message/sent")


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class Broker:
    """A mosquitto."""

    folder: Path
    port: int
    process: Process

    def start(self) -> None:
        """Start it (again) and wait until it listens."""
        self.process.start()
        wait_for(lambda: _listens(self.port), "mosquitto to listen")


@dataclass(slots=True)
class Simulator:
    """The Twilio look-alike, and what it was asked."""

    process: Process
    url: str

    def control(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """Talk to its control endpoint."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_simulator/{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def created(self) -> list[dict[str, Any]]:
        """Give the log of all that was really sent."""
        entries: list[dict[str, Any]] = []
        while True:
            page = self.control("GET", f"log?since={len(entries)}&limit=10000")
            entries += page["entries"]
            if len(entries) >= page["total"]:
                return entries


@dataclass(slots=True)
class Gateway:
    """A gateway, with its store and configuration."""

    process: Process
    store: Path
    port: int

    def start(self, broker: Broker) -> None:
        """Start it (again) and wait until it says that it is online."""
        with Observer(broker.port, ["twilio/bridge/state"], "starter") as observer:
            self.process.start()
            wait_for(
                lambda: self._lives() and _is_online(observer), "the gateway to be online", 60.0
            )

    def _lives(self) -> bool:
        if self.process.ended:
            raise RuntimeError(self.process.log.read_text()[-3000:])
        return True

    def count(self, what: str) -> int:
        """Count rows of its store: `event`, or `delivery WHERE …`."""
        db = sqlite3.connect(f"file:{self.store}?mode=ro", uri=True, timeout=10)
        with contextlib.closing(db):
            return int(db.execute(f"SELECT count(*) FROM {what}").fetchone()[0])

    def wait_until_told(self, seconds: float = 30.0) -> None:
        """Wait until the broker has acknowledged every owed event."""
        wait_for(lambda: self.count("event") == 0, "all events to be acknowledged", seconds)


@dataclass(slots=True)
class Stage:
    """A folder of its own, and what plays on it."""

    folder: Path
    _processes: list[Process] = field(default_factory=list)

    def broker(self, **settings: str) -> Broker:
        """Start a mosquitto with the recommended configuration and these settings."""
        folder = self.folder / "mosquitto"
        folder.mkdir(exist_ok=True)
        port = free_port()
        lines = [f"listener {port} 127.0.0.1", "allow_anonymous true"]
        lines += [f"persistence_location {folder}/", "set_tcp_nodelay true"]
        lines += ["user root"] if os.geteuid() == 0 else []
        lines += [f"{name} {value}" for name, value in (RECOMMENDED | settings).items()]
        path = self.folder / "mosquitto.conf"
        path.write_text("\n".join(lines) + "\n")
        program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None:
            raise RuntimeError("mosquitto is needed: apt-get install mosquitto")
        broker = Broker(folder, port, self._process([program, "-c", str(path)], "mosquitto"))
        broker.start()
        return broker

    def simulator(self, *arguments: str) -> Simulator:
        """Start a simulator."""
        options = ("--port", "0", "--no-limits", "--pace", "1000000", *arguments)
        process = self._process(python("callbox", "simulate", *options), "simulator")
        process.start()
        said = process.read("Open ")
        return Simulator(process, said.partition(" ")[0])

    def gateway(
        self,
        broker: Broker,
        url: str,
        command: list[str] | None = None,
        **sections: Mapping[str, object],
    ) -> Gateway:
        """Prepare a gateway; sections of the configuration are added to the usual ones."""
        path, port = self.folder / "callbox.yaml", free_port()
        config = usual(broker.port, url, self.folder, port)
        for name, section in sections.items():
            config.setdefault(name, {}).update(section)
        path.write_text(yaml.safe_dump(config))
        process = self._process([*(command or GATEWAY), str(path)], "gateway")
        return Gateway(process, self.folder / "callbox.sqlite3", port)

    def run(self, command: list[str], name: str) -> Process:
        """Start anything else that is to be stopped at the end."""
        process = self._process(command, name)
        process.start()
        return process

    def _process(self, command: list[str], name: str) -> Process:
        process = Process(command, self.folder / f"{name}.log")
        self._processes.append(process)
        return process

    def close(self) -> None:
        """Stop everything."""
        for process in reversed(self._processes):
            process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


GATEWAY = python("callbox", "run", "--config")


def usual(broker: int, url: str, folder: Path, port: int) -> dict[str, Any]:
    """Give the configuration that benchmarks share: no limits, a token, quiet logs."""
    return {
        "twilio": {
            "account_sid": ACCOUNT,
            "auth_token": "secret",
            "default_from_number": SENDER,
            "base_url": url,
        },
        "mqtt": {"url": f"mqtt://127.0.0.1:{broker}"},
        "store": {"url": f"sqlite://{folder}/callbox.sqlite3"},
        "http": {"port": port, "token": "secret"},
        "limits": {"per_recipient_hour": 0, "per_day": 0, "waiting": 0},
    }


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    """Give a stage, and clear it away afterwards."""
    made = Stage(Path(tempfile.mkdtemp(prefix="callbox-bench-")))
    try:
        yield made
    finally:
        made.close()


def document(number: int) -> bytes:
    """Give a request to the number-th recipient."""
    recipient = {"name": "Darla", "phone_number": recipient_of(number), "message": "Dear you"}
    asked = {"recipient": recipient}
    return json.dumps({"request": asked, "id": f"request{number}"}).encode()


def recipient_of(number: int) -> str:
    """Give the number-th recipient's phone number."""
    return f"+1234{number:07d}"


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
        return True
    return False


def _is_online(observer: Observer) -> bool:
    seen = observer.seen()
    return bool(seen) and seen[-1].payload == b"online"
