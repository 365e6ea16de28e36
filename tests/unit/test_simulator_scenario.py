"""Scenarios are data: read whole, or refused by one sentence that names the entry."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from callbox.simulator import BadOrder, Scenario, Settings, scenario
from callbox.simulator.records.outcome import Outcome
from callbox.simulator.scenario.duration import seconds
from callbox.simulator.scenario.file import Loader, load

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples" / "scenarios").glob("*.yaml"))
PAGE = (ROOT / "docs" / "simulator.md").read_text()
WRONG_SPAN = 'faults, entry 1: "until" must be after "from".'


def test_the_page_shows_a_scenario_with_every_key_there_is() -> None:
    [written] = re.findall(r"```yaml\n(name: .*?)```", PAGE, re.DOTALL)
    document = yaml.load(written, Loader)
    assert set(document) == {each.name for each in fields(Scenario)}
    assert scenario(document).lasts == 120


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_can_be_read_and_is_over_some_time(path: Path) -> None:
    found = load(path)
    assert found.name
    assert found.lasts


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("40", 40),
        ("40s", 40),
        ("1.5 min", 90),
        ("24h", 86_400),
        ("250 ms", 0.25),
        ("2 Days", 172_800),
    ],
)
def test_times_are_written_as_people_do(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "soon", "-1s", "10 parsecs", "1h30"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no time"):
        seconds(text)


def test_in_yaml_a_phone_number_needs_no_quotes_and_on_is_a_word(tmp_path: Path) -> None:
    path = tmp_path / "storm.yaml"
    path.write_text(
        "texts:\n  - {at: 1 min, from: +12065550100, body: yes}\n"
        "faults:\n  - {on: any, from: 10, until: 24h, status: 503}\n"
        "settings: {trial: true}\n"
    )
    found = load(path)
    cue, text = found.texts[0]
    assert (cue.at, text) == (60, {"from": "+12065550100", "body": "yes"})
    assert found.faults == ({"on": "any", "from": 10, "until": 86_400, "status": 503},)
    assert found.settled(Settings(seed=7)) == Settings(seed=7, trial=True)


def test_settings_of_the_scenario_come_before_those_of_the_command() -> None:
    found = scenario({"speed": 60, "settings": {"pace": "2s", "numbers": ["+12345000099"]}})
    assert found.settled(Settings(pace=1, seed=3)) == Settings(
        pace=2, seed=3, numbers=("+12345000099",), speed=60
    )


def test_every_time_of_a_person_may_be_written_in_words() -> None:
    times = {"sent_after": "40s", "final_after": "10 min", "answer_after": "250 ms"}
    ((_, outcome),) = scenario({"people": [{"to": "*", **times}]}).people
    assert outcome == Outcome(sent_after=40, final_after=600, answer_after=0.25)


def test_a_cue_repeats_and_numbers_its_documents() -> None:
    document = {"request": {"recipient": {"message": "No {n}"}}, "id": "n{n}"}
    asked = {"at": 5, "every": "1 min", "times": 3, "topic": "txt", "document": document}
    cue, request = scenario({"requests": [asked]}).requests[0]
    assert list(cue.instants()) == [(1, 5), (2, 65), (3, 125)]
    assert request.numbered(2) == {"request": {"recipient": {"message": "No 2"}}, "id": "n2"}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "A scenario must be an object with keys like faults and texts."),
        ({"storm": 1}, '"storm" is unknown; known are name, lasts, speed,'),
        ({"lasts": "soon"}, '"lasts" must be a time like 40s, 10 min or 24h, not \'soon\'.'),
        ({"speed": 0}, '"speed" must be more than 0, and at most 1000000.'),
        ({"speed": 1e7}, '"speed" must be more than 0, and at most 1000000.'),
        ({"lasts": -3}, '"lasts" must be more than 0.'),
        ({"faults": {}}, '"faults" must be a list.'),
        ({"faults": [{"on": "any"}]}, "faults, entry 1: It has no effect"),
        ({"faults": [{"on": "all"}]}, 'faults, entry 1: "on" must be one of'),
        ({"faults": [{"on": "any", "stall": 1, "from": 9, "until": 3}]}, WRONG_SPAN),
        ({"faults": [{"on": "any", "status": 503}, 5]}, "faults, entry 2: it must be an object."),
        ({"texts": [{"at": 1, "body": "hi"}]}, 'texts, entry 1: "from" is missing.'),
        ({"texts": [{"from": "Darla"}]}, 'texts, entry 1: "from" must be a phone number'),
        ({"texts": [{"from": "+12065550100", "at": -1}]}, 'texts, entry 1: "at" must not be'),
        ({"texts": [{"from": "+12065550100", "times": 0}]}, 'texts, entry 1: "times" must be'),
        ({"calls": [{"from": "+12065550100", "at": []}]}, 'calls, entry 1: "at" must be a number'),
        ({"people": [{"status": "busy"}]}, 'people, entry 1: "to" is missing.'),
        ({"people": [{"to": "*", "mood": 1}]}, 'people, entry 1: "mood" is unknown'),
        ({"people": [{"to": "Bob"}]}, 'people, entry 1: "to" must be a number like'),
        ({"people": [{"to": 12065550100}]}, 'people, entry 1: "to" must be a number like'),
        ({"people": [{"to": "*", "at": -5}]}, 'people, entry 1: "at" must not be negative.'),
        ({"people": [{"to": "*", "status": "undeliverd", "at": 5}]}, 'people, entry 1: "status"'),
        ({"callbacks": [{"from": "x", "delay": 1}]}, 'callbacks, entry 1: "from" must be a time'),
        ({"callbacks": [{"from": -5, "delay": 1}]}, 'callbacks, entry 1: "from" must not be'),
        ({"callbacks": [{"from": 5, "until": 5}]}, 'callbacks, entry 1: "from" must not be'),
        ({"callbacks": [{"until": None}]}, 'callbacks, entry 1: "from" and "until" must be times.'),
        ({"requests": [{"topic": "fax", "document": {}}]}, 'requests, entry 1: "topic" must be'),
        (
            {"requests": [{"topic": "txt", "documnt": {}}]},
            'requests, entry 1: "documnt" is unknown; known are at, every, times, topic, document.',
        ),
        (
            {"texts": [{"form": "+12065550100"}]},
            'texts, entry 1: "form" is unknown; known are at, every, times, from, ',
        ),
        ({"settings": {"colour": 1}}, '"colour" is unknown'),
    ],
)  # fmt: skip
def test_what_cannot_be_played_is_said_in_one_sentence(document: object, said: str) -> None:
    with pytest.raises(BadOrder) as caught:
        scenario(document)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"name: x\nfaults:\n  - {on: any\nlasts: 3\n", "line 4, column 6: it is not YAML: while"),
        (b"name: x\n\tlasts: 3\n", "line 2, column 1: a tab stands there; YAML wants spaces."),
        (b"name: a\nlasts: 1\nname: b\n", 'line 3: "name" stands there twice.'),
        (b"\xff\xfe\x00", "it is not YAML: it is no plain text in UTF-8."),
        (b"texts: []\n" + b"#" * 1_000_000, "it is larger than 1000000 bytes."),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "storm.yaml"
    path.write_bytes(content)
    with pytest.raises(BadOrder) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: {said}")
    with pytest.raises(BadOrder, match="it cannot be read"):
        load(tmp_path / "no.yaml")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("texts: &a [1]\ncalls: *a\n", "it has an alias (*), which scenarios do not have."),
        ("lasts: " + "9" * 5000, "it is not YAML: "),
        ("settings: {speed: 3}", '"speed" stands beside "settings", not in it.'),
        ('settings: {numbers: ["whatsapp:+12345000099"]}', '"numbers" must have no channel'),
        (
            "requests: [{topic: txt, document: {id: a, request: !!binary aGk=}}]",
            'requests, entry 1: "document" must be JSON: texts, numbers, lists and objects.',
        ),
    ],
)
def test_a_file_that_would_do_harm_is_refused(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "storm.yaml"
    path.write_text(content)
    with pytest.raises(BadOrder) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: {said}")


def test_a_date_in_a_file_is_a_word(tmp_path: Path) -> None:
    path = tmp_path / "storm.yaml"
    path.write_text("texts: [{from: +12065550100, body: 2026-01-31}]")
    assert load(path).texts[0][1]["body"] == "2026-01-31"
