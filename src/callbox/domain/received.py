"""What people send to our numbers: texts and calls, as Twilio tells of them."""

from dataclasses import dataclass, field
from enum import StrEnum

from callbox.domain.notification import Channel


class OptOut(StrEnum):
    """What a recipient says about being texted, as `opt_out` of `message/received`."""

    STOP = "STOP"
    START = "START"
    HELP = "HELP"


_WORDS = {
    OptOut.STOP: "STOP STOPALL UNSUBSCRIBE CANCEL END QUIT REVOKE OPTOUT",
    OptOut.START: "START YES UNSTOP",
    OptOut.HELP: "HELP INFO",
}
_OPT_OUTS = {word: opt_out for opt_out, words in _WORDS.items() for word in words.split()}


def opt_out_of(body: str) -> OptOut | None:
    """Read a text that is one of Twilio's default opt-out words and nothing else, in any case."""
    return _OPT_OUTS.get(body.strip().upper())


@dataclass(frozen=True, slots=True)
class Medium:
    """A picture or other file of a text; the URL may ask for the account's login."""

    url: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Text:
    """An inbound text. Numbers carry no channel prefix.

    `told_opt_out` is Twilio's own OptOutType, which is certain; `service` the messaging service it
    came by; `sent_at` Twilio's date by our clock, None for what comes in this moment.
    """

    sid: str
    sender: str
    recipient: str
    body: str = field(repr=False)  # a PIN may still be in it
    channel: Channel = Channel.SMS
    media: tuple[Medium, ...] = ()
    told_opt_out: OptOut | None = None
    service: str | None = None
    sent_at: float | None = None


@dataclass(frozen=True, slots=True)
class Ring:
    """A step in the life of an inbound call; `status` is Twilio's word (`ringing`, ...).

    `recording_url` with its `duration` in seconds: a voicemail was left.
    """

    sid: str
    caller: str
    called: str
    status: str
    recording_url: str | None = None
    duration: int | None = None
