"""What a request is answered, before it becomes HTTP."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from callbox.simulator.api.refusal import Refusal, error_document
from callbox.simulator.records.record import Record

NO_HEADERS: Mapping[str, str] = {}
CHALLENGE = {"WWW-Authenticate": 'Basic realm="Twilio API"'}
UNAUTHORIZED = 401
WRITE = json.JSONEncoder(allow_nan=False).encode
"""JSON knows neither NaN nor infinity."""
HTML = b"<html><head><title>Error</title></head><body><h1>Something went wrong</h1></body></html>"


class Answer(NamedTuple):
    """Status, body and headers, and the record that the request created, if it did."""

    status: int
    body: bytes
    headers: Mapping[str, str] = NO_HEADERS
    record: Record | None = None


NOTHING = Answer(204, b"")


def document(status: int, content: object, record: Record | None = None) -> Answer:
    """Return an answer with a JSON body."""
    return Answer(status, WRITE(content).encode(), NO_HEADERS, record)


def error(status: int, code: int, message: str, headers: Mapping[str, str] = NO_HEADERS) -> Answer:
    """Return an answer with Twilio's error body."""
    return Answer(status, WRITE(error_document(status, code, message)).encode(), headers)


def refused(refusal: Refusal) -> Answer:
    """Return the answer that a refusal is."""
    headers = CHALLENGE if refusal.status == UNAUTHORIZED else NO_HEADERS
    return error(refusal.status, refusal.code, str(refusal), headers)


def html(status: int) -> Answer:
    """Answer what a broken proxy says."""
    return Answer(status, HTML, {"Content-Type": "text/html; charset=utf-8"})
