"""The public documents: every row of messages.md, every sentence of V1's page."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callbox.domain.delivery import Delivery, Evidence, Progress, State
from callbox.domain.notification import (
    ON_TOPICS,
    PRIORITY,
    Channel,
    Flow,
    Kind,
    Notification,
    Voice,
)
from callbox.domain.request import Fault, Recipient, Request
from callbox.ports import Refusal
from callbox.wire import (
    JsonDocuments,
    delivery_document,
    iso_time,
    read_request,
    refusal_document,
    to_document,
)

MOST = 131_072
SECRET = "the vault code is 4711"
PHONE = "+12345000000"
DOCUMENTS = JsonDocuments()

# V1's page, byte for byte.
V1_TEXT = b"""{
    "request": {
        "recipient": {
            "name": "Darla",
            "phone_number": "+12345000000",
            "message": "Hello from the edge"
        },
        "from_number": "+19999999999",
        "retries": 3
    },
    "id": "request123"
}
"""
V1_CALL = b"""{
    "request": {
        "recipient": {
            "name": "Darla",
            "phone_number": "+12345000000",
            "voice_message_location": "https://some-public-TwiML"
        },
        "from_number": "+19999999999",
        "retries": 3
    },
    "id": "request123"
}
"""
V1_LAMBDA = json.dumps(
    {
        "request": {
            "recipient": {
                "name": "Darla",
                "phone_number": "+12345000000",
                "message": "Hello from the edge",
            },
            "from_number": "+19999999999",
        },
        "id": "request123",
    }
).encode()
V1_SUCCESS = """{
    "response": {
        "status": "success",
        "payload": {
            "from_number": "+19999999999",
            "messages": {
                "message_status": "queued",
                "to_number": "+12345000000",
                "name": "Darla"
            }
        }
    },
    "id": "request123"
}"""
V1_FAILURE = """{
    "response": {
        "status": "fail",
        "error_message": "Recipient name cannot be None",
        "error": "InvalidParameter",
        "payload": null
    },
    "id": "request123"
}"""  # with V1's `None` as `null`, and without its brace too many

ABSENT = object()
_WHO = {"name": "Darla", "phone_number": PHONE}
_SAYS: dict[Kind, dict[str, Any]] = {
    Kind.TXT: {"message": SECRET},
    Kind.CALL: {"voice_message_location": f"https://twiml.example/{SECRET}"},
}


def _changed(of: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**of, **changes}.items() if value is not ABSENT}


def document(
    kind: Kind = Kind.TXT, *, who: dict[str, Any] | None = None, **terms: object
) -> dict[str, Any]:
    """Give a good document, with changes to its recipient and to the request's terms."""
    recipient = _changed({**_WHO, **_SAYS[kind]}, who or {})
    return {"request": _changed({"recipient": recipient}, terms), "id": "r1"}


def read(found: object, kind: Kind = Kind.TXT, most: int = MOST) -> Request | Refusal:
    payload = found if isinstance(found, bytes) else json.dumps(found).encode()
    return read_request(kind, payload, most)


def accepted(found: object, kind: Kind = Kind.TXT) -> Request:
    result = read(found, kind)
    assert isinstance(result, Request), result
    return result


def refused(found: object, kind: Kind = Kind.TXT, most: int = MOST) -> Refusal:
    """Read what must be refused, and check what holds for every refusal."""
    result = read(found, kind, most)
    assert isinstance(result, Refusal), result
    assert result.error == "InvalidParameter"
    assert 0 < len(result.message) < 300
    assert "\n" not in result.message
    assert SECRET not in result.message
    assert PHONE not in result.message.replace("like +12345000000", "")
    return result


def only(request: Request) -> Recipient:
    (recipient,) = request.recipients
    assert isinstance(recipient, Recipient)
    return recipient


# V1's own documents


def test_v1s_sample_text_is_accepted_byte_for_byte() -> None:
    text = Recipient("Darla", "+12345000000", Channel.SMS, "Hello from the edge")
    assert accepted(V1_TEXT) == Request("request123", Kind.TXT, (text,), "+19999999999", 3)


def test_v1s_sample_call_is_accepted_byte_for_byte_and_its_location_is_kept() -> None:
    voice = Voice("https://some-public-TwiML")
    call = Recipient("Darla", "+12345000000", Channel.VOICE, voice=voice)
    assert accepted(V1_CALL, Kind.CALL) == Request(
        "request123", Kind.CALL, (call,), "+19999999999", 3
    )


def test_v1s_lambda_document_without_retries_is_accepted() -> None:
    request = accepted(V1_LAMBDA)
    assert (request.retries, request.sender) == (None, "+19999999999")


def test_a_success_has_exactly_v1s_document() -> None:
    delivery = _delivery(Kind.TXT, State.ACCEPTED, word="queued")
    response = DOCUMENTS.accepted(delivery)
    assert json.loads(DOCUMENTS.answer(response, "request123")) == json.loads(V1_SUCCESS)


def test_a_failure_has_exactly_v1s_document() -> None:
    response = DOCUMENTS.failed("InvalidParameter", "Recipient name cannot be None")
    assert json.loads(DOCUMENTS.answer(response, "request123")) == json.loads(V1_FAILURE)


