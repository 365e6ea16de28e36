"""Which request is which endpoint. Faults and counters know endpoints by their names here."""

import re
from collections.abc import Callable
from typing import NamedTuple

from callbox.simulator.api import accounts, calls, executions, media, messages, numbers, recordings
from callbox.simulator.api.answer import Answer
from callbox.simulator.api.ask import Ask
from callbox.simulator.api.refusal import Refusal
from callbox.simulator.records.switchboard import Switchboard

Perform = Callable[[Switchboard, Ask], Answer]
PATH = re.compile(
    r"/2010-04-01/Accounts/(?P<account>AC[0-9a-fA-F]{32})"
    r"(?:(?:/(?P<whole>\w+)/(?P<parent>[A-Z]{2}[0-9a-fA-F]{32}))?"
    r"/(?P<resource>\w+)(?:/(?P<sid>[A-Z]{2}[0-9a-fA-F]{32}))?)?(?P<json>\.json|\.wav)?"
)
STUDIO_PATH = re.compile(
    r"/v2/Flows/(?P<parent>FW[0-9a-fA-F]{32})/Executions(?:/(?P<sid>FN[0-9a-fA-F]{32}))?"
)
CONTENT, SOUND = "Media content", "Recording content"
WITHOUT_JSON = {"Messages/Media": CONTENT, "Recordings": SOUND, "Recordings.wav": SOUND}
"""What is fetched without `.json`."""


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
    ("POST", "IncomingPhoneNumbers", True): Route("update-number", numbers.update),
    ("GET", "Messages/Media", False): Route("list-media", media.find),
    ("GET", "Messages/Media", True): Route("fetch-media", media.fetch),
    ("DELETE", "Messages/Media", True): Route("delete-media", media.delete),
    ("GET", CONTENT, True): Route("fetch-content", media.content),
    ("GET", SOUND, True): Route("fetch-recording", recordings.content),
    ("POST", "Flows/Executions", False): Route("create-execution", executions.create),
    ("GET", "Flows/Executions", False): Route("list-executions", executions.find),
    ("GET", "Flows/Executions", True): Route("fetch-execution", executions.fetch),
    ("GET", "Balance", False): Route("fetch-balance", accounts.balance),
    ("GET", None, False): Route("fetch-account", accounts.fetch),
}
ENDPOINTS = tuple(route.endpoint for route in ROUTES.values())


class Place(NamedTuple):
    """What a path names: an endpoint, an account, a resource, and what that is part of."""

    route: Route = NOWHERE
    account: str = ""
    sid: str = ""
    parent: str = ""


def find(method: str, path: str) -> Place:
    """Return what a path names."""
    match = PATH.fullmatch(path)
    if match is None:
        return _find_in_studio(method, path)
    sid, parent = match["sid"] or "", match["parent"] or ""
    route = ROUTES.get((method, _resource(match), bool(sid)), NOWHERE)
    return Place(route, match["account"], sid, parent)


def _find_in_studio(method: str, path: str) -> Place:
    """Return what a path of Studio names; whose account it is, the credentials say."""
    match = STUDIO_PATH.fullmatch(path)
    if match is None:
        return Place()
    sid = match["sid"] or ""
    route = ROUTES.get((method, "Flows/Executions", bool(sid)), NOWHERE)
    return Place(route, "", sid, match["parent"])


def _resource(match: re.Match[str]) -> str | None:
    name = match["resource"]
    whole = f"{match['whole']}/{name}" if match["whole"] else name
    if match["json"] == ".json":
        return whole
    return WITHOUT_JSON.get(whole + (match["json"] or ""), "unknown")
