"""Times as people write them: `90`, `40s`, `10 min`, `24h`."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from callbox.simulator.order import BadOrder

UNITS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86_400, "day": 86_400, "days": 86_400}
WRITTEN = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[a-z]*)")


def seconds(text: str) -> float:
    """Return the seconds of a time; ValueError if it is none."""
    match = WRITTEN.fullmatch(text.strip().lower())
    unit = UNITS.get(match["unit"] or "s") if match else None
    if match is None or unit is None:
        raise ValueError(f"{text!r} is no time")
    return float(match["number"]) * unit


def with_seconds(document: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Return the document with every time under one of the names in seconds.

    BadOrder if one cannot be read.
    """
    return {
        name: _plain(name, value) if name in names and isinstance(value, str) else value
        for name, value in document.items()
    }


def _plain(name: str, text: str) -> float:
    try:
        return seconds(text)
    except ValueError:
        raise BadOrder(f'"{name}" must be a time like 40s, 10 min or 24h, not {text!r}.') from None
