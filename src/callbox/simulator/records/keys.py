"""What is pressed on a phone, and what is said into it."""

import re

from callbox.simulator.order import BadOrder

KEYS = re.compile(r"[\d#*]{1,100}")
LONGEST_SPEECH = 1600
"""Characters."""


def check_keys(digits: str | tuple[str, ...]) -> None:
    """Check what somebody is to press; BadOrder says what it must be."""
    for keys in (digits,) if isinstance(digits, str) else digits:
        if keys != "" and not KEYS.fullmatch(str(keys)):
            raise BadOrder(f'"digits" must be up to 100 digits, * and #, not {str(keys)[:40]!r}.')
