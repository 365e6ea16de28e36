"""Which request is which endpoint. Faults and counters know endpoints by their names here."""

import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from callbox.simulator.api import accounts, calls, executions, media, messages, numbers, recordings
from callbox.simulator.api.answer import Answer
from callbox.simulator.api.ask import Ask
from callbox.simulator.api.refusal import Refusal
from callbox.simulator.records.switchboard import Switchboard

Perform = Callable[[Switchboard, Ask], Answer]
ACCOUNTS_PATH = "/2010-04-01/Accounts.json"
PATH = re.compile(
    r"/2010-04-01/Accounts/(?P<account>AC[0-9a-fA-F]{32})"
    r"(?:(?:/(?P<whole>\w+)/(?P<parent>[A-Z]{2}[0-9a-fA-F]{32}))?"
    r"/(?P<resource>\w+(?:/(?:Local|Mobile|TollFree))?)"
    r"(?:/(?P<sid>[A-Z]{2}[0-9a-fA-F]{32}))?)?(?P<form>\.json|\.wav)?"
)
STUDIO_PATH = re.compile(
    r"/v2/Flows/(?P<parent>FW[0-9a-fA-F]{32})/Executions(?:/(?P<sid>FN[0-9a-fA-F]{32}))?"
)
RESOURCE = re.compile(r"/2010-04-01/Accounts/AC[0-9a-fA-F]{32}/(\w+)")
NOT_SIMULATED = "The requested resource {path} was not found: {name} is not simulated"
"""Twilio may have it, and would say no more if not."""
XML = "The requested resource {path} was not found: ask for {path}.json, XML is not spoken here"
"""Twilio would answer in XML."""
CONTENT, SOUND = "Media content", "Recording content"
BARE = {"Messages/Media": CONTENT, "Recordings": SOUND, "Recordings.wav": SOUND}
"""What is fetched without `.json`."""


class Route(NamedTuple):
    """An endpoint's name and what it does."""

    endpoint: str
    perform: Perform


def _nowhere(_board: Switchboard, ask: Ask) -> Answer:
    asked = RESOURCE.match(ask.path)
    if asked and asked[1] not in SIMULATED:
        raise Refusal(20404, NOT_SIMULATED, path=ask.path, name=asked[1])
    raise Refusal(20404, path=ask.path)


def _other_method(_board: Switchboard, _ask: Ask) -> Answer:
    raise Refusal(20004)


def _xml(_board: Switchboard, ask: Ask) -> Answer:
    raise Refusal(20404, XML, path=ask.path)


NOWHERE = Route("unknown", _nowhere)
OTHER_METHOD = Route("unknown", _other_method)
WITHOUT_JSON = Route("unknown", _xml)
ROUTES: dict[tuple[str, str | None, bool], Route] = {
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
    ("POST", "Messages/Feedback", False): Route("create-feedback", messages.feedback),
    ("GET", "IncomingPhoneNumbers", False): Route("list-numbers", numbers.find),
    ("POST", "IncomingPhoneNumbers", False): Route("create-number", numbers.create),
    ("DELETE", "IncomingPhoneNumbers", True): Route("delete-number", numbers.delete),
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
    ("POST", None, False): Route("update-account", accounts.update),
    ("GET", "Accounts", False): Route("list-accounts", accounts.find),
    ("POST", "Accounts", False): Route("create-account", accounts.create),
    **{
        (method, f"IncomingPhoneNumbers/{part}", False): Route(name, partial(perform, kind=kind))
        for part, kind in (("Local", "local"), ("Mobile", "mobile"), ("TollFree", "toll-free"))
        for method, name, perform in (
            ("GET", "list-numbers", numbers.find),
            ("POST", "create-number", numbers.create),
        )
    },
}
SIMULATED = {resource.partition("/")[0] for _, resource, _ in ROUTES if resource}
"""What follows an account in a path."""
METHODS = ("GET", "POST", "DELETE")
ENDPOINTS = tuple(dict.fromkeys(route.endpoint for route in ROUTES.values()))


class Place(NamedTuple):
    """What a path names: an endpoint, an account, a resource, and what that is part of."""

    route: Route = NOWHERE
    account: str = ""
    sid: str = ""
    parent: str = ""


def find(method: str, path: str) -> Place:
    """Return what a path names; HEAD asks for what GET would answer."""
    method = "GET" if method == "HEAD" else method
    if path == ACCOUNTS_PATH:
        return Place(_route(method, "Accounts", of_one=False))
    match = PATH.fullmatch(path)
    if match is None:
        return _find_in_studio(method, path)
    sid, parent = match["sid"] or "", match["parent"] or ""
    resource = _resource(match)
    route = _route(method, resource, of_one=bool(sid))
    if match["form"] != ".json" and resource not in BARE.values():
        route = NOWHERE if route is NOWHERE else WITHOUT_JSON
    return Place(route, match["account"], sid, parent)


def _route(method: str, resource: str | None, *, of_one: bool) -> Route:
    """Return what is done there; a method that is not served there is refused as such."""
    found = ROUTES.get((method, resource, of_one))
    if found is not None:
        return found
    served = any((verb, resource, of_one) in ROUTES for verb in METHODS)
    return OTHER_METHOD if served else NOWHERE


def _find_in_studio(method: str, path: str) -> Place:
    """Return what a path of Studio names; whose account it is, the credentials say."""
    match = STUDIO_PATH.fullmatch(path)
    if match is None:
        return Place()
    sid = match["sid"] or ""
    route = _route(method, "Flows/Executions", of_one=bool(sid))
    return Place(route, "", sid, match["parent"])


def _resource(match: re.Match[str]) -> str | None:
    name = match["resource"]
    whole = f"{match['whole']}/{name}" if match["whole"] else name
    return BARE.get(f"{whole}{match['form'] or ''}", whole)
