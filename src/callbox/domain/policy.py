"""The rules of sending, as pure functions: what follows from an outcome, a look-up, the time.

`now` and `jitter` are arguments; nothing here waits, reads a clock or draws a number.
"""

from dataclasses import dataclass, replace
from typing import Any

from callbox.domain.delivery import NEXT, Delivery, Evidence, Progress, State
from callbox.domain.news import News
from callbox.domain.notification import Channel, Kind
from callbox.domain.outcome import (
    Absent,
    Accepted,
    Deferred,
    Lookup,
    Outcome,
    Refused,
    Unanswered,
    Unknown,
)


@dataclass(frozen=True, slots=True)
class Rules:
    """The configured part, in seconds."""

    retry_delays: tuple[float, ...]
    lookup_delays: tuple[float, ...]
    final_after: float = 43_200.0


FIRST_NEWS = 5.0  # seconds after which Twilio is asked how something fares; doubled each time
NEWS_BESIDE_CALLBACKS = 120.0  # the same where callbacks are to come
LONGEST_BETWEEN_NEWS = 600.0
PRICE_KNOWN_WITHIN = 3_600.0  # after the last state; Twilio prices it some time after

_UNDER_WAY = frozenset({State.ACCEPTED, State.SENT})
_NOT_FOLLOWED = frozenset({Kind.FLOW})  # what Twilio tells of them says nothing of the person
_WEAK = {None, Evidence.LOOKUP}  # what better evidence replaces
_NOT_TOLD: dict[str, Any] = dict.fromkeys(
    ("segments", "price", "price_unit", "answered_by", "duration", "error_code", "error_message")
)
_PRICED = frozenset({State.DELIVERED, State.READ, State.UNDELIVERED})


def after_attempt(
    delivery: Delivery, outcome: Outcome, now: float, jitter: float, rules: Rules
) -> Progress:
    """Give what a delivery becomes by the outcome of its create.

    `jitter` in [0, 1) spreads retries over the tenth after their delay.
    """
    if isinstance(outcome, Accepted):
        return _accepted(delivery, outcome, Evidence.ANSWER, now)
    progress = replace(delivery.progress, updated_at=now, due_at=None)
    match outcome:
        case Refused():
            return _failed(progress, outcome.code, outcome.reason)
        case Deferred(counts=True):
            return _retry(delivery, progress, outcome, now, jitter, rules)
        case Deferred():
            aside = now + _delay(progress.attempt, rules) if outcome.aside else None
            return replace(
                progress,
                state=State.QUEUED,
                due_at=aside,
                error_code=outcome.code,
                error_message=outcome.reason,
            )
        case Unknown():
            return doubt(progress, outcome, now, rules)


def doubt(progress: Progress, outcome: Unknown, now: float, rules: Rules) -> Progress:
    """Begin to look a create up that may have happened; delays count from `now` or the attempt."""
    base = progress.attempted_at if progress.attempted_at is not None else now
    since = base if progress.doubt_since is None else progress.doubt_since
    return replace(
        progress,
        state=State.UNKNOWN,
        due_at=max(now, base + rules.lookup_delays[0]),
        doubt_since=since,
        doubt_base=base,
        doubt_answered=outcome.answered,
        lookups=0,
        error_code=None,
        error_message=outcome.reason,
        updated_at=now,
    )


def after_lookup(delivery: Delivery, lookup: Lookup, now: float, rules: Rules) -> Progress:
    """Give what an unknown delivery becomes by a look-up that found no entry to claim."""
    progress = replace(delivery.progress, updated_at=now)
    over = now >= delivery.expires_at
    match lookup:
        case Unanswered() if over:
            return replace(progress, due_at=None)
        case Unanswered():
            return replace(progress, due_at=now + rules.lookup_delays[0])
        case _:
            return _countable(
                delivery, replace(progress, lookups=progress.lookups + 1), lookup, now, rules
            )


