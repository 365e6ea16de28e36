"""The gateway as a process of its own: `python -m benchmarks.gateway callbox.yaml`."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

from callbox.config import load_config
from callbox.logs import set_up
from callbox.service import Gateway


async def _serve(path: Path) -> None:
    config = load_config(path, os.environ)
    set_up(config.log.level, config.log.format)
    gateway = Gateway(config)
    loop = asyncio.get_running_loop()
    stops: set[asyncio.Task[None]] = set()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: stops.add(asyncio.create_task(gateway.stop())))
    try:
        await gateway.open()
        await gateway.run()
    finally:
        await gateway.close()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(Path(sys.argv[1])))
