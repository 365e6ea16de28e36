"""`callbox rehearse`: who would have received what, when, at what cost; nothing is really sent."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
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
    from callbox.rehearsal.performance import Performance
    from callbox.rehearsal.plan import Plan
    from callbox.rehearsal.story import Line

_WIDTH = 110  # where there is no terminal
_NARROWEST, _WIDEST = 80, 160
_NAMES = 22
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
    account is needed. Exit code 1 if something did not arrive, was lost or was sent twice.
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

    screen = console(_WIDTH)
    wide = max(min(screen.width, _WIDEST), _NARROWEST)
    shown = Console(width=wide, record=True, emoji=False, file=screen.file)
    shown.print(f"Rehearsal: {plan.scenario.name or 'a scenario'}. Nothing is really sent.")
    # Whoever ends it by SIGTERM wants the temporary folder gone as well as who types Ctrl-C.
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    async with performance(config, plan.scenario) as playing:
        with screen.status("") as status:
            await playing.perform(lambda now: status.update(_progress(now)))
        _show(shown, playing, most)
        for sentence in (*plan.left_out, *playing.player.troubles):
            shown.print(sentence, highlight=False)
        fine = _conclude(shown, playing)
    if picture:
        shown.save_svg(str(picture), title="callbox rehearse")
        screen.print(f"The picture is {picture}.", highlight=False)
    return 0 if fine else 1


def _progress(now: "Performance") -> str:
    scenario, elapsed = now.scenario, now.player.elapsed
    end = f" of {in_words(scenario.lasts)}" if scenario.lasts else ""
    states = Counter(line.state or "asked" for line in now.story.sent)
    told = ", ".join(f"{count} {state}" for state, count in states.items())
    return f"{in_words(elapsed)}{end}, {scenario.speed:g} times as fast as life  {told}"


def _show(screen: "Console", playing: "Performance", most: int) -> None:
    lines = playing.story.lines
    screen.print()
    screen.print(_table(lines[:most]))
    if len(lines) > most:
        screen.print(f"  and {len(lines) - most} more: --most shows them.", style="dim")
    screen.print()
    for row in _picture(playing, screen.width):
        screen.print(row, no_wrap=True)


def _table(lines: "list[Line]") -> "Table":
    from rich.table import Table  # noqa: PLC0415 - see rehearse

    table = Table("at", "", "who", "what", "how it went", box=None, pad_edge=False)
    table.add_column("parts", justify="right")
    table.add_column("price", justify="right")
    for line in lines:
        colour = "green" if line.arrived else "red" if line.way == "out" else "cyan"
        table.add_row(
            in_words(line.at),
            _ARROWS[line.way],
            _plain(line.who),
            _plain(mask_numbers(line.what if line.kind == "text" else f"call: {line.what}")),
            _plain(mask_numbers(line.how), colour),
            str(line.parts or ""),
            f"${line.price:.4f}" if line.price else "",
        )
    return table


def _plain(text: str, style: str = "") -> "Text":
    """Give a text as it is: brackets in it are no colours."""
    from rich.text import Text  # noqa: PLC0415 - see rehearse

    return Text(text, style)


def _picture(playing: "Performance", width: int) -> "Iterator[Text]":
    from rich.text import Text  # noqa: PLC0415 - see rehearse

    from callbox.rehearsal.picture import LEGEND, MARKS, MOST_ROWS, TROUBLE, rows, troubles  # noqa: PLC0415 - see rehearse

    lasts, columns = playing.player.elapsed, width - _NAMES - 2
    yield Text(" " * (_NAMES + 2) + _axis(lasts, columns), "dim")
    people = rows(playing.story.lines, lasts, columns)
    for row in (*troubles(playing.scenario, lasts, columns), *people[:MOST_ROWS]):
        line = Text(f"{row.name[:_NAMES]:{_NAMES}}  ")
        for cell in row.cells:
            mark, colour = MARKS.get(cell, (TROUBLE, "red")) if cell else (" ", "")
            line.append(mark, colour)
        yield line
    if len(people) > MOST_ROWS:
        yield Text(f"and {len(people) - MOST_ROWS} more people", "dim")
    yield Text(f"\n{LEGEND}", "dim")


def _axis(lasts: float, columns: int) -> str:
    middle, end = in_words(lasts / 2), in_words(lasts)
    return f"{'0:00:00':{columns // 2}}{middle:{columns - columns // 2 - len(end)}}{end}"


def _conclude(screen: "Console", playing: "Performance") -> bool:
    """Say what came of it all; tell whether everything arrived, once."""
    result = playing.result()
    screen.print(
        f"\n{result.asked} to be sent: {result.arrived} arrived, {result.failed} did not, "
        f"{result.waiting} wait. {result.lost} lost, {result.doubled} sent twice.\n"
        f"${result.cost:.4f}, at the simulator's own prices.",
        highlight=False,
    )
    if wrong := playing.gateway.inbox.counters.wrong_pins:
        screen.print(f"{wrong} wrong PINs were given.", highlight=False)
    if result.unnoticed:
        screen.print(
            f"{result.unnoticed} texts of people were not noticed: see inbound.polling and "
            "http.public_url.",
            highlight=False,
        )
    return result.fine
