"""The inbox: what people text and whom they call, kept once and told.

A text is written to the store, with the events and replies it causes, in one transaction; only
then is Twilio answered. Twilio may tell of it several times, by webhook and when asked.
"""

import logging
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from callbox.domain.consent import Consent, after_text
from callbox.domain.notification import Kind
from callbox.domain.phone import is_e164, mask
from callbox.domain.received import OptOut, Ring, Text, opt_out_of
from callbox.domain.request import Recipient, Request
from callbox.intake import Asked, Intake
from callbox.ports import (
    Arrival,
    Clock,
    Documents,
    Event,
    Kept,
    Reception,
    Store,
    Submission,
)
from callbox.rules import Facts, Reading, Rulebook, Verdict

log = logging.getLogger(__name__)

MOST_REPLIES = 5  # automatic ones, to one sender in a clock hour
MOST_WRONG_PINS = 5  # of one sender in a clock hour
_HOUR = 3600.0
_NOTHING = Verdict()


@dataclass(slots=True)
class Counted:
    """What health shows of this run."""

    texts: int = 0
    repeated: int = 0
    calls: int = 0
    wrong_pins: int = 0
    replies_withheld: int = 0


@dataclass(frozen=True, slots=True)
class Habits:
    """The configured part: how old a text may be to act on (seconds), and what is ours.

    `deletes` are the numbers whose texts are to be deleted at Twilio; None: everyone's.
    """

    max_age: float
    service: str | None = None
    deletes: frozenset[str] | None = frozenset()


