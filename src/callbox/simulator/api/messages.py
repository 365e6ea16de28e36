"""The Messages resource."""

from callbox.simulator.api import message_rules, parameters
from callbox.simulator.api.answer import NOTHING, Answer, document
from callbox.simulator.api.ask import Ask
from callbox.simulator.api.listing import Listing, interval
from callbox.simulator.api.refusal import Refusal
from callbox.simulator.records import trial
from callbox.simulator.records.address import recipient, sender
from callbox.simulator.records.attachment import attachment
from callbox.simulator.records.date import rfc2822
from callbox.simulator.records.message import Message
from callbox.simulator.records.sid import new_sid
from callbox.simulator.records.smart_encoding import smart
from callbox.simulator.records.switchboard import Switchboard
from callbox.simulator.records.timeline import QUEUED

CANCELABLE = {"accepted", "queued", "scheduled"}


def create(board: Switchboard, ask: Ask) -> Answer:
    """POST Messages.json."""
    message = compose(board, ask)
    service = message.messaging_service_sid
    load = board.load(message, message_rules.ahead(ask, service, message.created_at))
    if service is None and board.courses.full(load, message.created_at):
        raise Refusal(21611, sender=message.sender)
    board.dispatch(message, load)
    return document(201, message.document(message.created_at), message)


def compose(board: Switchboard, ask: Ask) -> Message:
    """Return the message that a request asks for, yet to be dispatched; Refusal if Twilio would."""
    to = message_rules.recipient(ask)
    service = message_rules.service(board, ask)
    sender = message_rules.sender(ask, service)
    body, media = message_rules.content(ask)
    mms = bool(media) or ask.text("SendAsMms") == "true"
    parameters.check(ask, parameters.MESSAGE)
    message_rules.check_template(ask)
    if ask.text("SmartEncoded") == "true":
        body = smart(body)
    message_rules.check_pair(board, to, sender, service, mms=mms)
    picked = message_rules.picked_sender
    return Message(
        sid=new_sid("MM" if mms else "SM"),
        account_sid=ask.account_sid,
        to=to,
        sender=sender,
        status_callback=message_rules.status_callback(board, ask, service),
        created_at=board.clock(),
        arrived_at=ask.arrived_at,
        timeline=QUEUED,
        body=body,
        prefix=trial.PREFIX if board.settings.trial else "",
        media=media,
        messaging_service_sid=service,
        validity_period=message_rules.validity_period(ask),
        picked_sender=sender or picked(board, service, to, mms=mms),
        attachments=tuple(attachment(url) for url in media),
        mms=mms,
        priced_after=board.settings.price_after,
    )


def _found(board: Switchboard, ask: Ask) -> Message:
    message = board.messages.find(ask.account_sid, ask.parent or ask.sid)
    if message is None:
        raise Refusal(20404, path=ask.path)
    return message


def fetch(board: Switchboard, ask: Ask) -> Answer:
    """GET Messages/SM….json."""
    return document(200, _found(board, ask).document(board.clock()))


def update(board: Switchboard, ask: Ask) -> Answer:
    """POST Messages/SM….json: cancel by status, redact by an empty body."""
    message = _found(board, ask)
    if "Status" in ask.params:
        _cancel(board, message, ask.text("Status"))
    if "Body" in ask.params:
        _redact(message, ask.text("Body"))
    return document(200, message.document(board.clock()))


def feedback(board: Switchboard, ask: Ask) -> Answer:
    """POST Messages/SM…/Feedback.json; what no Outcome means, and its date, are a guess."""
    parameters.check(ask, parameters.FEEDBACK)
    message = _found(board, ask)
    message.feedback = ask.text("Outcome") or "confirmed"
    now = rfc2822(board.clock())
    return document(
        200,
        {
            "account_sid": message.account_sid,
            "message_sid": message.sid,
            "outcome": message.feedback,
            "date_created": now,
            "date_updated": now,
            "uri": f"{message.path}/Feedback.json",
        },
    )


def _cancel(board: Switchboard, message: Message, status: str) -> None:
    if status != "canceled":
        raise Refusal(20001, parameter="Status")
    if message.status(board.clock()) not in CANCELABLE:
        raise Refusal(30409)
    board.end(message, "canceled")


def _redact(message: Message, body: str) -> None:
    if body:
        raise Refusal(20001, parameter="Body")
    message.redacted = True


def delete(board: Switchboard, ask: Ask) -> Answer:
    """DELETE Messages/SM….json, which Twilio refuses while it is on its way."""
    message = _found(board, ask)
    if not message.is_over(board.clock()):
        raise Refusal(20009)
    board.messages.remove(message)
    return NOTHING


def find(board: Switchboard, ask: Ask) -> Answer:
    """GET Messages.json, newest first."""
    now = board.clock()
    listing = Listing(ask, ("To", "From", "DateSent", "DateSent<", "DateSent>"))
    to, wanted = ask.maybe("To"), ask.maybe("From")
    known_to = to and (recipient(to) or to)
    known_sender = wanted and (sender(wanted) or wanted)
    sent, youngest = interval(ask, "DateSent"), now - ask.lag
    found = (
        message
        for message in board.messages.newest(
            ask.account_sid, known_to, listing.after(_found, board)
        )
        if (not ask.lag or message.created_at <= youngest)
        and message.listed(now)
        and (known_sender is None or message.sender_at(now) == known_sender)
        and (sent is None or sent.holds(message.sent_at(now)))
    )
    return listing.page("messages", found, lambda message: message.document(now))
