"""How much Twilio takes and how fast it sends: nothing is limited unless the settings say so."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from callbox.simulator.order import BadOrder

KINDS = ("long-code", "toll-free", "short-code", "name", "whatsapp", "rcs", "messenger")
"""Who can send, as `records.address.kind` tells them apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """None means that there is no such limit."""

    rates: Mapping[str, float] = field(default_factory=dict)
    """Segments a second that one sender of a kind may send; on a channel, messages. What comes
    faster waits. A kind that is not named sends all at once."""
    queue: float | None = None
    """Seconds of sending that may wait at one sender: what is more is refused with 21611, or fails
    with 30001 at a messaging service."""
    calls: float | None = None
    """Calls a second; what comes faster stays `queued`."""
    call_queue: float | None = None
    """Seconds of calling that may wait; what is more is refused with 22005."""
    concurrent: int | None = None
    """Requests under way at once; what is more is refused with 429 and never done."""

    def __post_init__(self) -> None:
        for kind in self.rates:
            if kind not in KINDS:
                raise BadOrder(f'"rates" knows {", ".join(KINDS)}, not "{kind}".')
        given = (*self.rates.values(), self.queue, self.calls, self.call_queue, self.concurrent)
        if any(limit is not None and not limit > 0 for limit in given):
            raise BadOrder("Limits must be above 0; null means that there is none.")

    @staticmethod
    def named(word: str) -> "Limits":
        """Return the limits that have a name; BadOrder for another."""
        if word not in NAMED:
            raise BadOrder(f'Limits are an object, or one of {", ".join(NAMED)}, not "{word}".')
        return NAMED[word]


NONE = Limits()
# What Twilio documents, as of 2026: a number of the United States 1 segment a second, 3 if it is
# toll-free, a short code 100, WhatsApp 80 messages, RCS 100. Names have no published figure: they
# are taken to be as slow as a number. Twilio raises a sender's rate on request, and carriers allow
# registered numbers more: such a sender needs `rates` of its own. The ceiling of concurrent
# requests is not published either, so there is none here. A figure is changed here when Twilio's
# documentation changes, and nowhere else.
TWILIOS = Limits(
    rates={
        "long-code": 1.0,
        "toll-free": 3.0,
        "short-code": 100.0,
        "name": 1.0,
        "whatsapp": 80.0,
        "rcs": 100.0,
    },
    queue=36_000.0,
    calls=1.0,
    call_queue=86_400.0,
)
NAMED: Mapping[str, Limits] = {"none": NONE, "twilio": TWILIOS}
PRICE_AFTER = 180.0
"""Seconds after which the commands know a price. Twilio promises none; minutes are usual."""
