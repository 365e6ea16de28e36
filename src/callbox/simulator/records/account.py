"""Accounts: that of whoever logs in, and the subaccounts that it has made."""

import secrets
import time
from dataclasses import dataclass

from callbox.simulator.records.date import rfc2822
from callbox.simulator.records.sid import new_sid

REDACTED = "[Redacted]"
"""What is shown for the token of an account that was not made here."""
MOST_SUBACCOUNTS = 1000
SUBRESOURCES = {
    "addresses": "Addresses",
    "applications": "Applications",
    "authorized_connect_apps": "AuthorizedConnectApps",
    "available_phone_numbers": "AvailablePhoneNumbers",
    "balance": "Balance",
    "calls": "Calls",
    "conferences": "Conferences",
    "connect_apps": "ConnectApps",
    "incoming_phone_numbers": "IncomingPhoneNumbers",
    "keys": "Keys",
    "messages": "Messages",
    "notifications": "Notifications",
    "outgoing_caller_ids": "OutgoingCallerIds",
    "queues": "Queues",
    "recordings": "Recordings",
    "short_codes": "SMS/ShortCodes",
    "signing_keys": "SigningKeys",
    "sip": "SIP",
    "transcriptions": "Transcriptions",
    "usage": "Usage",
}


@dataclass(slots=True, eq=False)
class Account:
    """One account; a main one is its own owner."""

    sid: str
    owner_sid: str
    friendly_name: str
    opened_at: float
    updated_at: float
    auth_token: str = REDACTED
    status: str = "active"

    @property
    def is_subaccount(self) -> bool:
        """Whether another account owns it."""
        return self.owner_sid != self.sid

    def document(self, *, trial: bool) -> dict[str, object]:
        """Return the 10 fields of the Account resource."""
        path = f"/2010-04-01/Accounts/{self.sid}"
        return {
            "sid": self.sid,
            "owner_account_sid": self.owner_sid,
            "friendly_name": self.friendly_name,
            "status": self.status,
            "type": "Trial" if trial else "Full",
            "auth_token": self.auth_token,
            "date_created": rfc2822(self.opened_at),
            "date_updated": rfc2822(self.updated_at),
            "uri": f"{path}.json",
            "subresource_uris": {name: f"{path}/{uri}.json" for name, uri in SUBRESOURCES.items()},
        }


class Accounts:
    """All accounts that were asked for or made."""

    def __init__(self, opened_at: float) -> None:
        self._opened_at = opened_at
        self.changes = 0
        """How often a subaccount was made or changed."""
        self._main: dict[str, Account] = {}
        self._subaccounts: dict[str, Account] = {}

    def get(self, sid: str) -> Account:
        """Return an account; one that nobody made is a main account."""
        known = self._subaccounts.get(sid) or self._main.get(sid)
        if known is None:
            known = Account(sid, sid, "Simulated account", self._opened_at, self._opened_at)
            self._main[sid] = known
        return known

    def subaccount(self, sid: str) -> Account | None:
        """Return a subaccount; None if it is none."""
        return self._subaccounts.get(sid)

    def owner_of(self, sid: str) -> str:
        """Return the main account that an account belongs to."""
        known = self._subaccounts.get(sid)
        return known.owner_sid if known else sid

    def of(self, owner_sid: str) -> list[Account]:
        """Return what somebody sees: an account and its subaccounts, newest first."""
        owned = [each for each in self._subaccounts.values() if each.owner_sid == owner_sid]
        return [*reversed(owned), self.get(owner_sid)]

    def add(self, owner_sid: str, friendly_name: str, now: float) -> Account:
        """Make a subaccount, with a SID and a token of its own."""
        written = time.strftime("%Y-%m-%d %I:%M %p", time.gmtime(now)).lower()
        name = friendly_name or f"SubAccount Created at {written}"
        account = Account(new_sid("AC"), owner_sid, name, now, now, secrets.token_hex(16))
        self._subaccounts[account.sid] = account
        self.changes += 1
        return account

    def change(self, account: Account, status: str, friendly_name: str, now: float) -> None:
        """Give an account another status and name."""
        account.status, account.friendly_name, account.updated_at = status, friendly_name, now
        self.changes += 1

    def active(self, sid: str) -> bool:
        """Whether anything can be done in its name."""
        known = self._subaccounts.get(sid)
        return known is None or known.status == "active"
