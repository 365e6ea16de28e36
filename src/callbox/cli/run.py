"""`callbox run`: the gateway in the foreground, until a signal."""

import asyncio
import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callbox import __version__
from callbox.cli.configuration import ConfigFile, file_of, load
from callbox.domain.phone import mask
from callbox.stopping import unless

if TYPE_CHECKING:
    from callbox.config import Config
    from callbox.service import Gateway

log = logging.getLogger("callbox")

_REHEARSAL = "Rehearsal: twilio.base_url is %s, not Twilio: nothing is really sent"
_FORCED = 130


def run(
    config: ConfigFile = None,
    takeover: Annotated[
        bool, typer.Option("--takeover", help="Serve even if another gateway is online there.")
    ] = False,
) -> None:
    """Run the gateway until Ctrl-C or SIGTERM.

    A second signal ends it at once.
    """
    settings = load(config)
    from callbox.logs import set_up  # noqa: PLC0415 - `--help` does without
    from callbox.service import Gateway  # noqa: PLC0415 - half a second, 50 MB

    set_up(settings.log.level, settings.log.format)
    log.info("Callbox %s, configured by %s", __version__, _source(file_of(config)))
    asyncio.run(_serve(Gateway(settings, takeover=takeover)))


def _source(file: Path | None) -> str:
    return f"{file} and the environment" if file else "the environment"


async def _serve(gateway: "Gateway") -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, stopping)
    try:
        await unless(stopping, gateway.open())  # a full disk may take for ever
        if not stopping.is_set():
            await _run(gateway, stopping)
    finally:
        await gateway.close()
    log.info("Stopped")


async def _run(gateway: "Gateway", stopping: asyncio.Event) -> None:
    announce(gateway)
    beside = (_announce_broker(gateway), announce_account(gateway), _end(gateway, stopping))
    tasks = [asyncio.create_task(work) for work in beside]
    await gateway.run()
    for task in tasks:
        task.cancel()


def _stop(stopping: asyncio.Event) -> None:
    """End in order at the first signal, at once at the second."""
    if stopping.is_set():
        os._exit(_FORCED)
    stopping.set()


async def _end(gateway: "Gateway", stopping: asyncio.Event) -> None:
    await stopping.wait()
    log.info("Stopping: requests under way get a few seconds; a second signal ends them")
    await gateway.stop()


def announce(gateway: "Gateway") -> None:
    """Tell what is known without asking anybody."""
    config = gateway.config
    log.info("Store: %s", config.store.path)
    if gateway.mqtt:
        session = gateway.mqtt.settings.client_id
        log.info("Broker: connecting to %s, session %s", config.mqtt.url, session)
    if config.http.port:
        taken = "Twilio's webhooks" if config.http.public_url else "no webhooks"
        api = "requests" if config.http.token else "no requests, as no http.token is set"
        where = f"http://{config.http.host}:{config.http.port}"
        log.info("HTTP: %s takes %s and %s", where, taken, api)
    for way in _ways_in(config):
        log.info("Texts: %s", way)
    if not config.twilio.really_twilio:
        log.warning(_REHEARSAL, config.twilio.base_url)
    for warning in config.warnings():
        log.warning("Configuration: %s", warning)


def _ways_in(config: "Config") -> Iterator[str]:
    """Tell how texts come in."""
    if config.http.public_url:
        yield f"Twilio brings them to {config.http.public_url}/twilio/sms"
    if config.polls_every is not None:
        numbers = ", ".join(map(mask, config.numbers))
        yield f"Twilio is asked for those to {numbers} every {config.polls_every:g} s at rest"
    elif not config.http.public_url:
        yield "none come in: inbound.polling is off, or there is no number to ask for"


async def _announce_broker(gateway: "Gateway") -> None:
    await gateway.online.wait()
    topic = gateway.config.mqtt.base_topic
    log.info("Broker: connected; requests are taken on %s/txt and %s/call", topic, topic)


async def announce_account(gateway: "Gateway") -> None:
    """Tell what Twilio says of the account and its sender."""
    for finding in await gateway.inquire():
        log.log(logging.WARNING if finding.wrong else logging.INFO, "%s", finding.sentence)
