"""One line an event, and no phone number in it."""

import json
import logging
import sys
from collections.abc import Iterator

import pytest

from callbox.logs import set_up

NUMBER = "+12345000123"
FORMS = ["human", "json"]
NUMBERS = [
    "+12345000123",
    "whatsapp:+12345000123",
    "To=%2B12345000123&Body=x",
    "+1 (234) 500-0123",
    "(234) 500-0123",
    "12345000123",
]


@pytest.fixture(autouse=True)
def _untouched() -> Iterator[None]:
    """Put the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    names = ("twilio", "aiohttp", "asyncio", "amqtt", "transitions")
    levels = {name: logging.getLogger(name).level for name in names}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    shown = capsys.readouterr()
    assert shown.out == ""
    return shown.err.splitlines()


def messages(form: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Give what the lines say, without time and level."""
    if form == "json":
        return [json.loads(line)["message"] for line in lines(capsys)]
    return [line.split(" ", 2)[2].split(maxsplit=1)[1] for line in lines(capsys)]


def test_a_line_for_people_has_time_level_and_message(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("INFO", "human")
    logging.getLogger("callbox.outbox").warning("The %s is gone", "broker")
    (line,) = lines(capsys)
    date, time, level, message = line.split(maxsplit=3)
    assert (len(date), len(time), level) == (10, 8, "WARNING")
    assert message == "The broker is gone"


def test_a_line_as_json_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("INFO", "json")
    logging.getLogger("callbox.outbox").info("Grüße aus %s", "Köln\nam Rhein")
    (line,) = lines(capsys)
    document = json.loads(line)
    assert list(document) == ["at", "level", "logger", "message"]
    assert document["at"].endswith("Z")
    assert (document["level"], document["logger"]) == ("INFO", "callbox.outbox")
    assert document["message"] == "Grüße aus Köln\nam Rhein"


@pytest.mark.parametrize("form", FORMS)
def test_what_a_device_wrote_cannot_begin_a_line_of_its_own(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up("INFO", form)
    forged = "r1\n2026-01-31 08:00:00 ERROR   All is lost\r\nx"
    logging.getLogger("callbox").info("Text is accepted (request %s)", forged)
    assert len(lines(capsys)) == 1


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_no_line_of_any_level_has_a_whole_number(
    form: str, number: str, level: str, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up("DEBUG", form)
    getattr(logging.getLogger("callbox"), level)("Text to %s is sent", number)
    (line,) = lines(capsys)
    assert "0123" in line
    digits = "".join(filter(str.isdigit, messages_of(form, line)))
    assert "2345000123" not in digits


def messages_of(form: str, line: str) -> str:
    return str(json.loads(line)["message"]) if form == "json" else line[20:]


@pytest.mark.parametrize("form", FORMS)
def test_a_stack_trace_has_no_whole_number_either(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up("INFO", form)
    try:
        raise ValueError(f"a fault of {NUMBER}")
    except ValueError:
        logging.getLogger("callbox").exception("An internal error")
    shown = "\n".join(lines(capsys))
    assert "Traceback (most recent call last)" in shown
    assert NUMBER not in shown
    assert "+1…0123" in shown


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["twilio.async_http_client", "aiohttp.access", "amqtt.broker"])
def test_libraries_that_log_what_they_are_asked_to_do_are_quiet(
    form: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up("DEBUG", form)
    logging.getLogger(name).info("POST To=%s", NUMBER)
    assert lines(capsys) == []


@pytest.mark.parametrize(
    ("level", "shown"), [("DEBUG", 4), ("INFO", 3), ("WARNING", 2), ("ERROR", 1)]
)
def test_the_level_decides_what_is_shown(
    level: str, shown: int, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up(level, "human")
    for number in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logging.getLogger("callbox").log(number, "a line")
    assert len(lines(capsys)) == shown


def test_setting_up_twice_does_not_log_twice(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("INFO", "human")
    set_up("INFO", "json")
    logging.getLogger("callbox").info("once")
    assert messages("json", capsys) == ["once"]
    assert sys.stderr is not None


def test_times_dates_and_counts_are_not_taken_for_numbers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up("INFO", "human")
    sentence = "9000 texts since 2026-01-31 08:00:00, 42 of 131072 bytes, port 18831, error 21211"
    logging.getLogger("callbox").info(sentence)
    assert messages("human", capsys) == [sentence]
