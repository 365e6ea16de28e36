"""`callbox rehearse`: the user's own configuration, a real gateway, a simulated Twilio."""

import contextlib
import re
import signal
import sqlite3
from pathlib import Path

import pytest

from harness.terminal import Terminal
from harness.waiting import until

OURS, DARLA, BOB = "+12345000099", "+12345000000", "+12345000001"
PEOPLE: dict[str, object] = {"Darla": DARLA, "Bob": BOB, "Night": ["Darla", "Bob"]}
GATE = {
    "from": ["Darla"],
    "contains": "open the gate",
    "pin": "4711",
    "topic": "home/gate/set",
    "payload": "OPEN",
    "reply": "The gate opens, {{ name }}.",
}
FAST = ("--speed", "60")


@pytest.fixture
def configured(terminal: Terminal) -> Terminal:
    terminal.write(twilio={"default_from_number": OURS}, contacts=PEOPLE, inbound={"rules": [GATE]})
    return terminal


def _said(text: str, *words: str) -> bool:
    return any(all(word in line for word in words) for line in text.splitlines())


async def test_it_shows_who_would_have_received_what_when_and_at_what_cost(
    configured: Terminal,
) -> None:
    ended = await configured.type("rehearse", *FAST)
    assert ended.code == 0, ended.out + ended.err
    assert "Nothing is really sent." in ended.out
    for who in ("Darla +1…0000", "Bob +1…0001"):
        assert _said(ended.out, "→", who, "This is a rehearsal", "delivered after", "$0.0")
        assert _said(ended.out, "→", who, "call:", "answered by")
    assert "8 to be sent" not in ended.out
    assert "7 to be sent: 7 arrived, 0 did not" in ended.out
    assert "0 lost, 0 sent twice" in ended.out
    assert ended.err == ""


async def test_a_rule_is_tried_and_its_topic_and_reply_are_shown_but_never_its_pin(
    configured: Terminal,
) -> None:
    ended = await configured.type("rehearse", *FAST)
    assert _said(ended.out, "←", "Darla", "open the gate")
    assert _said(ended.out, "◆", "home/gate/set", "OPEN")
    assert _said(ended.out, "→", "Darla", "The gate opens, Darla.", "delivered")
    assert "4711" not in ended.out
    assert DARLA not in ended.out


async def test_a_public_address_has_texts_come_by_signed_webhooks_through_it(
    configured: Terminal,
) -> None:
    configured.write(
        twilio={"default_from_number": OURS},
        contacts=PEOPLE,
        inbound={"rules": [GATE], "polling": "off"},
        http={
            "public_url": "https://callbox.example.org/edge",
            "webhook_username": "twilio",
            "webhook_password": "a long random text",
        },
    )
    ended = await configured.type("rehearse", *FAST)
    assert ended.code == 0, ended.out + ended.err
    assert _said(ended.out, "◆", "home/gate/set", "OPEN")
    assert "random" not in ended.out


async def test_without_an_account_a_contact_or_a_file_it_rehearses_all_the_same(
    terminal: Terminal,
) -> None:
    ended = await terminal.type("rehearse", *FAST)
    assert ended.code == 0, ended.out + ended.err
    assert "There is no configuration, so it is Callbox as shipped" in ended.out
    assert "There are no contacts, so somebody is made up." in ended.out
    assert "1 to be sent: 1 arrived" in ended.out


async def test_a_configuration_with_which_nothing_can_be_sent_is_found_out(
    terminal: Terminal,
) -> None:
    terminal.write(contacts={"Darla": DARLA})
    ended = await terminal.type("rehearse", *FAST)
    assert ended.code == 1
    assert _said(ended.out, "→", "Darla", "Set twilio.default_from_number")
    assert "0 arrived, 1 did not" in ended.out
    assert "Nothing can be sent: set twilio.default_from_number." in ended.out


STORM = """
name: A short storm
lasts: 5 min
faults:
  - {on: any, from: 20, until: 120, status: 503, created: 0.5}
  - {on: create, times: 2, drop: after}
people:
  - {to: +12345000001, status: undelivered, error_code: 30003}
requests:
  - at: 5
    every: 20
    times: 5
    topic: txt
    document: {request: {recipient: {name: Darla, message: "Pump {n}"}}, id: pump}
  - at: 6
    topic: txt
    document: {request: {recipient: {name: Bob, message: The tank is full}}, id: tank}
"""


async def test_in_a_storm_everything_arrives_once_and_what_does_not_is_told(
    configured: Terminal,
) -> None:
    (configured.folder / "storm.yaml").write_text(STORM)
    ended = await configured.type("rehearse", "--scenario", "storm.yaml", "--picture", "storm.svg")
    assert ended.code == 0, ended.out
    assert ended.out.startswith("Rehearsal: A short storm, 0:05:00 in 10 s.")
    for number in range(1, 6):
        assert _said(ended.out, "Darla", f"Pump {number}", "delivered after")
    assert _said(ended.out, "Bob", "undelivered after")
    assert "(30003)" in ended.out
    assert _said(ended.out, "fault: any", "▒▒")
    assert "6 to be sent: 5 arrived, 1 did not (1 as the scenario has it), 0 wait." in ended.out
    assert "0 lost, 0 sent twice" in ended.out
    picture = (configured.folder / "storm.svg").read_text()
    assert picture.startswith("<svg")
    assert "Pump&#160;5" in picture


