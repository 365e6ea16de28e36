"""Which numbers are in service, by what Indigo says of their devices."""

from types import SimpleNamespace
from typing import Any

import pytest

from callbox.indigo.plugin import Callbox

OURS = "+15550001111"


def device(**changes: Any) -> SimpleNamespace:  # noqa: ANN401 - what a device has
    props = {"twilioNumber": OURS, "delete": True, "address": OURS}
    found = {"id": 7, "name": "Ours", "deviceTypeId": "twilioNumber", "enabled": True}
    found |= {"pluginProps": props, "stateListOrDisplayStateIdChanged": lambda: None}
    return SimpleNamespace(**found | changes)


@pytest.fixture
def callbox(monkeypatch: pytest.MonkeyPatch) -> Callbox:
    indigo = SimpleNamespace(server=None, devices={7: device()})
    plugin = SimpleNamespace(pluginPrefs={}, pluginDisplayName="Callbox", substitute=str)
    callbox = Callbox(indigo, plugin)
    monkeypatch.setattr(callbox, "configure", lambda: None)
    callbox.device_started(device())
    return callbox


def test_a_number_stays_in_service_while_its_device_is_saved(callbox: Callbox) -> None:
    callbox.device_stopped(device())
    assert callbox._numbers == {7: (OURS, True)}


def test_a_number_goes_out_of_service_with_its_device(callbox: Callbox) -> None:
    callbox._indigo.devices[7] = device(enabled=False)
    callbox.device_stopped(device())
    assert callbox._numbers == {}


def test_a_number_goes_with_its_deleted_device(callbox: Callbox) -> None:
    del callbox._indigo.devices[7]
    callbox.device_stopped(device())
    assert callbox._numbers == {}


def test_a_change_of_states_alone_does_not_have_people_read_anew(callbox: Callbox) -> None:
    before = callbox._changes
    callbox.device_updated(device(), device(states={"messageText": "hello"}))
    assert callbox._changes == before
    callbox.device_updated(device(), device(name="Mine"))
    assert callbox._changes == before + 1


def test_a_number_that_is_none_any_more_goes_out_of_service(callbox: Callbox) -> None:
    callbox.device_started(device(pluginProps={"twilioNumber": "nobody", "address": "nobody"}))
    assert callbox._numbers == {}
