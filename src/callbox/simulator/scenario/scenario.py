"""A scenario: what goes wrong, who texts and calls, and when. Data, from YAML or JSON.

A time of a new key is read in words if its name is in TIMES.
"""

import json
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from callbox.simulator.faults.fault import Rule
from callbox.simulator.manner import Manner
from callbox.simulator.order import BadOrder, check_known, names_of, read
from callbox.simulator.records.outcome import SECONDS, Outcome
from callbox.simulator.scenario.duration import with_seconds
from callbox.simulator.settings import Settings
from callbox.simulator.telephony.ring import Ring
from callbox.simulator.telephony.text import Text

Document = Mapping[str, Any]
TIMES = frozenset(
    {
        *("lasts", "at", "every", "from", "until"),
        *("late", "stall", "latency", "lag", "retry_after", "delay", "jitter", "pace"),
        *("list_lag", "price_after", *SECONDS),
    }
)
"""Keys whose values may be written as `10 min`."""
CUES = frozenset({"at", "every"})
FEWER_TIMES = {
    "texts": CUES | {"lag"},
    "calls": CUES | {"hangup_after"},
    "requests": CUES,
}
"""The only such keys where `from` is a phone number, or everything is a device's."""
TOPICS = ("txt", "call")
NUMBERS = re.compile(r"\+\d{1,15}\*?|\*")
MOST_TIMES = 100_000
FASTEST = 1_000_000
SOME_NUMBER = "+15005550006"
"""In place of a number that is known when it is played."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """When something happens: `at` seconds after the beginning, `times` times, one `every`."""

    at: float = 0.0
    every: float = 1.0
    times: int = 1

    def instants(self) -> Iterator[tuple[int, float]]:
        """Yield the number of each time, from 1, and its seconds after the beginning."""
        return ((place + 1, self.at + place * self.every) for place in range(self.times))

    def due(self, elapsed: float) -> int:
        """Return how many of the times are over so many seconds after the beginning."""
        over = (elapsed - self.at) // self.every + 1
        return int(min(max(over, 0), self.times))


@dataclass(frozen=True, slots=True)
class Window:
    """How status callbacks arrive from one moment to another."""

    manner: Manner
    first: float = 0.0
    last: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Somebody:
    """By number, `*` is everybody; from `at` on an outcome holds for them. `name` is shown."""

    to: str
    name: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a device publishes in a rehearsal: a document on `txt` or `call`.

    `{n}` in a text of it is the number of the time, from 1.
    """

    topic: str
    document: Document

    def numbered(self, number: int) -> Document:
        """Return the document of one of the times."""
        return dict(_numbered(self.document, str(number)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """All of it, checked."""

    name: str = ""
    lasts: float | None = None
    """Seconds after which it is over; None: it goes on."""
    speed: float | None = None
    """Seconds of the simulation in one of the machine. None: as whoever plays it likes."""
    settings: Document = field(default_factory=dict)
    """Fields of `Settings`."""
    people: tuple[tuple[Somebody, Outcome], ...] = ()
    faults: tuple[Document, ...] = ()
    """Rules of /_simulator/faults; their times count from the beginning."""
    callbacks: tuple[Window, ...] = ()
    texts: tuple[tuple[Cue, Document], ...] = ()
    """Fields of `Text`; `to` is the account's first number unless it is said."""
    calls: tuple[tuple[Cue, Document], ...] = ()
    """Fields of `Ring`, likewise."""
    requests: tuple[tuple[Cue, Request], ...] = ()
    """For `callbox rehearse` alone: the simulator does not play devices."""

    def settled(self, settings: Settings) -> Settings:
        """Return settings with those of the scenario in place of the ones before."""
        return replace(settings, **self.settings, speed=self.speed or settings.speed)


def _numbered(value: Any, number: str) -> Any:  # noqa: ANN401 - whatever JSON can hold
    if isinstance(value, str):
        return value.replace("{n}", number)
    if isinstance(value, Mapping):
        return {name: _numbered(each, number) for name, each in value.items()}
    return [_numbered(each, number) for each in value] if isinstance(value, list) else value


def _split(document: Document, names: Collection[str]) -> tuple[Document, Document]:
    """Return what is under these names, and the rest."""
    return (
        {name: value for name, value in document.items() if name in names},
        {name: value for name, value in document.items() if name not in names},
    )


def _halves(
    document: Document, names: Collection[str], kind: type[Any]
) -> tuple[Document, Document]:
    """Return what is under these names, and the rest, which must be fields of `kind`."""
    check_known(document, (*names, *names_of(kind)))
    return _split(document, names)


def _cued(document: Document, kind: type[Any]) -> tuple[Cue, Document]:
    when, rest = _halves(document, names_of(Cue), kind)
    cue = read(Cue, when)
    if not 0 < cue.times <= MOST_TIMES:
        raise BadOrder(f'"times" must be from 1 to {MOST_TIMES}.')
    if cue.at < 0 or cue.every <= 0:
        raise BadOrder('"at" must not be negative, and "every" must be more than 0.')
    return cue, rest


def _text(document: Document) -> tuple[Cue, Document]:
    cue, rest = _cued(document, Text)
    read(Text, {"to": SOME_NUMBER, **rest}).addresses()
    return cue, rest


def _call(document: Document) -> tuple[Cue, Document]:
    cue, rest = _cued(document, Ring)
    read(Ring, {"to": SOME_NUMBER, **rest}).addresses()
    return cue, rest


def _request(document: Document) -> tuple[Cue, Request]:
    cue, rest = _cued(document, Request)
    request = read(Request, rest)
    if request.topic not in TOPICS:
        raise BadOrder(f'"topic" must be one of {", ".join(TOPICS)}.')
    try:
        json.dumps(request.document)
    except TypeError:
        raise BadOrder('"document" must be JSON: texts, numbers, lists and objects.') from None
    return cue, request


def _window(document: Document) -> Window:
    when, rest = _halves(document, ("from", "until"), Manner)
    if not all(isinstance(value, int | float) for value in when.values()):
        raise BadOrder('"from" and "until" must be times.')
    first, last = when.get("from", 0.0), when.get("until", math.inf)
    if not 0 <= first < last:
        raise BadOrder('"from" must not be negative, and "until" must be after it.')
    return Window(read(Manner, rest), first, last)


def _person(document: Document) -> tuple[Somebody, Outcome]:
    who, rest = _halves(document, names_of(Somebody), Outcome)
    if "to" in who and not NUMBERS.fullmatch(str(who["to"])):
        raise BadOrder('"to" must be a number like +12065550100, or +44*, or * for everybody.')
    somebody = read(Somebody, who)
    if somebody.at < 0:
        raise BadOrder('"at" must not be negative.')
    return somebody, read(Outcome, rest)


def _fault(document: Document) -> Document:
    Rule(document, "It")
    return document


SECTIONS: Mapping[str, Callable[[Document], object]] = {
    "people": _person,
    "faults": _fault,
    "callbacks": _window,
    "texts": _text,
    "calls": _call,
    "requests": _request,
}
"""The lists in a scenario, and how an entry is read."""


def scenario(written: object) -> Scenario:
    """Read a scenario; BadOrder with one sentence, which names the entry, if it cannot be."""
    if not isinstance(written, Mapping):
        raise BadOrder("A scenario must be an object with keys like faults and texts.")
    listed, plain = _split(written, SECTIONS)
    found = read(Scenario, with_seconds(plain, TIMES))
    lists: dict[str, Any] = {name: _entries(listed, name) for name in listed}
    if found.speed is not None and not 0 < found.speed <= FASTEST:
        raise BadOrder(f'"speed" must be more than 0, and at most {FASTEST}.')
    if found.lasts is not None and not found.lasts > 0:
        raise BadOrder('"lasts" must be more than 0.')
    if "speed" in found.settings:
        raise BadOrder('"speed" stands beside "settings", not in it.')
    settled = read(Settings, with_seconds(found.settings, TIMES))
    chosen = {name: getattr(settled, name) for name in found.settings}
    return replace(found, settings=chosen, **lists)


def _entries(document: Document, name: str) -> tuple[object, ...]:
    entries = document[name]
    if not isinstance(entries, list):
        raise BadOrder(f'"{name}" must be a list.')
    return tuple(_entry(entry, name, place) for place, entry in enumerate(entries, 1))


def _entry(entry: object, name: str, place: int) -> object:
    where = f"{name}, entry {place}"
    if not isinstance(entry, Mapping):
        raise BadOrder(f"{where}: it must be an object.")
    try:
        return SECTIONS[name](with_seconds(entry, FEWER_TIMES.get(name, TIMES)))
    except BadOrder as reason:
        raise BadOrder(f"{where}: {str(reason).removeprefix('It: ')}") from None