async def test_what_waits_when_the_scenario_ends_is_neither_lost_nor_arrived(
    configured: Terminal,
) -> None:
    (configured.folder / "dark.yaml").write_text(
        "lasts: 60\nfaults: [{on: any, status: 503}]\n"
        "requests: [{at: 1, topic: txt, document: "
        "{request: {recipient: {name: Night, message: Hello}}, id: one}}]\n"
    )
    ended = await configured.type("rehearse", "--scenario", "dark.yaml", *FAST)
    assert ended.code == 1
    assert "2 to be sent: 0 arrived, 0 did not, 2 wait. 0 lost, 0 sent twice." in ended.out


async def test_a_day_without_twilio_passes_in_seconds(configured: Terminal) -> None:
    (configured.folder / "day.yaml").write_text(
        "lasts: 36h\nspeed: 20000\nfaults: [{on: any, from: 1 min, until: 24h, status: 503}]\n"
        "requests: [{at: 12h, topic: txt, document: "
        "{request: {recipient: {name: Night, message: Hello}}, id: one}}]\n"
    )
    ended = await configured.type("rehearse", "--scenario", "day.yaml")
    assert ended.code == 0, ended.out
    assert re.search(r"Hello +delivered after (1[2-9]|2\d) h", ended.out)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "storm.yaml: it cannot be read (No such file or directory)."),
        ("requests: [{topic: fax}]", "storm.yaml: requests, entry 1: "),
    ],
)
async def test_a_scenario_that_cannot_be_played_is_refused_in_one_sentence(
    configured: Terminal, content: str | None, said: str
) -> None:
    if content is not None:
        (configured.folder / "storm.yaml").write_text(content)
    ended = await configured.type("rehearse", "--scenario", "storm.yaml")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(said)
    assert ended.err.count("\n") == 1


async def test_a_mistake_in_the_configuration_is_told_as_by_check(terminal: Terminal) -> None:
    terminal.write(contacts={"Darla": "nobody"})
    ended = await terminal.type("rehearse")
    assert ended.code == 2
    assert "contacts.Darla" in ended.err


async def test_texts_that_the_gateway_never_looks_for_are_told_and_no_success(
    terminal: Terminal,
) -> None:
    terminal.write(
        twilio={"default_from_number": OURS},
        contacts=PEOPLE,
        inbound={"rules": [GATE], "polling": "off"},
    )
    ended = await terminal.type("rehearse", "--speed", "200")
    assert ended.code == 1
    assert "1 text of a person was not noticed: see inbound.polling" in ended.out


async def test_numbers_in_what_is_said_and_published_are_masked(terminal: Terminal) -> None:
    rule = {"from": ["Darla"], "contains": "gate", "topic": "home/gate"}
    terminal.write(twilio={"default_from_number": OURS}, contacts=PEOPLE, inbound={"rules": [rule]})
    ended = await terminal.type("rehearse", *FAST)
    assert _said(ended.out, "◆", "home/gate", "messageFrom")
    assert not re.search(r"\+1\d{6}", ended.out)


async def test_whatever_broker_version_and_twilio_edge_are_set_nothing_outside_is_asked(
    configured: Terminal,
) -> None:
    ended = await configured.type(
        "rehearse", *FAST, CALLBOX_MQTT__VERSION="5", TWILIO_EDGE="dublin", TWILIO_REGION="ie1"
    )
    assert ended.code == 0, ended.out + ended.err


async def test_a_terminal_without_arrows_and_a_folder_that_is_missing_end_no_rehearsal_badly(
    configured: Terminal,
) -> None:
    ended = await configured.type("rehearse", *FAST, PYTHONIOENCODING="ascii")
    assert ended.code == 0, ended.err
    refused = await configured.type("rehearse", "--picture", "nowhere/storm.svg")
    assert (refused.code, refused.out) == (2, "")
    assert "nowhere is no folder" in refused.err


def _texts(to: str, times: int) -> str:
    return (
        f"requests: [{{at: 1, every: 0.1, times: {times}, topic: txt, document: "
        f'{{request: {{recipient: {{name: {to}, message: "{{n}}"}}}}, id: one}}}}]\n'
    )


async def test_a_failure_that_is_not_the_scenarios_will_is_no_success(configured: Terminal) -> None:
    (configured.folder / "bad.yaml").write_text(
        "people: [{to: '*', status: undelivered, error_code: 30003}]\n" + _texts("Zoe", 1)
    )
    ended = await configured.type("rehearse", "--scenario", "bad.yaml", *FAST)
    assert ended.code == 1
    assert _said(ended.out, "→", "Zoe", "Zoe is not in contacts")
    assert "1 to be sent: 0 arrived, 1 did not, 0 wait." in ended.out


