"""HTTP for the official SDK: its public extension point `AsyncHttpClient`, over aiohttp.

What the SDK's own client does not do: separate time limits for connecting and answering, no retries
(a create has no idempotency key), no logging of numbers. It raises what a caller must tell apart.
"""

import asyncio
import json
import logging
import os
import ssl
from base64 import b64encode
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from time import time
from typing import Any
from urllib.parse import urlencode

import aiohttp
from twilio.http import AsyncHttpClient
from twilio.http.response import Response

_SUCCESS = range(200, 300)


class NotSent(Exception):  # noqa: N818 - reads as the sentence it is
    """No connection: the request surely never left."""


class NoAnswer(Exception):  # noqa: N818 - reads as the sentence it is
    """The request may have left, and no readable answer came."""


class Answer(Exception):  # noqa: N818 - an answer, not necessarily an error
    """An answer that is not a success. `code` is Twilio's, None where something else answered."""

    def __init__(
        self, status: int, code: int | None, message: str, retry_after: float | None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after


class Transport(AsyncHttpClient):  # type: ignore[misc]  # the SDK has no type marker
    """One pool of connections to Twilio. Create it inside the running loop, `close` it after.

    `now`: our clock, which Twilio's is compared with.
    """

    def __init__(
        self,
        *,
        connect_timeout: float,
        read_timeout: float,
        most: int,
        now: Callable[[], float] = time,
    ) -> None:
        super().__init__(logging.getLogger("twilio.async_http_client"), is_async=True)
        self.now = now
        self.ahead = 0.0  # seconds by which Twilio's clock is ahead of ours
        limit = aiohttp.ClientTimeout(
            total=connect_timeout + read_timeout,
            sock_connect=connect_timeout,
            sock_read=read_timeout,
        )
        self._session = aiohttp.ClientSession(
            timeout=limit,
            connector=aiohttp.TCPConnector(limit=most, ttl_dns_cache=60),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def request(
        self,
        method: str,
        url: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109, ARG002 - the SDK's signature
        allow_redirects: bool = False,
    ) -> Response:
        """Send one request, once.

        Raises NotSent, NoAnswer, or Answer for every status but 2xx.
        """
        headers = dict(headers or {})
        if data:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if auth is not None:
            headers["Authorization"] = "Basic " + b64encode(":".join(auth).encode()).decode()
        try:
            async with self._session.request(
                method,
                url,
                params=_pairs(params),
                data=_form(data),
                headers=headers,
                allow_redirects=allow_redirects,
            ) as response:
                text = await response.text("utf-8", "replace")  # whatever a proxy says it is
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotSent(f"No connection to Twilio ({_cause(error)})") from error
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise NoAnswer(f"Twilio did not answer ({_cause(error)})") from error
        if response.status not in _SUCCESS:
            raise _answer(response.status, text, response.headers)
        if method == "GET":
            self._set_clock(response.headers)
        return Response(response.status, text, response.headers)

    def _set_clock(self, headers: Mapping[str, str]) -> None:
        try:
            self.ahead = parsedate_to_datetime(headers["Date"]).timestamp() - self.now()
        except (KeyError, ValueError):
            return


def _pairs(values: dict[str, object] | None) -> list[tuple[str, str]] | None:
    """Write form or query parameters: a list repeats its name."""
    if not values:
        return None
    return [
        (name, str(part))
        for name, value in values.items()
        for part in (value if isinstance(value, list) else [value])
    ]


def _form(values: dict[str, object] | None) -> bytes | None:
    """Write a form's body; aiohttp would make a multipart writer first, 30 us a request."""
    pairs = _pairs(values)
    return urlencode(pairs).encode() if pairs else None


def _cause(error: BaseException) -> str:
    """Name a fault without the address that aiohttp's and asyncio's own texts have."""
    os_error = getattr(error, "os_error", None)
    number = getattr(os_error, "errno", None) or 0
    if number > 0 and not isinstance(os_error, ssl.SSLError):
        return os.strerror(number)
    return getattr(os_error, "strerror", None) or type(error).__name__


def _answer(status: int, text: str, headers: Mapping[str, str]) -> Answer:
    body = _json_object(text)
    code = body.get("code")
    message = body.get("message") or body.get("detail") or body.get("title")
    return Answer(
        status,
        code if isinstance(code, int) else None,
        str(message or f"an answer that is not Twilio's, HTTP status {status}"),
        _seconds(headers.get("Retry-After")),
    )


def _json_object(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _seconds(text: str | None) -> float | None:
    """Read a Retry-After in seconds; its date form is not Twilio's."""
    return float(text) if text and text.isdecimal() else None
