"""The web server's rules for /message/<plugin id>/<action id>/..."""
# ruff: noqa: ANN401 - what crosses to a plugin has any type

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from aiohttp import web

from indigo_host.pipe import PluginGone
from indigo_host.values import wrap

if TYPE_CHECKING:
    from indigo_host.server import IndigoServer

_FORM = "application/x-www-form-urlencoded"
_PATH = re.compile(r"/message/([^/]+)/([^/]+)(?:/(.*))?")


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """The web server answers for itself."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class WebServer:
    """A real HTTP server on a loopback port."""

    def __init__(self, server: "IndigoServer") -> None:
        self._server = server
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def start(self) -> None:
        """Listen on a free port."""
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, request: web.Request) -> web.Response:
        try:
            return _response(await self._ask(request))
        except Refused as refused:
            error = {"error": str(refused)}
            return web.json_response(error, status=refused.status)

    async def _ask(self, request: web.Request) -> Any:
        server = self._server
        self._admit(request)
        plugin_id, action_id, rest = self._target(request.path)
        if request.method not in {"GET", "POST"}:
            raise Refused(405, "method_not_allowed")
        if plugin_id != server.bundle.id or action_id not in server.bundle.actions:
            raise Refused(501, "not_implemented")
        if server.plugin_state != "running":
            raise Refused(503, "plugin_not_running")
        props = await self._props(request, rest)
        action = server.action_request(action_id, None, props, waits=True, web=True)
        assert action is not None
        try:
            outcome = await server.perform(action, server.web_timeout)
        except TimeoutError:
            raise Refused(504, "timeout") from None
        except PluginGone:
            raise Refused(503, "plugin_not_running") from None
        if outcome.status != "ok":
            raise Refused(500, f"unknown_error: {outcome.value}")
        return outcome.value

    def _admit(self, request: web.Request) -> None:
        keys = [request.query.get(name) for name in self._server.quirks.query_keys]
        bearer = request.headers.get("Authorization", "")
        if self._server.api_key not in keys and bearer != f"Bearer {self._server.api_key}":
            raise Refused(401, "unauthorized")

    @staticmethod
    def _target(path: str) -> tuple[str, str, list[str]]:
        match = _PATH.fullmatch(path)
        if match is None:
            raise Refused(404, "not_found")
        plugin_id, action_id, rest = match.groups()
        return plugin_id, action_id, [part for part in (rest or "").split("/") if part]

    async def _props(self, request: web.Request, rest: list[str]) -> dict[str, Any]:
        quirks = self._server.quirks
        lower = quirks.lower_case_headers
        query = dict(request.query)
        if not quirks.key_in_query_args:
            query = {name: value for name, value in query.items() if name not in quirks.query_keys}
        props: dict[str, Any] = {
            "incoming_request_method": request.method,
            "headers": {
                name.lower() if lower else name: value for name, value in request.headers.items()
            },
            "file_path": rest,
        }
        if query:
            props["url_query_args"] = query
        if request.method == "POST":
            props |= await self._body(request)
        try:
            wrap(props)
        except (TypeError, ValueError) as fault:
            raise Refused(500, f"unknown_error: {fault}") from None
        return props

    async def _body(self, request: web.Request) -> dict[str, Any]:
        text = (await request.read()).decode(errors="replace")
        if request.content_type == _FORM and not self._server.quirks.form_as_request_body:
            return {"body_params": dict(parse_qsl(text, keep_blank_values=True))}
        return {"request_body": text} if text else {}


def _response(reply: Any) -> web.Response:
    """Turn what the plugin gave into HTTP."""
    if not isinstance(reply, Mapping):
        text = "" if reply is None else str(reply)
        return web.Response(text=text, content_type="application/json")
    headers = {"Content-Type": "application/json", **(reply.get("headers") or {})}
    body = str(reply.get("content", "")).encode()
    return web.Response(status=int(reply.get("status", 200)), headers=headers, body=body)
