"""What Twilio checks before it changes a number.

A parameter that can be changed needs a line in CHANGES: the field, and how its value is read.
"""

import re
from collections.abc import Callable, Mapping

from callbox.simulator.api.ask import Ask
from callbox.simulator.api.refusal import Refusal
from callbox.simulator.api.url import is_url

APPLICATION = re.compile(r"AP[0-9a-fA-F]{32}")
TRUNK = re.compile(r"TK[0-9a-fA-F]{32}")
METHODS = {"GET", "POST"}
Read = Callable[[str, str], str | None]


def _url(parameter: str, text: str) -> str:
    if text and not is_url(text):
        raise Refusal(21402, parameter=parameter)
    return text


def _callback(parameter: str, text: str) -> str:
    if text and not is_url(text):
        raise Refusal(21502, parameter=parameter)
    return text


def _method(parameter: str, text: str) -> str:
    if text.upper() not in METHODS:
        raise Refusal(21403, parameter=parameter)
    return text.upper()


def _sid(pattern: re.Pattern[str]) -> Read:
    def read(parameter: str, text: str) -> str | None:
        if text and not pattern.fullmatch(text):
            raise Refusal(20001, parameter=parameter)
        return text or None

    return read


CHANGES: Mapping[str, tuple[str, Read]] = {
    "FriendlyName": ("friendly_name", lambda _parameter, text: text),
    "SmsUrl": ("sms_url", _url),
    "SmsMethod": ("sms_method", _method),
    "SmsFallbackUrl": ("sms_fallback_url", _url),
    "SmsFallbackMethod": ("sms_fallback_method", _method),
    "SmsApplicationSid": ("sms_application_sid", _sid(APPLICATION)),
    "VoiceUrl": ("voice_url", _url),
    "VoiceMethod": ("voice_method", _method),
    "VoiceFallbackUrl": ("voice_fallback_url", _url),
    "VoiceFallbackMethod": ("voice_fallback_method", _method),
    "VoiceApplicationSid": ("voice_application_sid", _sid(APPLICATION)),
    "TrunkSid": ("trunk_sid", _sid(TRUNK)),
    "StatusCallback": ("status_callback", _callback),
    "StatusCallbackMethod": ("status_callback_method", _method),
}


def changes(ask: Ask) -> dict[str, str | None]:
    """Return the fields to change, by name; Refusal if Twilio would refuse one."""
    return {
        field: read(parameter, ask.text(parameter))
        for parameter, (field, read) in CHANGES.items()
        if parameter in ask.params
    }
