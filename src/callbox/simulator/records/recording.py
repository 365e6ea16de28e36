"""What was recorded of a call."""

import io
import wave
from dataclasses import dataclass

from callbox.simulator.records.webhook import Webhook

RATE = 8000
"""Samples of sound a second."""
LONGEST = 60
"""Seconds of sound that are really given."""


COMPLETED = "completed"
"""The event of which a recording status callback tells, unless others are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """That something is recorded, and who is told once it is."""

    source: str
    """What asked for it, as Twilio calls it: `OutboundAPI`, `RecordVerb`."""
    hook: Webhook | None
    channels: int = 1
    track: str = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A Recording resource; nothing of it is kept but how long it is."""

    sid: str
    account_sid: str
    seconds: int

    @property
    def path(self) -> str:
        """Where its sound is."""
        return f"/2010-04-01/Accounts/{self.account_sid}/Recordings/{self.sid}"

    def sound(self) -> bytes:
        """Return a WAV file of silence that is as long, up to a minute."""
        file = io.BytesIO()
        with wave.open(file, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(1)
            sound.setframerate(RATE)
            sound.writeframes(b"\x80" * RATE * min(self.seconds, LONGEST))
        return file.getvalue()