def claimed(delivery: Delivery, found: Accepted, now: float) -> Progress:
    """Give what an unknown delivery becomes when an entry of Twilio's list is taken for it."""
    return _accepted(delivery, found, Evidence.LOOKUP, now)


def _countable(
    delivery: Delivery, progress: Progress, lookup: Lookup, now: float, rules: Rules
) -> Progress:
    if not _enough(delivery, progress, now, rules):
        return replace(progress, due_at=_next_lookup(progress, now, rules))
    if isinstance(lookup, Absent):
        return _absent(delivery, progress, now, rules)
    if delivery.on_unknown == "resend" and now < delivery.expires_at:
        return replace(progress, state=State.QUEUED, due_at=None)
    return replace(progress, due_at=None)


def _enough(delivery: Delivery, progress: Progress, now: float, rules: Rules) -> bool:
    """`hold`: every delay's look-up counted, the last late enough; `resend`: one, late enough."""
    waited = now - (progress.doubt_base or 0.0)
    if delivery.on_unknown == "resend":
        return waited >= rules.lookup_delays[-2]
    return progress.lookups >= len(rules.lookup_delays) and waited >= rules.lookup_delays[-1]


def _next_lookup(progress: Progress, now: float, rules: Rules) -> float:
    place = min(progress.lookups, len(rules.lookup_delays) - 1)
    planned = (progress.doubt_base or now) + rules.lookup_delays[place]
    return planned if planned > now else now + rules.lookup_delays[0]


def _absent(delivery: Delivery, progress: Progress, now: float, rules: Rules) -> Progress:
    if now >= delivery.expires_at:
        return expired(progress, now)
    if not progress.doubt_answered:
        return replace(progress, state=State.QUEUED, due_at=None)
    progress = replace(progress, failures=progress.failures + 1, due_at=None)
    if _used_up(delivery, progress.failures):
        return _failed(progress, progress.error_code, progress.error_message or "")
    due_at = (progress.doubt_base or now) + _delay(progress.failures, rules)
    return replace(progress, state=State.QUEUED, due_at=due_at if due_at > now else None)


def expired(progress: Progress, now: float) -> Progress:
    """Give what a waiting delivery becomes when its time is over."""
    return replace(progress, state=State.EXPIRED, due_at=None, updated_at=now)


def _accepted(delivery: Delivery, outcome: Accepted, evidence: Evidence, now: float) -> Progress:
    note = delivery.notification
    news_at = _next_news(outcome.state, outcome.called_back, now)
    return replace(
        delivery.progress,
        updated_at=now,
        due_at=None,
        state=outcome.state,
        sid=outcome.sid,
        evidence=evidence,
        word=outcome.word,
        sent_from=outcome.sent_from or note.sender,
        error_code=outcome.code,
        error_message=outcome.reason,
        news_at=None if note.kind in _NOT_FOLLOWED else news_at,
    )


def after_news(delivery: Delivery, news: News, now: float) -> Progress | None:
    """Give what a delivery becomes by what Twilio tells of it; None if it is nothing new.

    States go forward only (`NEXT`), whatever order news come in; what is told of an earlier state
    still completes what is known (price, duration, who answered).
    """
    was = delivery.progress
    if was.sid not in {None, news.sid}:  # what a look-up had taken for it was another's
        was = replace(was, word=None, state=State.UNKNOWN, **_NOT_TOLD)
    known = replace(
        was,
        sid=news.sid,
        evidence=news.evidence if was.evidence in _WEAK or was.sid != news.sid else was.evidence,
        sent_from=news.sent_from or was.sent_from,
        segments=news.segments or was.segments,
        price=news.price or was.price,
        price_unit=(news.price_unit if news.price else None) or was.price_unit,
        answered_by=news.answered_by or was.answered_by,
        duration=was.duration if news.duration is None else news.duration,
    )
    if _moves(was, news):
        known = replace(
            known,
            state=news.state,
            word=news.word,
            due_at=None,
            error_code=news.code,
            error_message=news.reason,
        )
    elif known.word == news.word and known.error_code is None and news.code is not None:
        known = replace(known, error_code=news.code, error_message=news.reason)
    if known == delivery.progress:
        return None
    beside = news.evidence is Evidence.CALLBACK
    news_at = None if _all_is_told(delivery, known) else _next_news(known.state, beside, now)
    return replace(known, updated_at=now, news_at=news_at)


