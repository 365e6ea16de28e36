"""`callbox simulate`: a Twilio look-alike in the foreground."""

import asyncio
import signal
import sys
import threading
import webbrowser
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from callbox.simulator import Settings, Simulator
    from callbox.simulator.telephony.exchange import Exchange

_LOOK_SECONDS = 0.2
_USAGE = 2
_FIRST_SCREEN = """\
Open {url} and pick up the phone.

Twilio simulator on {url}. Nothing is really sent. Ctrl-C ends it.

Point a gateway at it:
  TWILIO_ACCOUNT_SID=AC{zeros} TWILIO_AUTH_TOKEN=any \\
  CALLBOX_TWILIO__BASE_URL={url} CALLBOX_TWILIO__DEFAULT_FROM_NUMBER={number} callbox run

Have things go wrong (create, list, fetch, any; status, html, drop, late, stall, lag):
  curl -X PUT {url}/_simulator/faults -d '[{{"on": "create", "status": 503, "until": 20}}]'
  curl -X DELETE {url}/_simulator/faults

See everything it was asked to send, and every webhook it called:
  curl {url}/_simulator/log
  curl {url}/_simulator/webhooks

Text the gateway. It asks for texts regularly, so this reaches it by itself; with webhooks at once:
  curl {url}/_simulator/texts -d '{{"from": "+12065550100", "body": "status?"}}'

Call it, the second time to leave a voicemail (calls.answer: voicemail). Calls need webhooks: set
http.public_url of the gateway, then run `callbox webhooks set`:
  curl {url}/_simulator/calls -d '{{"from": "+12065550100"}}'
  curl {url}/_simulator/calls -d '{{"from": "+12065550100", "recording": {{"duration": 5}}}}'

Webhooks are signed with {token}.

What it is asked to send, and webhooks that fail:
"""
_TOKENS = {True: "--auth-token", False: "the auth token of whoever logged in last"}
_KINDS = {"CA": "call", "FN": "flow"}  # by the beginning of a SID
_SAME = "I-Twilio-Idempotency-Token"  # the same for a webhook's repetitions
_UNAUTHORIZED = 401
_MOST_SAID = 80


def simulate(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8081,
    trial: Annotated[bool, typer.Option("--trial", help="Be a trial account.")] = False,
    number: Annotated[
        list[str] | None,
        typer.Option(help="A number of the account; any other sender is refused. May be repeated."),
    ] = None,
    pace: Annotated[float, typer.Option(min=0, help="Seconds between two statuses.")] = 1.0,
    latency: Annotated[float, typer.Option(min=0, help="Seconds to answer.")] = 0.0,
    jitter: Annotated[float, typer.Option(min=0, help="Seconds more, at most.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Repeats the same faults.")] = 0,
    auth_token: Annotated[
        str | None,
        typer.Option(
            "--auth-token",
            metavar="TOKEN",
            help="Signs webhooks. Without: that of whoever logged in last.",
        ),
    ] = None,
    phone: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]NUMBER", help="Somebody's phone on the page. May be repeated."
        ),
    ] = None,
    browse: Annotated[
        bool, typer.Option("--open", help="Open the page with the phones in the browser.")
    ] = False,
) -> None:
    """Run a Twilio simulator to try things against.

    Its address, opened in a browser, shows people's phones: what is texted to them arrives there,
    they reply, they ring and are answered. Beside them: every request, and dials for faults.

    Have somebody text the gateway. It asks for texts regularly, so they reach it by themselves;
    once the number's webhook leads there, they do at once:

    \b
    curl URL/_simulator/texts -d '{"from": "+12065550100", "body": "status?"}'

    Have somebody call, the second time to leave a voicemail (calls.answer: voicemail). This needs
    http.public_url, and then `callbox webhooks set`:

    \b
    curl URL/_simulator/calls -d '{"from": "+12065550100"}'
    curl URL/_simulator/calls -d '{"from": "+12065550100", "recording": {}}'
    """  # noqa: D301 - a paragraph that begins with \b keeps its lines
    from callbox.simulator import Settings  # noqa: PLC0415 - `--help` does without

    numbers = tuple(number) if number else None
    settings = Settings(
        trial=trial,
        numbers=numbers,
        pace=pace,
        latency=latency,
        jitter=jitter,
        seed=seed,
        auth_token=auth_token,
        phones=dict(map(_named, phone or ())),
    )
    try:
        asyncio.run(_serve(host, port, settings, browse=browse))
    except OSError as error:
        sys.stderr.write(
            f"The simulator cannot listen on {host}:{port} ({error.strerror}): name another "
            "--port, or 0 for a free one.\n"
        )
        raise typer.Exit(_USAGE) from None


def _named(text: str) -> tuple[str, str]:
    """Split `Darla=+12065550100` into number and name."""
    from callbox.simulator.records.address import phone  # noqa: PLC0415 - see simulate

    name, _, number = text.rpartition("=")
    known = phone(number.strip())
    if known is None:
        raise typer.BadParameter(f"{text} is no phone: write it as Darla=+12065550100.")
    return known, name.strip()


async def _serve(host: str, port: int, settings: "Settings", *, browse: bool) -> None:
    from callbox.simulator import start  # noqa: PLC0415 - see simulate

    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)
    async with await start(host, port, settings=settings) as simulator:
        print(_first_screen(simulator), flush=True)
        if browse:
            show(simulator.url)
        watching = asyncio.create_task(_watch(simulator))
        await stopping.wait()
        watching.cancel()


def show(url: str) -> None:
    """Open a page in the user's browser, if there is one; a slow one holds nothing up."""
    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


def _first_screen(simulator: "Simulator") -> str:
    settings = simulator.settings
    return _FIRST_SCREEN.format(
        url=simulator.url,
        number=settings.own_numbers[0],
        token=_TOKENS[settings.auth_token is not None],
        zeros="0" * 32,
    )


async def _watch(simulator: "Simulator") -> None:
    """Print a line for each thing it is asked to send, and for each webhook that failed."""
    from callbox.domain.phone import mask  # noqa: PLC0415 - see simulate

    sent = called = 0
    waiting: list[Exchange] = []
    while True:
        for record in simulator.log[sent:]:
            kind = _KINDS.get(record.sid[:2], "text")
            print(f"{kind} to {mask(record.to)}: {record.sid}", flush=True)
        sent = len(simulator.log)
        waiting += simulator.webhooks[called:]
        called = len(simulator.webhooks)
        for failure in _failures(waiting):
            print(failure, flush=True)
        waiting = [exchange for exchange in waiting if not exchange.over]
        await asyncio.sleep(_LOOK_SECONDS)


def _failures(exchanges: "Sequence[Exchange]") -> "Iterator[str]":
    """Say which webhooks failed; one that was asked for a password and then gave it did not."""
    from callbox.domain.phone import mask_numbers  # noqa: PLC0415 - see simulate

    for place, exchange in enumerate(exchanges):
        asked = exchange.status == _UNAUTHORIZED and exchange.challenge
        again = (each.headers.get(_SAME) for each in exchanges[place + 1 :])
        if not exchange.over or not exchange.trouble:
            continue
        if asked and exchange.headers.get(_SAME) in again:
            continue
        url = exchange.url.partition("?")[0]
        said = " ".join(exchange.body.split())[:_MOST_SAID]
        what = ": ".join(filter(None, (exchange.trouble, mask_numbers(said))))
        yield f"webhook {exchange.method} {url} failed: {what}"
