"""`callbox check`: every mistake in the configuration at once, or what it comes to."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from callbox.cli.configuration import ConfigFile, file_of, load
from callbox.cli.finding import line
from callbox.errors import ConfigError

if TYPE_CHECKING:
    from callbox.config import Config
    from callbox.twilio.account import Finding

_NOT_SET = "-"


def check(
    config: ConfigFile = None,
    online: Annotated[
        bool, typer.Option("--online", help="Ask Twilio and the broker, too.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Show also what is as shipped.")
    ] = False,
) -> None:
    """Tell every mistake in the configuration, or what differs from the shipped one.

    Exit code 2 if it cannot be used, 1 if something is wrong --online.
    """
    name = f"The configuration ({file_of(config) or 'environment only'})"
    try:
        settings = load(config)
    except ConfigError as error:
        raise ConfigError([*error.faults, f"\n{name} cannot be used."]) from None
    _show(settings, everything=everything)
    for note in _notes(settings):
        print(f"\n{note}")
    if online:
        print()
    fine = not online or _ask(settings)
    print(f"\n{name} can be used{'' if fine else ', once what is WRONG above is mended'}.")
    if not fine:
        raise typer.Exit(1)


def _notes(settings: "Config") -> Iterator[str]:
    yield from (f"Warning: {warning}" for warning in settings.warnings())
    if not settings.twilio.really_twilio:
        yield f"Rehearsal: {settings.twilio.base_url} is not Twilio: nothing is really sent."


def _show(settings: "Config", *, everything: bool) -> None:
    """Show keys; secrets and phone numbers are masked, shipped values are dim."""
    from rich.table import Table  # noqa: PLC0415 - `--help` does without

    from callbox.cli.screen import console  # noqa: PLC0415 - `--help` does without
    from callbox.config import Config  # noqa: PLC0415 - `--help` does without

    shipped = dict(_rows(Config().public()))
    rows = dict(_rows(settings.public()))
    chosen = {key: value for key, value in rows.items() if everything or shipped[key] != value}
    table = Table("Key", "Value", box=None, pad_edge=False)
    for key, value in chosen.items():
        table.add_row(key, value, style="dim" if shipped[key] == value else "")
    console().print(table, markup=False)
    if not everything:
        print(f"The other {len(rows) - len(chosen)} are as shipped; --all shows them.")


def _rows(public: dict[str, Any]) -> Iterator[tuple[str, str]]:
    from callbox.config import TIMES  # noqa: PLC0415 - see _show

    for name, section in public.items():
        if isinstance(section, dict):
            keys = ((f"{name}.{key}", value) for key, value in section.items())
            yield from ((key, _text(value, in_seconds=key in TIMES)) for key, value in keys)
        else:
            yield name, _text(section)


def _text(value: object, *, in_seconds: bool = False) -> str:
    from callbox.config import time_in_words  # noqa: PLC0415 - see _show

    if isinstance(value, list):
        return ", ".join(_text(each, in_seconds=in_seconds) for each in value) or _NOT_SET
    if in_seconds and isinstance(value, int | float):
        return time_in_words(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return _NOT_SET if value is None else str(value)


def _ask(settings: "Config") -> bool:
    """Ask broker and Twilio, tell what they say; whether all is well."""
    findings = [_broker(settings), *asyncio.run(_twilio(settings)), *_webhooks(settings)]
    for finding in findings:
        print(line(finding))
    return not any(finding.wrong for finding in findings)


def _broker(settings: "Config") -> "Finding":
    from callbox.device import Device  # noqa: PLC0415 - see _show
    from callbox.errors import HostError  # noqa: PLC0415 - see _show
    from callbox.twilio.account import Finding  # noqa: PLC0415 - see _show

    mqtt = settings.mqtt
    try:
        with Device(mqtt) as device:
            there = device.sees_gateway()
    except HostError as fault:
        if mqtt.embedded:
            return Finding(f"Broker: {mqtt.url} will be started by `callbox run`")
        what = str(fault).removeprefix("The broker at ").removeprefix("The broker ")
        return Finding(f"Broker: {what}", wrong=True)
    gateway = "a gateway is online" if there else "`callbox run` is not online yet"
    return Finding(f"Broker: {mqtt.url} answers; {gateway} on {mqtt.base_topic}/#")


async def _twilio(settings: "Config") -> "list[Finding]":
    from callbox.service import inquiry  # noqa: PLC0415 - see _show

    async with inquiry(settings) as asking:
        return await replace(asking, shown=str).findings()


def _webhooks(settings: "Config") -> "Iterator[Finding]":
    from callbox.twilio.account import Finding  # noqa: PLC0415 - see _show

    if settings.http.public_url:
        yield Finding("Webhooks: not looked at here; `callbox webhooks test` does", unsure=True)
