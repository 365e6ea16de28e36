"""Kills a gateway thousands of times; ends with exit code 1 at the first text lost or doubled.

    .venv/bin/python scripts/torture.py --kills 5000 --seed 7

Campaigns of some 200 kills, every other one with a Twilio that has faults of all kinds. A failing
campaign is repeated with `--seed SEED --kills 200 --campaign 200`; its folder is kept.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from callbox.simulator import Settings
from harness import Nursery, Site
from harness.kills import TROUBLE, Killing, Phase

console = Console()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=2000, help="in all (%(default)s)")
    parser.add_argument(
        "--campaign", type=int, default=200, help="kills on one store (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=None, help="of the first campaign (drawn)")
    return parser.parse_args()


async def _survives(killing: Killing) -> bool:
    """Run one campaign; False if a text was lost or doubled, or has two statuses or none."""
    async with killing.site as site:
        await site.broker.start()
        try:
            await killing.run()
        except AssertionError as error:
            console.print(f"[red]{error}[/red]")
            return False
        return killing.verdict.clean and not killing.ambiguous


def _advance(bar: Progress, task: TaskID, _done: int) -> None:
    bar.advance(task)


def _fail(killing: Killing, folder: Path) -> int:
    console.print(killing.report())
    console.print(f"[red]Broken[/red]: {killing.verdict}; two statuses: {killing.ambiguous}")
    console.print(f"Kept: {folder}; again: make torture ARGS='--seed {killing.seed} "
                  f"--kills {killing.kills} --campaign {killing.kills}'")  # fmt: skip
    return 1


def main() -> int:
    """Torture, and say what the kills have cut through."""
    asked = _arguments()
    seed = random.randrange(10**6) if asked.seed is None else asked.seed
    phases: Counter[Phase] = Counter()
    nursery = Nursery()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console.print(f"{asked.kills} kills, first seed {seed}")
    try:
        with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
            task = bar.add_task("kills", total=asked.kills)
            advance = partial(_advance, bar, task)
            for place in range(0, asked.kills, asked.campaign):
                kills = min(asked.campaign, asked.kills - place)
                folder = Path(tempfile.mkdtemp(prefix="callbox-torture-"))
                site = Site(nursery, folder, Settings(seed=seed, latency=0.004, jitter=0.01))
                killing = Killing(site, seed, kills, TROUBLE if seed % 2 else [], advance)
                if not asyncio.run(_survives(killing)):
                    return _fail(killing, folder)
                phases += killing.phases
                seed += 1
    finally:
        nursery.close()
    for phase in Phase:
        console.print(f"{phases[phase]:8} {phase}")
    console.print("0 lost, 0 doubled")
    return 0


if __name__ == "__main__":
    sys.exit(main())
