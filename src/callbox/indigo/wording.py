"""The log in the words of Indigo's dialogs, with every phone number masked, one line an event."""

import logging
import re

from callbox.domain.phone import mask_numbers
from callbox.logs import CONTROLS

ACTIONS = {
    "sendSMS": "Send Text Message (SMS)",
    "sendMMS": "Send Picture Message (MMS)",
    "voiceCall": "Place a Music Call",
    "voiceMessage": "Place a Message Call",
    "doFlowAction": "Place Flow Request",
    "replySMS": "Reply to Last Sender",
    "askQuestion": "Ask a Question (Yes or No)",
}
SETTINGS = {
    "accountSID": "Account SID",
    "authToken": "Auth Token",
    "pollFrequency": "Check for new messages (minutes)",
    "logLevel": "Event Logging Level",
    "checkAccess": "Access levels",
    "maxAge": "Oldest text to act on (minutes)",
    "receiveUrl": "Webhook URL at Twilio",
    "dryRun": "Dry run",
    "mqttUrl": "MQTT broker",
    "mqttUser": "MQTT user",
    "mqttPassword": "MQTT password",
}
_WORDS = {
    "http.public_url": "Webhook URL at Twilio",
    "inbound.max_age": "Oldest text to act on",
    "inbound.numbers": "a Twilio Number device",
    "inbound.polling": "Check for new messages",
    "limits.per_day": "the limit of a day",
    "limits.per_recipient_hour": "the limit of an hour for one number",
    "limits.waiting": "the limit of what may wait",
    "mqtt.url": "MQTT broker",
    "store.url": "the database",
    "twilio.account_sid": "Account SID",
    "twilio.auth_token": "Auth Token",
    "twilio.base_url": "the address of Twilio",
    "twilio.default_from_number": "the Twilio Number device",
}
_KEYS = re.compile("|".join(map(re.escape, sorted(_WORDS, key=len, reverse=True))))


class InWords(logging.Filter):
    """Rewrites what is logged; to be added to a handler."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything pass, in the owner's words."""
        text = record.getMessage()
        worded = in_words(mask_numbers(text)).translate(CONTROLS)
        if worded != text:
            record.msg, record.args = worded, ()
        return True


def in_words(text: str) -> str:
    """Give a sentence with the labels of Indigo's dialogs in place of configuration keys."""
    return _KEYS.sub(lambda key: f"'{_WORDS[key[0]]}'", text)
