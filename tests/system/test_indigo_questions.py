"""Questions with yes or no: what an answer, no answer, and a restart in between set off.

Most tests share one home; each begins with no triggers, and with empty logs.
"""
# ruff: noqa: ANN401 - fields of dialogs have any type

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from harness.home import DARLA, JOE, OURS
from harness.letterbox import Letterbox
from harness.waiting import until
from indigo_host.quirks import Quirks

pytestmark = pytest.mark.asyncio(loop_scope="module")

YES, NO, LATE = "After yes", "After no", "After no answer"
REPLIES = {"yesReply": "Closing it", "noReply": "It stays", "timeoutReply": "Nobody answered"}


@dataclass
class Asking:
    """A home with an action group for each answer."""

    box: Letterbox
    before: int = 0  # texts that were sent earlier

    def furnish(self) -> None:
        """Create the action groups."""
        self.before = len(self.box.home.bodies())
        indigo = self.box.home.indigo
        self.groups = {name: str(indigo.create_group(name)) for name in (YES, NO, LATE)}

    async def ask(self, question: str = "Shall I?", contact: int = 0, **fields: Any) -> Any:
        """Fill in the dialog of the action, run it, and give its result."""
        to = {"twilioContact": str(contact or self.box.darla)}
        groups = {
            "yesGroup": self.groups[YES],
            "noGroup": self.groups[NO],
            "timeoutGroup": self.groups[LATE],
        }
        said = {"question": question, **groups, **REPLIES, **to, **fields}
        return await self.box.home.act("askQuestion", self.box.number, **said)

    def open(self) -> int:
        """Count the questions that wait."""
        return int(self.box.rows("SELECT count(*) FROM question")[0][0])

    def said(self) -> list[str]:
        """Give what was texted back, in all."""
        return [body for body in self.sent() if body in REPLIES.values()]

    def sent(self) -> list[str]:
        """Give what was sent since the test began."""
        return self.box.home.bodies()[self.before :]

    async def accepted(self, count: int) -> None:
        """Wait until Twilio has accepted so many texts since the test began."""
        await until(lambda: len(self.sent()) >= count, "it is sent")

    async def over(self) -> None:
        """Wait until no question is open and everything was sent."""
        waiting = "SELECT count(*) FROM delivery WHERE state IN ('queued', 'sending')"
        await until(lambda: self.open() == 0, "no question is open")
        await until(lambda: self.box.rows(waiting) == [(0,)], "everything is sent")
        await self.box.home.indigo.settle()


@pytest_asyncio.fixture(loop_scope="module")
async def asking(box: Letterbox) -> AsyncIterator[Asking]:
    asking = Asking(box)
    asking.furnish()
    yield asking
    assert asking.open() == 0, "a test leaves no question"
    assert box.home.indigo.errors() == []


@pytest.mark.parametrize(
    ("answer", "group", "reply"),
    [
        ("yes", YES, "Closing it"),
        ("YES!", YES, "Closing it"),
        (" y ", YES, "Closing it"),
        ("Yes, please do", YES, "Closing it"),
        ("No.", NO, "It stays"),
        ("n", NO, "It stays"),
    ],
)
async def test_an_answer_runs_its_group_and_is_answered_once(
    asking: Asking, answer: str, group: str, reply: str
) -> None:
    box = asking.box
    await box.trigger("messageReceived", "Any")
    result = await asking.ask("The gate is open. Shall I close it?")
    assert result["success"]
    assert len(result["deliveries"]) == 1
    await box.text(answer)
    await asking.over()
    assert box.ran == [group]
    assert asking.said() == [reply]
    assert asking.sent()[0] == "The gate is open. Shall I close it?"
    assert box.fired == ["Any"], "an answer is a text like any other"
    await box.text(answer)
    assert box.ran == [group], "a second answer answers nothing"


async def test_what_is_neither_leaves_the_question_open(asking: Asking) -> None:
    await asking.ask()
    await asking.box.text("What gate?")
    await asking.box.text("yesterday")
    await asking.box.text("yes", JOE)
    assert asking.box.ran == []
    assert asking.open() == 1
    await asking.box.text("no")
    await asking.over()
    assert asking.box.ran == [NO]


async def test_a_text_from_before_the_question_is_no_answer(asking: Asking) -> None:
    box = asking.box
    [(since,)] = box.rows(f"SELECT since FROM mailbox WHERE number = '{OURS}'")
    await until(lambda: time.time() > since + 4, "there was time for a text")
    await asking.ask()
    await box.text("yes", listed=True, date=since + 0.5)
    assert box.states()["messageText"] == "yes"
    assert box.ran == []
    await box.text("no")
    await asking.over()
    assert box.ran == [NO]


async def test_words_of_ones_own_count(asking: Asking) -> None:
    await asking.ask(yesWords="sure, go ahead", noWords="nope")
    await asking.box.text("yes")
    assert asking.box.ran == []
    await asking.box.text("Go ahead!")
    await asking.over()
    assert asking.box.ran == [YES]


async def test_of_two_questions_the_later_is_answered_first(asking: Asking) -> None:
    box = asking.box
    await asking.ask("First?")
    await asking.ask("Second?", noGroup="none", noReply="")
    await box.text("no")
    assert box.ran == []
    assert asking.open() == 1
    await box.text("no")
    await asking.over()
    assert box.ran == [NO]
    assert asking.said() == ["It stays"]


