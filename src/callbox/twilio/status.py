"""Twilio's words for how a message, a call or a run of a flow stands, as states of a delivery.

Rule for editing the tables: in the order of time; a word may come after those above it.
"""

from callbox.domain.delivery import State
from callbox.domain.notification import Kind

MESSAGE = {
    "scheduled": State.ACCEPTED,
    "accepted": State.ACCEPTED,
    "queued": State.ACCEPTED,
    "sending": State.ACCEPTED,
    "sent": State.SENT,
    "partially_delivered": State.DELIVERED,
    "delivered": State.DELIVERED,
    "read": State.READ,
    "undelivered": State.UNDELIVERED,
    "failed": State.FAILED,
    "canceled": State.CANCELLED,
}

CALL = {
    "queued": State.ACCEPTED,
    "initiated": State.ACCEPTED,
    "ringing": State.SENT,
    "in-progress": State.SENT,
    "completed": State.DELIVERED,
    "busy": State.UNDELIVERED,
    "no-answer": State.UNDELIVERED,
    "failed": State.FAILED,
    "canceled": State.CANCELLED,
}

# That a run has ended does not say whether the person got anything.
FLOW = {"active": State.ACCEPTED, "ended": State.ACCEPTED}

_WORDS = {Kind.TXT: MESSAGE, Kind.CALL: CALL, Kind.FLOW: FLOW}
_FOLLOWS = {
    (kind, word): frozenset(tuple(words)[:place])
    for kind, words in _WORDS.items()
    for place, word in enumerate(words)
}


def state_of(kind: Kind, word: str) -> State:
    """Give our state for Twilio's word; one that is new to us says only that Twilio has it."""
    return _WORDS[kind].get(word, State.ACCEPTED)


def follows(kind: Kind, word: str) -> frozenset[str]:
    """Give the words that a word may come after; one that is new to us replaces none."""
    return _FOLLOWS.get((kind, word), frozenset())
