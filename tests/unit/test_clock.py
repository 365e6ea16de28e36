"""A rehearsal's clock: a day in a minute, and pauses as short as that."""

import time

from callbox.clock import HastenedClock, SystemClock


def test_a_hastened_clock_runs_so_many_times_as_fast_and_begins_now() -> None:
    before, clock = time.monotonic(), HastenedClock(10_000)
    assert abs(clock.now() - time.time()) < 10_000 * (time.monotonic() - before) + 1
    first, began = clock.monotonic(), time.monotonic()
    least = 10_000 * (time.monotonic() - began)
    passed = clock.monotonic() - first
    assert least <= passed <= 10_000 * (time.monotonic() - before)


def test_both_its_times_run_alike_so_that_nothing_looks_like_a_jump() -> None:
    clock = HastenedClock(100_000)
    drift, wall, began = clock.drift(), clock.now(), clock.monotonic()
    passed = clock.monotonic() - began
    assert passed <= clock.now() - wall
    assert clock.drift() == drift


def test_a_pause_is_as_many_times_as_short() -> None:
    assert HastenedClock(1440).machine_seconds(86_400) == 60
    assert SystemClock().machine_seconds(5) == 5
