"""The simulator's pure parts around webhooks: signatures, overrides, TwiML, consent, orders."""

from hashlib import sha256
from typing import Any

import pytest

from callbox.simulator import BadOrder, Manner
from callbox.simulator.order import read
from callbox.simulator.records.consent import START, STOP, Consent
from callbox.simulator.records.outcome import Outcome
from callbox.simulator.records.twiml import BadTwiml, Verb
from callbox.simulator.records.twiml import read as verbs_of
from callbox.simulator.records.webhook import Overrides, Webhook, overrides
from callbox.simulator.telephony.ring import Ring
from callbox.simulator.telephony.signature import signature, signed_url
from callbox.simulator.telephony.text import Text

PAGE = "https://mycompany.com/myapp.php?foo=1&bar=2"
PORT_1234 = "://mycompany.com:1234/myapp.php?foo=1&bar=2"
EXAMPLE = "https://example.com/myapp.php?foo=1&bar=2"
FORM = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675309",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
}
DOCS_CALLER = {"From": "+14158675310", "Caller": "+14158675310"}
BARE = "https://mycompany.com/myapp.php"
WITH_PORT = PAGE.replace(".com", ".com:443")
WITH_USER_AND_PORT = WITH_PORT.replace("//", "//user:pass@")
JSON = b'{"property": "value", "boolean": true}'
USUAL = Overrides(5.0, 15.0, 15.0, 1, frozenset({"ct"}))
EVERY = frozenset({"ct", "rt", "4xx", "5xx"})


@pytest.mark.parametrize(
    ("url", "form", "expected"),
    [
        (PAGE, FORM, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ("http" + PORT_1234, FORM, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
        (WITH_PORT, FORM, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        ("http" + PORT_1234.replace("1234", "80"), FORM, "0ZXoZLH/DfblKGATFgpif+LLRf4="),
        (PAGE.replace("//", "//user:pass@"), FORM, "CukzLTc1tT5dXEDIHm/tKBanW10="),
        (PAGE.replace("//", "//user@"), FORM, "2YRLlVAflCqxaNicjMpJcSTgzSs="),
        (WITH_USER_AND_PORT, FORM, "ZQFR1PTIZXF2MXB8ZnKCvnnA+rI="),
        (PAGE + "&Body=It%27s+amazing", FORM, "TfZzewPq8wqrGlMfyAud8+/IvJ0="),
        (PAGE + "&bodySHA256=" + sha256(JSON).hexdigest(), {}, "a9nBmqA0ju/hNViExpshrM61xv4="),
        (BARE + "?bodySHA256=" + sha256(JSON).hexdigest(), {}, "y77kIzt2vzLz71DgmJGsen2scGs="),
        (
            WITH_PORT + "&bodySHA256=" + sha256(b"{}").hexdigest(),
            {},
            "Ldidvp12m26NI7eqEvxnEpkd9Hc=",
        ),
        (EXAMPLE, FORM | DOCS_CALLER, "L/OH5YylLD5NRKLltdqwSvS0BnU="),
    ],
)
def test_signatures_are_those_that_twilio_publishes(
    url: str, form: dict[str, str], expected: str
) -> None:
    assert signature("12345", url, form) == expected


def test_a_call_over_https_is_signed_as_if_there_were_no_port() -> None:
    url = signed_url("https" + PORT_1234, voice=True)
    assert signature("12345", url, FORM) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


@pytest.mark.parametrize(
    ("url", "text", "call"),
    [
        ("https://u:p@a.org:8443/x?y=1#rc=2", "https://a.org:8443/x?y=1", "https://a.org/x?y=1"),
        ("https://a.org/x", "https://a.org/x", "https://a.org/x"),
        ("http://a.org:8080/x#rp=all", "http://a.org:8080/x", "http://a.org:8080/x"),
        ("https://[::1]:8443/x", "https://[::1]:8443/x", "https://[::1]/x"),
    ],
)
def test_user_and_fragment_are_never_signed_and_the_port_not_for_voice_over_https(
    url: str, text: str, call: str
) -> None:
    assert signed_url(url, voice=False) == text
    assert signed_url(url, voice=True) == call


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("", USUAL),
        ("section", USUAL),
        ("rc=2&rp=all", USUAL._replace(retries=2, reasons=EVERY)),
        ("rc=0", USUAL._replace(retries=0)),
        ("rc=6&ct=99&rt=15001&tt=x", USUAL),
        (f"rc={'9' * 5000}&ct={'9' * 5000}", USUAL),
        ("rp=4xx,5xx", USUAL._replace(reasons=frozenset({"4xx", "5xx"}))),
        ("ct=100&rt=2000&tt=3000", USUAL._replace(connect=0.1, read=2.0, total=3.0)),
    ],
)
def test_overrides_are_read_from_the_fragment_within_their_limits(
    fragment: str, expected: Overrides
) -> None:
    assert overrides(fragment) == expected


def test_user_and_password_may_be_escaped() -> None:
    assert Webhook("https://me%40home:p%3Aw@a.org/").login == ("me@home", "p:w")
    assert Webhook("https://a.org/").login is None


def test_verbs_have_their_attributes_text_and_children() -> None:
    script = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Say voice="alice"> Hello </Say>'
        '<Dial action="/d"><Number>+12065550100</Number></Dial></Response>'
    )
    assert verbs_of("text/xml", script) == [
        Verb("Say", {"voice": "alice"}, "Hello"),
        Verb("Dial", {"action": "/d"}, "", (Verb("Number", {}, "+12065550100"),)),
    ]


