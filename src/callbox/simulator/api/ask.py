"""What a request asks for."""

from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

Params = dict[str, list[str]]
MOST_DIGITS = 15
"""Of a number: the entries before so many whole pages can still be counted."""


def params(text: str) -> Params:
    """Return the parameters of a form or a query."""
    found: Params = {}
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        if name:
            found.setdefault(_plain(name), []).append(_plain(value))
    return found


def _plain(text: str) -> str:
    if "+" in text:
        text = text.replace("+", " ")
    return unquote_to_bytes(text).decode("utf-8", "replace") if "%" in text else text


@dataclass(slots=True)
class Ask:
    """A request as the resources see it."""

    path: str
    account_sid: str
    sid: str
    params: Params
    arrived_at: float
    parent: str = ""
    """The SID of what the resource is part of."""
    lag: float = 0.0
    """A list must not show what is younger than so many seconds."""

    def text(self, name: str) -> str:
        """Return the value of a parameter, empty if it is not given."""
        values = self.params.get(name)
        return values[0] if values else ""

    def maybe(self, name: str) -> str | None:
        """Return the value of a parameter, None if it is not given or empty."""
        return self.text(name) or None

    def every(self, name: str) -> tuple[str, ...]:
        """All values of a parameter that may be repeated."""
        return tuple(self.params.get(name, ()))

    def count(self, name: str, default: int) -> int:
        """Return a whole number; the default if it is none."""
        text = self.text(name)
        return int(text) if text.isdecimal() and len(text) <= MOST_DIGITS else default