async def test_each_of_a_group_answers_for_themselves(asking: Asking) -> None:
    box = asking.box
    joe = await box.home.contact(JOE, "Joe")
    group = await box.home.device("twilioGroup", "Family", members=[str(box.darla), str(joe)])
    result = await asking.ask(contact=group)
    assert len(result["deliveries"]) == 2
    await box.text("no", JOE)
    await box.text("yes", DARLA)
    await asking.over()
    assert box.ran == [NO, YES]
    assert sorted(asking.said()) == ["Closing it", "It stays"]
    assert box.home.indigo.lines("Joe answered no")
    for each in (group, joe):
        await box.home.indigo.delete(each)


async def test_no_answer_in_time_runs_its_own_group_and_a_late_one_nothing(
    asking: Asking,
) -> None:
    await asking.ask(timeout="0.01")
    await asking.over()
    assert asking.box.ran == [LATE]
    assert asking.said() == ["Nobody answered"]
    await asking.box.text("yes")
    assert asking.box.ran == [LATE]
    assert asking.box.home.indigo.lines("No answer from Darla")


async def test_a_question_that_cannot_be_sent_waits_for_nothing(asking: Asking) -> None:
    props = {"twilioContact": "OTHER-NON-CONTACT", "smsTo": "12", "question": "Shall I?"}
    box = asking.box
    result = await box.home.indigo.run_action("askQuestion", device=box.number, props=props)
    assert not result["success"]
    assert asking.open() == 0
    box.home.indigo.event_log.clear()


async def test_a_question_survives_a_restart_of_plugin_and_server(tmp_path: Path) -> None:
    async with Letterbox(tmp_path) as box:
        asking = Asking(box)
        asking.furnish()
        await asking.ask()
        await until(box.home.bodies, "the question is sent")
        await box.home.indigo.restart_plugin()
        await box.home.restart(power_cut=True)
        await box.text("yes")
        await asking.over()
        assert box.ran == [YES]
        assert asking.said() == ["Closing it"]


async def test_an_answer_in_time_counts_though_it_is_told_after_the_time(tmp_path: Path) -> None:
    """The answer was kept in time, but the plugin was killed before it told of it."""
    async with Letterbox(tmp_path) as box:
        indigo = box.home.indigo
        asking = Asking(box)
        asking.furnish()
        await box.trigger("messageReceived", "Any")
        await asking.ask(timeout="0.02")
        box.kill_at("execute_trigger")
        await box.home.simulator.receive(DARLA, OURS, "yes", wait=False)
        await box.killed()
        [(expires,)] = box.rows("SELECT expires_at FROM question")
        await until(lambda: time.time() > expires, "the time is over")
        await indigo.start_plugin()
        await asking.over()
        assert box.ran == [YES]
        assert box.fired == ["Any"]


MOMENTS = [("write_log", 2), ("execute_trigger", 1), ("take_broadcast", 1), ("execute_group", 1)]


async def test_a_kill_runs_no_group_twice_and_answers_no_other_question(tmp_path: Path) -> None:
    """Two questions are open; one yes answers one of them, whenever the plugin is killed."""
    async with Letterbox(tmp_path) as box:
        asking = Asking(box)
        asking.furnish()
        await box.trigger("messageReceived", "Any")
        await asking.ask("First?", yesGroup=asking.groups[NO], yesReply="It stays")
        for place, moment in enumerate(MOMENTS, 1):
            await asking.ask(f"Next? {place}")
            await asking.accepted(place + 1)
            box.kill_at(*moment)
            message = await box.home.simulator.receive(DARLA, OURS, "yes", wait=False)
            await box.killed()
            await box.home.indigo.start_plugin()
            await box.told(message)
            assert asking.open() == 1, moment
            assert box.ran == [YES] * place, moment
            assert box.fired == ["Any"] * place, moment
        replies = box.rows("SELECT body FROM delivery WHERE body NOT LIKE '%?%'")
        assert replies == [("Closing it",)] * len(MOMENTS)
        assert len(asking.said()) <= len(MOMENTS), "one that was cut off is looked up first"


async def test_a_kill_after_a_time_out_runs_its_group_once(tmp_path: Path) -> None:
    async with Letterbox(tmp_path) as box:
        asking = Asking(box)
        asking.furnish()
        await asking.ask(timeout="0.01")
        box.kill_at("execute_group")
        await box.killed()
        await box.home.indigo.start_plugin()
        await asking.over()
        assert box.ran == [LATE]


async def test_without_a_readable_log_a_kill_repeats_a_group_at_most_once(tmp_path: Path) -> None:
    async with Letterbox(tmp_path, quirks=Quirks(log_readable=False)) as box:
        asking = Asking(box)
        asking.furnish()
        await asking.ask("First?", yesGroup=asking.groups[NO])
        await asking.ask("Second?")
        box.kill_at("execute_group")
        message = await box.home.simulator.receive(DARLA, OURS, "yes", wait=False)
        await box.killed()
        await box.home.indigo.start_plugin()
        await box.told(message)
        assert asking.open() == 1, "and answers no other question"
        assert box.ran == [YES, YES]
