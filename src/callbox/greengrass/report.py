"""The report of a migration: a line for each thing, and how the lines are written."""

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What became of a thing, in the order of the report."""

    CARRIED = "carried over"
    CHANGED = "changed"
    BY_HAND = "by hand"
    LEFT = "left"


WHOLE_WAY = "The whole way: docs/greengrass.md"
_INDENT = 14
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


def plain(lines: Iterable[Line], width: int | None = None) -> str:
    """Write a line of text for each, and its command below it.

    With a `width`, lines but not commands are broken there, between words.
    """
    told = []
    for line in in_order(lines):
        text = f"{line.verdict:{_INDENT}}{line.subject}: {line.sentence}"
        told.append(_broken(text, width) if width else text)
        told.extend([f"{'':{_INDENT}}    {line.command}"] if line.command else [])
    return "\n".join([*told, "", WHOLE_WAY, ""])


def _broken(text: str, width: int) -> str:
    return textwrap.fill(
        text,
        width,
        subsequent_indent=" " * _INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def markdown(lines: Iterable[Line], sources: str) -> str:
    """Write the report as a page; `sources` says where it comes from."""
    ordered = in_order(lines)
    page = [f"# The way over from Greengrass V1: {_escaped(sources)}"]
    for verdict, title in TITLES.items():
        items = [_item(line) for line in ordered if line.verdict is verdict]
        page.append("\n".join([f"## {title}\n", *(items or ["Nothing."])]))
    page.append(WHOLE_WAY)
    return "\n\n".join(page) + "\n"


def _item(line: Line) -> str:
    code = f"\n\n      {line.command}\n" if line.command else ""
    return f"- **{_escaped(line.subject)}**: {_escaped(line.sentence)}{code}"


def _escaped(text: str) -> str:
    for special in "\\`*_[]<>#":
        text = text.replace(special, f"\\{special}")
    return text
