"""Everything that the simulator remembers."""

from collections.abc import Callable

from callbox.simulator.own_number import USUAL_NUMBER, OwnNumber
from callbox.simulator.records.account import Accounts
from callbox.simulator.records.address import kind, phone, phone_of
from callbox.simulator.records.arrivals import Arrivals
from callbox.simulator.records.attendance import Attendance
from callbox.simulator.records.call import Call
from callbox.simulator.records.clock import Clock, Pause
from callbox.simulator.records.consent import Consent
from callbox.simulator.records.country import calling_code
from callbox.simulator.records.course import Courses, Load
from callbox.simulator.records.execution import Execution
from callbox.simulator.records.ledger import Ledger
from callbox.simulator.records.message import Message
from callbox.simulator.records.newest import Newest
from callbox.simulator.records.number import Number
from callbox.simulator.records.outcome import Outcome
from callbox.simulator.records.outcomes import Outcomes
from callbox.simulator.records.pictures import Pictures
from callbox.simulator.records.pool import Pool
from callbox.simulator.records.recording import Recording
from callbox.simulator.records.timeline import QUEUED, Timeline, timeline
from callbox.simulator.service import LONGEST_VALIDITY
from callbox.simulator.settings import Settings

Created = Message | Call | Execution
BLOCKED = Outcome(status="undelivered", error_code=30004)
"""What becomes of a text that the network does not let through."""
NO_SENDER = Outcome(status="failed", error_code=21703)
"""What becomes of a text that no member of a messaging service can send."""


