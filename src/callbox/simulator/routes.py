"""Which request is which endpoint. Faults and counters know endpoints by their names here."""

import re
from collections.abc import Callable
from typing import NamedTuple

from callbox.simulator import accounts, calls, messages, numbers
from callbox.simulator.answer import Answer
from callbox.simulator.ask import Ask
from callbox.simulator.refusal import Refusal
from callbox.simulator.switchboard import Switchboard

Perform = Callable[[Switchboard, Ask], Answer]
PATH = re.compile(
    r"/2010-04-01/Accounts/(?P<account>AC[0-9a-fA-F]{32})"
    r"(?:/(?P<resource>\w+)(?:/(?P<sid>[A-Z]{2}[0-9a-fA-F]{32}))?)?\.json"
)


class Route(NamedTuple):
    """An endpoint's name and what it does."""

    endpoint: str
    perform: Perform


def _nowhere(_board: Switchboard, ask: Ask) -> Answer:
    raise Refusal(20404, path=ask.path)


NOWHERE = Route("unknown", _nowhere)
ROUTES = {
    ("POST", "Messages", False): Route("create-message", messages.create),
    ("GET", "Messages", False): Route("list-messages", messages.find),
    ("GET", "Messages", True): Route("fetch-message", messages.fetch),
    ("POST", "Messages", True): Route("update-message", messages.update),
    ("DELETE", "Messages", True): Route("delete-message", messages.delete),
    ("POST", "Calls", False): Route("create-call", calls.create),
    ("GET", "Calls", False): Route("list-calls", calls.find),
    ("GET", "Calls", True): Route("fetch-call", calls.fetch),
    ("POST", "Calls", True): Route("update-call", calls.update),
    ("DELETE", "Calls", True): Route("delete-call", calls.delete),
    ("GET", "IncomingPhoneNumbers", False): Route("list-numbers", numbers.find),
    ("GET", "IncomingPhoneNumbers", True): Route("fetch-number", numbers.fetch),
    ("GET", "Balance", False): Route("fetch-balance", accounts.balance),
    ("GET", None, False): Route("fetch-account", accounts.fetch),
}
ENDPOINTS = tuple(route.endpoint for route in ROUTES.values())


def find(method: str, path: str) -> tuple[Route, str, str]:
    """Return the route, the account SID and the SID in a path."""
    match = PATH.fullmatch(path)
    if match is None:
        return NOWHERE, "", ""
    account, resource, sid = match["account"], match["resource"], match["sid"]
    route = ROUTES.get((method, resource, sid is not None), NOWHERE)
    return route, account, sid or ""
