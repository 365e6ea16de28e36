"""Twilio's words for how a message or call stands, as states of a delivery."""

from callbox.domain.delivery import State
from callbox.domain.notification import Kind

MESSAGE = {
    "accepted": State.ACCEPTED,
    "scheduled": State.ACCEPTED,
    "queued": State.ACCEPTED,
    "sending": State.ACCEPTED,
    "sent": State.SENT,
    "delivered": State.DELIVERED,
    "partially_delivered": State.DELIVERED,
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

_WORDS = {Kind.TXT: MESSAGE, Kind.CALL: CALL}


def state_of(kind: Kind, word: str) -> State:
    """Give our state for Twilio's word; one that is new to us says only that Twilio has it."""
    return _WORDS[kind].get(word, State.ACCEPTED)
