"""What the page is told of a message, a call and a webhook: short, bounded, without secrets."""

from callbox.simulator.records.address import phone_of
from callbox.simulator.records.call import Call
from callbox.simulator.records.message import BLAME, BLAMED, Message
from callbox.simulator.records.webhook import concealed
from callbox.simulator.telephony.exchange import Exchange

LONGEST_BODY = 4000
LONGEST_TRANSCRIPT = 200
LONGEST_LINE = 1000
LONGEST_VALUE = 300
Document = dict[str, object]


def message(record: Message, now: float) -> Document:
    """Return a bubble: `phone` is whose it is, `ours` the number that it is talked to with."""
    status = record.status(now)
    ours = record.to if record.inbound else record.sender or record.picked_sender
    phone = (record.sender or "") if record.inbound else record.to
    text = "" if record.redacted else record.prefix + record.body
    code = record.error_code if status in BLAMED else None
    return {
        "sid": record.sid,
        "at": record.created_at,
        "phone": phone_of(phone),
        "ours": ours,
        "theirs": record.inbound,
        "body": concealed(text)[:LONGEST_BODY],
        "redacted": record.redacted,
        "segments": record.parts,
        "media": [
            {"sid": kept.sid, "type": kept.content_type, "url": concealed(kept.url)}
            for kept in record.attachments
        ],
        "status": status,
        "code": code,
        "why": BLAME.get(code or 0, ""),
    }


def call(record: Call, now: float) -> Document:
    """Return a call: `phone` is whose it is, `ours` the number at our end.

    The transcript is its newest lines; `first` says how many came before those.
    """
    phone, ours = (record.sender, record.to) if record.inbound else (record.to, record.sender)
    first = max(len(record.transcript) - LONGEST_TRANSCRIPT, 0)
    return {
        "sid": record.sid,
        "at": record.created_at,
        "phone": phone_of(phone),
        "ours": ours,
        "theirs": record.inbound,
        "status": record.status(now),
        "started": record.started_at(now),
        "ended": record.ended_since(now),
        "waits_for": record.waits_for,
        "first": first,
        "transcript": [_line(heard.document()) for heard in record.transcript[first:]],
    }


def _line(heard: Document) -> Document:
    return {**heard, "text": str(heard["text"])[:LONGEST_LINE]}


def webhook(exchange: Exchange, number: int) -> Document:
    """Return a webhook request and what came of it, without its headers."""
    return {
        "number": number,
        "at": exchange.began_at,
        "method": exchange.method,
        "url": concealed(exchange.url)[:LONGEST_LINE],
        "params": {
            name: concealed(value)[:LONGEST_VALUE] for name, value in exchange.params.items()
        },
        "attempt": exchange.attempt,
        "fallback": exchange.fallback,
        "over": exchange.over,
        "status": exchange.status,
        "trouble": exchange.trouble,
        "seconds": round(exchange.seconds, 4),
        "answer": concealed(exchange.body)[:LONGEST_LINE],
    }
