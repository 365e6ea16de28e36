"""Who may drive the simulator: programs, and its own page; no other web site.

A browser says by `Origin` which site a request comes from. A site that has its name point at this
machine (DNS rebinding) is given away by `Host`: it is a name that can be had in public.
"""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

PRIVATE = (".localhost", ".local", ".internal", ".lan", ".test", ".home.arpa")
"""Endings of names that nobody can have in public; names without a dot are private too."""
TWILIOS = ".twilio.com"
"""What programs call it that are led here by a hosts file; not for orders and the page."""
STRANGE_HOST = (
    "The simulator was asked for by the name {name!r}, which any web site may have: use its IP "
    "address, localhost, or a name without a dot."
)
STRANGE_ORIGIN = (
    "The simulator takes orders from its own page and from programs, not from the site {origin!r}."
)
SHOWN = 100


def forbidden(headers: Mapping[str, str], *, orders: bool) -> str:
    """Say why a request is refused, or nothing. `orders`: it is for the simulator itself."""
    host, origin = headers.get("Host", ""), headers.get("Origin")
    name, _ = _place(f"//{host}")
    if host and not (_is_private(name) or (not orders and name.endswith(TWILIOS))):
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


def _is_private(name: str) -> bool:
    if name and ("." not in name or name.endswith(PRIVATE)):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
