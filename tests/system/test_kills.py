"""`kill -9` is an ordinary shutdown: nothing lost, nothing doubled, whenever it comes.

KILL_SEED draws other moments, KILLS sets how many; `make torture` does it for hours.
"""

import os
from pathlib import Path

import pytest

from callbox.simulator import Settings
from harness import Nursery, Site
from harness.kills import TROUBLE, Killing, Phase

SEED = int(os.environ.get("KILL_SEED", "1"))
KILLS = int(os.environ.get("KILLS", "52"))


# What is created late and listed late is still there before the last look-up, at 0.8 s.
@pytest.mark.parametrize("faults", [[], TROUBLE], ids=["Twilio is well", "Twilio has faults"])
async def test_a_gateway_killed_anywhere_loses_nothing_and_doubles_nothing(
    nursery: Nursery, tmp_path: Path, faults: list[dict[str, object]]
) -> None:
    settings = Settings(seed=SEED, latency=0.004, jitter=0.01)
    async with Site(nursery, tmp_path, settings) as site:
        await site.broker.start()
        killing = Killing(site, SEED + bool(faults), KILLS, faults)
        await killing.run()
        print(killing.report())  # noqa: T201 - what -s or a failure shows
        assert killing.verdict.clean, killing.report()
        assert not killing.ambiguous
        if KILLS >= 50:
            assert set(killing.phases) == set(Phase), killing.report()
