"""The rounds: when Twilio is asked which texts came in, and how those that were sent fare.

A list is read in steps of one request, and between two steps the lists take turns, the one that
waits longest first: nobody starves, and no two requests are ever under way. What must outlive a
kill is in the store: how far each number was read, the SIDs that are known, when news are due.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
)
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from callbox.domain.delivery import Delivery
from callbox.domain.news import News
from callbox.domain.notification import Channel, Kind
from callbox.domain.outcome import Pause, Unanswered
from callbox.domain.phone import mask
from callbox.domain.policy import after_news
from callbox.domain.received import Text
from callbox.errors import StoreUnavailable
from callbox.inbox import Inbox
from callbox.outbox import Outbox
from callbox.ports import Clock, Gazette, Mailbox, Page, Reception, Store, Turn

log = logging.getLogger(__name__)

QUICK = 2.0  # seconds between two looks for texts after one came or went
QUICK_FOR = 120.0  # seconds for which that lasts
SERIES = (0.0, 1.0, 3.0, 8.0, 20.0)  # seconds after a ping: Twilio calls before it lists
OVERLAP = 300.0  # seconds before the cursor that are read again
BURST = 5  # requests; one a second on average

_LONGEST_WAIT = 5.0  # between two looks at what is due
_LONGEST_BACKOFF = 30.0  # between two questions that Twilio does not answer
_GLANCE, _PAGE, _LONGEST_PAGE = 10, 200, 1000  # entries
_MOST_PAGE_TRIES = 5  # before a list is read from its begin again
_MOST_PAGES = 20  # of one question for news
_MOST_NEWS = 500
_MOST_SENDERS = 3  # that are asked for one by one
_STIR_GAP = 1.0  # seconds for which a burst of texts counts as one
_NEWS_GAP = 2.0  # seconds between two questions for news
_TOLERANCE = 5.0  # seconds before an attempt that still count as after it
_RECENT = 600.0  # an older one may be far down the list
_DAY = 86_400.0  # the store forgets no SID earlier
_MARGIN = 3_600.0  # seconds before SIDs are forgotten when they are not relied on any more
_MOST_DELETIONS = 200
_DELETE_AGAIN, _LONGEST_DELETE_AGAIN = 30.0, 3_600.0  # seconds, doubled each time
_MOST_DELETE_TRIES = 20  # about 14 hours
_STORE_WAIT = 5.0
_TROUBLE_AFTER = 2  # failures in a row: a single one is nobody's concern

Errand = AsyncGenerator[None, None]
_OVER = object()


@dataclass(frozen=True, slots=True)
class Plan:
    """The configured part, in seconds.

    `numbers` are ours whose texts are asked for, with `whatsapp:` before those of WhatsApp; `every`
    the longest time between two looks, None for no looks but after a ping. `eager`: looks often
    for a while after a text came or went, for nobody else tells of the answer. `since`: how far
    before the very first start texts count. `remembered`: how long the store knows a SID.
    """

    numbers: tuple[str, ...]
    every: float | None
    eager: bool = True
    since: float = 0.0
    delete: bool = False
    remembered: float = 2_592_000.0


@dataclass(slots=True)
class Budget:
    """Requests that may be made: one more each second, `BURST` at most."""

    _left: float = BURST
    _at: float = 0.0

    def wait(self, now: float) -> float:
        """Give the seconds until one may be made."""
        self._left = min(float(BURST), self._left + max(0.0, now - self._at))
        self._at = now
        return max(0.0, 1.0 - self._left)

    def take(self) -> None:
        """Count one."""
        self._left -= 1.0


@dataclass(slots=True)
class Lane:
    """Something that Twilio is asked over and over. Times are the monotonic clock's."""

    complaint: str
    due_at: float = math.inf
    not_before: float = 0.0
    failures: int = 0
    trouble: str | None = None
    errand: Errand | None = None

    @property
    def ready_at(self) -> float:
        """When its next step is due."""
        return max(self.due_at, self.not_before)


@dataclass(slots=True)
class Post(Lane):
    """The texts to one number. `wait`: between the last two looks; `known`: one look succeeded."""

    number: str = ""
    wait: float = QUICK / 2
    mailbox: Mailbox | None = None
    known: bool = False


