"""How many parts a text is sent in."""

import regex

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("^{}\\[~]|€\f")
GSM_SINGLE, GSM_PART = 160, 153
UCS_SINGLE, UCS_PART = 70, 67

CLASSES = {
    "control": r"[\p{Cc}\p{Zl}\p{Zp}\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e"
    r"\u2060-\u206f\ufeff]",
    "before": r"[\p{Grapheme_Cluster_Break=Prepend}]",
    "mark": r"[[\p{M}\u0e33\u0eb3\u1cf2\u1cf3\uff9e\uff9f\u200c\U000e0020-\U000e007f]--"
    r"[\u102b\u102c\u1038\u1062-\u1064\u1067-\u106d\u1083\u1087-\u108c\u108f\u109a-\u109c"
    r"\u1a61\u1a63\u1a64\uaa7b\uaa7d]]",
    "tone": r"[\U0001f3fb-\U0001f3ff]",
    "tinted": r"[\u261d\u26f9\u270a-\u270d\U0001f385\U0001f3c2-\U0001f3c4\U0001f3c7"
    r"\U0001f3ca-\U0001f3cc\U0001f442\U0001f443\U0001f446-\U0001f450\U0001f466-\U0001f469"
    r"\U0001f46e\U0001f470-\U0001f478\U0001f47c\U0001f481-\U0001f483\U0001f485-\U0001f487"
    r"\U0001f4aa\U0001f574\U0001f575\U0001f57a\U0001f590\U0001f595\U0001f596"
    r"\U0001f645-\U0001f647\U0001f64b-\U0001f64f\U0001f6a3\U0001f6b4-\U0001f6b6\U0001f6c0"
    r"\U0001f6cc\U0001f918-\U0001f91c\U0001f91e\U0001f91f\U0001f926\U0001f930-\U0001f939"
    r"\U0001f93d\U0001f93e\U0001f9d1-\U0001f9dd]",
    "glued": r"[\u2640\u2642\u2695\u2696\u2708\u2764\U0001f308\U0001f33e\U0001f373\U0001f393"
    r"\U0001f3a4\U0001f3a8\U0001f3eb\U0001f3ed\U0001f48b\U0001f4bb\U0001f4bc\U0001f527\U0001f52c"
    r"\U0001f5e8\U0001f680\U0001f692]",
    "person": r"[\U0001f466-\U0001f469]",
    "flag": r"[\U0001f1e6-\U0001f1ff]",
    "korean": r"[\u1100-\u115f]*(?:[\uac00-\ud7a3]|[\u1160-\u11a7])[\u1160-\u11a7]*[\u11a8-\u11ff]*"
    r"|[\u1100-\u115f]+|[\u11a8-\u11ff]+",
}
"""What a character is made of, by Unicode 10: emoji that were joined later are several."""
CHARACTER = regex.compile(
    r"""
    {control}
    | {before}* (?: {tinted} {mark}? {tone} | {korean} | {flag}{{1,2}} | (?!{control}). )
      (?: \u200d (?: {glued} | {person} {tone}? ) )*
      (?: {mark} | \u200d (?: {glued} | {person} (?: {mark} {tone} )? )? )*
    | .
    """.format(**CLASSES),
    regex.VERBOSE | regex.DOTALL | regex.VERSION1,
)
"""One character as a reader sees it."""


def length(text: str) -> int:
    """Count the characters as Twilio's limits do, in UTF-16: most emoji are two, or more."""
    return len(text) if text.isascii() else _units(text)


def segments(text: str) -> int:
    """Count the parts; nothing that a reader sees as one character is torn in two."""
    if len(text) <= GSM_SINGLE and BASIC.issuperset(text):
        return 1
    if (BASIC | EXTENDED).issuperset(text):
        return _parts([2 if letter in EXTENDED else 1 for letter in text], GSM_SINGLE, GSM_PART)
    return _parts([_units(seen) for seen in CHARACTER.findall(text)], UCS_SINGLE, UCS_PART)


def _units(seen: str) -> int:
    return len(seen.encode("utf-16-le", "surrogatepass")) // 2


def _parts(widths: list[int], single: int, part: int) -> int:
    if sum(widths) <= single:
        return 1
    count, used = 1, 0
    for width in widths:
        if used + width > part:
            count, used = count + 1, 0
        used += width
    return count
