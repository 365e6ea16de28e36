"""What Twilio says in an error, as logs and documents may show it."""

import re

from callbox.domain.phone import mask_numbers

_LONGEST = 240
_LOGIN = re.compile(r"(://)[^/@\s]+@")


def reason_of(text: str) -> str:
    """Give Twilio's text without phone numbers and logins in URLs, cut to a sentence or two."""
    return mask_numbers(_LOGIN.sub(r"\1***@", text))[:_LONGEST]
