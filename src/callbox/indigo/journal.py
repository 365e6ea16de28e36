"""What was executed for a text already, so that a retry or a new start executes nothing twice.

Indigo has no way to execute a trigger once only. But its Event Log has a line of ours before a text
is told, and a line of its own for each trigger and action group that it executed since: what stands
there is not executed again after a kill. Where the log cannot be read, or a trigger is not logged,
it is: then the one text that was being told may repeat.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from callbox.domain.phone import mask_numbers
from callbox.logs import CONTROLS

log = logging.getLogger(__name__)

TRIGGER, ACTION_GROUP = "Trigger", "Action Group"  # as the log calls what it executed

_LINES = (2_000, 20_000)  # to read; the more only if none of the fewer is ours
_MARK = re.compile(r"\((?P<sid>(?:SM|MM)[0-9a-fA-F]{32}|(?:question|delivery)-[\w-]+)\)$")

Executed = Counter[tuple[str, str]]  # how often by kind and name: two triggers may share one


class Journal:
    """What was executed, in this run and before; `server` is `indigo.server`.

    `ours` is our name in the log. Only one thing is told at a time, so that of all that was told
    before a kill only the last can be in doubt: the one whose line is the last of ours.
    """

    def __init__(self, server: Any, ours: str) -> None:  # noqa: ANN401 - Indigo's
        self._server = server
        self._ours = ours
        self._before: dict[str, Executed] = {}  # what the log has, and was not met again yet
        self._done: dict[str, set[tuple[str, int]]] = {}  # what is being told: kinds and ids

    def open(self) -> None:
        """Read what the log has."""
        try:
            for count in _LINES:
                lines = self._server.getEventLogList(
                    returnAsList=True, showTimeStamp=True, lineCount=count
                )
                self._before = evidence(map(dict, lines), self._ours)
                if self._before or len(lines) < count:
                    return
        except Exception:  # noqa: BLE001 - Indigo does not say what it raises
            log.info("Indigo's Event Log cannot be read: a text cut off by a kill is told again")

    def begin(self, sid: str, sentence: str) -> None:
        """Write our line for something that is about to be told.

        It is written once more for what was cut off: what follows it is executed for it.
        """
        self._server.log(f"{mask_numbers(sentence).translate(CONTROLS)} ({sid})")

    def has(self, sid: str, kind: str, key: int, name: str) -> bool:
        """Tell whether something was executed for it; `key` is its id."""
        if (kind, key) in self._done.get(sid, ()):
            return True
        before = self._before.get(sid)
        if not before or not before[kind, name]:
            return False
        before[kind, name] -= 1
        self.note(sid, kind, key)
        return True

    def note(self, sid: str, kind: str, key: int) -> None:
        """Note that something was executed for it."""
        self._done.setdefault(sid, set()).add((kind, key))

    def forget(self, sid: str) -> None:
        """Forget what is told to its end."""
        self._before.pop(sid, None)
        self._done.pop(sid, None)


def evidence(lines: Iterable[Mapping[str, Any]], ours: str) -> dict[str, Executed]:
    """Give what was executed after each line of ours, by the id in it; the oldest line first."""
    found: dict[str, Executed] = {}
    current: Executed = Counter()
    for line in lines:
        kind, message = str(line.get("TypeStr", "")), str(line.get("Message", ""))
        mark = _MARK.search(message) if kind == ours else None
        if mark is not None:
            current = found.setdefault(mark["sid"], Counter())
        elif kind in {TRIGGER, ACTION_GROUP}:
            current[kind, message] += 1
    return found
