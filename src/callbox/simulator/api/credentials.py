"""Who may ask: Basic authentication with an account SID or an API key."""

import base64
import re

from callbox.simulator.api.refusal import Refusal
from callbox.simulator.records.account import Accounts
from callbox.simulator.records.holder import Holder
from callbox.simulator.settings import Settings

ACCOUNT = re.compile(r"AC[0-9a-fA-F]{32}")
KEY = re.compile(r"SK[0-9a-fA-F]{32}")
NOT_FOR_STANDARD_KEYS = {"fetch-account", "list-accounts", "create-account", "update-account"}
TESTABLE = {"create-message", "create-call", "create-number"}
"""All that the test credentials are good for."""
WORKING_WHILE_SUSPENDED = {"update-account"}
MOST_REMEMBERED = 1000


class Credentials:
    """Checks the Authorization header, remembering the good ones."""

    def __init__(self, settings: Settings, holder: Holder, accounts: Accounts) -> None:
        self._settings = settings
        self._accounts = accounts
        self._holder = holder
        self._good: dict[tuple[str, str, str, int], tuple[str, str] | None] = {}
        """Who logs in with a main account's own token, by what is asked; None for other good ones.
        What was good before a subaccount changed is not remembered."""

    def account(self, header: str | None) -> str:
        """Return whose account is asked for where the path does not say so; Refusal 20003."""
        username, _ = _decoded(header or "")
        if KEY.fullmatch(username):
            return self._holder.account_sid
        if not ACCOUNT.fullmatch(username):
            raise Refusal(20003, reason="Authenticate")
        return username

    def check(self, header: str | None, account_sid: str, endpoint: str) -> None:
        """Refusal unless the header opens this endpoint of this account.

        20003: wrong credentials. 20008: test credentials, and not one of the three endpoints.
        """
        asked = (header or "", account_sid, endpoint, self._accounts.changes)
        login = self._good[asked] if asked in self._good else self._examine(*asked[:3])
        if len(self._good) < MOST_REMEMBERED:
            self._good[asked] = login
        if login is not None:
            self._holder.meet(*login)

    def _examine(self, header: str, account_sid: str, endpoint: str) -> tuple[str, str] | None:
        username, secret = _decoded(header)
        is_key = KEY.fullmatch(username) is not None
        if not is_key and username not in {account_sid, self._accounts.owner_of(account_sid)}:
            raise Refusal(20003, reason="Authenticate")
        if not secret or not self._matches(username, secret):
            raise Refusal(20003, reason="Authenticate")
        if is_key and endpoint in NOT_FOR_STANDARD_KEYS:
            raise Refusal(20003, reason="Authenticate")
        if self._settings.test_credentials and endpoint not in TESTABLE:
            raise Refusal(20008)
        subaccount = self._accounts.subaccount(username)
        return None if is_key or subaccount else (username, secret)

    def check_active(self, account_sid: str, endpoint: str) -> None:
        """Refusal 20005 if nothing new can be done in the name of a suspended subaccount.

        Which of Twilio's codes for it the API gives, and that it is a 403, is a guess.
        """
        if endpoint not in WORKING_WHILE_SUSPENDED and not self._accounts.active(account_sid):
            raise Refusal(20005)

    def _matches(self, username: str, secret: str) -> bool:
        subaccount = self._accounts.subaccount(username)
        if subaccount is not None:
            return subaccount.status == "active" and secret == subaccount.auth_token
        pinned = self._settings.credentials
        return pinned is None or pinned.get(username) == secret


def _decoded(header: str) -> tuple[str, str]:
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "basic":
        raise Refusal(20003, reason="Authentication Error - No credentials provided")
    try:
        username, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except ValueError:
        raise Refusal(20003, reason="Authentication Error - invalid username") from None
    return username, secret
