"""How many parts a text is sent in."""

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("^{}\\[~]|€\f")
GSM_SINGLE, GSM_PART = 160, 153
UCS_SINGLE, UCS_PART = 70, 67
BEYOND_BMP = 0xFFFF


def segments(text: str) -> int:
    """Count the parts; no escape pair or surrogate pair is torn in two."""
    if len(text) <= GSM_SINGLE and BASIC.issuperset(text):
        return 1
    if (BASIC | EXTENDED).issuperset(text):
        return _parts([2 if letter in EXTENDED else 1 for letter in text], GSM_SINGLE, GSM_PART)
    return _parts([2 if ord(letter) > BEYOND_BMP else 1 for letter in text], UCS_SINGLE, UCS_PART)


def _parts(widths: list[int], single: int, part: int) -> int:
    if sum(widths) <= single:
        return 1
    count, used = 1, 0
    for width in widths:
        if used + width > part:
            count, used = count + 1, 0
        used += width
    return count
