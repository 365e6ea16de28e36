"""The Calls resource."""

from callbox.simulator.api import call_rules
from callbox.simulator.api.answer import NOTHING, Answer, document
from callbox.simulator.api.ask import Ask
from callbox.simulator.api.listing import Listing, interval
from callbox.simulator.api.refusal import Refusal
from callbox.simulator.records.address import callee
from callbox.simulator.records.call import Call
from callbox.simulator.records.switchboard import Switchboard, new_sid

WAITING = {"queued", "ringing"}
ALIVE = {*WAITING, "in-progress"}
FILTERS = ("To", "From", "ParentCallSid", "Status", "StartTime", "StartTime<", "StartTime>")
END_FILTERS = ("EndTime", "EndTime<", "EndTime>")


def create(board: Switchboard, ask: Ask) -> Answer:
    """POST Calls.json."""
    call = compose(board, ask)
    board.add_call(call)
    return document(201, call.document(call.created_at), call)


def compose(board: Switchboard, ask: Ask) -> Call:
    """Return the call that a request asks for; Refusal if Twilio would refuse it."""
    to, sender = call_rules.callee(ask), call_rules.caller(ask)
    call_rules.check_script(ask)
    call_rules.check_pair(board, to, sender)
    outcome = board.outcome(to)
    return Call(
        sid=new_sid("CA"),
        account_sid=ask.account_sid,
        to=to,
        sender=sender,
        status_callback=call_rules.status_callback(ask),
        created_at=board.clock(),
        arrived_at=ask.arrived_at,
        timeline=board.calling(outcome, to),
        url=ask.maybe("Url"),
        twiml=ask.maybe("Twiml"),
        application_sid=ask.maybe("ApplicationSid"),
        status_callback_event=ask.every("StatusCallbackEvent"),
        machine_detection=ask.maybe("MachineDetection"),
        status_callback_method=ask.text("StatusCallbackMethod") or "POST",
        method=ask.text("Method") or "POST",
        fallback_url=ask.maybe("FallbackUrl"),
        fallback_method=ask.text("FallbackMethod") or "POST",
        answered_by=outcome.answered_by,
        said_duration=outcome.duration,
    )


def _found(board: Switchboard, ask: Ask) -> Call:
    call = board.calls.find(ask.account_sid, ask.sid)
    if call is None:
        raise Refusal(20404, path=ask.path)
    return call


def fetch(board: Switchboard, ask: Ask) -> Answer:
    """GET Calls/CA….json."""
    return document(200, _found(board, ask).document(board.clock()))


def update(board: Switchboard, ask: Ask) -> Answer:
    """POST Calls/CA….json: hang up, or go on with another script."""
    call, now = _found(board, ask), board.clock()
    if "Status" in ask.params:
        _end(board, call, ask.text("Status"))
    else:
        _redirect(call, ask, now)
    return document(200, call.document(now))


def _end(board: Switchboard, call: Call, wanted: str) -> None:
    status = call.status(board.clock())
    if wanted not in {"canceled", "completed"}:
        raise Refusal(20001, parameter="Status")
    if status in WAITING:
        board.end(call, "canceled")
    elif status == "in-progress" and wanted == "completed":
        board.end(call, "completed")
    elif wanted == "canceled":
        raise Refusal(21220)


def _redirect(call: Call, ask: Ask, now: float) -> None:
    call_rules.check_script(ask)
    if call.status(now) not in ALIVE:
        raise Refusal(21220)
    call.url, call.twiml = ask.maybe("Url"), ask.maybe("Twiml")


def delete(board: Switchboard, ask: Ask) -> Answer:
    """DELETE Calls/CA….json."""
    board.calls.remove(_found(board, ask))
    return NOTHING


def find(board: Switchboard, ask: Ask) -> Answer:
    """GET Calls.json, newest first."""
    now = board.clock()
    listing = Listing(ask, (*FILTERS, *END_FILTERS))
    to, wanted, status = ask.maybe("To"), ask.maybe("From"), ask.maybe("Status")
    known_to, known_sender = to and (callee(to) or to), wanted and (callee(wanted) or wanted)
    started, ended = interval(ask, "StartTime"), interval(ask, "EndTime")
    youngest = now - ask.lag
    found = (
        call
        for call in board.calls.newest(ask.account_sid, known_to, listing.after(_found, board))
        if (not ask.lag or call.created_at <= youngest)
        and (known_sender is None or call.sender == known_sender)
        and (status is None or call.status(now) == status)
        and (started is None or started.holds(call.started_at(now)))
        and (ended is None or ended.holds(call.ended_since(now)))
        and not ask.text("ParentCallSid")
    )
    return listing.page("calls", found, lambda call: call.document(now))
