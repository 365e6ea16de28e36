"""The server: HTTP in, Twilio's answers out, faults in between."""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from typing import Any, Self

from aiohttp import web

from callbox.simulator.api import routes
from callbox.simulator.api.answer import NOTHING, Answer, document, error, refused
from callbox.simulator.api.ask import Ask, params
from callbox.simulator.api.credentials import Credentials
from callbox.simulator.api.refusal import Refusal
from callbox.simulator.api.routes import Route
from callbox.simulator.control import PREFIX, Control
from callbox.simulator.faults.fault import NORMAL, Plan
from callbox.simulator.faults.journal import Journal
from callbox.simulator.faults.rules import Faults
from callbox.simulator.faults.traffic import DROPPED, Answered, Traffic
from callbox.simulator.page.gate import forbidden
from callbox.simulator.page.page import Page
from callbox.simulator.records import address
from callbox.simulator.records.call import Call
from callbox.simulator.records.clock import Clock, hastened
from callbox.simulator.records.date import http_date
from callbox.simulator.records.execution import Execution
from callbox.simulator.records.holder import Holder
from callbox.simulator.records.message import Message
from callbox.simulator.records.number import Number
from callbox.simulator.records.outcome import Outcome
from callbox.simulator.records.sid import new_sid
from callbox.simulator.records.switchboard import Created, Switchboard
from callbox.simulator.scenario.player import Player
from callbox.simulator.scenario.scenario import Scenario
from callbox.simulator.scenario.tally import Tally, tally
from callbox.simulator.settings import Settings
from callbox.simulator.telephony.exchange import Exchange
from callbox.simulator.telephony.line import Line
from callbox.simulator.telephony.network import Network
from callbox.simulator.telephony.phone import Phone

STANDARD_HEADERS = {
    "Content-Type": "application/json;charset=utf-8",
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Api-Domain": "api.twilio.com",
    "X-Home-Region": "us1",
    "X-Powered-By": "AT-5000",
    "X-Shenanigans": "none",
}
FORM = "application/x-www-form-urlencoded"
TOO_LARGE = (413, "Request Entity Too Large")
"""Code and text for a body of more than a megabyte; Twilio's are not known."""
PATIENCE = 0.05
"""Seconds that requests in flight get when the server closes; they may stall for minutes."""


