"""Who may ask: Basic authentication with an account SID or an API key."""

import base64
import binascii
import re

from callbox.simulator.api.refusal import Refusal
from callbox.simulator.records.holder import Holder
from callbox.simulator.settings import Settings

ACCOUNT = re.compile(r"AC[0-9a-fA-F]{32}")
KEY = re.compile(r"SK[0-9a-fA-F]{32}")
NOT_FOR_STANDARD_KEYS = {"fetch-account"}
MOST_REMEMBERED = 1000


class Credentials:
    """Checks the Authorization header, remembering the good ones."""

    def __init__(self, settings: Settings, holder: Holder) -> None:
        self._settings = settings
        self._holder = holder
        self._good: dict[tuple[str, str, str], tuple[str, str] | None] = {}
        """Who logs in with an account's own token, by what is asked; None for an API key."""

    def account(self, header: str | None) -> str:
        """Return whose account is asked for where the path does not say so; Refusal 20003."""
        username, _ = _decoded(header or "")
        if KEY.fullmatch(username):
            return self._holder.account_sid
        if not ACCOUNT.fullmatch(username):
            raise Refusal(20003, reason="Authenticate")
        return username

    def check(self, header: str | None, account_sid: str, endpoint: str) -> None:
        """Refusal 20003 unless the header opens this endpoint of this account."""
        asked = (header or "", account_sid, endpoint)
        login = self._good[asked] if asked in self._good else self._examine(*asked)
        if len(self._good) < MOST_REMEMBERED:
            self._good[asked] = login
        if login is not None:
            self._holder.meet(*login)

    def _examine(self, header: str, account_sid: str, endpoint: str) -> tuple[str, str] | None:
        username, secret = _decoded(header)
        is_key = KEY.fullmatch(username) is not None
        if not is_key and username != account_sid:
            raise Refusal(20003, reason="Authenticate")
        if not secret or not self._matches(username, secret):
            raise Refusal(20003, reason="Authenticate")
        if is_key and self._settings.standard_keys and endpoint in NOT_FOR_STANDARD_KEYS:
            raise Refusal(20003, reason="Authenticate")
        return None if is_key else (username, secret)

    def _matches(self, username: str, secret: str) -> bool:
        pinned = self._settings.credentials
        return pinned is None or pinned.get(username) == secret


def _decoded(header: str) -> tuple[str, str]:
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "basic":
        raise Refusal(20003, reason="Authentication Error - No credentials provided")
    try:
        username, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise Refusal(20003, reason="Authentication Error - invalid username") from None
    return username, secret
