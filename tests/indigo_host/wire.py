"""Length-prefixed pickles, both ways, over one socket."""
# ruff: noqa: ANN401 - what crosses to a plugin has any type

import pickle
import socket
import struct
import threading
from typing import Any

HEAD = struct.Struct(">I")
"""The length of what follows."""


def frame(message: object) -> bytes:
    """Give a message as it goes over the wire."""
    body = pickle.dumps(message)
    return HEAD.pack(len(body)) + body


class Line:
    """The plugin's end: sends from any thread, receives in one."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._in = end.makefile("rb")
        self._lock = threading.Lock()

    def send(self, message: object) -> None:
        """Send a message whole."""
        data = frame(message)
        with self._lock:
            self._end.sendall(data)

    def receive(self) -> Any:
        """Wait for a message; EOFError once the server is gone."""
        head = self._in.read(HEAD.size)
        if len(head) < HEAD.size:
            raise EOFError
        return pickle.loads(self._in.read(HEAD.unpack(head)[0]))
