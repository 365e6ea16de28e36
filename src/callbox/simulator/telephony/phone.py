"""Somebody's phone: it texts and calls our numbers, and shows what it got."""

from collections.abc import Sequence
from typing import Any

from callbox.simulator.records.address import phone, phone_of
from callbox.simulator.records.call import Call
from callbox.simulator.records.message import Message
from callbox.simulator.telephony.network import Network
from callbox.simulator.telephony.ring import Ring
from callbox.simulator.telephony.text import Text


class Phone:
    """In the simulator's own process; `to` is the account's first number unless it is said."""

    def __init__(self, network: Network, number: str) -> None:
        self._network = network
        self._board = network.board
        self.number = number

    async def texts(
        self,
        body: str,
        to: str | None = None,
        *,
        wait: bool = True,
        **options: Any,  # noqa: ANN401 - Text's fields
    ) -> Message:
        """Text one of our numbers; return once its webhook has answered, if that is waited for."""
        ours = self._board.first_number if to is None else to
        text = Text(sender=self.number, to=ours, body=body, **options)
        message, _ = await self._network.text(text, wait=wait)
        return message

    async def calls(
        self,
        to: str | None = None,
        *,
        wait: bool = True,
        **options: Any,  # noqa: ANN401 - Ring's fields
    ) -> Call:
        """Call one of our numbers; return once the call is over, if that is waited for."""
        ours = self._board.first_number if to is None else to
        return await self._network.ring(Ring(sender=self.number, to=ours, **options), wait=wait)

    @property
    def received(self) -> Sequence[Message]:
        """The texts that it got, on whatever channel, oldest first."""
        written = phone_of(self.number)
        known = phone(written) or written
        return [message for message in self._board.arrived if phone_of(message.to) == known]
