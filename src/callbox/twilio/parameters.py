"""Twilio's webhook parameters as texts, calls and news. Source: twilio.com/docs/messaging, /voice.

What cannot be read as one of these is None. Parameters that are not named here are allowed.
"""

import re
from collections.abc import Mapping

from callbox.domain.delivery import Evidence
from callbox.domain.news import News
from callbox.domain.notification import Channel, Kind
from callbox.domain.received import Medium, OptOut, Ring, Text
from callbox.twilio.codes import lookup
from callbox.twilio.reason import reason_of
from callbox.twilio.status import follows, state_of

Parameters = Mapping[str, str]

INBOUND = frozenset({None, "receiving", "received"})  # the status of an inbound text
ENDED = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})  # of a call

_MESSAGE_SID = re.compile(r"(SM|MM)[0-9a-fA-F]{32}")
_CALL_SID = re.compile(r"CA[0-9a-fA-F]{32}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_MOST_MEDIA = 10
_WHATSAPP = "whatsapp:"
_OPT_OUTS = {opt_out.value: opt_out for opt_out in OptOut}


def text_of(told: Parameters) -> Text | None:
    """Read an inbound text. An address of a channel that is new to us is kept with its prefix."""
    sid, sender, recipient = told.get("MessageSid", ""), told.get("From"), told.get("To")
    if not (_MESSAGE_SID.fullmatch(sid) and sender and recipient):
        return None
    return Text(
        sid,
        sender.removeprefix(_WHATSAPP),
        recipient.removeprefix(_WHATSAPP),
        told.get("Body", ""),
        Channel.WHATSAPP if sender.startswith(_WHATSAPP) else Channel.SMS,
        _media(told),
        _OPT_OUTS.get(told.get("OptOutType", "").upper()),
        told.get("MessagingServiceSid") or None,
    )


def _media(told: Parameters) -> tuple[Medium, ...]:
    urls = [(place, told.get(f"MediaUrl{place}")) for place in range(_MOST_MEDIA)]
    return tuple(
        Medium(url, told.get(f"MediaContentType{place}", "")) for place, url in urls if url
    )


def message_word(told: Parameters) -> str | None:
    """Give Twilio's status of a text, which goes by two names."""
    return told.get("MessageStatus") or told.get("SmsStatus") or None


def is_inbound_call(told: Parameters) -> bool:
    """Tell whether it is about a call to one of our numbers."""
    return told.get("Direction", "inbound") == "inbound" and "CallSid" in told


def ring_of(told: Parameters) -> Ring | None:
    """Read a step of an inbound call. A caller who hides their number may come as an empty From."""
    sid, status = told.get("CallSid", ""), told.get("CallStatus")
    if not (_CALL_SID.fullmatch(sid) and status):
        return None
    recording = told.get("RecordingUrl") or None
    return Ring(
        sid,
        told.get("From", ""),
        told.get("To", ""),
        status,
        recording,
        _number(told, "RecordingDuration") if recording else None,
    )


def news_of(told: Parameters, attempt_id: str | None) -> News | None:
    """Read a status callback; `attempt_id` is what its URL bore."""
    kind = Kind.CALL if "CallSid" in told else Kind.TXT
    form, name = _SIDS[kind]
    sid = told.get(name, "")
    word = told.get("CallStatus") if kind is Kind.CALL else message_word(told)
    if not (form.fullmatch(sid) and word):
        return None
    code = _number(told, "ErrorCode") or None
    known = lookup(code)
    return News(
        kind,
        sid,
        word,
        state_of(kind, word),
        follows(kind, word),
        Evidence.CALLBACK,
        attempt_id,
        told.get("From", "").removeprefix(_WHATSAPP) or None,
        code,
        known.reason if known else _reason(told),
        known.remedy if known else None,
        answered_by=told.get("AnsweredBy") or None,
        duration=_number(told, "CallDuration"),
    )


_SIDS = {Kind.TXT: (_MESSAGE_SID, "MessageSid"), Kind.CALL: (_CALL_SID, "CallSid")}


def _reason(told: Parameters) -> str | None:
    text = told.get("ErrorMessage") or told.get("ChannelStatusMessage")
    return reason_of(text) if text else None


def _number(told: Parameters, name: str) -> int | None:
    text = told.get(name, "")
    return int(text) if _NUMBER.fullmatch(text) else None
