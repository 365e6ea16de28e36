"""What a person is to get: a text (SMS, MMS, WhatsApp), a phone call, or a run of a flow."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is asked for; `FLOW` is one person's run through a Twilio Studio flow."""

    TXT = "txt"
    CALL = "call"
    FLOW = "flow"


ON_TOPICS = (Kind.TXT, Kind.CALL)  # those with a topic and a document of their name


class Channel(StrEnum):
    """How it reaches the phone."""

    SMS = "sms"
    WHATSAPP = "whatsapp"
    VOICE = "voice"
    FLOW = "flow"  # the flow decides


PRIORITY = {"low": 0, "normal": 1, "high": 2, "critical": 3}
CRITICAL = PRIORITY["critical"]


@dataclass(frozen=True, slots=True)
class Voice:
    """What a call says: TwiML at `location`; else `text`, spoken, and then what is at `play`.

    `play` are URLs of audio files; a call may do without a text for them. `method` is how Twilio
    fetches the location; `voice` and `language` are Twilio's <Say> names; `machine_detection` is
    Twilio's MachineDetection (`Enable`, `DetectMessageEnd`).
    """

    location: str | None = None
    text: str | None = None
    method: str | None = None
    voice: str | None = None
    language: str | None = None
    machine_detection: str | None = None
    play: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Flow:
    """A Studio flow by its SID (FW…), and its `parameters`: a JSON object, as text."""

    sid: str
    parameters: str = "{}"


@dataclass(frozen=True, slots=True)
class Notification:
    """One recipient's text, call or flow.

    `sender` is a number, name, short code or MG… service SID; of calls and flows a number.
    """

    kind: Kind
    channel: Channel
    name: str
    to: str  # E.164
    sender: str
    body: str = ""
    media: tuple[str, ...] = ()
    voice: Voice | None = None
    flow: Flow | None = None

    @property
    def lane(self) -> str:
        """One create at a time is in flight per lane: a recipient's texts, calls, or flows."""
        return f"{self.kind}:{self.to}"

    @property
    def likeness(self) -> str:
        """Equal for two notifications that Twilio's list cannot tell apart.

        Calls are listed without what they say, pictures by their number, line ends in any form;
        runs of a flow without their sender and parameters.
        """
        sender, said = self._listed
        text = f"{self.kind}\0{self.channel}\0{self.to}\0{sender}\0{said}"
        return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()

    @property
    def _listed(self) -> tuple[str, str]:
        """Give the sender and the content as far as Twilio's list has them."""
        if self.flow is not None:
            return "", self.flow.sid
        if self.kind is Kind.CALL:
            return self.sender, ""
        lines = "\n".join(self.body.splitlines())
        return self.sender, f"{lines}\0{len(self.media)}"

    @property
    def by_service(self) -> bool:
        """Whether a messaging service picks the sender."""
        return self.sender.startswith("MG") and len(self.sender) > 11  # noqa: PLR2004 - longer than any alphanumeric sender
