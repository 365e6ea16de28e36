"""`callbox queue`: what waits and what became of it, in the running gateway or without one."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from callbox.cli.configuration import ConfigFile, load
from callbox.cli.examples import example

if TYPE_CHECKING:
    from callbox.cli.control import Control

T = TypeVar("T")

app = typer.Typer(
    name="queue",
    help="See, cancel and retry requests.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_COLUMNS = {
    "delivery_id": "Id",
    "created_at": "Arrived",
    "state": "State",
    "kind": "Kind",
    "to_number": "To",
    "attempt": "Tries",
    "id": "Request",
    "error_message": "Why",
}
_WAITING = frozenset({"queued", "sending"})  # in these states a request can still expire
_DOUBTED = "unknown"
_MASKED = "Phone numbers are masked: --numbers shows them whole"
_NUMBERS = frozenset({"name", "to_number", "from_number"})
_TEXTS = frozenset({"error_message"})

AnyId = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="Of a delivery, as `callbox queue list` shows it, or of a request."
    ),
]
DeliveryId = Annotated[str, typer.Argument(metavar="ID", help="As `callbox queue list` shows it.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Numbers = Annotated[bool, typer.Option("--numbers", help="Show phone numbers whole.")]


@app.command("list", epilog=example("queue list"))
def listing(
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help="queued, accepted, failed, unknown, ...")
    ] = None,
    most: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 50,
    as_json: Json = False,
    numbers: Numbers = False,
    config: ConfigFile = None,
) -> None:
    """List deliveries, the newest first."""
    found = _ask(config, lambda control: control.listing(state, most))
    shown = [_shown(each, numbers=numbers) for each in found]
    if as_json:
        print(json.dumps(shown, indent=2, ensure_ascii=False))
    elif shown:
        _print_table(shown)
    else:
        print("There is nothing" + (f" in the state {state}." if state else "."))


@app.command(epilog=example("queue show"))
def show(
    wanted: AnyId,
    as_json: Json = False,
    numbers: Numbers = False,
    config: ConfigFile = None,
) -> None:
    """Show everything about one delivery, or about each of a request.

    As JSON, a delivery is an object, and those of a request are a list.
    """
    found = _ask(config, lambda control: control.show_all(wanted))
    shown = [_shown(each, numbers=numbers) for each in found]
    if as_json:
        one = len(shown) == 1 and shown[0]["delivery_id"] == wanted
        print(json.dumps(shown[0] if one else shown, indent=2, ensure_ascii=False))
        return
    print("\n\n".join(map(_page, shown)))
    if shown != found:
        print(f"\n{_MASKED}.")


@app.command(epilog=example("queue cancel"))
def cancel(delivery: DeliveryId, config: ConfigFile = None) -> None:
    """Withdraw a delivery that is still queued."""
    _ask(config, lambda control: control.cancel(delivery))
    print(f"Cancelled: {delivery}")


@app.command(epilog=example("queue retry"))
def retry(delivery: DeliveryId, config: ConfigFile = None) -> None:
    """Send one again that ended without success, as a new delivery."""
    again = _ask(config, lambda control: control.retry(delivery))
    print(f"Queued again as {again}")


def _ask(config: Path | None, question: Callable[["Control"], Awaitable[T]]) -> T:
    """Put a question to the gateway; what it refuses is a sentence and exit code 1."""
    from callbox.cli.control import NotPossible, control  # noqa: PLC0415 - `--help` does without

    settings = load(config)

    async def ask() -> T:
        async with control(settings) as desk:
            return await question(desk)

    try:
        return asyncio.run(ask())
    except NotPossible as refusal:
        sys.stderr.write(f"{refusal}.\n")
        raise typer.Exit(1) from None


def _shown(value: Any, *, numbers: bool, key: str = "") -> Any:  # noqa: ANN401 - any JSON value
    """Give a document as it may be shown: phone numbers masked, unless they are asked for."""
    from callbox.domain.phone import mask, mask_numbers  # noqa: PLC0415 - see _ask

    if numbers:
        return value
    if isinstance(value, dict):
        return {name: _shown(each, numbers=False, key=name) for name, each in value.items()}
    if isinstance(value, str) and key in _NUMBERS:
        return mask(value)
    return mask_numbers(value) if isinstance(value, str) and key in _TEXTS else value


def _page(found: dict[str, Any]) -> str:
    """Write a delivery, a line for each thing known of it."""
    from callbox.domain.notification import PRIORITY  # noqa: PLC0415 - see _ask

    shown = dict(found)
    price, unit = shown["price"], shown.pop("price_unit")
    if price is not None:
        shown["price"] = f"{_charged(price)} {unit or ''}".rstrip()
    shown["priority"] = {number: word for word, number in PRIORITY.items()}[shown["priority"]]
    doubted = shown["state"] == _DOUBTED and shown["next_at"]
    if shown["state"] not in _WAITING and not doubted:
        del shown["expires_at"]
    return "\n".join(f"{key:14}{_cell(key, value) or '-'}" for key, value in shown.items())


def _charged(price: str) -> str:
    """Write a price as people do; Twilio's is negative for what is charged, with zeros behind."""
    amount = price.removeprefix("-")
    return amount.rstrip("0").rstrip(".") if "." in amount else amount


def _print_table(found: list[dict[str, Any]]) -> None:
    from rich.table import Table  # noqa: PLC0415 - see _ask

    from callbox.cli.screen import console  # noqa: PLC0415 - see _ask

    table = Table(box=None, pad_edge=False)
    for title in _COLUMNS.values():
        table.add_column(title, no_wrap=title == "Id", overflow="fold")
    for each in found:
        table.add_row(*(_cell(key, each[key]) for key in _COLUMNS))
    console().print(table, markup=False, highlight=False)


def _cell(key: str, value: object) -> str:
    """Write a value; a time by this machine's clock and zone."""
    if value is None:
        return ""
    if key.endswith("_at"):
        return datetime.fromisoformat(str(value)).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
