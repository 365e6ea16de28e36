"""The Calls resource."""

from callbox.simulator.api import call_request, call_rules, callback, parameters
from callbox.simulator.api.answer import NOTHING, Answer, document
from callbox.simulator.api.ask import Ask
from callbox.simulator.api.listing import Listing, interval
from callbox.simulator.api.refusal import Refusal
from callbox.simulator.records.address import callee
from callbox.simulator.records.call import Call
from callbox.simulator.records.switchboard import Switchboard

WAITING = {"queued", "ringing"}
ALIVE = {*WAITING, "in-progress"}
FILTERS = ("To", "From", "ParentCallSid", "Status", "StartTime", "StartTime<", "StartTime>")
END_FILTERS = ("EndTime", "EndTime<", "EndTime>")


def create(board: Switchboard, ask: Ask) -> Answer:
    """POST Calls.json."""
    call = call_request.compose(board, ask)
    waits = board.courses.call(call.created_at)
    if waits is None:
        raise Refusal(22005)
    if waits:
        call.queued_for, call.timeline = waits, call.timeline.later(waits)
    board.add_call(call)
    return document(201, call.document(call.created_at), call)


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
    parameters.check(ask, parameters.UPDATE_CALL)
    if "Status" in ask.params:
        _end(board, call, ask)
    elif ask.text("Url") or ask.text("Twiml") or not ask.text("TimeLimit"):
        _redirect(board, call, ask)
    else:
        _change(call, ask)
    return document(200, call.document(now))


def _end(board: Switchboard, call: Call, ask: Ask) -> None:
    """End a call; `canceled` does not affect one in progress, says Twilio."""
    wanted, status = ask.text("Status"), call.status(board.clock())
    if wanted not in {"canceled", "completed"}:
        raise Refusal(20001, parameter="Status")
    _change(call, ask)
    if status in WAITING:
        board.end(call, "canceled")
    elif status == "in-progress" and wanted == "completed":
        board.end(call, "completed")
    elif status not in ALIVE and wanted == "canceled":
        raise Refusal(21220)


def _change(call: Call, ask: Ask) -> None:
    """Take what an update may say beside what is to be done."""
    if "StatusCallback" in ask.params:
        call.status_callback = callback.asked_for(ask)
        call.status_callback_method = ask.text("StatusCallbackMethod") or "POST"
    if "FallbackUrl" in ask.params:
        call.fallback_url = ask.maybe("FallbackUrl")
        call.fallback_method = ask.text("FallbackMethod") or "POST"
    call.time_limit = ask.count("TimeLimit", call.time_limit)


def _redirect(board: Switchboard, call: Call, ask: Ask) -> None:
    call_rules.check_script(ask)
    if call.status(board.clock()) not in ALIVE:
        raise Refusal(21220)
    _change(call, ask)
    call.url, call.twiml = ask.maybe("Url"), ask.maybe("Twiml")
    call.method = ask.text("Method") or "POST"
    board.on_redirect(call)


def delete(board: Switchboard, ask: Ask) -> Answer:
    """DELETE Calls/CA….json."""
    board.calls.remove(_found(board, ask))
    return NOTHING


def find(board: Switchboard, ask: Ask) -> Answer:
    """GET Calls.json, newest first."""
    parameters.check(ask, parameters.LIST_CALLS)
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
