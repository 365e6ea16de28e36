"""The same documents by HTTP, answered after the commit; and commands on the local control socket.

    POST /api/v1/txt, /api/v1/call     202 | 400 | 401 | 403 | 413 | 503
    GET  /api/v1/deliveries/<id>       200 | 404

The control socket, which only this user can open, serves the same without a token, and

    GET  /api/v1/deliveries?state=&most=
    POST /api/v1/deliveries/<id>/cancel, /api/v1/deliveries/<id>/retry
"""

import hmac
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from callbox.domain.delivery import FREES_DEDUP_KEY, Delivery, State
from callbox.domain.notification import Kind
from callbox.errors import HostError, StoreUnavailable
from callbox.intake import Asked
from callbox.outbox import Outbox
from callbox.ports import Receipt, Store, Submission
from callbox.wire import delivery_document, refusal_document, to_document

_SLACK_BYTES = 4096  # a document over the limit by less gets a document that says so
_LONGEST_LIST = 1000
_LONGEST_LINE = 2**15  # bytes; a long text in a webhook's URL has 19,200 of emoji
_ENDED_WITHOUT_SUCCESS = FREES_DEDUP_KEY | {State.UNDELIVERED}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _is_ours(record: logging.LogRecord) -> bool:
    """Tell whether a fault is not merely a stranger's: a request that is no HTTP, or given up."""
    fault = record.exc_info[1] if record.exc_info else None
    return not isinstance(fault, HttpProcessingError | web.RequestPayloadError | ConnectionError)


_server_log = logging.getLogger(f"{__name__}.server")
_server_log.addFilter(_is_ours)


