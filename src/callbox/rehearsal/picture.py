"""A timeline in characters: a row for each person, a column for each stretch of time."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from callbox.rehearsal.line import Line, lasting
from callbox.simulator import Scenario

MARKS: Mapping[str, tuple[str, str]] = {
    "asked": ("·", "dim"),
    "topic": ("◆", "cyan"),
    "accepted": ("○", ""),
    "sent": ("○", ""),
    "in": ("◀", "cyan"),
    "delivered": ("●", "green"),
    "read": ("●", "green"),
    "cancelled": ("✗", "yellow"),
    "expired": ("✗", "yellow"),
    "unknown": ("?", "yellow"),
    "undelivered": ("✗", "red"),
    "failed": ("✗", "red"),
}
"""What happened: its mark and colour; where several share a column the last of these shows."""
RANKS = {name: rank for rank, name in enumerate(MARKS)}
LEGEND = (
    *("· asked", "○ Twilio has it", "● arrived", "✗ did not", "? nobody knows"),
    *("◀ came in", "◆ published"),
)
TROUBLE = "▒"
MOST_ROWS = 20


def legend(column: float, width: int) -> Iterator[str]:
    """Say in lines what marks mean, and how long a column is, which is given in seconds."""
    line = ""
    for item in (*LEGEND, *((f"a column: {lasting(column)}",) if column >= 1 else ())):
        if line and len(line) + 2 + len(item) > width:
            yield line
            line = ""
        line = f"{line}  {item}" if line else item
    yield line


def fitted(name: str, cells: int) -> str:
    """Shorten a name, or fill it up; the number at its end, which tells people apart, stays."""
    who, space, number = name.rpartition(" ")
    if cell_len(name) <= cells or not who or not number.startswith("+"):
        return set_cell_size(name, cells)
    return f"{set_cell_size(who, cells - len(number) - 2)}…{space}{number}"


class Row(NamedTuple):
    """Somebody, and what happened in each column: a key of MARKS, or nothing."""

    name: str
    cells: tuple[str, ...]


def rows(lines: Iterable[Line], lasts: float, width: int) -> list[Row]:
    """Place everything in time; people in the order in which they first appear."""
    found: dict[str, list[str]] = {}
    for line in lines:
        cells = found.setdefault("topics" if line.way == "topic" else line.who, [""] * width)
        for at, what in _moments(line):
            column = min(int(at / lasts * width), width - 1) if lasts else 0
            cells[column] = max(cells[column], what, key=lambda each: RANKS.get(each, -1))
    return [Row(name, tuple(cells)) for name, cells in found.items()]


def _moments(line: Line) -> Iterator[tuple[float, str]]:
    if line.way == "out":
        yield line.at, "asked"
        yield from line.steps
    else:
        yield line.at, line.way


def troubles(scenario: Scenario, lasts: float, width: int) -> list[Row]:
    """Show when something is wrong on purpose: a row for each kind of fault."""
    found: dict[str, list[str]] = {}
    for rule in scenario.faults:
        name = f"fault: {rule['on']}"
        cells = found.setdefault(name, [""] * width)
        first, last = rule.get("from", 0.0), min(rule.get("until", lasts), lasts)
        begin = int(first / lasts * width) if lasts else 0
        end = max(int(last / lasts * width) if lasts else 0, begin + 1)
        cells[begin:end] = ["fault"] * len(cells[begin:end])
    return [Row(name, tuple(cells)) for name, cells in found.items()]
