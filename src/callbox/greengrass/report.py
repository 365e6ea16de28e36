"""The report of a migration: a line for each thing, and how the lines are written."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What became of a thing, in the order of the report."""

    CARRIED = "carried over"
    CHANGED = "changed"
    BY_HAND = "by hand"
    LEFT = "left"


TITLES = {
    Verdict.CARRIED: "Carried over",
    Verdict.CHANGED: "Changed in meaning",
    Verdict.BY_HAND: "To be done by hand",
    Verdict.LEFT: "Left",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line: what it is about, and a sentence about it, or a few.

    `command` is one that does what the sentence says. Nothing in a line is secret; phone numbers
    are masked.
    """

    verdict: Verdict
    subject: str
    sentence: str
    command: str = ""


def in_order(lines: Iterable[Line]) -> list[Line]:
    """Give the lines by verdict; those of one verdict stay in their order."""
    places = list(Verdict)
    return sorted(lines, key=lambda line: places.index(line.verdict))


def plain(lines: Iterable[Line]) -> str:
    """Write a line of text for each, and its command below it."""
    return "".join(
        f"{line.verdict:14}{line.subject}: {line.sentence}\n"
        + (f"{'':14}    {line.command}\n" if line.command else "")
        for line in in_order(lines)
    )


def markdown(lines: Iterable[Line], sources: str) -> str:
    """Write the report as a page; `sources` says where it comes from."""
    ordered = in_order(lines)
    page = [f"# The way over from Greengrass V1: {_escaped(sources)}"]
    for verdict, title in TITLES.items():
        items = [_item(line) for line in ordered if line.verdict is verdict]
        page.append("\n".join([f"## {title}\n", *(items or ["Nothing."])]))
    return "\n\n".join(page) + "\n"


def _item(line: Line) -> str:
    code = f"\n\n      {line.command}\n" if line.command else ""
    return f"- **{_escaped(line.subject)}**: {_escaped(line.sentence)}{code}"


def _escaped(text: str) -> str:
    for special in "\\`*_[]<>#":
        text = text.replace(special, f"\\{special}")
    return text
