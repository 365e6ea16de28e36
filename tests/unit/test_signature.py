"""X-Twilio-Signature: Twilio's published vectors, and agreement with Twilio's own library."""

import hashlib
import string
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict
from twilio.request_validator import RequestValidator

from callbox.twilio.signature import is_body_of, is_signed, variants
from harness.signing import signature_of

TOKEN = "12345"
U = "https://mycompany.com/myapp.php?foo=1&bar=2"
P = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675309"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
]
BINDING = "MessagingBinding.Address"
ADDRESSES = [(BINDING, "+1325xxxxxxx"), (BINDING, "+1415xxxxxxx")]
SIDS = [("Sid", "CA123"), ("SidAccount", "AC123")]
DIGITS = [("Digits", "5678"), ("Digits", "1234"), ("Digits", "1234")]
EXAMPLE = [(name, value.replace("675309", "675310")) for name, value in P]
BODY = b'{"property": "value", "boolean": true}'
BODY_SHA = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
EMPTY_SHA = hashlib.sha256(b"{}").hexdigest()


def at(authority: str, scheme: str = "https") -> str:
    return U.replace("https://mycompany.com", f"{scheme}://{authority}")


# The published vectors: twilio-python, twilio-node (MIT), kevinburke/twilio-go, Twilio's docs.
VECTORS = [
    (U, P, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    (at("mycompany.com:1234"), P, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    (at("mycompany.com:1234", "http"), P, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
    (U, P, "kvajT1Ptam85bY51eRf/AJRuM3w="),
    (at("mycompany.com", "http"), P, "0ZXoZLH/DfblKGATFgpif+LLRf4="),
    (at("user:pass@mycompany.com"), P, "CukzLTc1tT5dXEDIHm/tKBanW10="),
    (at("user:pass@mycompany.com:8443"), P, "CukzLTc1tT5dXEDIHm/tKBanW10="),
    (at("user@mycompany.com"), P, "2YRLlVAflCqxaNicjMpJcSTgzSs="),
    (at("user:pass@mycompany.com"), P, "ZQFR1PTIZXF2MXB8ZnKCvnnA+rI="),
    (f"{U}&Body=It's+amazing", P, "TfZzewPq8wqrGlMfyAud8+/IvJ0="),
    (U, ADDRESSES, "83O6e2vORAoJHUNzJjDWN1jz+BA="),
    (U, ADDRESSES[::-1], "83O6e2vORAoJHUNzJjDWN1jz+BA="),
    (U, SIDS + DIGITS, "IK+Dwps556ElfBT0I3Rgjkr1wJU="),
    (f"{U}&bodySHA256={BODY_SHA}", [], "a9nBmqA0ju/hNViExpshrM61xv4="),
    (f"{U.partition('?')[0]}?bodySHA256={BODY_SHA}", [], "y77kIzt2vzLz71DgmJGsen2scGs="),
    (f"{U}&bodySHA256={EMPTY_SHA}", [], "Ldidvp12m26NI7eqEvxnEpkd9Hc="),
    (at("example.com"), EXAMPLE, "L/OH5YylLD5NRKLltdqwSvS0BnU="),
]
TWILIO_PYTHON_FAILS = {6, 9}


@pytest.mark.parametrize(("url", "form", "signature"), VECTORS)
def test_every_published_signature_holds(
    url: str, form: list[tuple[str, str]], signature: str
) -> None:
    assert is_signed(url, form, signature, [TOKEN])
    assert is_signed(url, form[::-1], signature, [TOKEN])
    assert not is_signed(url, form, signature, ["12346"])
    assert not is_signed(url, [*form, ("More", "")], signature, [TOKEN])
    assert not is_signed(url.replace("my", "no").replace("ex", "ox"), form, signature, [TOKEN])
    assert not is_signed(url.replace("foo=1", "foo=2") + "&x", form, signature, [TOKEN])


@pytest.mark.parametrize(("place", "vector"), list(enumerate(VECTORS)))
def test_twilios_own_library_fails_at_the_two_that_are_known(
    place: int, vector: tuple[str, list[tuple[str, str]], str]
) -> None:
    url, form, signature = vector
    valid = RequestValidator(TOKEN).validate(url, MultiDict(form), signature)
    assert valid is (place not in TWILIO_PYTHON_FAILS)


def test_a_body_that_is_no_form_is_vouched_for_by_its_hash() -> None:
    assert is_body_of([("foo", "1"), ("bodySHA256", BODY_SHA)], BODY)
    assert is_body_of([("bodySHA256", EMPTY_SHA)], b"{}")
    assert not is_body_of([("bodySHA256", BODY_SHA)], BODY + b" ")
    for body in (BODY, b"{}"):
        assert not is_body_of([("bodySHA256", BODY_SHA), ("bodySHA256", EMPTY_SHA)], body)
    assert not is_body_of([("bodySHA256", "ünlikely")], b"{}")
    assert not is_body_of([], b"")


def test_two_tokens_hold_during_a_rotation_and_an_empty_one_never() -> None:
    old, new = signature_of(U, P, "old"), signature_of(U, P, "new")
    assert is_signed(U, P, old, ["new", "old"])
    assert is_signed(U, P, new, ["new", "old"])
    assert not is_signed(U, P, old, ["new"])
    assert not is_signed(U, P, signature_of(U, P, ""), ["", "new"])
    assert not is_signed(U, P, new, [])


@pytest.mark.parametrize(
    "signature",
    ["", " ", "RSOYDt4T1cUTdK1PDd93/VVr8B8", "RSOYDt4T1cUTdK1PDd93/VVr8B8= ", "ü=", "\udcff", "\0"],
)
def test_no_header_crashes_and_none_but_the_right_one_holds(signature: str) -> None:
    assert not is_signed(U, P, signature, [TOKEN])


def test_whitespace_and_empty_values_are_signed_over() -> None:
    for form in ([("Body", " x ")], [("Body", "x")], [("Body", "x"), ("FromCity", " ")]):
        signature = signature_of(U, form, TOKEN)
        assert is_signed(U, form, signature, [TOKEN])
        trimmed = [(name, f"{value.strip()}!") for name, value in form]
        assert not is_signed(U, trimmed, signature, [TOKEN])


def test_the_variants_of_a_url_are_these() -> None:
    assert list(variants("https://h/p")) == ["https://h/p", "https://h:443/p"]
    assert list(variants("https://u:p@h:8443/p?a='b%27")) == [
        f"https://{person}h{port}/p?a={asked}"
        for asked in ("'b%27", "%27b%27", "'b'")
        for person in ("", "u:p@")
        for port in (":8443", "", ":443")
    ]
    assert list(variants("http://[::1]:8080/")) == [
        "http://[::1]:8080/", "http://[::1]/", "http://[::1]:80/",
    ]  # fmt: skip
    assert list(variants("https://h/it's")) == ["https://h/it's", "https://h:443/it's"]
    assert list(variants("no url")) == ["no url"]


NAMES = st.text(string.ascii_letters + string.digits + "._", min_size=1, max_size=12)
VALUES = st.text(max_size=20)
FORMS = st.lists(st.tuples(NAMES, VALUES), max_size=12)
AUTHORITIES = st.builds(
    "{}{}".format,
    st.from_regex(r"[a-z][a-z0-9]{0,8}(\.[a-z]{2,4})?", fullmatch=True),
    st.sampled_from(["", "", ":8443", ":443", ":80", ":1"]),
)
QUERIES = st.lists(st.tuples(NAMES, VALUES), max_size=3).map(
    lambda pairs: "&".join(f"{name}={quote(value, safe=_SAFE)}" for name, value in pairs)
)
_SAFE = "!$*(),;:@/"  # an apostrophe is where the two differ
URLS = st.builds(
    lambda scheme, authority, query: f"{scheme}://{authority}/twilio/sms{query and '?' + query}",
    st.sampled_from(["https", "http"]),
    AUTHORITIES,
    QUERIES,
)


@given(URLS, FORMS, st.text(min_size=1, max_size=40), st.booleans())
def test_what_twilios_own_library_signs_and_accepts_is_accepted(
    url: str, form: list[tuple[str, str]], token: str, default_port: bool
) -> None:
    validator = RequestValidator(token)
    parameters = MultiDict(form)
    signed = url
    if default_port and urlsplit(url).port is None:
        signed = url.replace("/twilio", f":{443 if url.startswith('https') else 80}/twilio", 1)
    signature = validator.compute_signature(signed, parameters)
    assert signature == signature_of(signed, form, token)
    assert validator.validate(url, parameters, signature)
    assert is_signed(url, form, signature, [token])


@given(URLS, URLS, FORMS, FORMS)
def test_what_is_accepted_for_one_request_is_accepted_for_no_other(
    url: str, other: str, form: list[tuple[str, str]], more: list[tuple[str, str]]
) -> None:
    signature = signature_of(url, form, TOKEN)
    same_url = bool(set(variants(url)) & set(variants(other)))
    accepted = is_signed(other, more, signature, [TOKEN])
    equal = same_url and _joined(form) == _joined(more)
    assert accepted == equal or _slides(url, other)
    if RequestValidator(TOKEN).validate(other, MultiDict(more), signature):
        assert accepted


def _joined(form: list[tuple[str, str]]) -> str:
    return "".join(name + value for name, value in sorted(set(form)))


def _slides(url: str, other: str) -> bool:
    """Whether one URL begins with the other: then a form may make up for the rest."""
    return any(
        one.startswith(two) or two.startswith(one)
        for one in variants(url)
        for two in variants(other)
    )
