"""Who may tell us something: Twilio, by its signature, and whoever has a password we gave it."""

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from callbox.twilio.refusals import Reason, Refusal
from callbox.twilio.signature import is_body_of, is_signed
from callbox.twilio.webhook import Webhook

_MOST_WRONG = 60  # passwords a minute
_MINUTE = 60.0

_CLOSED = Refusal(
    403,
    "Nothing is configured by which this could be checked: see http.public_url",
    Reason.CLOSED,
)
_UNSIGNED = Refusal(403, "X-Twilio-Signature is missing", Reason.UNSIGNED)
_WRONG = Refusal(403, "X-Twilio-Signature is not right for this URL and these parameters",
                 Reason.WRONG)  # fmt: skip

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="Callbox"'}
_NOBODY = Refusal(401, "A user and password are needed", headers=_CHALLENGE)
_WRONG_PASSWORD = Refusal(401, "The user or password is wrong", Reason.BASIC, _CHALLENGE)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the configuration says about who may come in; without anything nobody may.

    `public_url` is this gateway's address at Twilio, a proxy's path prefix included, up to the `/`
    before `twilio/`. `tokens` are the auth tokens in force, two during a rotation. With `user` and
    `password` both are asked for on top of the signature, or with `basic_alone` instead of it.
    `bearer` lets in to `/twilio/ping` only.
    """

    public_url: str | None = None
    tokens: tuple[str, ...] = field(default=(), repr=False)
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    basic_alone: bool = False
    bearer: str | None = field(default=None, repr=False)

    @property
    def base(self) -> str | None:
        """The public URL, with the user and password where Twilio needs them. A secret then."""
        if not self.public_url:
            return None
        scheme, mark, rest = self.public_url.rstrip("/").partition("://")
        if not (self.user and self.password) or "@" in rest.partition("/")[0]:
            return f"{scheme}{mark}{rest}"
        return f"{scheme}{mark}{quote(self.user, safe='')}:{quote(self.password, safe='')}@{rest}"

    @property
    def place(self) -> str:
        """The public URL as a log may show it."""
        scheme, mark, rest = (self.public_url or "").rstrip("/").partition("://")
        authority, slash, path = rest.partition("/")
        return f"{scheme}{mark}{authority.rpartition('@')[2]}{slash}{path}"


@dataclass(slots=True)
class Door:
    """Checks a request before anything is done."""

    settings: Settings
    monotonic: Callable[[], float]
    _base: str | None = field(init=False, repr=False)
    _tokens: tuple[str, ...] = field(init=False, repr=False)
    _login: bytes | None = field(init=False, repr=False)
    _since: float = field(init=False, default=0.0)
    _wrong: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        settings = self.settings
        self._base = settings.base
        self._tokens = tuple(token for token in settings.tokens if token)
        whole = bool(settings.user and settings.password)
        self._login = f"{settings.user}:{settings.password}".encode() if whole else None

    def refusal(self, webhook: Webhook) -> Refusal | None:
        """Say why a request may not come in."""
        settings = self.settings
        if not settings.basic_alone:
            refusal = self._unsigned(webhook)
            if refusal is not None or not (settings.user or settings.password):
                return refusal
        return self._stranger(webhook)

    def refusal_at_sight(self, headers: Mapping[str, str]) -> Refusal | None:
        """Say why a request need not even be read: it brings nothing to be checked by."""
        given = headers.get("Authorization", "")
        if self.settings.bearer and given.startswith("Bearer "):
            return None
        if not self.settings.basic_alone:
            if not self._base or not self._tokens:
                return _CLOSED
            return None if headers.get("X-Twilio-Signature") else _UNSIGNED
        if self._login is None:
            return _CLOSED
        return None if given[:6].lower() == "basic " else _NOBODY

    def bears_token(self, webhook: Webhook) -> bool:
        """Tell whether it bears the token of our own clients."""
        if not self.settings.bearer:
            return False
        given = (webhook.authorization or "").encode("utf-8", "surrogateescape")
        return hmac.compare_digest(given, f"Bearer {self.settings.bearer}".encode())

    def _unsigned(self, webhook: Webhook) -> Refusal | None:
        if not self._base or not self._tokens:
            return _CLOSED
        if not webhook.signature:
            return _UNSIGNED
        if webhook.body is not None and not is_body_of(webhook.asked, webhook.body):
            return _WRONG
        url = f"{self._base}{webhook.path}{webhook.query}"
        signed = is_signed(url, webhook.form, webhook.signature, self._tokens)
        return None if signed else _WRONG

    def _stranger(self, webhook: Webhook) -> Refusal | None:
        """Ask for user and password. Twilio gives them only once it was asked (401)."""
        if self._login is None:
            return _CLOSED
        kind, _, given = (webhook.authorization or "").partition(" ")
        if kind.lower() != "basic":
            return _NOBODY
        now = self.monotonic()
        if now - self._since >= _MINUTE:
            self._since, self._wrong = now, 0
        if hmac.compare_digest(_decoded(given), self._login):
            return None  # whoever guesses must not shut Twilio out
        if self._wrong > _MOST_WRONG:
            return _locked(self._since + _MINUTE - now)
        self._wrong += 1
        return _WRONG_PASSWORD


def _locked(seconds: float) -> Refusal:
    headers = {"Retry-After": str(max(1, round(seconds)))}
    return Refusal(429, "Too many wrong passwords: wait a minute", Reason.BASIC, headers)


def _decoded(given: str) -> bytes:
    try:
        return base64.b64decode(given.strip().encode("utf-8", "surrogateescape"), validate=True)
    except binascii.Error:
        return b""
