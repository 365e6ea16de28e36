"""What came of one call to Twilio, as values that the caller must choose between.

A create (POST) ends as `Accepted`, `Deferred`, `Refused` or `Unknown`; a look-up of an unsettled
create ends as `Found`, `Absent`, `Ambiguous` or `Unanswered`. Every `reason` is one sentence
without phone numbers or secrets.
"""

from dataclasses import dataclass
from enum import StrEnum

from callbox.domain.delivery import State


class Pause(StrEnum):
    """Why nothing more should be sent for now."""

    RATE = "rate"  # 429: Twilio asks for a slower pace
    OUTAGE = "outage"  # no connection, 5xx, time-outs
    ACCOUNT = "account"  # wrong credentials, suspended, closed


@dataclass(frozen=True, slots=True)
class Accepted:
    """Twilio has created it.

    `word` is Twilio's status unchanged, `state` ours for it; `sent_from` is the sender without
    `whatsapp:`, or the messaging service's SID while Twilio names none; empty for a flow, of which
    it tells none. `called_back`: Twilio was
    given a callback URL and will tell of it by itself.
    """

    sid: str
    state: State
    word: str
    sent_from: str
    code: int | None = None
    reason: str | None = None
    remedy: str | None = None
    called_back: bool = False


@dataclass(frozen=True, slots=True)
class Deferred:
    """Surely not created, and worth another try.

    `counts`: Twilio answered with a temporary code, so it uses up one of the request's `retries`.
    `retry_after`: seconds that Twilio asked for. `pause`: what holds everything else back too.
    `aside`: something else than Twilio answered this very request: others go first.
    """

    reason: str
    retry_after: float | None = None
    counts: bool = False
    pause: Pause | None = None
    code: int | None = None
    remedy: str | None = None
    aside: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Surely not created, and never will be: another try would get the same answer."""

    code: int | None
    reason: str
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request left and no readable answer came: it may or may not have been created.

    `answered`: Twilio answered 5xx, which counts as a failure once it is proved absent.
    """

    reason: str
    answered: bool = False


Outcome = Accepted | Deferred | Refused | Unknown


@dataclass(frozen=True, slots=True)
class Found:
    """Entries in Twilio's list that can be this create, oldest first.

    `otherwise` is the verdict if other deliveries hold all of them.
    """

    candidates: tuple[Accepted, ...]
    otherwise: "Absent | Ambiguous"


@dataclass(frozen=True, slots=True)
class Absent:
    """Every page back to the attempt was read, and nothing there can be this create."""


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Something there may be this create, but cannot be told apart (a redacted body)."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The look-up says nothing: Twilio did not answer it, or not all of it was read."""

    reason: str
    pause: Pause | None = None


Lookup = Found | Absent | Ambiguous | Unanswered
