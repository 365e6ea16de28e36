"""A call that somebody makes to us, as the control API and tests describe it."""

from collections.abc import Mapping
from dataclasses import dataclass

from callbox.simulator.order import BadOrder
from callbox.simulator.records import address
from callbox.simulator.records.keys import check_keys
from callbox.simulator.records.outcome import CALL_ENDS

USUAL_RECORDING = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """From whom, to which number of ours; and what the caller does."""

    sender: str
    to: str
    hangup_after: float = 0.0
    """Seconds that the caller stays once everything was said."""
    recording: Mapping[str, int] | None = None
    """What the caller says when recorded: `duration` in seconds. None: nothing."""
    digits: str | tuple[str, ...] = ""
    """What the caller presses when asked; of a list one after another, then nothing more."""
    dial_status: str = ""
    """What becomes of a Dial: completed, busy, no-answer, failed or canceled. Empty: what the
    outcome of whoever is dialled says."""

    def addresses(self) -> tuple[str, str]:
        """Return caller and callee as Twilio writes them."""
        found = address.phone(self.sender), address.phone(self.to)
        if None in found:
            raise BadOrder('"from" and "to" must be phone numbers.')
        return str(found[0]), str(found[1])

    def check(self) -> None:
        """Check what the caller does; BadOrder says what it must be."""
        check_keys(self.digits)
        if self.dial_status and self.dial_status not in CALL_ENDS:
            raise BadOrder(f'"dial_status" must be one of {", ".join(CALL_ENDS)}.')
        if type(self.recorded()) is not int or self.recorded() < 0:
            raise BadOrder('"duration" of a recording must be a whole number of seconds.')

    def recorded(self) -> int:
        """Return the seconds that the caller speaks."""
        return 0 if self.recording is None else self.recording.get("duration", USUAL_RECORDING)
