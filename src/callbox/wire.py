"""The public JSON documents: requests read, statuses written.

The keys of `message/status` are those of the AWS Greengrass V1 connector, nothing more; a missing
value reads `<Field> cannot be None`, as it did there. Every other fault is one sentence that names
field, fault and what is expected, never the message's text.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, from_json, to_json

from callbox.domain.delivery import Delivery, State
from callbox.domain.notification import PRIORITY, Channel, Kind, Voice
from callbox.domain.phone import is_e164, is_sender
from callbox.domain.received import OptOut, Ring, Text
from callbox.domain.request import Fault, Recipient, Request
from callbox.domain.segments import segments
from callbox.ports import Arrival, Refusal

MOST_CHARACTERS = 299
_LARGEST_READ_FOR_ID = 2**21
_INT64 = 2**63
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800.0, 253_402_300_799.0  # of the years 1 to 9999

_E164 = "expected E.164 form, like +12345000000"
_SENDER = "expected a number like +12345000000, a short code, or 1-11 letters and digits"

# What a field is called in an error, by its key. V1's words where V1 has them.
_TITLES = {
    "request": "Request",
    "id": "Request id",
    "recipient": "Recipient",
    "recipients": "Recipients",
    "name": "Recipient name",
    "phone_number": "Recipient phone number",
    "message": "Message",
    "media_urls": "Media URLs",
    "channel": "Channel",
    "voice_message_location": "Voice message location",
    "voice_message_text": "Voice message text",
    "voice_message_method": "Voice message method",
    "voice": "Voice",
    "language": "Language",
    "machine_detection": "Machine detection",
    "from_number": "From number",
    "retries": "Retries",
    "expires_in": "Expires in",
    "sent_at": "Sent at",
    "priority": "Priority",
    "on_unknown": "On unknown",
    "dedup_key": "Dedup key",
}

# What is expected instead, by pydantic's name for the fault.
_EXPECTED = {
    "string_type": "a string",
    "string_too_short": "at least {min_length} character",
    "string_too_long": "at most {max_length} characters",
    "string_pattern_mismatch": "an address that begins with http:// or https://",
    "int_type": "a whole number",
    "float_type": "a number of seconds",
    "bool_type": "true or false",
    "list_type": "a list",
    "too_short": "at least {min_length} in the list",
    "too_long": "at most {max_length} in the list",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
}

_Text = Annotated[str, Field(min_length=1)]
_Url = Annotated[str, Field(pattern=r"^https?://")]


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class _TxtRecipient(_Document):
    name: str
    phone_number: str | None = None
    message: _Text | None = None
    media_urls: Annotated[list[_Url], Field(min_length=1, max_length=10)] | None = None
    channel: Literal["sms", "whatsapp"] = "sms"
    voice_message_location: object = None
    voice_message_text: object = None


class _CallRecipient(_Document):
    name: _Text
    phone_number: str | None = None
    voice_message_location: _Text | None = None
    voice_message_text: _Text | None = None
    voice_message_method: Literal["POST", "GET"] | None = None
    voice: _Text | None = None
    language: _Text | None = None
    machine_detection: bool | Literal["Enable", "DetectMessageEnd"] | None = None
    message: object = None
    media_urls: object = None


class _Terms(_Document):
    recipient: Any = None
    recipients: Annotated[list[Any], Field(min_length=1, max_length=1000)] | None = None
    from_number: str | None = None
    retries: Annotated[int, Field(ge=0, lt=_INT64)] | None = None
    expires_in: Annotated[float, Field(gt=0, le=10**9)] | None = None
    sent_at: str | None = None
    priority: Literal["low", "normal", "high", "critical"] = "normal"
    on_unknown: Literal["hold", "resend"] | None = None
    dedup_key: Annotated[str, Field(min_length=1, max_length=255)] | None = None


_Model = TypeVar("_Model", bound=_Document)

_RECIPIENT: dict[Kind, type[_TxtRecipient] | type[_CallRecipient]] = {
    Kind.TXT: _TxtRecipient,
    Kind.CALL: _CallRecipient,
}


class _WrongDocumentError(ValueError):
    """A fault as the sentence that the status document will hold."""


def read_request(kind: Kind, payload: bytes, most_bytes: int) -> Request | Refusal:
    """Read a document of `<base>/txt` or `<base>/call`.

    Gives a Refusal (`InvalidParameter`) with the document's `id` where one could be read.
    `most_bytes`: `limits.max_document_bytes`, 0 = none.
    """
    try:
        if most_bytes and len(payload) > most_bytes:
            raise _WrongDocumentError(
                f"Document has {len(payload)} bytes: expected at most {most_bytes} "
                "(limits.max_document_bytes)"
            )
        document = _read_json(payload)
        _check_values(document)
        return _request(kind, document)
    except _WrongDocumentError as wrong:
        return Refusal(readable_id(payload), "InvalidParameter", str(wrong)[:MOST_CHARACTERS])


def _read_json(payload: bytes) -> dict[str, Any]:
    try:
        document = from_json(payload, allow_inf_nan=False)
    except ValueError as error:
        raise _WrongDocumentError(
            f"Document is not JSON: expected an object in UTF-8 ({error})"
        ) from None
    if not isinstance(document, dict):
        raise _WrongDocumentError('Document is not an object: expected {"request": ..., "id": ...}')
    return document


def readable_id(payload: bytes) -> str | None:
    """Give the id of a refused document; read leniently, so that NaN or half an emoji keep it."""
    if len(payload) > _LARGEST_READ_FOR_ID:
        return None
    try:
        document = json.loads(payload)
        found = document.get("id") if isinstance(document, dict) else None
        return found if isinstance(found, str) and found.encode() is not None else None
    except (ValueError, RecursionError):
        return None


def _check_values(document: dict[str, Any]) -> None:
    """Refuse what no store or provider takes: NUL characters, integers beyond 64 bits."""
    for value in _leaves(document):
        if isinstance(value, str) and "\0" in value:
            raise _WrongDocumentError("Document has a NUL character: expected text without it")
        if isinstance(value, int) and not -_INT64 <= value < _INT64:
            raise _WrongDocumentError(
                "Document has an integer beyond 64 bits: expected a smaller one"
            )


def _leaves(value: Any) -> Iterator[Any]:  # noqa: ANN401 - any JSON value
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        else:
            yield value


def _request(kind: Kind, document: dict[str, Any]) -> Request:
    for key in ("request", "id"):
        if document.get(key) is None:
            raise _WrongDocumentError(f"{_TITLES[key]} cannot be None")
    if not isinstance(document["request"], dict):
        raise _WrongDocumentError("Request is not valid: expected an object with recipient")
    if not isinstance(document["id"], str) or not document["id"]:
        raise _WrongDocumentError(
            "Request id is not valid: expected a string of at least one character"
        )
    terms = _validate(_Terms, document["request"])
    return Request(
        document["id"],
        kind,
        tuple(_recipients(kind, terms)),
        _sender(kind, terms.from_number),
        terms.retries,
        terms.expires_in,
        _time(terms.sent_at),
        PRIORITY[terms.priority],
        terms.on_unknown,
        terms.dedup_key,
    )


def _recipients(kind: Kind, terms: _Terms) -> Iterator[Recipient | Fault]:
    if terms.recipients is None:
        if terms.recipient is None:
            raise _WrongDocumentError("Recipient cannot be None")
        yield _recipient(kind, terms.recipient)
        return
    if terms.recipient is not None:
        raise _WrongDocumentError("Recipient and recipients are both given: expected one of them")
    for number, found in enumerate(terms.recipients, 1):
        try:
            yield _recipient(kind, found)
        except _WrongDocumentError as wrong:
            name = found.get("name") if isinstance(found, dict) else None
            yield Fault(
                name if isinstance(name, str) and name else f"recipients[{number}]", str(wrong)
            )


def _recipient(kind: Kind, found: object) -> Recipient:
    if not isinstance(found, dict):
        raise _WrongDocumentError(
            "Recipient is not an object: expected name, phone_number and what to send"
        )
    model = _validate(_RECIPIENT[kind], found)
    if model.phone_number is not None and not is_e164(model.phone_number):
        raise _WrongDocumentError(f"Recipient phone number is not valid: {_E164}")
    if isinstance(model, _TxtRecipient):
        return _text(model)
    return _call(model)


def _text(model: _TxtRecipient) -> Recipient:
    if model.voice_message_location is not None or model.voice_message_text is not None:
        raise _WrongDocumentError("Voice message is given for a text: expected message only")
    if model.message is None and model.media_urls is None:
        raise _WrongDocumentError("Message cannot be None")
    media = tuple(model.media_urls or ())
    return Recipient(
        model.name, model.phone_number, Channel(model.channel), model.message or "", media
    )


def _call(model: _CallRecipient) -> Recipient:
    if model.message is not None or model.media_urls is not None:
        raise _WrongDocumentError(
            "Message is given for a call: expected voice_message_location only"
        )
    if model.voice_message_location is None and model.voice_message_text is None:
        raise _WrongDocumentError("Voice message location cannot be None")
    if model.voice_message_location is not None and model.voice_message_text is not None:
        raise _WrongDocumentError(
            "Voice message location and text are both given: expected one of them"
        )
    voice = Voice(
        model.voice_message_location,
        model.voice_message_text,
        model.voice_message_method,
        model.voice,
        model.language,
        _machine_detection(model.machine_detection),
    )
    return Recipient(model.name, model.phone_number, Channel.VOICE, voice=voice)


def _machine_detection(wanted: bool | str | None) -> str | None:
    if isinstance(wanted, str):
        return wanted
    return "Enable" if wanted else None


def _sender(kind: Kind, found: str | None) -> str | None:
    if found is None:
        return None
    if kind is Kind.CALL and not is_e164(found):
        raise _WrongDocumentError(f"From number is not valid for a call: {_E164}")
    if not is_sender(found):
        raise _WrongDocumentError(f"From number is not valid: {_SENDER}")
    return found


def _time(found: str | None) -> float | None:
    if found is None:
        return None
    try:
        time = datetime.fromisoformat(found)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise _WrongDocumentError(
            "Sent at is not a time: expected ISO 8601, like 2026-01-31T08:00:00Z"
        ) from None


def _validate(model: type[_Model], document: dict[str, Any]) -> _Model:
    """Check an object against its model; a key that is null counts as missing, as in V1."""
    try:
        return model.model_validate({k: v for k, v in document.items() if v is not None})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _WrongDocumentError(_sentence(first)) from None


def _sentence(error: ErrorDetails) -> str:
    title = _TITLES[str(error["loc"][0])]
    if error["type"] == "missing":
        return f"{title} cannot be None"
    expected = _EXPECTED.get(error["type"])
    if expected is None:
        return f"{title} is not valid: {error['msg']}"
    return f"{title} is not valid: expected {expected.format(**error.get('ctx', {}))}"


class JsonDocuments:
    """The documents that Callbox publishes; implements the port `Documents`."""

    def answer(self, response: str, request_id: str | None) -> bytes:
        """Give `message/status`."""
        return b'{"response":%b,"id":%b}' % (response.encode(), to_json(request_id))

    def accepted(self, delivery: Delivery) -> str:
        """Give the `response` part for what Twilio has accepted."""
        note, progress = delivery.notification, delivery.progress
        messages = {"message_status": progress.word, "to_number": note.to, "name": note.name}
        payload = {"from_number": progress.sent_from, "messages": messages}
        return to_json({"status": "success", "payload": payload}).decode()

    def failed(self, error: str, message: str) -> str:
        """Give the `response` part for a failure."""
        response = {
            "status": "fail",
            "error_message": message[:MOST_CHARACTERS],
            "error": error,
            "payload": None,
        }
        return to_json(response).decode()

    def delivery(self, before: State, delivery: Delivery, remedy: str | None) -> bytes:
        """Give `message/delivery`; price, answered_by and duration come with later news.

        `segments` is Twilio's count, and ours until Twilio has counted.
        """
        note, progress = delivery.notification, delivery.progress
        text, call = note.kind is Kind.TXT, note.kind is Kind.CALL
        document = {
            "id": delivery.request_id,
            "delivery_id": delivery.id,
            "state": progress.state,
            "previous_state": before,
            "sid": progress.sid,
            "channel": note.channel,
            "name": note.name,
            "to_number": note.to,
            "from_number": progress.sent_from or note.sender,
            "attempt": progress.attempt,
            "error_code": progress.error_code,
            "error_message": progress.error_message,
            "remedy": remedy,
            "segments": (progress.segments or segments(note.body)) if text else None,
            "price": progress.price,
            "price_unit": progress.price_unit,
            "at": iso_time(progress.updated_at),
        }
        if call:
            document |= {
                "call_status": progress.word,
                "answered_by": progress.answered_by,
                "duration": progress.duration,
            }
        return to_json(document)

    def sent(self, delivery: Delivery) -> bytes:
        """Give `message/sent`, in the Indigo plugin's keys."""
        note = delivery.notification
        return to_json(
            {
                "messageFrom": delivery.progress.sent_from or note.sender,
                "messageTo": note.to,
                "messageText": note.body,
            }
        )

    def time(self, seconds: float) -> str:
        """Write a time as the documents do."""
        return iso_time(seconds)

    def received(self, text: Text, opt_out: OptOut | None, arrival: Arrival) -> bytes:
        """Give `message/received`: the Indigo plugin's keys, and what it never told."""
        return to_json(
            {
                "messageFrom": text.sender,
                "messageTo": text.recipient,
                "messageText": text.body,
                "sid": text.sid,
                "channel": text.channel,
                "media": [
                    {"url": medium.url, "content_type": medium.content_type}
                    for medium in text.media
                ],
                "name": arrival.name,
                "opt_out": opt_out,
                "stale": arrival.stale,
                "received_at": iso_time(arrival.at),
            }
        )

    def ring(self, ring: Ring, name: str | None, at: float) -> bytes:
        """Give `call/received`; a voicemail brings `recording_url` and `duration` with it."""
        document: dict[str, Any] = {
            "callFrom": ring.caller,
            "callTo": ring.called,
            "call_status": ring.status,
            "sid": ring.sid,
            "name": name,
            "received_at": iso_time(at),
        }
        if ring.recording_url is not None:
            document |= {"recording_url": ring.recording_url, "duration": ring.duration}
        return to_json(document)


