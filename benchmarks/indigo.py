"""The Indigo plugin: from its start to being ready, once anew and once with a store.

The Indigo server is the tests' own, in this process; the plugin is the bundle as it is shipped, in
a process of its own, as at Indigo.
"""

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.report import Report

_ROOT = Path(__file__).resolve().parents[1]
_READY = 2.0  # seconds


def run() -> Report:
    """Measure."""
    sys.path += [str(_ROOT / "tests"), str(_ROOT / "scripts")]
    with TemporaryDirectory() as folder:
        first, later = asyncio.run(_starts(Path(folder)))
    report = Report("indigo")
    report.add("start to ready, newly installed", first, "s", most=_READY)
    report.add("start to ready, later", later, "s", most=_READY)
    return report


async def _starts(folder: Path) -> tuple[float, float]:
    from harness.letterbox import Letterbox  # noqa: PLC0415 - on the path by now

    async with Letterbox(folder) as box:
        indigo = box.home.indigo
        first = indigo.started_in
        await indigo.restart_plugin()
        return first, indigo.started_in
