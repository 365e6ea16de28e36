"""What follows from an outcome, a look-up or the time: tables, and random lives of a delivery."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from callbox.domain.delivery import NEXT, Delivery, Evidence, Progress, State
from callbox.domain.notification import Channel, Flow, Kind, Notification
from callbox.domain.outcome import (
    Absent,
    Accepted,
    Ambiguous,
    Deferred,
    Lookup,
    Outcome,
    Pause,
    Refused,
    Unanswered,
    Unknown,
)
from callbox.domain.policy import Rules, after_attempt, after_lookup, claimed, expired

NOW = 1_000_000.0
RULES = Rules((2.0, 10.0, 30.0), (5.0, 20.0, 60.0))
NOTE = Notification(Kind.TXT, Channel.SMS, "Darla", "+12345000000", "+19999999999", "Hi")
ACCEPTED = Accepted("SM1", State.ACCEPTED, "queued", "+19999999999")
TEMPORARY = Deferred("The queue is full", counts=True, code=21611)
PACING = Deferred("Too many requests", pause=Pause.RATE, code=20429)
CUT = Unknown("Twilio did not answer")
BROKEN = Unknown("Twilio answered 503", answered=True)


def sending(*, retries: int | None = None, on_unknown: str = "hold", **progress: Any) -> Delivery:  # noqa: ANN401 - fields
    """Give a delivery whose first attempt began at NOW."""
    life = Progress(State.SENDING, attempt=1, attempted_at=NOW)
    return Delivery(
        "d1", "r1", NOTE, 1, retries, on_unknown, NOW - 10, NOW + 3600, expires_fixed=False,
        progress=replace(life, **progress),
    )  # fmt: skip


def doubtful(lookups: int = 0, **terms: Any) -> Delivery:  # noqa: ANN401 - fields
    """Give a delivery in doubt since NOW."""
    plain: dict[str, Any] = {"state": State.UNKNOWN, "doubt_since": NOW, "doubt_base": NOW}
    terms = plain | {"due_at": NOW + 5, "error_message": "No answer"} | terms
    return sending(lookups=lookups, **terms)


def attempted(delivery: Delivery, outcome: Outcome, after: float = 1.0) -> Progress:
    return after_attempt(delivery, outcome, NOW + after, 0.0, RULES)


def looked_up(delivery: Delivery, lookup: Lookup, after: float) -> Progress:
    return after_lookup(delivery, lookup, NOW + after, RULES)


# After an attempt


def test_what_twilio_accepted_has_its_sid_word_and_sender() -> None:
    after = attempted(sending(due_at=NOW), ACCEPTED)
    assert (after.state, after.due_at) == (State.ACCEPTED, None)
    assert (after.sid, after.evidence) == ("SM1", Evidence.ANSWER)
    assert (after.word, after.sent_from) == ("queued", "+19999999999")
    assert after.updated_at == NOW + 1


FLOW = Notification(
    Kind.FLOW, Channel.FLOW, "Darla", "+12345000000", "+19999999999", flow=Flow("FW1")
)


@pytest.mark.parametrize("word", ["active", "ended"])
def test_of_a_flow_that_twilio_took_no_news_are_asked_for(word: str) -> None:
    taken = Accepted("FN1", State.ACCEPTED, word, "")
    answered = attempted(replace(sending(), notification=FLOW), taken)
    found = claimed(replace(doubtful(), notification=FLOW), taken, NOW + 5)
    for after in (answered, found):
        assert (after.state, after.sid, after.word) == (State.ACCEPTED, "FN1", word)
        assert (after.sent_from, after.news_at) == ("+19999999999", None)
    assert attempted(sending(), ACCEPTED).news_at is not None


def test_what_twilio_refused_has_failed_with_its_code_and_reason() -> None:
    after = attempted(sending(retries=9), Refused(21211, "Not a number", "Correct it"))
    assert (after.state, after.due_at, after.sid) == (State.FAILED, None, None)
    assert (after.error_code, after.error_message) == (21211, "Not a number")


@pytest.mark.parametrize(
    ("failures", "delay"), [(0, 2.0), (1, 10.0), (2, 30.0), (3, 30.0), (99, 30.0)]
)
def test_retries_wait_the_configured_delays_and_the_last_one_repeats(
    failures: int, delay: float
) -> None:
    after = attempted(sending(failures=failures), TEMPORARY, after=1)
    assert (after.state, after.failures) == (State.QUEUED, failures + 1)
    assert after.due_at == NOW + 1 + delay
    assert (after.error_code, after.error_message) == (21611, "The queue is full")


@pytest.mark.parametrize(("jitter", "delay"), [(0.0, 30.0), (0.5, 31.5), (1.0, 33.0)])
def test_jitter_spreads_a_retry_over_the_tenth_after_its_delay(jitter: float, delay: float) -> None:
    after = after_attempt(sending(failures=5), TEMPORARY, NOW, jitter, RULES)
    assert after.due_at == pytest.approx(NOW + delay)


@pytest.mark.parametrize(
    ("retry_after", "delay"), [(1.0, 2.0), (None, 2.0), (0.0, 2.0), (77.0, 77.0)]
)
def test_a_retry_waits_as_long_as_twilio_asks(retry_after: float | None, delay: float) -> None:
    after = attempted(sending(), replace(TEMPORARY, retry_after=retry_after), after=0)
    assert after.due_at == NOW + delay


@pytest.mark.parametrize(
    ("retries", "failures", "state"),
    [
        (0, 0, State.FAILED),
        (1, 0, State.QUEUED),
        (1, 1, State.FAILED),
        (3, 2, State.QUEUED),
        (3, 3, State.FAILED),
        (None, 1000, State.QUEUED),
    ],
)
def test_retries_say_how_often_a_request_is_sent_again(
    retries: int | None, failures: int, state: State
) -> None:
    after = attempted(sending(retries=retries, failures=failures), TEMPORARY)
    assert (after.state, after.failures) == (state, failures + 1)


@pytest.mark.parametrize(
    "outcome", [PACING, Deferred("No connection", pause=Pause.OUTAGE), Deferred("Suspended")]
)
def test_pacing_never_counts_and_goes_on_at_once_when_the_gate_opens(outcome: Deferred) -> None:
    after = attempted(sending(retries=0, failures=0), outcome)
    assert (after.state, after.due_at, after.failures) == (State.QUEUED, None, 0)
    assert after.error_message == outcome.reason


@pytest.mark.parametrize(
    ("after", "due_at"), [(0.1, NOW + 5), (4.9, NOW + 5), (5.0, NOW + 5), (30.0, NOW + 30)]
)
def test_a_lost_answer_is_looked_up_so_long_after_the_attempt_but_never_in_the_past(
    after: float, due_at: float
) -> None:
    progress = attempted(sending(retries=0), CUT, after)
    assert (progress.state, progress.due_at) == (State.UNKNOWN, due_at)
    assert (progress.doubt_since, progress.doubt_base, progress.lookups) == (NOW, NOW, 0)
    assert progress.in_doubt


def test_a_second_doubt_keeps_the_begin_of_the_first_and_counts_lookups_anew() -> None:
    delivery = sending(doubt_since=NOW - 500, doubt_base=NOW - 500, lookups=3)
    after = attempted(delivery, BROKEN)
    assert (after.doubt_since, after.doubt_base, after.lookups) == (NOW - 500, NOW, 0)
    assert after.doubt_answered


# After a look-up


def test_hold_is_sent_again_only_after_three_lookups_that_count_the_last_late_enough() -> None:
    delivery = doubtful()
    for after, due_at in ((5, NOW + 20), (20, NOW + 60)):
        progress = looked_up(delivery, Absent(), after)
        assert (progress.state, progress.due_at) == (State.UNKNOWN, due_at)
        delivery = replace(delivery, progress=progress)
    progress = looked_up(delivery, Absent(), 60)
    assert (progress.state, progress.due_at) == (State.QUEUED, None)


def test_three_early_lookups_are_not_enough_for_hold() -> None:
    progress = looked_up(doubtful(lookups=2), Absent(), 59.9)
    assert (progress.state, progress.due_at) == (State.UNKNOWN, NOW + 60)
    assert looked_up(doubtful(lookups=3), Absent(), 60).state is State.QUEUED


def test_a_late_first_lookup_is_followed_by_two_more_at_short_distance() -> None:
    delivery = doubtful()
    for after, due_at in ((500, 505), (505, 510)):
        progress = looked_up(delivery, Absent(), after)
        assert progress.due_at == NOW + due_at
        delivery = replace(delivery, progress=progress)
    assert looked_up(delivery, Absent(), 510).state is State.QUEUED


@pytest.mark.parametrize(
    ("after", "state", "due_at"),
    [(5, State.UNKNOWN, NOW + 20), (19.9, State.UNKNOWN, NOW + 20), (20, State.QUEUED, None)],
)
def test_resend_needs_one_lookup_late_enough(
    after: float, state: State, due_at: float | None
) -> None:
    progress = looked_up(doubtful(on_unknown="resend"), Absent(), after)
    assert (progress.state, progress.due_at) == (state, due_at)


@pytest.mark.parametrize("on_unknown", ["hold", "resend"])
def test_an_unanswered_lookup_does_not_count_and_is_repeated(on_unknown: str) -> None:
    progress = looked_up(doubtful(2, on_unknown=on_unknown), Unanswered("No answer"), 100)
    assert (progress.state, progress.due_at, progress.lookups) == (State.UNKNOWN, NOW + 105, 2)


@pytest.mark.parametrize("on_unknown", ["hold", "resend"])
def test_without_a_lookup_that_counts_before_the_expiry_it_ends_unknown(on_unknown: str) -> None:
    progress = looked_up(doubtful(on_unknown=on_unknown), Unanswered("No answer"), 3600)
    assert (progress.state, progress.due_at) == (State.UNKNOWN, None)
    assert not progress.in_doubt


@pytest.mark.parametrize(
    ("on_unknown", "after", "state"),
    [
        ("hold", 100, State.UNKNOWN),
        ("hold", 4000, State.UNKNOWN),
        ("resend", 100, State.QUEUED),
        ("resend", 4000, State.UNKNOWN),
    ],
)
def test_candidates_that_cannot_be_told_apart_end_hold_and_are_sent_again_by_resend(
    on_unknown: str, after: float, state: State
) -> None:
    progress = looked_up(doubtful(2, on_unknown=on_unknown), Ambiguous(), after)
    assert (progress.state, progress.due_at) == (state, None)


def test_ambiguous_lookups_before_the_last_are_repeated() -> None:
    assert looked_up(doubtful(), Ambiguous(), 5).due_at == NOW + 20


@pytest.mark.parametrize("on_unknown", ["hold", "resend"])
def test_absent_past_the_expiry_is_expired(on_unknown: str) -> None:
    progress = looked_up(doubtful(2, on_unknown=on_unknown), Absent(), 3600)
    assert (progress.state, progress.due_at) == (State.EXPIRED, None)


def test_found_past_the_expiry_is_still_accepted() -> None:
    progress = claimed(doubtful(), ACCEPTED, NOW + 9999)
    assert (progress.state, progress.sid) == (State.ACCEPTED, "SM1")
    assert (progress.evidence, progress.due_at) == (Evidence.LOOKUP, None)


def test_an_entry_that_has_failed_meanwhile_is_failed_with_its_sid() -> None:
    found = Accepted("SM1", State.FAILED, "failed", "+1999", 30007, "Filtered")
    progress = claimed(doubtful(), found, NOW + 5)
    assert (progress.state, progress.sid) == (State.FAILED, "SM1")
    assert (progress.error_code, progress.error_message) == (30007, "Filtered")


@pytest.mark.parametrize(
    ("answered", "retries", "state", "failures"),
    [
        (True, 0, State.FAILED, 1),
        (True, 1, State.QUEUED, 1),
        (True, None, State.QUEUED, 1),
        (False, 0, State.QUEUED, 0),
    ],
)
def test_a_5xx_proved_absent_counts_as_a_failure_and_a_lost_answer_never(
    answered: bool, retries: int | None, state: State, failures: int
) -> None:
    delivery = doubtful(2, retries=retries, doubt_answered=answered)
    progress = looked_up(delivery, Absent(), 60)
    assert (progress.state, progress.failures) == (state, failures)
    assert (progress.due_at, progress.error_message) == (None, "No answer")


def test_what_is_over_is_expired_and_keeps_why_it_was_not_sent() -> None:
    progress = expired(sending(error_message="Too many requests", due_at=NOW).progress, NOW + 9)
    assert (progress.state, progress.due_at) == (State.EXPIRED, None)
    assert (progress.error_message, progress.updated_at) == ("Too many requests", NOW + 9)


# Random lives

SLOWLY = replace(TEMPORARY, retry_after=50.0)
REFUSED = Refused(21211, "Not a number")
OUTCOMES = st.sampled_from(
    [ACCEPTED, PACING, TEMPORARY, SLOWLY, CUT, BROKEN, BROKEN, CUT, REFUSED],
)
LOOKUPS = st.sampled_from(
    [Absent(), Absent(), Absent(), Absent(), Ambiguous(), Unanswered("No answer")]
)
TERMS = st.tuples(
    st.sampled_from([0, 1, 3, None]),
    st.sampled_from(["hold", "hold", "resend"]),
    st.sampled_from([30.0, 300.0, 50_000.0]),
    st.sampled_from([RULES, Rules((1.0,), (1.0, 2.0)), Rules((2.0,), (3.0, 9.0, 9.0, 40.0))]),
)


class Life(RuleBasedStateMachine):
    """One delivery through whatever can come, with a record of what the rules must be true to."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.proofs: list[float] = []  # when a look-up counted, in this doubt
        self.sent_at = NOW
        self.base = NOW  # what the delays of this doubt count from
        self.answered = 0  # temporary failures that Twilio answered
        self.doubt_answered = False

    @initialize(terms=TERMS)
    def begin(self, terms: tuple[int | None, str, float, Rules]) -> None:
        retries, on_unknown, lasts, self.set_up = terms
        self.delivery = Delivery(
            "d1", "r1", NOTE, 1, retries, on_unknown, NOW, NOW + lasts, expires_fixed=False
        )

    @property
    def state(self) -> State:
        return self.delivery.progress.state

    def become(self, after: Progress) -> None:
        before = self.state
        assert after.state is before or after.state in NEXT[before]
        assert after.updated_at == self.now
        self.delivery = replace(self.delivery, progress=after)

    @rule(seconds=st.sampled_from([0.1, 1.0, 7.0, 21.0, 61.0, 400.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.state is State.QUEUED)
    @rule()
    def wait_for_the_retry_and_send(self) -> None:
        progress = self.delivery.progress
        self.now = max(self.now, progress.due_at or 0.0)
        if self.now >= self.delivery.expires_at:
            self.become(expired(progress, self.now))
            return
        self.sent_at = self.now
        self.become(
            replace(
                progress,
                state=State.SENDING,
                attempt=progress.attempt + 1,
                due_at=None,
                attempted_at=self.now,
                updated_at=self.now,
            )
        )

    @precondition(lambda self: self.state is State.SENDING)
    @rule(
        outcome=OUTCOMES, jitter=st.floats(0, 1, exclude_max=True), took=st.sampled_from([0.1, 30])
    )
    def is_answered(self, outcome: Outcome, jitter: float, took: float) -> None:
        self.now += took
        self.answered += isinstance(outcome, Deferred) and outcome.counts
        self.become(after_attempt(self.delivery, outcome, self.now, jitter, self.set_up))
        if isinstance(outcome, Unknown):
            self.proofs, self.base, self.doubt_answered = [], self.sent_at, outcome.answered

    @precondition(lambda self: self.state is State.SENDING)
    @rule()
    def is_killed(self) -> None:
        self.now += 1
        doubt = replace(
            self.delivery.progress,
            state=State.UNKNOWN,
            due_at=self.now + self.set_up.lookup_delays[0],
            doubt_since=self.delivery.progress.doubt_since or self.delivery.progress.attempted_at,
            doubt_base=self.now,
            doubt_answered=False,
            lookups=0,
            updated_at=self.now,
        )
        self.become(doubt)
        self.proofs, self.base, self.doubt_answered = [], self.now, False

    @precondition(lambda self: self.delivery.progress.in_doubt)
    @rule(lookup=LOOKUPS)
    def is_looked_up(self, lookup: Lookup) -> None:
        self.now = max(self.now, self.delivery.progress.due_at or 0.0)
        if not isinstance(lookup, Unanswered):
            self.proofs.append(self.now)
        after = after_lookup(self.delivery, lookup, self.now, self.set_up)
        absent = isinstance(lookup, Absent)
        if self.doubt_answered and after.failures > self.delivery.progress.failures:
            assert absent
            self.answered += 1
        if after.state is State.QUEUED:
            self.check_resend(absent=absent)
        self.become(after)

    def check_resend(self, *, absent: bool) -> None:
        delays = self.set_up.lookup_delays
        assert self.now < self.delivery.expires_at
        if self.delivery.on_unknown == "hold":
            assert absent
            assert len(self.proofs) >= len(delays)
            assert self.proofs[-1] - self.base >= delays[-1]
        else:
            assert self.proofs
            assert self.proofs[-1] - self.base >= delays[-2]

    @precondition(lambda self: self.delivery.progress.in_doubt)
    @rule()
    def is_found(self) -> None:
        self.become(claimed(self.delivery, ACCEPTED, self.now))

    @invariant()
    def only_answered_temporary_failures_count(self) -> None:
        failures = self.delivery.progress.failures
        assert failures == self.answered
        if self.delivery.retries is not None and self.state in {State.QUEUED, State.SENDING}:
            assert failures <= self.delivery.retries

    @invariant()
    def what_goes_on_has_a_time_and_what_ended_has_none(self) -> None:
        progress = self.delivery.progress
        if progress.state not in {State.QUEUED, State.UNKNOWN}:
            assert progress.due_at is None
        if progress.in_doubt:
            assert progress.due_at is not None
            assert progress.due_at > NOW
            assert progress.doubt_since is not None

    @invariant()
    def only_what_was_accepted_has_a_sid(self) -> None:
        assert (self.delivery.progress.sid is not None) is (self.state is State.ACCEPTED)


Life.TestCase.settings = settings(max_examples=150, stateful_step_count=30)
TestLife = Life.TestCase
