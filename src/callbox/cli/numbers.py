"""`callbox numbers`: the account's numbers, what they can do, and where their webhooks point."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from callbox.cli.configuration import ConfigFile, load

if TYPE_CHECKING:
    from callbox.config import Config
    from callbox.twilio.numbers import Number, Place

HERE = "this gateway"
_FAILED = 1
PARTS = {"texts": "sms_url", "calls": "voice_url"}


def numbers(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """List the account's numbers, and where their texts and calls go.

    Exit code 1 if Twilio does not tell.
    """
    settings = load(config)
    with refusing():
        found, doubts = asyncio.run(look(settings))
    place = place_of(settings)
    if as_json:
        print(json.dumps([_document(each, place) for each in found], indent=2))
    elif found:
        _print_table(found, place)
    else:
        print("The account has no number: buy one at console.twilio.com (Phone Numbers).")
    tell(doubts)


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """Turn what Twilio does not tell or do into a sentence and exit code 1."""
    from callbox.twilio.numbers import NotTold  # noqa: PLC0415 - `--help` does without

    try:
        yield
    except NotTold as refusal:
        tell([str(refusal)])
        raise typer.Exit(_FAILED) from None


def tell(sentences: Iterable[str]) -> None:
    """Say something beside the output."""
    sys.stderr.writelines(f"{sentence.removesuffix('.')}.\n" for sentence in sentences)


async def look(settings: "Config") -> tuple[list["Number"], list[str]]:
    """Ask Twilio for the numbers; what could not be found out about them is in the sentences."""
    from dataclasses import replace  # noqa: PLC0415 - see refusing

    from callbox.service import inquiry  # noqa: PLC0415 - see refusing
    from callbox.twilio.numbers import NotTold, Numbers  # noqa: PLC0415 - see refusing

    sid = settings.twilio.messaging_service_sid
    async with inquiry(settings) as asking:
        asked = Numbers(asking.client, settings.twilio.base_url)
        found = await asked.every()
        if sid is None:
            return found, []
        try:
            service = await asked.service(sid)
        except NotTold as refusal:
            return found, [f"Which numbers messaging service {sid} has is not known. {refusal}"]
    return [
        replace(each, service=service) if each.phone_number in service.members else each
        for each in found
    ], []


def place_of(settings: "Config") -> "Place | None":
    """Give where Twilio calls this gateway; None if it cannot."""
    from callbox.twilio.numbers import Place  # noqa: PLC0415 - see refusing

    http = settings.http
    if http.public_url is None:
        return None
    user, password = http.webhook_username, http.webhook_password
    login = (user, password.get_secret_value()) if user and password else None
    return Place(http.public_url, login)


def goes_to(number: "Number", part: str, place: "Place | None") -> tuple[str, str]:
    """Tell who has its texts or calls: this gateway, elsewhere, nowhere or an owner; and where."""
    from callbox.twilio.numbers import masked  # noqa: PLC0415 - see refusing

    url = number.url(part)
    here = place is not None and place.is_at(url, PARTS[part])
    if here:
        return HERE, masked(url)
    return number.owner(part) or ("elsewhere" if url else "nowhere"), masked(url)


def _document(number: "Number", place: "Place | None") -> dict[str, Any]:
    ways = {}
    for part in PARTS:
        whose, url = goes_to(number, part, place)
        ways[part] = {"go_to": whose, "url": url or None}
    return {
        "phone_number": number.phone_number,
        "sid": number.sid,
        "capabilities": list(number.abilities),
        **ways,
    }


def _print_table(found: list["Number"], place: "Place | None") -> None:
    from rich.table import Table  # noqa: PLC0415 - see refusing

    from callbox.cli.screen import console  # noqa: PLC0415 - see refusing

    table = Table(box=None, pad_edge=False)
    table.add_column("Number", no_wrap=True)
    for title in ("Can", "Texts go to", "Calls go to"):
        table.add_column(title, overflow="fold")
    for each in found:
        ways = (way(*goes_to(each, part, place)) for part in PARTS)
        table.add_row(each.phone_number, ", ".join(each.abilities) or "-", *ways)
    console().print(table, markup=False, highlight=False)


def way(whose: str, url: str) -> str:
    """Write where something goes; where this gateway is needs no telling."""
    return f"{whose}: {url}" if url and whose != HERE else whose