@pytest.mark.parametrize("word", ["undelivered", "queued", "accepted", "a word of next year"])
def test_the_payload_has_twilios_word_unchanged(word: str) -> None:
    response = json.loads(DOCUMENTS.accepted(_delivery(Kind.TXT, State.ACCEPTED, word=word)))
    assert response["payload"] == {
        "from_number": "+19999999999",
        "messages": {"name": "Darla", "to_number": "+12345000000", "message_status": word},
    }


# A missing value, in V1's words; a key that is null counts as missing, as in V1

MISSING: list[tuple[Kind, tuple[str, ...], str]] = [
    (Kind.TXT, ("id",), "Request id cannot be None"),
    (Kind.CALL, ("id",), "Request id cannot be None"),
    (Kind.TXT, ("request",), "Request cannot be None"),
    (Kind.CALL, ("request",), "Request cannot be None"),
    (Kind.TXT, ("request", "recipient"), "Recipient cannot be None"),
    (Kind.CALL, ("request", "recipient"), "Recipient cannot be None"),
    (Kind.TXT, ("request", "recipient", "name"), "Recipient name cannot be None"),
    (Kind.CALL, ("request", "recipient", "name"), "Recipient name cannot be None"),
    (Kind.TXT, ("request", "recipient", "message"), "Message cannot be None"),
    (
        Kind.CALL,
        ("request", "recipient", "voice_message_location"),
        "Voice message location cannot be None",
    ),
]


@pytest.mark.parametrize("instead", [ABSENT, None], ids=["absent", "null"])
@pytest.mark.parametrize(("kind", "path", "sentence"), MISSING)
def test_a_missing_value_reads_as_in_v1(
    kind: Kind, path: tuple[str, ...], sentence: str, instead: object
) -> None:
    found = document(kind)
    place = found
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = instead
    if instead is ABSENT:
        del place[path[-1]]
    refusal = refused(found, kind)
    assert refusal.message == sentence
    assert refusal.request_id == (None if path == ("id",) else "r1")


@pytest.mark.parametrize("kind", ON_TOPICS)
def test_a_recipient_without_number_is_left_to_the_contacts(kind: Kind) -> None:
    assert only(accepted(document(kind, who={"phone_number": ABSENT}), kind)).to is None


@pytest.mark.parametrize("key", ["from_number", "retries", "expires_in", "priority", "dedup_key"])
def test_an_optional_key_that_is_null_counts_as_absent(key: str) -> None:
    assert accepted(document(Kind.TXT, **dict.fromkeys([key]))) == accepted(document())


# The table "In" of messages.md: what is accepted

PLAIN = Recipient("Darla", PHONE, Channel.SMS, SECRET)
LOCATION = _SAYS[Kind.CALL]["voice_message_location"]

RECIPIENTS: list[tuple[Kind, dict[str, Any], dict[str, Any]]] = [
    (Kind.TXT, {}, {}),
    (Kind.TXT, {"name": ""}, {"name": ""}),
    (Kind.TXT, {"name": "Dr. Müller 🚒"}, {"name": "Dr. Müller 🚒"}),
    (Kind.TXT, {"phone_number": "+12"}, {"to": "+12"}),
    (Kind.TXT, {"phone_number": "+123456789012345"}, {"to": "+123456789012345"}),
    (Kind.TXT, {"message": " \n"}, {"body": " \n"}),
    (Kind.TXT, {"message": "x" * 2000}, {"body": "x" * 2000}),
    (Kind.TXT, {"channel": "sms"}, {}),
    (Kind.TXT, {"channel": "whatsapp"}, {"channel": Channel.WHATSAPP}),
    (Kind.TXT, {"media_urls": ["http://a/1"]}, {"media": ("http://a/1",)}),
    (Kind.TXT, {"media_urls": ["https://a"] * 10}, {"media": ("https://a",) * 10}),
    (
        Kind.TXT,
        {"message": ABSENT, "media_urls": ["https://a/1.jpg"]},
        {"body": "", "media": ("https://a/1.jpg",)},
    ),
    (Kind.TXT, {"unheard_of": {"in": ["this", 5, None]}}, {}),
    (Kind.TXT, {"voice": "alice", "machine_detection": 7}, {}),
    (Kind.CALL, {}, {"voice": Voice(LOCATION)}),
    (
        Kind.CALL,
        {"voice_message_location": "  not even an URL ü "},
        {"voice": Voice("  not even an URL ü ")},
    ),
    (
        Kind.CALL,
        {"voice_message_location": ABSENT, "voice_message_text": "Fire <&> smoke"},
        {"voice": Voice(text="Fire <&> smoke")},
    ),
    (
        Kind.CALL,
        {"voice": "Polly.Joanna", "language": "en-GB"},
        {"voice": Voice(LOCATION, voice="Polly.Joanna", language="en-GB")},
    ),
    (Kind.CALL, {"voice_message_method": "GET"}, {"voice": Voice(LOCATION, method="GET")}),
    (Kind.CALL, {"voice_message_method": "POST"}, {"voice": Voice(LOCATION, method="POST")}),
    (
        Kind.CALL,
        {"machine_detection": True},
        {"voice": Voice(LOCATION, machine_detection="Enable")},
    ),
    (Kind.CALL, {"machine_detection": False}, {"voice": Voice(LOCATION)}),
    (
        Kind.CALL,
        {"machine_detection": "DetectMessageEnd"},
        {"voice": Voice(LOCATION, machine_detection="DetectMessageEnd")},
    ),
]


