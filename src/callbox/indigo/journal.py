"""What Indigo's Event Log proves of texts that were being told when the plugin was killed.

Indigo has no way to execute a trigger once only. But its log has a line of ours before a text is
told, and a line of its own for each trigger and action group that it executed since: what stands
there is not executed again. Where the log cannot be read, or a trigger is not logged, it is.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any

log = logging.getLogger(__name__)

TRIGGER, ACTION_GROUP = "Trigger", "Action Group"  # as the log calls what it executed

_LINES = 2_000
_MARK = re.compile(r"\((?P<sid>(?:SM|MM)[0-9a-f]{32}|(?:question|delivery)-[\w-]+)\)$")


class Journal:
    """The evidence of an earlier run; `server` is `indigo.server`, `ours` our name in the log."""

    def __init__(self, server: Any, ours: str) -> None:  # noqa: ANN401 - Indigo's
        self._server = server
        self._ours = ours
        self._executed: dict[str, set[tuple[str, str]]] = {}

    def open(self) -> None:
        """Read what the log has."""
        try:
            lines = self._server.getEventLogList(
                returnAsList=True, showTimeStamp=True, lineCount=_LINES
            )
            self._executed = evidence(map(dict, lines), self._ours)
        except (AttributeError, TypeError, ValueError, RuntimeError, KeyError):
            log.info("Indigo's Event Log cannot be read: a text cut off by a kill is told again")

    def begin(self, sid: str, sentence: str) -> None:
        """Write our line for something that is about to be told, unless it is there."""
        if sid not in self._executed:
            self._server.log(f"{sentence} ({sid})")

    def has(self, sid: str, kind: str, name: str) -> bool:
        """Tell whether something was executed for it in an earlier run."""
        return (kind, name) in self._executed.get(sid, ())

    def forget(self, sid: str) -> None:
        """Forget what is told to its end."""
        self._executed.pop(sid, None)


def evidence(lines: Iterable[Mapping[str, Any]], ours: str) -> dict[str, set[tuple[str, str]]]:
    """Give what was executed after each line of ours, by the id in it; the oldest line first."""
    found: dict[str, set[tuple[str, str]]] = {}
    current: set[tuple[str, str]] = set()
    for line in lines:
        kind, message = str(line.get("TypeStr", "")), str(line.get("Message", ""))
        mark = _MARK.search(message) if kind == ours else None
        if mark is not None:
            current = found.setdefault(mark["sid"], set())
        elif kind in {TRIGGER, ACTION_GROUP}:
            current.add((kind, message))
    return found
