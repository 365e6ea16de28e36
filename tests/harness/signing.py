"""Twilio's side of X-Twilio-Signature, written apart from what checks it."""

import base64
import hashlib
import hmac
from collections.abc import Sequence


def signature_of(url: str, form: Sequence[tuple[str, str]], token: str) -> str:
    """Sign a URL and form: names in byte order, each name's values in order, equal ones once."""
    told = sorted({(name.encode(), value.encode()) for name, value in form})
    signed = url.encode("utf-8", "surrogateescape") + b"".join(map(b"".join, told))
    return base64.b64encode(hmac.new(token.encode(), signed, hashlib.sha1).digest()).decode()