@pytest.mark.parametrize(("kind", "changes", "expected"), RECIPIENTS)
def test_a_recipient_is_read_as_the_table_says(
    kind: Kind, changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    plain = PLAIN if kind is Kind.TXT else replace(PLAIN, channel=Channel.VOICE, body="")
    found = only(accepted(document(kind, who=changes), kind))
    assert found == replace(plain, **expected)


TERMS: list[tuple[Kind, dict[str, Any], dict[str, Any]]] = [
    (Kind.TXT, {}, {}),
    (Kind.TXT, {"from_number": "+19999999999"}, {"sender": "+19999999999"}),
    (Kind.TXT, {"from_number": "Plant 4"}, {"sender": "Plant 4"}),
    (Kind.TXT, {"from_number": "12345"}, {"sender": "12345"}),
    (Kind.CALL, {"from_number": "+19999999999"}, {"sender": "+19999999999"}),
    (Kind.TXT, {"retries": 0}, {"retries": 0}),
    (Kind.TXT, {"retries": 2**63 - 1}, {"retries": 2**63 - 1}),
    (Kind.TXT, {"expires_in": 1}, {"expires_in": 1.0}),
    (Kind.TXT, {"expires_in": 0.5}, {"expires_in": 0.5}),
    (Kind.TXT, {"sent_at": "2026-01-31T08:00:00Z"}, {"sent_at": 1_769_846_400.0}),
    (Kind.TXT, {"sent_at": "2026-01-31T09:00:00+01:00"}, {"sent_at": 1_769_846_400.0}),
    (Kind.TXT, {"sent_at": "2026-01-31T08:00:00"}, {"sent_at": 1_769_846_400.0}),
    (Kind.TXT, {"sent_at": "2026-01-31T08:00:00.250Z"}, {"sent_at": 1_769_846_400.25}),
    *((Kind.TXT, {"priority": name}, {"priority": value}) for name, value in PRIORITY.items()),
    (Kind.TXT, {"on_unknown": "hold"}, {"on_unknown": "hold"}),
    (Kind.CALL, {"on_unknown": "resend"}, {"on_unknown": "resend"}),
    (Kind.TXT, {"dedup_key": "boiler-7"}, {"dedup_key": "boiler-7"}),
    (Kind.TXT, {"dedup_key": "x" * 255}, {"dedup_key": "x" * 255}),
    (Kind.TXT, {"of_a_newer_client": [1]}, {}),
]


@pytest.mark.parametrize(("kind", "terms", "expected"), TERMS)
def test_the_terms_are_read_as_the_table_says(
    kind: Kind, terms: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert accepted(document(kind, **terms), kind) == replace(
        accepted(document(kind), kind), **expected
    )


def test_unknown_keys_are_ignored_at_the_top_too() -> None:
    assert accepted(document() | {"version": 9, "\N{SNOWMAN}": None}) == accepted(document())


def test_an_id_is_echoed_whatever_it_is_and_may_come_again() -> None:
    for found in ("request_1", "request_1", " ", "ü\n🚒", "x" * 5000):
        assert accepted(document() | {"id": found}).id == found


# The table "In": what is refused, in which words

E164 = "expected E.164 form, like +12345000000"
WRONG_RECIPIENTS: list[tuple[Kind, dict[str, Any], str]] = [
    *(
        (Kind.TXT, {"phone_number": number}, f"Recipient phone number is not valid: {E164}")
        for number in (
            "",
            "+",
            "+1",
            "12345000000",
            "+02345000000",
            "+1 234 500 0000",
            "+1234567890123456",
            "+12345000000\n",
            "whatsapp:+12345000000",
        )
    ),
    (Kind.CALL, {"phone_number": "mum"}, f"Recipient phone number is not valid: {E164}"),
    (Kind.TXT, {"phone_number": 5}, "Recipient phone number is not valid: expected a string"),
    (Kind.TXT, {"name": 5}, "Recipient name is not valid: expected a string"),
    (Kind.TXT, {"name": ["Darla"]}, "Recipient name is not valid: expected a string"),
    (Kind.CALL, {"name": ""}, "Recipient name is not valid: expected at least 1 character"),
    (Kind.TXT, {"message": 5}, "Message is not valid: expected a string"),
    (Kind.TXT, {"message": ""}, "Message is not valid: expected at least 1 character"),
    (Kind.TXT, {"message": {}}, "Message is not valid: expected a string"),
    (
        Kind.TXT,
        {"voice_message_location": "https://x"},
        "Voice message is given for a text: expected message only",
    ),
    (
        Kind.TXT,
        {"message": ABSENT, "voice_message_location": "https://x"},
        "Voice message is given for a text: expected message only",
    ),
    (
        Kind.TXT,
        {"message": ABSENT, "voice_message_text": "Fire"},
        "Voice message is given for a text: expected message only",
    ),
    (
        Kind.CALL,
        {"message": "hello"},
        "Message is given for a call: expected voice_message_location only",
    ),
    (
        Kind.CALL,
        {"message": "hello", "voice_message_location": ABSENT},
        "Message is given for a call: expected voice_message_location only",
    ),
    (
        Kind.CALL,
        {"media_urls": ["https://a"]},
        "Message is given for a call: expected voice_message_location only",
    ),
    (
        Kind.CALL,
        {"voice_message_text": "Fire"},
        "Voice message location and text are both given: expected one of them",
    ),
    (
        Kind.CALL,
        {"voice_message_location": ""},
        "Voice message location is not valid: expected at least 1 character",
    ),
    (
        Kind.CALL,
        {"voice_message_location": 5},
        "Voice message location is not valid: expected a string",
    ),
    (
        Kind.CALL,
        {"voice_message_location": ABSENT, "voice_message_text": ""},
        "Voice message text is not valid: expected at least 1 character",
    ),
    (Kind.TXT, {"channel": "fax"}, "Channel is not valid: expected 'sms' or 'whatsapp'"),
    (Kind.TXT, {"channel": 5}, "Channel is not valid: expected 'sms' or 'whatsapp'"),
    (Kind.TXT, {"media_urls": []}, "Media URLs is not valid: expected at least 1 in the list"),
    (
        Kind.TXT,
        {"media_urls": ["https://a"] * 11},
        "Media URLs is not valid: expected at most 10 in the list",
    ),
    (Kind.TXT, {"media_urls": "https://a"}, "Media URLs is not valid: expected a list"),
    (Kind.TXT, {"media_urls": [5]}, "Media URLs is not valid: expected a string"),
    (
        Kind.TXT,
        {"media_urls": ["ftp://a"]},
        "Media URLs is not valid: expected an address that begins with http:// or https://",
    ),
    (
        Kind.CALL,
        {"voice_message_method": "PUT"},
        "Voice message method is not valid: expected 'POST' or 'GET'",
    ),
    (Kind.CALL, {"voice": 5}, "Voice is not valid: expected a string"),
    (Kind.CALL, {"language": ""}, "Language is not valid: expected at least 1 character"),
    (
        Kind.CALL,
        {"machine_detection": 5},
        "Machine detection is not valid: expected true or false",
    ),
]


@pytest.mark.parametrize(("kind", "changes", "sentence"), WRONG_RECIPIENTS)
def test_a_wrong_recipient_is_refused_in_one_sentence(
    kind: Kind, changes: dict[str, Any], sentence: str
) -> None:
    refusal = refused(document(kind, who=changes), kind)
    assert (refusal.message, refusal.request_id) == (sentence, "r1")


SENDER = (
    "From number is not valid: expected a number like +12345000000, a short code, "
    "or 1-11 letters and digits"
)
WRONG_TERMS: list[tuple[Kind, dict[str, Any], str]] = [
    *((Kind.TXT, {"from_number": sender}, SENDER) for sender in ("", "+1 99", "Twelve chars", "1")),
    (Kind.TXT, {"from_number": 19999999999}, "From number is not valid: expected a string"),
    (Kind.CALL, {"from_number": "Plant 4"}, f"From number is not valid for a call: {E164}"),
    (Kind.CALL, {"from_number": "12345"}, f"From number is not valid for a call: {E164}"),
    (Kind.TXT, {"retries": -1}, "Retries is not valid: expected at least 0"),
    (Kind.TXT, {"retries": 1.5}, "Retries is not valid: expected a whole number"),
    (Kind.TXT, {"retries": "3"}, "Retries is not valid: expected a whole number"),
    (Kind.TXT, {"retries": True}, "Retries is not valid: expected a whole number"),
    (Kind.TXT, {"expires_in": 0}, "Expires in is not valid: expected more than 0.0"),
    (Kind.TXT, {"expires_in": -5}, "Expires in is not valid: expected more than 0.0"),
    (Kind.TXT, {"expires_in": "60"}, "Expires in is not valid: expected a number of seconds"),
    (Kind.TXT, {"expires_in": True}, "Expires in is not valid: expected a number of seconds"),
    (Kind.TXT, {"expires_in": 1e10}, "Expires in is not valid: expected at most 1000000000.0"),
    (
        Kind.TXT,
        {"priority": "urgent"},
        "Priority is not valid: expected 'low', 'normal', 'high' or 'critical'",
    ),
    (
        Kind.TXT,
        {"priority": 3},
        "Priority is not valid: expected 'low', 'normal', 'high' or 'critical'",
    ),
    (Kind.TXT, {"on_unknown": "drop"}, "On unknown is not valid: expected 'hold' or 'resend'"),
    (Kind.TXT, {"dedup_key": ""}, "Dedup key is not valid: expected at least 1 character"),
    (Kind.TXT, {"dedup_key": "x" * 256}, "Dedup key is not valid: expected at most 255 characters"),
    (Kind.TXT, {"dedup_key": 7}, "Dedup key is not valid: expected a string"),
    *(
        (
            Kind.TXT,
            {"sent_at": time},
            "Sent at is not a time: expected ISO 8601, like 2026-01-31T08:00:00Z",
        )
        for time in ("", "yesterday", "1769846400", "2026-02-30T08:00:00Z", "31.01.2026")
    ),
    (Kind.TXT, {"sent_at": 1769846400}, "Sent at is not valid: expected a string"),
    (
        Kind.TXT,
        {"recipient": 5},
        "Recipient is not an object: expected name, phone_number and what to send",
    ),
    (
        Kind.TXT,
        {"recipient": "Darla"},
        "Recipient is not an object: expected name, phone_number and what to send",
    ),
    (
        Kind.TXT,
        {"recipients": [dict(_WHO, message="x")]},
        "Recipient and recipients are both given: expected one of them",
    ),
    (
        Kind.TXT,
        {"recipient": ABSENT, "recipients": []},
        "Recipients is not valid: expected at least 1 in the list",
    ),
    (
        Kind.TXT,
        {"recipient": ABSENT, "recipients": dict(_WHO)},
        "Recipients is not valid: expected a list",
    ),
    (
        Kind.TXT,
        {"recipient": ABSENT, "recipients": [1] * 1001},
        "Recipients is not valid: expected at most 1000 in the list",
    ),
]


@pytest.mark.parametrize(("kind", "terms", "sentence"), WRONG_TERMS)
def test_a_wrong_term_is_refused_in_one_sentence(
    kind: Kind, terms: dict[str, Any], sentence: str
) -> None:
    refusal = refused(document(kind, **terms), kind)
    assert (refusal.message, refusal.request_id) == (sentence, "r1")


def test_a_request_that_is_no_object_is_refused() -> None:
    for found in (5, "send it", [document()["request"]], True, 1.5):
        refusal = refused({"request": found, "id": "r1"})
        assert refusal.message == "Request is not valid: expected an object with recipient"


@pytest.mark.parametrize(("found", "echoed"), [("", ""), (5, None), (["r1"], None), (True, None)])
def test_an_id_must_be_a_string_that_is_not_empty(found: object, echoed: str | None) -> None:
    refusal = refused(document() | {"id": found})
    assert refusal.message == (
        "Request id is not valid: expected a string of at least one character"
    )
    assert refusal.request_id == echoed


# recipients: one status each, a failure's message begins with the recipient's name


def test_several_recipients_are_read_in_order_and_a_bad_one_stops_nobody_else() -> None:
    bert = dict(_WHO, name="Bert", message="x")
    entries: list[object] = [bert, dict(_WHO, name="Cy"), {"message": "y"}, 5, None, bert]
    request = accepted(document() | {"request": {"recipients": entries}})
    whole = Recipient("Bert", PHONE, Channel.SMS, "x")
    assert request.recipients == (
        whole,
        Fault("Cy", "Message cannot be None"),
        Fault("recipients[3]", "Recipient name cannot be None"),
        Fault(
            "recipients[4]",
            "Recipient is not an object: expected name, phone_number and what to send",
        ),
        Fault(
            "recipients[5]",
            "Recipient is not an object: expected name, phone_number and what to send",
        ),
        whole,
    )


# Broken input

GOOD = json.dumps(document()).encode()
_OPEN = GOOD[:-1]
NOT_JSON = "Document is not JSON: expected an object in UTF-8 ("
NOT_OBJECT = 'Document is not an object: expected {"request": ..., "id": ...}'
NUL = "Document has a NUL character: expected text without it"
BIG = "Document has an integer beyond 64 bits: expected a smaller one"

BROKEN: dict[str, tuple[bytes, str, str | None]] = {
    "empty": (b"", NOT_JSON, None),
    "spaces": (b" \n\t", NOT_JSON, None),
    "words": (b"hello", NOT_JSON, None),
    "python": (b"{'id': 'r1'}", NOT_JSON, None),
    "cut off": (_OPEN, NOT_JSON, None),
    "more after it": (GOOD + b" {}", NOT_JSON, None),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD, NOT_JSON, "r1"),
    "a NUL byte": (b"\0", NOT_JSON, None),
    "a NUL byte after it": (GOOD + b"\0", NOT_JSON, None),
    "control character in a string": (b'{"id": "r\n1"}', NOT_JSON, None),
    "invalid UTF-8": (GOOD.replace(b"Darla", b"D\xff"), NOT_JSON, None),
    "invalid UTF-8 alone": (b"\xc3", NOT_JSON, None),
    "Latin-1": (GOOD.replace(b"Darla", "Jörg".encode("latin-1")), NOT_JSON, None),
    "UTF-16": (json.dumps(document()).encode("utf-16"), NOT_JSON, "r1"),
    "CESU-8 surrogates": (GOOD.replace(b"Darla", b"\xed\xa0\xbd\xed\xb2\xa9"), NOT_JSON, "r1"),
    "null": (b"null", NOT_OBJECT, None),
    "true": (b"true", NOT_OBJECT, None),
    "a number": (b"5", NOT_OBJECT, None),
    "a string": (b'"r1"', NOT_OBJECT, None),
    "an array": (b"[" + GOOD + b"]", NOT_OBJECT, None),
    "an empty array": (b"[]", NOT_OBJECT, None),
    "an empty object": (b"{}", "Request cannot be None", None),
    "lone surrogate": (GOOD.replace(b"Darla", b"\\ud83d"), NOT_JSON, "r1"),
    "lone low surrogate": (GOOD.replace(b"Darla", b"\\udca9"), NOT_JSON, "r1"),
    "lone surrogate as key": (_OPEN + b', "\\ud83d": 1}', NOT_JSON, "r1"),
    "lone surrogate as id": (GOOD.replace(b"r1", b"\\ud83d"), NOT_JSON, None),
    "NaN": (_OPEN + b', "x": NaN}', NOT_JSON, "r1"),
    "Infinity": (_OPEN + b', "x": Infinity}', NOT_JSON, "r1"),
    "-Infinity": (_OPEN + b', "x": [-Infinity]}', NOT_JSON, "r1"),
    "NUL": (GOOD.replace(b"Darla", b"\\u0000"), NUL, "r1"),
    "NUL in the message": (GOOD.replace(b"vault", b"\\u0000"), NUL, "r1"),
    "NUL in a key": (_OPEN + b', "\\u0000": 1}', NUL, "r1"),
    "NUL in what is ignored": (_OPEN + b', "x": [{"y": ["\\u0000"]}]}', NUL, "r1"),
    "65 bits": (_OPEN + b', "x": 9223372036854775808}', BIG, "r1"),
    "-65 bits": (_OPEN + b', "x": [-9223372036854775809]}', BIG, "r1"),
    "a hundred digits": (_OPEN + b', "x": ' + b"9" * 100 + b"}", BIG, "r1"),
    "5,000 digits": (_OPEN + b', "x": ' + b"9" * 5000 + b"}", NOT_JSON, None),
    "arrays too deep": (_OPEN + b', "x": ' + b"[" * 500 + b"]" * 500 + b"}", NOT_JSON, "r1"),
    "objects too deep": (
        _OPEN + b', "x": ' + b'{"x":' * 500 + b"1" + b"}" * 500 + b"}",
        NOT_JSON,
        "r1",
    ),
    "60,000 deep": (b"[" * 60_000, NOT_JSON, None),
    "60,000 deep and closed": (b"[" * 60_000 + b"]" * 60_000, NOT_JSON, None),
}


@pytest.mark.parametrize(("payload", "begins", "echoed"), BROKEN.values(), ids=BROKEN)
def test_broken_input_is_refused_with_the_id_where_it_could_be_read(
    payload: bytes, begins: str, echoed: str | None
) -> None:
    for kind in ON_TOPICS:
        refusal = refused(payload, kind)
        assert refusal.message.startswith(begins)
        assert refusal.request_id == echoed
        assert json.loads(DOCUMENTS.answer("{}", refusal.request_id))["id"] == echoed


def test_64_bits_are_taken() -> None:
    accepted(_OPEN + b', "x": [9223372036854775807, -9223372036854775808]}')


def test_of_a_key_given_twice_the_last_one_counts() -> None:
    assert accepted(GOOD[:-1] + b', "id": "second"}').id == "second"


def test_a_number_too_large_for_a_float_is_refused_where_it_matters_and_ignored_elsewhere() -> None:
    assert accepted(_OPEN + b', "x": 1e999}').id == "r1"
    refusal = refused(GOOD.replace(b'"request": {', b'"request": {"expires_in": 1e999, '))
    assert refusal.message == "Expires in is not valid: expected at most 1000000000.0"


def test_a_document_of_the_most_bytes_is_taken_and_one_byte_more_is_refused_with_its_id() -> None:
    accepted(GOOD.ljust(MOST))
    refusal = refused(GOOD.ljust(MOST + 1))
    assert refusal.request_id == "r1"
    assert refusal.message == (
        "Document has 131073 bytes: expected at most 131072 (limits.max_document_bytes)"
    )


def test_a_megabyte_of_json_is_refused_with_its_id() -> None:
    large = document(who={"message": "x" * 2**20})
    assert refused(large).request_id == "r1"


def test_what_is_far_too_large_is_refused_unread() -> None:
    assert refused(GOOD.ljust(2**21 + 1)).request_id is None
    assert refused(b"\xff" * (2**20)).request_id is None


def test_without_a_limit_a_megabyte_is_taken() -> None:
    large = document(who={"message": "x" * 2**20})
    assert isinstance(read(large, most=0), Request)


# Whatever comes

KEYS = (
    "request", "id", "recipient", "recipients", "name", "phone_number", "message", "media_urls",
    "channel", "voice", "voice_message_location", "voice_message_text", "from_number", "retries",
    "expires_in", "sent_at", "priority", "on_unknown", "dedup_key", "machine_detection",
)  # fmt: skip
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["+12345000000", "2026-01-31T08:00:00Z", "critical", "hold"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS) | st.text(max_size=3),
            inner,
            max_size=8,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=300)
