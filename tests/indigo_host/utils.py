"""indigo.utils, as far as plugins here use it."""
# ruff: noqa: ANN401 - what crosses to a plugin has any type

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

from indigo_host.values import Dict, List, plain


class JSONDateEncoder(json.JSONEncoder):
    """Writes dates as ISO texts."""

    def default(self, o: Any) -> Any:
        """Give what JSON can hold."""
        if isinstance(o, (Dict, List)):
            return plain(o)
        return o.isoformat() if isinstance(o, date) else super().default(o)


class ValidationError(Exception):
    """Collects a dialog's errors by field."""

    def __init__(self) -> None:
        super().__init__()
        self.error_dict = Dict()

    def add_error(self, field: str, message: str) -> None:
        """Note an error."""
        self.error_dict[field] = message

    def raise_if_errors(self) -> None:
        """Raise itself if there are any."""
        if self.error_dict:
            raise self


def is_int(value: object) -> bool:
    """Tell whether a value reads as an integer."""
    return re.fullmatch(r"\s*[+-]?\d+\s*", str(value)) is not None


def str_to_bool(value: object) -> bool:
    """Read a yes or no."""
    return str(value).strip().lower() in {"true", "t", "yes", "y", "on", "1"}


def validate_email_address(address: str) -> bool:
    """Tell whether a text looks like an e-mail address."""
    return re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", address) is not None


def return_static_file(
    path: str,
    status: int = 200,
    path_is_relative: bool = True,
    content_type: str = "text/plain",
) -> Dict:
    """Give a reply with a file's text."""
    file = Path("..") / path if path_is_relative else Path(path)
    headers, reply = Dict(), Dict()
    headers["Content-Type"] = content_type
    reply["status"], reply["headers"], reply["content"] = status, headers, file.read_text()
    return reply
