"""`callbox check`: every mistake in the configuration at once, or what it comes to."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from callbox.cli.configuration import ConfigFile, file_of, load

if TYPE_CHECKING:
    from callbox.config import Config
    from callbox.twilio.account import Finding

_NOT_SET = "-"


def check(
    config: ConfigFile = None,
    online: Annotated[
        bool, typer.Option("--online", help="Ask Twilio and the broker, too.")
    ] = False,
) -> None:
    """Tell every mistake in the configuration, or what it says.

    Exit code 2 if it cannot be used, 1 if something is wrong --online.
    """
    settings = load(config)
    _show(settings)
    print(f"\nThe configuration ({file_of(config) or 'environment only'}) can be used.")
    for warning in settings.warnings():
        print(f"Warning: {warning}")
    if not settings.twilio.really_twilio:
        print(f"Rehearsal: {settings.twilio.base_url} is not Twilio: nothing is really sent.")
    if online and not _ask(settings):
        raise typer.Exit(1)


def _show(settings: "Config") -> None:
    """Show every key; secrets and phone numbers are masked, shipped values are dim."""
    from rich.table import Table  # noqa: PLC0415 - `--help` does without

    from callbox.cli.screen import console  # noqa: PLC0415 - `--help` does without
    from callbox.config import Config  # noqa: PLC0415 - `--help` does without

    shipped = dict(_rows(Config().public()))
    table = Table("Key", "Value", box=None, pad_edge=False)
    for key, value in _rows(settings.public()):
        table.add_row(key, value, style="dim" if shipped[key] == value else "")
    console().print(table)


def _rows(public: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, section in public.items():
        if isinstance(section, dict):
            yield from ((f"{name}.{key}", _text(value)) for key, value in section.items())
        else:
            yield name, _text(section)


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or _NOT_SET
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return _NOT_SET if value is None else str(value)


def _ask(settings: "Config") -> bool:
    """Ask broker and Twilio, tell what they say; whether all is well."""
    findings = [_broker(settings), *asyncio.run(_twilio(settings))]
    for finding in findings:
        print(f"{'WRONG' if finding.wrong else 'ok':6}{finding.sentence}")
    return not any(finding.wrong for finding in findings)


def _broker(settings: "Config") -> "Finding":
    from callbox.device import Device  # noqa: PLC0415 - see _show
    from callbox.errors import HostError  # noqa: PLC0415 - see _show
    from callbox.twilio.account import Finding  # noqa: PLC0415 - see _show

    mqtt = settings.mqtt
    try:
        with Device(mqtt) as device:
            gateway = "a gateway" if device.sees_gateway() else "no gateway"
    except HostError as fault:
        if mqtt.embedded:
            return Finding(f"Broker: {mqtt.url} will be started by `callbox run`")
        return Finding(str(fault), wrong=True)
    return Finding(f"Broker: {mqtt.url} answers; {gateway} is online on {mqtt.base_topic}/#")


async def _twilio(settings: "Config") -> "list[Finding]":
    from callbox.service import inquiry  # noqa: PLC0415 - see _show

    async with inquiry(settings) as asking:
        return await asking.findings()
