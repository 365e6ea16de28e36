"""A picture, sound or document that a message carries."""

import mimetypes
import re
from dataclasses import dataclass, field
from functools import partial

from callbox.simulator.records.sid import new_sid

UNKNOWN_TYPE = "application/octet-stream"
TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(?: *; *[\w-]+=[\w.+-]+)*", re.ASCII)
SANDBOX = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}
"""The headers of content: a document that somebody texted must not act as if it were ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One entry of Media: what is at a URL, or the content itself."""

    content_type: str
    url: str = ""
    content: bytes = b""
    sid: str = field(default_factory=partial(new_sid, "ME"))

    @property
    def headers(self) -> dict[str, str]:
        """Say what the content is; what is no type is not said."""
        known = TYPE.fullmatch(self.content_type) is not None
        return {**SANDBOX, "Content-Type": self.content_type if known else UNKNOWN_TYPE}


def attachment(url: str) -> Attachment:
    """Make the attachment that Twilio fetches from a URL, its type judged by its name."""
    guessed, _ = mimetypes.guess_type(url.partition("?")[0])
    return Attachment(url=url, content_type=guessed or UNKNOWN_TYPE)
