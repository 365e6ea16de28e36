"""Texts to count the parts of; how many, npm's sms-segments-calculator 1.3.0 has said."""

import random

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
FLAG = "\U0001f1f3\U0001f1f4"
HANDS = "\U0001f9d1\u200d\U0001f91d\u200d\U0001f9d1"
SMART = "\N{RIGHT SINGLE QUOTATION MARK}"

MEASURED = [
    ("", 1),
    ("a" * 160, 1),
    ("a" * 161, 2),
    ("a" * 306, 2),
    ("a" * 307, 3),
    ("€" * 80, 1),
    ("€" * 81, 2),
    ("a" * 152 + "€", 1),
    ("a" * 152 + "€" + "a" * 10, 2),
    ("a" * 152 + "€" + "a" * 151, 2),
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
    (SMART + "a" * 159, 3),
    ("я" * 66 + "e\u0301" + "я" * 66, 3),
    ("я" * 64 + FLAG + "я" * 66, 3),
    (FLAG * 34, 3),
    ("я" * 65 + "👍\U0001f3fd" + "я" * 66, 3),
    ("я" * 65 + "\U0001faf1\U0001f3fd" + "я" * 65, 2),
    ("я" * 61 + HANDS + "я" * 65, 2),
    ("я" * 66 + "\u0e01\u0e33" + "я" * 66, 3),
    ("я" * 65 + "\u1100\u1161\u11a8" + "я" * 66, 3),
    ("я" * 61 + "\U0001f469\u200d\U0001f467\U0001f3fd" + "я" * 66, 3),
    ("я" * 66 + "\n\u0301" + "я" * 66, 2),
]
"""Text, parts."""

PIECES = {
    "gsm": list("abcdefghijklm ABC 0123456789@£$èéùÇØøÅåΔΦß!\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà\n\r"),
    "extension": list("^{}\\[~]|€\f"),
    "ucs-2": list("яжшчçñ漢字한글ひ`\t\u00a0\u2019\u201c\u201d\u2013\u2014…אבعر"),
    "marks": [
        *("e\u0301", "a\u0308\u0323", "\u0e01\u0e33", "\u0915\u094d\u0937\u093f"),
        *("\u0ba8\u0bbf", "\u1100\u1161\u11a8", "각", "\u0600\u0627"),
    ],
    "emoji": [
        *("👍", "👍🏽", "❤️", "☎", "1️⃣", "✔️", "©️", "🇳🇴", "👩🏿‍🚒", "🏳️‍🌈"),
        *("\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",),
        *("👩‍👧🏽", "👩‍❤️‍👩🏽", "👩🏽‍❤️‍👩🏽", "☝️🏽", FAMILY),
        *("👩‍👩‍👧", "👩‍❤️‍💋‍👨", "🧑‍🤝‍🧑", "🫱🏻‍🫲🏿", "🧑🏽‍💻", "🤷🏾‍♂️"),
    ],
    "line ends": ["\r\n"],
    "look-alikes": list(
        "\u2018\u2019\u201c\u2026\u2014\u00a0\uff21\u1d00\u00bc\u0060\u203c\u2022\t"
    ),
}
MIXTURES = (
    ("gsm",),
    ("gsm", "extension"),
    ("gsm", "extension", "line ends"),
    ("gsm", "ucs-2"),
    ("gsm", "look-alikes"),
    ("ucs-2",),
    ("gsm", "emoji"),
    ("emoji",),
    ("ucs-2", "emoji", "marks"),
    ("marks",),
    tuple(PIECES),
)
BORDERS = (1, 35, 66, 67, 69, 70, 71, 133, 134, 135, 152, 153, 154, 159, 160, 161, 306, 459, 1600)
LONGEST = 1600


def generated(count: int, seed: int = 0) -> list[str]:
    """Make texts, most of them about as long as a part or some parts hold; always the same."""
    chance = random.Random(seed)
    return [_text(chance) for _ in range(count)]


def _text(chance: random.Random) -> str:
    kinds = chance.choice(MIXTURES)
    weights = [chance.choice((1, 1, 10, 100)) for _ in kinds]
    near = max(0, chance.choice(BORDERS) + chance.randint(-3, 3))
    length = near if chance.random() < 0.8 else chance.randint(0, LONGEST)
    made = ""
    while len(made) < length:
        made += chance.choice(PIECES[chance.choices(kinds, weights)[0]])
    return made[:LONGEST]
