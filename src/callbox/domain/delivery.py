"""A delivery: one notification on its way to one recipient, and the states it passes.

Rules for editing the table: everything that may move a delivery stands in `NEXT`; a final state has
no successor; `unknown` alone may be replaced by evidence. The diagram in docs/architecture.md is
generated from it (`make docs`), and a test compares the two.
"""

from dataclasses import dataclass
from enum import StrEnum

from callbox.domain.notification import Notification


class State(StrEnum):
    """Where a delivery stands, as published on `message/delivery`."""

    QUEUED = "queued"  # waits for its turn, a retry or the end of a pause
    SENDING = "sending"  # the attempt is on disk, the request to Twilio may be under way
    ACCEPTED = "accepted"  # Twilio has created it
    SENT = "sent"  # the carrier has it; a call rings or is in progress
    DELIVERED = "delivered"  # a text arrived; a call ended (heard or not is `answered_by`)
    READ = "read"  # WhatsApp only
    UNDELIVERED = "undelivered"  # the carrier could not deliver; a call was busy or not answered
    FAILED = "failed"  # Twilio refused it, or gave up
    EXPIRED = "expired"  # its time was over before Twilio took it
    CANCELLED = "cancelled"  # a person withdrew it
    UNKNOWN = "unknown"  # it may have been created: being looked up, or ended so


_ANSWERED = frozenset(
    {State.ACCEPTED, State.SENT, State.DELIVERED, State.READ, State.UNDELIVERED, State.FAILED}
)

NEXT: dict[State, frozenset[State]] = {
    # answered: by a callback for an earlier attempt that looked as if it had created nothing
    State.QUEUED: frozenset({State.SENDING, State.EXPIRED, State.CANCELLED}) | _ANSWERED,
    State.SENDING: frozenset({State.QUEUED, State.UNKNOWN, State.EXPIRED, State.CANCELLED})
    | _ANSWERED,
    State.UNKNOWN: frozenset({State.QUEUED, State.EXPIRED, State.CANCELLED}) | _ANSWERED,
    State.ACCEPTED: (_ANSWERED - {State.ACCEPTED}) | {State.UNKNOWN, State.CANCELLED},
    State.SENT: (_ANSWERED - {State.ACCEPTED, State.SENT}) | {State.UNKNOWN, State.CANCELLED},
    State.DELIVERED: frozenset({State.READ}),
    State.READ: frozenset(),
    State.UNDELIVERED: frozenset(),
    State.FAILED: frozenset(),
    State.EXPIRED: frozenset(),
    State.CANCELLED: frozenset(),
}

FREES_DEDUP_KEY = frozenset({State.FAILED, State.EXPIRED, State.CANCELLED})


class Evidence(StrEnum):
    """How the SID became known; a create's own answer or a callback beats a look-up."""

    ANSWER = "answer"
    CALLBACK = "callback"
    LOOKUP = "lookup"


@dataclass(frozen=True, slots=True)
class Progress:
    """What changes in a delivery's life; written as a whole.

    Times are seconds since 1970 by this machine's clock. `due_at` is the time of the next retry
    of a queued delivery (None: at once) or of the next look-up of an unknown one (None: it ended
    so).
    """

    state: State = State.QUEUED
    due_at: float | None = None
    attempt: int = 0
    attempted_at: float | None = None
    failures: int = 0  # temporary failures that Twilio answered, measured against `retries`
    doubt_since: float | None = None  # start of the first attempt that may have created it
    doubt_base: float | None = None  # what look-up delays count from: that attempt, or a restart
    doubt_answered: bool = False  # the doubtful attempt was answered 5xx
    lookups: int = 0  # look-ups that count towards "absent"
    sid: str | None = None
    evidence: Evidence | None = None
    word: str | None = None  # Twilio's status, unchanged
    sent_from: str | None = None
    error_code: int | None = None
    error_message: str | None = None
    updated_at: float = 0.0
    news_at: float | None = None  # when Twilio is asked next how it fares; None: not any more
    segments: int | None = None  # what Twilio counts and charges
    price: str | None = None  # Twilio's, negative for what is charged
    price_unit: str | None = None
    answered_by: str | None = None  # calls: human, machine_start, ...
    duration: int | None = None  # calls: seconds

    @property
    def in_doubt(self) -> bool:
        """Whether it is being looked up."""
        return self.state is State.UNKNOWN and self.due_at is not None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notification, the terms under which it is sent, and how far it has come."""

    id: str
    request_id: str
    notification: Notification
    priority: int
    retries: int | None  # None: until it expires
    on_unknown: str  # hold | resend
    created_at: float
    expires_at: float
    expires_fixed: bool  # by the publisher's clock: our clock's jumps do not move it
    dedup_key: str | None = None
    dedup_digest: str | None = None
    position: int = 0  # place among the request's recipients
    reply_topic: str | None = None  # MQTT 5 response topic
    correlation: bytes | None = None
    retry_of: str | None = None
    progress: Progress = Progress()
    answer: str | None = None  # the `response` part of its first status (JSON), once there is one
    seq: int = 0  # order of arrival, given by the store

    @property
    def attempt_id(self) -> str:
        """Names this attempt in the StatusCallback URL."""
        return f"{self.id}-{self.progress.attempt}"
