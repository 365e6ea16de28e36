"""The command line: one file per noun, each importing what it needs when it runs.

Exit codes: 0 success, 1 it was tried and failed, 2 it cannot be tried as asked or configured.
"""

import sys
from typing import Annotated

import typer

from callbox import __version__
from callbox.cli import (
    check,
    demo,
    greengrass,
    migrate,
    numbers,
    queue,
    rehearse,
    run,
    send,
    simulate,
    webhooks,
)
from callbox.cli.examples import example
from callbox.errors import CallboxError

_USAGE = 2
_INTERRUPTED = 130
_FIRST_SCREEN = """Texts and phone calls for things: a durable MQTT to Twilio gateway.

\b
See it work, without an account or a broker:
    callbox demo
\b
For real, with a broker on this machine and the account from console.twilio.com:
    export TWILIO_ACCOUNT_SID=AC... TWILIO_AUTH_TOKEN=...
    export CALLBOX_TWILIO__DEFAULT_FROM_NUMBER=+1...  # one of its numbers
    callbox check --online
    callbox run
    callbox send +12345000000 "Hello from the edge"   # in another terminal
\b
No broker? Before `callbox run`:
    export CALLBOX_MQTT__URL=embedded://127.0.0.1:1883
\b
Every setting, for a file or the environment, is in callbox.example.yaml.
"""

app = typer.Typer(
    name="callbox",
    help=_FIRST_SCREEN,
    epilog="Every command explains itself with --help.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help reads well everywhere, and does without rich
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        print(f"callbox {__version__}")
        raise typer.Exit


@app.callback()
def callbox(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Say which.")
    ] = False,
) -> None:
    """Pass texts and phone calls from MQTT to Twilio, durably."""


_COMMANDS = {
    "demo": demo.demo,
    "check": check.check,
    "run": run.run,
    "send": send.send,
    "call": send.call,
    "rehearse": rehearse.rehearse,
    "numbers": numbers.numbers,
    "simulate": simulate.simulate,
    "greengrass": greengrass.greengrass,
    "migrate": migrate.migrate,
}
for _name, _command in _COMMANDS.items():
    app.command(_name, epilog=example(_name))(_command)  # type: ignore[type-var]
app.add_typer(queue.app)
app.add_typer(webhooks.app)


def main() -> None:
    """Run the command line; what the user can mend is a sentence, never a stack trace."""
    try:
        app()
    except CallboxError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(_USAGE)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
