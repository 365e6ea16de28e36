"""The Executions resource of Studio, version v2."""

from callbox.simulator.api import execution_rules
from callbox.simulator.api.answer import Answer, document
from callbox.simulator.api.ask import Ask
from callbox.simulator.api.listing import Listing
from callbox.simulator.api.refusal import Refusal
from callbox.simulator.records.execution import RUN, Execution
from callbox.simulator.records.sid import new_sid
from callbox.simulator.records.switchboard import Switchboard
from callbox.simulator.records.timeline import timeline


def create(board: Switchboard, ask: Ask) -> Answer:
    """POST Executions."""
    execution = compose(board, ask)
    board.add_execution(execution)
    return document(201, execution.document(execution.created_at, board.url), execution)


def compose(board: Switchboard, ask: Ask) -> Execution:
    """Return the run that a request asks for; Refusal if Twilio would refuse it."""
    execution_rules.check_flow(board, ask)
    to, sender = execution_rules.contact(ask), execution_rules.sender(ask)
    parameters = execution_rules.parameters(ask)
    execution_rules.check_pair(board, ask.account_sid, to, sender)
    return Execution(
        sid=new_sid("FN"),
        account_sid=ask.account_sid,
        to=to,
        sender=sender,
        status_callback=None,
        created_at=board.clock(),
        arrived_at=ask.arrived_at,
        timeline=timeline(RUN, board.settings.pace),
        flow_sid=ask.parent,
        parameters=parameters,
        contact_sid=new_sid("FC"),
        initiated_by=new_sid("RQ"),
    )


def _found(board: Switchboard, ask: Ask) -> Execution:
    execution = board.executions.find(ask.account_sid, ask.sid)
    if execution is None or execution.flow_sid != ask.parent:
        raise Refusal(20404, path=ask.path)
    return execution


def fetch(board: Switchboard, ask: Ask) -> Answer:
    """GET Executions/FN…."""
    return document(200, _found(board, ask).document(board.clock(), board.url))


def find(board: Switchboard, ask: Ask) -> Answer:
    """GET Executions, newest first."""
    execution_rules.check_flow(board, ask)
    now, listing = board.clock(), Listing(ask, ())
    youngest = now - ask.lag
    found = (
        execution
        for execution in board.executions.newest(
            ask.account_sid, None, listing.after(_found, board)
        )
        if execution.flow_sid == ask.parent and (not ask.lag or execution.created_at <= youngest)
    )
    return listing.meta_page(
        board.url, "executions", found, lambda execution: execution.document(now, board.url)
    )