class Simulator:
    """A running simulator; its state is open to whoever is in the same process."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._board = Switchboard(settings, clock)
        self.holder = Holder(settings)
        """Whose account it is, and its auth token."""
        self._credentials = Credentials(settings, self.holder, self._board.accounts)
        self._jitter = random.Random(settings.seed)  # noqa: S311 - repeatable
        self._web = web.Server(self._serve, access_log=None)
        self._late: set[asyncio.TimerHandle] = set()
        self._listener: asyncio.Server | None = None
        self.settings = settings
        self.requests = Traffic()
        """Counters of what was asked and answered."""
        self.journal = Journal()
        """The newest requests, one by one."""
        self.faults = Faults(settings.seed, clock)
        """What goes wrong: `set(rules)` and `clear()`."""
        self.url = ""
        """Where it listens: the SDK's `base_url`, of `client.api` and `client.studio`."""
        self._network = Network(self._board, self.holder)
        self.callbacks = self._network.callbacks
        """How status callbacks arrive: `manner` may be set."""
        self.tunnels = self._network.proxy.tunnels
        """What a proxy in front of the gateway would do: URL outside to URL inside."""
        self.asked = asyncio.Event()
        """Set by the first request."""
        self.player: Player | None = None
        """The scenario that is played."""
        self._page = Page(
            self._network, self.faults, self.journal, lambda: self.player and self.player.brief()
        )
        self._control = Control(
            self._network,
            self.faults,
            self.requests,
            self.journal,
            self._page.audience,
            self.tally,
        )

    def now(self) -> float:
        """Return its time, seconds since 1970."""
        return self._board.clock()

    @property
    def messages(self) -> Sequence[Message]:
        """Every message that was created and not deleted, oldest first."""
        return self._board.messages.records

    @property
    def calls(self) -> Sequence[Call]:
        """Every call that was created and not deleted, oldest first."""
        return self._board.calls.records

    @property
    def executions(self) -> Sequence[Execution]:
        """Every run of a Studio flow, oldest first."""
        return self._board.executions.records

    @property
    def log(self) -> Sequence[Created]:
        """Everything that was created since the log was cleared, oldest first."""
        return self._board.log

    @property
    def arrived(self) -> Sequence[Message]:
        """Every text that somebody's phone got, oldest first."""
        return self._board.arrived

    @property
    def lines(self) -> Mapping[str, Line]:
        """The far ends of the calls under way, by the call's SID: answer, press, speak, hang up."""
        return self._network.lines

    @property
    def attended(self) -> set[str]:
        """The phones, E.164, at which somebody real sits: their calls wait for what they do."""
        return self._board.attended

    @property
    def webhooks(self) -> Sequence[Exchange]:
        """The newest webhook requests, oldest first."""
        return self._network.proxy.exchanges

    def play(self, scenario: Scenario) -> Player:
        """Prepare a scenario, to be begun; its settings and speed are those of the start."""
        self.player = Player(scenario, self._network, self.faults)
        self.player.prepare()
        return self.player

    def tally(self) -> Tally:
        """Count what came of everything so far."""
        return tally(self._board, self.webhooks)

    def number(self, number: str) -> Number:
        """Return a number of the account; its webhooks may be set. KeyError if it has none such."""
        return self._board.numbers[address.phone_of(number)]

    def phone(self, number: str) -> Phone:
        """Return somebody's phone."""
        return Phone(self._network, number)

    def outcome(self, to: str, status: str = "", **options: Any) -> None:  # noqa: ANN401 - Outcome's
        """Decide how messages and calls to somebody end from now on; `+44*` and `*` will do."""
        self._board.outcomes.choose(to, Outcome(status=status, **options))

    async def receive(
        self,
        sender: str,
        to: str,
        body: str = "",
        **options: Any,  # noqa: ANN401 - see Phone.texts
    ) -> Message:
        """Have somebody text a number of ours; return once its webhook has answered."""
        return await self.phone(sender).texts(body, to, **options)

    async def ring(self, sender: str, to: str, **options: Any) -> Call:  # noqa: ANN401 - see Phone.calls
        """Have somebody call a number of ours; return once the call is over."""
        return await self.phone(sender).calls(to, **options)

    async def listen(self, host: str, port: int) -> None:
        """Accept requests; port 0 takes a free one."""
        self._listener = await asyncio.get_running_loop().create_server(self._web, host, port)
        taken = self._listener.sockets[0].getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{taken}"
        self._board.url = self.url

    async def close(self) -> None:
        """Stop at once; what stalls is cut, what is late is never created."""
        for timer in self._late:
            timer.cancel()
        await self._network.close()
        if self._listener is not None:
            self._listener.close()
        await self._web.shutdown(PATIENCE)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        arrived_at = self._board.clock()
        path, _, query = request.raw_path.partition("?")
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return self._response(error(413, *TOO_LARGE), self.requests.in_flight, 0.0)
        inside = path.startswith(PREFIX) or (path == "/" and request.method == "GET")
        why = forbidden(request.headers, orders=inside)
        if why:
            return _plain(document(403, {"error": why}))
        if inside:
            return await self._inside(request, path, query, body)
        place = routes.find(request.method, path)
        text = _asked(request, body) if request.method == "POST" else query
        ask = Ask(path, place.account, place.sid, params(text), arrived_at, place.parent)
        return await self._exchange(request, place.route, ask)

    async def _inside(
        self, request: web.BaseRequest, path: str, query: str, body: bytes
    ) -> web.StreamResponse:
        """Answer what is asked of the simulator itself: by its page, or by tests."""
        shown = await self._page.answer(request, path)
        return shown or _plain(await self._control.answer(request.method, path, query, body))

    async def _exchange(
        self, request: web.BaseRequest, route: Route, ask: Ask
    ) -> web.StreamResponse:
        started = time.perf_counter()
        answered: Answered = DROPPED
        self.asked.set()
        plan, answer = NORMAL, NOTHING
        self.requests.begin(route.endpoint)
        concurrent = self.requests.in_flight
        try:
            plan, answer = self._decide(request, route, ask, concurrent)
            await self._pause(plan)
            answered = _fate(request, plan, answer)
            if answer.record is not None:
                answer.record.answered = answered
            return self._response(answer, concurrent, time.perf_counter() - started)
        finally:
            self.requests.end(route.endpoint, answered)
            self.journal.note(
                ask.arrived_at,
                (request.method, ask.path, route.endpoint, ask.params),
                (plan, answer, answered),
                time.perf_counter() - started,
            )

    def _decide(
        self, request: web.BaseRequest, route: Route, ask: Ask, concurrent: int
    ) -> tuple[Plan, Answer]:
        plan, most = NORMAL, self.settings.limits.concurrent
        if most is not None and concurrent > most:
            return plan, refused(Refusal(20429))
        try:
            if self._guarded(route, ask):
                header = request.headers.get("Authorization")
                ask.account_sid = ask.account_sid or self._credentials.account(header)
                self._credentials.check(header, ask.account_sid, route.endpoint)
                if request.method == "POST":
                    self._credentials.check_active(ask.account_sid, route.endpoint)
            plan = self.faults.plan(route.endpoint)
            ask.lag = plan.lag
            answer = self._perform(route, ask, plan)
        except Refusal as refusal:
            answer = refused(refusal)
        if plan.answer is not None:
            answer = plan.answer._replace(record=answer.record)
        return plan, answer

    def _guarded(self, route: Route, ask: Ask) -> bool:
        if route.endpoint in {"fetch-content", "fetch-recording"}:
            return self.settings.media_auth
        return route is not routes.NOWHERE or bool(ask.account_sid)

    def _perform(self, route: Route, ask: Ask, plan: Plan) -> Answer:
        if plan.late is not None:
            self._postpone(plan.late, route, ask)
        return route.perform(self._board, ask) if plan.performs else NOTHING

    def _postpone(self, seconds: float, route: Route, ask: Ask) -> None:
        def perform() -> None:
            self._late.discard(timer)
            try:
                answer = route.perform(self._board, ask)
            except Refusal:
                return
            if answer.record is not None:
                answer.record.answered = DROPPED

        timer = asyncio.get_running_loop().call_later(seconds / self.settings.speed, perform)
        self._late.add(timer)

    async def _pause(self, plan: Plan) -> None:
        settings = self.settings
        seconds = plan.pause + settings.latency
        if settings.jitter:
            seconds += self._jitter.random() * settings.jitter
        if seconds:
            await self._board.pause(seconds)

    def _response(self, answer: Answer, concurrent: int, seconds: float) -> web.Response:
        headers = {
            **STANDARD_HEADERS,
            "Date": http_date(self._board.clock()),
            "Twilio-Concurrent-Requests": str(concurrent),
            "Twilio-Request-Duration": f"{seconds:.3f}",
            "Twilio-Request-Id": new_sid("RQ"),
            **answer.headers,
        }
        return web.Response(status=answer.status, body=answer.body, headers=headers)


def _fate(request: web.BaseRequest, plan: Plan, answer: Answer) -> Answered:
    transport = request.transport
    if plan.cut and transport is not None:
        transport.abort()
    gone = plan.cut or transport is None or transport.is_closing()
    return DROPPED if gone else answer.status


def _asked(request: web.BaseRequest, body: bytes) -> str:
    """Return the form that was posted; what says that it is something else has no parameters."""
    kind = request.headers.get("Content-Type", FORM).partition(";")[0].strip().lower()
    if kind not in {FORM, ""}:
        return ""
    return body.decode("utf-8", "replace")


def _plain(answer: Answer) -> web.Response:
    return web.Response(
        status=answer.status, body=answer.body, headers={"Content-Type": "application/json"}
    )


async def start(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    settings: Settings | None = None,
    clock: Clock | None = None,
) -> Simulator:
    """Start a simulator that listens; OSError if it cannot.

    A `clock` of one's own tells its time, but does not end its pauses.
    """
    settings = settings or Settings()
    simulator = Simulator(settings, clock or hastened(settings.speed))
    await simulator.listen(host, port)
    return simulator
