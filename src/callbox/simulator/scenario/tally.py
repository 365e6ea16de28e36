"""What came of everything: accepted, delivered, doubled, cost."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from callbox.simulator.records.call import Call
from callbox.simulator.records.message import Message
from callbox.simulator.records.switchboard import Created, Switchboard
from callbox.simulator.telephony.exchange import Exchange

ENDS = {
    **dict.fromkeys(("delivered", "read", "completed", "ended"), "delivered"),
    **dict.fromkeys(("undelivered", "failed", "canceled", "busy", "no-answer"), "failed"),
}
"""What each last status comes to; any other is under way."""
SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Tally:
    """Counted over what is remembered, deleted or not; `cost` in dollars, of what is over."""

    accepted: int
    delivered: int
    failed: int
    under_way: int
    doubled: int
    cost: float
    received: int
    """Texts and calls that came in."""
    webhooks: int
    """Of the newest that are kept."""
    webhooks_failed: int

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self) | {"cost": round(self.cost, 5)}


def tally(board: Switchboard, webhooks: Iterable[Exchange]) -> Tally:
    """Count."""
    now = board.clock()
    ends = Counter(ENDS.get(record.status(now), "under way") for record in board.log)
    texts: list[Message | Call] = [*board.messages.records, *board.messages.removed]
    billed = [*texts, *board.calls.records, *board.calls.removed]
    told = [exchange for exchange in webhooks if exchange.over]
    return Tally(
        accepted=ends.total(),
        delivered=ends["delivered"],
        failed=ends["failed"],
        under_way=ends["under way"],
        doubled=doubled(board.log),
        cost=sum(_cost(record, now) for record in billed),
        received=sum(record.inbound for record in billed),
        webhooks=len(told),
        webhooks_failed=sum(not exchange.ok for exchange in told),
    )


def _cost(record: Message | Call, now: float) -> float:
    """Return what is over will have cost, though the price may not be told yet."""
    if record.status(now) not in {*ENDS, "received"}:
        return 0.0
    price = record.document(now + record.priced_after)["price"]
    return abs(float(str(price or 0)))


def doubled(log: Iterable[Created]) -> int:
    """Count what was created again after the answer to an equal create had been lost.

    Whoever got no answer must look before asking again: an equal text to the same person is
    then one too many. What was asked for twice on purpose, with both answers heard, does not count.
    """
    unheard: set[tuple[object, ...]] = set()
    count = 0
    for record in log:
        entry = record.entry()
        key = tuple(str(entry[name]) for name in ("kind", "to", "from", "body", "twiml", "url"))
        if key in unheard:
            count += 1
        if not _heard(entry["answered"]):
            unheard.add(key)
    return count


def _heard(answered: object) -> bool:
    return isinstance(answered, int) and answered < SERVER_ERROR
