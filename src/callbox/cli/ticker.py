"""What happens on a simulator, a line each, on the terminal."""

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from callbox.simulator import Simulator
    from callbox.simulator.telephony.exchange import Exchange

_LOOK_SECONDS = 0.2
_KINDS = {"CA": "call", "FN": "flow"}  # by the beginning of a SID
_SAME = "I-Twilio-Idempotency-Token"  # the same for a webhook's repetitions
_UNAUTHORIZED = 401
_MOST_SAID = 80


async def tell(simulator: "Simulator") -> None:
    """Print a line for each thing it is asked to send, and for each webhook that failed."""
    from callbox.domain.phone import mask  # noqa: PLC0415 - `--help` does without

    sent = called = 0
    waiting: list[Exchange] = []
    while True:
        if sent > len(simulator.log):  # somebody had it forgotten
            sent = 0
        if called > len(simulator.webhooks):
            called = 0
        for record in simulator.log[sent:]:
            kind = _KINDS.get(record.sid[:2], "text")
            print(f"{kind} to {mask(record.to)}: {record.sid}", flush=True)
        sent = len(simulator.log)
        waiting += simulator.webhooks[called:]
        called = len(simulator.webhooks)
        for failure in failures(waiting):
            print(failure, flush=True)
        waiting = [exchange for exchange in waiting if not exchange.over]
        await asyncio.sleep(_LOOK_SECONDS)


def failures(exchanges: "Sequence[Exchange]") -> "Iterator[str]":
    """Say which webhooks failed; one that was asked for a password and then gave it did not."""
    from callbox.domain.phone import mask_numbers  # noqa: PLC0415 - the same

    for place, exchange in enumerate(exchanges):
        if not exchange.over or not exchange.trouble:
            continue
        asked = exchange.status == _UNAUTHORIZED and exchange.challenge
        again = (each.headers.get(_SAME) for each in exchanges[place + 1 :])
        if asked and exchange.headers.get(_SAME) in again:
            continue
        url = exchange.url.partition("?")[0]
        said = " ".join(exchange.body.split())[:_MOST_SAID]
        what = ": ".join(filter(None, (exchange.trouble, mask_numbers(said))))
        yield f"webhook {exchange.method} {url} failed: {what}"