@given(st.sampled_from(ON_TOPICS), st.binary(max_size=200))
def test_any_bytes_are_a_request_or_a_refusal(kind: Kind, payload: bytes) -> None:
    assert isinstance(read_request(kind, payload, MOST), Refusal)


@settings(max_examples=300)
@given(st.sampled_from(ON_TOPICS), JSON)
def test_any_json_is_a_request_or_a_refusal_that_can_be_published(kind: Kind, value: Any) -> None:  # noqa: ANN401 - any JSON value
    _check_reading(kind, value)


@settings(max_examples=300)
@given(st.sampled_from(ON_TOPICS), st.dictionaries(st.sampled_from(["recipient", "retries"]), JSON))
def test_any_request_is_a_request_or_a_refusal_that_can_be_published(
    kind: Kind, request: dict[str, Any]
) -> None:
    _check_reading(kind, {"request": {"recipient": dict(_WHO), **request}, "id": "r1"})


def _check_reading(kind: Kind, value: object) -> None:
    found = read_request(kind, json.dumps(value).encode(), MOST)
    if isinstance(found, Refusal):
        assert found.error == "InvalidParameter"
        assert len(found.message) < 300
        json.loads(DOCUMENTS.answer(DOCUMENTS.failed("x", found.message), found.request_id))
        to_document(refusal_document(found))


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
WORDS = TEXTS.filter(bool)
NUMBERS = st.from_regex(r"\+[1-9][0-9]{1,14}", fullmatch=True)
URLS = st.lists(TEXTS.map("https://{}".format), min_size=1, max_size=10)


