"""What tests ask of the simulator itself, under /_simulator/."""

import json
from collections.abc import Callable

from callbox.simulator.answer import NOTHING, Answer, document
from callbox.simulator.ask import Ask, params
from callbox.simulator.fault import BadFaults
from callbox.simulator.faults import Faults
from callbox.simulator.switchboard import Switchboard
from callbox.simulator.traffic import Traffic

PREFIX = "/_simulator/"
USUAL_LIMIT = 10_000


class Control:
    """Faults in; faults, log and counters out."""

    def __init__(self, board: Switchboard, faults: Faults, traffic: Traffic) -> None:
        self._board = board
        self._faults = faults
        self._traffic = traffic
        self._actions: dict[tuple[str, str], Callable[[str, bytes], Answer]] = {
            ("GET", "faults"): lambda _query, _body: document(200, faults.document()),
            ("PUT", "faults"): lambda _query, body: self._set_faults(body),
            ("DELETE", "faults"): lambda _query, _body: self._clear_faults(),
            ("GET", "log"): lambda query, _body: self._log(query),
            ("DELETE", "log"): lambda _query, _body: self._clear_log(),
            ("GET", "requests"): lambda _query, _body: document(200, traffic.document()),
            ("DELETE", "requests"): lambda _query, _body: self._clear_requests(),
        }

    def answer(self, method: str, path: str, query: str, body: bytes) -> Answer:
        """Do what is asked, or say what can be asked."""
        action = self._actions.get((method, path.removeprefix(PREFIX)))
        if action is None:
            known = ", ".join(f"{verb} {PREFIX}{name}" for verb, name in self._actions)
            return document(404, {"error": f"{method} {path} is not known; known are {known}."})
        return action(query, body)

    def _set_faults(self, body: bytes) -> Answer:
        try:
            self._faults.set(json.loads(body))
        except BadFaults as reason:
            return document(400, {"error": str(reason)})
        except ValueError as reason:
            return document(400, {"error": f"The document is not JSON: {reason}."})
        return document(200, self._faults.document())

    def _clear_faults(self) -> Answer:
        self._faults.clear()
        return NOTHING

    def _log(self, query: str) -> Answer:
        ask = Ask("", "", "", params(query), 0.0)
        since, limit = ask.count("since", 0), ask.count("limit", USUAL_LIMIT)
        entries = self._board.log[since : since + limit]
        return document(
            200,
            {
                "entries": [record.entry() for record in entries],
                "next": since + len(entries),
                "total": len(self._board.log),
            },
        )

    def _clear_log(self) -> Answer:
        self._board.log.clear()
        return NOTHING

    def _clear_requests(self) -> Answer:
        self._traffic.clear()
        return NOTHING
