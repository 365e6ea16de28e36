"""What Twilio tells of a text or call after it took it: by a callback, or when asked."""

from dataclasses import dataclass

from callbox.domain.delivery import Evidence, State
from callbox.domain.notification import Kind


@dataclass(frozen=True, slots=True)
class News:
    """How one text or call fares. A field that is None is not known, or not told this time.

    `word` is Twilio's status, `state` ours for it, `follows` the words that it may come after;
    `attempt_id` is what our callback URL bore. `price` is Twilio's, negative for what is charged;
    `duration` in seconds.
    """

    kind: Kind
    sid: str
    word: str
    state: State
    follows: frozenset[str]
    evidence: Evidence = Evidence.LOOKUP
    attempt_id: str | None = None
    sent_from: str | None = None
    code: int | None = None
    reason: str | None = None
    remedy: str | None = None
    segments: int | None = None
    price: str | None = None
    price_unit: str | None = None
    answered_by: str | None = None
    duration: int | None = None
