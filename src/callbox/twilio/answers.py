"""TwiML answers to Twilio's webhooks. Source: twilio.com/docs/voice/twiml."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from twilio.twiml.voice_response import VoiceResponse

EMPTY = "<Response/>"
HANGUP = "<Response><Hangup/></Response>"

_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2


@dataclass(frozen=True, slots=True)
class Answering:
    """What callers of our numbers get.

    `say` speaks `text`; `voicemail` does so, then records at most `longest` seconds; `forward`
    connects to `forward_to` (E.164). `voice` and `language` are Twilio's <Say> names.
    """

    action: Literal["reject", "say", "forward", "voicemail"] = "reject"
    text: str = ""
    voice: str | None = None
    language: str | None = None
    forward_to: str = ""
    longest: int = 120


def to_call(answering: Answering, recorded: str) -> str:
    """Give the TwiML for a caller; `recorded` is the URL that is told of a recording."""
    response = VoiceResponse()
    _ACTIONS[answering.action](response, answering, recorded)
    return str(response)


def to_ping(instance: str) -> str:
    """Give an answer that does nothing at Twilio, and by which a self-test knows this gateway."""
    return f"<Response><!-- Callbox {re.sub('[^0-9A-Za-z]', '', instance)} --></Response>"


def _reject(response: VoiceResponse, _answering: Answering, _recorded: str) -> None:
    response.reject(reason="busy")


def _say(response: VoiceResponse, answering: Answering, _recorded: str) -> None:
    text = _NOT_XML.sub("", answering.text)
    if text:
        response.say(text, voice=answering.voice, language=answering.language)


def _forward(response: VoiceResponse, answering: Answering, _recorded: str) -> None:
    response.dial(answering.forward_to)


def _voicemail(response: VoiceResponse, answering: Answering, recorded: str) -> None:
    _say(response, answering, recorded)
    response.record(action=recorded, method="POST", max_length=answering.longest, play_beep=True)


_ACTIONS: dict[str, Callable[[VoiceResponse, Answering, str], None]] = {
    "reject": _reject,
    "say": _say,
    "forward": _forward,
    "voicemail": _voicemail,
}
