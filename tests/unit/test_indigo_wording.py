"""What the owner of a home reads in the Event Log is in the words of his dialogs."""

import logging

from callbox.indigo.wording import InWords, in_words


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
