"""The Indigo plugin's preferences: read, checked, migrated and made into a configuration."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callbox.indigo.mistake import Mistake
from callbox.indigo.preferences import Preferences, config_of, faults, migrated

SID, TOKEN, SECRET = "AC" + "0a" * 16, "t0ken" * 6, "p4ssword"
LOGIN = {"accountSID": SID, "authToken": TOKEN}
OLD = LOGIN | {
    "pollFrequency": "5",
    "logLevel": "10",
    "lastMessageStamp": "2024-01-01 00:00:00",
}
STORE = Path("/Library/Application Support/Indigo 2025.2/callbox.sqlite3")
OURS = "+19999999999"


def read(**prefs: object) -> Preferences:
    return Preferences.read(LOGIN | prefs)


# --- reading -------------------------------------------------------------------------------------


def test_a_new_installation_is_as_shipped() -> None:
    assert Preferences.read({}) == Preferences(
        account_sid="",
        auth_token="",
        poll_minutes=10.0,
        log_level=20,
        check_access=False,
        max_age_minutes=60.0,
        receive_url="",
        dry_run=False,
        mqtt_url="",
        mqtt_user="",
        mqtt_password="",
    )


def test_each_field_is_read_into_its_own_place() -> None:
    found = read(
        pollFrequency="3",
        logLevel="40",
        checkAccess=True,
        maxAge="7",
        receiveUrl="https://house.example.com/receive",
        dryRun=True,
        mqttUrl="mqtt://broker:1883",
        mqttUser="user",
        mqttPassword=SECRET,
    )
    assert found == Preferences(
        account_sid=SID,
        auth_token=TOKEN,
        poll_minutes=3.0,
        log_level=40,
        check_access=True,
        max_age_minutes=7.0,
        receive_url="https://house.example.com/receive",
        dry_run=True,
        mqtt_url="mqtt://broker:1883",
        mqtt_user="user",
        mqtt_password=SECRET,
    )


def test_what_the_old_plugin_kept_is_read() -> None:
    found = Preferences.read(OLD | migrated(OLD))
    assert (found.account_sid, found.auth_token) == (SID, TOKEN)
    assert (found.poll_minutes, found.log_level) == (5.0, 10)


@pytest.mark.parametrize(("value", "read_as"), [(True, True), ("true", True), ("false", False)])
def test_a_checkbox_is_read_in_either_form(value: object, read_as: bool) -> None:
    assert read(checkAccess=value).check_access is read_as


def test_credentials_are_read_without_the_blanks_they_were_pasted_with() -> None:
    found = read(accountSID=f" {SID}\n", authToken=f"{TOKEN} ")
    assert (found.account_sid, found.auth_token) == (SID, TOKEN)


def test_a_bad_value_is_as_shipped_and_told() -> None:
    bad = {
        "pollFrequency": "often",
        "maxAge": "-1",
        "logLevel": "verbose",
        "receiveUrl": "http://x",
        "mqttUrl": "x",
        "checkAccess": "maybe",
        "dryRun": None,
    }
    found = Preferences.read(LOGIN | bad)
    assert found == Preferences.read(LOGIN)
    assert set(faults(LOGIN | bad)) == set(bad) - {"dryRun"}


@given(
    st.dictionaries(
        st.sampled_from([*OLD, "maxAge", "checkAccess", "receiveUrl", "dryRun", "mqttUrl"]),
        st.one_of(st.text(), st.booleans(), st.integers(), st.none(), st.floats()),
    )
)
def test_whatever_indigo_kept_is_read_and_checked_without_an_error(prefs: dict[str, Any]) -> None:
    preferences = Preferences.read(prefs)
    faults(prefs)
    migrated(prefs)
    config_of(preferences, (), STORE, None)


def test_original_defect_5_the_log_level_is_a_number() -> None:
    assert read(logLevel="10").log_level == 10
    assert read(logLevel=30).log_level == 30


# --- the dialog ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("accountSID", [SID, "AC" + "x" * 28], ["", "AC1", "SK" + "0" * 32]),
        ("authToken", [TOKEN], ["", "short"]),
        ("pollFrequency", ["0", "0.5", " 60 ", 10], ["", "-1", "often", "nan", "inf", "1e99"]),
        ("maxAge", ["0", "60", "1.5"], ["", "-1", "old", "nan"]),
        ("logLevel", ["10", "20", "30", "40", "50", 20], ["", "0", "25", "INFO"]),
        (
            "receiveUrl",
            ["", "https://me.indigodomo.net/message/x/receive?api-key=k@", "https://me.example:8176"],
            [
                "http://me.example",
                "me.example",
                "https://",
                "https://me:k@me.example",
                "https://[",
                "https://my_home.example/receive",
                "https://me.example/#receive",
            ],
        ),
        (
            "mqttUrl",
            ["", "mqtt://broker", "mqtts://broker:8883/", "mqtt://[::1]:1883"],
            [
                "broker",
                "http://broker",
                "embedded://127.0.0.1",
                "mqtt://me:secret@broker",
                "mqtt://broker/home",
                "mqtt://broker:99999",
                "mqtt://broker?x",
                "mqtt://",
            ],
        ),
    ],
)  # fmt: skip
def test_each_field_is_checked(name: str, good: list[object], bad: list[object]) -> None:
    for value in good:
        assert faults(LOGIN | {name: value}) == {}, value
    for value in bad:
        found = faults(LOGIN | {name: value})
        assert list(found) == [name], value
        assert "; expected " in found[name]


def test_missing_fields_count_as_shipped() -> None:
    assert faults(LOGIN) == {}
    assert set(faults({})) == {"accountSID", "authToken"}


@pytest.mark.parametrize("dry", [True, "true"])
def test_a_dry_run_needs_no_account(dry: object) -> None:
    assert faults({"dryRun": dry}) == {}
    assert list(faults({"dryRun": dry, "accountSID": "SK1"})) == ["accountSID"]


# --- upgrading -----------------------------------------------------------------------------------


def test_an_upgraded_installation_behaves_as_before() -> None:
    added = migrated(OLD)
    found = Preferences.read(OLD | added)
    assert found.max_age_minutes == 0
    assert (found.check_access, found.dry_run, found.mqtt_url) == (False, False, "")


def test_nothing_is_changed_that_the_old_plugin_has_set() -> None:
    assert set(migrated(OLD)).isdisjoint(OLD)
    assert migrated(OLD | {"mqttUrl": "mqtt://b"}).keys().isdisjoint({"mqttUrl"})


@pytest.mark.parametrize("prefs", [{}, {"accountSID": ""}, LOGIN | {"maxAge": "60"}])
def test_only_an_upgraded_installation_is_migrated(prefs: dict[str, object]) -> None:
    assert migrated(prefs) == {}


def test_an_installation_is_migrated_once() -> None:
    assert migrated(OLD | migrated(OLD)) == {}


# --- the configuration ---------------------------------------------------------------------------


def test_the_configuration_follows_from_the_preferences() -> None:
    preferences = read(
        pollFrequency="0.5", maxAge="2", mqttUrl="mqtts://b", mqttUser="me", mqttPassword=SECRET
    )
    config = config_of(preferences, (OURS,), STORE, None, (OURS,))
    assert config.twilio.account_sid == SID
    assert config.twilio.auth_token is not None
    assert config.twilio.auth_token.get_secret_value() == TOKEN
    assert config.twilio.base_url is None
    assert (config.inbound.numbers, config.inbound.delete_from) == ((OURS,), (OURS,))
    assert config.inbound.delete is False
    assert (config.polls_every, config.inbound.max_age) == (30.0, 120.0)
    assert (config.http.port, config.http.public_url) == (0, None)
    assert config.store.path == STORE
    assert (config.mqtt.url, config.mqtt.username) == ("mqtts://b", "me")
    assert config.mqtt.password is not None
    assert config.mqtt.password.get_secret_value() == SECRET


def test_webhooks_come_in_where_they_are_to_beside_the_polling_that_is_set() -> None:
    url = "https://me.indigodomo.net/message/x/receive"
    config = config_of(read(pollFrequency="5"), (OURS,), STORE, None, public_url=url)
    assert (config.http.public_url, config.polls_every) == (url, 300.0)
    with pytest.raises(Mistake, match=r"^receiveUrl: ") as caught:
        config_of(read(), (OURS,), STORE, None, public_url="https://my_home.example")
    assert caught.value.field == "receiveUrl"


@pytest.mark.parametrize("minutes", ["0", "0.0"])
def test_no_minutes_of_polling_are_none_at_all(minutes: str) -> None:
    config = config_of(read(pollFrequency=minutes), (OURS,), STORE, None)
    assert config.polls_every is None


def test_twilio_is_asked_once_a_second_at_most() -> None:
    assert config_of(read(pollFrequency="0.0001"), (OURS,), STORE, None).polls_every == 1.0


def test_no_longest_age_is_any_age() -> None:
    assert config_of(read(maxAge="0"), (), STORE, None).inbound.max_age > 3600 * 24 * 365


@pytest.mark.parametrize(
    ("level", "word"),
    [("10", "DEBUG"), ("20", "INFO"), ("30", "WARNING"), ("40", "ERROR"), ("50", "ERROR")],
)
def test_every_log_level_is_one_of_the_engines(level: str, word: str) -> None:
    assert config_of(read(logLevel=level), (), STORE, None).log.level == word


def test_a_dry_run_goes_to_the_simulator_with_or_without_an_account() -> None:
    url = "http://127.0.0.1:8123"
    config = config_of(Preferences.read({"dryRun": True}), (OURS,), STORE, url)
    assert config.twilio.base_url == url
    assert config.twilio.account_sid == "AC" + "0" * 32
    assert config.twilio.auth_token
    assert config_of(read(dryRun=True), (), STORE, url).twilio.account_sid == SID


def test_the_environment_has_no_part_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = config_of(read(), (OURS,), STORE, None)
    for name in ("CALLBOX_TWILIO__ACCOUNT_SID", "TWILIO_ACCOUNT_SID", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, "/other")
    assert os.environ["TWILIO_ACCOUNT_SID"] == "/other"
    assert config_of(read(), (OURS,), STORE, None) == before


def test_a_wrong_number_is_a_mistake_that_says_where() -> None:
    with pytest.raises(Mistake, match=r"^inbound.numbers.1: expected a phone number like"):
        config_of(read(), (OURS, "999"), STORE, None)


def test_a_mistake_is_told_at_its_field_without_the_value() -> None:
    preferences = read(mqttUrl="mqtt://b", mqttUser=f"me\x01{SECRET}")
    with pytest.raises(Mistake) as caught:
        config_of(preferences, (), STORE, None)
    assert caught.value.field == "mqttUser"
    assert caught.value.sentence.startswith("mqttUser: it has a control character; expected ")
    assert SECRET not in caught.value.sentence


def test_no_secret_is_told_with_the_preferences() -> None:
    url = f"https://me.example/?api-key={SECRET}"
    shown = repr(read(receiveUrl=url, mqttUser=SECRET, mqttPassword=SECRET))
    assert TOKEN not in shown
    assert SECRET not in shown
    assert TOKEN not in repr(config_of(read(), (OURS,), STORE, None))
