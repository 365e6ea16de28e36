"""What Twilio checks before it creates a call."""

from callbox.simulator.api.ask import Ask
from callbox.simulator.api.magic import CALLEES, CALLERS, GOOD, sender_code
from callbox.simulator.api.refusal import Refusal
from callbox.simulator.api.url import is_url
from callbox.simulator.records import address
from callbox.simulator.records.switchboard import Switchboard

LONGEST_TWIML = 4000
"""Characters of a script that is given in place of a URL."""


def callee(ask: Ask) -> str:
    """Whom to call."""
    text = ask.text("To")
    if not text:
        raise Refusal(21201)
    to = address.callee(text)
    if to is None:
        raise Refusal(21217, to=text)
    return to


def caller(ask: Ask) -> str:
    """Whose number is shown."""
    text = ask.text("From")
    if not text:
        raise Refusal(21213)
    found = address.callee(text)
    if found is None:
        raise Refusal(21212, sender=text)
    return found


def check_script(ask: Ask) -> None:
    """Whether there is something to do when the call is answered; TwiML counts without a URL only.

    That too long a TwiML is refused, not only noted, is a guess.
    """
    url = ask.text("Url")
    if url and not is_url(url):
        raise Refusal(21205, reason=f"Url is not a valid URL: {url}")
    if not url and len(ask.text("Twiml")) > LONGEST_TWIML:
        raise Refusal(32018)
    if not (url or ask.text("Twiml") or ask.text("ApplicationSid")):
        raise Refusal(21205, reason="Url parameter is required.")


def check_pair(board: Switchboard, to: str, sender: str) -> None:
    """Whether this caller can call this callee."""
    code = CALLEES.get(to) or sender_code(CALLERS, sender, 21210)
    if not code and sender != GOOD and not board.owns(sender):
        code = 21210
    if not code and not board.declared(sender).voice:
        # Twilio publishes no code of its own for a number without voice
        code = 21210
    if not code and not board.may_reach(to):
        code = 21219
    if not code and not board.serves(to):
        code = 21215
    if code:
        raise Refusal(code, to=to, sender=sender)
