"""The inbox: what people text and whom they call, kept once and told.

A text is written to the store, with the events and replies it causes, in one transaction; only
then is Twilio answered. Twilio may tell of it several times, by webhook and when asked.
"""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from callbox.domain.consent import Consent, after_text
from callbox.domain.notification import Kind
from callbox.domain.phone import mask
from callbox.domain.received import OptOut, Ring, Text, opt_out_of
from callbox.domain.request import Recipient, Request
from callbox.intake import Asked, Intake
from callbox.ports import Arrival, Clock, Documents, Event, Reception, Store, Submission
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
    """The configured part: how old a text may be to act on (seconds), and what is ours."""

    max_age: float
    service: str | None = None
    delete: bool = False


@dataclass(slots=True)
class Inbox:
    """The use cases of receiving. `kept` is called when something new was committed."""

    store: Store
    documents: Documents
    clock: Clock
    rules: Rulebook
    intake: Intake
    consent: Consent
    name_of: Callable[[str], str | None]  # a number's contact
    habits: Habits
    kept: Callable[[], None]
    counters: Counted = field(default_factory=Counted)
    _wrong: Counter[str] = field(default_factory=Counter)
    _hour: float = 0.0

    async def open(self) -> None:
        """Learn who gave wrong PINs lately."""
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
        text, reading = self._read(_storable(text))
        word = text.told_opt_out or opt_out_of(text.body)
        reception = self._reception(text, reading, word)
        kept = (await self.store.receive([reception], self.clock.now(), impatient=impatient))[0]
        if not kept.new:
            self.counters.repeated += 1
            return False
        self.consent.take(reception.consent)
        self.counters.texts += 1
        self.counters.replies_withheld += kept.withheld
        if kept.withheld:
            log.warning(
                "No automatic reply to %s: there were %d in this hour already",
                mask(text.sender), MOST_REPLIES,
            )  # fmt: skip
        self.kept()
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
        """Cut PINs out of a text, and count a wrong one."""
        self._begin_hour()
        locked = self._wrong[text.sender] >= MOST_WRONG_PINS
        reading = self.rules.read(text.body, text.sender, locked=locked)
        if reading.wrong:
            self.counters.wrong_pins += 1
            self._wrong[text.sender] += 1
            log.warning("A wrong PIN from %s (%d in this hour)", *self._guesses(text.sender))
        return replace(text, body=reading.body), reading

    def _begin_hour(self) -> None:
        hour = self.clock.now() // _HOUR
        if hour != self._hour:
            self._hour = hour
            self._wrong.clear()

    def _guesses(self, sender: str) -> tuple[str, int]:
        return mask(sender), self._wrong[sender]

    def _reception(self, text: Text, reading: Reading, word: OptOut | None) -> Reception:
        now = self.clock.now()
        at = now if text.sent_at is None else text.sent_at
        stale = now - at > self.habits.max_age
        arrival = Arrival(self.name_of(text.sender), stale, at)
        document = self.documents.received(text, word, arrival)
        verdict = _NOTHING if stale else self._judge(text, reading, arrival)
        return Reception(
            text.sid,
            text.sender,
            text.recipient,
            text.body,
            at,
            (Event("message/received", document), *_published(verdict, document)),
            () if word else tuple(self._reply(text, reply) for reply in verdict.replies),
            MOST_REPLIES,
            after_text(text, word, self.habits.service),
            reading.wrong,
            self.habits.delete,
        )

    def _judge(self, text: Text, reading: Reading, arrival: Arrival) -> Verdict:
        facts = Facts(
            sender=text.sender,
            to=text.recipient,
            name=arrival.name or "",
            sid=text.sid,
            channel=text.channel,
            received_at=self.documents.time(arrival.at),
            media=tuple(medium.url for medium in text.media),
        )
        verdict = self.rules.judge(facts, reading)
        for name in verdict.fired:
            log.info("Rule %s fires for a text from %s", name, mask(text.sender))
        for fault in verdict.faults:
            log.error("%s", fault)
        return verdict

    def _reply(self, text: Text, reply: str) -> Submission:
        """Answer from the number that was texted; an answer late by hours is worth nothing."""
        name = self.name_of(text.sender) or ""
        recipient = Recipient(name, text.sender, text.channel, reply)
        request = Request(
            f"reply-{text.sid}", Kind.TXT, (recipient,), sender=text.recipient, expires_in=_HOUR
        )
        return self.intake.prepare(request, Asked())


def _published(verdict: Verdict, document: bytes) -> tuple[Event, ...]:
    return tuple(
        Event(topic, document if payload is None else payload.encode(), absolute=True)
        for topic, payload in verdict.publishes
    )


def _storable(text: Text) -> Text:
    """Give a text without half an emoji, which no document can carry."""
    return replace(text, body=text.body.encode("utf-8", "replace").decode())
