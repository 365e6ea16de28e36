"""`callbox simulate`: a Twilio look-alike in the foreground."""

import asyncio
import gc
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callbox.cli.browser import show_page
from callbox.cli.summary import show, watch
from callbox.cli.ticker import tell

if TYPE_CHECKING:
    from callbox.simulator import Scenario, Settings, Simulator

_USAGE = 2
_UNHURRIED = 50_000
"""Allocations between garbage collections: what is created here stays, and makes no cycles."""
_FIRST_SCREEN = """\
Open {url} and pick up the phone. Nothing is really sent. Ctrl-C ends it.

It is Twilio for any program, whatever its account and token:
  base URL {url}, number {number}
For Callbox:
  TWILIO_ACCOUNT_SID={account} TWILIO_AUTH_TOKEN=any \\
  CALLBOX_TWILIO__BASE_URL={url} CALLBOX_TWILIO__DEFAULT_FROM_NUMBER={number} callbox run

A text to somebody, a text from somebody, 20 seconds of trouble:
  curl -u {account}:any {url}/2010-04-01/Accounts/{account}/Messages.json \\
    -d To=+12065550100 -d From={number} -d Body=Hello
  curl {url}/_simulator/texts -d '{{"from": "+12065550100", "body": "status?"}}'
  curl -X PUT {url}/_simulator/faults -d '[{{"on": "create", "status": 503, "until": 20}}]'

Webhooks are signed with {token}.
Calls, scenarios, your tests and all else: docs/simulator.md.

What it is asked to send, and webhooks that fail:
"""
_ANY_ACCOUNT = "AC" + "0" * 32
_TOKENS = {True: "--auth-token", False: "the auth token of whoever logged in last"}


