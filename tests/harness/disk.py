"""A small disk that can be filled: a tmpfs, which only root may mount."""

import os
import subprocess
from pathlib import Path
from typing import Self

import pytest

_BALLAST = "ballast"


class SmallDisk:
    """Mounted at `path` while in use."""

    def __init__(self, path: Path, megabytes: int = 24) -> None:
        self.path = path
        self._megabytes = megabytes

    def __enter__(self) -> Self:
        if os.name != "posix" or os.geteuid() != 0:
            pytest.skip("only root can mount a small disk")
        self.path.mkdir()
        options = f"size={self._megabytes}m"
        mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.path)]
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)

    def fill(self) -> None:
        """Leave no byte."""
        with (self.path / _BALLAST).open("ab", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(b"\0" * 4096)
            except OSError:
                return

    def empty(self) -> None:
        """Make room again."""
        (self.path / _BALLAST).unlink()

    def refuse_writing(self) -> None:
        """Let it be read only."""
        subprocess.run(["mount", "-o", "remount,ro", str(self.path)], check=True)
