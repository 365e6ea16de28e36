"""The screen shows text as it is, also where it looks like a picture."""

import subprocess
import sys

import pytest

from callbox.cli.screen import console
from callbox.cli.summary import in_words


def test_an_arn_of_a_secret_stays_one(capsys: pytest.CaptureFixture[str]) -> None:
    console().print("arn:aws:secretsmanager:us-west-2:1:secret:x", highlight=False)
    assert capsys.readouterr().out == "arn:aws:secretsmanager:us-west-2:1:secret:x\n"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(5.9, "0:00:05"), (3_661, "1:01:01"), (86_400, "1 day 0:00:00"), (180_000, "2 days 2:00:00")],
)
def test_a_time_is_told_as_a_clock_shows_it_with_its_days(seconds: float, said: str) -> None:
    assert in_words(seconds) == said


def test_a_browser_that_does_not_come_back_keeps_no_command_from_ending() -> None:
    script = (
        "import time, webbrowser; webbrowser.open = lambda url: time.sleep(60)\n"
        "from callbox.cli.browser import show_page; show_page('http://127.0.0.1:9')"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
