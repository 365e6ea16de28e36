"""A picture, sound or document that a message carries."""

import mimetypes
from dataclasses import dataclass, field
from secrets import token_hex

UNKNOWN_TYPE = "application/octet-stream"


def _new_sid() -> str:
    return f"ME{token_hex(16)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One entry of Media: what is at a URL, or the content itself."""

    content_type: str
    url: str = ""
    content: bytes = b""
    sid: str = field(default_factory=_new_sid)


def attachment(url: str) -> Attachment:
    """Make the attachment that Twilio fetches from a URL, its type judged by its name."""
    guessed, _ = mimetypes.guess_type(url.partition("?")[0])
    return Attachment(url=url, content_type=guessed or UNKNOWN_TYPE)
