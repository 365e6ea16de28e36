"""One rule of what goes wrong, and the plan it makes for a request.

A rule says which requests (`on`), how many of them (`share`, `times`), when (`from`, `until`),
and what happens to them: one of EFFECTS, or `latency`, or both. A new effect needs a check in
CHECKS and a plan in PLANS.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from callbox.simulator.api.answer import Answer, error, html
from callbox.simulator.api.routes import ENDPOINTS
from callbox.simulator.order import BadOrder, is_sane, kind_of

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with one request."""

    performs: bool = True
    """Do what was asked."""
    answer: Answer | None = None
    """Answer this instead."""
    cut: bool = False
    """Close the connection instead of answering."""
    late: float | None = None
    """Do what was asked so many seconds later."""
    pause: float = 0.0
    """Seconds to wait before answering."""
    lag: float = 0.0
    """What is younger than so many seconds is not listed."""


NORMAL = Plan()
TARGETS = ("any", *sorted({name.partition("-")[0] for name in ENDPOINTS}), *ENDPOINTS)
EFFECTS = ("status", "html", "drop", "late", "stall", "lag")
CODES = {
    400: (20001, "Invalid parameter"),
    401: (20003, "Authenticate"),
    404: (20404, "The requested resource was not found"),
    409: (20009, "Cannot delete this resource: it is not complete yet"),
    429: (20429, "Too Many Requests"),
    500: (20500, "An internal server error has occurred"),
    503: (20503, "Service Unavailable"),
}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and is_sane(value)


def _is_whole(value: object) -> bool:
    return type(value) is int and is_sane(value)


def _is_seconds(value: Any) -> bool:  # noqa: ANN401 - whatever JSON can hold
    return _is_number(value) and value >= 0


def _is_chance(value: Any) -> bool:  # noqa: ANN401 - whatever JSON can hold
    return _is_number(value) and 0 <= value <= 1


def _is_status(value: Any) -> bool:  # noqa: ANN401 - whatever JSON can hold
    return type(value) is int and value in set(HTTPStatus) and value >= HTTPStatus.OK


def _is_text(value: object) -> bool:
    return isinstance(value, str)


SECONDS = (_is_seconds, "seconds, 0 or more")
CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "on": (lambda value: value in TARGETS, f"one of {', '.join(TARGETS)}"),
    "share": (_is_chance, "a number from 0 to 1"),
    "times": (lambda value: _is_whole(value) and value > 0, "a whole number above 0"),
    "from": SECONDS,
    "until": SECONDS,
    "status": (_is_status, "an HTTP status from 200 to 599"),
    "retry_after": SECONDS,
    "code": (_is_whole, "a whole number"),
    "message": (_is_text, "text"),
    "created": (
        lambda value: isinstance(value, bool) or _is_chance(value),
        "true, false or 0 to 1",
    ),
    "drop": (lambda value: value in ("before", "after"), '"before" or "after"'),
    "late": SECONDS,
    "stall": SECONDS,
    "html": (lambda value: value is True, "true"),
    "latency": SECONDS,
    "lag": SECONDS,
}
NEEDS = {
    "retry_after": ("status",),
    "code": ("status",),
    "message": ("status",),
    "created": ("status", "html", "stall"),
}
ONLY_ON = {"late": "create", "lag": "list"}


def _check(document: object, place: str) -> Document:
    if not isinstance(document, dict):
        raise BadOrder(f"{place} must be an object, not {kind_of(document)}.")
    for key, value in document.items():
        if key not in CHECKS:
            raise BadOrder(f'{place} has the unknown key "{key}"; known are {", ".join(CHECKS)}.')
        accepts, form = CHECKS[key]
        if not accepts(value):
            raise BadOrder(f'{place}: "{key}" must be {form}.')
    if "on" not in document:
        raise BadOrder(f'{place} must say "on": one of {", ".join(TARGETS)}.')
    return document


def _effect(document: Document, place: str) -> str | None:
    effects = [name for name in EFFECTS if name in document]
    if "html" in effects and "status" in effects:
        effects.remove("status")
    if len(effects) > 1:
        raise BadOrder(f'{place} has more than one effect: "{effects[0]}" and "{effects[1]}".')
    if not effects and "latency" not in document:
        raise BadOrder(f"{place} has no effect; known are {', '.join(EFFECTS)}, latency.")
    return effects[0] if effects else None


def _check_company(document: Document, place: str) -> None:
    for key, companions in NEEDS.items():
        if key in document and not any(name in document for name in companions):
            raise BadOrder(f'{place}: "{key}" needs {" or ".join(companions)}.')
    for key, target in ONLY_ON.items():
        if key in document and not document["on"].startswith(target):
            raise BadOrder(f'{place}: "{key}" works on {target} only.')


def _span(document: Document, place: str) -> tuple[float, float]:
    first, end = float(document.get("from", 0.0)), float(document.get("until", math.inf))
    if end <= first:
        raise BadOrder(f'{place}: "until" must be after "from".')
    return first, end


def _status(document: Document, performs: bool) -> Plan:
    status = document["status"]
    code, message = CODES.get(status, (20000 + status, HTTPStatus(status).phrase))
    headers = {"Retry-After": f"{document['retry_after']:g}"} if "retry_after" in document else {}
    answer = error(status, document.get("code", code), document.get("message", message), headers)
    return Plan(performs=performs, answer=answer)


def _html(document: Document, performs: bool) -> Plan:
    return Plan(performs=performs, answer=html(document.get("status", 200)))


def _drop(document: Document, _performs: bool) -> Plan:
    return Plan(performs=document["drop"] == "after", cut=True)


def _late(document: Document, _performs: bool) -> Plan:
    return Plan(performs=False, cut=True, late=document["late"])


def _stall(document: Document, performs: bool) -> Plan:
    return Plan(
        performs=performs,
        answer=None if performs else error(500, *CODES[500]),
        pause=document["stall"],
    )


def _lag(document: Document, _performs: bool) -> Plan:
    return Plan(lag=document["lag"])


PLANS: dict[str | None, Callable[[Document, bool], Plan]] = {
    "status": _status,
    "html": _html,
    "drop": _drop,
    "late": _late,
    "stall": _stall,
    "lag": _lag,
    None: lambda _document, _performs: NORMAL,
}


class Rule:
    """A checked rule."""

    def __init__(self, document: object, place: str) -> None:
        self.document = _check(document, place)
        self._effect = _effect(self.document, place)
        _check_company(self.document, place)
        self.on: str = self.document["on"]
        self.share = float(self.document.get("share", 1.0))
        self.times: int | None = self.document.get("times")
        self._first, self._end = _span(self.document, place)
        self._created = float(self.document.get("created", self._effect == "stall"))

    def concerns(self, endpoint: str, elapsed: float) -> bool:
        """Whether a request to this endpoint, so long after the rules were set, can be hit."""
        named = self.on in {"any", endpoint} or endpoint.startswith(f"{self.on}-")
        return named and self._first <= elapsed < self._end

    def plan(self, draw: float) -> Plan:
        """Plan for a request that is hit; the draw decides whether it is done all the same."""
        plan = PLANS[self._effect](self.document, draw < self._created)
        return replace(plan, pause=plan.pause + self.document.get("latency", 0.0))