@dataclass(slots=True)
class Reading:
    """A number's list on its way to being read, newest first. Dates are Twilio's.

    A text without a date counts as one of the same time as the next newer one.
    """

    mailbox: Mailbox
    at: float
    ahead: float  # seconds of Twilio's clock before ours
    horizon: float
    found: dict[str, tuple[float, Text]] = field(default_factory=dict)
    pictured: set[str] = field(default_factory=set)
    _last: float = 0.0

    def __post_init__(self) -> None:
        self._last = self.at

    def take(self, page: Page) -> Turn | None:
        """Take a page; give how to ask for the next one, None if that is not wanted."""
        for text in page.texts:
            self._last = self._last if text.sent_at is None else text.sent_at
            if self._last >= self.horizon:
                self.found.setdefault(text.sid, (self._last, text))
        self.pictured |= page.pictured
        enough = page.oldest is not None and page.oldest < self.horizon
        return None if enough else page.more

    def oldest_first(self, until: float = math.inf) -> list[Text]:
        """Give the texts in the order in which they came, those dated before `until`."""
        entries = [entry for entry in reversed(self.found.values()) if entry[0] < until]
        entries.sort(key=lambda entry: entry[0])  # stable: what is of one second stays as listed
        return [text for _, text in entries]

    @property
    def cursor(self) -> float:
        """Up to when the list was read; a date in the future does not count."""
        dates = [min(date, self.at) for date, _ in self.found.values()]
        return max([self.mailbox.cursor, *dates])


@dataclass(frozen=True, slots=True)
class Question:
    """How these deliveries fare; with the filters that all of them fit."""

    kind: Kind
    sender: str | None
    to: str | None
    deliveries: tuple[Delivery, ...]

    @property
    def begun(self) -> float:
        """Our time before which none of them was made."""
        return min(map(_begun, self.deliveries)) - _TOLERANCE

    def page_size(self, now: float) -> int:
        """Give the length of page that probably has all of them."""
        if self.to is None and self.begun < now - _RECENT:
            return _LONGEST_PAGE
        return min(max(20, 4 * len(self.deliveries)), _LONGEST_PAGE)


