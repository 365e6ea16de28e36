"""What a person is to get: a text (SMS, MMS, WhatsApp) or a phone call."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The topic it came on."""

    TXT = "txt"
    CALL = "call"


class Channel(StrEnum):
    """How it reaches the phone."""

    SMS = "sms"
    WHATSAPP = "whatsapp"
    VOICE = "voice"


PRIORITY = {"low": 0, "normal": 1, "high": 2, "critical": 3}
CRITICAL = PRIORITY["critical"]


@dataclass(frozen=True, slots=True)
class Voice:
    """What a call says: TwiML at `location`, or `text` to be spoken.

    `method` is how Twilio fetches the location; `voice` and `language` are Twilio's <Say> names;
    `machine_detection` is Twilio's MachineDetection (`Enable`, `DetectMessageEnd`).
    """

    location: str | None = None
    text: str | None = None
    method: str | None = None
    voice: str | None = None
    language: str | None = None
    machine_detection: str | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """One recipient's text or call. `sender` is a number, name, short code or MG… service SID."""

    kind: Kind
    channel: Channel
    name: str
    to: str  # E.164
    sender: str
    body: str = ""
    media: tuple[str, ...] = ()
    voice: Voice | None = None

    @property
    def lane(self) -> str:
        """One create at a time is in flight per lane: a recipient's texts, or their calls."""
        return f"{self.kind}:{self.to}"

    @property
    def likeness(self) -> str:
        """Equal for two notifications that Twilio's list cannot tell apart.

        Calls are listed without what they say, pictures by their number, line ends in any form.
        """
        lines = "\n".join(self.body.splitlines())
        said = "" if self.kind is Kind.CALL else f"{lines}\0{len(self.media)}"
        text = f"{self.kind}\0{self.channel}\0{self.to}\0{self.sender}\0{said}"
        return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()

    @property
    def by_service(self) -> bool:
        """Whether a messaging service picks the sender."""
        return self.sender.startswith("MG") and len(self.sender) > 11  # noqa: PLR2004 - longer than any alphanumeric sender
