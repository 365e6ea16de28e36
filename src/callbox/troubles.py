"""What is wrong just now, told in the log at its begin, once an hour, and at its end."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

_REMIND_SECONDS = 3600.0

Source = Callable[[], str | None]


@dataclass(slots=True)
class Troubles:
    """Asks each source for its trouble; `sources` by what the log calls it."""

    sources: dict[str, Source]
    now: dict[str, str] = field(default_factory=dict)
    _since: dict[str, float] = field(default_factory=dict)
    _told: dict[str, float] = field(default_factory=dict)

    def look(self, monotonic: float) -> bool:
        """Ask all; True if a trouble began, ended or reads otherwise."""
        found = {name: trouble for name, ask in self.sources.items() if (trouble := ask())}
        for name in found.keys() - self.now.keys():
            self._since[name] = self._told[name] = monotonic
            log.warning("%s: %s", name, found[name])
        for name in self.now.keys() - found.keys():
            log.warning("%s: well again after %.0f s", name, monotonic - self._since[name])
        for name in found.keys() & self.now.keys():
            self._remind(name, found[name], monotonic)
        changed = found != self.now
        self.now = found
        return changed

    def _remind(self, name: str, trouble: str, monotonic: float) -> None:
        if monotonic - self._told[name] >= _REMIND_SECONDS:
            self._told[name] = monotonic
            hours = (monotonic - self._since[name]) / 3600
            log.warning("%s: still, for %.0f h: %s", name, hours, trouble)
