"""Which URLs Twilio takes."""

import re

BLANK = r"\s\x00-\x1f\x7f"
URL = re.compile(rf"https?://[^/{BLANK}][^{BLANK}]*", re.IGNORECASE)
CALLBACK = re.compile(rf"https?://[^/_{BLANK}]+(?:[/?#][^{BLANK}]*)?", re.IGNORECASE)
LONGEST_CALLBACK = 4000


def is_url(text: str) -> bool:
    """Whether it can be fetched."""
    return URL.fullmatch(text) is not None


def is_callback(text: str) -> bool:
    """Whether it can be called back: no underscore in the host, not too long."""
    return len(text) <= LONGEST_CALLBACK and CALLBACK.fullmatch(text) is not None
