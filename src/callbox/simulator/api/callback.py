"""StatusCallback: where it is told what becomes of a text or a call."""

from callbox.simulator.api.ask import Ask
from callbox.simulator.api.refusal import Refusal
from callbox.simulator.api.url import is_callback


def asked_for(ask: Ask) -> str | None:
    """Return the URL that a request names, if any; Refusal if it cannot be called back."""
    url = ask.maybe("StatusCallback")
    if url and not is_callback(url):
        raise Refusal(21609, url=url)
    return url
