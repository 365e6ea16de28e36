"""`callbox run`: the gateway in the foreground, until a signal."""

import asyncio
import logging
import os
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callbox import __version__
from callbox.cli.configuration import ConfigFile, file_of, load

if TYPE_CHECKING:
    from callbox.config import Config
    from callbox.service import Gateway

log = logging.getLogger("callbox")

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_FORCED = 130


def run(
    config: ConfigFile = None,
    takeover: Annotated[
        bool, typer.Option("--takeover", help="Serve even if another gateway is online there.")
    ] = False,
) -> None:
    """Run the gateway until Ctrl-C or SIGTERM; a second one ends it at once.

    \b
    callbox run --config callbox.yaml
    TWILIO_ACCOUNT_SID=AC... TWILIO_AUTH_TOKEN=... callbox run
    """
    settings = load(config)
    from callbox.logs import set_up  # noqa: PLC0415 - see load
    from callbox.service import Gateway  # noqa: PLC0415 - half a second, 50 MB

    set_up(settings.log.level, settings.log.format)
    log.info("Callbox %s, configured by %s", __version__, _source(file_of(config)))
    _forgive(asyncio.run, _serve(Gateway(settings, takeover=takeover)))


def _source(file: Path | None) -> str:
    return f"{file} and the environment" if file else "the environment"


def _forgive(start: object, serving: Coroutine[None, None, None]) -> None:
    raise NotImplementedError


async def _serve(gateway: "Gateway") -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, _stop, gateway, stopping)
    try:
        await gateway.open()
        announce(gateway)
        await gateway.run()
    finally:
        await gateway.close()
