"""Where the gateway keeps its state by default."""

import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

_FILE = "callbox.sqlite3"


def default_store(environ: Mapping[str, str], platform: str = sys.platform) -> str:
    """Give the URL of the store in the user's state folder.

    macOS: ~/Library/Application Support/Callbox. Elsewhere: $XDG_STATE_HOME/callbox, where a
    relative or missing one means ~/.local/state (XDG Base Directory Specification).
    """
    home = Path(environ.get("HOME") or Path.home())
    state = Path(environ.get("XDG_STATE_HOME", ""))
    if platform == "darwin":
        folder = home / "Library" / "Application Support" / "Callbox"
    elif state.is_absolute():
        folder = state / "callbox"
    else:
        folder = home / ".local" / "state" / "callbox"
    return f"sqlite://{quote(str(folder / _FILE))}"
