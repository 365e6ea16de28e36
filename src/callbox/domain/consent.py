"""Who does not want texts from whom.

An opt-out belongs to one pair of sender and recipient on one channel. It is certain once Twilio
says so (its OptOutType, or code 21610); a word like STOP alone may mean something else where the
number's opt-out words were changed. START ends it, and so does a text that gets through: one that
Twilio takes from a number, or that a messaging service has sent.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from callbox.domain.notification import Channel, Kind, Notification
from callbox.domain.received import OptOut, Text

REFUSED = 21610  # Twilio's code: the recipient has opted out


class Pair(NamedTuple):
    """One of our numbers or messaging services, and somebody it texts."""

    channel: Channel
    sender: str
    recipient: str


@dataclass(frozen=True, slots=True)
class Step:
    """A pair opts out (`certain` or not, at a time `since`), or in again."""

    pair: Pair
    out: bool
    certain: bool = False
    since: float = 0.0


@dataclass(slots=True)
class Consent:
    """Every opt-out that is known, by pair: whether it is certain, and since when."""

    _out: dict[Pair, tuple[bool, float]] = field(default_factory=dict)

    def take(self, steps: Iterable[Step]) -> None:
        """Take what the store keeps."""
        for step in steps:
            if step.out:
                was_certain, _ = self._out.get(step.pair, (False, 0.0))
                self._out[step.pair] = step.certain or was_certain, step.since
            else:
                self._out.pop(step.pair, None)

    def certainty(self, note: Notification) -> bool | None:
        """Tell whether a recipient opted out: True, False if that is not certain, None if not."""
        known = self._out.get(pair_of(note)) if self._out and note.kind is Kind.TXT else None
        return None if known is None else known[0]

    def after_success(self, note: Notification, sent_at: float) -> tuple[Step, ...]:
        """Give what follows from a text that got through, if it was sent after the opt-out."""
        if self.certainty(note) is None or sent_at <= self._out[pair_of(note)][1]:
            return ()
        return (Step(pair_of(note), out=False),)


def pair_of(note: Notification) -> Pair:
    """Give the pair of a text that is to be sent."""
    return Pair(note.channel, note.sender, note.to)


def after_text(
    text: Text, word: OptOut | None, service: str | None, now: float
) -> tuple[Step, ...]:
    """Give what follows from an inbound text that is the `word` given.

    `service`: our messaging service, whose opt-outs are those of its numbers.
    """
    if word not in {OptOut.STOP, OptOut.START}:
        return ()
    certain = text.told_opt_out is not None
    services = {text.service: certain, service: certain and text.service == service}
    senders = {text.recipient: certain} | {name: sure for name, sure in services.items() if name}
    return tuple(
        Step(Pair(text.channel, sender, text.sender), word is OptOut.STOP, sure, now)
        for sender, sure in senders.items()
    )
