"""Which URLs Twilio takes."""

import re
from urllib.parse import urlsplit

BLANK = r"\s\x00-\x1f\x7f"
URL = re.compile(rf"https?://[^/{BLANK}][^{BLANK}]*", re.IGNORECASE)
CALLBACK = re.compile(rf"https?://[^/_{BLANK}]+(?:[/?#][^{BLANK}]*)?", re.IGNORECASE)
LONGEST_CALLBACK = 4000


def is_url(text: str) -> bool:
    """Whether it can be fetched."""
    return URL.fullmatch(text) is not None and _has_place(text)


def is_callback(text: str) -> bool:
    """Whether it can be called back: no underscore in the host, not too long."""
    fits = len(text) <= LONGEST_CALLBACK and CALLBACK.fullmatch(text) is not None
    return fits and _has_place(text)


def _has_place(text: str) -> bool:
    """Whether host and port can be told: no bracket left open, no port above 65,535."""
    try:
        return urlsplit(text).port != 0
    except ValueError:
        return False
