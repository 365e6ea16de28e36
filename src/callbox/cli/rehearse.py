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

if TYPE_CHECKING:
    from callbox.config import Config
    from callbox.rehearsal.performance import Performance
    from callbox.rehearsal.plan import Plan

_WIDTH = 110  # where there is no terminal
_NARROWEST, _WIDEST = 40, 160
_STOPPED = 130
_FASTEST = 1_000_000
_SENDER, _ANY_NUMBER = "CALLBOX_TWILIO__DEFAULT_FROM_NUMBER", "+15005550006"


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
    from callbox.rehearsal.setting import NOBODY  # noqa: PLC0415 - see rehearse

    file = file_of(named)
    if file is None and _SENDER not in os.environ:
        print("There is no configuration, so it is Callbox as shipped that is rehearsed.")
        return load_config(None, {**NOBODY, **os.environ, _SENDER: _ANY_NUMBER})
    return load_config(file, {**NOBODY, **os.environ})


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

    from callbox.cli.playbill import conclude, show  # noqa: PLC0415 - see rehearse
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
        show(shown, playing, most)
        idle = rules_left(plan, config, playing.gateway.inbox.fired)
        for sentence in (*plan.left_out, *playing.player.troubles, *idle):
            shown.print(sentence, highlight=False)
        fine = conclude(shown, playing, most)
    if picture:
        shown.save_svg(str(picture), title="callbox rehearse")
        screen.print(f"The picture is {picture}.", highlight=False)
    if playing.stopped:
        return _STOPPED
    return 0 if fine else 1


def _title(plan: "Plan") -> str:
    """Name what is played and, if it has an end, how long that takes."""
    from callbox.rehearsal.line import lasting  # noqa: PLC0415 - see rehearse

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
