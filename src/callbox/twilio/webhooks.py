"""What Twilio tells us: texts, calls and status callbacks, kept before they are answered.

    POST, GET /twilio/sms      an inbound text
              /twilio/voice    an inbound call, and the recording of a voicemail
              /twilio/status   how fares what we sent; how an inbound call ended
              /twilio/ping     have the gateway look for messages

    200 TwiML | 400 | 401 | 403 | 408 | 413 | 429 | 503

What is refused is answered with a sentence, which Twilio's debugger shows.
"""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from aiohttp import web

from callbox.domain.news import News
from callbox.domain.received import Ring, Text
from callbox.errors import StoreUnavailable
from callbox.twilio import answers
from callbox.twilio.answers import Answering
from callbox.twilio.door import Door, Settings
from callbox.twilio.parameters import (
    ENDED,
    INBOUND,
    is_inbound_call,
    message_word,
    news_of,
    ring_of,
    text_of,
)
from callbox.twilio.refusals import Reason, Refusal, Refusals
from callbox.twilio.webhook import Webhook, read

MOST_AT_ONCE = 256
MOST_READ_AT_ONCE = 512
_MOST_KNOWN = 10_000
_WHOLE = ("MessageSid", "From", "To", "Body")

_TOO_MANY = Refusal(429, f"More than {MOST_AT_ONCE} webhook requests are under way",
                    Reason.TOO_MANY, {"Retry-After": "1"})  # fmt: skip
_UNAVAILABLE = Refusal(503, "The disk refuses for now", headers={"Retry-After": "1"})
_NO_TEXT = Refusal(400, "A text needs From, To and a MessageSid of SM or MM and 32 hex digits",
                   Reason.MALFORMED)  # fmt: skip
_NO_CALL = Refusal(400, "A call needs a CallStatus and a CallSid of CA and 32 hex digits",
                   Reason.MALFORMED)  # fmt: skip
_NO_STATUS = Refusal(400, "A status callback needs a MessageSid or CallSid, and its status",
                     Reason.MALFORMED)  # fmt: skip

Told = TypeVar("Told")
Answer = str | Refusal
Act = Callable[[Webhook], Awaitable[Answer]]


class Receiver(Protocol):
    """Keeps what people send to us: see `Inbox`."""

    async def receive(self, text: Text) -> bool:
        """Keep a text; True if it is new. Raises StoreUnavailable."""

    async def ring(self, ring: Ring) -> bool:
        """Keep a step of a call; True if it is new. Raises StoreUnavailable."""


@dataclass(slots=True)
class Counters:
    """What health shows of this run, with the refusals."""

    received: int = 0  # texts and steps of calls that were new
    repeated: int = 0
    callbacks: int = 0  # about what we sent
    strangers: int = 0  # about what another program sent
    pings: int = 0


