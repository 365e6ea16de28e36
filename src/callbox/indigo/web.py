"""Twilio's webhook as Indigo's web server hands it to an action, and the answer the other way.

Source: docs.indigodomo.com, plugin guide, "HTTP requests". Keys may be absent, and Indigo does not
tell the address that was called, which Twilio signs: it has to be known here.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from callbox.twilio.refusals import Refusal
from callbox.twilio.signature import Pairs
from callbox.twilio.webhook import MOST_BYTES, MOST_PARAMETERS, Webhook

RECEIVE = "receive"  # the action that Twilio calls
PINGS = ("ping", "check_messages")  # those that only have Twilio be asked

_FORM = "application/x-www-form-urlencoded"
_TEXT = {"Content-Type": "text/plain; charset=utf-8"}
_TWIML = {"Content-Type": "text/xml; charset=utf-8"}

_TOO_LARGE = Refusal(413, f"The body is larger than {MOST_BYTES} bytes")
_UNREADABLE = Refusal(400, f"The parameters are not UTF-8, or more than {MOST_PARAMETERS}")


def webhook_of(props: Mapping[str, Any], query: str) -> Webhook | Refusal:
    """Read the request in an action's `props`.

    `query` is what stands in the address at Twilio from its `?` on; without one it is written anew
    from what came, as it is for a GET, where Twilio adds its parameters to it.
    """
    headers = {name.lower(): str(value) for name, value in _pairs(props.get("headers"))}
    body = str(props.get("request_body") or "")
    form = _pairs(props.get("body_params"))
    if _size(body, *(part for pair in form for part in pair)) > MOST_BYTES:
        return _TOO_LARGE
    posted = props.get("incoming_request_method", "POST") == "POST"
    is_form = headers.get("content-type", _FORM).lower().startswith(_FORM)
    written, asked = _asked(props, query if posted else "")
    try:
        return Webhook(
            "",
            written,
            asked,
            form or (_parsed(body) if posted and is_form else ()),
            body.encode("utf-8", "replace") if body and not is_form else None,
            headers.get("x-twilio-signature"),
            headers.get("authorization"),
        )
    except ValueError:
        return _UNREADABLE


def _asked(props: Mapping[str, Any], query: str) -> tuple[str, Pairs]:
    """Give the query that is signed, and what it says; what else came with it is not."""
    if query:
        return query, _parsed(query[1:])
    came = _pairs(props.get("url_query_args"))
    return f"?{urlencode(came)}" if came else "", came


def _parsed(text: str) -> Pairs:
    """Read parameters; raises ValueError where there are too many or they are not UTF-8."""
    return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)


def reply_of(answer: str | Refusal) -> dict[str, Any]:
    """Give TwiML, or the sentence of a refusal, as Indigo's web server takes it."""
    if isinstance(answer, Refusal):
        return {"status": answer.status, "headers": _TEXT, "content": answer.sentence}
    return {"status": 200, "headers": _TWIML, "content": answer}


def _size(*texts: str) -> int:
    return sum(len(text.encode("utf-8", "surrogateescape")) for text in texts)


def _pairs(found: Mapping[str, Any] | None) -> Pairs:
    items: Iterable[tuple[str, Any]] = dict(found).items() if found else ()
    return [(str(name), str(value)) for name, value in items]
