"""Logging: one line an event, for people or as JSON, every phone number in it masked."""

import json
import logging
import sys
import time

from callbox.domain.phone import mask_numbers

# Libraries that log what they are asked to do, numbers and all.
_QUIET = ("twilio", "aiohttp", "asyncio")
_SILENT = ("amqtt", "awsiot", "transitions")  # they log stack traces of what they raise as well

# Control characters, as a person may see them: what devices wrote can hold any.
CONTROLS = {code: repr(chr(code))[1:-1] for code in (*range(32), 127)}


class HumanFormatter(logging.Formatter):
    """`2026-01-31 08:00:00 WARNING The broker …`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """Write the line."""
        return mask_numbers(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Write the line without its stack trace; nothing in it can begin another line."""
        return super().formatMessage(record).translate(CONTROLS)


class JsonFormatter(logging.Formatter):
    """One object a line: `at`, `level`, `logger`, `message`."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the line."""
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + self.formatException(record.exc_info)
        line = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname,
            "logger": record.name,
            "message": mask_numbers(message),
        }
        return json.dumps(line, ensure_ascii=False)


_FORMATTERS = {"human": HumanFormatter, "json": JsonFormatter}


def set_up(level: str, form: str) -> None:
    """Log to standard error; what libraries say only from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_FORMATTERS[form]())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL)
