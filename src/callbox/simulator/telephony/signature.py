"""X-Twilio-Signature: who has the account's auth token called this URL with these parameters."""

import base64
import hashlib
import hmac
from collections.abc import Mapping

from callbox.simulator.records.webhook import bare, without_port


def signature(token: str, url: str, form: Mapping[str, str]) -> str:
    """Sign a URL and the form that is posted to it; of a GET the form is empty."""
    text = url + "".join(name + form[name] for name in sorted(form, key=str.encode))
    digest = hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def signed_url(url: str, *, voice: bool) -> str:
    """Return the form of a URL that is signed: for voice over HTTPS it has no port."""
    drops_port = voice and url.lower().startswith("https:")
    return without_port(url) if drops_port else bare(url)
