"""How status callbacks arrive: late, twice, out of order, or not at all."""

from dataclasses import dataclass

from callbox.simulator.order import BadOrder, is_sane

MOST_COPIES = 100


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

    def __post_init__(self) -> None:
        if not (is_sane(self.delay) and self.delay >= 0):
            raise BadOrder('"delay" must be seconds, 0 or more.')
        if not 1 <= self.copies <= MOST_COPIES:
            raise BadOrder(f'"copies" must be 1 to {MOST_COPIES}.')


PUNCTUAL = Manner()
