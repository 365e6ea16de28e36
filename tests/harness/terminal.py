"""Where commands are typed: real processes in a folder of their own."""

import asyncio
import json
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that came to its end."""

    code: int
    out: str
    err: str
    seconds: float


@dataclass(slots=True)
class Terminal:
    """Where commands are typed: a folder and its environment."""

    folder: Path
    begun: list[Process] = field(default_factory=list)

    async def begin(self, *arguments: str, **variables: str) -> Process:
        outside = ("CALLBOX_", "TWILIO_")
        kept = {name: os.environ[name] for name in os.environ if not name.startswith(outside)}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "callbox", *arguments),
            cwd=self.folder,
            env={**kept, "XDG_STATE_HOME": str(self.folder), **variables},
            stdout=PIPE,
            stderr=PIPE,
        )
        self.begun.append(process)
        return process

    async def type(self, *arguments: str, **variables: str) -> Ended:
        began = time.monotonic()
        process = await self.begin(*arguments, **variables)
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
        assert process.returncode is not None
        assert b"Traceback" not in out + err
        seconds = time.monotonic() - began
        return Ended(process.returncode, out.decode(), err.decode(), seconds)

    def write(self, **sections: dict[str, object]) -> None:
        (self.folder / "callbox.yaml").write_text(json.dumps(sections))

    async def clear(self) -> None:
        for process in self.begun:
            if process.returncode is None:
                process.kill()
            await process.communicate()


async def read_until(stream: asyncio.StreamReader | None, words: str) -> str:
    """Read lines up to one that has the words in it; give all of them."""
    assert stream is not None
    lines: list[str] = []
    async with asyncio.timeout(PATIENCE):
        while not lines or words not in lines[-1]:
            line = await stream.readline()
            assert line, f"it ended without {words!r}: {''.join(lines)}"
            lines.append(line.decode())
    return "".join(lines)
