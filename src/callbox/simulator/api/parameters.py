"""What the parameters of a request may hold, and Twilio's code for what they may not.

A parameter that is not in a table is not checked: Twilio ignores what it does not know. Empty is
not given. A new one needs a line in its table; its code is that of Twilio's error dictionary, or
20001, "Invalid parameter", where that has none of its own [this one is a guess].
"""

import json
import re
from collections.abc import Callable, Mapping

from callbox.simulator.api.ask import Ask
from callbox.simulator.api.refusal import Refusal
from callbox.simulator.api.url import is_url

Check = Callable[[str], bool]
Rules = Mapping[str, tuple[Check, int]]
LONGEST_NAME = 64
LONGEST_SIP = 255


def _one_of(*words: str) -> Check:
    return frozenset(words).__contains__


def _any_case(*words: str) -> Check:
    known = frozenset(words)
    return lambda text: text.lower() in known


def _whole(least: int, most: int) -> Check:
    return lambda text: (
        text.isdecimal() and len(text) <= len(str(most)) and least <= int(text) <= most
    )


def _shorter(most: int) -> Check:
    return lambda text: len(text) <= most


def _like(pattern: str) -> Check:
    found = re.compile(pattern).fullmatch
    return lambda text: found(text) is not None


def sid(prefix: str) -> Check:
    """Tell SIDs of a kind from everything else."""
    return _like(prefix + "[0-9a-fA-F]{32}")


def _is_price(text: str) -> bool:
    return re.fullmatch(r"\d+(?:\.\d*)?|\.\d+", text) is not None


def _is_variables(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


METHOD = _any_case("get", "post")
CALL_STATUSES = _one_of(
    "queued", "ringing", "in-progress", "completed", "busy", "failed", "no-answer", "canceled"
)

FRIENDLY_NAME: Rules = {"FriendlyName": (_shorter(LONGEST_NAME), 20002)}
LIST_ACCOUNTS: Rules = {"Status": (_one_of("active", "suspended", "closed"), 20001)}
LIST_CALLS: Rules = {
    "Status": (CALL_STATUSES, 20001),
    "ParentCallSid": (sid("CA"), 20001),
}
LIST_NUMBERS: Rules = {"Origin": (_one_of("twilio", "hosted"), 20001)}
FEEDBACK: Rules = {"Outcome": (_one_of("confirmed", "unconfirmed"), 20001)}
MESSAGE: Rules = {
    "ApplicationSid": (sid("AP"), 21218),
    "MaxPrice": (_is_price, 21627),
    "ContentRetention": (_one_of("retain", "discard"), 30029),
    "AddressRetention": (_one_of("retain", "obfuscate"), 30030),
    "ContentSid": (sid("HX"), 21655),
    "ContentVariables": (_is_variables, 21656),
    "TrafficType": (_one_of("free"), 20001),
    "RiskCheck": (_one_of("enable", "disable"), 20001),
    "ScheduleType": (_one_of("fixed"), 35126),
}
CALL: Rules = {
    "Method": (METHOD, 21209),
    "FallbackUrl": (is_url, 21205),
    "FallbackMethod": (METHOD, 21209),
    "StatusCallbackMethod": (METHOD, 21209),
    "SendDigits": (_like(r"[0-9A-D#*wW]{1,32}"), 21206),
    "Timeout": (_whole(1, 600), 21208),
    "TimeLimit": (_whole(1, 86_400), 20001),
    "RecordingStatusCallback": (is_url, 21205),
    "RecordingStatusCallbackMethod": (METHOD, 21209),
    "SipAuthUsername": (_shorter(LONGEST_SIP), 21221),
    "SipAuthPassword": (_shorter(LONGEST_SIP), 21223),
    "MachineDetection": (_any_case("enable", "detectmessageend"), 21234),
    "MachineDetectionTimeout": (_whole(3, 59), 21234),
    "MachineDetectionSpeechThreshold": (_whole(1000, 6000), 21234),
    "MachineDetectionSpeechEndThreshold": (_whole(500, 5000), 21234),
    "MachineDetectionSilenceTimeout": (_whole(2000, 10_000), 21234),
    "AsyncAmdStatusCallback": (is_url, 21205),
    "AsyncAmdStatusCallbackMethod": (METHOD, 21209),
    "ApplicationSid": (sid("AP"), 21218),
    "Byoc": (sid("BY"), 20001),
    "ClientNotificationUrl": (is_url, 21205),
}
UPDATE_CALL: Rules = {
    name: CALL[name]
    for name in ("Method", "FallbackUrl", "FallbackMethod", "StatusCallbackMethod", "TimeLimit")
}


def check(ask: Ask, rules: Rules) -> None:
    """Refusal if a parameter holds what it may not."""
    for name in ask.params:
        rule = rules.get(name)
        if rule and not all(not text or rule[0](text) for text in ask.every(name)):
            value = ask.text(name)
            reason = f"{name} is not valid: {value}"
            raise Refusal(rule[1], parameter=name, value=value, reason=reason)
