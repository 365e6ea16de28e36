"""How a scenario on the simulator went, and what came of it, on the terminal."""

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from callbox.simulator.scenario.player import Player
    from callbox.simulator.scenario.tally import Tally

LOOK_SECONDS = 0.1


def in_words(seconds: float) -> str:
    """Give a time as a clock shows it: 0:00:05, 2 days 1:30:00."""
    whole = int(seconds)
    days, rest = divmod(whole, 86_400)
    clock = f"{rest // 3600}:{rest % 3600 // 60:02d}:{rest % 60:02d}"
    return f"{days} day{'s' * (days > 1)} {clock}" if days else clock


async def watch(player: "Player", screen: "Console") -> None:
    """Show how far a scenario is, on a terminal with a bar, until it is over."""
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415 - see simulate

    lasts = player.scenario.lasts
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[time]}"))
    over = asyncio.create_task(player.over())
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task(player.scenario.name or "Scenario", total=lasts, time="")
        while not over.done():
            end = f" of {in_words(lasts)}" if lasts else ""
            bar.update(task, completed=player.elapsed, time=in_words(player.elapsed) + end)
            await asyncio.wait([over], timeout=LOOK_SECONDS)


def show(tally: "Tally", screen: "Console") -> None:
    """Show what came of everything as a table."""
    from rich.table import Table  # noqa: PLC0415 - see simulate

    table = Table(title="What Twilio would say", box=None, title_justify="left", show_header=False)
    for name, value in _rows(tally):
        table.add_row(name, value)
    screen.print()
    screen.print(table, highlight=False)


def _rows(tally: "Tally") -> list[tuple[str, str]]:
    return [
        ("accepted", str(tally.accepted)),
        ("delivered, or answered", str(tally.delivered)),
        ("not delivered", str(tally.failed)),
        ("under way", str(tally.under_way)),
        ("doubled", str(tally.doubled)),
        ("came in", str(tally.received)),
        ("webhooks, and of these failed", f"{tally.webhooks}, {tally.webhooks_failed}"),
        ("cost, at the simulator's own prices", f"${tally.cost:.4f}"),
    ]