@st.composite
def text_requests(draw: st.DrawFn) -> tuple[dict[str, Any], Request]:
    name, to, body = draw(TEXTS), draw(NUMBERS), draw(WORDS)
    media = draw(st.none() | URLS)
    channel = draw(st.sampled_from([Channel.SMS, Channel.WHATSAPP]))
    who = {
        "name": name,
        "phone_number": to,
        "message": body,
        "media_urls": media,
        "channel": channel,
    }
    return _request(draw, Kind.TXT, who, Recipient(name, to, channel, body, tuple(media or ())))


@st.composite
def call_requests(draw: st.DrawFn) -> tuple[dict[str, Any], Request]:
    name, to, says = draw(WORDS), draw(NUMBERS), draw(WORDS)
    spoken = draw(st.booleans())
    voice, language = draw(st.none() | WORDS), draw(st.none() | WORDS)
    method = draw(st.sampled_from([None, "GET", "POST"]))
    who = {
        "name": name,
        "phone_number": to,
        "voice_message_text" if spoken else "voice_message_location": says,
        "voice": voice,
        "language": language,
        "voice_message_method": method,
    }
    location, text = (None, says) if spoken else (says, None)
    recipient = Recipient(
        name, to, Channel.VOICE, voice=Voice(location, text, method, voice, language)
    )
    return _request(draw, Kind.CALL, who, recipient)


