"""What Check set-up says of a home, without Twilio and Indigo."""

from collections.abc import Iterable
from typing import Any

import pytest

from callbox.indigo.checkup import Home, OwnNumber, changes, of_home, of_number
from callbox.indigo.preferences import Preferences
from callbox.indigo.triggers import FAILED, MESSAGE_RECEIVED, Trigger
from callbox.twilio.account import Finding
from callbox.twilio.numbers import Number

OURS, SHOWN = "+19999990100", "Number Our number (+1…0100)"
DEVICE = OwnNumber(101, "Our number", OURS)
HERE = "https://house.example.com/message/our.plugin"
NO_WAY = "Texts: none come in: set minutes, such as 10, or a webhook"


def home(minutes: int = 10, url: str | None = f"{HERE}/receive", **more: Any) -> Home:  # noqa: ANN401 - of Home
    preferences = Preferences.read({"pollFrequency": str(minutes)})
    return Home(preferences, more.pop("numbers", (DEVICE,)), url, **more)


def number(url: str, method: str = "POST", owners: dict[str, str] | None = None) -> Number:
    return Number("PN1", OURS, ("SMS",), {"sms_url": url, "sms_method": method}, owners or {})


def wrong(found: Iterable[Finding]) -> list[str]:
    return [each.sentence for each in found if each.wrong]


@pytest.mark.parametrize(
    ("minutes", "url", "errors"),
    [(10, None, []), (0, f"{HERE}/receive", []), (0, None, [NO_WAY])],
)
def test_no_way_at_all_is_an_error(minutes: int, url: str | None, errors: list[str]) -> None:
    assert wrong(of_home(home(minutes, url))) == errors


@pytest.mark.parametrize(
    ("url", "says", "is_wrong"),
    [
        ("", "calls no webhook; texts come by asking", False),
        (f"{HERE}/receive?api-key=K", "webhook comes here", False),
        (f"{HERE}/receive", "has no api-key, so Indigo turns it away", True),
        (f"{HERE}/receive?api-key=", "has no api-key, so Indigo turns it away", True),
        (f"{HERE}/ping?api-key=K", "only has Indigo ask for texts", False),
        (f"{HERE}/check_messages?api_key=K", "only has Indigo ask for texts", False),
        (f"{HERE}/ping", "has no api-key, so Indigo turns it away", True),
        ("https://a.example.com/x", f"to a.example.com; expected {HERE}/receive", False),
    ],
)
def test_an_address_at_twilio_is_judged(url: str, says: str, is_wrong: bool) -> None:
    found = of_number(home(), DEVICE, number(url))
    assert found.sentence.startswith(f"{SHOWN}: Twilio")
    assert says in found.sentence
    assert found.wrong == is_wrong


@pytest.mark.parametrize("url", ["", "https://a.example.com/x"])
def test_a_number_without_webhook_hears_nothing_where_nobody_asks(url: str) -> None:
    found = of_number(home(minutes=0), DEVICE, number(url))
    assert found.wrong
    assert "by asking" not in found.sentence
    told_already = of_number(home(minutes=0, url=None), DEVICE, number(url))
    assert (told_already.wrong, told_already.unsure) == (False, True)


def test_the_key_of_the_set_address_is_compared_and_not_shown() -> None:
    there = home(url=f"{HERE}/receive?api-key=SECRET")
    assert not of_number(there, DEVICE, number(f"{HERE}/receive?api-key=SECRET")).wrong
    other = of_number(there, DEVICE, number(f"{HERE}/receive?api-key=OTHER"))
    assert other.wrong
    assert "another key" in other.sentence
    elsewhere = of_number(there, DEVICE, number("https://a.example.com/x"))
    assert "SECRET" not in other.sentence + elsewhere.sentence + repr(there)


def test_of_two_devices_with_one_number_the_one_that_hears_is_named() -> None:
    twins = (OwnNumber(1, "A", OURS), OwnNumber(2, "B", OURS, enabled=False))
    told = wrong(of_home(home(numbers=twins, hears={OURS: 1})))
    assert told == ["A and B have one number; only A hears it: delete one"]
    told = wrong(of_home(home(numbers=twins)))
    assert told == ["A and B have one number: delete one"]


def test_a_device_without_a_usable_number_is_named() -> None:
    devices = (OwnNumber(1, "Empty", ""), OwnNumber(2, "Bad", "555-123-4567"))
    assert wrong(of_home(home(numbers=devices))) == [
        "Number Empty: has no phone number; enter it in the device",
        "Number Bad (…4567): is no phone number; correct it in the device",
    ]


def test_a_trigger_whose_device_is_gone_is_told_so_instead_of_a_change() -> None:
    triggers = [
        Trigger(1, "Mine", MESSAGE_RECEIVED, 101),
        Trigger(2, "Gone", MESSAGE_RECEIVED, 7),
        Trigger(3, "News", FAILED, 7),
    ]
    found = list(changes(triggers, {101}))
    assert found[0].sentence.startswith("Trigger Mine: It fired for texts to every number before")
    assert wrong(found) == [
        f"Trigger {name}: its number's device is gone, so it never fires; choose a number or Any"
        for name in ("Gone", "News")
    ]
