"""The terminal: coloured where there is one, wide enough and plain where there is none."""

from rich.console import Console

_PLAIN_WIDTH = 160


def console(plain_width: int = _PLAIN_WIDTH) -> Console:
    """Give standard output; in a file or pipe it has no colours and is `plain_width` wide."""
    screen = Console(soft_wrap=False, emoji=False)
    return screen if screen.is_terminal else Console(width=plain_width, emoji=False)
