"""What is wrong is told at its begin, once an hour, and at its end."""

import logging

import pytest

from callbox.troubles import Troubles

HOUR = 3600.0


class World:
    """Things that can be in trouble."""

    def __init__(self) -> None:
        self.store: str | None = None
        self.broker: str | None = None
        self.troubles = Troubles({"Store": lambda: self.store, "Broker": lambda: self.broker})


@pytest.fixture
def world(caplog: pytest.LogCaptureFixture) -> World:
    caplog.set_level(logging.DEBUG)
    return World()


def test_nothing_is_said_while_nothing_is_wrong(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    assert not any(world.troubles.look(second) for second in range(100))
    assert (world.troubles.now, caplog.messages) == ({}, [])


def test_a_trouble_is_told_at_its_begin_and_at_its_end(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.broker = "No connection"
    assert world.troubles.look(10.0)
    assert world.troubles.now == {"Broker": "No connection"}
    assert not world.troubles.look(11.0)
    world.broker = None
    assert world.troubles.look(75.0)
    assert world.troubles.now == {}
    assert caplog.messages == ["Broker: No connection", "Broker: well again after 65 s"]


def test_an_outage_of_five_hours_is_a_line_an_hour_however_often_one_looks(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.broker = "No connection"
    for second in range(int(5 * HOUR) + 1):
        world.troubles.look(float(second))
    assert caplog.messages == [
        "Broker: No connection",
        *(f"Broker: still, for {hours} h: No connection" for hours in range(1, 6)),
    ]


def test_a_trouble_that_reads_otherwise_is_a_change_and_each_sentence_a_line(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.broker = "No connection"
    world.troubles.look(0.0)
    world.broker = "Refused"
    assert world.troubles.look(1.0)
    assert world.troubles.now == {"Broker": "Refused"}
    world.broker = "No connection"
    assert world.troubles.look(2.0)
    assert caplog.messages == ["Broker: No connection", "Broker: Refused"]


def test_each_trouble_has_its_own_begin_hour_and_end(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.broker = "No connection"
    world.troubles.look(0.0)
    world.store = "Full"
    world.troubles.look(HOUR / 2)
    world.troubles.look(HOUR)
    world.broker = None
    world.troubles.look(HOUR + 1)
    world.troubles.look(HOUR * 1.5)
    assert caplog.messages == [
        "Broker: No connection",
        "Store: Full",
        "Broker: still, for 1 h: No connection",
        "Broker: well again after 3601 s",
        "Store: still, for 1 h: Full",
    ]
    assert world.troubles.now == {"Store": "Full"}


def test_a_trouble_that_comes_back_begins_anew(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    for second, trouble in [(0, "No connection"), (1, None), (4000, "No connection"), (4001, None)]:
        world.broker = trouble
        assert world.troubles.look(float(second))
    assert caplog.messages == ["Broker: No connection", "Broker: well again after 1 s"] * 2


def test_a_trouble_that_comes_and_goes_is_told_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    for second in range(600):
        world.broker = None if second % 3 else "No connection"
        world.troubles.look(float(second))
    assert caplog.messages == ["Broker: No connection", "Broker: well again after 1 s"]


def test_a_trouble_that_comes_back_to_stay_is_told_after_a_minute(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    for second in range(70):
        world.broker = None if second == 1 else "No connection"
        world.troubles.look(float(second))
    assert caplog.messages[2:] == ["Broker: No connection"]


def test_every_line_is_a_warning(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.broker = "No connection"
    world.troubles.look(0.0)
    world.troubles.look(HOUR)
    world.broker = None
    world.troubles.look(HOUR + 1)
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert len(caplog.records) == 3