def _request(
    draw: st.DrawFn, kind: Kind, who: dict[str, Any], recipient: Recipient
) -> tuple[dict[str, Any], Request]:
    terms: dict[str, Any] = {
        "from_number": draw(st.none() | NUMBERS),
        "retries": draw(st.none() | st.integers(0, 2**63 - 1)),
        "expires_in": draw(st.none() | st.floats(0.001, 1e9)),
        "priority": draw(st.none() | st.sampled_from(sorted(PRIORITY))),
        "on_unknown": draw(st.none() | st.sampled_from(["hold", "resend"])),
        "dedup_key": draw(st.none() | WORDS),
    }
    id_ = draw(WORDS)
    request = Request(
        id_,
        kind,
        (recipient,),
        terms["from_number"],
        terms["retries"],
        terms["expires_in"],
        None,
        PRIORITY[terms["priority"] or "normal"],
        terms["on_unknown"],
        terms["dedup_key"],
    )
    return {"request": {"recipient": who, **terms}, "id": id_}, request


@settings(max_examples=200)
@given(text_requests() | call_requests(), st.booleans())
def test_a_well_formed_document_is_read_as_what_it_says(
    pair: tuple[dict[str, Any], Request], ascii_only: bool
) -> None:
    written, expected = pair
    payload = json.dumps(written, ensure_ascii=ascii_only).encode()
    assert read_request(expected.kind, payload, MOST) == expected


