"""One request of Twilio's as it came: its parameters, and the headers that vouch for it."""

import asyncio
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aiohttp import web

from callbox.twilio.refusals import Reason, Refusal
from callbox.twilio.signature import Pairs

MOST_BYTES = 64 * 1024
MOST_PARAMETERS = 1000
_LONGEST_SECONDS = 2.0  # for a body to arrive
_FORM = "application/x-www-form-urlencoded"


def _unreadable(status: int, sentence: str) -> Refusal:
    return Refusal(status, sentence, Reason.UNREADABLE)


_TOO_LARGE = _unreadable(413, f"The body is larger than {MOST_BYTES} bytes")
_LATE = _unreadable(408, f"The body did not arrive within {_LONGEST_SECONDS:.0f} s")
_BROKEN = _unreadable(400, "The body broke off or is not encoded as the headers say")
_ENCODED = _unreadable(400, "A body with a Content-Encoding is not read")
_NOT_PARAMETERS = _unreadable(
    400, f"The parameters are not UTF-8, or more than {MOST_PARAMETERS}"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Webhook:
    """A request to `path`; `query` is as received, with its `?`, or empty.

    `body` is what is not a form (JSON), which the form's parameters exclude.
    """

    path: str
    query: str = field(repr=False)
    asked: Pairs = field(repr=False)
    form: Pairs = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    signature: str | None = field(default=None, repr=False)
    authorization: str | None = field(default=None, repr=False)

    @property
    def parameters(self) -> dict[str, str]:
        """What it tells; a form's parameter goes before the query string's."""
        return {**dict(self.asked), **dict(self.form)}

    @property
    def attempt_id(self) -> str | None:
        """The attempt whose status callback it is, by the URL that we gave for it."""
        return dict(self.asked).get("attempt")


async def read(request: web.Request, path: str) -> Webhook | Refusal:
    """Read a request, within bounds of size and time."""
    body = await _body(request)
    if isinstance(body, Refusal):
        return body
    _, mark, query = request.raw_path.partition("?")
    is_form = request.content_type == _FORM
    try:
        return Webhook(
            path,
            mark + query,
            _pairs(query),
            _pairs(body.decode()) if is_form else (),
            body if body and not is_form else None,
            request.headers.get("X-Twilio-Signature"),
            request.headers.get("Authorization"),
        )
    except ValueError:
        return _NOT_PARAMETERS


def _pairs(text: str) -> Pairs:
    if not text:
        return ()
    text.encode()  # a header's undecodable bytes are no UTF-8
    return parse_qsl(
        text, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS
    )  # fmt: skip


async def _body(request: web.Request) -> bytes | Refusal:
    if request.headers.get("Content-Encoding"):
        return _ENCODED
    if request.method == "GET" or not request.can_read_body:
        return b""
    if (request.content_length or 0) > MOST_BYTES:
        return _TOO_LARGE
    try:
        async with asyncio.timeout(_LONGEST_SECONDS):
            return await _bounded(request)
    except TimeoutError:
        return _LATE
    except web.RequestPayloadError:
        return _BROKEN


async def _bounded(request: web.Request) -> bytes | Refusal:
    body = bytearray()
    async for part in request.content.iter_any():
        body += part
        if len(body) > MOST_BYTES:
            return _TOO_LARGE
    return bytes(body)
