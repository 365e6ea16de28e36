"""Everything that the simulator remembers."""

import secrets
from collections.abc import Callable

from callbox.simulator.call import Call
from callbox.simulator.ledger import Ledger
from callbox.simulator.message import Message
from callbox.simulator.settings import Settings
from callbox.simulator.timeline import CALLED, SENT_BY_NUMBER, SENT_BY_SERVICE, Timeline

Clock = Callable[[], float]


class Switchboard:
    """Messages, calls, and the log of all that was created."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.opened_at = clock()
        self.messages: Ledger[Message] = Ledger()
        self.calls: Ledger[Call] = Ledger()
        self.log: list[Message | Call] = []
        self.by_number = Timeline(SENT_BY_NUMBER, settings.pace)
        self.by_service = Timeline(SENT_BY_SERVICE, settings.pace)
        self.called = Timeline(CALLED, settings.pace)

    def add_message(self, message: Message) -> None:
        """Keep a message, in the log too."""
        self.messages.add(message)
        self.log.append(message)

    def add_call(self, call: Call) -> None:
        """Keep a call, in the log too."""
        self.calls.add(call)
        self.log.append(call)

    def owns(self, address: str) -> bool:
        """Whether the account may send from a number."""
        return self.settings.numbers is None or address in self.settings.numbers

    def may_reach(self, address: str) -> bool:
        """Whether a trial account may send to a number."""
        settings = self.settings
        return not settings.trial or settings.verified is None or address in settings.verified


def new_sid(prefix: str) -> str:
    """Make a SID that no simulator has given before, whatever its seed."""
    return prefix + secrets.token_hex(16)
