"""The Media subresource of messages."""

from callbox.simulator.api.answer import NOTHING, Answer, document
from callbox.simulator.api.ask import Ask
from callbox.simulator.api.listing import Listing, following, interval
from callbox.simulator.api.refusal import Refusal
from callbox.simulator.api.url import is_url
from callbox.simulator.records.attachment import Attachment
from callbox.simulator.records.date import rfc2822
from callbox.simulator.records.message import Message
from callbox.simulator.records.switchboard import Switchboard

TEMPORARY_REDIRECT = 307


def _parent(board: Switchboard, ask: Ask) -> Message:
    message = board.messages.find(ask.account_sid, ask.parent)
    if message is None:
        raise Refusal(20404, path=ask.path)
    return message


def _found(board: Switchboard, ask: Ask) -> Attachment:
    for kept in _parent(board, ask).attachments:
        if kept.sid == ask.sid:
            return kept
    raise Refusal(20404, path=ask.path)


def _shown(message: Message, kept: Attachment) -> dict[str, object]:
    created = rfc2822(message.created_at)
    return {
        "sid": kept.sid,
        "account_sid": message.account_sid,
        "parent_sid": message.sid,
        "content_type": kept.content_type,
        "date_created": created,
        "date_updated": created,
        "uri": f"{message.path}/Media/{kept.sid}.json",
    }


def find(board: Switchboard, ask: Ask) -> Answer:
    """GET Messages/MM…/Media.json."""
    message = _parent(board, ask)
    listing = Listing(ask, ("DateCreated", "DateCreated<", "DateCreated>"))
    created = interval(ask, "DateCreated")
    known = created is None or created.holds(message.created_at)
    kept = following(message.attachments if known else (), listing.after(_found, board))
    return listing.page("media_list", kept, lambda medium: _shown(message, medium))


def fetch(board: Switchboard, ask: Ask) -> Answer:
    """GET Messages/MM…/Media/ME….json."""
    return document(200, _shown(_parent(board, ask), _found(board, ask)))


def content(board: Switchboard, ask: Ask) -> Answer:
    """GET Messages/MM…/Media/ME…: the content, or where it is."""
    kept = _found(board, ask)
    if kept.content or not kept.url:
        return Answer(200, kept.content, kept.headers)
    if not is_url(kept.url):
        raise Refusal(20404, path=ask.path)
    return Answer(TEMPORARY_REDIRECT, b"", {"Location": kept.url})


def delete(board: Switchboard, ask: Ask) -> Answer:
    """DELETE Messages/MM…/Media/ME….json."""
    message, gone = _parent(board, ask), _found(board, ask)
    message.attachments = tuple(kept for kept in message.attachments if kept is not gone)
    return NOTHING