class Switchboard:
    """Numbers, all that was created and its log, and who refuses whom."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.pause = Pause(settings.speed)
        self.opened_at = clock()
        self.accounts = Accounts(self.opened_at)
        self.messages: Ledger[Message] = Ledger()
        self.calls: Ledger[Call] = Ledger()
        self.executions: Ledger[Execution] = Ledger()
        self.url = ""
        """Where it can be asked; media and recordings are below it."""
        self.log: Newest[Created] = Newest()
        """What was sent, called and run, not what came in."""
        self._arrivals = Arrivals()
        self._pictures = Pictures()
        self.numbers = _own(settings, self.opened_at)
        self.phones: dict[str, str] = dict(settings.phones)
        """The names of people's phones, by number."""
        self.attended = Attendance()
        self.recordings: dict[str, Recording] = {}
        """By SID."""
        self.pools = {sid: Pool(service) for sid, service in settings.services.items()}
        """The messaging services, if any is declared."""
        self.services = _services(settings)
        """The messaging service that a sender belongs to."""
        self.consent = Consent(self.services)
        self.courses = Courses(settings.limits, settings.pace)
        self.outcomes = Outcomes(settings.seed)
        verified = settings.verified
        self._verified = None if verified is None else {phone(each) or each for each in verified}
        self._regions = settings.regions and {region.lstrip("+") for region in settings.regions}
        self.on_create: Callable[[Message | Call], None] = _ignore
        self.on_end: Callable[[Message | Call], None] = _ignore
        self.on_reach: Callable[[Call], None] = _ignore
        self.on_redirect: Callable[[Call], None] = _ignore

    def add_message(self, message: Message) -> None:
        """Keep a message; one that goes out is in the log too, and arrives if it can."""
        self.messages.add(message)
        if message.inbound:
            self._pictures.add(message)
            return
        self.log.append(message)
        if self.settings.test_credentials:
            return
        self._arrivals.expect(message)
        self.on_create(message)

    def add_answer(self, message: Message) -> None:
        """Keep a text that Twilio itself sends: nobody asked for it, so it is not in the log."""
        self.messages.add(message)
        self._arrivals.expect(message)

    @property
    def arrived(self) -> Newest[Message]:
        """The texts that somebody's phone got by now, in the order of their arrival."""
        return self._arrivals.by(self.clock())

    def add_call(self, call: Call) -> None:
        """Keep a call; one that goes out is in the log too."""
        self.calls.add(call)
        if not call.inbound:
            self.log.append(call)
            if not self.settings.test_credentials:
                self.on_create(call)

    def add_execution(self, execution: Execution) -> None:
        """Keep a run of a flow."""
        self.executions.add(execution)
        self.log.append(execution)

    def end(self, record: Message | Call, status: str) -> None:
        """End something before its time."""
        record.end(status, self.clock())
        self.on_end(record)

    def reach(self, call: Call, status: str) -> None:
        """Have a call that is lived through come to a status."""
        call.reach(status, self.clock())
        self.on_reach(call)

    def load(self, message: Message, ahead: float = 0.0) -> Load:
        """Return what a message is to its sender; `ahead` seconds before it is to be sent."""
        pool = self.pools.get(message.messaging_service_sid or "")
        usual = pool.service.validity_period if pool else LONGEST_VALIDITY
        waits = "scheduled" if ahead else "accepted"
        alone = message.messaging_service_sid is None or message.direction == "outbound-reply"
        return Load(
            sender=message.picked_sender,
            parts=message.parts if self.settings.limits.rates else 1,
            first=("queued",) if alone else (waits, "queued"),
            validity=message.validity_period or usual,
            ahead=ahead,
        )

    def dispatch(self, message: Message, load: Load) -> None:
        """Decide what becomes of a message, and keep it."""
        outcome = self.outcomes.draw(message.to) if message.picked_sender else NO_SENDER
        if self.consent.blocks(message.to, message.picked_sender):
            outcome = BLOCKED
        course = self.courses.send(load, outcome, message.created_at)
        message.timeline, message.error_code = course.timeline, course.error_code
        self.add_message(message)

    def calling(self, outcome: Outcome) -> Timeline:
        """Return how a call goes its way; one that is lived through shows that as it goes."""
        if self.settings.scripts:
            return QUEUED
        return timeline(("queued", *outcome.call_course), self.settings.pace)

    def declared(self, address: str) -> OwnNumber:
        """Return what a sender can do."""
        number = self.numbers.get(phone_of(address))
        return number.declared if number else USUAL_NUMBER

    def serves(self, address: str) -> bool:
        """Whether the account may text and call the country of a number."""
        if self._regions is None:
            return True
        code = calling_code(address)
        return not code or code in self._regions

    def owns(self, address: str) -> bool:
        """Whether the account may send from a number."""
        if self.settings.test_credentials:
            return False
        return self.settings.numbers is None or address in self.numbers

    @property
    def first_number(self) -> str:
        """The number that texts and calls come to unless they name one; empty if there is none."""
        return next(iter(self.numbers), "")

    def numbers_of(self, account_sid: str) -> list[Number]:
        """Return the numbers that an account has, in the order in which it got them."""
        whose = {account_sid}
        if self.accounts.subaccount(account_sid) is None:
            whose.add("")
        return [number for number in self.numbers.values() if number.owner in whose]

    def buy(self, number: Number) -> None:
        """Add a number to the account that it names."""
        self.numbers[number.phone_number] = number

    def release(self, number: Number) -> None:
        """Give a number back."""
        del self.numbers[number.phone_number]

    def release_all(self, account_sid: str) -> None:
        """Give all numbers of an account back."""
        for number in self.numbers_of(account_sid):
            self.release(number)

    def may_reach(self, address: str) -> bool:
        """Whether a trial account may send to a number."""
        return not self.settings.trial or self._verified is None or address in self._verified


def _services(settings: Settings) -> dict[str, str]:
    return {sender: sid for sid, each in settings.services.items() for sender in each.senders}


def _own(settings: Settings, now: float) -> dict[str, Number]:
    """Return the account's numbers, those of its messaging services too, each once."""
    members = (phone_of(sender) for sender in _services(settings) if kind(sender) != "name")
    return {
        number: Number(number, now, now, declared=settings.declared(number))
        for number in (*settings.own_numbers, *members)
    }


def _ignore(_record: Message | Call) -> None:
    pass
