"""Where a command finds its configuration."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from callbox.config import Config

PLACES = (Path("callbox.yaml"), Path("/etc/callbox/callbox.yaml"))

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        show_default=False,
        help="The configuration file. Without: $CALLBOX_CONFIG, ./callbox.yaml, "
        "/etc/callbox/callbox.yaml, else environment variables alone.",
    ),
]


def file_of(named: Path | None) -> Path | None:
    """Give the file that counts; None where there is none."""
    variable = os.environ.get("CALLBOX_CONFIG")
    if named or variable:
        return named or Path(str(variable))
    return next((place for place in PLACES if place.is_file()), None)


def load(named: Path | None) -> "Config":
    """Read the configuration. Raises ConfigError with every fault in it."""
    from callbox.config import load_config  # noqa: PLC0415 - pydantic: `--help` does without

    return load_config(file_of(named), os.environ)