@dataclass(slots=True)
class Inbox:
    """The use cases of receiving.

    `kept` is called when something new was committed, `replied` when replies to it were.
    """

    store: Store
    documents: Documents
    clock: Clock
    rules: Rulebook
    intake: Intake
    consent: Consent
    name_of: Callable[[str], str | None]  # a number's contact
    habits: Habits
    kept: Callable[[], None]
    replied: Callable[[], None] = lambda: None
    counters: Counted = field(default_factory=Counted)
    fired: Counter[str] = field(default_factory=Counter)  # how often each rule was set off
    _ours: set[str] = field(default_factory=set)  # every number of ours that was ever texted
    _wrong: Counter[str] = field(default_factory=Counter)
    _hour: float = 0.0

    async def open(self) -> None:
        """Learn which numbers are ours, and who gave wrong PINs lately."""
        self._ours |= await self.store.recipients()
        now = self.clock.now()
        self._hour = now // _HOUR
        self._wrong.update(await self.store.wrong_pins(now))

    def trouble(self) -> str | None:
        """Say who may be guessing PINs, and is locked out until the clock hour ends."""
        self._begin_hour()
        locked = [sender for sender, wrong in self._wrong.items() if wrong >= MOST_WRONG_PINS]
        if not locked:
            return None
        return f"{', '.join(map(mask, locked[:5]))} gave {MOST_WRONG_PINS} wrong PINs in this hour"

    async def receive(self, text: Text, *, impatient: bool = True) -> bool:
        """Keep a text; returns when it is on disk: True if it is new, False if it was known.

        With `impatient` raises StoreUnavailable while the disk refuses: then nothing was kept.
        """
        text = _storable(text)
        word = text.told_opt_out or opt_out_of(text.body)
        text, reading = self._read(text)
        self._ours.add(text.recipient)
        reception, verdict = self._reception(text, reading, word)
        kept = await self._keep(reception, impatient=impatient)
        if not kept.new:
            self.counters.repeated += 1
            return False
        self._tell(text, verdict, reading)
        self.consent.take(reception.consent)
        self.counters.texts += 1
        self.counters.replies_withheld += kept.withheld
        if kept.withheld:
            log.warning(
                "No automatic reply to %s: there were %d in this hour already",
                mask(text.sender), MOST_REPLIES,
            )  # fmt: skip
        self.kept()
        if reception.replies:
            self.replied()
        return True

    async def ring(self, ring: Ring) -> bool:
        """Keep a step of an inbound call, as `receive` does with a text."""
        now = self.clock.now()
        document = self.documents.ring(ring, self.name_of(ring.caller), now)
        step = ring.recording_url or ring.status
        reception = Reception(
            f"{ring.sid} {step}",
            ring.caller,
            ring.called,
            "",
            now,
            (Event("call/received", document),),
        )
        kept = (await self.store.receive([reception], now, impatient=True))[0]
        self.counters.calls += kept.new
        if kept.new:
            log.info("Call from %s: %s", mask(ring.caller), ring.status)
            self.kept()
        return kept.new

    def _read(self, text: Text) -> tuple[Text, Reading]:
        """Cut PINs out of a text."""
        self._begin_hour()
        locked = self._wrong[text.sender] >= MOST_WRONG_PINS
        reading = self.rules.read(text.body, text.sender, locked=locked)
        return text if reading.body == text.body else replace(text, body=reading.body), reading

    async def _keep(self, reception: Reception, *, impatient: bool) -> Kept:
        """Write a text; wrong PINs count at once, so that guesses side by side are not free."""
        sender, wrong = reception.sender, reception.wrong_pins
        self._wrong[sender] += wrong
        kept = Kept(new=False)
        try:
            kept = (await self.store.receive([reception], self.clock.now(), impatient=impatient))[0]
        finally:
            if not kept.new:
                self._wrong[sender] = max(0, self._wrong[sender] - wrong)
        return kept

    def _tell(self, text: Text, verdict: Verdict, reading: Reading) -> None:
        """Log what a text has set off."""
        sender = mask(text.sender)
        if reading.wrong:
            self.counters.wrong_pins += reading.wrong
            count = self._wrong[text.sender]
            log.warning("A wrong PIN from %s (%d in this hour)", sender, count)
        self.fired.update(verdict.fired)
        set_off = ", ".join(f"rule {name}" for name in verdict.fired) or "no rule fires"
        log.info("Text from %s: %s", sender, set_off)
        for fault in verdict.faults:
            log.error("%s", fault)

    def _begin_hour(self) -> None:
        hour = self.clock.now() // _HOUR
        if hour != self._hour:
            self._hour = hour
            self._wrong.clear()

    def _reception(
        self, text: Text, reading: Reading, word: OptOut | None
    ) -> tuple[Reception, Verdict]:
        """Give what is to be kept of a text, and what it sets off."""
        now = self.clock.now()
        at = now if text.sent_at is None else math.floor(text.sent_at)  # Twilio dates to seconds
        stale = now - at > self.habits.max_age
        arrival = Arrival(self.name_of(text.sender), stale, at)
        document = self.documents.received(text, word, arrival)
        verdict = _NOTHING if stale else self._judge(text, reading, arrival)
        answered = () if word or not _may_answer(text) else verdict.replies
        reception = Reception(
            text.sid,
            text.sender,
            text.recipient,
            text.body,
            at,
            (
                Event("message/received", document),
                *_published(verdict, document, at + self.habits.max_age),
            ),
            tuple(self._reply(text, reply) for reply in answered),
            MOST_REPLIES,
            after_text(text, word, self.habits.service, now),
            reading.wrong,
            self.habits.deletes is None or text.recipient in self.habits.deletes,
        )
        return reception, verdict

    def _judge(self, text: Text, reading: Reading, arrival: Arrival) -> Verdict:
        """Ask the rules, unless one of our own numbers speaks: two gateways would never end."""
        if text.sender in self._ours:
            return _NOTHING
        facts = Facts(
            sender=text.sender,
            to=text.recipient,
            name=arrival.name or "",
            sid=text.sid,
            channel=text.channel,
            received_at=self.documents.time(arrival.at),
            media=tuple(medium.url for medium in text.media),
        )
        return self.rules.judge(facts, reading)

    def _reply(self, text: Text, reply: str) -> Submission:
        """Answer from the number that was texted; an answer late by hours is worth nothing."""
        name = self.name_of(text.sender) or ""
        recipient = Recipient(name, text.sender, text.channel, reply)
        request = Request(
            f"reply-{text.sid}", Kind.TXT, (recipient,), sender=text.recipient, expires_in=_HOUR
        )
        return self.intake.prepare(request, Asked())


def _may_answer(text: Text) -> bool:
    """Whether a text comes from a phone; short codes and names take no answers."""
    return is_e164(text.sender) and text.sender != text.recipient


def _published(verdict: Verdict, document: bytes, until: float) -> tuple[Event, ...]:
    """Give what rules publish: nobody acts on it when the broker comes back hours later."""
    return tuple(
        Event(
            topic,
            document if payload is None else payload.encode(),
            absolute=True,
            expires_at=until,
        )
        for topic, payload in verdict.publishes
    )


def _storable(text: Text) -> Text:
    """Give a text without half an emoji, which no document can carry."""
    try:
        text.body.encode()
    except UnicodeEncodeError:
        return replace(text, body=text.body.encode("utf-8", "replace").decode())
    return text
