"""Proving that webhooks reach the gateway: what Twilio does, step by step, over the same way."""

import asyncio
import os
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from time import monotonic
from urllib.parse import urlsplit

import aiohttp
from twilio.request_validator import RequestValidator
from yarl import URL

from callbox.twilio.account import Finding
from callbox.twilio.codes import Code, lookup
from callbox.twilio.numbers import PATHS, PORTS, Place, masked

_MOST_READ = 65_536
_OK, _UNAUTHORIZED, _FORBIDDEN = 200, 401, 403
_SUCCESS = range(200, 300)
_REFUSALS = (_UNAUTHORIZED, _FORBIDDEN)
_PING = "/twilio/ping?test=round%20trip"
_SMS_PATH = PATHS["sms_url"]
_CALLBOX = re.compile(r"<!-- Callbox (\w+) -->")
_TITLE = re.compile(r"<title[^>]*>([^<]+)", re.IGNORECASE)
_PRIVATE_NAMES = frozenset({"localhost", "local", "lan", "home", "internal", "arpa"})

# OpenSSL's reasons as Twilio's codes; every other one is a certificate that it does not trust.
_CERTIFICATE_CODES = {9: 11236, 10: 11236, 62: 11235, 64: 11235}
_UNTRUSTED = 11237
_NO_ENCRYPTION = 11220

_TUNNEL = "Twilio needs a public address: a tunnel or a reverse proxy gives one"
_FORWARD = "check http.public_url, the tunnel, proxy or port forwarding there, and the firewall"
_BEHIND = "check that the proxy or tunnel passes /twilio/ on to http.host and http.port unchanged"
_RUNS = "is `callbox run` running?"
_PLAIN_HTTP = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"})  # by OpenSSL's version
_PLAIN_THERE = (
    "TLS: it speaks plain http there, not https (Twilio's code {code}): write http:// in "
    "http.public_url, or put TLS in front"
)
_SIGNED = "valid, so the gateway believes twilio.auth_token"
_NOT_SIGNED = "not asked for, since http.webhook_auth is basic"
_NO_HTTP = "something that does not speak HTTP is there, or speaks https where http is asked for"
_BROKEN = "the connection broke before an answer, as with something that does not speak HTTP"
_LOST = (
    "Signature: it got lost on the way; let the proxy or tunnel pass on every header, "
    "X-Twilio-Signature among them"
)
_SIGNATURE = (
    "Signature: refused. The gateway verifies with its http.public_url and twilio.auth_token, and "
    "this was signed for {url} with the token configured here: use the same two for both (restart "
    "the gateway after a change, and take the account's PRIMARY token), and let no proxy change "
    "path, query or body"
)

# By HTTP status: what to say of an answer in the gateway's place.
_ANSWERS = {
    401: "a user and password are asked for (HTTP status {status}) that are not those configured "
    "here: set http.webhook_username and http.webhook_password to them, or ask for none",
    404: "nothing is there (HTTP status {status}): check that the gateway runs, that "
    "http.public_url has the whole path up to /twilio/, and that the proxy or tunnel passes it on",
    500: "the gateway met a fault of its own (HTTP status {status}): see its log",
    **dict.fromkeys(
        (502, 503, 504),
        "the proxy or tunnel is there and the gateway behind it is not (HTTP status {status}): "
        "start it with `callbox run`, and let the proxy pass on to http.host and http.port",
    ),
}
_CHALLENGE = {
    True: Finding("Password: asked for, and taken"),
    False: Finding(
        "Password: http.webhook_username is configured and nobody asked for it: restart the "
        "gateway, which runs with another configuration",
        wrong=True,
    ),
}