# Out


def _delivery(kind: Kind, state: State, **progress: Any) -> Delivery:  # noqa: ANN401 - fields
    channel = Channel.SMS if kind is Kind.TXT else Channel.VOICE
    voice = None if kind is Kind.TXT else Voice(text="Fire")
    note = Notification(kind, channel, "Darla", PHONE, "+19999999999", "Hi €", voice=voice)
    life = Progress(state, attempt=2, sent_from="+19999999999", updated_at=1_769_846_400.0)
    return Delivery(
        "d1", "r1", note, 1, None, "hold", 1_769_846_400.0, 1_769_850_000.0, expires_fixed=False,
        progress=replace(life, **progress),
    )  # fmt: skip


DELIVERY_KEYS = [
    "id", "delivery_id", "state", "previous_state", "sid", "channel", "name", "to_number",
    "from_number", "attempt", "error_code", "error_message", "remedy", "segments", "price",
    "price_unit", "at",
]  # fmt: skip


def test_a_delivery_document_has_exactly_the_keys_of_the_table() -> None:
    delivery = _delivery(Kind.TXT, State.SENT, sid="SM1", word="sent", evidence=Evidence.ANSWER)
    found = json.loads(DOCUMENTS.delivery(State.ACCEPTED, delivery, None))
    assert list(found) == DELIVERY_KEYS
    assert found == dict.fromkeys(DELIVERY_KEYS) | {
        "id": "r1",
        "delivery_id": "d1",
        "state": "sent",
        "previous_state": "accepted",
        "sid": "SM1",
        "channel": "sms",
        "name": "Darla",
        "to_number": PHONE,
        "from_number": "+19999999999",
        "attempt": 2,
        "segments": 1,
        "at": "2026-01-31T08:00:00.000Z",
    }


