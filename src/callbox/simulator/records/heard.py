"""A line of what was said and done in a call."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heard:
    """At what instant, by whom (voice, person, line), what kind of thing, and its words."""

    at: float
    who: str
    kind: str
    text: str

    def document(self) -> dict[str, object]:
        """Return it as JSON."""
        return {"at": self.at, "who": self.who, "kind": self.kind, "text": self.text}
