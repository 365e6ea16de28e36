"""`python -m callbox.simulator`: the simulator as a process of its own."""

import argparse
import asyncio
import gc
import signal
import sys

from callbox.simulator.limits import NONE, PRICE_AFTER, TWILIOS
from callbox.simulator.order import BadOrder
from callbox.simulator.settings import Settings
from callbox.simulator.simulator import start

UNHURRIED = 50_000
"""Allocations between garbage collections: what is created here stays, and makes no cycles."""


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    usual = Settings()
    parser = argparse.ArgumentParser(
        prog="python -m callbox.simulator",
        description="A Twilio look-alike server: nothing is really sent.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one (%(default)s)")
    parser.add_argument("--pace", type=float, default=usual.pace, help="seconds between statuses")
    parser.add_argument("--latency", type=float, default=usual.latency, help="seconds to answer")
    parser.add_argument("--jitter", type=float, default=usual.jitter, help="seconds more, at most")
    parser.add_argument("--seed", type=int, default=usual.seed, help="repeats the same faults")
    parser.add_argument("--trial", action="store_true", help="a trial account")
    parser.add_argument(
        "--test-credentials", action="store_true", help="magic numbers alone, nothing is delivered"
    )
    parser.add_argument(
        "--verified", action="append", help="whom a trial account may reach; may be repeated"
    )
    parser.add_argument("--limits", action="store_true", help="Twilio's rates and queues")
    parser.add_argument(
        "--region", action="append", help="a calling code that may be reached; may be repeated"
    )
    parser.add_argument("--number", action="append", help="a number of its own; may be repeated")
    parser.add_argument("--account-sid", help="whose account it is; default: who logged in last")
    parser.add_argument("--auth-token", help="signs webhooks; default: whose log-in was last")
    parser.add_argument(
        "--list-lag", type=float, default=0.0, help="seconds until a text is listed"
    )
    parser.add_argument("--scripts", action="store_true", help="live calls through")
    parser.add_argument("--word", type=float, default=usual.word, help="seconds a spoken word")
    return parser.parse_args(arguments)


def _settings(arguments: argparse.Namespace) -> Settings:
    usual = Settings()
    return Settings(
        pace=arguments.pace,
        latency=arguments.latency,
        jitter=arguments.jitter,
        seed=arguments.seed,
        test_credentials=arguments.test_credentials,
        trial=arguments.trial or arguments.verified is not None,
        verified=arguments.verified,
        limits=TWILIOS if arguments.limits else NONE,
        regions=arguments.region,
        price_after=PRICE_AFTER if arguments.limits else usual.price_after,
        account_sid=arguments.account_sid,
        auth_token=arguments.auth_token,
        list_lag=arguments.list_lag,
        scripts=arguments.scripts,
        word=arguments.word,
        numbers=tuple(arguments.number) if arguments.number else None,
    )


async def run(host: str, port: int, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with await start(host, port, settings=settings) as simulator:
        sys.stdout.write(f"listening on {simulator.url}\n")
        sys.stdout.flush()
        await stop.wait()


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    asked = _arguments(arguments)
    try:
        settings = _settings(asked)
    except BadOrder as reason:
        sys.stderr.write(f"{reason}\n")
        return 2
    gc.freeze()
    gc.set_threshold(UNHURRIED)
    try:
        asyncio.run(run(asked.host, asked.port, settings))
    except OSError as reason:
        sys.stderr.write(f"Cannot listen on {asked.host}:{asked.port}: {reason.strerror}.\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
