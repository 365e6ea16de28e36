"""A rehearsal's clock: a day in a minute, and pauses as short as that."""

import time

from callbox.clock import HastenedClock, SystemClock


def test_a_hastened_clock_runs_so_many_times_as_fast_and_begins_now() -> None:
    began, clock = time.monotonic(), HastenedClock(10_000)
    first, wall = clock.monotonic(), clock.now()
    assert abs(wall - time.time()) < 10_000 * (time.monotonic() - began) + 1
    time_passed = clock.monotonic() - first
    assert 0 < time_passed <= 10_000 * (time.monotonic() - began)


def test_both_its_times_run_alike_so_that_nothing_looks_like_a_jump() -> None:
    clock = HastenedClock(100_000)
    assert clock.drift() == clock.drift()
    assert clock.now() - clock.monotonic() <= clock.drift()


def test_a_pause_is_as_many_times_as_short() -> None:
    assert HastenedClock(1440).machine_seconds(86_400) == 60
    assert SystemClock().machine_seconds(5) == 5
