"""Webhook requests that were refused: why, how many, and what that may mean."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

log = logging.getLogger(__name__)

_HOUR = 3600.0
_MINUTES = 60
_STEPS = (1, 2, 10, 100, 1_000, 10_000, 100_000, 1_000_000)  # a told number grows in these


class Reason(StrEnum):
    """Why a request was refused, as health counts it."""

    CLOSED = "closed"  # nothing is configured by which it could be checked
    WRONG = "wrong"  # the signature is not over this URL and form by our auth token
    UNSIGNED = "unsigned"  # no signature at all
    BASIC = "basic"  # a wrong user or password
    TOO_MANY = "too_many"  # at once
    UNREADABLE = "unreadable"  # not as Twilio sends it: too large, broken off, not UTF-8
    MALFORMED = "malformed"  # certainly Twilio's, but without what is needed


_FEWEST = {Reason.UNSIGNED: 10}  # a stranger now and then is no trouble

# What it may mean, in the order of what a person should look at first.
_MEANS = {
    Reason.WRONG: "had a wrong signature: "
    "http.public_url or twilio.auth_token may not be what Twilio has",
    Reason.CLOSED: "could not be checked: "
    "set http.public_url to the address that Twilio calls, and twilio.auth_token",
    Reason.BASIC: "had a wrong user or password: "
    "compare those in the URL at Twilio with those in the configuration",
    Reason.UNSIGNED: "had no signature: "
    "a stranger calls, or a proxy in front drops the X-Twilio-Signature header",
    Reason.TOO_MANY: "came while too many others were under way: "
    "see what else calls, and whether the disk is slow",
    Reason.MALFORMED: "lacked what Twilio sends: "
    "check that the URL at Twilio is for this kind of event",
    Reason.UNREADABLE: "could not be read: a stranger calls, or a proxy in front changes them",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer without success: `sentence` is the body. A `reason` is counted."""

    status: int
    sentence: str
    reason: Reason | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Refusals:
    """Counts refusals of this run and of the last hour; logs one of each reason an hour."""

    monotonic: Callable[[], float] = time.monotonic
    total: Counter[Reason] = field(default_factory=Counter)
    _recent: Counter[tuple[int, Reason]] = field(default_factory=Counter)  # by minute
    _told: dict[Reason, float] = field(default_factory=dict)

    def note(self, reason: Reason, url: str) -> None:
        """Count a refusal; `url`, which must hold no secret, is what it was checked against."""
        now = self.monotonic()
        minute = self._minute()
        if (minute, reason) not in self._recent:
            for old in [key for key in self._recent if key[0] <= minute - _MINUTES]:
                del self._recent[old]
        self._recent[minute, reason] += 1
        self.total[reason] += 1
        if now - self._told.get(reason, -_HOUR) >= _HOUR:
            self._told[reason] = now
            log.warning("A request to %s %s", url, _MEANS[reason])

    def trouble(self) -> str | None:
        """Say what was refused in the last hour."""
        since = self._minute() - _MINUTES
        for reason, means in _MEANS.items():
            count = sum(n for (at, why), n in self._recent.items() if why is reason and at > since)
            if count >= _FEWEST.get(reason, 1):
                return f"{_about(count)} in the last hour {means}"
        return None

    def _minute(self) -> int:
        return int(self.monotonic() // 60)


def _about(count: int) -> str:
    """Give a number that does not change with every request, so that it is told once."""
    least = max(step for step in _STEPS if step <= count)
    return "A webhook request" if least == 1 else f"At least {least:,} webhook requests"