def _all_is_told(delivery: Delivery, progress: Progress) -> bool:
    """Whether Twilio has nothing more to tell; a WhatsApp text may still be read."""
    if progress.price is None or progress.state not in _PRICED:
        return False
    whatsapp = delivery.notification.channel is Channel.WHATSAPP
    return not (whatsapp and progress.state is State.DELIVERED)


def after_silence(delivery: Delivery, now: float, rules: Rules, *, answered: bool) -> Progress:
    """Give what a delivery becomes when Twilio, asked, tells nothing new.

    Not `answered`, it waits twice `final_after`: an outage of Twilio is not its silence.
    """
    progress = delivery.progress
    age = now - progress.updated_at
    limit = rules.final_after * (1 if answered else 2)
    if progress.state in _UNDER_WAY and age >= limit:
        message = f"No news from Twilio for {age / 3600:.3g} h; its last word was {progress.word}"
        return replace(
            progress,
            state=State.UNKNOWN,
            error_message=message,
            updated_at=now,
            news_at=None,
        )
    if progress.state not in _UNDER_WAY and age >= PRICE_KNOWN_WITHIN:
        return replace(progress, news_at=None)
    wait = min(max(age, FIRST_NEWS), LONGEST_BETWEEN_NEWS)
    if progress.state in _UNDER_WAY:
        wait = min(wait, max(FIRST_NEWS, limit - age))
    return replace(progress, news_at=now + wait)


def tells(before: Progress, after: Progress, kind: Kind) -> bool:
    """Whether a step is told on `message/delivery`: a new state, or what users asked to know.

    Twilio's own words for a text on its way (queued, sending) are not.
    """
    settled = before.state is not after.state or (before.in_doubt and not after.in_doubt)
    told = (before.sid, before.price, before.error_code)
    if settled or told != (after.sid, after.price, after.error_code):
        return True
    calls = (before.word, before.answered_by, before.duration)
    return kind is Kind.CALL and calls != (after.word, after.answered_by, after.duration)


def _moves(was: Progress, news: News) -> bool:
    if was.sid is not None and was.word == news.word:
        return False
    if was.sid is None or was.word is None:
        return news.state in NEXT[was.state]
    if was.state is news.state or was.state is State.UNKNOWN:
        return was.word in news.follows
    return news.state in NEXT[was.state]


def _next_news(state: State, beside_callbacks: bool, now: float) -> float | None:
    if state not in _UNDER_WAY | _PRICED:
        return None
    return now + (NEWS_BESIDE_CALLBACKS if beside_callbacks else FIRST_NEWS)


def _failed(progress: Progress, code: int | None, reason: str) -> Progress:
    return replace(progress, state=State.FAILED, error_code=code, error_message=reason)


def _retry(
    delivery: Delivery,
    progress: Progress,
    outcome: Deferred,
    now: float,
    jitter: float,
    rules: Rules,
) -> Progress:
    failures = progress.failures + 1
    progress = replace(
        progress, failures=failures, error_code=outcome.code, error_message=outcome.reason
    )
    if _used_up(delivery, failures):
        return replace(progress, state=State.FAILED)
    delay = _delay(failures, rules) * (1 + jitter / 10)
    return replace(
        progress, state=State.QUEUED, due_at=now + max(delay, outcome.retry_after or 0.0)
    )


def _delay(failures: int, rules: Rules) -> float:
    """Give the wait after the n-th failure; beyond the list the last delay repeats."""
    return rules.retry_delays[min(failures, len(rules.retry_delays)) - 1]


def _used_up(delivery: Delivery, failures: int) -> bool:
    return delivery.retries is not None and failures > delivery.retries
