"""Lists in pages, as Twilio cuts and links them."""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import dropwhile, islice
from typing import NamedTuple, Protocol, TypeVar
from urllib.parse import urlencode

from callbox.simulator.api.answer import Answer, document
from callbox.simulator.api.ask import Ask
from callbox.simulator.api.refusal import Refusal
from callbox.simulator.records.date import day, span

USUAL_SIZE, LARGEST_SIZE = 50, 1000
TOKEN_PREFIX = "PA"  # noqa: S105 - a page token is no secret
S = TypeVar("S")


class Listed(Protocol):
    """What a list can hold."""

    @property
    def sid(self) -> str:
        """The SID that the next page continues after."""


L = TypeVar("L", bound=Listed)


class Interval(NamedTuple):
    """From one instant to another, both included."""

    first: float
    last: float

    def holds(self, instant: float | None) -> bool:
        """Whether it happened then; what has not happened did not."""
        return instant is not None and self.first <= instant <= self.last


def interval(ask: Ask, name: str) -> Interval | None:
    """Return what the filters `Name`, `Name<` and `Name>` leave; None if there are none.

    `Name` is a whole day even if a time is given, as in Twilio's own examples.
    """
    try:
        whole, below, above = (
            read(ask.text(filtered)) if ask.text(filtered) else None
            for read, filtered in ((day, name), (span, f"{name}<"), (span, f"{name}>"))
        )
    except (ValueError, OverflowError):
        raise Refusal(20001, parameter=name) from None
    if not (whole or below or above):
        return None
    firsts = [bounds[0] for bounds in (whole, above) if bounds]
    lasts = [bounds[1] for bounds in (whole, below) if bounds]
    return Interval(max(firsts, default=-math.inf), min(lasts, default=math.inf))


def following(found: Iterable[L], last: L | None) -> Iterable[L]:
    """Return what follows an entry; all of it if there is none."""
    if last is None:
        return found
    return islice(dropwhile(lambda entry: entry is not last, found), 1, None)


class Listing:
    """One page of a list: which one, how long, and how to get the others."""

    def __init__(self, ask: Ask, filters: tuple[str, ...]) -> None:
        self._ask = ask
        self._size = ask.count("PageSize", USUAL_SIZE) or USUAL_SIZE
        if self._size > LARGEST_SIZE:
            raise Refusal(20007)
        self._page = ask.count("Page", 0)
        self._token = ask.text("PageToken")
        self._filters = [(name, ask.text(name)) for name in filters if name in ask.params]

    def after(self, find: Callable[[S, Ask], L], state: S) -> L | None:
        """Return the entry that the page token names: this page holds what follows it."""
        if not self._token:
            return None
        try:
            return find(state, replace(self._ask, sid=self._token.removeprefix(TOKEN_PREFIX)))
        except Refusal:
            raise Refusal(21481) from None

    def _uri(self, page: int, token: str = "") -> str:
        query = [*self._filters, ("PageSize", str(self._size)), ("Page", str(page))]
        if token:
            query.append(("PageToken", token))
        return f"{self._ask.path}?{urlencode(query)}"

    def _cut(self, found: Iterable[L]) -> tuple[list[L], str]:
        """Return the entries of this page, and the token of the next one if there is one."""
        skipped = 0 if self._token else self._page * self._size
        entries = list(islice(found, skipped, skipped + self._size + 1))
        shown = entries[: self._size]
        return shown, TOKEN_PREFIX + shown[-1].sid if len(entries) > self._size else ""

    def meta_page(
        self, base: str, key: str, found: Iterable[L], render: Callable[[L], object]
    ) -> Answer:
        """Return the envelope of the newer products, whose links are whole URLs."""
        shown, token = self._cut(found)
        return document(
            200,
            {
                "meta": {
                    "page": self._page,
                    "page_size": self._size,
                    "first_page_url": base + self._uri(0),
                    "previous_page_url": base + self._uri(self._page - 1) if self._page else None,
                    "url": base + self._uri(self._page, self._token),
                    "next_page_url": base + self._uri(self._page + 1, token) if token else None,
                    "key": key,
                },
                key: [render(entry) for entry in shown],
            },
        )

    def page(self, key: str, found: Iterable[L], render: Callable[[L], object]) -> Answer:
        """Return the envelope with the entries of this page."""
        first = self._page * self._size
        shown, token = self._cut(found)
        return document(
            200,
            {
                "first_page_uri": self._uri(0),
                "next_page_uri": self._uri(self._page + 1, token) if token else None,
                "previous_page_uri": self._uri(self._page - 1) if self._page else None,
                "uri": self._uri(self._page, self._token),
                "page": self._page,
                "page_size": self._size,
                "start": first,
                "end": first + max(len(shown) - 1, 0),
                key: [render(entry) for entry in shown],
            },
        )
