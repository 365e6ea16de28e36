"""TwilioProxy: calls webhooks as Twilio does, and keeps every exchange."""

import base64
import ssl
import time
import uuid
from urllib.parse import urlencode, urlsplit

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    InvalidURL,
    TCPConnector,
)
from yarl import URL

from callbox.simulator.records.clock import Clock
from callbox.simulator.records.holder import Holder
from callbox.simulator.records.newest import Newest
from callbox.simulator.records.twiml import LONGEST
from callbox.simulator.records.webhook import Webhook
from callbox.simulator.settings import Settings
from callbox.simulator.telephony.errand import STAY, Errand
from callbox.simulator.telephony.exchange import Exchange
from callbox.simulator.telephony.signature import signature, signed_url
from callbox.simulator.telephony.text_form import Form

RETRIEVAL_FAILURE = "11200"
UNAUTHORIZED = 401
REDIRECTIONS = {301, 302, 303, *STAY}
MOST_HOPS = 5
KEPT = 10_000
"""Exchanges; the oldest are let go."""
FORM_TYPE = "application/x-www-form-urlencoded; charset=UTF-8"
HEADERS = {"User-Agent": "TwilioProxy/1.1", "Accept": "*/*", "Cache-Control": "max-age=259200"}


class Proxy:
    """Signs, sends, waits, tries again, falls back."""

    def __init__(self, settings: Settings, holder: Holder, clock: Clock) -> None:
        self._settings = settings
        self._holder = holder
        self._clock = clock
        self._session: ClientSession | None = None
        self.exchanges: Newest[Exchange] = Newest(KEPT)
        """The newest requests, oldest first."""
        self.tunnels: dict[str, str] = dict(settings.tunnels)
        """What begins with the first is signed so, and sent to the second."""

    async def close(self) -> None:
        """Cut what is in flight."""
        if self._session is not None:
            await self._session.close()

    async def call(self, hook: Webhook, params: Form, *, voice: bool = False) -> Exchange:
        """Call a webhook, and its fallback URL if it fails; return the last exchange."""
        token = str(uuid.uuid4())
        exchange = await self._insist(Errand(hook, params, voice, token))
        if exchange.ok or hook.fallback is None:
            return exchange
        return await self._fall_back(hook, params, RETRIEVAL_FAILURE, voice, token)

    async def fall_back(
        self, hook: Webhook, params: Form, code: int, *, voice: bool = False
    ) -> Exchange:
        """Call the fallback URL of a webhook whose answer cannot be obeyed."""
        return await self._fall_back(hook, params, str(code), voice, str(uuid.uuid4()))

    async def _fall_back(
        self, hook: Webhook, params: Form, code: str, voice: bool, token: str
    ) -> Exchange:
        blame = {"ErrorCode": code, "ErrorUrl": hook.bare}
        spare = hook.fallback or hook
        return await self._insist(Errand(spare, {**params, **blame}, voice, token, True))

    async def _insist(self, errand: Errand) -> Exchange:
        rules = errand.hook.overrides
        deadline = time.monotonic() + rules.total
        for attempt in range(1, rules.retries + 2):
            exchange = await self._attempt(errand, attempt, deadline)
            spent = time.monotonic() >= deadline
            if exchange.ok or exchange.fault not in rules.reasons or spent:
                break
        return exchange

    async def _attempt(self, errand: Errand, attempt: int, deadline: float) -> Exchange:
        exchange = await self._ask(errand, attempt, deadline)
        for _ in range(MOST_HOPS):
            if not exchange.location:
                break
            try:
                errand = errand.moved(exchange)
            except ValueError:
                exchange.fault = "ct"
                break
            exchange = await self._ask(errand, attempt, deadline)
        return exchange

    async def _ask(self, errand: Errand, attempt: int, deadline: float) -> Exchange:
        exchange = await self._send(errand, attempt, deadline, {})
        login = errand.hook.login
        if exchange.status == UNAUTHORIZED and login and exchange.challenge:
            basic = base64.b64encode(":".join(login).encode()).decode()
            return await self._send(errand, attempt, deadline, {"Authorization": f"Basic {basic}"})
        return exchange

    async def _send(self, errand: Errand, attempt: int, deadline: float, login: Form) -> Exchange:
        exchange = Exchange(
            method=errand.hook.method,
            url=errand.url,
            params=errand.params,
            headers=self._headers(errand),
            attempt=attempt,
            fallback=errand.fallback,
            began_at=self._clock(),
        )
        self.exchanges.append(exchange)
        began = time.monotonic()
        try:
            await self._carry(exchange, errand, deadline - began, login)
        except (ClientConnectorError, ConnectionTimeoutError, InvalidURL):
            exchange.fault = "ct"
        except (ClientError, TimeoutError, UnicodeError):
            exchange.fault = "rt"
        except ValueError:  # where a redirection leads is no place: a port above 65,535
            exchange.fault = "ct"
        finally:
            exchange.seconds = time.monotonic() - began
        return exchange

    async def _carry(self, exchange: Exchange, errand: Errand, left: float, login: Form) -> None:
        rules = errand.hook.overrides
        url, forwarded = self._route(exchange.url)
        limits = ClientTimeout(
            total=max(left, 0.001), sock_connect=rules.connect, sock_read=rules.read
        )
        async with self._client().request(
            exchange.method,
            URL(url, encoded=True),
            data=urlencode(errand.form) if exchange.method == "POST" else None,
            headers={**exchange.headers, **login, **forwarded},
            timeout=limits,
            allow_redirects=False,
        ) as answer:
            exchange.content_type = answer.content_type
            exchange.challenge = answer.headers.get("WWW-Authenticate", "")
            exchange.body = _text(await _beginning(answer), answer.charset or "utf-8")
            exchange.answered(answer.status)
            if answer.status in REDIRECTIONS:
                exchange.location = answer.headers.get("Location", "")

    def _route(self, url: str) -> tuple[str, dict[str, str]]:
        for outside, inside in self.tunnels.items():
            if url.startswith(outside):
                parts = urlsplit(url)
                told = {"Host": parts.netloc, "X-Forwarded-Proto": parts.scheme}
                return inside + url.removeprefix(outside), told
        return url, {}

    def _client(self) -> ClientSession:
        if self._session is None:
            self._session = ClientSession(
                connector=TCPConnector(ssl=self._trust(), limit=0, force_close=True),
                cookie_jar=DummyCookieJar(),
            )
        return self._session

    def _trust(self) -> ssl.SSLContext | bool:
        authority = self._settings.webhook_authority
        return ssl.create_default_context(cafile=authority) if authority else True

    def _headers(self, errand: Errand) -> dict[str, str]:
        signed = signed_url(errand.url, voice=errand.voice)
        content = {"Content-Type": FORM_TYPE} if errand.hook.method == "POST" else {}
        return {
            **HEADERS,
            **content,
            "X-Twilio-Signature": signature(self._holder.auth_token, signed, errand.form),
            "I-Twilio-Idempotency-Token": errand.token,
        }


async def _beginning(answer: ClientResponse) -> bytes:
    """Return as much of an answer as shows whether it is too long."""
    read = bytearray()
    while len(read) <= LONGEST:
        piece = await answer.content.read(LONGEST + 1 - len(read))
        if not piece:
            break
        read += piece
    return bytes(read)


def _text(answer: bytes, charset: str) -> str:
    """Read an answer in its character set, whatever it says that this is."""
    try:
        text = answer.decode(charset, "replace")
    except (LookupError, ValueError):
        text = answer.decode(errors="replace")
    return text.encode(errors="replace").decode()
