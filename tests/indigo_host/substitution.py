"""%%v:ID%% and %%d:ID:state%% in texts."""

import re
from collections.abc import Callable

_VARIABLE = re.compile(r"%%v:([^%]*?)%%")
_STATE = re.compile(r"%%d:([^%:]*?):([^%]*?)%%")

Lookup = Callable[..., str]
"""Gives the text for the parts of a mark-up; KeyError with a sentence for what is missing."""


def _replace(pattern: re.Pattern[str], text: str, lookup: Lookup) -> tuple[str, list[str]]:
    faults: list[str] = []

    def one(match: re.Match[str]) -> str:
        try:
            return lookup(*match.groups())
        except KeyError as fault:
            faults.append(str(fault.args[0]))
            return match[0]

    return pattern.sub(one, text), faults


def variables(text: str, lookup: Lookup) -> tuple[str, list[str]]:
    """Replace variables; give the text and what was wrong."""
    return _replace(_VARIABLE, text, lookup)


def states(text: str, lookup: Lookup) -> tuple[str, list[str]]:
    """Replace device states; give the text and what was wrong."""
    return _replace(_STATE, text, lookup)
