"""What TwiML for calls may consist of: verbs, their attributes, and what may be in them.

Twilio checks a document against its schema and warns; what does not fit is left out, and the rest
is done. That an unknown verb is left out too, as an unknown attribute is, is not documented.

A new verb needs an element in ELEMENTS, and an act in acts/table.py unless it is not simulated.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from callbox.simulator.records import address
from callbox.simulator.records.twiml import Verb

SCHEMA = 12200
"""Twilio's warning for whatever the schema does not know."""


class Flaw(NamedTuple):
    """What is wrong with a document, and the code that Twilio's debugger shows."""

    code: int
    sentence: str


class Rule(NamedTuple):
    """What the value of an attribute must be, and the code if it is not."""

    fits: Callable[[str], object]
    code: int = SCHEMA


@dataclass(frozen=True, slots=True)
class Element:
    """What an element may have."""

    free: str = ""
    """Attributes that may have any value."""
    ruled: dict[str, Rule] = field(default_factory=dict)
    """Attributes that may not."""
    children: str = ""

    def knows(self, name: str) -> bool:
        """Whether it has such an attribute."""
        return name in self.ruled or name in self.free.split()


def _one_of(*values: str) -> Callable[[str], bool]:
    return lambda text: text in values


COUNT = re.compile(r"\d{1,9}").fullmatch
COUNT_OR_AUTO = re.compile(r"\d{1,9}|auto").fullmatch
POSITIVE = re.compile(r"0*[1-9]\d{0,8}").fullmatch
TRUTH = re.compile(r"true|false", re.IGNORECASE).fullmatch
METHOD = _one_of("GET", "POST")
KEY = re.compile(r"[\d#*]?").fullmatch
KEYS = re.compile(r"[\d#*]*").fullmatch
TONES = re.compile(r"[\dA-D#*wW]*").fullmatch
INPUTS = _one_of("dtmf", "speech", "dtmf speech", "speech dtmf")
RECORDED = (
    *("do-not-record", "record-from-answer", "record-from-ringing", "true", "false"),
    *("record-from-answer-dual", "record-from-ringing-dual"),
)
TRIM = Rule(_one_of("trim-silence", "do-not-trim"), 13699)
EVENTS = "statusCallbackEvent statusCallback statusCallbackMethod"
DETECTION = (
    "machineDetection amdStatusCallbackMethod amdStatusCallback machineDetectionTimeout"
    " machineDetectionSpeechThreshold machineDetectionSpeechEndThreshold"
    " machineDetectionSilenceTimeout"
)
RECORDING = (
    "recordingStatusCallback recordingStatusCallbackMethod recordingConfigurationId recordingTrack"
)
RECORDING_EVENTS = Rule(re.compile(r"(?:(?:in-progress|completed|absent)\b ?)+").fullmatch, 13621)
SSML = "break emphasis lang p phoneme prosody s say-as sub w"

