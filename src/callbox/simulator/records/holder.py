"""Whose account it is: what webhooks are signed with, and what comes in belongs to."""

from callbox.simulator.settings import Settings

ANYBODY, ANY_TOKEN = "AC" + "0" * 32, "any"


class Holder:
    """Pinned by the settings; else whoever logged in last with an account SID and its token."""

    def __init__(self, settings: Settings) -> None:
        pinned = settings.credentials or {}
        known = next((user for user in pinned if user.startswith("AC")), ANYBODY)
        self._settings = settings
        self.account_sid = settings.account_sid or known
        self.auth_token = settings.auth_token or pinned.get(self.account_sid) or ANY_TOKEN

    def meet(self, account_sid: str, auth_token: str) -> None:
        """Take note of somebody whose credentials were good."""
        if self._settings.account_sid is None:
            self.account_sid = account_sid
        if self._settings.auth_token is None and account_sid == self.account_sid:
            self.auth_token = auth_token