@pytest.mark.parametrize(
    ("content_type", "body", "code"),
    [
        ("text/xml", "<Response>", 12100),
        ("text/xml", "<Say>Hello</Say>", 12100),
        ("application/json", "{}", 12300),
        ("text/xml", f"<Response>{' ' * 65_536}</Response>", 11750),
    ],
)
def test_an_answer_that_cannot_be_obeyed_has_the_code_that_twilio_shows(
    content_type: str, body: str, code: int
) -> None:
    with pytest.raises(BadTwiml) as caught:
        verbs_of(content_type, body)
    assert caught.value.code == code


def test_nothing_is_no_verbs_and_plain_text_is_a_message() -> None:
    assert verbs_of("application/json", "") == []
    assert verbs_of("text/plain", "All is well.") == [Verb("Message", {}, "All is well.")]


@pytest.mark.parametrize("stop", sorted(STOP))
def test_a_stop_word_concerns_one_number_until_a_start_word(stop: str) -> None:
    for start in START:
        consent = Consent()
        consent.hear("+1", "+2", f" {stop.lower()}\n")
        assert (consent.refuses("+1", "+2"), consent.refuses("+1", "+3")) == (True, False)
        assert (consent.refuses("+1", None), consent.refuses("+4", None)) == (True, False)
        consent.hear("+1", "+2", f"please {start}")
        assert consent.refuses("+1", "+2")
        consent.hear("+1", "+2", start.title())
        assert not consent.refuses("+1", "+2")


@pytest.mark.parametrize(
    ("kind", "document", "sentence"),
    [
        (Text, [], "The document must be an object."),
        (Text, {"to": "+1"}, '"from" is missing.'),
        (
            Text,
            {"from": "+1", "to": "+1", "x": 1},
            '"x" is unknown; known are from',
        ),
        (Text, {"from": 1, "to": "+1"}, '"from" must be text.'),
        (Text, {"from": "+1", "to": "+1", "lag": True}, '"lag" must be a number.'),
        (Manner, {"copies": "2"}, '"copies" must be a whole number.'),
        (Manner, {"drop": 1}, '"drop" must be true or false.'),
        (Manner, {"later": 1, "dorp": True, "twice": 1}, '"later" is unknown; known are delay,'),
        (Text, {"sender": "+1", "to": "+1"}, '"sender" is unknown; known are from, to, body,'),
        (Ring, {"from": "+1", "to": "+1", "recording": 5}, '"recording" must be an object.'),
        (Text, {"from": "+1", "to": "+1", "media": {}}, '"media" must be a list.'),
        (Text, {"from": "+1", "to": "+1", "date": 1e300}, '"date" must be a number from -2^53'),
        (Text, {"from": "+1", "to": "+1", "lag": float("nan")}, '"lag" must be a number from'),
        (Text, {"from": "+1", "to": "+1", "body": "a\ud800"}, "The document holds half of a"),
        (Ring, {"from": "+1", "to": "+1", "recording": {"duration": 10**400}}, '"recording.dur'),
        (Outcome, {"duration": 10**400}, '"duration" must be a number from'),
        (Outcome, {"duration": -1}, '"duration" must be seconds, 0 or more.'),
        (Outcome, {"answer_after": float("inf")}, '"answer_after" must be a number from'),
        (Manner, {"delay": -1}, '"delay" must be seconds, 0 or more.'),
        (Manner, {"delay": 10**400}, '"delay" must be a number from'),
        (Manner, {"copies": 100_000_000}, '"copies" must be 1 to 100.'),
        (Manner, {"copies": 0}, '"copies" must be 1 to 100.'),
    ],
)
def test_an_order_that_cannot_be_read_is_answered_by_a_sentence(
    kind: type[object], document: object, sentence: str
) -> None:
    with pytest.raises(BadOrder) as caught:
        read(kind, document)
    assert str(caught.value).startswith(sentence)


def test_an_order_is_read_by_its_names_and_whole_numbers_are_numbers() -> None:
    text = read(Text, {"from": "+1", "to": "+2", "lag": 2, "media": [{"url": "x"}], "date": None})
    assert (text.sender, text.lag, text.media, text.date) == ("+1", 2.0, ({"url": "x"},), None)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"sender": "nobody"}, '"from" must be a phone number'),
        ({"to": "12"}, '"to" must be a phone number'),
        ({"date": "yesterday"}, '"date" must be ISO 8601'),
        ({"date": "1969-12-31T23:59:59Z"}, '"date" must be in the years 1970 to 9999.'),
        ({"date": 1e300}, '"date" must be in the years 1970 to 9999.'),
        ({"date": float("nan")}, '"date" must be in the years 1970 to 9999.'),
        ({"media": ({},)}, '"media" must be a list of objects'),
        ({"media": ({"content": "?"},)}, '"content" of media must be base64.'),
    ],
)
def test_a_text_that_nobody_can_send_is_refused(fields: dict[str, Any], sentence: str) -> None:
    order: dict[str, Any] = {"sender": "+12065550100", "to": "+15005550006", **fields}
    text = Text(**order)
    with pytest.raises(BadOrder) as caught:
        [text.addresses(), text.came_at(0.0), text.attachments()]
    assert str(caught.value).startswith(sentence)
