"""What messages and calls cost: figures of the simulator's own, not Twilio's price list.

They are round, and of the usual order, so that a rehearsal shows which recipients and lengths are
dear. A country needs a line in PRICES, by its calling code; all others are ELSEWHERE.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from callbox.simulator.records.address import channel
from callbox.simulator.records.country import calling_code

MINUTE = 60


class Price(NamedTuple):
    """Dollars for a segment, for a message with media, for a started minute."""

    segment: float
    picture: float
    minute: float


PRICES: Mapping[str, Price] = {
    "1": Price(0.0075, 0.02, 0.013),
    "31": Price(0.1, 0.1, 0.05),
    "33": Price(0.08, 0.08, 0.05),
    "41": Price(0.07, 0.07, 0.05),
    "43": Price(0.1, 0.1, 0.05),
    "44": Price(0.05, 0.05, 0.02),
    "46": Price(0.05, 0.05, 0.03),
    "49": Price(0.1, 0.1, 0.03),
    "61": Price(0.05, 0.25, 0.05),
    "91": Price(0.08, 0.08, 0.05),
}
ELSEWHERE = Price(0.1, 0.1, 0.1)
RECEIVED = Price(0.0075, 0.01, 0.01)
"""For all that comes in, whichever number of ours it comes to."""
BY_CHANNEL = 0.005
"""Dollars for a message on a channel, wherever it goes."""


def _of(address: str, *, inbound: bool) -> Price:
    return RECEIVED if inbound else PRICES.get(calling_code(address), ELSEWHERE)


def of_text(to: str, parts: int, *, media: bool, inbound: bool) -> str:
    """Return what Twilio shows as the price of a message: dollars, negative."""
    if channel(to):
        return f"-{BY_CHANNEL:.5f}"
    price = _of(to, inbound=inbound)
    return f"-{price.picture if media else price.segment * parts:.5f}"


def of_call(to: str, seconds: int, *, inbound: bool) -> str:
    """Return what Twilio shows as the price of a call: each started minute counts."""
    return f"-{_of(to, inbound=inbound).minute * math.ceil(seconds / MINUTE):.5f}"
