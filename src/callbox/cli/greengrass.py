"""`callbox greengrass`: the gateway as a component of AWS IoT Greengrass V2."""

import asyncio
import logging
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from callbox import __version__
from callbox.cli.run import announce, announce_account

if TYPE_CHECKING:
    from collections.abc import Mapping

    from callbox.service import Gateway

log = logging.getLogger("callbox")


def greengrass() -> None:
    """Run as a Greengrass component, until SIGTERM.

    The nucleus starts it, and gives it its configuration: docs/greengrass.md. Exit code 1 if the
    connection to the nucleus is lost, 2 if the configuration or accessControl cannot be used.
    """
    from callbox.logs import set_up  # noqa: PLC0415 - `--help` does without

    set_up("INFO", "human")
    log.info("Callbox %s, configured by the Greengrass nucleus", __version__)
    raise typer.Exit(asyncio.run(_serve()))


async def _serve() -> int:
    from callbox.greengrass.component import Component  # noqa: PLC0415 - half a second, 50 MB
    from callbox.hosts.ipc import Nucleus  # noqa: PLC0415 - see above

    nucleus = Nucleus()
    component = Component(nucleus, os.environ, Path.cwd(), _attend)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, component.stop)
    try:
        await nucleus.open()
        return await component.run()
    finally:
        await nucleus.close()
        log.info("Stopped")


async def _attend(gateway: "Gateway") -> None:
    """Tell how it was set up, and what Twilio says of it."""
    from callbox.logs import set_up  # noqa: PLC0415 - see above

    set_up(gateway.config.log.level, gateway.config.log.format)
    announce(gateway)
    await gateway.online.wait()
    log.info("Greengrass: %s", _ways(gateway.config.greengrass.ways))
    await announce_account(gateway)


def _ways(chosen: "Mapping[str, str]") -> str:
    """Tell by which way each topic travels, `txt, call by pubsub; status by iotcore`."""
    by_way: dict[str, list[str]] = {}
    for topic, way in chosen.items():
        by_way.setdefault(way, []).append(topic)
    return "; ".join(f"{', '.join(topics)} by {way}" for way, topics in by_way.items())
