"""Everything that the simulator remembers."""

import secrets
from collections.abc import Callable

from callbox.simulator.records.address import phone_of
from callbox.simulator.records.call import Call
from callbox.simulator.records.clock import Clock, Pause
from callbox.simulator.records.consent import Consent
from callbox.simulator.records.execution import Execution
from callbox.simulator.records.ledger import Ledger
from callbox.simulator.records.message import BLAMED, Message
from callbox.simulator.records.number import Number
from callbox.simulator.records.outcome import USUAL, Outcome
from callbox.simulator.records.timeline import Timeline, timeline
from callbox.simulator.settings import Settings

Created = Message | Call | Execution


class Switchboard:
    """Numbers, all that was created and its log, and who refuses whom."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.pause = Pause(settings.speed)
        self.opened_at = clock()
        self.messages: Ledger[Message] = Ledger()
        self.calls: Ledger[Call] = Ledger()
        self.executions: Ledger[Execution] = Ledger()
        self.url = ""
        """Where it can be asked."""
        self.log: list[Created] = []
        """What was sent, called and run, not what came in."""
        self.arrived: list[Message] = []
        """The texts that somebody's phone got."""
        self.numbers = {
            number: Number(number, self.opened_at, self.opened_at)
            for number in settings.own_numbers
        }
        self.consent = Consent()
        self.outcomes: dict[str, Outcome] = {}
        """By recipient, without its channel."""
        self.phones: dict[str, str] = dict(settings.phones)
        """The names of people's phones, by number."""
        self.attended: set[str] = set()
        """Phones at which a person sits: calls to them ring until that person decides."""
        self.on_create: Callable[[Message | Call], None] = _ignore
        self.on_end: Callable[[Message | Call], None] = _ignore

    def add_message(self, message: Message) -> None:
        """Keep a message; one that goes out is in the log too, and arrives if it can."""
        self.messages.add(message)
        if message.inbound:
            return
        self.log.append(message)
        if message.timeline.statuses[-1] not in BLAMED:
            self.arrived.append(message)
        self.on_create(message)

    def add_call(self, call: Call) -> None:
        """Keep a call; one that goes out is in the log too."""
        self.calls.add(call)
        if not call.inbound:
            self.log.append(call)
            self.on_create(call)

    def add_execution(self, execution: Execution) -> None:
        """Keep a run of a flow."""
        self.executions.add(execution)
        self.log.append(execution)

    def end(self, record: Message | Call, status: str) -> None:
        """End something before its time."""
        record.end(status, self.clock())
        self.on_end(record)

    def outcome(self, to: str) -> Outcome:
        """Return what becomes of what is sent to somebody."""
        return self.outcomes.get(phone_of(to), USUAL)

    def sending(self, outcome: Outcome, *, by_service: bool) -> Timeline:
        """Return how a message goes its way."""
        first = ("accepted", "queued") if by_service else ("queued",)
        return timeline((*first, *outcome.message_course), self.settings.pace)

    def calling(self, outcome: Outcome, to: str = "") -> Timeline:
        """Return how a call goes its way; where a person sits, it rings until that one decides."""
        if to in self.attended:
            return timeline(("queued", "ringing"), self.settings.pace)
        return timeline(("queued", *outcome.call_course), self.settings.pace)

    def owns(self, address: str) -> bool:
        """Whether the account may send from a number."""
        return self.settings.numbers is None or address in self.settings.numbers

    def may_reach(self, address: str) -> bool:
        """Whether a trial account may send to a number."""
        settings = self.settings
        return not settings.trial or settings.verified is None or address in settings.verified


def _ignore(_record: Message | Call) -> None:
    pass


def new_sid(prefix: str) -> str:
    """Make a SID that no simulator has given before, whatever its seed."""
    return prefix + secrets.token_hex(16)
