"""What becomes of a message, decided when it is created: so that time may be moved at will."""

from typing import NamedTuple

from callbox.simulator.limits import Limits
from callbox.simulator.records.address import kind
from callbox.simulator.records.lane import Lane
from callbox.simulator.records.outcome import USUAL, Outcome
from callbox.simulator.records.timeline import Timeline, timeline

QUEUE_OVERFLOW, EXPIRED = 30001, 30036
MANY = 100
"""Lanes among which one looks for those that are past."""


class Load(NamedTuple):
    """What is to be sent."""

    sender: str
    """Empty if there is nobody to send it."""
    parts: int
    """Segments; 1 of what is not cut into segments."""
    first: tuple[str, ...] = ("queued",)
    """The statuses until it may be sent; the last of them lasts while it waits."""
    validity: float = 36_000.0
    """Seconds that it may wait."""
    ahead: float = 0.0
    """Seconds until it is to be sent, if it is scheduled."""


class Course(NamedTuple):
    """The way of one message."""

    timeline: Timeline
    error_code: int | None = None


class Courses:
    """Sends what each sender may send in a second, one after another; the rest waits.

    What is scheduled takes its turn among what is scheduled for the same moment, and holds up
    nothing else: what is sent by then is not known yet.
    """

    def __init__(self, limits: Limits, pace: float) -> None:
        self._limits = limits
        self._pace = pace
        self._lanes: dict[tuple[str, float], Lane] = {}
        self._many = MANY
        self._calls = Lane()

    def full(self, load: Load, now: float) -> bool:
        """Whether a sender has no room for one more."""
        rate = self._rate(load)
        if rate is None or self._limits.queue is None:
            return False
        waits = self._lane(load, now).wait(now + load.ahead)
        return waits + load.parts / rate > self._limits.queue

    def send(self, load: Load, outcome: Outcome, now: float) -> Course:
        """Take a message; its course is what will be seen of it."""
        usual = self._usual(load, outcome)
        if not self._limits.rates and not load.ahead and outcome.sent_after is None:
            return Course(usual, outcome.message_error)
        if self.full(load, now):
            return Course(self._cut(load, usual, load.ahead + self._pace), QUEUE_OVERFLOW)
        waits = self._turn(load, now)
        if waits is None:
            return Course(self._cut(load, usual, load.ahead + load.validity), EXPIRED)
        course = usual.later(waits, usual.statuses[len(load.first)]) if waits else usual
        return Course(course, outcome.message_error)

    def usual(self) -> Timeline:
        """Return the statuses of a text that waits for nobody and arrives."""
        return timeline(("queued", *USUAL.message_course), self._pace)

    def call(self, now: float) -> float | None:
        """Take a call; return the seconds that it waits, None if there is no room for it."""
        rate, longest = self._limits.calls, self._limits.call_queue
        if rate is None:
            return 0.0
        if longest is not None and self._calls.wait(now) + 1 / rate > longest:
            return None
        return self._calls.take(now, 1 / rate)

    def _usual(self, load: Load, outcome: Outcome) -> Timeline:
        statuses = (*load.first, *outcome.message_course)
        course = timeline(statuses, self._pace)
        place = len(load.first)
        if outcome.sent_after is not None:
            course = course.later(outcome.sent_after - self._pace, statuses[place])
        if outcome.final_after is not None:
            for status in statuses[place + 1 :]:
                course = course.later(outcome.final_after - self._pace, status)
        if load.ahead:
            course = course.later(load.ahead - self._pace, statuses[1])
        return course

    def _turn(self, load: Load, now: float) -> float | None:
        """Take the load's turn; return the seconds until then, None if that is too late."""
        rate = self._rate(load)
        if rate is None:
            return 0.0
        lane, begins = self._lane(load, now), now + load.ahead
        if lane.wait(begins) > load.validity:
            return None
        return lane.take(begins, load.parts / rate)

    def _rate(self, load: Load) -> float | None:
        """Return the segments a second of a sender; None if there is no limit, or no sender."""
        rates = self._limits.rates
        return rates.get(kind(load.sender)) if rates and load.sender else None

    def _lane(self, load: Load, now: float) -> Lane:
        place = (load.sender, now + load.ahead if load.ahead else 0.0)
        lane = self._lanes.get(place)
        if lane is None:
            self._let_go(now)
            lane = self._lanes[place] = Lane()
        return lane

    def _let_go(self, now: float) -> None:
        """Forget the lanes of moments that are past, once they are many: nobody comes to them."""
        if len(self._lanes) >= self._many:
            kept = {place: lane for place, lane in self._lanes.items() if not 0 < place[1] < now}
            self._lanes, self._many = kept, MANY + 2 * len(kept)

    def _cut(self, load: Load, usual: Timeline, seconds: float) -> Timeline:
        """Let it fail so long after the creation, in place of being sent."""
        place = len(load.first)
        before = usual.instants[:place]
        return Timeline((*load.first, "failed"), (*before, max(seconds, before[-1])))
