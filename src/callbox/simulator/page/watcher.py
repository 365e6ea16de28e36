"""What one open page knows, and what has changed since: it looks, nothing tells it."""

from collections.abc import Callable
from dataclasses import asdict

from callbox.simulator.faults.journal import KEPT, Journal
from callbox.simulator.faults.rules import Faults
from callbox.simulator.limits import NONE
from callbox.simulator.page import view
from callbox.simulator.page.tail import LedgerTail, ListTail
from callbox.simulator.records.call import Call
from callbox.simulator.records.message import Message
from callbox.simulator.telephony.network import Network

Document = dict[str, object]
EACH = 300
"""Messages of a conversation that a page gets when it opens."""
MOST = 100
"""Messages, calls, requests or webhooks that a page gets at once."""
MOST_NAMED = 200
"""Phones, outcomes and refusals that are told."""


def _message_face(message: Message, now: float) -> object:
    return message.status(now), message.redacted, len(message.attachments)


class Watcher:
    """`everything()` at first, `change()` from then on; both are documents of JSON."""

    def __init__(
        self, network: Network, faults: Faults, journal: Journal, playing: Callable[[], object]
    ) -> None:
        self._network = network
        self._board = network.board
        self._journal = journal
        self._messages = LedgerTail(self._board.messages, _message_face, view.message)
        self._calls = LedgerTail(self._board.calls, self._call_face, self._call)
        self._webhooks = ListTail(
            lambda: network.proxy.exchanges, lambda exchange: exchange.over, view.webhook
        )
        self._requests = 0
        self._sections: dict[str, Callable[[], object]] = {
            "phones": self._phones,
            "numbers": self._numbers,
            "withdrawn": self._withdrawn,
            "faults": faults.document,
            "callbacks": lambda: asdict(network.callbacks.manner),
            "outcomes": self._outcomes,
            "scenario": playing,
        }
        self._told: Document = {}

    def everything(self) -> Document:
        """Return all that a page shows when it opens."""
        settings, now = self._board.settings, self._board.clock()
        return {
            **self._different(),
            "now": now,
            "speed": settings.speed,
            "trial": settings.trial,
            "pace": settings.pace,
            "latency": settings.latency,
            "limits": "no limits" if settings.limits == NONE else "as fast as Twilio sends",
            "messages": self._messages.first(now, EACH),
            "calls": self._calls.first(now, EACH),
            "requests": self._new_requests(KEPT)[0],
            "webhooks": self._webhooks.news(MOST)[0],
        }

    def change(self) -> Document:
        """Return what has changed since; empty if nothing has."""
        now = self._board.clock()
        lists = {
            "messages": self._messages.news(now, MOST),
            "calls": self._calls.news(now, MOST),
            "requests": self._new_requests(MOST),
            "webhooks": self._webhooks.news(MOST),
        }
        left_out = {name: left for name, (_, left) in lists.items() if left}
        return {
            **self._different(),
            **{name: told for name, (told, _) in lists.items() if told},
            **({"left_out": left_out} if left_out else {}),
        }

    def _call_face(self, call: Call, now: float) -> object:
        return call.status(now), call.waits_for, len(call.transcript), self._is_live(call)

    def _call(self, call: Call, now: float) -> Document:
        return {**view.call(call, now), "live": self._is_live(call)}

    def _is_live(self, call: Call) -> bool:
        line = self._network.lines.get(call.sid)
        return line is not None and line.live

    def _different(self) -> Document:
        found = {name: look() for name, look in self._sections.items()}
        changed = {
            name: value
            for name, value in found.items()
            if name not in self._told or self._told[name] != value
        }
        self._told = found
        return changed

    def _new_requests(self, most: int) -> tuple[list[Document], int]:
        new = self._journal.count - self._requests
        entries = self._journal.since(self._requests, most)
        self._requests = self._journal.count
        return [entry.brief() for entry in entries], new - len(entries)

    def _phones(self) -> list[Document]:
        named = list(self._board.phones.items())[:MOST_NAMED]
        return [{"number": number, "name": name} for number, name in named]

    def _numbers(self) -> list[Document]:
        return [
            {
                "number": number.phone_number,
                "name": number.friendly_name,
                "texts": bool(number.text_webhook),
                "calls": bool(number.call_webhook),
            }
            for number in list(self._board.numbers.values())[:MOST_NAMED]
        ]

    def _withdrawn(self) -> list[tuple[str, str]]:
        return sorted(self._board.consent.withdrawn)[:MOST_NAMED]

    def _outcomes(self) -> Document:
        chosen = list(self._board.outcomes.items())[:MOST_NAMED]
        return {phone: asdict(outcome) for phone, outcome in chosen}
