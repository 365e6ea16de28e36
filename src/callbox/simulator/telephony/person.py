"""Whoever is at the other end of a call, and what they do by themselves."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import repeat

from callbox.simulator.records.outcome import Outcome
from callbox.simulator.telephony.ring import Ring

MACHINE = "machine"
START, BEEP = "machine_start", "machine_end_beep"


@dataclass(slots=True, kw_only=True)
class Person:
    """A human, an answering machine or a fax."""

    keys: Iterator[str] = field(default_factory=lambda: iter(()))
    """What is pressed each time that is asked."""
    speech: str = ""
    """What is said when the call listens."""
    recorded: int = 0
    """Seconds that are spoken to a recording, before hanging up."""
    hangup_after: float | None = None
    """Seconds after which they hang up."""
    stays: float = 0.0
    """Seconds that they stay once everything was said."""
    answered_by: str = "human"
    greeting: float = 0.0
    """Seconds that a machine greets."""
    dial_status: str = ""
    """What becomes of whom the script dials; empty: as the outcome of the dialled says."""

    @property
    def is_machine(self) -> bool:
        """Whether it is an answering machine: it neither presses nor speaks."""
        return self.answered_by.startswith(MACHINE)

    def found(self, mode: str) -> str:
        """Return what machine detection in a mode calls them."""
        if not self.is_machine:
            return self.answered_by
        if not waits_for_beep(mode):
            return START
        return self.answered_by if self.answered_by.startswith("machine_end") else BEEP


def waits_for_beep(mode: str) -> bool:
    """Whether machine detection in a mode lasts as long as a machine greets."""
    return mode.lower() == "detectmessageend"


def caller(ring: Ring) -> Person:
    """Return whoever calls us."""
    return Person(
        keys=_keys(ring.digits),
        recorded=ring.recorded(),
        stays=ring.hangup_after,
        dial_status=ring.dial_status,
    )


def callee(outcome: Outcome) -> Person:
    """Return whoever takes a call."""
    machine = outcome.answered_by.startswith(MACHINE)
    return Person(
        keys=iter(()) if machine else _keys(outcome.digits),
        speech="" if machine else outcome.speech,
        hangup_after=outcome.hangup_after,
        answered_by=outcome.answered_by,
        greeting=outcome.greeting if machine else 0.0,
    )


def _keys(digits: str | tuple[str, ...]) -> Iterator[str]:
    return repeat(digits) if isinstance(digits, str) else map(str, digits)
