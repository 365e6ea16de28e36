"""Dial: connects with somebody else, the first of all who are dialled that answers."""

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from callbox.simulator.records import address
from callbox.simulator.records.sid import new_sid
from callbox.simulator.records.twiml import Verb
from callbox.simulator.telephony.acts.onward import conclude
from callbox.simulator.telephony.grammar import Flaw
from callbox.simulator.telephony.scene import Over, Scene

TALK = 10
"""Seconds that a connection to whoever is dialled lasts, unless their outcome says."""
RINGS, LONGEST = 30, 14_400
"""Seconds of `timeout` and `timeLimit`, unless the script says."""
BUSY_TONE = 2.0
NOBODY, NOT_A_NUMBER, NOT_OURS = 12200, 13223, 13214
NOT_SERVED, NOT_VERIFIED = 13227, 21219
DIALLED = {"Number", "Client", "Sip", "WhatsApp", "Sim"}
"""What is dialled like a number; other things are not simulated."""
NAMED = {"Client", "Sim"}
"""What has a name in place of a number or an address."""


class Leg(NamedTuple):
    """Somebody who is dialled."""

    status: str
    rings: float = BUSY_TONE
    """Seconds until that is known."""
    talks: float = 0.0
    """Seconds that whoever answers stays."""


async def dial(scene: Scene, verb: Verb) -> None:
    """Connect, and tell the action what became of it."""
    status, seconds = await _connect(scene, verb)
    if "action" in verb.attributes:
        form = {"DialCallSid": new_sid("CA"), "DialCallStatus": status}
        form |= {"DialCallDuration": str(seconds)} if status == "completed" else {}
        await conclude(scene, verb, form, verb.attributes["action"])
    scene.check()


async def _connect(scene: Scene, verb: Verb) -> tuple[str, int]:
    """Dial; return what became of it, and the seconds that it lasted.

    That a caller who hangs up meanwhile has canceled it is a guess.
    """
    for child in verb.children:
        if child.name not in DIALLED:
            scene.hear("line", "note", f"<{child.name}> is not simulated.")
            return "completed", 0
    leg = _first(_legs(scene, verb), in_turn=verb.truth("sequential"))
    try:
        await scene.wait(leg.rings)
    except Over:
        return "canceled", 0
    return leg.status, await _talk(scene, verb, leg) if leg.status == "completed" else 0


def _legs(scene: Scene, verb: Verb) -> list[Leg]:
    """Return who can be dialled; what is wrong with the others is noted."""
    whom = {text: _address(noun, text) for noun, text in _nouns(verb) if text}
    if not whom:
        scene.note(Flaw(NOBODY, "<Dial> has nobody to dial."))
        return []
    scene.hear("line", "dial", ", ".join(whom))
    legs = []
    for text, number in whom.items():
        flaw = _flaw(scene, verb, text, number)
        if flaw is None:
            legs.append(_leg(scene, number, verb.count("timeout", RINGS)))
        else:
            scene.note(flaw)
    return legs


def _nouns(verb: Verb) -> Iterator[tuple[str, str]]:
    """Yield the noun and the text of each who is dialled."""
    yield "Number", verb.text
    for child in verb.children:
        identity = next((each.text for each in child.children if each.name == "Identity"), "")
        yield child.name, child.text or identity


def _address(noun: str, text: str) -> str:
    """Return what is dialled as outcomes name it; empty if it cannot be dialled."""
    return f"{noun.lower()}:{text}" if noun in NAMED else address.callee(text) or ""


def _flaw(scene: Scene, verb: Verb, text: str, number: str) -> Flaw | None:
    """Return why Twilio does not dial somebody.

    13214 and 13227 are of its error dictionary, which does not say that nobody is dialled then; of
    a trial account's unverified number it has a code for calls by the API alone, which is taken.
    """
    board, call = scene.board, scene.call
    shown = address.callee(verb.attributes.get("callerId", call.sender)) or ""
    if not number:
        return Flaw(NOT_A_NUMBER, f'<Dial> cannot dial "{text[:40]}".')
    if shown not in {call.sender, call.to} and not board.owns(shown):
        return Flaw(NOT_OURS, f'The "callerId" {shown} is no number of the account or the call.')
    if not board.serves(number):
        return Flaw(NOT_SERVED, f"The account may not call the country of {number}.")
    if number.startswith("+") and not board.may_reach(number):
        return Flaw(NOT_VERIFIED, f"A trial account cannot dial {number}, which is not verified.")
    return None


def _leg(scene: Scene, number: str, timeout: int) -> Leg:
    outcome = scene.board.outcomes.of(number)
    status = scene.person.dial_status or outcome.call_course[-1]
    rings = outcome.answer_after or 0.0
    if status == "no-answer" or (status == "completed" and rings > timeout):
        return Leg("no-answer", timeout)
    if status != "completed":
        return Leg(status)
    return Leg(status, rings, TALK if outcome.duration is None else outcome.duration)


def _first(legs: list[Leg], *, in_turn: bool) -> Leg:
    """Return who answers first, or of whom that is known last; each may be dialled in turn.

    What Twilio says of several of whom none answers is not documented.
    """
    answers = [leg for leg in legs if leg.status == "completed"]
    if not in_turn or not legs:
        last = max(legs, key=lambda leg: leg.rings, default=Leg("failed", 0.0))
        return min(answers, key=lambda leg: leg.rings, default=last)
    found = answers[0] if answers else legs[-1]
    return found._replace(rings=sum(leg.rings for leg in legs[: legs.index(found) + 1]))


async def _talk(scene: Scene, verb: Verb, leg: Leg) -> int:
    """Connect; return the seconds until somebody hangs up."""
    line, star, begun = scene.line, verb.truth("hangupOnStar"), scene.elapsed
    longest = min(leg.talks, verb.count("timeLimit", LONGEST))
    with scene.listening("digits" if star else ""), suppress(Over):
        await scene.wait(longest, lambda: star and "*" in line.keys)
    return int(scene.elapsed - begun)
