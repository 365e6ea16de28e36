"""What Twilio checks before it creates a message."""

import re
from zlib import crc32

from callbox.simulator.api.ask import Ask
from callbox.simulator.api.magic import GOOD, MESSAGE_RECIPIENTS, MESSAGE_SENDERS, sender_code
from callbox.simulator.api.refusal import Refusal
from callbox.simulator.api.url import is_callback, is_url
from callbox.simulator.records import address
from callbox.simulator.records.switchboard import Switchboard

SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")
LONGEST_BODY = 1600
MOST_MEDIA = 10
LONGEST_VALIDITY = 36_000


def recipient(ask: Ask) -> str:
    """Whom it goes to."""
    text = ask.text("To")
    if not text:
        raise Refusal(21604)
    to = address.recipient(text)
    if to is None:
        raise Refusal(21211, to=text)
    return to


def service(ask: Ask) -> str | None:
    """Return the messaging service that sends it, if any."""
    sid = ask.maybe("MessagingServiceSid")
    if sid and not SERVICE.fullmatch(sid):
        raise Refusal(21705, service=sid)
    return sid


def sender(ask: Ask, service: str | None) -> str | None:
    """Who sends it; None lets the messaging service pick."""
    text = ask.text("From")
    if not text and not service:
        raise Refusal(21603)
    found = address.sender(text) if text else None
    if text and found is None:
        raise Refusal(21212, sender=text)
    return found


def content(ask: Ask) -> tuple[str, tuple[str, ...]]:
    """Body and media."""
    body, media = ask.text("Body"), ask.every("MediaUrl")
    if not body and not media and not ask.text("ContentSid"):
        raise Refusal(21619 if "Body" in ask.params else 21602)
    if _length(body) > LONGEST_BODY:
        raise Refusal(21617)
    if len(media) > MOST_MEDIA:
        raise Refusal(21623)
    if not all(is_url(url) for url in media):
        raise Refusal(21620)
    return body, media


def _length(body: str) -> int:
    return len(body) if body.isascii() else len(body.encode("utf-16-le", "replace")) // 2


def validity_period(ask: Ask) -> int | None:
    """How many seconds it may wait to be sent."""
    text = ask.text("ValidityPeriod")
    if text and not 1 <= ask.count("ValidityPeriod", 0) <= LONGEST_VALIDITY:
        raise Refusal(21624, seconds=text)
    return ask.count("ValidityPeriod", 0) if text else None


def status_callback(ask: Ask) -> str | None:
    """Where its status is told."""
    url = ask.maybe("StatusCallback")
    if url and not is_callback(url):
        raise Refusal(21609, url=url)
    return url


def check_pair(board: Switchboard, to: str, sender: str | None) -> None:
    """Whether this sender can reach this recipient."""
    code = MESSAGE_RECIPIENTS.get(to) or (sender and _sender_fault(board, to, sender))
    code = code or _recipient_fault(board, to, sender)
    if code:
        raise Refusal(code, to=to, sender=sender, masked=address.masked(to))


def _sender_fault(board: Switchboard, to: str, sender: str) -> int | None:
    channel = address.channel(sender)
    if board.settings.test_credentials and sender != GOOD:
        return MESSAGE_SENDERS.get(sender, 21606)
    if sender == to:
        return 21266
    if channel != address.channel(to):
        return 21910
    if channel:
        plain = sender.removeprefix(f"{channel}:")
        return None if board.owns(sender) or board.owns(plain) else 63007
    if address.is_name(sender):
        return 21267 if board.settings.trial else None
    magic = sender_code(MESSAGE_SENDERS, sender, 21606)
    return magic or (None if sender == GOOD or board.owns(sender) else 21606)


def _recipient_fault(board: Switchboard, to: str, sender: str | None) -> int | None:
    if board.consent.refuses(to, sender):
        return 21610
    return None if address.channel(to) or board.may_reach(to) else 21608


def picked_sender(board: Switchboard, to: str) -> str:
    """Whom a messaging service picks: always the same one for the same recipient."""
    pool = board.settings.own_numbers
    if not pool:
        raise Refusal(21704)
    number = pool[crc32(to.encode()) % len(pool)]
    channel = address.channel(to)
    return f"{channel}:{number}" if channel else number
