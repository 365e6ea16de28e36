"""V1's parameters take what the connector's page says, and never repeat what they refuse."""

import os
import re
from pathlib import Path

import pytest

from callbox.greengrass.parameters import ACCOUNT_SID, NEWEST, PARAMETERS, faults, is_set, unset

PAGE = Path(__file__).parents[3] / "shared/contract/greengrass-twilio-notifications-connector.md"
TOKEN = "0123456789abcdef" * 2
ARN = "arn:aws:secretsmanager:us-west-2:123456789012:secret:greengrass-TwilioAuthToken-a1B2c3"
GOOD: dict[str, object] = {
    "TWILIO_ACCOUNT_SID": "abcd12345xyz",
    "TwilioAuthTokenSecretArn": ARN,
    "TwilioAuthTokenSecretArn-ResourceId": "MyTwilioSecret",
    "DefaultFromPhoneNumber": "+19999999999",
    "IsolationMode": "NoContainer",
}


@pytest.mark.skipif(
    not PAGE.exists() and "CI" not in os.environ, reason="V1's page is not beside the clone"
)
def test_the_table_is_that_of_the_page() -> None:
    newest, older = PAGE.read_text().split("#### [ Version 1 \\- 4 ]")
    told: dict[str, tuple[str, bool, int]] = {}
    for since, text in ((1, older), (NEWEST, newest)):
        for name, body in re.findall(
            r"^`([\w-]+)`  <a name(.*?)(?=^`|^#|\Z)", text, re.MULTILINE | re.DOTALL
        ):
            pattern = re.search(r"^Valid pattern: `(.*)`", body, re.MULTILINE)
            required = re.search(r"^Required: `(true|false)`", body, re.MULTILINE)
            assert pattern
            assert required
            told.setdefault(name, (pattern[1], required[1] == "true", since))
    assert told == {each.name: (each.pattern, each.required, each.since) for each in PARAMETERS}


def test_what_v1_took_has_no_fault() -> None:
    assert faults(GOOD) == []
    assert faults(GOOD | {"DefaultFromPhoneNumber": "", "IsolationMode": ""}) == []
    only = {each.name: GOOD[each.name] for each in PARAMETERS if each.required}
    assert faults(only) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TWILIO_ACCOUNT_SID", "AC1\nAC2"),
        ("TWILIO_ACCOUNT_SID", 12345.0),
        ("TWILIO_ACCOUNT_SID", TOKEN),
        ("TwilioAuthTokenSecretArn", TOKEN),
        ("TwilioAuthTokenSecretArn", f"{ARN} "),
        ("TwilioAuthTokenSecretArn", f"{ARN}\n"),
        ("TwilioAuthTokenSecretArn", ARN.replace("123456789012", "account-id")),
        ("TwilioAuthTokenSecretArn", f"{ARN[:-6]}{'a/' * 40_000}!"),
        ("TwilioAuthTokenSecretArn", f"{ARN}{'a' * 2_000}"),
        ("TwilioAuthTokenSecretArn-ResourceId", True),
        ("DefaultFromPhoneNumber", "19999999999"),
        ("DefaultFromPhoneNumber", 12345000000),
        ("DefaultFromPhoneNumber", "+1234500000\n"),
        ("DefaultFromPhoneNumber", "+١٢٣٤٥"),
        ("IsolationMode", "nocontainer"),
        ("IsolationMode", "NoContainer\n"),
        ("IsolationMode", ["NoContainer"]),
    ],
)
def test_anything_else_is_one_sentence_that_names_the_parameter(name: str, value: object) -> None:
    (told,) = faults(GOOD | {name: value})
    assert told.startswith(f"{name}: ")
    assert "expected" in told
    assert told.endswith(".")
    assert "\n" not in told
    assert not isinstance(value, str) or value not in told


@pytest.mark.parametrize("value", [None, "", "  ", "\n"])
def test_what_is_empty_is_not_set_and_no_fault(value: object) -> None:
    assert not is_set(value)
    assert faults(dict.fromkeys(GOOD, value)) == []
    assert unset(ACCOUNT_SID).startswith("it is not set; expected the Account SID")


def test_names_that_are_not_of_v1_are_left_alone() -> None:
    assert faults(GOOD | {"PythonPath": "/usr/bin/python3", "delivery": {"x": 1}}) == []
