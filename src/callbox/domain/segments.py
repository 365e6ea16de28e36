"""How many parts a text is sent, and paid, in.

The rule is Twilio's (twilio.com/docs/glossary/what-sms-character-limit): a text of GSM-7
characters alone has 160 septets in one part or 153 in each of several; one other character makes
all of it UCS-2, with 70 or 67 code units. What a reader sees as one character is never divided
between two parts.
"""

from collections.abc import Iterator
from enum import StrEnum
from unicodedata import category


class Encoding(StrEnum):
    """The alphabet that a text is sent in."""

    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("^{}\\[~]|€\f")  # each two septets: an escape, then the character
_GSM_7 = _BASIC | _EXTENSION
_ALONE = {Encoding.GSM_7: 160, Encoding.UCS_2: 70}
_SURELY_ALONE = 35  # characters: two code units each at most
_JOINED = {Encoding.GSM_7: 153, Encoding.UCS_2: 67}  # the rest is the header that joins parts

_ZERO_WIDTH_JOINER = "\u200d"
_FIRST_SYMBOL = "\u2190"  # what a joiner joins (arrows, signs, emoji) begins here
_MARKS = frozenset({"Mn", "Mc", "Me"})
_SKIN_TONES = ("\U0001f3fb", "\U0001f3ff")
_FLAG_LETTERS = ("\U0001f1e6", "\U0001f1ff")  # two make a flag
_TAGS = ("\U000e0020", "\U000e007f")  # spell the flags of regions
_JAMO_AFTER_THE_FIRST = ("\u1160", "\u11ff")
_BASIC_PLANE_END = "\uffff"


def encoding(text: str) -> Encoding:
    """Give the alphabet that Twilio sends the text in, without its Smart Encoding."""
    return Encoding.GSM_7 if _GSM_7.issuperset(text) else Encoding.UCS_2


def segments(text: str) -> int:
    """Give the number of parts Twilio sends, and charges, for the text; an empty one counts 1."""
    if len(text) <= _SURELY_ALONE:
        return 1
    alphabet = encoding(text)
    sizes = list(_septets(text) if alphabet is Encoding.GSM_7 else _code_units(text))
    return 1 if sum(sizes) <= _ALONE[alphabet] else _parts(sizes, _JOINED[alphabet])


def _parts(sizes: list[int], room: int) -> int:
    parts, used = 1, 0
    for size in sizes:
        if used + size > room:
            parts, used = parts + 1, 0
        used += size
    return parts


def _septets(text: str) -> Iterator[int]:
    return (2 if character in _EXTENSION else 1 for character in text)


def _code_units(text: str) -> Iterator[int]:
    """Give the size in UTF-16 code units of each character as a reader sees it."""
    size, flag_open = 0, False
    for before, character in zip(" " + text, text, strict=False):
        joined = _joins(before, character, flag_open=flag_open)
        flag_open = _within(character, _FLAG_LETTERS) and not (joined and flag_open)
        if size and not joined:
            yield size
            size = 0
        size += 2 if character > _BASIC_PLANE_END else 1
    yield size


def _joins(before: str, character: str, *, flag_open: bool) -> bool:
    if before == _ZERO_WIDTH_JOINER and character >= _FIRST_SYMBOL:
        return True
    if _within(character, _FLAG_LETTERS):
        return flag_open
    return (
        character == _ZERO_WIDTH_JOINER
        or category(character) in _MARKS
        or any(_within(character, each) for each in (_SKIN_TONES, _TAGS, _JAMO_AFTER_THE_FIRST))
    )


def _within(character: str, ends: tuple[str, str]) -> bool:
    return ends[0] <= character <= ends[1]
