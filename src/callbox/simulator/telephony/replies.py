"""Replies: what the script that answers a text has done.

A reply is checked as a request for a message is, and not sent if Twilio would refuse that; the
debugger then shows a code of TwiML's own where there is one, else the request's. A new verb needs
a branch in `obey`; what has none is shown as unknown to the schema, and the rest is done.
"""

from collections.abc import Iterable, Mapping
from urllib.parse import urljoin

from callbox.simulator.api.ask import Ask, Params
from callbox.simulator.api.messages import compose
from callbox.simulator.api.refusal import Refusal
from callbox.simulator.api.url import is_url
from callbox.simulator.records.message import Message
from callbox.simulator.records.switchboard import Switchboard
from callbox.simulator.records.twiml import Verb
from callbox.simulator.records.webhook import Webhook
from callbox.simulator.telephony.exchange import Exchange

METHODS = {"GET", "POST"}
MOST_REPLIES = 10
TOO_MANY = 14109
SCHEMA, BAD_URL, BAD_METHOD = 12200, 11100, 14104
CODES: Mapping[int, int] = {
    **dict.fromkeys((21211, 21604, 21608), 14101),
    **dict.fromkeys((21212, 21606), 14102),
    **dict.fromkeys((21602, 21617, 21619), 14103),
    21609: 14105,
}
"""TwiML's code for what a request is refused with: To, From, Body, statusCallback."""


class Replies:
    """Sends what the answers to texts say."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board

    def obey(
        self, message: Message, exchange: Exchange, script: Iterable[Verb] | None
    ) -> Webhook | None:
        """Do a script; return where it goes on, None if it ends here. Its first flaw is noted."""
        flaws: list[int] = []
        onward, sent = None, 0
        for verb in script or ():
            if verb.name == "Redirect":
                onward = _onward(verb, exchange.url, flaws)
                break
            if verb.name != "Message":
                flaws.append(SCHEMA)
            elif sent == MOST_REPLIES:
                flaws.append(TOO_MANY)
            else:
                sent += 1
                self._reply(message, verb, exchange.url, flaws)
        if flaws:
            exchange.error_code = flaws[0]
        return onward

    def _reply(self, message: Message, verb: Verb, source: str, flaws: list[int]) -> None:
        board = self._board
        now = board.clock()
        ask = Ask("", message.account_sid, "", _asked(message, verb, source), now)
        try:
            reply = compose(board, ask)
        except Refusal as refusal:
            flaws.append(CODES.get(refusal.code, refusal.code))
            return
        reply.direction = "outbound-reply"
        reply.messaging_service_sid = message.messaging_service_sid
        board.dispatch(reply, board.load(reply))


def _asked(message: Message, verb: Verb, source: str) -> Params:
    """Return the request for a message that a reply comes to; its URLs may be relative."""
    given = verb.attributes
    bodies, media = _texts(verb, "Body"), _texts(verb, "Media")
    callback = given.get("statusCallback")
    return {
        "To": [given.get("to") or message.sender or ""],
        "From": [given.get("from") or message.to],
        "Body": ["".join(bodies) or verb.text],
        "MediaUrl": [_whole(source, url) for url in media],
        "StatusCallback": [_whole(source, callback)] if callback else [],
    }


def _texts(verb: Verb, name: str) -> list[str]:
    return [child.text for child in verb.children if child.name == name]


def _whole(source: str, url: str) -> str:
    try:
        return urljoin(source, url.strip())
    except ValueError:
        return url


def _onward(verb: Verb, source: str, flaws: list[int]) -> Webhook | None:
    url, method = _whole(source, verb.text), verb.attributes.get("method", "POST")
    if method.upper() not in METHODS:
        flaws.append(BAD_METHOD)
        method = "POST"
    if is_url(url):
        return Webhook(url, method)
    flaws.append(BAD_URL)
    return None
