"""One thing that happened in a rehearsal."""

from dataclasses import dataclass, field

FINAL = frozenset({"delivered", "read", "undelivered", "failed", "expired", "cancelled", "unknown"})
GOOD = frozenset({"delivered", "read"})
UNITS = ((3600, "h"), (60, "min"), (1, "s"))
LONGEST = 80
"""Characters that are shown of a text."""


@dataclass(slots=True)
class Line:
    """One thing that happened: something sent, something that came in, something published."""

    at: float
    """Seconds after the beginning."""
    way: str
    """`out`, `in` or `topic`."""
    who: str
    what: str = ""
    kind: str = "text"
    how: str = ""
    why: str = ""
    """What went wrong, without the time it took."""
    meant: bool = False
    """Whether it ended badly because the scenario has it so."""
    state: str = ""
    parts: int | None = None
    price: float | None = None
    steps: list[tuple[float, str]] = field(default_factory=list)
    """When it came to each state."""

    @property
    def arrived(self) -> bool:
        """Whether somebody got it."""
        return self.state in GOOD

    @property
    def open(self) -> bool:
        """Whether it is not known yet how it ends."""
        return self.way == "out" and self.state not in FINAL


def shorten(text: str) -> str:
    """Give the beginning of a text, on one line."""
    plain = " ".join(text.split())
    return plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 1]}…"


def lasting(seconds: float) -> str:
    """Give a time in the largest unit of which there are two."""
    size, unit = next((each for each in UNITS if seconds >= 2 * each[0]), UNITS[-1])
    return f"{seconds / size:.0f} {unit}"
