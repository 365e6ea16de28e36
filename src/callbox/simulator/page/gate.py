"""Who may drive the simulator: programs, and its own page; no other web site.

A browser says by `Origin` which site a request comes from. A site that has its name point at this
machine (DNS rebinding) is given away by `Host`.
"""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

LOCAL_NAMES = {"localhost", "ip6-localhost"}
STRANGE_HOST = (
    "The simulator listens on this machine alone, and was asked for by the name {name!r}: open it "
    "as http://127.0.0.1 or http://localhost with its port."
)
STRANGE_ORIGIN = (
    "The simulator takes orders from its own page and from programs, not from the site {origin!r}."
)
SHOWN = 100


def forbidden(headers: Mapping[str, str], listens_on: str) -> str:
    """Say why a request is refused; empty if it is not."""
    host, origin = headers.get("Host", ""), headers.get("Origin")
    name, _ = _place(f"//{host}")
    if host and _is_loopback(listens_on) and not _is_loopback(name):
        return STRANGE_HOST.format(name=name[:SHOWN])
    if origin is not None and _place(origin)[1] != host:
        return STRANGE_ORIGIN.format(origin=origin[:SHOWN])
    return ""


def _place(url: str) -> tuple[str, str]:
    """Return the name in a URL, and the name with its port; empty if they cannot be told."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.hostname or "", parts.netloc


def _is_loopback(name: str) -> bool:
    if name in LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