def test_a_calls_delivery_document_has_the_calls_keys_too() -> None:
    delivery = _delivery(Kind.CALL, State.FAILED, word="failed", error_code=21217)
    found = json.loads(DOCUMENTS.delivery(State.SENDING, delivery, "Check the number."))
    assert list(found) == [*DELIVERY_KEYS, "call_status", "answered_by", "duration"]
    assert (found["call_status"], found["segments"], found["channel"]) == ("failed", None, "voice")
    assert (found["error_code"], found["remedy"]) == (21217, "Check the number.")


def test_a_flows_documents_are_as_for_others_without_segments() -> None:
    flow = replace(
        _delivery(Kind.TXT, State.ACCEPTED, sid="FN1", word="active", sent_from="+19999999999"),
        notification=Notification(
            Kind.FLOW, Channel.FLOW, "Darla", "+12345000000", "+19999999999", flow=Flow("FW1")
        ),
    )
    told = json.loads(DOCUMENTS.delivery(State.SENDING, flow, None))
    assert (told["channel"], told["segments"], told["sid"]) == ("flow", None, "FN1")
    assert "call_status" not in told
    status = json.loads(DOCUMENTS.answer(DOCUMENTS.accepted(flow), "r1"))
    assert status["response"]["payload"] == {
        "from_number": "+19999999999",
        "messages": {"message_status": "active", "to_number": "+12345000000", "name": "Darla"},
    }
    assert delivery_document(flow)["kind"] == "flow"


def test_before_twilio_names_a_sender_the_delivery_document_has_the_one_asked_for() -> None:
    delivery = _delivery(Kind.TXT, State.EXPIRED, sent_from=None)
    found = json.loads(DOCUMENTS.delivery(State.QUEUED, delivery, None))
    assert found["from_number"] == "+19999999999"


def test_a_sent_document_has_exactly_the_indigo_plugins_keys() -> None:
    found = json.loads(DOCUMENTS.sent(_delivery(Kind.TXT, State.ACCEPTED)))
    assert found == {"messageFrom": "+19999999999", "messageTo": PHONE, "messageText": "Hi €"}


def test_a_status_has_v1s_keys_and_nothing_more() -> None:
    answer = json.loads(DOCUMENTS.answer(DOCUMENTS.failed("Expired", "It is over"), None))
    assert answer == {
        "response": {
            "status": "fail",
            "error_message": "It is over",
            "error": "Expired",
            "payload": None,
        },
        "id": None,
    }
    assert refusal_document(Refusal(None, "Expired", "It is over")) == answer


def test_an_error_message_is_cut_below_300_characters() -> None:
    for response in (
        json.loads(DOCUMENTS.failed("x", "ü" * 5000)),
        refusal_document(Refusal(None, "x", "ü" * 5000))["response"],
    ):
        assert response["error_message"] == "ü" * 299


@settings(max_examples=100)
@given(TEXTS, TEXTS)
def test_a_repeat_of_a_status_is_byte_identical_and_echoes_any_id(id_: str, message: str) -> None:
    response = DOCUMENTS.failed("InternalError", message)
    payload = DOCUMENTS.answer(response, id_)
    assert payload == DOCUMENTS.answer(response, id_)
    assert json.loads(payload)["id"] == id_


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_769_846_400.25, "2026-01-31T08:00:00.250Z"),
        (253_402_300_799.0 + 1e9, "9999-12-31T23:59:59.000Z"),
        (-62_135_647_200.0, "0001-01-01T00:00:00.000Z"),
    ],
)
def test_a_time_is_written_in_utc_and_one_beyond_the_calendar_as_its_end(
    seconds: float, text: str
) -> None:
    assert iso_time(seconds) == text


@pytest.mark.parametrize("sent_at", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"])
def test_whatever_sent_at_is_accepted_the_delivery_can_be_shown(sent_at: str) -> None:
    request = accepted(document(sent_at=sent_at, expires_in=1e9))
    assert request.sent_at is not None
    delivery = replace(_delivery(Kind.TXT, State.QUEUED), expires_at=request.sent_at + 1e9)
    assert json.loads(to_document(delivery_document(delivery)))["delivery_id"] == "d1"


def test_what_is_shown_of_a_delivery_holds_its_first_status() -> None:
    delivery = _delivery(Kind.TXT, State.FAILED, due_at=1_769_846_400.0)
    shown = delivery_document(replace(delivery, answer=DOCUMENTS.failed("Expired", "It is over")))
    assert shown["status"]["error"] == "Expired"
    assert shown["next_at"] == "2026-01-31T08:00:00.000Z"