class RoundTrip:
    """Does what Twilio does with a webhook, over the same way, and tells step by step how it went.

    Signed with the official SDK, so that it does not share a mistake with what verifies; without a
    `token` the password alone counts. `strict`: the address has to be one that Twilio can reach.
    """

    def __init__(
        self,
        place: Place,
        account_sid: str,
        token: str | None,
        *,
        strict: bool,
        connect_within: float = 5.0,
        answer_within: float = 15.0,
    ) -> None:
        self._place = place
        self._parts = urlsplit(place.public_url)
        self._host = self._parts.hostname or ""
        self._port = self._parts.port or PORTS[self._parts.scheme]
        self._account_sid = account_sid
        self._validator = RequestValidator(token) if token else None
        self._strict = strict
        self._connect_within = connect_within
        self._answer_within = answer_within
        self._tls = ssl.create_default_context()
        self.reached = False
        """Whether it was this gateway that answered, so that the public URL is right."""

    async def findings(self) -> AsyncIterator[Finding]:
        """Give each step; after one that the others need and that went wrong, no more."""
        steps = [self._name, self._connection]
        if self._parts.scheme == "https":
            steps.append(self._certificate)
        for step in steps:
            finding = await step()
            yield finding
            if finding.wrong:
                return
        limit = aiohttp.ClientTimeout(total=self._answer_within, sock_connect=self._connect_within)
        connector = aiohttp.TCPConnector(ssl=self._tls)
        async with aiohttp.ClientSession(timeout=limit, connector=connector) as session:
            async for finding in self._requests(session):
                yield finding

    async def _name(self) -> Finding:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or "no host name"
            return _wrong(
                f"DNS: {self._host} is not found ({why}): correct http.public_url, or publish "
                "the name"
            )
        addresses = sorted({str(each[4][0]) for each in found})
        literal = self._host in addresses
        shown = f"DNS: {self._host} is {'an address' if literal else ', '.join(addresses)}"
        if not self._strict or any(ip_address(each).is_global for each in addresses):
            return Finding(shown)
        if literal or self._host.rpartition(".")[2] in _PRIVATE_NAMES:
            return _wrong(f"{shown}, which exists in this network only: {_TUNNEL}")
        return Finding(f"{shown} here; outside this network it has to be a public address")

    async def _connection(self) -> Finding:
        at = f"{self._host}:{self._port}"
        try:
            await self._connect()
        except ConnectionRefusedError:
            return _wrong(f"Connection: {_RUNS} Nobody listens at {at}: {_FORWARD}")
        except TimeoutError:
            late = f"does not answer within {self._connect_within:g} s, when Twilio gives up"
            return _wrong(f"Connection: {at} {late}: {_FORWARD}")
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else "none of its addresses answers"
            return _wrong(f"Connection: {at} cannot be reached ({why}): {_FORWARD}")
        return Finding(f"Connection: {at} takes connections")

    async def _certificate(self) -> Finding:
        try:
            until = await self._connect(self._tls)
        except ssl.SSLCertVerificationError as error:
            code = lookup(_CERTIFICATE_CODES.get(error.verify_code, _UNTRUSTED))
            return _untrusted(code, error.verify_message)
        except ssl.SSLError as error:
            if error.reason in _PLAIN_HTTP:
                return _wrong(_PLAIN_THERE.format(code=_NO_ENCRYPTION))
            return _untrusted(lookup(_NO_ENCRYPTION), error.reason or "no TLS")
        except TimeoutError:
            return _untrusted(lookup(_NO_ENCRYPTION), "no answer in time")
        except OSError:
            return _untrusted(lookup(_NO_ENCRYPTION), "it hangs up")
        return Finding(f"TLS: the certificate is valid until {until}")

    async def _connect(self, tls: ssl.SSLContext | None = None) -> str:
        """Connect and hang up; give the end of the certificate's time, if there is one."""
        name = self._host if tls else None
        async with asyncio.timeout(self._connect_within):
            _, writer = await asyncio.open_connection(
                self._host, self._port, ssl=tls, server_hostname=name
            )
        certificate = writer.get_extra_info("peercert") or {}
        writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(self._connect_within):
                await writer.wait_closed()
        return str(certificate.get("notAfter", ""))

    async def _requests(self, session: aiohttp.ClientSession) -> AsyncIterator[Finding]:
        began = monotonic()
        try:
            reply = await self._ping(session)
            seconds = monotonic() - began
            for finding in self._judged(reply, seconds):
                yield finding
            if reply.instance and reply.status == _OK:
                yield await self._forged(session, reply)
        except TimeoutError:
            yield _wrong(
                f"Answer: none within {self._answer_within:g} s, when Twilio gives up: {_BEHIND}"
            )
        except aiohttp.ClientError as error:
            alien = isinstance(error, aiohttp.ClientResponseError)
            yield _wrong(f"Answer: {_NO_HTTP if alien else _BROKEN}: {_BEHIND}")

    async def _ping(self, session: aiohttp.ClientSession) -> "_Reply":
        """Ask as Twilio does: without user and password, until it is asked for them."""
        url = self._place.public_url + _PING
        signature = self._validator and self._validator.compute_signature(url, self._form)
        reply = await self._post(session, _PING, signature)
        if self._place.login and reply.challenged:
            return await self._post(session, _PING, signature, challenged=True)
        return reply

    async def _forged(self, session: aiohttp.ClientSession, reply: "_Reply") -> Finding:
        """Ask without what alone proves that it is Twilio: the signature, else the password."""
        signed = self._validator is not None
        forged = await self._post(session, _SMS_PATH, challenged=signed and reply.challenged)
        return _refused_forgery(forged, "signature" if signed else "password")

    @property
    def _form(self) -> dict[str, str]:
        return {"AccountSid": self._account_sid, "Body": "Callbox webhooks test: 100 % \u2713 + &"}

    async def _post(
        self,
        session: aiohttp.ClientSession,
        path: str,
        signature: str | None = None,
        *,
        challenged: bool = False,
    ) -> "_Reply":
        headers = {"X-Twilio-Signature": signature} if signature else {}
        if challenged and self._place.login:
            login = ":".join(self._place.login).encode()
            headers["Authorization"] = f"Basic {b64encode(login).decode()}"
        url = URL(self._place.public_url + path, encoded=True)
        async with session.post(
            url, data=self._form, headers=headers, allow_redirects=False
        ) as response:
            text = (await response.content.read(_MOST_READ)).decode("utf-8", "replace")
            asks = response.headers.get("WWW-Authenticate", "").lower()
            return _Reply(
                response.status,
                text,
                response.headers.get("Location", ""),
                challenged or (response.status == _UNAUTHORIZED and asks.startswith("basic ")),
            )

    def _judged(self, reply: "_Reply", seconds: float) -> Iterator[Finding]:
        """Say who answered, whether the signature was taken, and in what time."""
        if reply.status == _FORBIDDEN and "X-Twilio-Signature" in reply.text:
            lost = "missing" in reply.text
            yield _wrong(_LOST if lost else _SIGNATURE.format(url=self._place.public_url))
        elif reply.status != _OK or not reply.instance:
            yield _wrong(f"Answer: {reply.described}")
        else:
            yield Finding(f"Answer: Callbox {reply.instance}")
            self.reached = True
            yield Finding(f"Signature: {_SIGNED if self._validator else _NOT_SIGNED}")
            if self._place.login:
                yield _CHALLENGE[reply.challenged]
            yield Finding(
                f"Time: {seconds:.2f} s of the {self._answer_within:g} s that Twilio waits"
            )


