"""What was heard and pressed on a call, in order."""

from dataclasses import dataclass

LONGEST = 4096
"""Characters of an entry; the rest is cut off."""
MOST = 1000
"""Entries of a call; what comes after is not noted."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One thing that happened on a call.

    `who` is the `voice` that the script speaks with, the `person` at the other end (who may be an
    answering machine), or the `line` between them. `kind` is what it was: say, play, pause,
    gather, press, speak, record, beep, dial, redirect, reject, hangup, ring, answer, error, note.
    `text`: what was said or pressed, the URL that was played, else a sentence.
    """

    at: float
    """Seconds since 1970."""
    who: str
    kind: str
    text: str

    def document(self) -> dict[str, object]:
        """Return it as JSON."""
        return {"at": self.at, "who": self.who, "kind": self.kind, "text": self.text}
