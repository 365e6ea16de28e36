"""What Twilio checks before it buys or changes a number.

A parameter that can be changed needs a line in CHANGES: the field, and how its value is read.
"""

from collections.abc import Callable, Mapping

from callbox.simulator.api.ask import Ask
from callbox.simulator.api.parameters import LONGEST_NAME, sid
from callbox.simulator.api.refusal import Refusal
from callbox.simulator.api.url import is_url
from callbox.simulator.records.switchboard import Switchboard

METHODS = {"GET", "POST"}
ACCOUNT = sid("AC")
Value = str | bool | None
Read = Callable[[str, str], Value]


def _name(_parameter: str, text: str) -> str:
    if len(text) > LONGEST_NAME:
        raise Refusal(20002)
    return text


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


def _sid(prefix: str) -> Read:
    is_sid = sid(prefix)

    def read(parameter: str, text: str) -> str | None:
        if text and not is_sid(text):
            raise Refusal(20001, parameter=parameter)
        return text or None

    return read


def _one_of(*words: str) -> Read:
    def read(parameter: str, text: str) -> str:
        if text not in words:
            raise Refusal(20001, parameter=parameter)
        return text

    return read


CHANGES: Mapping[str, tuple[str, Read]] = {
    "FriendlyName": ("friendly_name", _name),
    "SmsUrl": ("sms_url", _url),
    "SmsMethod": ("sms_method", _method),
    "SmsFallbackUrl": ("sms_fallback_url", _url),
    "SmsFallbackMethod": ("sms_fallback_method", _method),
    "SmsApplicationSid": ("sms_application_sid", _sid("AP")),
    "VoiceUrl": ("voice_url", _url),
    "VoiceMethod": ("voice_method", _method),
    "VoiceFallbackUrl": ("voice_fallback_url", _url),
    "VoiceFallbackMethod": ("voice_fallback_method", _method),
    "VoiceApplicationSid": ("voice_application_sid", _sid("AP")),
    "TrunkSid": ("trunk_sid", _sid("TK")),
    "StatusCallback": ("status_callback", _callback),
    "StatusCallbackMethod": ("status_callback_method", _method),
    "ApiVersion": ("api_version", lambda _parameter, text: text),
    "VoiceCallerIdLookup": ("voice_caller_id_lookup", lambda _parameter, text: text == "true"),
    "VoiceReceiveMode": ("voice_receive_mode", _one_of("voice", "fax")),
    "EmergencyStatus": ("emergency_status", _one_of("Active", "Inactive")),
    "EmergencyAddressSid": ("emergency_address_sid", _sid("AD")),
    "AddressSid": ("address_sid", _sid("AD")),
    "BundleSid": ("bundle_sid", _sid("BU")),
    "IdentitySid": ("identity_sid", _sid("RI")),
}


def owner(board: Switchboard, ask: Ask) -> str:
    """Return the account that a number shall go to, empty if to none: one of the same family."""
    account = ask.text("AccountSid")
    if account and not ACCOUNT(account):
        raise Refusal(21470, account=account)
    family = board.accounts.get(ask.account_sid).owner_sid
    if account and account not in {each.sid for each in board.accounts.of(family)}:
        raise Refusal(21471, account=account)
    return account


def changes(ask: Ask) -> dict[str, Value]:
    """Return the fields to change, by name; Refusal if Twilio would refuse one."""
    return {
        field: read(parameter, ask.text(parameter))
        for parameter, (field, read) in CHANGES.items()
        if parameter in ask.params
    }
