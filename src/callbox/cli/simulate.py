"""`callbox simulate`: a Twilio look-alike in the foreground."""

import asyncio
import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from callbox.simulator import Settings, Simulator

_LOOK_SECONDS = 0.2
_USAGE = 2
_FIRST_SCREEN = """\
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

Text the gateway, or call it, once a webhook of {number} leads there:
  curl {url}/_simulator/texts -d '{{"from": "+12065550100", "body": "status?"}}'
  curl {url}/_simulator/calls -d '{{"from": "+12065550100"}}'
"""


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
) -> None:
    """Run a Twilio simulator to try things against.

    Have somebody text the gateway, once the number's webhook leads there:

    curl URL/_simulator/texts -d '{"from": "+12065550100", "body": "status?"}'
    """
    from callbox.simulator import Settings  # noqa: PLC0415 - `--help` does without

    numbers = tuple(number) if number else None
    settings = Settings(
        trial=trial, numbers=numbers, pace=pace, latency=latency, jitter=jitter, seed=seed
    )
    try:
        asyncio.run(_serve(host, port, settings))
    except OSError as error:
        sys.stderr.write(
            f"The simulator cannot listen on {host}:{port} ({error.strerror}): name another "
            "--port, or 0 for a free one.\n"
        )
        raise typer.Exit(_USAGE) from None


async def _serve(host: str, port: int, settings: "Settings") -> None:
    from callbox.simulator import start  # noqa: PLC0415 - see simulate

    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)
    async with await start(host, port, settings=settings) as simulator:
        number = settings.own_numbers[0]
        print(_FIRST_SCREEN.format(url=simulator.url, number=number, zeros="0" * 32), flush=True)
        watching = asyncio.create_task(_watch(simulator))
        await stopping.wait()
        watching.cancel()


async def _watch(simulator: "Simulator") -> None:
    """Print a line for each thing it is asked to send."""
    from callbox.domain.phone import mask  # noqa: PLC0415 - see simulate

    told = 0
    while True:
        for record in simulator.log[told:]:
            kind = "call" if record.sid.startswith("CA") else "text"
            print(f"{kind} to {mask(record.to)}: {record.sid}", flush=True)
        told = len(simulator.log)
        await asyncio.sleep(_LOOK_SECONDS)
