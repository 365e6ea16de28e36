"""The senders of a messaging service, and which of them sends next."""

from collections.abc import Callable
from itertools import count

from callbox.simulator.records.address import channel, kind
from callbox.simulator.records.country import calling_code
from callbox.simulator.service import Service

ABROAD = "1"
"""Without a sender of the recipient's country, one of North America is preferred."""


class Pool:
    """Picks the same sender for the same recipient, else its country's, else each in turn."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._turns = count()
        self._stuck: dict[str, str] = {}

    def pick(self, to: str, can: Callable[[str], bool]) -> str | None:
        """Return who sends to somebody; None if nobody can."""
        known = self._stuck.get(to)
        if known is not None and can(known):
            return known
        able = [
            sender
            for sender in self.service.senders
            if channel(sender) == channel(to) and can(sender)
        ]
        if not able:
            return None
        near = _near(able, to)
        picked = near[next(self._turns) % len(near)]
        if self.service.sticky_sender:
            self._stuck[to] = picked
        return picked


def _near(senders: list[str], to: str) -> list[str]:
    """Return those of the recipient's country, else of North America, else all of them.

    Short codes and names are of every country.
    """
    for country in (calling_code(to), ABROAD):
        found = [
            sender
            for sender in senders
            if kind(sender) in {"short-code", "name"} or calling_code(sender) == country
        ]
        if found:
            return found
    return senders
