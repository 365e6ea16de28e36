"""How messages and calls to somebody end."""

from collections.abc import Mapping
from dataclasses import dataclass

from callbox.simulator.order import BadOrder
from callbox.simulator.records.keys import LONGEST_SPEECH, check_keys
from callbox.simulator.records.message import BLAMED

PHONE_IS_OFF, UNKNOWN_ERROR = 30003, 30008
SECONDS = ("answer_after", "hangup_after", "greeting", "sent_after", "final_after")
"""The fields that are times; a scenario may write them in words."""
Statuses = tuple[str, ...]
"""One after another."""
MESSAGE_ENDS: Mapping[str, Statuses] = {
    "sent": ("sent",),
    "delivered": ("sent", "delivered"),
    "undelivered": ("sent", "undelivered"),
    "failed": ("failed",),
    "read": ("sent", "delivered", "read"),
}
CALL_ENDS: Mapping[str, Statuses] = {
    "completed": ("ringing", "in-progress", "completed"),
    "busy": ("ringing", "busy"),
    "no-answer": ("ringing", "no-answer"),
    "failed": ("failed",),
    "canceled": ("canceled",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The usual outcome is that all arrives and everybody answers.

    `failed` is the end of both, `status` may name either a message's or a call's.
    """

    status: str = ""
    error_code: int | None = None
    answered_by: str = "human"
    digits: str | tuple[str, ...] = ""
    """What is pressed when a call asks; of a list one after another, then nothing more."""
    duration: int | None = None
    """Seconds that a call is said to have lasted; nobody waits for them."""
    speech: str = ""
    """What is said when a call listens or records."""
    answer_after: float | None = None
    """Seconds that it rings until somebody answers. None: as the pace of the settings says."""
    hangup_after: float | None = None
    """Seconds after which whoever answered hangs up. None: they hear it to its end."""
    greeting: float = 4.0
    """Seconds that an answering machine greets before its beep."""
    sent_after: float | None = None
    """Seconds until a message is sent, once it may be. None: the pace."""
    final_after: float | None = None
    """Seconds from there to each later status of a message. None: the pace."""
    share: float = 1.0
    """How many end so, 0 to 1; the others as if it were not there."""

    def __post_init__(self) -> None:
        for name in SECONDS:
            if not (getattr(self, name) or 0.0) >= 0:
                raise BadOrder(f'"{name}" must be seconds, 0 or more.')
        if self.status and self.status not in ENDS:
            raise BadOrder(f'"status" must be one of {", ".join(sorted(ENDS))}.')
        if self.duration is not None and self.duration < 0:
            raise BadOrder('"duration" must be seconds, 0 or more.')
        check_keys(self.digits)
        if len(self.speech) > LONGEST_SPEECH:
            raise BadOrder(f'"speech" must be at most {LONGEST_SPEECH} characters.')
        if not 0 <= self.share <= 1:
            raise BadOrder('"share" must be a number from 0 to 1.')

    @property
    def message_course(self) -> Statuses:
        """What follows once a message is queued: what has an error and no end is undelivered."""
        usual = "delivered" if self.error_code is None else "undelivered"
        return MESSAGE_ENDS.get(self.status, MESSAGE_ENDS[usual])

    @property
    def message_error(self) -> int | None:
        """Why a message does not arrive, which Twilio always says; None if it does."""
        if self.message_course[-1] not in BLAMED:
            return None
        return self.error_code or UNKNOWN_ERROR

    @property
    def call_course(self) -> Statuses:
        """What follows once a call is queued: a phone that is off does not answer either."""
        usual = "no-answer" if self.error_code == PHONE_IS_OFF else "completed"
        return CALL_ENDS.get(self.status, CALL_ENDS[usual])


USUAL = Outcome()
ENDS = {*MESSAGE_ENDS, *CALL_ENDS}
