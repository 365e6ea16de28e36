"""What is wrong just now, told in the log at its begin, once an hour, and at its end."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

_REMIND_SECONDS = 3600.0
_RELAPSE_SECONDS = 60.0

Source = Callable[[], str | None]


@dataclass(slots=True)
class Troubles:
    """Asks each source for its trouble; `sources` by what the log calls it.

    A sentence is told once an hour at most. A trouble that comes and goes is not told each time:
    one that was said to be over is told again in the same words once it has lasted a minute.
    """

    sources: dict[str, Source]
    now: dict[str, str] = field(default_factory=dict)
    _since: dict[str, float] = field(default_factory=dict)
    _told: dict[tuple[str, str], float] = field(default_factory=dict)
    _open: set[str] = field(default_factory=set)  # told, and not said to be over

    def look(self, monotonic: float) -> bool:
        """Ask all; True if a trouble began, ended or reads otherwise."""
        found = {name: trouble for name, ask in self.sources.items() if (trouble := ask())}
        for name in self.now.keys() - found.keys():
            self._end(name, monotonic)
        for name, trouble in found.items():
            self._since.setdefault(name, monotonic)
            self._tell(name, trouble, monotonic)
        changed = found != self.now
        self.now = found
        return changed

    def _tell(self, name: str, trouble: str, monotonic: float) -> None:
        lasted = monotonic - self._since[name]
        told = self._told.get((name, trouble))
        recently = told is not None and monotonic - told < _REMIND_SECONDS
        if recently and (name in self._open or lasted < _RELAPSE_SECONDS):
            return
        still = f"still, for {lasted / 3600:.0f} h: " if lasted >= _REMIND_SECONDS else ""
        log.warning("%s: %s%s", name, still, trouble)
        self._told[name, trouble] = monotonic
        self._open.add(name)

    def _end(self, name: str, monotonic: float) -> None:
        lasted = monotonic - self._since.pop(name)
        if name in self._open:
            self._open.remove(name)
            log.warning("%s: well again after %.0f s", name, lasted)
        old = monotonic - _REMIND_SECONDS
        self._told = {key: told for key, told in self._told.items() if told > old}
