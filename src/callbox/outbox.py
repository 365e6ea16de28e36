"""The outbox: submit, deliver, resolve, settle.

A request is written to the store, and only then acknowledged by its host. A delivery's attempt is
on disk before Twilio is called, once; its outcome is recorded together with the events it owes.
Waiting is a row with a due time, so a kill is an ordinary shutdown.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from callbox.domain.consent import REFUSED, Consent, Step, pair_of
from callbox.domain.delivery import FREES_DEDUP_KEY, Delivery, Evidence, Progress, State
from callbox.domain.news import News
from callbox.domain.notification import CRITICAL, Kind
from callbox.domain.outcome import (
    Accepted,
    Deferred,
    Found,
    Lookup,
    Outcome,
    Pause,
    Refused,
    Unanswered,
    Unknown,
)
from callbox.domain.pace import Pace
from callbox.domain.phone import mask
from callbox.domain.policy import (
    Rules,
    after_attempt,
    after_lookup,
    after_news,
    after_silence,
    claimed,
    doubt,
    expired,
    tells,
)
from callbox.errors import StoreUnavailable
from callbox.ports import (
    Change,
    Claims,
    Clock,
    Documents,
    Event,
    Provider,
    Receipt,
    Refusal,
    Slots,
    Store,
    Submission,
)

log = logging.getLogger(__name__)

_LONGEST_WAIT = 5.0  # seconds between two looks at the clock
_JUMP = 2.0  # seconds that the wall clock may drift unnoticed
_RECENT = 60.0  # seconds for which a failed look-up is worth telling
_LOOKUPS_AT_ONCE = 10
_LONGEST_VALIDITY = 36_000  # Twilio's ValidityPeriod
_TRIES = 5  # of a step that something else overtakes

_ON_ITS_WAY = {State.ACCEPTED, State.SENT, State.READ}  # INFO is for what is finished

_OPTED_OUT = Refused(
    REFUSED,
    f"The recipient has opted out of texts from this sender (Twilio code {REFUSED})",
    "They can text START to the sender; until then send to them in another way. Requests of "
    "priority critical are tried all the same.",
)
_PERHAPS_OPTED_OUT = (
    "The recipient texted STOP to this sender: Twilio took this text, but may deliver no more "
    "until they text START."
)

# The first status of what is not sent, by the state it ends in.
_ERRORS = {
    State.FAILED: "TwilioRestException",
    State.EXPIRED: "Expired",
    State.CANCELLED: "Cancelled",
    State.UNKNOWN: "OutcomeUnknown",
}


_CALLED = {Kind.TXT: "Text", Kind.CALL: "Call", Kind.FLOW: "Flow"}
_FAILURES = {
    State.FAILED: "",
    State.EXPIRED: "The request expired before Twilio took it",
    State.CANCELLED: "The request was cancelled",
    State.UNKNOWN: "It may have been sent",
}


@dataclass(slots=True)
class Counters:
    """What health and metrics show of this run."""

    accepted: int = 0
    refused: int = 0
    redelivered: int = 0
    limited: int = 0
    unknown: int = 0
    recovered: int = 0
    doubled: int = 0
    strangers: int = 0


@dataclass(slots=True)
class Outbox:
    """The use cases.

    `owed` is called when events were committed, `taken` when Twilio took something; `spawn` runs a
    unit of work.
    """

    store: Store
    provider: Provider
    documents: Documents
    clock: Clock
    rules: Rules
    pace: Pace
    owed: Callable[[], None]
    spawn: Callable[[Coroutine[Any, Any, None]], object]
    taken: Callable[[], None] = lambda: None
    counters: Counters = field(default_factory=Counters)
    consent: Consent = field(default_factory=Consent)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _next_due: float = 0.0
    _drift: float = 0.0
    _jumps: int = 0
    _limit: tuple[str, float] | None = None
    _blind: tuple[str, float] | None = None
    _looking: set[str] = field(default_factory=set)
    _doubles: set[tuple[str, str]] = field(default_factory=set)
    _stopping: bool = False

    async def open(self) -> None:
        """Put what the last run left open in doubt. Call before anything else."""
        self._drift = self.clock.drift()
        self.consent.take(await self.store.opt_outs())
        left = await self.store.recover(self.clock.now(), self.rules.lookup_delays[0])
        self.counters.recovered = left
        if left:
            log.warning("%d cut off by the last stop while being sent: looked up at Twilio", left)

    # submit

    async def submit(
        self, submissions: Sequence[Submission], *, impatient: bool = False
    ) -> list[Receipt]:
        """Keep requests; returns when they are on disk, in order. Sends what can be sent at once.

        What cannot be kept as it stands is kept as a refusal (`InternalError`). With `impatient`
        raises StoreUnavailable while the disk refuses: then nothing was kept.
        """
        await self._notice_jump()
        slots = self._reserve(sum(len(submission.deliveries) for submission in submissions))
        claims, jumps = Claims(), self._jumps
        try:
            results, claims = await self.store.accept(
                submissions, self.clock.now(), slots, impatient=impatient
            )
        finally:
            self._begin(claims, slots, jumps)
        receipts = [
            result if isinstance(result, Receipt) else await self._refuse(submission, result)
            for submission, result in zip(submissions, results, strict=True)
        ]
        for receipt in receipts:
            self._count(receipt)
        if not slots.total:
            self._wake.set()  # whoever held the places may have looked before this was there
        self.owed()
        return receipts

    async def _refuse(self, submission: Submission, fault: Exception) -> Receipt:
        log.error("A request could not be kept: %s", type(fault).__name__)
        request_id = submission.deliveries[0].request_id if submission.deliveries else None
        refusal = Refusal(request_id, "InternalError", "The request could not be kept")
        refused = replace(submission, deliveries=(), refusals=(refusal,))
        results, _ = await self.store.accept([refused], self.clock.now(), Slots())
        receipt = results[0]
        if isinstance(receipt, Exception):
            raise receipt
        return receipt

    def _count(self, receipt: Receipt) -> None:
        self.counters.accepted += len(receipt.accepted)
        self.counters.refused += len(receipt.refused)
        self.counters.redelivered += receipt.redelivered
        for refusal in receipt.refused:
            if refusal.error == "LimitReached":
                self.counters.limited += 1
                limit = "limits." + refusal.message.partition("limits.")[2]
                self._limit = limit, self.clock.now() // 3600

    # deliver

    async def run(self) -> None:
        """Deliver what is due until `stop`: claims, look-ups, expiries, probes."""
        while not self._stopping:
            self._wake.clear()
            wait = await self._round()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.clock.machine_seconds(wait)):
                    await self._wake.wait()

    def wake(self) -> None:
        """Have `run` look for something to do now."""
        self._wake.set()

    def stop(self) -> None:
        """Claim nothing more and end `run`; requests under way go on."""
        self._stopping = True
        self._wake.set()

    async def _round(self) -> float:
        await self._notice_jump()
        now = self.clock.now()
        if now >= self._next_due:
            self._next_due = now + _LONGEST_WAIT
            overdue = await self.store.overdue(now)
            await asyncio.gather(*(self._settle(d, expired(d.progress, now)) for d in overdue))
            if overdue:
                self._next_due = now  # there may be more
            await self._start_lookups(now)
        if self.pace.wants_probe(self.clock.monotonic()):
            self.pace.probe_begins()
            self.spawn(self._probe())
        await self._claim()
        return self._wait()

    def limit_reached(self) -> str | None:
        """Give the limit that a request of this clock hour was over."""
        if self._limit is None or self._limit[1] != self.clock.now() // 3600:
            return None
        return self._limit[0]

    def lookup_trouble(self) -> str | None:
        """Say why what is in doubt cannot be looked up."""
        if self._blind is None or self.clock.monotonic() - self._blind[1] > _RECENT:
            return None
        return self._blind[0]

    def trouble(self) -> str | None:
        """Say why nothing is sent to Twilio just now."""
        return self.pace.trouble(self.clock.monotonic())

    def _wait(self) -> float:
        waits = [_LONGEST_WAIT, self._next_due - self.clock.now()]
        opens_at = self.pace.opens_at(self.clock.monotonic())
        if opens_at is not None:
            waits.append(opens_at - self.clock.monotonic())
        return max(0.001, min(waits))

    async def _notice_jump(self) -> None:
        """Move due times with a jump of the wall clock against the monotonic one."""
        drift = self.clock.drift()
        jump, self._drift = drift - self._drift, drift
        if abs(jump) > _JUMP:
            log.warning("The clock jumped by %+.0f s: due times move with it", jump)
            self._jumps += 1
            await self.store.shift(jump, self.clock.now())
            self._next_due = 0.0
            self._wake.set()

    async def _as_moved(self, delivery: Delivery, jumps: int) -> Delivery:
        """Give a delivery anew if the clock has jumped since: its times have moved in the store.

        One that went on meanwhile stays as it was read, so that what follows from it is stale.
        """
        await self._notice_jump()
        if jumps == self._jumps:
            return delivery
        found = await self.store.of_request(delivery.request_id)
        step = delivery.id, delivery.progress.state, delivery.progress.attempt
        same = (e for e in found if (e.id, e.progress.state, e.progress.attempt) == step)
        return next(same, delivery)

    async def _claim(self) -> None:
        slots = self._reserve(self.pace.max_concurrency)
        claims, jumps = Claims(), self._jumps
        try:
            if slots.total:
                claims = await self.store.claim(self.clock.now(), slots)
        finally:
            self._begin(claims, slots, jumps)

    def _reserve(self, wanted: int) -> Slots:
        if self._stopping:
            return Slots()
        return Slots(*self.pace.reserve(wanted, self.clock.monotonic()))

    def _begin(self, claims: Claims, slots: Slots, jumps: int) -> None:
        self.pace.release(slots.total - len(claims.deliveries), call=slots.calls > 0)
        if claims.next_due is not None and claims.next_due < self._next_due:
            self._next_due = claims.next_due
            self._wake.set()
        for delivery in claims.deliveries:
            if delivery.notification.kind is Kind.CALL:
                self.pace.called(self.clock.monotonic())
            self.spawn(self._deliver(delivery, jumps))
        if claims.deliveries and len(claims.deliveries) == slots.total:
            self._wake.set()

    async def _deliver(self, delivery: Delivery, jumps: int) -> None:
        delivery = await self._as_moved(delivery, jumps)
        if self.clock.now() >= delivery.expires_at:
            self._release_one()
            await self._settle(delivery, expired(delivery.progress, self.clock.now()))
            return
        out = self.consent.certainty(delivery.notification)
        try:
            outcome = await self._create(delivery, opted_out=bool(out))
        finally:
            self._release_one()
        delivery = await self._as_moved(delivery, jumps)
        now = self.clock.now()
        after = after_attempt(delivery, outcome, now, self.clock.jitter(), self.rules)
        remedy = getattr(outcome, "remedy", None)
        if out is False and isinstance(outcome, Accepted):
            remedy = remedy or _PERHAPS_OPTED_OUT
        verdict = await self._settle(delivery, after, remedy)
        await self._note_consent(delivery, outcome)
        if verdict == "claimed":
            log.error("Twilio gave the SID %s twice: looking up what it made", after.sid)
            doubtful = Unknown("Twilio answered with a SID that is another's")
            await self._settle(delivery, doubt(delivery.progress, doubtful, now, self.rules))
        elif verdict == "stale" and isinstance(outcome, Accepted):
            await self._compare(delivery.id, outcome.sid)

    async def _create(self, delivery: Delivery, *, opted_out: bool) -> Outcome:
        """Ask Twilio, unless it surely refuses."""
        if opted_out and delivery.priority < CRITICAL:
            return _OPTED_OUT
        outcome = await self.provider.create(delivery, self._validity(delivery))
        self._report(outcome)
        return outcome

    async def _note_consent(self, delivery: Delivery, outcome: Outcome) -> None:
        """Learn from Twilio whether the recipient wants texts from this sender."""
        steps: tuple[Step, ...] = ()
        note = delivery.notification
        if isinstance(outcome, Accepted) and not note.by_service:
            # A service refuses only after it accepted.
            steps = self.consent.after_success(note, delivery.progress.attempted_at or 0.0)
        elif isinstance(outcome, Refused) and outcome.code == REFUSED and outcome != _OPTED_OUT:
            steps = (Step(pair_of(note), True, True, self.clock.now()),)
        await self._consent(steps)

    async def _consent(self, steps: tuple[Step, ...]) -> None:
        if steps:
            self.consent.take(steps)
            await self.store.consent(steps)

    async def _compare(self, delivery_id: str, sid: str) -> None:
        """Tell of a create whose answer came after a callback had settled it with another SID."""
        settled = await self.store.find(delivery_id)
        if settled is not None and settled.progress.sid not in {None, sid}:
            self._tell_doubled(settled, sid)

    def _release_one(self) -> None:
        self.pace.in_flight -= 1
        self._wake.set()

    def _validity(self, delivery: Delivery) -> int | None:
        """Give Twilio's ValidityPeriod: the seconds left, None where its own longest is shorter."""
        left = int(delivery.expires_at - self.clock.now())
        return max(1, left) if left < _LONGEST_VALIDITY else None

    def _report(self, outcome: Outcome) -> None:
        """Let the pace know how Twilio is."""
        now = self.clock.monotonic()
        match outcome:
            case Deferred(pause=Pause() as pause, reason=reason, retry_after=retry_after):
                self.pace.failed(now, pause, reason, retry_after)
            case Unknown(reason=reason):
                self.pace.failed(now, Pause.OUTAGE, reason)
            case _:
                self.pace.answered()

    async def _probe(self) -> None:
        pause: Pause | None = Pause.OUTAGE
        reason = "The probe failed in an unforeseen way"
        try:
            pause, reason = await self.provider.probe()
        finally:
            self.pace.probed(self.clock.monotonic(), pause, reason)
            self._next_due = 0.0
            self._wake.set()

    # resolve

    async def _start_lookups(self, now: float) -> None:
        allowed = self.pace.lookups_allowed()
        jumps = self._jumps
        for delivery in await self.store.doubtful(now):
            if delivery.id in self._looking:
                continue
            if not allowed:
                await self._give_up(delivery, now)
            elif len(self._looking) < _LOOKUPS_AT_ONCE:
                self._looking.add(delivery.id)
                self.spawn(self._look_up(delivery, jumps))

    async def _give_up(self, delivery: Delivery, now: float) -> None:
        """End one in doubt whose time is over while Twilio cannot be asked."""
        if now >= delivery.expires_at:
            unanswered = Unanswered("Twilio cannot be asked")
            await self._settle(delivery, after_lookup(delivery, unanswered, now, self.rules))

    async def _look_up(self, delivery: Delivery, jumps: int) -> None:
        asked = self.clock.monotonic()
        lookup = await self.provider.look_up(delivery)
        delivery = await self._as_moved(delivery, jumps)
        self._note(lookup)
        # A list shows what there was when it was asked for, however long the answer took.
        then = self.clock.now() - (self.clock.monotonic() - asked)
        taken = isinstance(lookup, Found) and await self._take(delivery, lookup, then)
        if not taken:
            rest = lookup.otherwise if isinstance(lookup, Found) else lookup
            await self._settle(delivery, after_lookup(delivery, rest, then, self.rules))
        self._looking.discard(delivery.id)
        self._next_due = min(self._next_due, self.clock.now())
        self._wake.set()

    def _note(self, lookup: Lookup) -> None:
        """Remember why look-ups say nothing, and let the pace know if creates would fail too."""
        now = self.clock.monotonic()
        self._blind = (lookup.reason, now) if isinstance(lookup, Unanswered) else None
        if isinstance(lookup, Unanswered) and lookup.pause is not None:
            self.pace.failed(now, lookup.pause, lookup.reason)

    async def _take(self, delivery: Delivery, found: Found, now: float) -> bool:
        """Claim the oldest entry that no delivery holds."""
        free = await self.store.unclaimed([candidate.sid for candidate in found.candidates])
        for candidate in found.candidates:
            if candidate.sid in free:
                after = claimed(delivery, candidate, now)
                if await self._settle(delivery, after, candidate.remedy) != "claimed":
                    return True
        return False

    # news

    async def hear(self, news: News) -> bool:
        """Take what Twilio tells of a text or call; False if it is none of ours.

        Raises StoreUnavailable while the disk refuses: then it is to be told again.
        """
        if self.store.trouble:
            raise StoreUnavailable(self.store.trouble)
        await self._notice_jump()
        for _ in range(_TRIES):
            delivery = await self._meant(news)
            if delivery is None:
                self.counters.strangers += 1
                return False
            if self._is_double(delivery, news):
                self._tell_doubled(delivery, news.sid)
                return True
            after = after_news(delivery, news, self.clock.now())
            if after is None or await self._settle(delivery, after, news.remedy) != "stale":
                await self._learn(delivery, news)
                return True
        return True

    async def silent(self, delivery: Delivery, *, answered: bool) -> None:
        """Put a delivery off: Twilio was asked for news and had none, or could not be asked."""
        await self._notice_jump()
        after = after_silence(delivery, self.clock.now(), self.rules, answered=answered)
        await self._settle(delivery, after)

    async def _learn(self, delivery: Delivery, news: News) -> None:
        """Note what else news say: an opt-out, its end, or that what ended was sent after all."""
        note, state = delivery.notification, delivery.progress.state
        if state in FREES_DEDUP_KEY and delivery.progress.sid is None:
            self.counters.doubled += 1
            log.error(
                "Request %s, which ended %s, was sent after all: Twilio made %s",
                delivery.request_id, state, news.sid,
            )  # fmt: skip
        if note.kind is Kind.TXT and news.code == REFUSED:
            await self._consent((Step(pair_of(note), True, True, self.clock.now()),))
        elif news.state in {State.SENT, State.DELIVERED, State.READ}:
            sent_at = delivery.progress.attempted_at or 0.0
            await self._consent(self.consent.after_success(note, sent_at))

    async def _meant(self, news: News) -> Delivery | None:
        """Find the delivery by the attempt that the callback names, else by its SID."""
        if news.attempt_id is not None:
            delivery = await self.store.find(news.attempt_id.rpartition("-")[0])
            fits = delivery is not None and delivery.notification.kind is news.kind
            return delivery if fits else None
        return next(iter(await self.store.holding([news.sid])), None)

    def _is_double(self, delivery: Delivery, news: News) -> bool:
        """Whether Twilio made a second one: another SID than what a create's answer gave.

        One found by look-up gives way to a callback: it was somebody else's like it.
        """
        held = delivery.progress
        return held.sid not in {None, news.sid} and held.evidence is not Evidence.LOOKUP

    def _tell_doubled(self, delivery: Delivery, sid: str) -> None:
        if (delivery.id, sid) in self._doubles:
            return
        self._doubles.add((delivery.id, sid))
        self.counters.doubled += 1
        log.error(
            "Request %s was sent twice: Twilio made %s as well as %s",
            delivery.request_id, sid, delivery.progress.sid,
        )  # fmt: skip

    # settle

    async def _settle(self, before: Delivery, after: Progress, remedy: str | None = None) -> str:
        """Record a step with the events it owes."""
        change = self._change(before, after, remedy)
        verdict = await self.store.apply(change)
        if verdict == "done":
            self._told(before, change)
        if before.progress.sid is None and after.sid is not None:
            self.taken()
        if after.due_at is not None:
            self._next_due = min(self._next_due, after.due_at)
            self._wake.set()
        return verdict

    def _told(self, before: Delivery, change: Change) -> None:
        after = change.after
        if not change.events:
            return
        self.counters.unknown += after.state is State.UNKNOWN and after.due_at is None
        self.owed()
        if before.progress.state is after.state:
            return
        note = before.notification
        why = f": {after.error_message}" if after.error_message else ""
        log.log(
            logging.DEBUG if after.state in _ON_ITS_WAY else logging.INFO,
            "%s to %s is %s (request %s, attempt %d)%s",
            _CALLED[note.kind], mask(note.to), after.state, before.request_id, after.attempt, why,
        )  # fmt: skip

    def _change(self, before: Delivery, after: Progress, remedy: str | None) -> Change:
        ended = after.state is State.UNKNOWN and after.due_at is None
        if not ended and after.state in {State.QUEUED, State.SENDING, State.UNKNOWN}:
            return Change(before, after)
        if not tells(before.progress, after, before.notification.kind):
            return Change(before, after)
        delivery = replace(before, progress=after)
        document = self.documents.delivery(before.progress.state, delivery, remedy)
        events = [Event("message/delivery", document)]
        if before.progress.sid is None and after.sid is not None and _is_text(before):
            events.append(Event("message/sent", self.documents.sent(delivery)))
        answer = self._answer(delivery) if before.answer is None else None
        return Change(before, after, tuple(events), answer)

    def _answer(self, delivery: Delivery) -> str:
        progress = delivery.progress
        if progress.sid is not None:
            return self.documents.accepted(delivery)
        message = _FAILURES[progress.state]
        if progress.error_message and progress.state is not State.CANCELLED:
            message = f"{message}: {progress.error_message}" if message else progress.error_message
        name = delivery.notification.name
        several = delivery.position > 0
        return self.documents.failed(
            _ERRORS[progress.state], f"{name}: {message}" if several else message
        )

    # people

    async def cancel(self, request_id: str) -> tuple[list[str], list[str]]:
        """Withdraw what waits under a request's id: give the ids cancelled, and those too late."""
        cancelled: list[str] = []
        late: list[str] = []
        for delivery in await self.store.of_request(request_id):
            done = await self.cancel_delivery(delivery)
            (cancelled if done else late).append(delivery.id)
        return cancelled, late

    async def cancel_delivery(self, delivery: Delivery) -> bool:
        """Withdraw one delivery; False if Twilio may have it already."""
        if delivery.progress.state is not State.QUEUED:
            return False
        after = replace(
            delivery.progress,
            state=State.CANCELLED,
            due_at=None,
            updated_at=self.clock.now(),
        )
        return await self._settle(delivery, after) == "done"

    async def retry(self, delivery: Delivery, expires_after: float) -> Receipt:
        """Send one again that ended without success, as a new delivery that names the old one."""
        now = self.clock.now()
        again = replace(
            delivery,
            id=self.clock.new_id(),
            created_at=now,
            expires_at=now + expires_after,
            expires_fixed=False,
            dedup_key=None,
            dedup_digest=None,
            retry_of=delivery.id,
            progress=Progress(updated_at=now),
            answer=None,
        )
        return (await self.submit([Submission((again,))], impatient=True))[0]


def _is_text(delivery: Delivery) -> bool:
    return delivery.notification.kind is Kind.TXT