def simulate(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8081,
    trial: Annotated[bool, typer.Option("--trial", help="Be a trial account.")] = False,
    verified: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NUMBER",
            help="Be a trial account that reaches this number only. May be repeated.",
        ),
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODE",
            help="A calling code, such as +44: only such numbers are reached. May be repeated.",
        ),
    ] = None,
    no_limits: Annotated[
        bool,
        typer.Option(
            "--no-limits",
            help="Send all at once, and know prices at once; without, as slow as Twilio.",
        ),
    ] = False,
    number: Annotated[
        list[str] | None,
        typer.Option(help="A number of the account; any other sender is refused. May be repeated."),
    ] = None,
    pace: Annotated[float, typer.Option(min=0, help="Seconds between two statuses.")] = 1.0,
    latency: Annotated[float, typer.Option(min=0, help="Seconds to answer.")] = 0.0,
    jitter: Annotated[float, typer.Option(min=0, help="Seconds more, at most.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Repeats the same faults.")] = 0,
    test_credentials: Annotated[
        bool,
        typer.Option(
            "--test-credentials",
            help="Know test credentials alone: magic numbers, and nothing is delivered.",
        ),
    ] = False,
    scenario: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Play what a YAML file says: docs/simulator.md.",
        ),
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=1_000_000,
            help="Seconds of the simulation in one of yours; the scenario's, or 1.",
        ),
    ] = None,
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

    Once it runs it shows how to have somebody text and call; docs/simulator.md has it all.

    Exit code 1 at the end of a scenario: something was doubled, or a text or call of the scenario
    could not be played. What did not arrive is told only: it may be what the scenario wants. 2: the
    scenario or an option cannot be used.
    """
    from callbox.simulator import LIFELIKE, BadOrder  # noqa: PLC0415 - `--help` does without
    from callbox.simulator.limits import NONE, PRICE_AFTER, TWILIOS  # noqa: PLC0415 - the same

    played = _played(scenario, speed)
    numbers = tuple(number) if number else None
    try:
        settings = replace(
            LIFELIKE,
            test_credentials=test_credentials,
            trial=trial or bool(verified),
            verified=verified or None,
            regions=region or None,
            limits=NONE if no_limits else TWILIOS,
            price_after=0.0 if no_limits else PRICE_AFTER,
            numbers=numbers,
            pace=pace,
            latency=latency,
            jitter=jitter,
            seed=seed,
            auth_token=auth_token,
            phones=dict(map(_named, phone or ())),
        )
        settings = played.settled(settings)
        gc.freeze()
        gc.set_threshold(_UNHURRIED)
        fine = asyncio.run(_serve(host, port, played, settings, browse=browse))
    except BadOrder as reason:
        sys.stderr.write(f"{reason}\n")
        raise typer.Exit(_USAGE) from None
    except OSError as error:
        sys.stderr.write(
            f"The simulator cannot listen on {host}:{port} ({error.strerror}): name another "
            "--port, or 0 for a free one.\n"
        )
        raise typer.Exit(_USAGE) from None
    if not fine:
        raise typer.Exit(1)


def _played(file: Path | None, speed: float | None) -> "Scenario":
    """Give the scenario to play; one without anything in it if there is no file."""
    from callbox.simulator import BadOrder, Scenario  # noqa: PLC0415 - see simulate

    try:
        if file is None:
            found = Scenario()
        else:
            from callbox.simulator.scenario.file import load  # noqa: PLC0415 - see simulate

            found = load(file)
    except BadOrder as reason:
        sys.stderr.write(f"{reason}\n")
        raise typer.Exit(_USAGE) from None
    return found if speed is None else replace(found, speed=speed)


def _named(text: str) -> tuple[str, str]:
    """Split `Darla=+12065550100` into number and name."""
    from callbox.simulator.records.address import phone  # noqa: PLC0415 - see simulate

    name, _, number = text.rpartition("=")
    known = phone(number.strip())
    if known is None:
        raise typer.BadParameter(f"{text} is no phone: write it as Darla=+12065550100.")
    return known, name.strip()


async def _serve(
    host: str, port: int, scenario: "Scenario", settings: "Settings", *, browse: bool
) -> bool:
    """Serve until a signal, or the end of the scenario; tell whether all went well."""
    from callbox.simulator import start  # noqa: PLC0415 - see simulate

    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)
    async with await start(host, port, settings=settings) as simulator:
        print(_first_screen(simulator), flush=True)
        if browse:
            show_page(simulator.url)
        watching = asyncio.create_task(tell(simulator))
        playing = asyncio.create_task(_play(simulator, scenario))
        signal_came = asyncio.create_task(stopping.wait())
        await asyncio.wait([signal_came, playing], return_when=asyncio.FIRST_COMPLETED)
        for task in (watching, playing, signal_came):
            if not task.cancel():
                task.result()
        return _conclude(simulator)


async def _play(simulator: "Simulator", scenario: "Scenario") -> None:
    """Play from the first request on, to the end; for ever if there is nothing to play."""
    from callbox.cli.screen import console  # noqa: PLC0415 - see simulate

    if scenario == type(scenario)(speed=scenario.speed):
        await asyncio.Event().wait()
    player = simulator.play(scenario)
    print(f"{scenario.name or 'The scenario'} begins with the first request.", flush=True)
    await simulator.asked.wait()
    player.begin()
    await watch(player, console())


def _conclude(simulator: "Simulator") -> bool:
    from callbox.cli.screen import console  # noqa: PLC0415 - see simulate

    if simulator.player is None:
        return True
    for trouble in simulator.player.troubles:
        print(trouble)
    tally = simulator.tally()
    show(tally, console())
    return not tally.doubled and not simulator.player.troubles


def _first_screen(simulator: "Simulator") -> str:
    settings = simulator.settings
    return _FIRST_SCREEN.format(
        url=simulator.url,
        number=next(iter(settings.own_numbers), "+1..."),
        token=_TOKENS[settings.auth_token is not None],
        account=_ANY_ACCOUNT,
    )