@dataclass(frozen=True, slots=True)
class _Reply:
    """An answer; `challenged` if a user and password were asked for."""

    status: int
    text: str
    location: str
    challenged: bool

    @property
    def instance(self) -> str | None:
        """The gateway that answered, if one did."""
        found = _CALLBOX.search(self.text)
        return found[1] if found else None

    @property
    def described(self) -> str:
        """Say what is wrong with one that is not the gateway's."""
        if self.status in _ANSWERS:
            return _ANSWERS[self.status].format(status=self.status)
        if self.location:
            return f"a redirect to {masked(self.location)}: set http.public_url to where it leads"
        title = _TITLE.search(self.text)
        words = _plain(title[1] if title else self.text)
        return (
            f"it is not Callbox's (HTTP status {self.status}, it says: {words or '-'}): {_BEHIND}"
        )


def _refused_forgery(reply: _Reply, proof: str) -> Finding:
    if reply.status in _REFUSALS:
        return Finding(f"Forgery: a request without the {proof} is refused")
    if reply.status in _SUCCESS:
        return _wrong(
            f"Forgery: a request WITHOUT the {proof} was taken, so anybody can pretend to be "
            "Twilio: take the gateway off the network, and let only Callbox answer under /twilio/"
        )
    return _wrong(
        f"Forgery: a request without the {proof} was answered with HTTP status {reply.status}, "
        f"not refused: {_BEHIND}"
    )


def _untrusted(code: Code | None, why: str) -> Finding:
    assert code is not None  # noqa: S101 - the table has it
    reason = code.reason.removesuffix(".")
    return _wrong(f"TLS: {reason} ({why}; Twilio's code {code.number}): {code.remedy}")


def _wrong(sentence: str) -> Finding:
    return Finding(sentence.removesuffix("."), wrong=True)


def _plain(text: str) -> str:
    return "".join(filter(str.isprintable, " ".join(text.split())))[:60]
