"""One webhook to call."""

from dataclasses import dataclass, replace
from urllib.parse import urlencode, urljoin, urlsplit

from callbox.simulator.records.webhook import Webhook
from callbox.simulator.telephony.exchange import Exchange
from callbox.simulator.telephony.text_form import Form

STAY = {307, 308}
"""Redirections that keep method and parameters; any other becomes a GET without them."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What is called, and with what: all its attempts share the token and the time."""

    hook: Webhook
    params: Form
    voice: bool
    token: str
    fallback: bool = False

    @property
    def url(self) -> str:
        """Where it goes: parameters of a GET are part of it."""
        url = self.hook.bare
        if self.hook.method == "POST" or not self.params:
            return url
        return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(self.params)}"

    @property
    def form(self) -> Form:
        """What is posted."""
        return self.params if self.hook.method == "POST" else {}

    def moved(self, exchange: Exchange) -> "Errand":
        """Return the errand to where a redirection leads; the time-outs stay."""
        place = urljoin(exchange.url, exchange.location).partition("#")[0]
        url = f"{place}#{urlsplit(self.hook.url).fragment}"
        if exchange.status in STAY:
            return replace(self, hook=replace(self.hook, url=url))
        return replace(self, hook=replace(self.hook, url=url, method="GET"), params={})