ELEMENTS: dict[str, Element] = {
    "Say": Element("voice language", {"loop": Rule(COUNT, 13510)}, SSML),
    "Play": Element("", {"loop": Rule(COUNT, 13410), "digits": Rule(TONES, 13430)}),
    "Pause": Element("", {"length": Rule(COUNT, 13910)}),
    "Gather": Element(
        "action partialResultCallback language hints debug speechModel enhanced",
        {
            "input": Rule(INPUTS, 13326),
            "method": Rule(METHOD, 13312),
            "timeout": Rule(COUNT, 13313),
            "finishOnKey": Rule(KEY, 13310),
            "numDigits": Rule(POSITIVE, 13314),
            "actionOnEmptyResult": Rule(TRUTH, 13338),
            "speechTimeout": Rule(COUNT_OR_AUTO, 13327),
            "maxSpeechTime": Rule(POSITIVE, 13328),
            "partialResultCallbackMethod": Rule(METHOD, 13329),
            "bargeIn": Rule(TRUTH, 13332),
            "profanityFilter": Rule(TRUTH, 13333),
        },
        "Say Play Pause",
    ),
    "Dial": Element(
        f"action trim {RECORDING} ringTone referUrl referMethod events passports callReason",
        {
            "method": Rule(METHOD, 13210),
            "timeout": Rule(POSITIVE, 13212),
            "hangupOnStar": Rule(TRUTH, 13213),
            "callerId": Rule(address.callee, 13214),
            "timeLimit": Rule(POSITIVE, 13216),
            "record": Rule(_one_of(*RECORDED), 13217),
            "sequential": Rule(TRUTH, 13218),
            "recordingStatusCallbackEvent": RECORDING_EVENTS,
            "answerOnBridge": Rule(TRUTH, 13219),
        },
        "Number Client Sip Sim WhatsApp Conference Queue Application",
    ),
    "Number": Element(
        f"url byoc {EVENTS} {DETECTION}",
        {"method": Rule(METHOD, 13221), "sendDigits": Rule(TONES, 13222)},
    ),
    "Client": Element(f"url method {EVENTS}", children="Identity Parameter"),
    "Sip": Element(f"username password url method {EVENTS} {DETECTION}", children="*"),
    "WhatsApp": Element(f"url method {EVENTS}"),
    "Sim": Element(),
    "Conference": Element(
        "muted beep startConferenceOnEnter endConferenceOnExit waitUrl waitMethod maxParticipants"
        f" record region coach trim {EVENTS} {RECORDING} recordingStatusCallbackEvent"
        " eventCallbackUrl jitterBufferSize participantLabel"
    ),
    "Queue": Element("url method reservationSid postWorkActivitySid"),
    "Application": Element(
        f"url method {EVENTS} customerId copyParentTo", children="ApplicationSid Parameter"
    ),
    "Record": Element(
        f"action {RECORDING} transcribe transcribeCallback",
        {
            "method": Rule(METHOD, 13610),
            "timeout": Rule(POSITIVE, 13611),
            "maxLength": Rule(POSITIVE, 13612),
            "finishOnKey": Rule(KEYS, 13613),
            "playBeep": Rule(TRUTH, 13616),
            "trim": TRIM,
            "recordingStatusCallbackEvent": RECORDING_EVENTS,
        },
    ),
    "Redirect": Element("", {"method": Rule(METHOD, 13710)}),
    "Hangup": Element(children="Parameter"),
    "Reject": Element("", {"reason": Rule(_one_of("rejected", "busy"), 13810)}, "Parameter"),
    "Sms": Element("to from action method statusCallback"),
    "Enqueue": Element(
        "action maxQueueSize method waitUrl waitUrlMethod workflowSid", children="Task"
    ),
    "Leave": Element(),
    "Echo": Element(),
    "Connect": Element("action method", children="*"),
    "Start": Element("action method", children="*"),
    "Stop": Element(children="*"),
    "Refer": Element("action method", children="*"),
    "Pay": Element(
        "input action bankAccountType statusCallback statusCallbackMethod timeout maxAttempts"
        " securityCode postalCode minPostalCodeLength paymentConnector paymentMethod tokenType"
        " chargeAmount currency description validCardTypes language",
        children="*",
    ),
    "Prompt": Element("for errorType cardType attempt requireMatchingInputs", children="*"),
}
VERBS = (
    *("Say", "Play", "Pause", "Gather", "Dial", "Record", "Redirect", "Hangup", "Reject"),
    *("Sms", "Enqueue", "Leave", "Queue", "Echo", "Connect", "Start", "Stop", "Refer", "Pay"),
    "Prompt",
)
"""What a Response may consist of."""


def checked(script: list[Verb]) -> tuple[list[Verb], list[Flaw]]:
    """Return what is left of a script once what Twilio does not take is out, and what that was."""
    flaws: list[Flaw] = []
    return list(_known(script, "Response", VERBS, flaws)), flaws


def _known(
    verbs: list[Verb] | tuple[Verb, ...],
    parent: str,
    known: tuple[str, ...],
    flaws: list[Flaw],
) -> Iterator[Verb]:
    for verb in verbs:
        if "*" in known or verb.name in known:
            yield _fitting(verb, flaws)
        else:
            flaws.append(Flaw(SCHEMA, f"<{verb.name[:40]}> is not known in a <{parent}>."))


def _fitting(verb: Verb, flaws: list[Flaw]) -> Verb:
    element = ELEMENTS.get(verb.name)
    if element is None:
        return verb
    kept = {}
    for name, value in verb.attributes.items():
        flaw = _flaw(verb.name, element, name, value)
        if flaw is None:
            kept[name] = value
        else:
            flaws.append(flaw)
    inside = tuple(_known(verb.children, verb.name, tuple(element.children.split()), flaws))
    return replace(verb, attributes=kept, children=inside)


def _flaw(verb: str, element: Element, name: str, value: str) -> Flaw | None:
    if not element.knows(name):
        return Flaw(SCHEMA, f'<{verb}> has no attribute "{name[:40]}".')
    rule = element.ruled.get(name)
    if rule is None or rule.fits(value):
        return None
    return Flaw(rule.code, f'The "{name}" of <{verb}> cannot be "{value[:40]}".')
