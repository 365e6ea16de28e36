"""What Twilio checks before it creates a message."""

from zlib import crc32

from callbox.simulator.api import callback
from callbox.simulator.api.ask import Ask
from callbox.simulator.api.magic import GOOD, MESSAGE_RECIPIENTS, MESSAGE_SENDERS, sender_code
from callbox.simulator.api.parameters import sid
from callbox.simulator.api.refusal import Refusal
from callbox.simulator.api.url import is_url
from callbox.simulator.records import address
from callbox.simulator.records.date import span
from callbox.simulator.records.message import LONGEST_BODY, MOST_MEDIA
from callbox.simulator.records.pool import Pool
from callbox.simulator.records.segments import length
from callbox.simulator.records.switchboard import Switchboard
from callbox.simulator.service import LONGEST_VALIDITY

SERVICE = sid("MG")
SOONEST, LATEST = 300.0, 35 * 86_400.0
"""Seconds ahead that a message can be scheduled for (35114; the oldest pages still say 900)."""


def recipient(ask: Ask) -> str:
    """Whom it goes to."""
    text = ask.text("To")
    if not text:
        raise Refusal(21604)
    to = address.recipient(text)
    if to is None:
        raise Refusal(21211, to=text)
    return to


def service(board: Switchboard, ask: Ask) -> str | None:
    """Return the messaging service that sends it, if any; where some are declared, one of those.

    Twilio's status for one that does not exist is not known for sure: 400 is taken.
    """
    found = ask.maybe("MessagingServiceSid")
    if found and not (found in board.pools if board.pools else SERVICE(found)):
        raise Refusal(21705, service=found)
    return found


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
    if length(body) > LONGEST_BODY:
        raise Refusal(21617)
    if len(media) > MOST_MEDIA:
        raise Refusal(21623)
    if not all(is_url(url) for url in media):
        raise Refusal(21620)
    return body, media


def check_template(ask: Ask) -> None:
    """Whether there is a template for the variables."""
    if ask.text("ContentVariables") and not ask.text("ContentSid"):
        raise Refusal(21654)


def validity_period(ask: Ask) -> int | None:
    """How many seconds it may wait to be sent."""
    text = ask.text("ValidityPeriod")
    if text and not 1 <= ask.count("ValidityPeriod", 0) <= LONGEST_VALIDITY:
        raise Refusal(21624, seconds=text)
    return ask.count("ValidityPeriod", 0) if text else None


def ahead(ask: Ask, service: str | None, now: float) -> float:
    """Return the seconds until it is to be sent; 0 if it is not scheduled."""
    if ask.text("ScheduleType").lower() != "fixed":
        return 0.0
    if not ask.text("SendAt"):
        raise Refusal(35111)
    if service is None:
        raise Refusal(35118)
    try:
        seconds = span(ask.text("SendAt"))[0] - now
    except ValueError:
        raise Refusal(35114) from None
    if not SOONEST <= seconds <= LATEST:
        raise Refusal(35114)
    return seconds


def status_callback(board: Switchboard, ask: Ask, service: str | None) -> str | None:
    """Where its status is told: as asked for, else as its messaging service says."""
    pool = board.pools.get(service or "")
    return callback.asked_for(ask) or (pool and pool.service.status_callback) or None


def check_pair(
    board: Switchboard, to: str, sender: str | None, service: str | None, *, mms: bool
) -> None:
    """Whether this sender can reach this recipient with this."""
    code = MESSAGE_RECIPIENTS.get(to) or (sender and _sender_fault(board, to, sender))
    code = code or _recipient_fault(board, to, sender, service)
    if not code and sender and mms and not _takes_mms(board, sender):
        code = 21621
    if code:
        raise Refusal(code, to=to, sender=sender, masked=address.masked(to))


def _takes_mms(board: Switchboard, sender: str) -> bool:
    return bool(address.channel(sender)) or board.declared(sender).mms


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
    mine = (sender == GOOD or board.owns(sender)) and board.declared(sender).sms
    return magic or (None if mine else 21606)


def _recipient_fault(
    board: Switchboard, to: str, sender: str | None, service: str | None
) -> int | None:
    if board.consent.refuses(to, sender, service):
        return 21610
    if address.channel(to):
        return None
    if not board.may_reach(to):
        return 21608
    return None if board.serves(to) else 21408


def picked_sender(board: Switchboard, service: str | None, to: str, *, mms: bool) -> str:
    """Whom a messaging service picks; empty if none of its senders can send this.

    One that is not declared has all numbers of the account, and each recipient always gets the
    same one of them.
    """
    declared = board.pools.get(service or "")
    if declared is not None:
        return _declared_sender(board, declared, to, mms=mms)
    pool = board.settings.own_numbers
    if not pool:
        raise Refusal(21704)
    number = pool[crc32(to.encode()) % len(pool)]
    channel = address.channel(to)
    return f"{channel}:{number}" if channel else number


def _declared_sender(board: Switchboard, pool: Pool, to: str, *, mms: bool) -> str:
    if not pool.service.senders:
        raise Refusal(21704)

    def can(sender: str) -> bool:
        sms = bool(address.channel(sender)) or board.declared(sender).sms
        return sms and (not mms or _takes_mms(board, sender))

    return pool.pick(to, can) or ""
