"""What was really sent, by the simulator's log: nothing lost, nothing doubled."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from callbox.simulator import Simulator
from callbox.simulator.records.record import Record

Text = tuple[str, str]
"""Recipient, and the text's body or the call's location."""


def asked_for(record: Record) -> Text:
    """Give what a message, call or flow was to be."""
    entry = record.entry()
    return record.to, str(entry["url"] or entry["body"] or entry.get("parameters"))


def sent(simulator: Simulator) -> Counter[Text]:
    """Count the texts and calls that were created."""
    return Counter(asked_for(record) for record in list(simulator.log))


@dataclass(frozen=True, slots=True)
class Verdict:
    """The difference between what was asked for and what was created."""

    lost: Counter[Text]
    doubled: Counter[Text]

    def __str__(self) -> str:
        return (
            f"{self.lost.total()} lost {dict(self.lost) or ''}, "
            f"{self.doubled.total()} doubled {dict(self.doubled) or ''}"
        )

    @property
    def clean(self) -> bool:
        """Whether all was created exactly as often as it was asked for."""
        return not self.lost and not self.doubled


def judge(simulator: Simulator, asked: Mapping[Text, int] | Iterable[Text]) -> Verdict:
    """Compare."""
    wanted, found = Counter(asked), sent(simulator)
    return Verdict(wanted - found, found - wanted)
