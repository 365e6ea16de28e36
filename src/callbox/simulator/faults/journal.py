"""The newest requests, one by one: what was asked and answered, and what a fault made of it."""

import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from callbox.simulator.api.answer import Answer
from callbox.simulator.api.ask import Params
from callbox.simulator.faults.fault import NORMAL, Plan
from callbox.simulator.faults.traffic import DROPPED, Answered
from callbox.simulator.records.webhook import concealed

KEPT = 500
LONGEST = 20_000
"""Bytes of an answer that are kept."""
BRIEF = 300
"""Characters of a parameter's value in a line."""
HALF_URL = re.compile(r"""://[^/?#\s"'<>]*\Z""")
BAD_REQUEST = 400
Document = dict[str, object]


@dataclass(slots=True)  # made for every request: frozen would take thrice the time
class Entry:
    """One request; it is made into words when somebody looks."""

    number: int
    """1 at first, one more for each."""
    at: float
    method: str
    path: str
    endpoint: str
    params: Params
    answer: Answer
    answered: Answered
    seconds: float
    """Of the machine, until it was answered or dropped."""
    plan: Plan

    def brief(self) -> Document:
        """Return the line of a list: long values cut, without the answer's body."""
        code, message = self._error()
        return {
            "number": self.number,
            "at": self.at,
            "method": self.method,
            "path": self.path,
            "endpoint": self.endpoint,
            "params": {name: value[:BRIEF] for name, value in self._values().items()},
            "status": self.answered,
            "code": code,
            "message": message,
            "seconds": round(self.seconds, 4),
            "fault": _told(self.plan),
        }

    def document(self) -> Document:
        """Return all of it; user names and passwords in URLs are left out."""
        text = concealed(self.answer.body.decode("utf-8", "replace"))
        if len(self.answer.body) == LONGEST:  # cut off, within a URL perhaps
            text = HALF_URL.sub("://…", text)
        return {**self.brief(), "params": self._values(), "answer": text}

    def _values(self) -> dict[str, str]:
        return {name: concealed(", ".join(values)) for name, values in self.params.items()}

    def _error(self) -> tuple[int | None, str]:
        if self.answer.status < BAD_REQUEST or self.answered == DROPPED:
            return None, ""
        try:
            body = json.loads(self.answer.body)
        except ValueError:
            return None, "not JSON"
        return body.get("code"), body.get("message", "")


FAULTS = (
    (lambda plan: plan.late is not None, "connection closed, done {plan.late:g} s later"),
    (lambda plan: plan.cut and plan.performs, "done, but the answer was lost"),
    (lambda plan: plan.cut, "lost before it was done"),
    (lambda plan: plan.answer is not None and plan.performs, "done, but answered as if not"),
    (lambda plan: plan.answer is not None, "refused on purpose"),
    (lambda plan: plan.lag > 0, "the newest {plan.lag:g} s not listed"),
    (lambda plan: plan.pause > 0, "answered {plan.pause:g} s late"),
)
"""What a plan is called; the first that fits."""


def _told(plan: Plan) -> str:
    if plan is NORMAL:
        return ""
    return next((words.format(plan=plan) for fits, words in FAULTS if fits(plan)), "")


class Journal:
    """Keeps the newest; on the way of a request it only takes note of its parts."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self.count = 0
        """How many there have been."""

    def note(
        self,
        at: float,
        asked: tuple[str, str, str, Params],
        told: tuple[Plan, Answer, Answered],
        seconds: float,
    ) -> None:
        """Keep a request: method, path, endpoint and parameters; plan, answer and its fate."""
        self.count += 1
        plan, answer, answered = told
        if len(answer.body) > LONGEST:
            answer = answer._replace(body=answer.body[:LONGEST])
        self._entries.append(Entry(self.count, at, *asked, answer, answered, seconds, plan))

    def since(self, number: int, limit: int = KEPT) -> list[Entry]:
        """Return at most so many requests after one, the newest of them, oldest first."""
        wanted = min(limit, self.count - number, len(self._entries))
        return list(islice(reversed(self._entries), max(wanted, 0)))[::-1]

    def find(self, number: int) -> Entry | None:
        """Return one request, if it is still kept."""
        return next((entry for entry in self._entries if entry.number == number), None)

    def clear(self) -> None:
        """Forget them; the numbers go on."""
        self._entries.clear()

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)
