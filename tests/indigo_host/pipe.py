"""The server's end of a plugin process."""
# ruff: noqa: ANN401 - what crosses to a plugin has any type

import asyncio
import inspect
import os
import pickle
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

from indigo_host.records import Welcome
from indigo_host.wire import HEAD, frame

_TESTS = Path(__file__).resolve().parent.parent


class PluginGone(Exception):  # noqa: N818 - what happened, not whose fault
    """The plugin process ended while something was asked of it."""


def _output(folder: Path) -> BinaryIO:
    """Open the file for what the process prints."""
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / "process.txt").open("ab")


async def _receive(reader: asyncio.StreamReader) -> Any:
    """Wait for a message; IncompleteReadError once the plugin is gone."""
    (size,) = HEAD.unpack(await reader.readexactly(HEAD.size))
    return pickle.loads(await reader.readexactly(size))


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended: "ok", "raised" (its trace) or "exception" (returned by a handler)."""

    status: str
    value: Any


class Pipe:
    """One plugin process: calls go in, questions come out."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answer: Callable[[str, tuple[Any, ...]], Any],
        slept: Callable[[float], None],
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._answer = answer
        self._slept = slept
        self._calls: dict[int, asyncio.Future[Outcome]] = {}
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def open(
        cls,
        folder: Path,
        welcome: Welcome,
        answer: Callable[[str, tuple[Any, ...]], Any],
        slept: Callable[[float], None],
    ) -> Self:
        """Start a process in `folder` (a Server Plugin) and tell it who it is."""
        ours, theirs = socket.socketpair()
        with theirs, _output(Path(welcome.log_folder)) as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "indigo_host.process", str(theirs.fileno())),
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(_TESTS)},
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        reader, writer = await asyncio.open_connection(sock=ours)
        writer.write(frame(welcome))
        return cls(process, reader, writer, answer, slept)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def call(self, kind: str, *args: Any, within: float | None = None) -> Outcome:
        """Have the plugin do something and wait; PluginGone or TimeoutError if it never answers."""
        if self._listening.done():
            raise PluginGone("the plugin process is gone")
        self._count += 1
        number = self._count
        self._calls[number] = asyncio.get_running_loop().create_future()
        self._send(("call", number, kind, args))
        try:
            return await asyncio.wait_for(self._calls[number], within)
        finally:
            self._calls.pop(number, None)

    def post(self, kind: str, *args: Any) -> None:
        """Have the plugin do something, in its turn."""
        self._count += 1
        self._send(("call", self._count, kind, args))

    def skip(self) -> None:
        """Have the plugin's self.sleep return now."""
        self._send(("skip",))

    def _send(self, message: object) -> None:
        if not self._writer.is_closing():
            self._writer.write(frame(message))

    async def _listen(self) -> None:
        try:
            while True:
                kind, *rest = await _receive(self._reader)
                getattr(self, f"_on_{kind}")(*rest)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writer.close()
            for waiting in self._calls.values():
                if not waiting.done():
                    waiting.set_exception(PluginGone("the plugin process is gone"))

    def _on_result(self, number: int, status: str, value: Any) -> None:
        waiting = self._calls.get(number)
        if waiting is not None and not waiting.done():
            waiting.set_result(Outcome(status, value))

    def _on_sleeping(self, seconds: float) -> None:
        self._slept(seconds)

    def _on_ask(self, number: int, name: str, args: tuple[Any, ...]) -> None:
        try:
            value = self._answer(name, args)
        except Exception as fault:  # noqa: BLE001 - the asker's own
            self._send(("answer", number, None, fault))
            return
        if inspect.isawaitable(value):
            task = asyncio.ensure_future(self._later(number, value))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._send(("answer", number, value, None))

    async def _later(self, number: int, value: Any) -> None:
        try:
            self._send(("answer", number, await value, None))
        except Exception as fault:  # noqa: BLE001 - the asker's own
            self._send(("answer", number, None, RuntimeError(str(fault))))

    def kill(self) -> None:
        """Kill it: no handler runs."""
        if self._process.returncode is None:
            os.kill(self.pid, signal.SIGKILL)

    async def ended(self, within: float | None = None) -> int:
        """Wait for its end and give its exit code."""
        code = await asyncio.wait_for(self._process.wait(), within)
        await self._listening
        for task in list(self._tasks):
            task.cancel()
        return code