async def test_a_call_that_nobody_answers_as_the_scenario_has_it_is_a_success(
    configured: Terminal,
) -> None:
    (configured.folder / "busy.yaml").write_text(
        "people: [{to: +1234*, status: busy}]\n"
        "requests: [{at: 1, topic: call, document: {request: "
        "{recipient: {name: Bob, voice_message_text: Hello}}, id: one}}]\n"
    )
    ended = await configured.type("rehearse", "--scenario", "busy.yaml", *FAST)
    assert ended.code == 0, ended.out
    assert "1 to be sent: 0 arrived, 1 did not (1 as the scenario has it), 0 wait." in ended.out


async def test_what_the_machine_is_too_slow_to_publish_in_time_is_told_and_no_success(
    configured: Terminal,
) -> None:
    (configured.folder / "flood.yaml").write_text(
        "lasts: 1h\nspeed: 1000000\n" + _texts("Bob", 30_000)
    )
    ended = await configured.type("rehearse", "--scenario", "flood.yaml", "--most", "1")
    assert ended.code == 1
    told = re.search(r"Of 30000 requests (\d+) were not published in time: .* try \d+", ended.out)
    assert told, ended.out
    [asked] = re.findall(r"(\d+) to be sent", ended.out)
    assert int(told[1]) + int(asked) == 30_000
    assert " 0 lost, 0 sent twice." in ended.out


async def test_of_many_failures_the_reasons_are_told_with_their_number(
    configured: Terminal,
) -> None:
    (configured.folder / "many.yaml").write_text(_texts("Nobody", 5))
    ended = await configured.type("rehearse", "--scenario", "many.yaml", "--most", "1", *FAST)
    assert "  5 of them: Nobody is not in contacts" in ended.out


async def test_a_text_after_the_end_of_the_scenario_is_not_missed(configured: Terminal) -> None:
    (configured.folder / "end.yaml").write_text(
        "lasts: 60\ntexts: [{at: 90, from: +12345000000, body: Hi}]\n" + _texts("Bob", 1)
    )
    ended = await configured.type("rehearse", "--scenario", "end.yaml", "--speed", "20")
    assert ended.code == 0, ended.out
    assert "not noticed" not in ended.out


async def test_a_text_that_cannot_be_played_is_told_and_no_success(configured: Terminal) -> None:
    (configured.folder / "wrong.yaml").write_text(
        "texts: [{from: +12345000000, to: +12345999999, body: Hi}]\n" + _texts("Bob", 1)
    )
    ended = await configured.type("rehearse", "--scenario", "wrong.yaml", *FAST)
    assert ended.code == 1
    assert "must be a number of the account" in ended.out


async def test_ctrl_c_ends_it_and_shows_what_there_is(configured: Terminal) -> None:
    (configured.folder / "long.yaml").write_text("lasts: 10h\nspeed: 60\n" + _texts("Bob", 1))
    process = await configured.begin(
        "rehearse", "--scenario", "long.yaml", TMPDIR=str(configured.folder)
    )
    await until(lambda: _kept(configured.folder), "the gateway has the text")
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert (process.returncode, err) == (130, b"")
    assert re.search(r"It was stopped after 0:\d\d:\d\d of 10:00:00\.", out.decode())
    assert _said(out.decode(), "→", "Bob")


def _kept(folder: Path) -> int:
    """Count what the gateway of a rehearsal has been asked for."""
    try:
        [store] = folder.glob("callbox-rehearsal-*/*.sqlite3")
        with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
            [found] = db.execute("SELECT count(*) FROM delivery").fetchone()
    except (ValueError, sqlite3.OperationalError):
        return 0
    return int(found)


async def test_ended_by_a_signal_it_leaves_nothing_behind(configured: Terminal) -> None:
    process = await configured.begin("rehearse", "--speed", "1", TMPDIR=str(configured.folder))
    stores = "callbox-rehearsal-*/*.sqlite3"
    await until(lambda: list(configured.folder.glob(stores)), "the store is there")
    process.terminate()
    await process.communicate()
    assert process.returncode == 130
    assert list(configured.folder.glob("callbox-rehearsal-*")) == []


async def test_a_wrong_pin_opens_nothing_and_is_told(configured: Terminal) -> None:
    (configured.folder / "guess.yaml").write_text(
        "texts: [{at: 5, from: +12345000000, body: open the gate 4712}]\n"
    )
    ended = await configured.type("rehearse", "--scenario", "guess.yaml", *FAST)
    assert _said(ended.out, "←", "Darla", "open the gate")
    assert "1 wrong PIN was given." in ended.out
    assert "home/gate/set" not in ended.out
    assert "4712" not in ended.out
