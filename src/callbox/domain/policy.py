"""The rules of sending, as pure functions: what follows from an outcome, a look-up, the time.

`now` and `jitter` are arguments; nothing here waits, reads a clock or draws a number.
"""

from dataclasses import dataclass, replace

from callbox.domain.delivery import Delivery, Evidence, Progress, State
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


def after_attempt(
    delivery: Delivery, outcome: Outcome, now: float, jitter: float, rules: Rules
) -> Progress:
    """Give what a delivery becomes by the outcome of its create.

    `jitter` in [0, 1) spreads retries over the tenth after their delay.
    """
    if isinstance(outcome, Accepted):
        return _accepted(delivery.progress, outcome, Evidence.ANSWER, now)
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
    return _accepted(delivery.progress, found, Evidence.LOOKUP, now)


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


def _accepted(progress: Progress, outcome: Accepted, evidence: Evidence, now: float) -> Progress:
    return replace(
        progress,
        updated_at=now,
        due_at=None,
        state=outcome.state,
        sid=outcome.sid,
        evidence=evidence,
        word=outcome.word,
        sent_from=outcome.sent_from,
        error_code=outcome.code,
        error_message=outcome.reason,
    )


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