def refusal_document(refusal: Refusal) -> dict[str, Any]:
    """Give the failure document of a refusal, for whoever asked over HTTP."""
    response = {
        "status": "fail",
        "error_message": refusal.message[:MOST_CHARACTERS],
        "error": refusal.error,
        "payload": None,
    }
    return {"response": response, "id": refusal.request_id}


def delivery_document(delivery: Delivery) -> dict[str, Any]:
    """Give what is known of a delivery, for `GET /api/v1/deliveries/<id>` and `callbox queue`."""
    note, progress = delivery.notification, delivery.progress
    return {
        "delivery_id": delivery.id,
        "id": delivery.request_id,
        "state": progress.state,
        "kind": note.kind,
        "channel": note.channel,
        "name": note.name,
        "to_number": note.to,
        "from_number": progress.sent_from or note.sender,
        "sid": progress.sid,
        "attempt": progress.attempt,
        "error_code": progress.error_code,
        "error_message": progress.error_message,
        "segments": progress.segments,
        "price": progress.price,
        "price_unit": progress.price_unit,
        "answered_by": progress.answered_by,
        "duration": progress.duration,
        "priority": delivery.priority,
        "created_at": iso_time(delivery.created_at),
        "updated_at": iso_time(progress.updated_at),
        "expires_at": iso_time(delivery.expires_at),
        "next_at": None if progress.due_at is None else iso_time(progress.due_at),
        "retry_of": delivery.retry_of,
        "status": None if delivery.answer is None else from_json(delivery.answer),
    }


def to_document(values: dict[str, Any]) -> bytes:
    """Write any other document."""
    return to_json(values, inf_nan_mode="null")


def iso_time(seconds: float) -> str:
    """Write a time as ISO 8601 in UTC, to the millisecond; the calendar ends with year 9999."""
    time = datetime.fromtimestamp(min(max(seconds, _FIRST_SECOND), _LAST_SECOND), UTC)
    return time.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