@dataclass(slots=True)
class HttpHost:
    """The web server. Without a `token` requests over HTTP are refused (403).

    `mounts` are served besides, not on the control socket; they check for themselves who asks.
    """

    outbox: Outbox
    store: Store
    read: Callable[[Kind, bytes, Asked], Submission]
    token: str | None = field(repr=False)
    most_bytes: int
    expires_after: float  # of what is sent again by hand, seconds
    _runners: list[web.AppRunner] = field(default_factory=list)
    mounts: Sequence[web.RouteDef] = ()

    async def listen(self, host: str, port: int) -> int:
        """Serve on an address; give the port. Raises HostError if it is taken."""
        app = self._app(self._guard)
        app.router.add_routes(self.mounts)
        runner = await self._runner(app)
        try:
            site = web.TCPSite(runner, host, port)
            await site.start()
        except OSError as error:
            raise HostError(
                f"The web server cannot listen on {host}:{port} ({os.strerror(error.errno or 0)}): "
                "set http.port to a free one, or to 0 for none"
            ) from error
        return int(runner.addresses[0][1])

    async def listen_locally(self, path: Path) -> None:
        """Serve the control socket, for this user only."""
        with suppress(FileNotFoundError):
            os.unlink(path)  # noqa: PTH108 - a leftover of a killed gateway
        app = self._app(lambda handler: handler)
        app.router.add_get("/api/v1/deliveries", _unless_unavailable(self._list))
        app.router.add_post("/api/v1/deliveries/{id}/cancel", _unless_unavailable(self._cancel))
        app.router.add_post("/api/v1/deliveries/{id}/retry", _unless_unavailable(self._retry))
        runner = await self._runner(app)
        mask = os.umask(0o177)
        try:
            await web.UnixSite(runner, str(path)).start()
        finally:
            os.umask(mask)

    async def stop(self) -> None:
        """Stop serving; what is being answered is answered."""
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()

    async def _runner(self, app: web.Application) -> web.AppRunner:
        runner = web.AppRunner(
            app,
            access_log=None,
            logger=_server_log,
            shutdown_timeout=2.0,
            max_line_size=_LONGEST_LINE,
        )
        await runner.setup()
        self._runners.append(runner)
        return runner

    def _app(self, guard: Callable[[Handler], Handler]) -> web.Application:
        app = web.Application(client_max_size=(self.most_bytes or 2**24) + _SLACK_BYTES)
        app.router.add_post("/api/v1/txt", guard(self._submit(Kind.TXT)))
        app.router.add_post("/api/v1/call", guard(self._submit(Kind.CALL)))
        app.router.add_get("/api/v1/deliveries/{id}", guard(_unless_unavailable(self._show)))
        return app

    def _guard(self, handler: Handler) -> Handler:
        """Ask for the bearer token first; without one configured nobody gets in."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            if self.token is None:
                return _error(403, "No http.token is configured: set one to send over HTTP")
            given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
            if not hmac.compare_digest(given, f"Bearer {self.token}".encode()):
                return _error(401, "The bearer token is missing or wrong: expected http.token")
            return await handler(request)

        return guarded

    def _submit(self, kind: Kind) -> Handler:
        async def submit(request: web.Request) -> web.StreamResponse:
            try:
                payload = await request.read()
            except web.HTTPRequestEntityTooLarge:
                return _error(413, f"The document is larger than {self.most_bytes} bytes")
            asked = Asked(dedup_key=request.headers.get("Idempotency-Key"))
            submission = self.read(kind, payload, asked)
            receipts = await self.outbox.submit([submission], impatient=True)
            return _receipt(receipts[0])

        return _unless_unavailable(submit)

    async def _show(self, request: web.Request) -> web.StreamResponse:
        delivery = await self.store.find(request.match_info["id"])
        return _no_such() if delivery is None else _json(200, delivery_document(delivery))

    async def _list(self, request: web.Request) -> web.StreamResponse:
        try:
            state = State(request.query["state"]) if request.query.get("state") else None
            most = min(int(request.query.get("most", "50")), _LONGEST_LIST)
        except ValueError:
            return _error(400, f"State is one of {', '.join(State)}, most a number")
        found = await self.store.listing(state, most)
        return _json(200, {"deliveries": [delivery_document(delivery) for delivery in found]})

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        delivery = await self.store.find(request.match_info["id"])
        if delivery is None:
            return _no_such()
        if not await self.outbox.cancel_delivery(delivery):
            return _error(
                409, f"It is {delivery.progress.state}: only a queued one can be cancelled"
            )
        return _json(200, {"cancelled": delivery.id})

    async def _retry(self, request: web.Request) -> web.StreamResponse:
        delivery = await self.store.find(request.match_info["id"])
        if delivery is None:
            return _no_such()
        if not may_retry(delivery):
            return _error(
                409,
                f"It is {delivery.progress.state}: only one that ended without success can be "
                "sent again",
            )
        receipt = await self.outbox.retry(delivery, self.expires_after)
        if not receipt.accepted:
            return _error(409, receipt.refused[0].message)
        return _json(202, {"delivery_id": receipt.accepted[0]})


def _unless_unavailable(handler: Handler) -> Handler:
    """Answer 503 while the disk refuses: nothing was kept, the client is to try again."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except StoreUnavailable as error:
            return _error(503, str(error))

    return handle


def may_retry(delivery: Delivery) -> bool:
    """Tell whether a delivery ended without success, so that a person may send it again."""
    state = delivery.progress.state
    ended_unknown = state is State.UNKNOWN and not delivery.progress.in_doubt
    return state in _ENDED_WITHOUT_SUCCESS or ended_unknown


def _receipt(receipt: Receipt) -> web.Response:
    failures = [refusal_document(refusal) for refusal in receipt.refused]
    document = {"deliveries": list(receipt.accepted), "failures": failures}
    return _json(202 if receipt.accepted else 400, document)


def _no_such() -> web.Response:
    return _error(404, "No delivery has this id")


def _error(status: int, sentence: str) -> web.Response:
    return _json(status, {"error": sentence})


def _json(status: int, document: dict[str, object]) -> web.Response:
    return web.Response(status=status, body=to_document(document), content_type="application/json")


__all__ = ["HttpHost", "may_retry"]
