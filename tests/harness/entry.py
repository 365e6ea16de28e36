"""Stands in for `callbox run --config FILE [--takeover]` while the command line is being written."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from callbox.config import load_config
from callbox.errors import CallboxError
from callbox.logs import set_up
from callbox.service import Gateway


async def _run(path: Path, *, takeover: bool) -> None:
    config = load_config(path, os.environ)
    set_up(config.log.level, config.log.format)
    gateway = Gateway(config, takeover=takeover)
    try:
        await gateway.open()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, lambda: asyncio.ensure_future(gateway.stop()))
        await gateway.run()
    finally:
        await gateway.close()


def main() -> None:
    """Run the gateway; exit code 2 with a sentence if it cannot be."""
    try:
        asyncio.run(_run(Path(sys.argv[3]), takeover="--takeover" in sys.argv))
    except CallboxError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
