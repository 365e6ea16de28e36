"""Twilio's magic numbers: each always gives the same answer."""

from collections.abc import Mapping

PREFIX = "+1500555"
GOOD = "+15005550006"

MESSAGE_SENDERS = {"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}
MESSAGE_RECIPIENTS = {
    "+15005550001": 21211,
    "+15005550002": 21612,
    "+15005550003": 21408,
    "+15005550004": 21610,
    "+15005550009": 21614,
}
NUMBERS = {"+15005550000": 21422, "+15005550001": 21421}
"""What can be bought; the good one always can."""
AREA_CODES = {"500": GOOD, "533": ""}
"""The number that is to be had there; empty: none."""
CALLERS = {"+15005550001": 21212}
CALLEES = {
    "+15005550001": 21217,
    "+15005550002": 21214,
    "+15005550003": 21215,
    "+15005550004": 21216,
}


def sender_code(table: Mapping[str, int], sender: str, other: int) -> int | None:
    """Return the error of a magic sender; any but the good one has one."""
    if sender == GOOD or not sender.startswith(PREFIX):
        return None
    return table.get(sender, other)
