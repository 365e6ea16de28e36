"""The server: HTTP in, Twilio's answers out, faults in between."""

import asyncio
import logging
import random
import time
from typing import NamedTuple

from aiohttp import web
from aiohttp.http import HttpProcessingError

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
from callbox.simulator.records.date import http_date
from callbox.simulator.records.sid import new_sid
from callbox.simulator.records.switchboard import Switchboard

STANDARD_HEADERS = {
    "Content-Type": "application/json;charset=utf-8",
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Allow-Methods": "GET, POST, DELETE, OPTIONS",
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
UNREADABLE = (400, "Bad Request: the body cannot be read")
"""For one that was cut off, or is not compressed as it says; Twilio's are not known."""
PATIENCE = 0.05
"""Seconds that requests in flight get when the server closes; they may stall for minutes."""


def _is_ours(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError | web.RequestPayloadError)


LOG = logging.getLogger(__name__)
LOG.addFilter(_is_ours)
"""Told of mistakes of the simulator; what is no HTTP is answered 400, and no news."""


EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - how this machine reaches it
"""Addresses that stand for all of a machine's, and one of those."""


def url_of(host: str, port: int) -> str:
    """Return where it is reached from the machine that it runs on."""
    near = EVERYWHERE.get(host, host)
    return f"http://{f'[{near}]' if ':' in near else near}:{port}"


class Inside(NamedTuple):
    """What a server answers with, beside Twilio's resources."""

    page: Page
    control: Control
    faults: Faults
    requests: Traffic
    journal: Journal


class Server:
    """Listens, and answers."""

    def __init__(self, board: Switchboard, credentials: Credentials, inside: Inside) -> None:
        self.asked = asyncio.Event()
        """Set by the first request to Twilio's API."""
        self._board = board
        self._credentials = credentials
        self._page, self._control, self._faults, self._requests, self._journal = inside
        self._settings = board.settings
        self._jitter = random.Random(self._settings.seed)  # noqa: S311 - repeatable
        self._web = web.Server(self._serve, access_log=None, logger=LOG)
        self._late: set[asyncio.TimerHandle] = set()
        self._listener: asyncio.Server | None = None

    async def listen(self, host: str, port: int) -> str:
        """Accept requests, on a free port if it is 0; return the URL."""
        self._listener = await asyncio.get_running_loop().create_server(self._web, host, port)
        return url_of(host, self._listener.sockets[0].getsockname()[1])

    def deafen(self) -> None:
        """Accept nothing more; what is late is never created."""
        for timer in self._late:
            timer.cancel()
        if self._listener is not None:
            self._listener.close()

    async def close(self) -> None:
        """Cut what stalls."""
        await self._web.shutdown(PATIENCE)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        arrived_at = self._board.clock()
        path, _, query = request.raw_path.partition("?")
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return self._response(error(413, *TOO_LARGE), self._requests.in_flight, 0.0)
        except (web.RequestPayloadError, ConnectionError):
            return self._response(error(400, *UNREADABLE), self._requests.in_flight, 0.0)
        inside = path.startswith(PREFIX) or (path == "/" and request.method == "GET")
        why = forbidden(request.headers, orders=inside)
        if why:
            return _plain(document(403, {"error": why}))
        if inside:
            return await self._inside(request, path, query, body)
        if request.method == "OPTIONS":  # that it is 204 is a guess
            return self._response(NOTHING, self._requests.in_flight, 0.0)
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
        self._requests.begin(route.endpoint)
        concurrent = self._requests.in_flight
        try:
            plan, answer = self._decide(request, route, ask, concurrent)
            await self._pause(plan)
            answered = _fate(request, plan, answer)
            if answer.record is not None:
                answer.record.answered = answered
            return self._response(answer, concurrent, time.perf_counter() - started)
        finally:
            self._requests.end(route.endpoint, answered)
            self._journal.note(
                ask.arrived_at,
                (request.method, ask.path, route.endpoint, ask.params),
                (plan, answer, answered),
                time.perf_counter() - started,
            )

    def _decide(
        self, request: web.BaseRequest, route: Route, ask: Ask, concurrent: int
    ) -> tuple[Plan, Answer]:
        plan, most = NORMAL, self._settings.limits.concurrent
        if most is not None and concurrent > most:
            return plan, refused(Refusal(20429))
        try:
            if self._guarded(route, ask):
                header = request.headers.get("Authorization")
                ask.account_sid = ask.account_sid or self._credentials.account(header)
                self._credentials.check(header, ask.account_sid, route.endpoint)
                if request.method == "POST":
                    self._credentials.check_active(ask.account_sid, route.endpoint)
            plan = self._faults.plan(route.endpoint)
            ask.lag = plan.lag
            answer = self._perform(route, ask, plan)
        except Refusal as refusal:
            answer = refused(refusal)
        if plan.answer is not None:
            answer = plan.answer._replace(record=answer.record)
        return plan, answer

    def _guarded(self, route: Route, ask: Ask) -> bool:
        if route.endpoint in {"fetch-content", "fetch-recording"}:
            return self._settings.media_auth
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

        timer = asyncio.get_running_loop().call_later(seconds / self._settings.speed, perform)
        self._late.add(timer)

    async def _pause(self, plan: Plan) -> None:
        settings = self._settings
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
