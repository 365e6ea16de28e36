"""Plays a scenario on a simulator: everything at its time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from callbox.simulator.faults.rules import Faults
from callbox.simulator.manner import Manner
from callbox.simulator.order import BadOrder, read
from callbox.simulator.records.outcome import Outcome
from callbox.simulator.scenario.scenario import Cue, Document, Scenario, Somebody, Window
from callbox.simulator.telephony.network import Network
from callbox.simulator.telephony.ring import Ring
from callbox.simulator.telephony.text import Text


class Player:
    """One performance: `prepare` it, then `begin` it once."""

    def __init__(self, scenario: Scenario, network: Network, faults: Faults) -> None:
        self.scenario = scenario
        self._network = network
        self._board = network.board
        self._faults = faults
        self._usual: Manner = network.callbacks.manner
        self._mark = 0.0
        self.began_at: float | None = None
        """When it began; None before."""
        self.troubles: list[str] = []
        """What could not be played, a sentence each."""

    def prepare(self) -> None:
        """Have people behave as they do from the beginning."""
        for person, outcome in self.scenario.people:
            if person.name:
                self._board.phones[person.to] = person.name
            if not person.at:
                self._board.outcomes.choose(person.to, outcome)

    def begin(self) -> None:
        """Set everything going."""
        scenario = self.scenario
        self.began_at, self._mark = self._board.clock(), self._board.pause.mark()
        if scenario.faults:
            self._faults.set([dict(rule) for rule in scenario.faults])
        for person, outcome in scenario.people:
            if person.at:
                self._network.chores.begin(self._expect(person, outcome))
        for window in scenario.callbacks:
            self._network.chores.begin(self._hold(window))
        for cue, text in scenario.texts:
            self._network.chores.begin(self._repeat(cue, self._send, text))
        for cue, ring in scenario.calls:
            self._network.chores.begin(self._repeat(cue, self._ring, ring))

    @property
    def elapsed(self) -> float:
        """Seconds of the simulation since it began."""
        return 0.0 if self.began_at is None else self._board.clock() - self.began_at

    async def until(self, seconds: float) -> None:
        """Wait until so long after the beginning."""
        await self._board.pause.since(self._mark, seconds)

    async def over(self) -> None:
        """Wait until it is over; for ever if it has no end."""
        if self.scenario.lasts is None:
            await asyncio.Event().wait()
        else:
            await self.until(self.scenario.lasts)

    def brief(self) -> dict[str, Any]:
        """Return what a page shows of it."""
        scenario = self.scenario
        return {"name": scenario.name, "began_at": self.began_at, "lasts": scenario.lasts}

    async def _expect(self, person: Somebody, outcome: Outcome) -> None:
        await self.until(person.at)
        self._board.outcomes.choose(person.to, outcome)

    async def _hold(self, window: Window) -> None:
        await self.until(window.first)
        self._network.callbacks.manner = window.manner
        if window.last != float("inf"):
            await self.until(window.last)
            self._network.callbacks.manner = self._usual

    async def _repeat(
        self, cue: Cue, act: Callable[[Document], Awaitable[object]], order: Document
    ) -> None:
        for _, instant in cue.instants():
            await self.until(instant)
            try:
                await act(order)
            except BadOrder as reason:
                self.troubles.append(f"At {instant:g} s: {reason}")

    async def _send(self, order: Document) -> None:
        text = read(Text, {"to": self._board.first_number, **order})
        await self._network.text(text, wait=False)

    async def _ring(self, order: Document) -> None:
        ring = read(Ring, {"to": self._board.first_number, **order})
        await self._network.ring(ring, wait=False)
