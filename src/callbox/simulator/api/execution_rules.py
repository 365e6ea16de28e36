"""What Twilio checks before it lets somebody run through a Studio flow."""

from callbox.simulator.api.ask import Ask
from callbox.simulator.api.message_rules import SERVICE
from callbox.simulator.api.refusal import MISSING, Refusal
from callbox.simulator.order import BadOrder, parse
from callbox.simulator.records import address
from callbox.simulator.records.switchboard import Switchboard


def check_flow(board: Switchboard, ask: Ask) -> None:
    """Whether there is such a flow."""
    if board.settings.flows is not None and ask.parent not in board.settings.flows:
        raise Refusal(20404, path=ask.path)


def contact(ask: Ask) -> str:
    """Who runs through it."""
    to = address.callee(_given(ask, "To"))
    if to is None:
        raise Refusal(20001, parameter="To")
    return to


def sender(ask: Ask) -> str:
    """Which number the flow texts and calls from; a messaging service may be that too."""
    text = _given(ask, "From")
    found = text if SERVICE(text) else address.callee(text)
    if found is None:
        raise Refusal(20001, parameter="From")
    return found


def parameters(ask: Ask) -> dict[str, object]:
    """Return what the flow is told."""
    try:
        found = parse(ask.text("Parameters") or "{}")
    except BadOrder:
        raise Refusal(84004) from None
    if not isinstance(found, dict):
        raise Refusal(84004)
    return found


def check_pair(board: Switchboard, account_sid: str, to: str, sender: str) -> None:
    """Whether no other run of these two is under way, which Twilio allows one."""
    now = board.clock()
    for other in board.executions.newest(account_sid, to, None):
        if other.sender == sender and other.status(now) == "active":
            raise Refusal(20409, sid=other.sid)


def _given(ask: Ask, name: str) -> str:
    text = ask.text(name)
    if not text:
        raise Refusal(20001, MISSING, parameter=name)
    return text
