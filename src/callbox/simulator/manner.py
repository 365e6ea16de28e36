"""How status callbacks arrive: late, twice, out of order, or not at all."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """The usual manner is once, in order, when the status changes."""

    delay: float = 0.0
    """Seconds more that each takes."""
    copies: int = 1
    """How often each is sent."""
    reverse: bool = False
    """The last status first; all of them when the last is reached."""
    drop: bool = False
    """None is sent."""


PUNCTUAL = Manner()
