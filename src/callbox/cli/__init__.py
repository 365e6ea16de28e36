"""The command line: one file per noun, each importing what it needs when it runs.

Exit codes: 0 success, 1 it was tried and failed, 2 it cannot be tried as asked or configured.
"""

import sys
from typing import Annotated

import typer

from callbox import __version__
from callbox.cli import check, demo, queue, run, send, simulate
from callbox.errors import CallboxError

USAGE = 2

app = typer.Typer(
    name="callbox",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help reads well everywhere, and does without rich
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Every command explains itself with --help.",
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
    """Texts and phone calls for things: a durable MQTT to Twilio gateway.

    \b
    See it work, without an account or a broker:
        callbox demo
    For real: get callbox.example.yaml, save it as callbox.yaml, fill in the Twilio account, then
        callbox check
        callbox run
        callbox send +12345000000 "Hello from the edge"
    """


app.command()(demo.demo)
app.command()(check.check)
app.command()(run.run)
app.command()(send.send)
app.command()(send.call)
app.add_typer(queue.app)
app.command()(simulate.simulate)


def main() -> None:
    """Run the command line; what the user can mend is a sentence, never a stack trace."""
    try:
        app()
    except CallboxError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(USAGE)
    except KeyboardInterrupt:
        sys.exit(130)
