"""What is pressed on a phone, and what is said into it."""

import re

from callbox.simulator.order import BadOrder

KEYS = re.compile(r"[0-9#*]{1,100}")
LONGEST_SPEECH = 1600
"""Characters."""


def check_keys(digits: str | tuple[str, ...]) -> None:
    """Check what somebody is to press; BadOrder says what it must be."""
    for keys in (digits,) if isinstance(digits, str) else digits:
        if keys != "":
            check_press(str(keys))


def check_press(keys: str) -> None:
    """Check what somebody presses at once; BadOrder says what it must be."""
    if not KEYS.fullmatch(keys):
        raise BadOrder(f'"digits" must be 1 to 100 digits, * and #, not {keys[:40]!r}.')
