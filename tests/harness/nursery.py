"""A process that has imported the gateway already and forks a new one on demand.

What comes out is what `python -m callbox ...` would be, half a second earlier: the child gets a log
file as output, an environment, arguments, and runs the module `callbox` as `__main__`. A hundred
kills are affordable so. The nursery ends its children when its own standard input closes, so
nothing outlives the tests.

    -> {"argv": ["run", "--config", "x.yaml"], "env": {}, "log": "x.log", "folder": null}
    <- {"born": 4711}
    <- {"dead": 4711, "code": -9}
"""

import contextlib
import faulthandler
import importlib
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

_PRELOADED = ("callbox.service", "callbox.cli", "callbox.hosts.embedded", "uuid", "encodings.idna")


class Nursery:
    """The side of the test: `fork` and `code`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._codes: dict[int, int] = {}
        self._born: list[int] = []
        self._gone = False
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def fork(
        self, argv: list[str], log: Path, env: dict[str, str], folder: Path | None = None
    ) -> int:
        """Start a gateway, in a folder if it matters, and give its process id."""
        place = str(folder) if folder else None
        order = json.dumps({"argv": argv, "env": env, "log": str(log), "folder": place})
        assert self._process.stdin is not None
        with self._news:
            self._process.stdin.write(order + "\n")
            self._process.stdin.flush()
            answered = self._news.wait_for(lambda: self._born or self._gone, 60)
            assert answered, "the nursery does not answer"
            return self._born.pop()

    def code(self, pid: int) -> int | None:
        """Give a gateway's exit code (negative: the signal), None while it lives."""
        return self._codes.get(pid)

    def close(self) -> None:
        """End it and what is left of its children."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._reader.join(10)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            news = json.loads(line)
            with self._news:
                if "born" in news:
                    self._codes.pop(news["born"], None)
                    self._born.append(news["born"])
                else:
                    self._codes[news["dead"]] = news["code"]
                self._news.notify_all()
        with self._news:
            self._gone = True
            self._news.notify_all()


def _live(order: dict[str, Any]) -> None:
    """Be a gateway, in the child."""
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    faulthandler.register(signal.SIGUSR1)  # where it hangs: Gateway.ended asks
    for name in [name for name in os.environ if name.startswith(("CALLBOX_", "TWILIO_"))]:
        del os.environ[name]
    os.environ.update(order["env"])
    if order["folder"]:
        os.chdir(order["folder"])
    sys.argv = ["callbox", *order["argv"]]
    code = 1
    try:
        importlib.import_module("callbox.cli").main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _tell(**news: int) -> None:
    os.write(1, json.dumps(news).encode() + b"\n")


def _reap(children: set[int]) -> None:
    for pid in list(children):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            children.discard(pid)
            _tell(dead=pid, code=os.waitstatus_to_exitcode(status))


def _serve() -> None:
    children: set[int] = set()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the tests, which end us
    selector = selectors.DefaultSelector()
    selector.register(0, selectors.EVENT_READ)
    selector.register(woken, selectors.EVENT_READ)
    orders = b""
    while True:
        for key, _ in selector.select():
            read = os.read(key.fd, 65536)
            if key.fd == woken:
                _reap(children)
            elif not read:
                _end(children)
                return
            else:
                *lines, orders = (orders + read).split(b"\n")
                for line in lines:
                    _bear(json.loads(line), children)


def _bear(order: dict[str, Any], children: set[int]) -> None:
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _live(order)
    children.add(pid)
    _tell(born=pid)


def _end(children: set[int]) -> None:
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    for _name in _PRELOADED:
        importlib.import_module(_name)
    _serve()
