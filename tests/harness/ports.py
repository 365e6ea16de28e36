"""Free ports of this machine's loopback address."""

import random
import socket

_BELOW_EPHEMERAL = range(20_000, 32_000)
"""The system never gives these to outgoing connections: a stopped server gets its port back, and
nobody who calls it meanwhile connects to himself."""


def free_port() -> int:
    """Give a port that nobody listens on."""
    while True:
        port = random.choice(_BELOW_EPHEMERAL)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def listens(port: int) -> bool:
    """Tell whether somebody accepts connections on a port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0
