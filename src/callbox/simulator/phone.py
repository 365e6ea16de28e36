"""Somebody's phone: it texts and calls our numbers, and shows what it got."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from callbox.simulator.records.address import phone_of
from callbox.simulator.records.call import Call
from callbox.simulator.records.message import Message

if TYPE_CHECKING:
    from callbox.simulator.server import Simulator


class Phone:
    """In the simulator's own process."""

    def __init__(self, simulator: "Simulator", number: str) -> None:
        self._simulator = simulator
        self.number = number

    def _ours(self, to: str | None) -> str:
        return to or self._simulator.settings.own_numbers[0]

    async def texts(self, body: str, to: str | None = None, **options: Any) -> Message:  # noqa: ANN401 - Text's fields
        """Text one of our numbers, the first if none is named."""
        return await self._simulator.receive(self.number, self._ours(to), body, **options)

    async def calls(self, to: str | None = None, **options: Any) -> Call:  # noqa: ANN401 - Ring's fields
        """Call one of our numbers, the first if none is named."""
        return await self._simulator.ring(self.number, self._ours(to), **options)

    @property
    def received(self) -> Sequence[Message]:
        """The texts that it got, on whatever channel, oldest first."""
        return [
            message
            for message in self._simulator.arrived
            if phone_of(message.to) == phone_of(self.number)
        ]
