"""What came of a rehearsal, in figures."""

from typing import NamedTuple


class Result(NamedTuple):
    """What came of it, counted by recipient; `cost` in dollars.

    `meant`: failed because the scenario has it so. `waiting`: not known yet how it ends. `lost`:
    the gateway took the request and tells nothing of it. `doubled`: Twilio was asked for something
    that no delivery owns. `unnoticed`: texts of people that the gateway did not learn of.
    `missed`: requests that the machine was too slow to publish in time. `unplayed`: texts and
    calls of people that cannot be.
    """

    asked: int
    arrived: int
    failed: int
    meant: int
    waiting: int
    lost: int
    doubled: int
    unnoticed: int
    missed: int
    unplayed: int
    cost: float

    @property
    def fine(self) -> bool:
        """Whether everything was played, arrived once where it was to, and was heard."""
        wrong = (self.lost, self.doubled, self.unnoticed, self.missed, self.unplayed)
        return self.asked == self.arrived + self.meant and not any(wrong)
