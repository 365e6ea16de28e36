"""What a rehearsal shows on the terminal: who got what, a timeline, what came of it."""

from collections import Counter
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from callbox.cli.summary import in_words
from callbox.domain.phone import mask_numbers
from callbox.rehearsal.line import Line
from callbox.rehearsal.performance import Performance
from callbox.rehearsal.picture import MARKS, MOST_ROWS, TROUBLE, fitted, legend, rows, troubles
from callbox.rehearsal.result import Result

_NAMES, _NAMES_NARROW = 22, 13
_FULL = 72  # from so many characters on, there is room for parts and prices
_WIDE_AXIS = 55  # from so many on, its middle is named, too
_REASONS = 3
_ARROWS = {"out": "→", "in": "←", "topic": "◆"}


def show(screen: Console, playing: Performance, most: int) -> None:
    """Show what everybody got, and the same as a timeline."""
    lines = playing.story.lines
    screen.print()
    screen.print(_table(lines[:most], prices=screen.width >= _FULL))
    if len(lines) > most:
        screen.print(f"  and {len(lines) - most} more: --most shows them.", style="dim")
    screen.print()
    for row in _picture(playing, screen.width):
        screen.print(row, no_wrap=True)


def _table(lines: list[Line], *, prices: bool) -> Table:
    table = Table("at", "", "who", "what", "how it went", box=None, pad_edge=False)
    if prices:
        table.add_column("parts", justify="right")
        table.add_column("price", justify="right")
    for line in lines:
        colour = "green" if line.arrived else "red" if line.way == "out" else "cyan"
        price = f"${line.price:.4f}" if line.price else ""
        table.add_row(
            in_words(line.at),
            _ARROWS[line.way],
            _plain(mask_numbers(line.who)),
            _plain(mask_numbers(line.what if line.kind == "text" else f"call: {line.what}")),
            _plain(mask_numbers(line.how), colour),
            *((str(line.parts or ""), price) if prices else ()),
        )
    return table


def _plain(text: str, style: str = "") -> Text:
    """Give a text as it is: brackets in it are no colours."""
    return Text(text, style)


def _picture(playing: Performance, width: int) -> Iterator[Text]:
    names = _NAMES if width >= _FULL else _NAMES_NARROW
    lasts, columns = playing.lasted, width - names - 2
    yield Text(" " * (names + 2) + _axis(lasts, columns), "dim")
    people = rows(playing.story.lines, lasts, columns)
    for row in (*troubles(playing.scenario, lasts, columns), *people[:MOST_ROWS]):
        line = Text(f"{fitted(mask_numbers(row.name), names)}  ")
        for cell in row.cells:
            mark, colour = MARKS.get(cell, (TROUBLE, "red")) if cell else (" ", "")
            line.append(mark, colour)
        yield line
    if len(people) > MOST_ROWS:
        yield Text(f"and {len(people) - MOST_ROWS} more people", "dim")
    yield Text()
    yield from (Text(line, "dim") for line in legend(lasts / columns, width))


def _axis(lasts: float, columns: int) -> str:
    middle, end = in_words(lasts / 2), in_words(lasts)
    if columns < _WIDE_AXIS:
        return f"{'0:00:00':{columns - len(end)}}{end}"
    return f"{'0:00:00':{columns // 2}}{middle:{columns - columns // 2 - len(end)}}{end}"


def conclude(screen: Console, playing: Performance, most: int) -> bool:
    """Say what came of it all; tell whether everything arrived, once."""
    result = playing.result()
    meant = f" ({result.meant} as the scenario has it)" if result.meant else ""
    screen.print(
        f"\n{result.asked} to be sent: {result.arrived} arrived, {result.failed} did not{meant}, "
        f"{result.waiting} wait. {result.lost} lost, {result.doubled} sent twice.\n"
        f"${result.cost:.4f}, at the simulator's own prices.",
        highlight=False,
    )
    for sentence in _remarks(playing, result, most):
        screen.print(sentence, highlight=False, markup=False)
    return result.fine


def _remarks(playing: Performance, result: Result, most: int) -> Iterator[str]:
    scenario, speed = playing.scenario, playing.scenario.speed or 1.0
    due = playing.published + result.missed
    if len(playing.story.lines) > most:
        yield from _reasons(playing.story.sent)
    if wrong := playing.gateway.inbox.counters.wrong_pins:
        yield f"{_counted(wrong, 'wrong PIN was', 'wrong PINs were')} given."
    if result.unnoticed:
        yield (
            f"{_counted(result.unnoticed, 'text of a person was', 'texts of people were')} not "
            "noticed: see inbound.polling and http.public_url."
        )
    if result.missed:
        yield (
            f"Of {due} requests {result.missed} were not published in time: this machine is too "
            f"slow for --speed {speed:g}, try {max(speed * playing.published // due, 1):g}."
        )
    if playing.stopped:
        end = f" of {in_words(scenario.lasts)}" if scenario.lasts else ""
        yield f"It was stopped after {in_words(playing.ended)}{end}."


def _reasons(sent: list[Line]) -> Iterator[str]:
    """Say why things did not arrive, most frequent first."""
    found = Counter(line.why or line.state for line in sent if not (line.arrived or line.open))
    for why, count in found.most_common(_REASONS):
        yield f"  {count} of them: {mask_numbers(why)}"


def _counted(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"
