"""The rows are measured: npm sms-segments-calculator 1.3.0."""

import pytest

from callbox.domain.segments import Encoding, encoding, segments

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
FLAG = "\U0001f1f3\U0001f1f4"

ORACLE = [
    ("", 1),
    ("a" * 160, 1),
    ("a" * 161, 2),
    ("a" * 306, 2),
    ("a" * 307, 3),
    ("€" * 80, 1),
    ("€" * 81, 2),
    ("a" * 152 + "€", 1),
    ("a" * 152 + "€" + "a" * 10, 2),
    ("a" * 152 + "€" + "a" * 152, 3),
    ("я" * 70, 1),
    ("я" * 71, 2),
    ("я" * 134, 2),
    ("я" * 135, 3),
    ("👍" * 35, 1),
    ("👍" * 36, 2),
    ("я" * 66 + "👍" + "я" * 5, 2),
    ("я" * 66 + "👍" + "я" * 67, 3),
    ("я" * 62 + FAMILY + "я", 2),
    ("x" * 200 + "👍", 4),
    ("a\r\nb", 1),
    ("a" * 157 + "\r\nb", 1),
    ("a" * 158 + "\r\nb", 2),
    ("a" * 158 + "\f", 1),
    ("a" * 159 + "\f", 2),
    ("a" * 1600, 11),
    ("я" * 1600, 24),
    ("\N{RIGHT SINGLE QUOTATION MARK}" + "a" * 159, 3),
    ("я" * 66 + "e\u0301" + "я" * 66, 3),
    ("я" * 64 + FLAG + "я" * 66, 3),
    (FLAG * 34, 3),
    ("я" * 65 + "👍\U0001f3fd" + "я" * 66, 3),
]


@pytest.mark.parametrize(("text", "parts"), ORACLE)
def test_a_text_is_counted_in_as_many_parts_as_twilio_counts(text: str, parts: int) -> None:
    assert segments(text) == parts


@pytest.mark.parametrize("character", "@£ΔΩÇàÉß§¿\n\r^{}\\[~]|€\f")
def test_a_character_of_the_gsm_alphabet_leaves_the_text_in_it(character: str) -> None:
    assert encoding(f"a{character}b") is Encoding.GSM_7


@pytest.mark.parametrize("character", "ç`\t\u00a0\u2019я👍\x00")
def test_one_other_character_makes_the_whole_text_ucs_2(character: str) -> None:
    assert encoding(f"a{character}b") is Encoding.UCS_2


def test_an_escaped_character_is_never_divided_between_two_parts() -> None:
    assert segments("a" * 152 + "€" + "a" * 151) == 2
    assert segments("a" * 152 + "€" + "a" * 152) == 3


def test_the_alphabet_reads_as_twilio_names_it() -> None:
    assert [str(each) for each in Encoding] == ["GSM-7", "UCS-2"]
