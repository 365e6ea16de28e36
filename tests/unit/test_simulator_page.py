"""What the page says twice, in JavaScript, is what the simulator says in Python."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest

from callbox.simulator.faults.journal import KEPT
from callbox.simulator.page.tail import OVER
from callbox.simulator.page.watcher import EACH
from callbox.simulator.records.heard import Heard
from callbox.simulator.records.message import BLAME, LONGEST_BODY
from callbox.simulator.records.outcome import CALL_ENDS, ENDS, USUAL

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "src" / "callbox" / "simulator" / "page" / "static"
SCRIPTS = {path.name: path.read_text() for path in STATIC.glob("*.js")}


def value(script: str, name: str) -> str:
    """Give what a constant at the top of a script is, as it is written."""
    pattern = re.compile(rf"^(?:export )?const {name} = (.*?);", re.MULTILINE | re.DOTALL)
    (found,) = pattern.findall(SCRIPTS[script])
    return str(found)


def keys(script: str, name: str) -> set[str]:
    return set(re.findall(r"^  \"?([\w-]+)\"?:", value(script, name), re.MULTILINE))


def words(script: str, name: str) -> set[str]:
    return set(re.findall(r'"([\w-]+)"', value(script, name)))


@pytest.mark.parametrize(
    ("script", "name", "figure"),
    [
        ("reply.js", "LONGEST", LONGEST_BODY),
        ("world.js", "MOST_ENTRIES", EACH),
        ("log.js", "MOST", KEPT),
    ],
)
def test_a_figure_of_the_page_is_the_simulators(script: str, name: str, figure: int) -> None:
    assert int(value(script, name)) == figure


def test_every_status_of_a_call_has_words_and_its_ends_are_known() -> None:
    assert keys("words.js", "CALLS") == {"queued", "ringing", "in-progress", *CALL_ENDS}
    assert words("words.js", "ENDED") == set(CALL_ENDS)


def test_what_never_arrived_is_over() -> None:
    assert words("words.js", "NEVER_ARRIVED") < OVER


def test_every_outcome_of_the_page_is_one_of_the_simulator() -> None:
    written = value("outcome.js", "OUTCOMES")
    assert set(re.findall(r'status: "([\w-]+)"', written)) <= ENDS
    assert {int(code) for code in re.findall(r"error_code: (\d+)", written)} <= BLAME.keys()
    usual = json.loads(re.sub(r"(\w+):", r'"\1":', value("outcome.js", "USUAL")))
    assert usual.items() <= asdict(USUAL).items()


def test_every_kind_of_what_is_heard_is_told_in_words_of_its_own() -> None:
    (kinds,) = re.findall(r"`kind` is what it was: ([^.]*)\.", Heard.__doc__ or "")
    assert keys("words.js", "HEARD") == set(re.findall(r"\w+", kinds))
