"""What the use cases need of the world: Store, Provider, Documents. Each comment is a contract."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from callbox.domain.consent import Step
from callbox.domain.delivery import Delivery, Progress, State
from callbox.domain.news import News
from callbox.domain.notification import Kind
from callbox.domain.outcome import Lookup, Outcome, Pause, Unanswered
from callbox.domain.question import Question
from callbox.domain.received import Medium, OptOut, Ring, Text

# The hosts that tell what happens; the last two are ways of AWS IoT Greengrass.
MQTT, INDIGO, PUBSUB, IOTCORE = "mqtt", "indigo", "pubsub", "iotcore"


@dataclass(frozen=True, slots=True)
class Origin:
    """The MQTT publish a request came in: what a redelivery is recognised by."""

    packet_id: int
    digest: bytes
    dup: bool


@dataclass(frozen=True, slots=True)
class Event:
    """A document owed to the outside.

    `topic` is relative to the base topic, or whole where `absolute` (an MQTT 5 response topic, a
    rule's topic). From `expires_at` on it is not to be published any more.
    """

    topic: str
    payload: bytes
    absolute: bool = False
    correlation: bytes | None = None
    id: int = 0
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request, or one of its recipients, is not accepted."""

    request_id: str | None
    error: str  # InvalidParameter | LimitReached | InternalError | ...
    message: str
    reply_topic: str | None = None
    correlation: bytes | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """One request as read: what can be sent, and what is refused. `connection`: see `Origin`.

    `question` is what its text asks: kept with it, unless nobody is asked.
    """

    deliveries: tuple[Delivery, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    origin: Origin | None = None
    connection: int = 0
    question: Question | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a submission, once it is on disk.

    `accepted` has the delivery's id per recipient (an earlier one's under the same dedup_key),
    `refused` what was refused. `redelivered`: the broker repeated itself, nothing was done.
    """

    accepted: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()
    redelivered: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """Most deliveries per recipient and clock hour, per day, and waiting; 0 = none."""

    per_recipient_hour: int = 0
    per_day: int = 0
    waiting: int = 0
    dedup_window: float = 86400.0


@dataclass(frozen=True, slots=True)
class Slots:
    """How many creates may begin: in all, and phone calls among them."""

    total: int = 0
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Claims:
    """Deliveries whose next attempt is on disk, and when more may be due (None: not by time)."""

    deliveries: tuple[Delivery, ...] = ()
    next_due: float | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A step of one delivery, with the events it owes.

    Takes effect only if nothing has changed since `before` was read. `answer` is the
    `response` part of the first status (JSON); the store keeps the first one and drops a second.
    """

    before: Delivery
    after: Progress
    events: tuple[Event, ...] = ()
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Reception:
    """Something that came in, with all it causes; kept once per `sid`.

    `replies` are kept while the sender got less than `most_replies` in the clock hour.
    `wrong_pins` are counted against the sender. `delete`: it is to be deleted at Twilio. `old`: was
    there before us and is only to be known, unless it turns out to come in this moment.
    """

    sid: str
    sender: str
    recipient: str
    body: str
    received_at: float
    events: tuple[Event, ...] = ()
    replies: tuple[Submission, ...] = ()
    most_replies: int = 0
    consent: tuple[Step, ...] = ()
    wrong_pins: int = 0
    delete: bool = False
    old: bool = False


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a text came in: whose contact the sender is, whether it is too old to act on, when."""

    name: str | None
    stale: bool
    at: float


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a reception: False if its SID was known; replies that were over the limit."""

    new: bool
    withheld: int = 0


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A number whose texts are listed: none from before `since`; all up to `cursor` were read.

    Times are Twilio's, in seconds since 1970.
    """

    number: str
    since: float
    cursor: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What health shows of the queue; the age in seconds."""

    waiting: int
    unknown: int
    owed_events: int
    set_aside_events: int
    oldest_waiting: float | None


class Store(Protocol):
    """Keeps everything acknowledged. Every method that writes returns after the commit (fsync).

    While the disk refuses, everything waits and is tried again every second; what is called
    `impatient`, and `find`, `listing` and `figures`, raise `StoreUnavailable` instead, and have
    then surely not happened.
    """

    instance: str

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written now, in one sentence; None while it can."""

    async def begin_session(self, client_id: str, *, present: bool) -> int:
        """Give the new connection's number; forgets the session's packet ids unless `present`."""

    async def accept(
        self,
        submissions: Sequence[Submission],
        now: float,
        slots: Slots,
        *,
        impatient: bool = False,
    ) -> tuple[list[Receipt | Exception], Claims]:
        """Keep requests in order of arrival and claim attempts for `slots`, in one transaction.

        A submission that is a redelivery changes nothing. One that fails by itself gives its
        exception and changes nothing; the others are kept.
        """

    async def claim(self, now: float, slots: Slots) -> Claims:
        """Take due deliveries in order of priority and arrival and record their next attempt.

        At most one per lane, none like one in doubt.
        """

    async def apply(self, change: Change) -> str:
        """Take a step: `done`, `stale` (another came first), or `claimed` (the SID is another's).

        A SID that another delivery holds by look-up only is taken from it: that one is in doubt
        again.
        """

    async def receive(
        self, receptions: Sequence[Reception], now: float, *, impatient: bool = False
    ) -> list[Kept]:
        """Keep what came in, its events, replies, opt-outs, all in one transaction, in order.

        A known SID changes nothing.
        """

    async def recipients(self) -> set[str]:
        """Give every number that something came in to."""

    async def known(self, sids: Sequence[str]) -> set[str]:
        """Give those of the SIDs that were received already."""

    async def consent(self, steps: Sequence[Step]) -> None:
        """Keep opt-outs and their ends."""

    async def opt_outs(self) -> list[Step]:
        """Give every opt-out."""

    async def wrong_pins(self, now: float) -> dict[str, int]:
        """Give how many wrong PINs each sender gave in this clock hour."""

    async def mailboxes(self) -> list[Mailbox]:
        """Give how far each number's list was read."""

    async def read_up_to(self, mailbox: Mailbox) -> None:
        """Keep how far a number's list was read; `since` stays what it was first."""

    async def to_delete(self, most: int) -> list[str]:
        """Give SIDs of texts that are to be deleted at Twilio, oldest first."""

    async def deleted(self, sid: str) -> None:
        """Note that a text is deleted at Twilio, or cannot be."""

    async def fresh(self, now: float, most: int) -> list[Delivery]:
        """Give deliveries of which Twilio is to be asked how they fare."""

    async def next_news(self) -> float | None:
        """Give when the next one is to be asked for."""

    async def holding(self, sids: Sequence[str]) -> list[Delivery]:
        """Give the deliveries that have these SIDs."""

    async def overdue(self, now: float) -> list[Delivery]:
        """Give waiting deliveries whose time is over."""

    async def doubtful(self, now: float) -> list[Delivery]:
        """Give deliveries whose look-up is due."""

    async def unclaimed(self, sids: Sequence[str]) -> list[str]:
        """Give those of the SIDs that no delivery holds."""

    async def owed(self, host: str, after: int, most: int) -> list[Event]:
        """Give the events that a host is to tell, with an id above `after`, oldest first."""

    async def acknowledge(self, ids: Sequence[int], answered: str | None = None) -> None:
        """Forget events that their host has told, and the question that they answered."""

    async def lost(self, ids: Sequence[int]) -> list[Event]:
        """Count a connection lost with these events in flight; give those now set aside.

        The third time running sets an event aside until the gateway starts again.
        """

    async def questions(self) -> list[Question]:
        """Give every question that is kept, in the order in which they were asked."""

    async def close_question(self, question_id: str) -> None:
        """Forget a question that was answered, or that nobody answers any more."""

    async def find(self, delivery_id: str) -> Delivery | None:
        """Give one delivery."""

    async def of_request(self, request_id: str) -> list[Delivery]:
        """Give the deliveries of a request's id that are not final, oldest first."""

    async def figures(self, now: float) -> Figures:
        """Count what is waiting."""

    async def shift(self, seconds: float, now: float) -> None:
        """Move the times set in this run with a jump of the wall clock, to `now`; no others."""

    async def listing(self, state: State | None, most: int) -> list[Delivery]:
        """Give deliveries, newest first."""

    async def purge(self, before: float, now: float) -> int:
        """Forget some settled deliveries created before, and past tallies; give how many."""

    async def recover(self, now: float, first_lookup: float) -> int:
        """Put attempts that the last run left open in doubt; give how many. Call once, first."""


class Provider(Protocol):
    """Twilio, or what stands in for it."""

    async def create(self, delivery: Delivery, validity: int | None) -> Outcome:
        """Create the text, call or run of a flow, once; never raises and never retries."""

    async def look_up(self, delivery: Delivery) -> Lookup:
        """Look for what an unsettled create may have made, from its first doubtful attempt on."""

    async def probe(self) -> tuple[Pause | None, str]:
        """Ask something harmless: (None, "") if Twilio answers, else why not."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of one of Twilio's lists, newest first. `at` is Twilio's time of the answer.

    `texts` are without their media, `Text.sent_at` by Twilio's clock, None where it gave no date;
    `pictured`: the SIDs of those that have media. `oldest`: when the last entry that has a date was
    created, None without one. `more`: asks for the next page, None after the last.
    """

    at: float
    texts: tuple[Text, ...] = ()
    news: tuple[News, ...] = ()
    pictured: frozenset[str] = frozenset()
    oldest: float | None = None
    more: "Turn | None" = None


Turn = Callable[[], Awaitable["Page | Unanswered"]]


class Gazette(Protocol):
    """Twilio's lists, a page at a time. Each call is one request and never raises."""

    async def received(self, number: str, most: int) -> Page | Unanswered:
        """Give the newest inbound texts to a number (`whatsapp:+...` for its WhatsApp texts)."""

    async def sent(
        self, kind: Kind, sender: str | None, to: str | None, most: int
    ) -> Page | Unanswered:
        """Give the newest texts or calls, as news; from a sender, to a recipient, if given."""

    async def media(self, sid: str) -> tuple[Medium, ...] | Unanswered:
        """Give the pictures and other files of a text."""

    async def delete(self, sid: str) -> bool | Unanswered:
        """Delete a text at Twilio: True if it is gone, False if it cannot be, now or ever."""


class Documents(Protocol):
    """The public JSON documents, as bytes: see wire.py."""

    def answer(self, response: str, request_id: str | None) -> bytes:
        """Give the status document around a `response` part."""

    def accepted(self, delivery: Delivery) -> str:
        """Give the `response` part for what Twilio has accepted."""

    def failed(self, error: str, message: str) -> str:
        """Give the `response` part for a failure."""

    def delivery(self, before: State, delivery: Delivery, remedy: str | None) -> bytes:
        """Give the `message/delivery` document of a step."""

    def sent(self, delivery: Delivery) -> bytes:
        """Give the `message/sent` document."""

    def time(self, seconds: float) -> str:
        """Write a time as the documents do."""

    def received(self, text: Text, opt_out: OptOut | None, arrival: Arrival) -> bytes:
        """Give the `message/received` document."""

    def ring(self, ring: Ring, name: str | None, at: float) -> bytes:
        """Give the `call/received` document."""


class Clock(Protocol):
    """Time, chance and names; a test brings its own."""

    def now(self) -> float:
        """Give the wall clock: seconds since 1970, which may jump."""

    def monotonic(self) -> float:
        """Give a clock that never jumps and goes on while the machine sleeps."""

    def drift(self) -> float:
        """Give how far `now` is ahead of `monotonic`: it changes when the wall clock jumps."""

    def machine_seconds(self, seconds: float) -> float:
        """Give how long the machine waits for so many seconds of this clock."""

    def jitter(self) -> float:
        """Draw from [0, 1)."""

    def new_id(self) -> str:
        """Give a delivery's id: unique over all gateways, growing with time."""
