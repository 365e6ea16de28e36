"""Which outcome was chosen for whom: one number, all that begin alike, or everybody."""

import random
from collections.abc import Iterator
from itertools import count

from callbox.simulator.records.address import phone, phone_of
from callbox.simulator.records.outcome import USUAL, Outcome

ANY = "*"


class Outcomes:
    """The narrowest choice that its share of chance hits decides; without any all ends as usual.

    The same seed and the same order of requests draw the same.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.clear()

    def clear(self) -> None:
        """Have everything end as usual again."""
        self._exact: dict[str, Outcome] = {}
        self._beginnings: dict[str, Outcome] = {}
        self._draws = count(1)

    def choose(self, to: str, outcome: Outcome) -> None:
        """Decide how all ends from now on that is sent to a number, to `+44*`, or to `*`."""
        if to.endswith(ANY):
            self._beginnings[to.removesuffix(ANY)] = outcome
            longest_first = sorted(self._beginnings.items(), key=lambda item: -len(item[0]))
            self._beginnings = dict(longest_first)
        else:
            known = phone_of(to)
            self._exact[phone(known) or known] = outcome

    def items(self) -> Iterator[tuple[str, Outcome]]:
        """Yield whom each choice is for, a number or `+44*`, and the choice."""
        yield from self._exact.items()
        for beginning, outcome in self._beginnings.items():
            yield f"{beginning}{ANY}", outcome

    def of(self, to: str) -> Outcome:
        """Return the narrowest choice for somebody, whatever its share."""
        return next(self._choices(to), USUAL)

    def draw(self, to: str) -> Outcome:
        """Return how the next thing ends that is sent to somebody."""
        if not self._exact and not self._beginnings:
            return USUAL
        for outcome in self._choices(to):
            if outcome.share == 1 or self._hits(outcome.share):
                return outcome
        return USUAL

    def _hits(self, share: float) -> bool:
        return random.Random(f"{self._seed}/{next(self._draws)}").random() < share  # noqa: S311 - repeatable

    def _choices(self, to: str) -> Iterator[Outcome]:
        number = phone_of(to)
        if number in self._exact:
            yield self._exact[number]
        for beginning, outcome in self._beginnings.items():
            if number.startswith(beginning):
                yield outcome
