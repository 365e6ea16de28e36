"""What the owner of a home reads in the Event Log is in the words of his dialogs."""

import logging
import xml.etree.ElementTree as ET
from pathlib import Path

from callbox.indigo.wording import ACTIONS, SETTINGS, InWords, in_words

BUNDLE = (
    Path(__file__).parents[2] / "indigo" / "Callbox.indigoPlugin" / "Contents" / "Server Plugin"
)


def test_actions_and_settings_are_called_as_in_the_dialogs() -> None:
    actions = {
        each.get("id"): each.findtext("Name") for each in ET.parse(BUNDLE / "Actions.xml").getroot()
    }
    settings = {
        each.get("id"): (each.findtext("Label") or "").rstrip(":")
        for each in ET.parse(BUNDLE / "PluginConfig.xml").getroot()
        if each.get("type") not in {"label", "separator"}
    }
    assert {key: actions[key] for key in ACTIONS} == ACTIONS
    assert settings == SETTINGS


def test_a_phone_number_and_a_line_end_do_not_get_into_the_log() -> None:
    record = logging.LogRecord("callbox", 20, "", 1, "%s is asked\nagain", ("+12345000000",), None)
    assert InWords().filter(record)
    assert record.getMessage() == "+1…0000 is asked\\nagain"


def test_a_key_of_the_configuration_is_told_as_the_dialogs_label() -> None:
    told = in_words("http.public_url or twilio.auth_token may not be what Twilio has")
    assert told == "'Webhook URL at Twilio' or 'Auth Token' may not be what Twilio has"


def test_a_record_is_rewritten_with_its_arguments_and_others_are_left_alone() -> None:
    record = logging.LogRecord("callbox", 20, "", 1, "set %s: %s", ("twilio.auth_token", "x"), None)
    other = logging.LogRecord("callbox", 20, "", 1, "Text from %s", ("+1…0000",), None)
    assert InWords().filter(record)
    assert InWords().filter(other)
    assert record.getMessage() == "set 'Auth Token': x"
    assert other.args == ("+1…0000",)
