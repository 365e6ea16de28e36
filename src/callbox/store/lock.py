"""One gateway per store: a lock that the operating system frees when its holder dies."""

import contextlib
import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from callbox.errors import StoreInUse


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a store: process id, host name, and the socket on which it takes commands."""

    pid: int
    host: str
    control: str | None = None


class Lock:
    """The file `<store>.lock`, locked while the gateway runs, with the holder's name in it."""

    def __init__(self, store: Path) -> None:
        self._path = store.with_name(store.name + ".lock")
        self._file: IO[str] | None = None

    def take(self, control: str | None = None) -> None:
        """Take the lock, or raise `StoreInUse` with who holds it."""
        file = self._path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise StoreInUse(_sentence(self._path, self.holder())) from None
        self._file = file
        file.truncate(0)
        file.write(json.dumps(asdict(Holder(os.getpid(), os.uname().nodename, control))))
        file.flush()

    def release(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # a full disk: our name in it was never written
                self._file.close()
            self._file = None

    def held(self) -> Holder | None:
        """Give the running holder, None if nobody holds it."""
        if not self._path.exists():
            return None
        with self._path.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return self.holder()
        return None

    def holder(self) -> Holder | None:
        """Give who wrote its name last."""
        try:
            return Holder(**json.loads(self._path.read_text()))
        except (OSError, ValueError, TypeError):
            return None


def _sentence(path: Path, holder: Holder | None) -> str:
    who = f"process {holder.pid} on {holder.host}" if holder else "another process"
    store = path.with_suffix("")
    return f"The store {store} is in use by {who}: stop it first, or use another store.url"
