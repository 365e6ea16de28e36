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

# What a reader sees as one character, by Unicode 10: emoji that were joined later are several.
_JOINER = "\u200d"
_JOINED_TO_ANY = "\u2640\u2642\u2695\u2696\u2708\u2764🌈🌾🍳🎓🎤🎨🏫🏭💋💻💼🔧🔬🗨🚀🚒👦👧👨👩"
_TONES = "🏻🏼🏽🏾🏿"
_TONED = frozenset(
    "☝⛹✊✋✌✍🎅🏂🏃🏄🏇🏊🏋🏌👂👃👆👇👈👉👊👋👌👍👎👏👐👦👧👨👩👮👰👱👲👳👴👵👶👷👸👼💁💂💃💅💆💇💪🕴🕵🕺🖐🖕🖖"
    "🙅🙆🙇🙋🙌🙍🙎🙏🚣🚴🚵🚶🛀🛌🤘🤙🤚🤛🤜🤞🤟🤦🤰🤱🤲🤳🤴🤵🤶🤷🤸🤹🤽🤾🧑🧒🧓🧔🧕🧖🧗🧘🧙🧚🧛🧜🧝"
)
_FLAG_LETTERS = ("\U0001f1e6", "\U0001f1ff")  # two make a flag
_TAGS = ("\U000e0020", "\U000e007f")  # spell the flags of regions
_BEFORE_ANY = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u08e2\u0d4e")
_ATTACHED = frozenset("\u0e33\u0eb3\u1cf2\u1cf3\uff9e\uff9f\u200c")  # as marks are
_APART = frozenset(  # marks that stand for themselves
    "\u102b\u102c\u1038\u1062\u1063\u1064\u1067\u1068\u1069\u106a\u106b\u106c\u106d\u1083\u1087"
    "\u1088\u1089\u108a\u108b\u108c\u108f\u109a\u109b\u109c\u1a61\u1a63\u1a64\uaa7b\uaa7d"
)
_CONTROLS = frozenset({"Cc", "Cf", "Zl", "Zp"})
_FIRST_MARK = "\u0300"
_BASIC_PLANE_END = "\uffff"
_SYLLABLE = (("\u1100", "\u115f"), ("\u1160", "\u11a7"), ("\u11a8", "\u11ff"))
_SYLLABLES, _SYLLABLES_WITHOUT_END = ("\uac00", "\ud7a3"), 28  # every 28th


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
    seen = ""
    for character in text:
        if seen and not _joins(seen, character):
            yield _size(seen)
            seen = ""
        seen += character
    yield _size(seen)


def _size(seen: str) -> int:
    return sum(2 if character > _BASIC_PLANE_END else 1 for character in seen)


def _joins(seen: str, character: str) -> bool:
    """Tell whether a character becomes part of what is seen before it."""
    before = seen[-1]
    if character < _FIRST_MARK or _is_control(before):
        return before in _BEFORE_ANY and not _is_control(character)
    if before == _JOINER and character in _JOINED_TO_ANY:
        return True
    if character in _TONES:
        return _takes_a_tone(seen)
    if _within(character, _FLAG_LETTERS):
        return len(seen) == 1 and _within(before, _FLAG_LETTERS)
    return (
        character == _JOINER
        or _is_mark(character)
        or before in _BEFORE_ANY
        or _spells(before, character)
    )


def _is_control(character: str) -> bool:
    if category(character) not in _CONTROLS:
        return False
    return character != _JOINER and not _is_mark(character) and character not in _BEFORE_ANY


def _is_mark(character: str) -> bool:
    if character in _ATTACHED or _within(character, _TAGS):
        return True
    return category(character).startswith("M") and character not in _APART


def _takes_a_tone(seen: str) -> bool:
    """Tell whether a skin tone colours what is seen: after one mark at most, and none before."""
    extended = [_is_mark(character) for character in seen]
    if any(extended):
        return extended[-1] and seen[-2:-1] in _TONED
    return seen[-1] in _TONED


def _spells(before: str, character: str) -> bool:
    """Tell whether two Korean letters stand in one syllable: a beginning, a middle, an end."""
    first, second = _letter(before), _letter(character)
    if first is None or second is None:
        return False
    return second[0] in {first[1], first[1] + 1} or first == second == (0, 0)


def _letter(character: str) -> tuple[int, int] | None:
    """Give the places in a syllable that a Korean character fills, from and to."""
    if _within(character, _SYLLABLES):
        ends = (ord(character) - ord(_SYLLABLES[0])) % _SYLLABLES_WITHOUT_END != 0
        return (0, 2 if ends else 1)
    for place, letters in enumerate(_SYLLABLE):
        if _within(character, letters):
            return (place, place)
    return None


def _within(character: str, ends: tuple[str, str]) -> bool:
    return ends[0] <= character <= ends[1]
