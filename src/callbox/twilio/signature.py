"""X-Twilio-Signature: whether a request is Twilio's.

It is base64(HMAC-SHA1(auth token, URL + parameters of the form by name)), and the form of the URL
that was signed is not certain: userinfo, port and apostrophes differ by product and year. Source:
twilio.com/docs/usage/security, and the vectors of twilio-python and twilio-node.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Sequence

Pairs = Sequence[tuple[str, str]]

_URL = re.compile(
    r"""
    (?P<scheme>https?)://
    (?:(?P<userinfo>[^/?\#]*)@)?
    (?P<host>\[[^]/?\#]*\]|[^/?\#:@]*)
    (?::(?P<port>[0-9]*))?
    (?P<path>/[^?]*)?
    (?P<query>\?.*)?
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def variants(url: str) -> Iterator[str]:
    """Give the forms in which Twilio may have signed a URL, the usual ones first, each once."""
    found = _URL.fullmatch(url)
    if found is None:
        yield url
        return
    scheme, path, query = found["scheme"], found["path"] or "", found["query"] or ""
    given = f":{found['port']}" if found["port"] else ""
    people = ("",) if found["userinfo"] is None else ("", f"{found['userinfo']}@")
    seen = set()
    for asked in _apostrophes(query):
        for person in people:
            for port in (given, "", _DEFAULT_PORTS[scheme.lower()]):
                form = f"{scheme}://{person}{found['host']}{port}{path}{asked}"
                if form not in seen:
                    seen.add(form)
                    yield form


def _apostrophes(query: str) -> Iterable[str]:
    return (query, query.replace("'", "%27"), query.replace("%27", "'"))


def is_signed(url: str, form: Pairs, signature: str, tokens: Iterable[str]) -> bool:
    """Tell whether one of the auth tokens signed the form, in any variant of the URL."""
    given = signature.encode("utf-8", "surrogateescape")
    keys = [token.encode() for token in tokens if token]
    joined = _joined(form)
    return any(
        hmac.compare_digest(_sign(variant, joined, key), given)
        for variant in variants(url)
        for key in keys
    )


def is_body_of(query: Pairs, body: bytes) -> bool:
    """Tell whether a signed query string vouches for a body that is not a form, by bodySHA256."""
    digest = hashlib.sha256(body).hexdigest().encode()
    told = [value.encode() for name, value in query if name == "bodySHA256"]
    return len(told) == 1 and hmac.compare_digest(told[0], digest)


def _joined(form: Pairs) -> bytes:
    return "".join(name + value for name, value in sorted(set(form))).encode()


def _sign(url: str, joined: bytes, key: bytes) -> bytes:
    signed = url.encode("utf-8", "surrogateescape") + joined
    # Not hmac.digest(): it lets go of the interpreter's lock and waits to get it back.
    return base64.b64encode(hmac.new(key, signed, hashlib.sha1).digest())
