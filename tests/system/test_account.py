"""What is asked of Twilio at start, against the simulator."""

from dataclasses import replace

import pytest

from callbox.config import load_config
from callbox.service import inquiry
from callbox.simulator import Settings, start
from callbox.twilio.account import Finding

ACCOUNT = "AC" + "a" * 32
KEY = {"CALLBOX_TWILIO__API_KEY_SID": "SK" + "b" * 32, "CALLBOX_TWILIO__API_KEY_SECRET": "secret"}

Faults = list[dict[str, object]]


async def findings(
    settings: Settings | None = None,
    faults: Faults | None = None,
    variables: dict[str, str] | None = None,
) -> list[Finding]:
    async with await start(settings=settings) as simulator:
        simulator.faults.set(faults or [])
        environment = {
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": "token",
            "CALLBOX_TWILIO__BASE_URL": simulator.url,
            "CALLBOX_TWILIO__DEFAULT_FROM_NUMBER": "+15005550006",
            **(variables or {}),
        }
        async with inquiry(load_config(None, environment)) as asking:
            return await asking.findings()


async def test_a_full_account_and_its_number_are_well() -> None:
    account, sender = await findings()
    assert account == Finding(f"Twilio account: {ACCOUNT}, active")
    assert sender == Finding("Sender: +1…0006, SMS, MMS, voice")


async def test_a_trial_account_says_whom_it_reaches() -> None:
    account, _ = await findings(Settings(trial=True))
    assert "Verified Caller IDs" in account.sentence
    assert not account.wrong


async def test_an_api_key_that_may_not_read_the_account_is_fine() -> None:
    account, sender = await findings(variables=KEY)
    assert account.sentence.endswith("active (the API key may not read more of it)")
    assert not account.wrong
    assert not sender.wrong


async def test_wrong_credentials_are_said_with_the_remedy() -> None:
    (finding,) = await findings(Settings(credentials={ACCOUNT: "another"}))
    assert finding.wrong
    assert "code 20003" in finding.sentence
    assert "Twilio Console" in finding.sentence


async def test_a_number_of_somebody_else_is_said_with_ours() -> None:
    _, sender = await findings(variables={"CALLBOX_TWILIO__DEFAULT_FROM_NUMBER": "+19999999999"})
    assert sender.wrong
    assert "no number of this account" in sender.sentence
    assert "+1…0006, +1…4321" in sender.sentence


async def test_numbers_are_whole_for_whoever_has_to_type_them() -> None:
    async with await start() as simulator:
        environment = {
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": "token",
            "CALLBOX_TWILIO__BASE_URL": simulator.url,
            "CALLBOX_TWILIO__DEFAULT_FROM_NUMBER": "+19999999999",
        }
        async with inquiry(load_config(None, environment)) as asking:
            _, sender = await replace(asking, shown=str).findings()
    assert "+19999999999 is no number" in sender.sentence
    assert "+15005550006, +15557654321" in sender.sentence


@pytest.mark.parametrize(("sender", "kind"), [("Tank 7", "a name"), ("12345", "a short code")])
async def test_a_sender_that_is_no_number_is_for_texts_only(sender: str, kind: str) -> None:
    _, finding = await findings(variables={"CALLBOX_TWILIO__DEFAULT_FROM_NUMBER": sender})
    assert f"{sender}, {kind}" in finding.sentence
    assert not finding.wrong


async def test_a_messaging_service_is_named() -> None:
    service = "MG" + "c" * 32
    found = await findings(variables={"CALLBOX_TWILIO__MESSAGING_SERVICE_SID": service})
    assert f"messaging service {service}" in found[1].sentence


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"html": True}, "Something else answers"),
        ({"html": True, "status": 502}, "HTTP status 502"),
        ({"drop": "before"}, "did not answer"),
        ({"status": 503}, "HTTP status 503"),
    ],
)
async def test_whatever_answers_instead_is_a_finding(fault: dict[str, object], words: str) -> None:
    (finding,) = await findings(faults=[{"on": "any", **fault}])
    assert finding.wrong
    assert words in finding.sentence
