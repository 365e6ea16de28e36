"""The gate in front of Twilio: tables, and random traffic with outages in it."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from callbox.domain.outcome import Pause
from callbox.domain.pace import Pace

NOW = 1000.0
OUTAGE, RATE, ACCOUNT = Pause.OUTAGE, Pause.RATE, Pause.ACCOUNT


def pace(most: int = 100, calls: float = 1.0) -> Pace:
    return Pace(most, calls)


def fail(gate: Pace, times: int, now: float = NOW) -> None:
    for _ in range(times):
        gate.failed(now, OUTAGE, "No answer")


def paused() -> Pace:
    """Give a gate that an outage has just closed; its first probe is due a second later."""
    gate = pace()
    fail(gate, 5)
    return gate


def test_a_few_requests_may_be_in_flight_at_first() -> None:
    gate = pace()
    assert gate.free(NOW) == 8
    assert gate.reserve(100, NOW)[0] == 8
    assert gate.reserve(100, NOW)[0] == 0


def test_never_more_than_max_concurrency() -> None:
    gate = pace(most=3)
    for _ in range(50):
        gate.answered()
    assert gate.free(NOW) == 3


def test_requests_in_flight_double_while_twilio_answers() -> None:
    gate = pace()
    for expected in (8, 16, 32, 64, 100, 100):
        places, _ = gate.reserve(1000, NOW)
        assert places == expected
        for _ in range(places):
            gate.release(1, call=False)
            gate.answered()


def test_what_found_nothing_to_send_gives_its_places_back() -> None:
    gate = pace()
    places, calls = gate.reserve(5, NOW)
    gate.release(places, call=calls > 0)
    assert (gate.in_flight, gate.reserve(1, NOW)) == (0, (1, 1))


def test_calls_are_paced_and_texts_are_not_held_by_them() -> None:
    gate = pace(calls=2.0)
    assert gate.reserve(3, NOW) == (3, 1)
    gate.called(NOW)
    assert gate.reserve(2, NOW + 0.49) == (2, 0)
    assert gate.opens_at(NOW + 0.49) == NOW + 0.5
    assert gate.reserve(2, NOW + 0.5) == (2, 1)


def test_two_reservations_at_once_may_not_both_begin_a_call() -> None:
    gate = pace()
    assert gate.reserve(1, NOW) == (1, 1)
    assert gate.reserve(1, NOW) == (1, 0)
    gate.release(1, call=True)
    assert gate.reserve(1, NOW) == (1, 1)


def test_429_halves_the_requests_in_flight_and_holds_for_a_second() -> None:
    gate = pace()
    gate.failed(NOW, RATE, "Too many requests")
    assert gate.trouble(NOW) == "Too many requests"
    assert gate.free(NOW + 0.99) == 0
    assert gate.opens_at(NOW) == NOW + 1
    assert gate.free(NOW + 1) == 4
    assert gate.trouble(NOW + 1) is None


def test_several_429s_of_one_moment_halve_once() -> None:
    gate = pace()
    for _ in range(6):
        gate.failed(NOW, RATE, "Too many requests")
    assert gate.free(NOW + 1) == 4
    for expected in (2, 1, 1):
        gate.failed(gate.held_until, RATE, "Too many requests")
        assert gate.free(gate.held_until) == expected


@pytest.mark.parametrize(
    ("retry_after", "held"), [(None, 1.0), (0.0, 1.0), (0.2, 0.2), (30.0, 30.0), (1e11, 3600.0)]
)
def test_retry_after_is_honoured(retry_after: float | None, held: float) -> None:
    gate = pace()
    gate.failed(NOW, RATE, "Too many requests", retry_after)
    assert gate.free(NOW + held * 0.99) == 0
    assert gate.free(NOW + held) > 0


def test_a_shorter_retry_after_does_not_shorten_a_longer_one() -> None:
    gate = pace()
    gate.failed(NOW, RATE, "Too many requests", 30.0)
    gate.failed(NOW + 1, RATE, "Too many requests", 2.0)
    assert gate.free(NOW + 29) == 0


def test_429_is_no_pause() -> None:
    gate = pace()
    for second in range(20):
        gate.failed(NOW + second, RATE, "Too many requests")
    assert gate.paused is None
    assert gate.lookups_allowed()


def test_the_fifth_failure_in_a_row_pauses_everything() -> None:
    gate = pace()
    fail(gate, 4)
    assert (gate.paused, gate.trouble(NOW)) == (None, None)
    fail(gate, 1)
    assert (gate.paused, gate.trouble(NOW)) == (OUTAGE, "No answer")
    assert gate.free(NOW + 9999) == 0
    assert not gate.lookups_allowed()


def test_an_answer_in_between_begins_the_count_anew() -> None:
    gate = pace()
    fail(gate, 4)
    gate.answered()
    fail(gate, 4)
    assert gate.paused is None


def test_one_fault_of_the_account_pauses_everything() -> None:
    gate = pace()
    gate.failed(NOW, ACCOUNT, "Suspended")
    assert (gate.paused, gate.trouble(NOW), gate.free(NOW + 5)) == (ACCOUNT, "Suspended", 0)


def test_probes_go_out_one_at_a_time_at_delays_that_double_to_the_longest() -> None:
    gate, now = paused(), NOW
    for delay in (1, 2, 4, 8, 16, 32, 60, 60):
        assert gate.opens_at(now) == now + delay
        assert not gate.wants_probe(now + delay - 0.01)
        now += delay
        assert gate.wants_probe(now)
        gate.probe_begins()
        assert not gate.wants_probe(now + 9999)
        gate.probed(now, OUTAGE, "Still no answer")
        assert gate.trouble(now) == "Still no answer"
        assert gate.free(now) == 0


def test_after_an_answered_probe_one_create_at_a_time_goes_out_until_one_is_answered() -> None:
    gate = paused()
    gate.probe_begins()
    gate.probed(NOW + 1, None)
    assert gate.lookups_allowed()
    assert gate.reserve(50, NOW + 1)[0] == 1
    assert gate.reserve(50, NOW + 1)[0] == 0
    gate.release(1, call=False)
    gate.answered()
    assert (gate.paused, gate.trouble(NOW + 1)) == (None, None)
    assert gate.free(NOW + 1) > 1


def test_a_create_that_fails_after_an_answered_probe_waits_longer() -> None:
    gate = paused()
    gate.probe_begins()
    gate.probed(NOW + 1, None)
    gate.reserve(1, NOW + 1)
    gate.release(1, call=False)
    gate.failed(NOW + 2, OUTAGE, "No answer")
    assert gate.free(NOW + 2) == 0
    assert gate.opens_at(NOW + 2) == NOW + 4


def test_requests_that_were_under_way_when_the_pause_began_do_not_lengthen_it() -> None:
    gate = paused()
    fail(gate, 50, NOW + 0.5)
    assert gate.opens_at(NOW + 0.5) == NOW + 1


def test_a_straggler_that_is_answered_ends_the_pause_for_creates_and_lookups_alike() -> None:
    gate = paused()
    gate.answered()
    assert gate.paused is None
    assert gate.free(NOW) > 0
    assert gate.lookups_allowed()
    assert not gate.wants_probe(NOW + 9999)


def test_after_a_pause_the_first_probe_of_the_next_comes_soon_again() -> None:
    gate = paused()
    for _ in range(4):
        gate.probe_begins()
        gate.probed(NOW + 100, OUTAGE, "No answer")
    gate.answered()
    fail(gate, 5, NOW + 200)
    assert gate.opens_at(NOW + 200) == NOW + 201


def test_an_open_gate_opens_at_no_time() -> None:
    assert pace().opens_at(NOW) is None


class Traffic(RuleBasedStateMachine):
    """A sender that keeps to what the gate says, and a Twilio that does what it likes."""

    @initialize(most=st.sampled_from([1, 2, 8, 100]), calls=st.sampled_from([0.1, 1.0, 50.0]))
    def open(self, most: int, calls: float) -> None:
        self.gate = Pace(most, calls, probe_first=1.0, probe_longest=60.0)
        self.now = NOW
        self.in_flight = 0
        self.held_until = 0.0
        self.last_call = -1e9
        self.probing = False

    @rule(seconds=st.sampled_from([0.01, 0.5, 1.0, 5.0, 100.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def wait_for_the_gate(self) -> None:
        self.go_to_the_opening()

    def go_to_the_opening(self) -> None:
        opens_at = self.gate.opens_at(self.now)
        if opens_at is not None:
            assert opens_at > self.now
            self.now = opens_at

    @rule(wanted=st.integers(0, 200), call=st.booleans())
    def send(self, wanted: int, *, call: bool) -> None:
        self.begin(wanted, call=call)

    def begin(self, wanted: int, *, call: bool) -> None:
        was_paused, before = self.gate.paused, self.in_flight
        places, calls = self.gate.reserve(wanted, self.now)
        self.in_flight += places
        assert 0 <= places <= wanted
        assert calls <= min(1, places)
        assert self.in_flight <= self.gate.max_concurrency
        if self.now < self.held_until:
            assert places == 0
        if was_paused and places:
            assert (places, before) == (1, 0)
        if calls and call:
            assert self.now - self.last_call >= 1 / self.gate.calls_per_second - 1e-6
            self.last_call = self.now
            self.gate.called(self.now)
        else:
            self.gate.release(0, call=calls > 0)

    @precondition(lambda self: self.in_flight)
    @rule()
    def one_is_answered(self) -> None:
        self.answer_one()

    def answer_one(self) -> None:
        self.end_one()
        self.gate.answered()
        assert self.gate.paused is None
        assert self.gate.lookups_allowed()

    def end_one(self) -> None:
        self.in_flight -= 1
        self.gate.release(1, call=False)

    @precondition(lambda self: self.in_flight)
    @rule(retry_after=st.sampled_from([None, 0.0, 0.5, 20.0]))
    def one_is_too_fast(self, retry_after: float | None) -> None:
        self.end_one()
        allowed = self.gate.free(self.now) + self.in_flight
        open_before = self.now >= self.held_until and self.gate.paused is None
        self.gate.failed(self.now, RATE, "Too many requests", retry_after)
        self.held_until = max(self.held_until, self.now + (retry_after or 1.0))
        if open_before:
            assert self.gate.free(self.held_until) + self.in_flight <= max(allowed, self.in_flight)

    @precondition(lambda self: self.in_flight)
    @rule(pause=st.sampled_from([OUTAGE, OUTAGE, OUTAGE, ACCOUNT]), all_=st.booleans())
    def some_fail(self, pause: Pause, all_: bool) -> None:
        for _ in range(self.in_flight if all_ else 1):
            self.end_one()
            self.gate.failed(self.now, pause, "No answer")
        if pause is ACCOUNT:
            assert self.gate.paused is not None

    @precondition(lambda self: not self.probing)
    @rule()
    def probe(self) -> None:
        if self.gate.wants_probe(self.now):
            assert self.gate.paused
            self.gate.probe_begins()
            self.probing = True

    @precondition(lambda self: self.probing)
    @rule(pause=st.sampled_from([None, None, OUTAGE, ACCOUNT]))
    def the_probe_is_answered(self, pause: Pause | None) -> None:
        self.gate.probed(self.now, pause, "No answer")
        self.probing = False

    @precondition(lambda self: self.gate.lookups_allowed())
    @rule(pause=st.sampled_from([OUTAGE, RATE, ACCOUNT]))
    def a_lookup_fails(self, pause: Pause) -> None:
        self.gate.failed(self.now, pause, "No answer")
        if pause is RATE:
            self.held_until = max(self.held_until, self.now + 1.0)

    @invariant()
    def one_probe_is_under_way(self) -> None:
        assert not (self.probing and self.gate.wants_probe(self.now))

    @invariant()
    def places_are_neither_lost_nor_made(self) -> None:
        assert self.gate.in_flight == self.in_flight

    @invariant()
    def a_probe_is_never_longer_off_than_the_longest_delay(self) -> None:
        opens_at = self.gate.opens_at(self.now)
        if opens_at is not None and self.gate.held_until <= self.now and self.gate.paused:
            assert opens_at <= self.now + 60.0

    @invariant()
    def trouble_is_told_exactly_while_something_holds_everything(self) -> None:
        held = bool(self.gate.paused) or self.now < self.gate.held_until
        assert bool(self.gate.trouble(self.now)) is held

    def teardown(self) -> None:
        """Whatever has come: once Twilio answers, the gate opens by itself."""
        for _ in range(20):
            while self.in_flight:
                self.answer_one()
            if self.gate.free(self.now) and self.gate.lookups_allowed() and not self.gate.paused:
                return
            self.serve()
        raise AssertionError("the gate stays closed")

    def serve(self) -> None:
        if self.gate.wants_probe(self.now):
            self.gate.probe_begins()
            self.probing = True
        if self.probing:
            self.gate.probed(self.now, None)
            self.probing = False
        self.begin(1, call=False)
        if not self.in_flight:
            self.go_to_the_opening()


Traffic.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestTraffic = Traffic.TestCase
