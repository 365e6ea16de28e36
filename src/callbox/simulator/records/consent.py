"""Who does not want to be texted by whom, by words that are the whole of a text.

Capitals and spaces around do not matter; that a full stop behind a word does is a guess.

Twilio answers such a word itself, and the carriers' network that of a toll-free number; both only
when something changes by it, as far as is known. A word needs a line in WORDS, and one in
TOLL_FREE if the network knows it. The answers are Twilio's usual English ones, and the network's
as Twilio's help pages show it.
"""

from collections.abc import Mapping
from typing import NamedTuple

from callbox.simulator.records.address import kind

STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
START = frozenset({"START", "YES", "UNSTOP"})
HELP = frozenset({"HELP", "INFO"})
WORDS: Mapping[str, str] = {
    **dict.fromkeys(STOP, "STOP"),
    **dict.fromkeys(START, "START"),
    **dict.fromkeys(HELP, "HELP"),
}
TOLL_FREE: Mapping[str, str] = {
    "STOP": "STOP",
    "START": "START",
    "UNSTOP": "START",
    **dict.fromkeys(HELP, "HELP"),
}
ANSWERS: Mapping[str, str] = {
    "STOP": (
        "You have successfully been unsubscribed. You will not receive any more messages from this"
        " number. Reply START to resubscribe."
    ),
    "START": (
        "You have successfully been re-subscribed to messages from this number. Reply HELP for"
        " help. Reply STOP to unsubscribe. Msg&Data Rates May Apply."
    ),
    "HELP": "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
}
NETWORK_ANSWERS: Mapping[str, str] = {
    **ANSWERS,
    "STOP": (
        'NETWORK MSG: You replied with the word "stop" which blocks all texts sent from this'
        ' number. Text back "unstop" to receive messages again.'
    ),
    "START": (
        'NETWORK MSG: You have replied "{word}" and will begin receiving messages again from this'
        " number."
    ),
}


class Word(NamedTuple):
    """What a text did to consent."""

    kind: str = ""
    """STOP, START, HELP, or empty: nothing."""
    answer: str = ""
    """What the phone is answered; empty: nothing."""


NO_WORD = Word()


class Consent:
    """Withdrawn and given, for a number or for the whole messaging service that it belongs to."""

    def __init__(self, services: Mapping[str, str] | None = None) -> None:
        self._services = services or {}
        """By the number that belongs to it."""
        self._withdrawn: set[tuple[str, str]] = set()
        self._blocked: set[tuple[str, str]] = set()
        """By the network."""

    @property
    def withdrawn(self) -> frozenset[tuple[str, str]]:
        """Who refuses whom: phone, and number or messaging service."""
        return frozenset(self._withdrawn | self._blocked)

    def hear(self, phone: str, number: str, body: str, *, advanced: bool = False) -> Word:
        """Take note of what a phone texts to a number; short codes listen only if `advanced`."""
        sort, word = kind(number), body.strip().upper()
        if sort == "toll-free":
            found = TOLL_FREE.get(word, "")
            pair, refusals, answers = (phone, number), self._blocked, NETWORK_ANSWERS
        else:
            found = WORDS.get(word, "") if sort == "long-code" or advanced else ""
            pair = (phone, self._services.get(number, number))
            refusals, answers = self._withdrawn, ANSWERS
        if not found:
            return NO_WORD
        changed = _change(refusals, pair, found)
        return Word(found, answers[found].format(word=word.lower()) if changed else "")

    def refuses(self, phone: str, number: str | None, service: str | None = None) -> bool:
        """Whether a phone must not be texted by a number, or by a service that is to pick one."""
        if number is not None:
            return (phone, self._services.get(number, number)) in self._withdrawn
        if service in self._services.values():
            return (phone, service) in self._withdrawn
        return any(phone == refusing for refusing, _ in self._withdrawn)

    def blocks(self, phone: str, number: str) -> bool:
        """Whether the network lets no text through, which is known only once it is sent."""
        return (phone, number) in self._blocked


def _change(refusals: set[tuple[str, str]], pair: tuple[str, str], found: str) -> bool:
    """Obey a word; return whether it is to be answered."""
    refused = pair in refusals
    if found == "STOP":
        refusals.add(pair)
        return not refused
    if found == "START":
        refusals.discard(pair)
        return refused
    return not refused