@dataclass(slots=True)
class Rounds:
    """The use cases of asking. `run` makes the rounds; the rest says when more is worth while.

    `attempt` does a unit of work and tells whether it came to its end; it never raises.
    """

    store: Store
    gazette: Gazette
    inbox: Inbox
    outbox: Outbox
    clock: Clock
    plan: Plan
    attempt: Callable[[Coroutine[Any, Any, None]], Awaitable[bool]]
    serves: Callable[[], bool | None] = lambda: True  # False: another gateway; None: not known yet
    requests: int = 0  # made in this run
    _posts: dict[str, Post] = field(default_factory=dict)
    _news: Lane = field(default_factory=lambda: Lane("Twilio does not tell how sent texts fare"))
    _deletions: Lane = field(default_factory=lambda: Lane("Texts cannot be deleted at Twilio"))
    _budget: Budget = field(default_factory=Budget)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _quick_until: float = -math.inf
    _held_until: float = -math.inf  # while Twilio answers nobody
    login_refused: bool = False  # by the last answer
    _outages: int = 0
    _next_news: float = -math.inf
    _stirred_at: float = -math.inf
    _series: list[float] = field(default_factory=list)
    _unread: set[str] = field(default_factory=set)  # since the last look of the series
    _found: int = 0
    _asking: asyncio.Future[int] | None = None
    _first: asyncio.Future[bool] | None = None
    _refused: dict[str, tuple[int, float]] = field(default_factory=dict)  # deletions: tries, next
    _skipped: set[str] = field(default_factory=set)
    _opened_at: float = 0.0

    async def open(self) -> None:
        """Learn how far each number was read. Call before anything else."""
        now = self._opened_at = self.clock.monotonic()
        mailboxes = {mailbox.number: mailbox for mailbox in await self.store.mailboxes()}
        wait = QUICK / 2 if self.plan.eager else self.plan.every or 0.0
        for number in self.plan.numbers:
            complaint = f"Twilio does not tell which texts came to {mask(number)}"
            mailbox = mailboxes.get(number)
            # Without looks there is one all the same, to know later which texts are old.
            due_at = math.inf if self.plan.every is None and mailbox else now
            self._posts[number] = Post(complaint, due_at, number=number, wait=wait, mailbox=mailbox)

    async def run(self) -> None:
        """Make the rounds until cancelled."""
        try:
            while True:
                self._wake.clear()
                wait = max(0.001, await self._round())
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.clock.machine_seconds(wait)):
                        await self._wake.wait()
        finally:
            self._end_first_look(answered=False)
            self._end_series()
            for lane in self._lanes():
                if lane.errand is not None:
                    await lane.errand.aclose()

    def stirred(self) -> None:
        """Look often for a while: a text came or went, and nobody else may tell of the answer."""
        if self.plan.eager:
            self._hurry()
        now = self.clock.monotonic()
        if now - self._stirred_at >= _STIR_GAP:
            self._stirred_at = now
            self._wake.set()

    def check(self) -> asyncio.Future[int]:
        """Look for texts now, and again until something is new; gives how many texts are.

        One more while the last one goes on begins anew, and both end together.
        """
        asked = self._asking or asyncio.get_running_loop().create_future()
        if not self._posts:
            asked.set_result(0)
            return asked
        self._asking = asked
        now = self.clock.monotonic()
        self._series = [now + seconds for seconds in SERIES]
        self._wake.set()
        return asked

    def first_look(self) -> asyncio.Future[bool]:
        """Give whether Twilio answers, as soon as the check that was just begun shows it.

        True once every number was looked at, False at the first that cannot be. Each caller has a
        future of its own: who waits no longer ends it for nobody else.
        """
        first = self._first = self._first or asyncio.get_running_loop().create_future()
        if not self._posts:
            self._end_first_look(answered=True)
        return asyncio.shield(first)

    def trouble(self) -> str | None:
        """Say what Twilio does not tell, and why."""
        return next((lane.trouble for lane in self._lanes() if lane.trouble), None)

    # turns

    def _lanes(self) -> list[Lane]:
        return [*self._posts.values(), self._news, self._deletions]

    async def _round(self) -> float:
        """Make the step that has been due longest; give the seconds until another may be."""
        now = self.clock.monotonic()
        self._look_at_series(now)
        await self._look_ahead(now)
        serves = self.serves()
        if serves is False:
            self._opened_at = now  # what comes while another serves is told by that one
        lanes = self._lanes() if serves else [self._news]
        lane = min(lanes, key=lambda lane: lane.ready_at)
        at = max(lane.ready_at, self._held_until, now + self._budget.wait(now))
        if at > now:
            return min([at - now, _LONGEST_WAIT, *(due - now for due in self._series[:1])])
        await self._step(lane)
        return 0.0

    def _look_at_series(self, now: float) -> None:
        if not self._series or self._series[0] > now:
            return
        self._series = [due for due in self._series if due > now]
        self._unread = set(self._posts)
        for post in self._posts.values():
            post.due_at = min(post.due_at, now)

    async def _look_ahead(self, now: float) -> None:
        """Learn from the store when news and deletions are due."""
        if self._news.errand is None:
            due = await self.store.next_news()
            after = math.inf if due is None else due - self.clock.now()
            self._news.due_at = max(now + after, self._next_news)
        if self.plan.delete:
            # A page's link names its last entry, which must not be gone when it is followed.
            reading = any(post.errand for post in self._posts.values())
            waiting = () if reading else await self.store.to_delete(_MOST_DELETIONS)
            dates = (self._refused.get(sid, (0, now))[1] for sid in waiting)
            self._deletions.due_at = min(dates, default=math.inf)

    async def _step(self, lane: Lane) -> None:
        """Go on with an errand; what goes wrong with one does not end the others."""
        if not await self.attempt(self._go_on(lane)):
            self._failed(lane, Unanswered("An internal error, see the log"))

    async def _go_on(self, lane: Lane) -> None:
        errand, lane.errand = lane.errand or self._begin(lane), None
        try:
            if await anext(errand, _OVER) is not _OVER:
                lane.errand = errand
                lane.due_at = self.clock.monotonic()
        except StoreUnavailable:
            lane.not_before = self.clock.monotonic() + _STORE_WAIT

    def _begin(self, lane: Lane) -> Errand:
        if isinstance(lane, Post):
            return self._receive(lane)
        return self._ask_for_news() if lane is self._news else self._delete()

    def _count(self) -> None:
        self._budget.take()
        self.requests += 1

    async def _page(self, lane: Lane, turn: Turn) -> Page | None:
        """Ask for a page; None if there was no answer."""
        self._count()
        page = await turn()
        if isinstance(page, Unanswered):
            self._failed(lane, page)
            return None
        self._answered(lane)
        return page

    def _failed(self, lane: Lane, fault: Unanswered) -> None:
        """Let a lane wait; all of them if Twilio would answer none."""
        now = self.clock.monotonic()
        lane.failures += 1
        lane.not_before = now + self._backoff(lane.failures)
        if fault.pause is not None:
            self._outages += 1
            self._held_until = now + self._backoff(self._outages)
        self.login_refused = fault.pause is Pause.ACCOUNT
        if lane.failures >= _TROUBLE_AFTER or self.login_refused:
            lane.trouble = f"{lane.complaint}: {fault.reason}"
        if isinstance(lane, Post):
            self._not_looked(lane, fault)

    def _not_looked(self, post: Post, fault: Unanswered) -> None:
        """Leave it at that where nobody wants looks and a key may not read the list."""
        if self.plan.every is None and fault.pause is None:
            post.due_at, post.trouble = math.inf, None
        self._unread.discard(post.number)
        self._end_first_look(answered=False)
        self._look_whether_over(0)

    def _answered(self, lane: Lane) -> None:
        lane.failures = self._outages = 0
        self.login_refused = False
        lane.trouble = None

    def _backoff(self, failures: int) -> float:
        longest = min(self.plan.every or _LONGEST_BACKOFF, _LONGEST_BACKOFF)
        return min(QUICK * 2.0 ** min(failures - 1, 10), longest)

    # texts that came in

    async def _receive(self, post: Post) -> Errand:
        """Read a number's list back to what is known, and keep what is new, oldest first."""
        size = _GLANCE if post.known else _PAGE
        turn: Turn | None = partial(self.gazette.received, post.number, size)
        reading: Reading | None = None
        while turn is not None:
            page = await self._page(post, turn)
            if page is not None:
                reading = reading or self._reading(post, page.at)
                turn = reading.take(page)
            elif reading is None or post.failures > _MOST_PAGE_TRIES:
                return
            if turn is not None:
                if size == _GLANCE:  # a glance is not enough: all over, in longer pages
                    size, reading = _PAGE, None
                    turn = partial(self.gazette.received, post.number, size)
                yield
        if reading is not None:
            async for _ in self._take_in(post, reading):
                yield

    async def _take_in(self, post: Post, reading: Reading) -> Errand:
        """Keep what a number's list has that is new."""
        if post.mailbox is None:
            await self._open_mailbox(post, reading)
        new = 0
        for text in await self._unknown(reading):
            if text.sid in reading.pictured:
                yield
            full = await self._with_media(post, text, reading)
            if full is None:
                return
            new += await self._keep(full)
        await self._read_up_to(post, replace(reading.mailbox, cursor=reading.cursor))
        self._looked(post, new)

    def _reading(self, post: Post, at: float) -> Reading:
        """Begin to read; `at` is Twilio's time."""
        # Half a hundredth of a second makes up for sums of whole seconds and fractions.
        opened = at - (self.clock.monotonic() - self._opened_at)
        since = math.floor(opened + 0.005) - self.plan.since
        mailbox = post.mailbox or Mailbox(post.number, since, since)
        forgotten = at - max(self.plan.remembered, _DAY) + _MARGIN
        horizon = max(mailbox.since, mailbox.cursor - OVERLAP, forgotten)
        return Reading(mailbox, at, at - self.clock.now(), horizon)

    async def _open_mailbox(self, post: Post, reading: Reading) -> None:
        """Draw the line at a number's very first reading: what is listed by now is old.

        `since`, when the gateway started, keeps out what was dated earlier. Twilio's clock is known
        to the second, so those listed with a date in that second or the next are noted as received,
        without telling; what comes then and is not listed yet, or comes by webhook, is new. The
        line itself is kept last: after a kill it is drawn anew.
        """
        if not self.plan.since:
            now = self.clock.now()
            old = [
                Reception(text.sid, text.sender, text.recipient, "", now, old=True)
                for text in reading.oldest_first(until=reading.mailbox.since + 2)
            ]
            await self.store.receive(old, now)
        await self._read_up_to(post, reading.mailbox)

    async def _unknown(self, reading: Reading) -> list[Text]:
        known = await self.store.known(list(reading.found))
        return [
            text
            for text in reading.oldest_first()
            if text.sid not in known and text.sid not in self._skipped
        ]

    async def _with_media(self, post: Post, text: Text, reading: Reading) -> Text | None:
        """Complete a text, by our clock; None if Twilio answers nobody."""
        if text.sent_at is not None:
            sent_at = min(text.sent_at - reading.ahead, self.clock.now())
            text = replace(text, sent_at=sent_at)
        if text.sid not in reading.pictured:
            return text
        self._count()
        media = await self.gazette.media(text.sid)
        if not isinstance(media, Unanswered):
            return replace(text, media=media)
        if media.pause is None:
            return text  # the pictures are refused, or gone: the words are not lost with them
        self._failed(post, media)
        return None

    async def _keep(self, text: Text) -> bool:
        """Hand a text to the inbox; a fault of ours with one holds no others up."""
        new: list[bool] = []

        async def receive() -> None:
            new.append(await self.inbox.receive(text, impatient=False))

        if not await self.attempt(receive()):
            log.error("The text %s is not received in this run", text.sid)
            self._skipped.add(text.sid)
        return any(new)

    async def _read_up_to(self, post: Post, mailbox: Mailbox) -> None:
        if mailbox != post.mailbox:
            await self.store.read_up_to(mailbox)
            post.mailbox = mailbox

    def _looked(self, post: Post, new: int) -> None:
        """Say when to look at a number again."""
        now = self.clock.monotonic()
        post.known = True
        if new:
            self._hurry()
        post.wait = QUICK if now < self._quick_until else post.wait * 2
        if self.plan.every is not None:
            post.wait = min(post.wait, self.plan.every)
        post.due_at = math.inf if self.plan.every is None else now + post.wait
        self._unread.discard(post.number)
        self._look_whether_over(new)

    def _hurry(self) -> None:
        now = self.clock.monotonic()
        self._quick_until = now + QUICK_FOR
        for post in self._posts.values():
            post.due_at = min(post.due_at, now + QUICK)

    def _look_whether_over(self, new: int) -> None:
        """End the looks after a ping once something is new, or after the last one."""
        self._found += new
        if not self._unread and len(self._series) < len(SERIES):
            self._end_first_look(answered=True)
        if new or not (self._series or self._unread):
            self._end_series()

    def _end_first_look(self, *, answered: bool) -> None:
        if self._first is not None and not self._first.done():
            self._first.set_result(answered)
        self._first = None

    def _end_series(self) -> None:
        if self._asking is not None and not self._asking.done():
            self._asking.set_result(self._found)
        self._asking = None
        self._series.clear()
        self._unread.clear()
        self._found = 0

    # how sent ones fare

    async def _ask_for_news(self) -> Errand:
        """Ask how those fare whose time has come, as few questions as there can be."""
        self._next_news = self.clock.monotonic() + _NEWS_GAP
        due = await self.store.fresh(self.clock.now(), _MOST_NEWS)
        for place, question in enumerate(_questions(due)):
            if place:
                yield
            async for _ in self._ask(question):
                yield

    async def _ask(self, question: Question) -> Errand:
        """Read a list, newest first, until all of the question's deliveries were on it."""
        missing = {each.progress.sid or each.id: each for each in question.deliveries}
        size = question.page_size(self.clock.now())
        turn: Turn = partial(
            self.gazette.sent, question.kind, question.sender, question.to, size
        )  # fmt: skip
        for _ in range(_MOST_PAGES):
            page = await self._page(self._news, turn)
            if page is None:
                break
            await self._hear(page.news)
            seen = [missing.pop(news.sid) for news in page.news if news.sid in missing]
            await self._note_silence(seen, answered=True)
            if not missing or page.more is None or _ends_before(page, question, self.clock.now()):
                await self._note_silence(missing.values(), answered=True)
                return
            turn = page.more
            yield
        await self._note_silence(missing.values(), answered=False)

    async def _hear(self, told: Iterable[News]) -> None:
        """Tell the outbox what is new about deliveries of ours."""
        news = {each.sid: each for each in told}
        now = self.clock.now()
        for delivery in await self.store.holding(list(news)):
            each = news[delivery.progress.sid or ""]
            if after_news(delivery, each, now) is not None:
                await self.outbox.hear(each)

    async def _note_silence(self, asked: Iterable[Delivery], *, answered: bool) -> None:
        """Put off those of which nothing was new."""
        now = self.clock.now()
        sids = [delivery.progress.sid for delivery in asked if delivery.progress.sid]
        quiet = (
            self.outbox.silent(delivery, answered=answered)
            for delivery in await self.store.holding(sids)
            if (delivery.progress.news_at or math.inf) <= now
        )
        await asyncio.gather(*quiet)

    # texts that are to be deleted

    async def _delete(self) -> Errand:
        """Delete at Twilio what was stored here; what Twilio refuses is tried again later."""
        now = self.clock.monotonic()
        waiting = await self.store.to_delete(_MOST_DELETIONS)
        due = [sid for sid in waiting if self._refused.get(sid, (0, now))[1] <= now]
        for place, sid in enumerate(due):
            if place:
                yield
            self._count()
            gone = await self.gazette.delete(sid)
            if isinstance(gone, Unanswered):
                self._failed(self._deletions, gone)
                return
            self._answered(self._deletions)
            if gone:
                self._refused.pop(sid, None)
                await self.store.deleted(sid)
            else:
                await self._put_off_deletion(sid)

    async def _put_off_deletion(self, sid: str) -> None:
        tries = self._refused.get(sid, (0, 0.0))[0] + 1
        wait = min(_DELETE_AGAIN * 2.0 ** (tries - 1), _LONGEST_DELETE_AGAIN)
        self._refused[sid] = tries, self.clock.monotonic() + wait
        if tries >= _MOST_DELETE_TRIES:
            log.warning("Twilio does not let the text %s be deleted: it stays there", sid)
            del self._refused[sid]
            await self.store.deleted(sid)


