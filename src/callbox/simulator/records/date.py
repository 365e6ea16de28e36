"""Dates as Twilio writes and reads them."""

import math
import time
from datetime import UTC, datetime
from functools import lru_cache

DAY = 86_400.0
DATE_LENGTH = len("2026-01-31")
FORMS = ("%a, %d %b %Y %H:%M:%S %z", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S MST")
"""What filters hold in Twilio's own examples, besides ISO 8601; MST it takes for GMT [a guess]."""


@lru_cache(maxsize=4096)
def _written(second: int, form: str) -> str:
    return time.strftime(form, time.gmtime(second))


def rfc2822(instant: float | None) -> str | None:
    """`Sun, 06 Sep 2020 21:26:02 +0000`, or None."""
    if instant is None:
        return None
    return _written(int(instant), "%a, %d %b %Y %H:%M:%S +0000")


def iso8601(instant: float) -> str:
    """Return an instant as the newer products write it: `2020-09-06T21:26:02Z`."""
    return _written(int(instant), "%Y-%m-%dT%H:%M:%SZ")


def http_date(instant: float) -> str:
    """Return the value of a Date header."""
    return _written(int(instant), "%a, %d %b %Y %H:%M:%S GMT")


def _read(text: str) -> datetime:
    for form in FORMS:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - without a zone it is GMT
        except ValueError:
            continue
    return datetime.fromisoformat(text)


def span(text: str) -> tuple[float, float]:
    """First and last instant of a day or of a second; ValueError if it is neither."""
    first = _instant(text)
    length = DAY if len(text) == DATE_LENGTH else 1.0
    return first, math.nextafter(first + length, 0.0)


def day(text: str) -> tuple[float, float]:
    """First and last instant of the day that is named, or in which a second is; ValueError."""
    first = _instant(text) // DAY * DAY
    return first, math.nextafter(first + DAY, 0.0)


def _instant(text: str) -> float:
    moment = _read(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()
