"""How fast Twilio may be called: requests in flight, calls per second, pauses and probes.

Pure of clock: every method takes `now`, seconds of a monotonic clock. The number of requests in
flight starts small, doubles while Twilio answers and halves on 429. Several failures in a row, or
one fault of the account, pause everything: then a harmless list request goes out as a probe
(delays double from `probe_first` to `probe_longest`), and after one that was answered a single
create at a time, until one is answered too.
"""

from dataclasses import dataclass, field

from callbox.domain.outcome import Pause

_FAILURES_IN_A_ROW = 5
_FIRST_CEILING = 8.0
_RATE_BACKOFF = 1.0
_LONGEST_HOLD = 3600.0  # whatever a Retry-After says


@dataclass(slots=True)
class Pace:
    """The gate in front of Twilio."""

    max_concurrency: int
    calls_per_second: float
    probe_first: float = 1.0
    probe_longest: float = 60.0
    in_flight: int = 0
    paused: Pause | None = None
    held_until: float = 0.0
    _reason: str = ""
    _ceiling: float = _FIRST_CEILING
    _failures: int = 0
    _reachable: bool = True
    _probing: bool = False
    _probe_at: float = 0.0
    _probe_delay: float = 0.0
    _next_call: float = 0.0
    _call_reserved: bool = False
    _cut_at: float = field(default=float("-inf"))

    def free(self, now: float) -> int:
        """Give how many creates may begin now."""
        if now < self.held_until or (self.paused and not self._reachable):
            return 0
        ceiling = 1 if self.paused else min(int(self._ceiling), self.max_concurrency)
        return max(0, ceiling - self.in_flight)

    def reserve(self, wanted: int, now: float) -> tuple[int, int]:
        """Take up to `wanted` free places; give how many, and how many of them a call may have."""
        total = min(wanted, self.free(now))
        call = total > 0 and now >= self._next_call and not self._call_reserved
        self.in_flight += total
        self._call_reserved |= call
        return total, int(call)

    def release(self, places: int, *, call: bool) -> None:
        """Give places back that nothing was found for; `call`: the call's was among them."""
        self.in_flight -= places
        self._call_reserved &= not call

    def called(self, now: float) -> None:
        """Count a phone call that begins."""
        self._call_reserved = False
        self._next_call = max(now, self._next_call) + 1.0 / self.calls_per_second

    def trouble(self, now: float) -> str | None:
        """Say why nothing is sent just now, None if nothing holds it."""
        if self.paused and self._reachable:
            return f"{self._reason}; Twilio answers again, and one request goes ahead of the others"
        return self._reason if self.paused or now < self.held_until else None

    def wants_probe(self, now: float) -> bool:
        """Tell whether a probe is to be sent now; the caller reports it by `probed`."""
        return (
            bool(self.paused)
            and not self._reachable
            and not self._probing
            and now >= self._probe_at
        )

    def probe_begins(self) -> None:
        """Count a probe that is under way."""
        self._probing = True

    def probed(self, now: float, pause: Pause | None, reason: str = "") -> None:
        """Take a probe's answer: None lets one create through, another pause waits longer."""
        self._probing = False
        if pause is None:
            self._reachable = True
        else:
            self._pause(now, pause, reason)

    def lookups_allowed(self) -> bool:
        """Tell whether list requests may go out: not while Twilio is out of reach."""
        return self._reachable

    def answered(self) -> None:
        """Take a sane answer of Twilio to a create; it ends a pause."""
        self._failures = 0
        self._ceiling = min(self._ceiling + 1.0, float(self.max_concurrency))
        self.paused = None
        self._reachable = True
        self._probe_delay = 0.0

    def failed(
        self, now: float, pause: Pause, reason: str, retry_after: float | None = None
    ) -> None:
        """Take a failure that concerns every request."""
        if pause is Pause.RATE:
            self._slow_down(now, reason, retry_after)
        elif pause is Pause.ACCOUNT or self.paused:
            self._pause(now, pause, reason)
        else:
            self._failures += 1
            if self._failures >= _FAILURES_IN_A_ROW:
                self._pause(now, pause, reason)

    def opens_at(self, now: float) -> float | None:
        """Give when the gate opens by time alone; None if it is open, or waits for an answer."""
        times = [self.held_until, self._next_call]
        if self.paused and not self._reachable and not self._probing:
            times.append(self._probe_at)
        return min((time for time in times if time > now), default=None)

    def _slow_down(self, now: float, reason: str, retry_after: float | None) -> None:
        if now - self._cut_at >= _RATE_BACKOFF:
            self._ceiling = max(1.0, self._ceiling / 2)
            self._cut_at = now
        wait = min(retry_after or _RATE_BACKOFF, _LONGEST_HOLD)
        self.held_until = max(self.held_until, now + wait)
        self._reason = reason

    def _pause(self, now: float, pause: Pause, reason: str) -> None:
        if self.paused and self._reachable is False and now < self._probe_at:
            return  # the stragglers of the failures that began this pause
        self._probe_delay = min(self.probe_longest, self._probe_delay * 2 or self.probe_first)
        self._probe_at = now + self._probe_delay
        self.paused, self._reason = pause, reason
        self._reachable = False
        self._ceiling = _FIRST_CEILING
