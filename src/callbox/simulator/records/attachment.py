"""A picture, sound or document that a message carries."""

import mimetypes
from dataclasses import dataclass, field
from functools import partial

from callbox.simulator.records.sid import new_sid

UNKNOWN_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One entry of Media: what is at a URL, or the content itself."""

    content_type: str
    url: str = ""
    content: bytes = b""
    sid: str = field(default_factory=partial(new_sid, "ME"))


def attachment(url: str) -> Attachment:
    """Make the attachment that Twilio fetches from a URL, its type judged by its name."""
    guessed, _ = mimetypes.guess_type(url.partition("?")[0])
    return Attachment(url=url, content_type=guessed or UNKNOWN_TYPE)
