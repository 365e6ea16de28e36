"""The simulator in other people's tests: a pytest plugin.

In conftest.py:

    pytest_plugins = ["callbox.simulator.testing"]

Then a test that takes `twilio_simulator` has a Twilio of its own:

    def test_an_alarm_is_texted(twilio_simulator):
        my_program.alarm(client=twilio_simulator.client())
        assert twilio_simulator.texts("+12065550100") == ["The tank is full"]
"""

from collections.abc import Iterator

import pytest

from callbox.simulator.settings import Settings
from callbox.simulator.twin import QUICK, SimulatedTwilio, simulated_twilio


@pytest.fixture
def twilio_settings() -> Settings:
    """How `twilio_simulator` is to be: override it by `dataclasses.replace(QUICK, ...)`."""
    return QUICK


@pytest.fixture
def twilio_simulator(twilio_settings: Settings) -> Iterator[SimulatedTwilio]:
    """Twilio, for one test."""
    with simulated_twilio(twilio_settings) as twilio:
        yield twilio
