"""The rules in force: the first one that hits a request decides."""

import random
import time
from dataclasses import dataclass

from callbox.simulator.faults.fault import NORMAL, Plan, Rule
from callbox.simulator.order import BadOrder, kind_of
from callbox.simulator.records.clock import Clock


@dataclass(slots=True)
class Score:
    """How often a rule was asked, and how often it hit."""

    seen: int = 0
    hits: int = 0


class Faults:
    """Decides what goes wrong; the same seed and order of requests decide alike.

    Each rule numbers the requests that come to it; seed, rule and number make the draw.
    """

    def __init__(self, seed: int, clock: Clock = time.time) -> None:
        self._seed = seed
        self._clock = clock
        self.clear()

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self.set([])

    def set(self, documents: object) -> None:
        """Put rules in force instead of those before; BadOrder leaves those before."""
        if not isinstance(documents, list):
            raise BadOrder(f"The document must be a list of rules, not {kind_of(documents)}.")
        rules = [Rule(document, f"Rule {place}") for place, document in enumerate(documents, 1)]
        self._rules = [(rule, Score()) for rule in rules]
        self._set_at = self._clock()

    def document(self) -> dict[str, object]:
        """Return the rules as they were set, and how often each was asked and hit."""
        return {
            "rules": [rule.document for rule, _ in self._rules],
            "seen": [score.seen for _, score in self._rules],
            "hits": [score.hits for _, score in self._rules],
        }

    def plan(self, endpoint: str) -> Plan:
        """Decide what to do with a request."""
        if not self._rules:
            return NORMAL
        elapsed = self._clock() - self._set_at
        for place, (rule, score) in enumerate(self._rules):
            if rule.concerns(endpoint, elapsed) and score.hits != rule.times:
                score.seen += 1
                draw = random.Random(f"{self._seed}/{place}/{score.seen}")  # noqa: S311 - repeatable
                if draw.random() < rule.share:
                    score.hits += 1
                    return rule.plan(draw.random())
        return NORMAL
