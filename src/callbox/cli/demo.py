"""`callbox demo`: the whole way of a text and a call, without an account or a broker."""

import asyncio
import json
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from callbox.demo import Document, Stage

_TITLES = {"txt": "A text", "call": "A call"}
_WIDTH = 82
_LINES = {
    "message/status": "{id}, {response[status]}",
    "message/delivery": "{id}, {state}",
    "message/received": "{messageFrom} texts {messageText!r}",
}


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End after the round trip; exit code 0 if it succeeded.")
    ] = False,
    browse: Annotated[
        bool, typer.Option("--open", help="Open the page with Darla's phone in the browser.")
    ] = False,
) -> None:
    """See a text and a call go all the way, without an account."""
    from callbox.stage import quieten  # noqa: PLC0415 - `--help` does without

    quieten()
    raise typer.Exit(asyncio.run(_perform(once=once, browse=browse)))


async def _perform(*, once: bool, browse: bool) -> int:
    from callbox.cli.browser import show_page  # noqa: PLC0415 - see demo
    from callbox.cli.screen import console  # noqa: PLC0415 - see demo
    from callbox.demo import SAMPLES, stage  # noqa: PLC0415 - see demo

    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    screen = console(_WIDTH)
    screen.print("Everything runs in this process, on free ports; no account is needed.\n")
    async with stage(lambda line: screen.print(f"  {line}", highlight=False)) as running:
        if browse:
            show_page(running.simulator.url)
        fine = True
        for kind in SAMPLES:
            fine &= await _round_trip(screen, running, kind)
        await _way_back(screen, running)
        _conclude(screen, running)
        if not once:
            await _stay(screen, running, stopping)
    return 0 if fine else 1


async def _round_trip(screen: "Console", running: "Stage", kind: str) -> bool:
    from callbox.demo import SAMPLES  # noqa: PLC0415 - see demo

    began = time.perf_counter()
    status = await running.round_trip(kind)
    took = (time.perf_counter() - began) * 1000
    base = running.config.mqtt.base_topic
    screen.print()
    _side_by_side(
        screen,
        (f"{_TITLES[kind]} on {base}/{kind}", SAMPLES[kind]),
        (f"{base}/message/status after {took:.0f} ms", status),
    )
    return bool(status["response"]["status"] == "success")


async def _way_back(screen: "Console", running: "Stage") -> None:
    """Text from the simulated phone and show what devices and the phone get."""
    from callbox.demo import QUESTION  # noqa: PLC0415 - see demo

    began = time.perf_counter()
    document, reply = await running.way_back()
    took = (time.perf_counter() - began) * 1000
    screen.print()
    _side_by_side(
        screen,
        ("Darla's phone", {"Darla texts": QUESTION, "Darla gets": reply}),
        (f"{running.config.mqtt.base_topic}/message/received, {took:.0f} ms for both", document),
    )


def _side_by_side(screen: "Console", *columns: tuple[str, "Document"]) -> None:
    from rich.highlighter import JSONHighlighter  # noqa: PLC0415 - see demo
    from rich.table import Table  # noqa: PLC0415 - see demo

    colour = JSONHighlighter()
    table = Table(*(title for title, _ in columns), expand=True, padding=0)
    table.add_row(*(colour(json.dumps(document, indent=2)) for _, document in columns))
    screen.print(table)


def _conclude(screen: "Console", running: "Stage") -> None:
    screen.print(
        f"\nThe simulator was asked for {running.created()} things, as Twilio would have been. "
        "Nothing was really sent.",
        highlight=False,
    )


async def _stay(screen: "Console", running: "Stage", stopping: asyncio.Event) -> None:
    """Show what others publish and text until Ctrl-C."""
    page = f"Open {running.simulator.url} and pick up the phone"
    screen.print(f"{page}: it stays up until Ctrl-C.", highlight=False)
    screen.print("Or try this in another terminal:\n", highlight=False)
    send = f'{_ourselves()} send --broker {running.broker} +12345000000 "Hello again"'
    asked = json.dumps({"from": "+12345000000", "body": "What about the tank?"})
    texts = f"curl -d '{asked}' {running.simulator.url}/_simulator/texts"
    for command in (send, texts):
        screen.print(f"  {command}\n", highlight=False, soft_wrap=True)
    showing = asyncio.create_task(asyncio.to_thread(_show, screen, running))
    await stopping.wait()
    await asyncio.to_thread(running.device.close)
    await showing


def _show(screen: "Console", running: "Stage") -> None:
    for topic, document in running.device.everything(_LINES):
        line = _LINES[topic].format(**document)
        screen.print(f"  {topic}: {line}", highlight=False, soft_wrap=True)


def _ourselves() -> str:
    """Give the command that runs this program from here."""
    program = Path(sys.argv[0])
    if program.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m callbox"
    here = Path.cwd()
    return shlex.quote(str(program.relative_to(here) if program.is_relative_to(here) else program))
