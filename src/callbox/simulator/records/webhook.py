"""A URL that Twilio calls, and how its fragment says to call it.

The fragment is neither sent nor signed; userinfo is sent only after a challenge and never signed.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

CONNECT, READ, TOTAL = 5.0, 15.0, 15.0
RETRIES = 1
REASONS = ("ct", "rt", "4xx", "5xx")
SWITCHES: dict[str, tuple[int, int, float]] = {
    "ct": (100, 10_000, CONNECT * 1000),
    "rt": (100, 15_000, READ * 1000),
    "tt": (100, 15_000, TOTAL * 1000),
    "rc": (0, 5, RETRIES),
}
"""Least, most and usual value; times in milliseconds."""
LOGIN = re.compile(r"""://[^/?#\s"'<>]*@""")
"""User name and password in a URL, in a text or in JSON."""


class Overrides(NamedTuple):
    """Time-outs in seconds, how often to try again, and after what."""

    connect: float = CONNECT
    read: float = READ
    total: float = TOTAL
    retries: int = RETRIES
    reasons: frozenset[str] = frozenset({"ct"})


def overrides(fragment: str) -> Overrides:
    """Read `rc=2&rp=all&ct=…`; what is out of range or unknown is as usual."""
    given = {name: values[-1] for name, values in parse_qs(fragment).items()}
    connect, read, total, retries = (_switch(given, name) for name in SWITCHES)
    return Overrides(connect / 1000, read / 1000, total / 1000, int(retries), _reasons(given))


def _switch(given: dict[str, str], name: str) -> float:
    least, most, usual = SWITCHES[name]
    text = given.get(name, "")
    is_number = text.isdecimal() and len(text) <= len(str(most))
    return int(text) if is_number and least <= int(text) <= most else usual


def _reasons(given: dict[str, str]) -> frozenset[str]:
    named = re.split(r"[,\s]+", given.get("rp", "ct"))
    return frozenset(REASONS if "all" in named else (name for name in named if name in REASONS))


@dataclass(frozen=True, slots=True)
class Webhook:
    """What is called first, and what is called when that fails."""

    url: str
    method: str = "POST"
    fallback_url: str | None = None
    fallback_method: str = "POST"

    def __post_init__(self) -> None:
        for name in ("method", "fallback_method"):  # Twilio takes them in small letters too
            object.__setattr__(self, name, getattr(self, name).upper())

    @property
    def fallback(self) -> "Webhook | None":
        """Whom to call when this one fails."""
        return Webhook(self.fallback_url, self.fallback_method) if self.fallback_url else None

    @property
    def overrides(self) -> Overrides:
        """How to call it."""
        return overrides(urlsplit(self.url).fragment)

    @property
    def bare(self) -> str:
        """The URL as it is sent: neither userinfo nor fragment."""
        return bare(self.url)

    @property
    def login(self) -> tuple[str, str] | None:
        """User name and password for whoever asks for them."""
        parts = urlsplit(self.url)
        if parts.username is None:
            return None
        return unquote(parts.username), unquote(parts.password or "")


def _rebuilt(url: str, host: Callable[[SplitResult], str]) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=host(parts), fragment="").geturl()


def bare(url: str) -> str:
    """Drop userinfo and fragment."""
    return _rebuilt(url, lambda parts: parts.netloc.rpartition("@")[2])


def without_port(url: str) -> str:
    """Drop the port as well."""
    return _rebuilt(url, lambda parts: re.sub(r":\d*$", "", parts.netloc.rpartition("@")[2]))


def concealed(text: str) -> str:
    """Leave user names and passwords out of the URLs in what is shown."""
    return LOGIN.sub("://…@", text)
