"""`callbox rehearse`: who would have received what, when, at what cost; nothing is really sent."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callbox.cli.configuration import ConfigFile, file_of
from callbox.cli.summary import in_words
from callbox.domain.phone import mask_numbers

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from callbox.config import Config
    from callbox.rehearsal.performance import Performance, Result
    from callbox.rehearsal.plan import Plan
    from callbox.rehearsal.story import Line

_WIDTH = 110  # where there is no terminal
_NARROWEST, _WIDEST = 40, 160
_NAMES, _NAMES_NARROW = 22, 13
_FULL = 72  # from so many characters on, there is room for parts and prices
_STOPPED = 130
_REASONS = 3
_FASTEST = 1_000_000
_SENDER, _ANY_NUMBER = "CALLBOX_TWILIO__DEFAULT_FROM_NUMBER", "+15005550006"
_ARROWS = {"out": "→", "in": "←", "topic": "◆"}
_NOBODY = {"TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "TWILIO_AUTH_TOKEN": "rehearsal"}


def rehearse(
    config: ConfigFile = None,
    scenario: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What happens, in YAML: docs/simulator.md. Without: everybody is "
            "texted and called once, and each rule is tried.",
        ),
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(min=0.001, max=_FASTEST, help="How many times as fast as life; 30 if unsaid."),
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Lines to show.")] = 40,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="Save what is shown as a picture, too.")
    ] = None,
) -> None:
    """Try your configuration, contacts and rules against a simulated Twilio.

    Shows who would have received what, when, and at what cost. Nothing is really sent, and no
    account is needed.

    Exit code 0: everything arrived once, but for what the scenario itself has fail. 1: something
    did not arrive, was lost, sent twice, not noticed or not played. 2: the configuration or the
    scenario cannot be used. 130: it was stopped.
    """
    from callbox.stage import quieten  # noqa: PLC0415 - `--help` does without

    if picture and picture.suffix.lower() != ".svg":
        raise typer.BadParameter(f"{picture} must end in .svg: it is a picture of lines and words.")
    if picture and not picture.absolute().parent.is_dir():
        raise typer.BadParameter(f"{picture.parent} is no folder: name one that is there.")
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal of old
    settings = _load(config)
    plan = _plan(settings, scenario, speed)
    quieten()
    raise typer.Exit(asyncio.run(_perform(settings, plan, most, picture)))


def _load(named: Path | None) -> "Config":
    """Read the configuration; an account is not needed."""
    from callbox.config import load_config  # noqa: PLC0415 - see rehearse

    file = file_of(named)
    if file is None and _SENDER not in os.environ:
        print("There is no configuration, so it is Callbox as shipped that is rehearsed.")
        return load_config(None, {**_NOBODY, **os.environ, _SENDER: _ANY_NUMBER})
    return load_config(file, {**_NOBODY, **os.environ})


def _plan(config: "Config", file: Path | None, speed: float | None) -> "Plan":
    from callbox.errors import ConfigError  # noqa: PLC0415 - see rehearse
    from callbox.rehearsal.plan import SPEED, Plan, plan_of  # noqa: PLC0415 - see rehearse
    from callbox.simulator import BadOrder  # noqa: PLC0415 - see rehearse
    from callbox.simulator.scenario.file import load  # noqa: PLC0415 - see rehearse

    try:
        plan = Plan(load(file)) if file else plan_of(config)
    except BadOrder as reason:
        raise ConfigError([str(reason)]) from None
    if not plan.scenario.requests:
        with_requests = plan_of(config).scenario.requests
        plan.scenario = replace(plan.scenario, requests=with_requests)
    plan.scenario = replace(plan.scenario, speed=speed or plan.scenario.speed or SPEED)
    return plan


async def _perform(config: "Config", plan: "Plan", most: int, picture: Path | None) -> int:
    from rich.console import Console  # noqa: PLC0415 - see rehearse

    from callbox.cli.screen import console  # noqa: PLC0415 - see rehearse
    from callbox.rehearsal.performance import performance  # noqa: PLC0415 - see rehearse
    from callbox.rehearsal.plan import rules_left  # noqa: PLC0415 - see rehearse

    screen = console(_WIDTH)
    wide = max(min(screen.width, _WIDEST), _NARROWEST)
    shown = Console(width=wide, record=True, emoji=False, file=screen.file)
    shown.print(f"Rehearsal: {_title(plan)}. Nothing is really sent.", highlight=False)
    # Whoever ends it by SIGTERM wants the temporary folder gone as well as who types Ctrl-C.
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    async with performance(config, plan.scenario) as playing:
        with screen.status("") as status, _stopping(playing):
            await playing.perform(lambda now: status.update(_progress(now)))
        _show(shown, playing, most)
        idle = rules_left(plan, config, playing.gateway.inbox.fired)
        for sentence in (*plan.left_out, *playing.player.troubles, *idle):
            shown.print(sentence, highlight=False)
        fine = _conclude(shown, playing, most)
    if picture:
        shown.save_svg(str(picture), title="callbox rehearse")
        screen.print(f"The picture is {picture}.", highlight=False)
    if playing.stopped:
        return _STOPPED
    return 0 if fine else 1


def _title(plan: "Plan") -> str:
    """Name what is played and, if it has an end, how long that takes."""
    from callbox.rehearsal.story import lasting  # noqa: PLC0415 - see rehearse

    scenario, name = plan.scenario, plan.scenario.name or "a scenario"
    if scenario.lasts is None:
        return name
    takes = lasting(scenario.lasts / (scenario.speed or 1.0))
    return f"{name}, {in_words(scenario.lasts)} in {takes}"


@contextmanager
def _stopping(playing: "Performance") -> "Iterator[None]":
    """Have the first Ctrl-C end what is played, and what there is shown; the second is as usual."""
    loop, names = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)

    def stop() -> None:
        playing.stop()
        for name in names:
            loop.remove_signal_handler(name)

    for name in names:
        loop.add_signal_handler(name, stop)
    try:
        yield
    finally:
        for name in names:
            loop.remove_signal_handler(name)


def _progress(now: "Performance") -> str:
    scenario, elapsed = now.scenario, now.player.elapsed
    end = f" of {in_words(scenario.lasts)}" if scenario.lasts else ""
    states = Counter(line.state or "asked" for line in now.story.sent)
    told = ", ".join(f"{count} {state}" for state, count in states.items())
    return f"{in_words(elapsed)}{end}, {scenario.speed:g} times as fast as life  {told}"


def _show(screen: "Console", playing: "Performance", most: int) -> None:
    lines = playing.story.lines
    screen.print()
    screen.print(_table(lines[:most], prices=screen.width >= _FULL))
    if len(lines) > most:
        screen.print(f"  and {len(lines) - most} more: --most shows them.", style="dim")
    screen.print()
    for row in _picture(playing, screen.width):
        screen.print(row, no_wrap=True)


def _table(lines: "list[Line]", *, prices: bool) -> "Table":
    from rich.table import Table  # noqa: PLC0415 - see rehearse

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


def _plain(text: str, style: str = "") -> "Text":
    """Give a text as it is: brackets in it are no colours."""
    from rich.text import Text  # noqa: PLC0415 - see rehearse

    return Text(text, style)


def _picture(playing: "Performance", width: int) -> "Iterator[Text]":
    from rich.text import Text  # noqa: PLC0415 - see rehearse

    from callbox.rehearsal.picture import (  # noqa: PLC0415 - see rehearse
        MARKS,
        MOST_ROWS,
        TROUBLE,
        fitted,
        legend,
        rows,
        troubles,
    )

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
    if columns < _WIDTH // 2:
        return f"{'0:00:00':{columns - len(end)}}{end}"
    return f"{'0:00:00':{columns // 2}}{middle:{columns - columns // 2 - len(end)}}{end}"


def _conclude(screen: "Console", playing: "Performance", most: int) -> bool:
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


def _remarks(playing: "Performance", result: "Result", most: int) -> "Iterator[str]":
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


def _reasons(sent: "list[Line]") -> "Iterator[str]":
    """Say why things did not arrive, most frequent first."""
    found = Counter(line.why or line.state for line in sent if not (line.arrived or line.open))
    for why, count in found.most_common(_REASONS):
        yield f"  {count} of them: {mask_numbers(why)}"


def _counted(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"