@dataclass(slots=True)
class Webhooks:
    """Checks, keeps, then answers. `hear` tells whether news is of a delivery of ours."""

    settings: Settings
    inbox: Receiver
    hear: Callable[[News], Awaitable[bool]]
    ping: Callable[[], object]
    instance: str
    answering: Answering = field(default_factory=Answering)
    monotonic: Callable[[], float] = time.monotonic
    counters: Counters = field(default_factory=Counters)
    refusals: Refusals = field(init=False)
    _door: Door = field(init=False)
    _to_call: str = field(init=False, repr=False)
    _reading: int = field(init=False, default=0)
    _under_way: int = field(init=False, default=0)
    _known: OrderedDict[str, None] = field(init=False, default_factory=OrderedDict, repr=False)

    def __post_init__(self) -> None:
        self.refusals = Refusals(self.monotonic)
        self._door = Door(self.settings, self.monotonic)
        base = self.settings.base
        self._to_call = answers.to_call(
            self.answering, "voice" if base is None else f"{base}/twilio/voice"
        )

    def routes(self) -> list[web.RouteDef]:
        """Give what is to be served."""
        acts: dict[str, Act] = {
            "/twilio/sms": self._message,
            "/twilio/voice": self._call,
            "/twilio/status": self._status,
            "/twilio/ping": self._ping,
        }
        return [
            route
            for path, act in acts.items()
            for served in [self._served(path, act)]
            for route in (web.post(path, served), web.get(path, served, allow_head=False))
        ]

    def trouble(self) -> str | None:
        """Say what was refused in the last hour."""
        return self.refusals.trouble()

    def _served(
        self, path: str, act: Act
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def served(request: web.Request) -> web.StreamResponse:
            answer = self._noted(path, await self._bounded(path, act, request))
            if isinstance(answer, str):
                return web.Response(body=answer.encode(), content_type="text/xml", charset="utf-8")
            return _refused(answer)

        return served

    async def _bounded(self, path: str, act: Act, request: web.Request) -> Answer:
        """Refuse who can be refused at sight, then read, then act: so many at once of each."""
        refusal = self._door.refusal_at_sight(request.headers)
        if refusal is not None:
            return refusal
        if self._reading >= MOST_READ_AT_ONCE or self._under_way >= MOST_AT_ONCE:
            return _TOO_MANY
        self._reading += 1
        try:
            webhook = await read(request, path)
        finally:
            self._reading -= 1
        return webhook if isinstance(webhook, Refusal) else await self._served_one(act, webhook)

    async def take(self, webhook: Webhook) -> Answer:
        """Take whatever Twilio tells at one address: a text, a call, or how one of ours fares."""
        return self._noted("", await self._served_one(self._anything, webhook))

    def _noted(self, path: str, answer: Answer) -> Answer:
        if isinstance(answer, Refusal) and answer.reason is not None:
            self.refusals.note(answer.reason, f"{self.settings.place}{path}")
        return answer

    async def _served_one(self, act: Act, webhook: Webhook) -> Answer:
        self._under_way += 1
        try:
            return await self._let_in(act, webhook)
        except StoreUnavailable:
            return _UNAVAILABLE
        finally:
            self._under_way -= 1

    async def _anything(self, webhook: Webhook) -> Answer:
        return await (self._call if "CallSid" in webhook.parameters else self._message)(webhook)

    async def _let_in(self, act: Act, webhook: Webhook) -> Answer:
        refusal = self._door.refusal(webhook)
        if refusal is None:
            return await act(webhook)
        if act == self._ping and self._door.bears_token(webhook):
            return self._pinged()
        return refusal

    async def _message(self, webhook: Webhook) -> Answer:
        """Keep a text. It is not answered here: a reply goes out as any other text."""
        told = webhook.parameters
        if message_word(told) not in INBOUND:
            return await self._heard(webhook)
        text = text_of(told)
        if text is None:
            return _NO_TEXT
        await self._keep(text.sid, self.inbox.receive, text)
        return answers.EMPTY

    async def _call(self, webhook: Webhook) -> Answer:
        told = webhook.parameters
        if "CallSid" in told and not is_inbound_call(told):
            return await self._heard(webhook)
        ring = ring_of(told)
        if ring is None:
            return _NO_CALL
        await self._keep_ring(ring)
        if ring.recording_url is not None:
            return answers.HANGUP
        return answers.EMPTY if ring.status in ENDED else self._to_call

    async def _status(self, webhook: Webhook) -> Answer:
        told = webhook.parameters
        if message_word(told) in INBOUND - {None}:
            return await self._message(webhook)
        ring = ring_of(told) if is_inbound_call(told) and "Direction" in told else None
        if ring is None:
            return await self._heard(webhook)
        await self._keep_ring(ring)
        return answers.EMPTY

    async def _heard(self, webhook: Webhook) -> Answer:
        """Hear how something fares; what is another program's may become ours, so is not known."""
        news = news_of(webhook.parameters, webhook.attempt_id)
        if news is None:
            return _NO_STATUS
        key = f"{news.sid} {news.word} {news.code}"
        if self._is_known(key):
            return answers.EMPTY
        if await self.hear(news):
            self.counters.callbacks += 1
            self._know(key)
        else:
            self.counters.strangers += 1
        return answers.EMPTY

    async def _ping(self, webhook: Webhook) -> Answer:
        """Have messages looked for; a text that came as the ping is kept at once."""
        told = webhook.parameters
        if all(name in told for name in _WHOLE) and message_word(told) in INBOUND:
            answer = await self._message(webhook)
            if isinstance(answer, Refusal):
                return answer
        return self._pinged()

    def _pinged(self) -> str:
        self.counters.pings += 1
        self.ping()
        return answers.to_ping(self.instance)

    async def _keep_ring(self, ring: Ring) -> None:
        key = f"{ring.sid} {ring.status} {ring.recording_url}"
        await self._keep(key, self.inbox.ring, ring)

    async def _keep(self, key: str, keep: Callable[[Told], Awaitable[bool]], told: Told) -> None:
        """Keep something, unless it is known to be on disk."""
        if self._is_known(key):
            return
        if await keep(told):
            self.counters.received += 1
        else:
            self.counters.repeated += 1
        self._know(key)

    def _is_known(self, key: str) -> bool:
        if key not in self._known:
            return False
        self._known.move_to_end(key)
        self.counters.repeated += 1
        return True

    def _know(self, key: str) -> None:
        self._known[key] = None
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)


def _refused(refusal: Refusal) -> web.Response:
    response = web.Response(
        status=refusal.status, text=refusal.sentence, headers=refusal.headers
    )  # fmt: skip
    if refusal.reason is Reason.UNREADABLE:
        response.force_close()
    return response
