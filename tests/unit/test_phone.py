import pytest
from hypothesis import given
from hypothesis import strategies as st

from callbox.domain.phone import is_e164, is_sender, mask, mask_numbers

NUMBERS = st.from_regex(r"\+[1-9][0-9]{5,14}", fullmatch=True)
WORDS = st.text("abc ,;:'!?\n", max_size=20)


@pytest.mark.parametrize("text", ["+12345000000", "+4712345678", "+123456789012345", "+12"])
def test_a_plus_and_up_to_fifteen_digits_are_a_phone_number(text: str) -> None:
    assert is_e164(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "+1",
        "12345000000",
        "+02345000000",
        "+1234567890123456",
        "+1 234 500 0000",
        "+1234500000a",
        "+12345000000\n",
        " +12345000000",
        "whatsapp:+12345000000",
        "\N{FULLWIDTH PLUS SIGN}12345000000",
        "+1234500000\N{ARABIC-INDIC DIGIT FIVE}",
    ],
)
def test_anything_else_is_no_phone_number(text: str) -> None:
    assert not is_e164(text)


@pytest.mark.parametrize(
    "text", ["+12345000000", "ACME", "Plant 4", "A", "1234567890A", "R&D_x-1+", "123", "12345678"]
)
def test_numbers_alphanumeric_names_and_short_codes_are_senders(text: str) -> None:
    assert is_sender(text)


@pytest.mark.parametrize(
    "text", ["", "12", "123456789", "ABCDEFGHIJKL", "Zoë", "A.B", "   ", "-", "ACME\n", "+1 234"]
)
def test_anything_else_is_no_sender(text: str) -> None:
    assert not is_sender(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("+12345000123", "+1…0123"),
        ("+4712345678", "+4…5678"),
        ("+1234567", "+1…67"),
        ("+1234", "+…"),
        ("+", "+…"),
        ("12345000123", "…0123"),
        ("+1 (234) 500-0123", "+1…0123"),
        ("234 500 01 23", "…0123"),
        ("whatsapp:+12345000123", "whatsapp:+1…0123"),
        ("ACME", "ACME"),
        ("Plant 4", "Plant 4"),
        ("12345", "12345"),
        ("MG0123456789abcdef0123456789abcdef", "MG0123456789abcdef0123456789abcdef"),
        ("", ""),
    ],
)
def test_an_address_is_shown_masked(text: str, shown: str) -> None:
    assert mask(text) == shown


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        (
            "The 'To' number +15005550001 is not a valid phone number.",
            "The 'To' number +1…0001 is not a valid phone number.",
        ),
        ("To number: +15005550009, is not mobile", "To number: +1…0009, is not mobile"),
        ("from +12345000123 to +4712345678.", "from +1…0123 to +4…5678."),
        ("To=%2B12345000123&From=%2b4712345678", "To=+1…0123&From=+4…5678"),
        ("call 12345000123 now", "call …0123 now"),
        ("call +1 (234) 500-0123 or (234) 500-0123", "call +1…0123 or …0123"),
        ("call 234-500-0123.", "call …0123."),
        ("is +15005550006. 3 retries are left", "is +1…0006. 3 retries are left"),
        ("is +15005550006 21614", "is +1…0006 21614"),
        ("too long: +12345678901234567890.", "too long: +1…7890."),
        ("trial: +917000XXXX", "trial: +9…00XXXX"),
    ],
)
def test_every_number_in_a_sentence_is_masked(sentence: str, shown: str) -> None:
    assert mask_numbers(sentence) == shown


@pytest.mark.parametrize(
    "sentence",
    [
        "21211 (HTTP 400) at 2026-11-21T20:14:05Z",
        "SM0123456789abcdef0123456789abcdef",
        "SM12345678901234567890123456789012",
        "0f8fad5b-d9cb-469f-a165-70867728950e",
        "12345678-1234-1234-1234-123456789012",
        "mqtt://127.0.0.1:1883",
        "131072 bytes, 36000 s, -0.00750 USD",
    ],
)
def test_figures_that_are_no_phone_numbers_stay(sentence: str) -> None:
    assert mask_numbers(sentence) == sentence


@given(NUMBERS, WORDS, WORDS)
def test_no_sentence_keeps_a_number(number: str, before: str, after: str) -> None:
    masked = mask_numbers(f"{before}{number}{after}")
    assert number not in masked
    assert f"{number[:2]}…" in masked


@given(NUMBERS)
def test_an_address_and_a_sentence_mask_a_number_alike(number: str) -> None:
    assert mask(number) == mask_numbers(number)


@given(st.text())
def test_masking_takes_any_text_and_masks_once(text: str) -> None:
    assert mask_numbers(mask_numbers(text)) == mask_numbers(text)
    assert isinstance(mask(text), str)
