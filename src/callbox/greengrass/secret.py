"""The auth token as AWS Secrets Manager hands it over: alone, as V1 wanted it, or nearly so."""

import json
import re

from callbox.errors import ConfigError

_TOKEN = re.compile(r"[\x21-\x7e]{1,200}")
_STRUCTURE = frozenset("{}[]\"'")
_PLAINTEXT = (
    "the Twilio auth token alone: in the Secrets Manager console, enter it on the Plaintext tab, "
    "without quotation marks or anything else"
)


def read_token(name: str, value: str | bytes) -> tuple[str, str | None]:
    """Give the token in a secret's value, and a warning where it is not there alone.

    Quoted, in JSON with one string value, or with white space around, it is read all the same.
    Raises ConfigError with what was expected; never repeats the value.
    """
    try:
        text = value.decode("utf-8-sig") if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        raise _unreadable(name) from None
    bare = text.strip()
    token = _unwrapped(bare)
    if not _TOKEN.fullmatch(token) or _STRUCTURE & set(token):
        raise _unreadable(name)
    if token == text:
        return token, None
    how = "with white space around" if token == bare else "in quotation marks or JSON"
    warning = f"The secret {name} has the token {how}; it is read all the same, but should be "
    return token, warning + _PLAINTEXT


def _unwrapped(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].strip()
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(found, dict) and len(found) == 1:
        (found,) = found.values()
    return found.strip() if isinstance(found, str) else text


def _unreadable(name: str) -> ConfigError:
    return ConfigError([f"The secret {name} cannot be used as it is; expected {_PLAINTEXT}."])
