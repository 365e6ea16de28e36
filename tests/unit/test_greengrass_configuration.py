import json
from pathlib import Path
from typing import Any

import pytest

from callbox.errors import ConfigError
from callbox.greengrass.configuration import Setup, setup_of
from callbox.greengrass.secret import read_token

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:greengrass-TwilioAuthToken-a1B2c3"
SID = "AC" + "0" * 32
V1 = {
    "TWILIO_ACCOUNT_SID": SID,
    "TwilioAuthTokenSecretArn": ARN,
    "TwilioAuthTokenSecretArn-ResourceId": "MyTwilioSecret",
    "DefaultFromPhoneNumber": "+19999999999",
    "IsolationMode": "NoContainer",
    "PythonPath": "",
    "RequireIsolation": "false",
    "accessControl": {"aws.greengrass.ipc.pubsub": {"x:pubsub:1": {"operations": ["*"]}}},
}
TOKEN = "0123456789abcdef0123456789abcdef"


def setup(environ: dict[str, str] | None = None, **more: Any) -> Setup:  # noqa: ANN401 - JSON
    return setup_of(V1 | more, environ or {}, Path("/work/folder"), TOKEN)


def faults(environ: dict[str, str] | None = None, **more: Any) -> list[str]:  # noqa: ANN401 - JSON
    with pytest.raises(ConfigError) as caught:
        setup(environ, **more)
    return caught.value.faults


def test_v1s_parameters_configure_the_gateway() -> None:
    found = setup()
    twilio = found.config.twilio
    assert (twilio.account_sid, twilio.default_from_number) == (SID, "+19999999999")
    assert found.config.greengrass.isolation_mode == "NoContainer"
    assert found.secret == ARN
    assert twilio.login[1].get_secret_value() == TOKEN


def test_the_store_is_in_the_components_work_folder() -> None:
    assert setup().config.store.path == Path("/work/folder/callbox.sqlite3")
    elsewhere = setup(store={"url": "sqlite:///data/callbox.db"})
    assert elsewhere.config.store.path == Path("/data/callbox.db")


def test_no_broker_is_served_unless_one_is_named() -> None:
    assert not setup().broker
    assert not setup(mqtt={"base_topic": "site/twilio"}).broker
    assert setup(mqtt={"url": "mqtt://127.0.0.1:1884"}).broker
    assert setup({"CALLBOX_MQTT__URL": "mqtt://127.0.0.1:1884"}).broker


@pytest.mark.parametrize("number", ["30", 30, 30.0])
def test_numbers_come_as_text_as_integers_or_as_floats(number: object) -> None:
    config = setup(limits={"per_recipient_hour": number}, delivery={"expires_after": number}).config
    assert (config.limits.per_recipient_hour, config.delivery.expires_after) == (30, 30.0)


def test_a_pin_that_became_a_float_is_the_pin_that_was_meant() -> None:
    rule = {"exact": "gate open", "pin": 4711.0, "from": ["Darla"], "reply": "ok"}
    config = setup(contacts={"Darla": "+12345000000"}, inbound={"rules": [rule]}).config
    pin = config.inbound.rules[0].pin
    assert pin is not None
    assert pin.get_secret_value() == "4711"


def test_a_truth_value_is_read() -> None:
    assert setup(inbound={"delete": True}).config.inbound.delete is True


def test_callboxs_own_keys_count_more_than_v1s() -> None:
    config = setup(twilio={"default_from_number": "+15550001111"}).config
    assert config.twilio.default_from_number == "+15550001111"


def test_a_variable_counts_more_than_the_deployment() -> None:
    config = setup({"CALLBOX_TWILIO__DEFAULT_FROM_NUMBER": "+15550002222"}).config
    assert config.twilio.default_from_number == "+15550002222"


def test_a_token_from_elsewhere_leaves_the_secret_unread(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("another\n")
    found = setup(twilio={"auth_token_file": str(file)})
    assert found.secret is None
    assert found.config.twilio.login[1].get_secret_value() == "another"
    assert setup({"TWILIO_AUTH_TOKEN": "third"}).secret is None


def test_a_fault_names_the_parameter_it_came_by() -> None:
    (sentence,) = faults(DefaultFromPhoneNumber="12345")
    assert sentence.startswith("DefaultFromPhoneNumber: ")
    assert "+12345000000" in sentence


def test_a_number_that_v1_took_and_twilio_would_not_is_told_by_v1s_name() -> None:
    (sentence,) = faults(DefaultFromPhoneNumber="+0123")
    assert "DefaultFromPhoneNumber" in sentence


def test_without_secret_or_token_the_arn_is_what_is_asked_for() -> None:
    assert any("TwilioAuthTokenSecretArn" in each for each in faults(TwilioAuthTokenSecretArn=""))


def test_v1s_placeholder_arn_is_a_fault_that_names_it() -> None:
    placeholder = "arn:aws:secretsmanager:region:account-id:secret:greengrass-secret-hash"
    found = faults(TwilioAuthTokenSecretArn=placeholder)
    assert any(each.startswith("TwilioAuthTokenSecretArn: ") for each in found)


def test_an_unknown_key_is_a_fault_with_the_key_that_was_meant() -> None:
    (sentence,) = faults(delivery={"retry_delay": 3})
    assert "component configuration" in sentence
    assert "did you mean delivery.retry_delays?" in sentence


def test_a_section_that_is_none_is_a_fault() -> None:
    assert faults(mqtt="mqtt://127.0.0.1")


def test_every_fault_is_told_at_once() -> None:
    found = faults(IsolationMode="Docker", limits={"per_day": "many"}, nonsense=1)
    assert len(found) == 3


def test_no_fault_repeats_a_token_in_the_place_of_its_arn() -> None:
    assert not any(TOKEN in each for each in faults(TwilioAuthTokenSecretArn=TOKEN))


@pytest.mark.parametrize("value", [TOKEN, TOKEN.encode()])
def test_a_token_alone_is_read_without_a_word(value: str | bytes) -> None:
    assert read_token(ARN, value) == (TOKEN, None)


@pytest.mark.parametrize(
    "value",
    [
        f"{TOKEN}\n",
        f" {TOKEN}\r\n",
        f'"{TOKEN}"',
        f"'{TOKEN}'",
        json.dumps({"token": TOKEN}),
        json.dumps({"TwilioAuthToken": f"{TOKEN}\n"}, indent=2),
        b"\xef\xbb\xbf" + f'"{TOKEN}"\n'.encode(),
    ],
)
def test_a_token_that_is_nearly_alone_is_read_with_a_warning(value: str | bytes) -> None:
    token, warning = read_token(ARN, value)
    assert token == TOKEN
    assert warning is not None
    assert "Plaintext tab" in warning
    assert TOKEN not in warning


@pytest.mark.parametrize(
    "value",
    [
        "",
        "\n",
        '""',
        b"\x00\xff\x00",
        json.dumps({"sid": "AC1", "token": TOKEN}),
        json.dumps([TOKEN]),
        json.dumps({"token": {"value": TOKEN}}),
        json.dumps({"token": 12345}),
        f"token = {TOKEN}",
        f"{TOKEN}\n{TOKEN}",
        '{"token": "' + TOKEN,
        "[" * 100_000,
        "x" * 5_000,
    ],
)
def test_anything_else_is_a_fault_that_names_the_plaintext_tab(value: str | bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        read_token(ARN, value)
    (sentence,) = caught.value.faults
    assert "Plaintext tab" in sentence
    assert ARN in sentence
    assert TOKEN not in sentence
