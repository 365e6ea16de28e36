"""Who is called: a real server that keeps what it hears, and answers as it was told to."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl

from aiohttp import web
from twilio.request_validator import RequestValidator

from harness.sdk import ACCOUNT, login

TOKEN = "the-auth-token"
BASIC = login(ACCOUNT, TOKEN)

Form = dict[str, str]
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Heard:
    """One request, as the listener got it."""

    def __init__(self, request: web.Request, body: str) -> None:
        self.path, self.method, self.headers = request.path, request.method, request.headers
        self.url = f"{request.scheme}://{request.host}{request.raw_path}"
        self.posted = dict(parse_qsl(body, keep_blank_values=True))
        self.form = self.posted or dict(request.query)
        self.token = request.headers.get("I-Twilio-Idempotency-Token")

    def signed(self, url: str = "") -> bool:
        """Tell whether Twilio's own SDK takes it for Twilio's."""
        signature = self.headers["X-Twilio-Signature"]
        valid: bool = RequestValidator(TOKEN).validate(url or self.url, self.posted, signature)
        return valid


class Listener:
    """Answers as each path was told to, else with an empty response."""

    def __init__(self, certificate: tuple[Path, Path] | None = None) -> None:
        self.heard: list[Heard] = []
        self.answers: dict[str, Answer] = {}
        self.url = ""
        self._certificate = certificate

    def _tls(self) -> ssl.SSLContext | None:
        if self._certificate is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*self._certificate)
        return context

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._hear)
        self._runner = web.AppRunner(app, shutdown_timeout=0.05)
        await self._runner.setup()
        tls = self._tls()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls).start()
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _hear(self, request: web.Request) -> web.StreamResponse:
        self.heard.append(Heard(request, await request.text()))
        answer = self.answers.get(request.path)
        return await answer(request) if answer else web.Response(content_type="text/xml")

    def answer(self, path: str, body: str | bytes = "", status: int = 200, **more: str) -> None:
        """Have a path answered so."""

        async def say(_request: web.Request) -> web.StreamResponse:
            kind = more.get("content_type", "text/xml")
            return web.Response(body=body, status=status, content_type=kind)

        self.answers[path] = say

    def stall(self, path: str) -> None:
        """Have a path not answered for long."""

        async def wait(_request: web.Request) -> web.StreamResponse:
            await asyncio.sleep(30)
            return web.Response()

        self.answers[path] = wait

    def at(self, path: str) -> list[Heard]:
        return [heard for heard in self.heard if heard.path == path]

    def statuses(self, name: str = "MessageStatus") -> list[str]:
        return [heard.form[name] for heard in self.at("/status")]
