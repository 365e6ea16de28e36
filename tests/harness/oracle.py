"""What was really sent, by the simulator's log: nothing lost, nothing doubled."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from callbox.simulator import Simulator

Text = tuple[str, str]
"""Recipient and body."""


def sent(simulator: Simulator) -> Counter[Text]:
    """Count the texts that were created."""
    return Counter((message.to, message.body) for message in list(simulator.messages))


@dataclass(frozen=True, slots=True)
class Verdict:
    """The difference between what was asked for and what was created."""

    lost: Counter[Text]
    doubled: Counter[Text]

    def __str__(self) -> str:
        return f"{self.lost.total()} lost {dict(self.lost)}, {self.doubled.total()} doubled {dict(self.doubled)}"

    @property
    def clean(self) -> bool:
        """Whether all was created exactly as often as it was asked for."""
        return not self.lost and not self.doubled


def judge(simulator: Simulator, asked: Mapping[Text, int] | Iterable[Text]) -> Verdict:
    """Compare."""
    wanted, found = Counter(asked), sent(simulator)
    return Verdict(wanted - found, found - wanted)
