"""Who got what: the simulator's log against what was asked for. It alone decides."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.stage import Simulator, recipient_of


@dataclass(frozen=True, slots=True)
class Verdict:
    """Texts too few and too many, over all recipients."""

    lost: int
    doubled: int


def judge(simulator: Simulator, numbers: Sequence[int], each: int = 1) -> Verdict:
    """Compare with `each` text for every recipient."""
    sent = Counter(entry["to"] for entry in simulator.created())
    counts = [sent[recipient_of(number)] for number in numbers]
    lost = sum(max(0, each - count) for count in counts)
    return Verdict(lost, sum(max(0, count - each) for count in counts))