def _questions(due: Iterable[Delivery]) -> Iterator[Question]:
    """Sort deliveries by the lists that have them; by sender unless a messaging service picks."""
    kinds: dict[Kind, dict[str | None, list[Delivery]]] = {}
    for delivery in due:
        senders = kinds.setdefault(delivery.notification.kind, {})
        senders.setdefault(_sender(delivery), []).append(delivery)
    for kind, senders in kinds.items():
        if None in senders or len(senders) > _MOST_SENDERS:
            yield _question(kind, None, [each for part in senders.values() for each in part])
        else:
            for sender, part in senders.items():
                yield _question(kind, sender, part)


def _question(kind: Kind, sender: str | None, deliveries: list[Delivery]) -> Question:
    recipients = {_on(each, each.notification.to) for each in deliveries}
    to = recipients.pop() if len(recipients) == 1 else None
    return Question(kind, sender, to, tuple(deliveries))


def _sender(delivery: Delivery) -> str | None:
    """Give From as Twilio lists it; None while a messaging service has not picked it."""
    note, sent_from = delivery.notification, delivery.progress.sent_from
    if note.by_service and sent_from in {None, "", note.sender}:
        return None
    return _on(delivery, sent_from or note.sender)


def _on(delivery: Delivery, number: str) -> str:
    whatsapp = delivery.notification.channel is Channel.WHATSAPP
    return f"whatsapp:{number}" if whatsapp else number


def _begun(delivery: Delivery) -> float:
    """Give our time before which it was surely not made."""
    progress = delivery.progress
    times = [at for at in (progress.doubt_since, progress.attempted_at) if at is not None]
    return min(times, default=delivery.created_at)


def _ends_before(page: Page, question: Question, now: float) -> bool:
    """Tell whether a page goes back to before anything that is asked for, by Twilio's clock."""
    return page.oldest is not None and page.oldest < question.begun + page.at - now
