"""What the home does with the texts that people send: states, triggers, other plugins.

Most tests share one home; each begins with no triggers, and with empty logs.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from harness.home import ANY, DARLA, JOE, OTHER, OURS, PREFS
from harness.letterbox import Letterbox
from harness.waiting import until
from indigo_host import desktop
from indigo_host.quirks import Quirks

pytestmark = pytest.mark.asyncio(loop_scope="module")

PICTURE = {"url": "https://example.com/cat.jpg", "content_type": "image/jpeg"}
FIRST, SECOND, THIRD = "1 first", "2 second", "3 third"


@pytest.mark.parametrize("listed", [True, False], ids=["by polling", "by webhook"])
async def test_a_text_is_shown_fires_in_order_and_is_broadcast(
    box: Letterbox, listed: bool
) -> None:
    for name in (SECOND, FIRST, THIRD):
        await box.trigger("messageReceived", name, box.number if name == FIRST else ANY)
    message = await box.text("Is the gate shut? é😀", listed=listed)
    states = box.states()
    assert states["messageFrom"] == DARLA
    assert states["messageTo"] == OURS
    assert states["messageText"] == "Is the gate shut? é😀"
    assert states["messageName"] == "Darla"
    assert states["messageSid"] == message.sid
    assert states["messageMedia"] == ""
    assert box.states(box.darla)["contactStatus"] == "Message Received"
    assert box.fired == [SECOND, FIRST, THIRD], "in the order in which they were created"
    assert box.bodies() == ["Is the gate shut? é😀"] * 3, "the states come before the triggers"
    assert box.heard == [
        {"messageFrom": DARLA, "messageTo": OURS, "messageText": "Is the gate shut? é😀"}
    ]
    assert box.home.indigo.errors() == []


@pytest.mark.parametrize("listed", [False, True], ids=["by webhook", "by polling"])
async def test_pictures_are_shown_as_addresses(box: Letterbox, listed: bool) -> None:
    await box.text("Look", media=(PICTURE, PICTURE), listed=listed)
    shown = box.states()["messageMedia"].split(", ")
    assert len(shown) == 2
    assert all(url.startswith("http") for url in shown)
    await box.text("No picture")
    assert box.states()["messageMedia"] == ""


async def test_a_text_from_a_stranger_has_no_name(box: Letterbox) -> None:
    await box.text("From Darla")
    await box.text("From Joe", JOE)
    assert box.states()["messageName"] == ""
    assert box.states()["messageFrom"] == JOE


async def test_a_text_that_the_webhook_and_the_list_bring_fires_once(box: Letterbox) -> None:
    await box.trigger("messageReceived", "Any")
    await box.text("By both")
    await box.text("By the list", listed=True)
    await box.text("By webhook")
    assert box.bodies() == ["By both", "By the list", "By webhook"]
    assert [each["messageText"] for each in box.heard] == box.bodies()


async def test_texts_fire_in_the_order_in_which_they_came(box: Letterbox) -> None:
    await box.trigger("messageReceived", "Any")
    made = [
        await box.home.simulator.receive(DARLA, OURS, f"{place}", webhook=False)
        for place in range(12)
    ]
    await box.look()
    await box.told(*made)
    assert box.bodies() == [f"{place}" for place in range(12)]


async def test_a_text_to_the_other_number_is_shown_there_only(box: Letterbox) -> None:
    await box.trigger("messageReceived", "Ours", box.number)
    await box.trigger("messageReceived", "Other", box.other)
    await box.trigger("messageReceived", "Any")
    before = box.states()
    await box.text("Hello", to=OTHER)
    assert box.states(box.other)["messageText"] == "Hello"
    assert box.states() == before
    assert box.fired == ["Other", "Any"]


MATCHES: list[tuple[str, str, str, str | None]] = [
    ("simpleMatch", "messageText", "gate", "gate"),
    ("simpleMatch", "messageText", "Gate", None),
    ("simpleMatch", "messageFrom", "+1234", "+1234"),
    ("simpleMatch", "messageTo", "1111", "1111"),
    ("exactMatch", "messageText", "Open the gate 7", "Open the gate 7"),
    ("exactMatch", "messageText", "gate", None),
    ("exactMatch", "messageFrom", DARLA, DARLA),
    ("exactMatch", "messageTo", OTHER, None),
    ("regexMatch", "messageText", r"g(a|o)te \d+", "gate 7"),
    ("regexMatch", "messageText", "^gate", None),
    ("regexMatch", "messageFrom", r"^\+1\d{3}", "+1234"),
    ("regexMatch", "messageTo", "1{4}$", "1111"),
]


async def test_patterns_match_as_they_say(box: Letterbox) -> None:
    wanted = []
    for place, (how, where, pattern, result) in enumerate(MATCHES):
        name = f"{place}: {how} {pattern} in {where}"
        await box.trigger(
            "patternMatch", name, matchType=how, matchField=where, matchString=pattern
        )
        wanted += [(name, result)] if result is not None else []
    await box.text("Open the gate 7")
    executed = box.home.indigo.executed
    assert [(e.name, e.states[box.number]["matchResult"]) for e in executed] == wanted


LEVELS = ["none", "limited", "trusted", "unlimited"]
FIRES = {
    "stranger": ["anyone"],
    "none": ["anyone"],
    "limited": ["anyone", "limited"],
    "trusted": ["anyone", "limited", "trusted"],
    "unlimited": ["anyone", "limited", "trusted", "unlimited"],
}


async def test_only_those_who_may_fire_a_trigger_once_levels_are_asked_for(box: Letterbox) -> None:
    indigo = box.home.indigo
    contacts = [
        await box.home.contact(f"+1234000100{place}", level.title(), accessLevel=level)
        for place, level in enumerate(LEVELS)
    ]
    people = {level: f"+1234000100{place}" for place, level in enumerate(LEVELS)}
    people["stranger"] = JOE
    for least in FIRES["unlimited"]:
        await box.trigger("messageReceived", least, leastLevel=least)
    for who, number in people.items():
        await box.text(who, number)
        assert box.fired == FIRES["unlimited"], "levels are not asked for yet"
        indigo.executed.clear()
    await box.set(checkAccess=True)
    try:
        for who, number in people.items():
            await box.text(who, number)
            assert (who, box.fired) == (who, FIRES[who])
            indigo.executed.clear()
        await indigo.enable(contacts[-1], on=False)
        await box.text("disabled", people["unlimited"])
        assert box.fired == FIRES["none"], "a disabled contact may nothing"
    finally:
        await box.set(checkAccess=False)
        for contact in contacts:
            await indigo.delete(contact)


async def test_a_level_that_was_taken_away_counts_for_the_next_text(box: Letterbox) -> None:
    await box.trigger("messageReceived", "Trusted", leastLevel="trusted")
    await box.set(checkAccess=True)
    try:
        for level, fired in (("trusted", ["Trusted"]), ("limited", []), ("unlimited", ["Trusted"])):
            dialog = await desktop.edit_device(box.home.indigo, box.darla)
            await dialog.set("accessLevel", level)
            assert (await dialog.ok()).closed
            box.home.indigo.executed.clear()
            await box.text(level)
            assert box.fired == fired
    finally:
        await box.set(checkAccess=False)


async def test_a_slow_regular_expression_holds_no_other_trigger(box: Letterbox) -> None:
    slow = {"matchType": "regexMatch", "matchField": "messageText", "matchString": "(a|aa)+$"}
    await box.trigger("messageReceived", FIRST)
    await box.trigger("patternMatch", SECOND, **slow)
    await box.trigger("messageReceived", THIRD)
    await box.text("a" * 40 + "!")
    assert box.fired == [FIRST, THIRD]
    assert "took too long" in "".join(box.home.indigo.errors())
    await box.text("aaa")
    assert box.fired[2:] == [FIRST, SECOND, THIRD]


async def test_a_broken_regular_expression_of_old_holds_no_other_trigger(box: Letterbox) -> None:
    broken: dict[str, Any] = {
        "twilioNumber": ANY,
        "matchType": "regexMatch",
        "matchField": "messageText",
        "matchString": "(gate",
    }
    indigo = box.home.indigo
    await indigo.create_trigger("patternMatch", FIRST, broken)
    await indigo.create_trigger("patternMatch", SECOND, {"twilioNumber": ANY})
    await box.trigger("messageReceived", THIRD)
    await box.text("gate")
    assert box.fired == [THIRD]
    assert len([each for each in indigo.errors() if each.startswith((FIRST, SECOND))]) == 2


async def test_a_trigger_that_another_switches_off_or_deletes_holds_no_other(
    box: Letterbox,
) -> None:
    indigo = box.home.indigo
    first = await box.trigger("messageReceived", FIRST)
    second = await box.trigger("messageReceived", SECOND)
    gone = await box.trigger("messageReceived", "Gone")
    await box.trigger("messageReceived", THIRD)

    def clear_away() -> None:
        if gone in indigo.db.triggers:
            indigo.switch("triggers", second, on=False)
            indigo.remove("triggers", gone)

    box.react(first, clear_away)
    await box.text("One")
    await box.text("Two")
    assert box.fired == [FIRST, THIRD] * 2
    assert len(indigo.lines("cannot be executed")) == 2
    await indigo.enable(second)
    await box.text("Three")
    assert box.fired[4:] == [FIRST, SECOND, THIRD]


async def test_a_condition_keeps_its_own_trigger_only(box: Letterbox) -> None:
    props = {"twilioNumber": ANY, "leastLevel": "anyone"}
    await box.home.indigo.create_trigger("messageReceived", FIRST, props, condition=False)
    await box.trigger("messageReceived", SECOND)
    await box.text("Hello")
    assert box.fired == [SECOND]


async def test_a_disabled_number_shows_and_fires_nothing_until_it_is_enabled(
    box: Letterbox,
) -> None:
    indigo = box.home.indigo
    await box.trigger("messageReceived", "Any")
    await indigo.enable(box.number, on=False)
    await box.text("To the disabled one")
    before = box.states()
    assert before["messageText"] != "To the disabled one"
    assert box.fired == []
    assert [each["messageText"] for each in box.heard] == ["To the disabled one"]
    assert indigo.lines("No device in service")
    assert indigo.errors() == [], "no state of a disabled device is written"
    waiting = await box.home.simulator.receive(DARLA, OURS, "Waiting at Twilio", webhook=False)
    await indigo.enable(box.number)
    await box.told(waiting)
    assert box.bodies() == ["Waiting at Twilio"]


async def test_a_text_that_is_too_old_is_shown_and_broadcast_but_fires_nothing(
    box: Letterbox,
) -> None:
    await box.trigger("messageReceived", "Any")
    [(since,)] = box.rows(f"SELECT since FROM mailbox WHERE number = '{OURS}'")
    await box.set(maxAge="0.01")
    try:
        await until(lambda: datetime.now().timestamp() > since + 1, "that time is old")  # noqa: DTZ005
        await box.text("Old news", listed=True, date=since)
        assert box.states()["messageText"] == "Old news"
        assert [each["messageText"] for each in box.heard] == ["Old news"]
        assert box.fired == []
        assert box.home.indigo.lines("too old")
        await box.set(maxAge="0")
        await box.text("Old, but of any age", listed=True, date=since)
        assert box.bodies() == ["Old, but of any age"]
    finally:
        await box.set(maxAge="60")


@pytest.mark.parametrize("refreshed", [True, False], ids=["own copy", "snapshot"])
async def test_a_text_is_matched_by_its_own_words_whatever_indigo_refreshes(
    tmp_path: Path, refreshed: bool
) -> None:
    async with Letterbox(tmp_path, quirks=Quirks(own_copy_refreshed=refreshed)) as box:
        for word in ("one", "two"):
            await box.trigger(
                "patternMatch", word,
                matchType="exactMatch", matchField="messageText", matchString=word,
            )  # fmt: skip
        for word in ("one", "two", "one"):
            await box.text(word)
        assert box.fired == ["one", "two", "one"]
        assert box.bodies() == ["one", "two", "one"]


async def test_with_a_frequency_of_0_twilio_is_asked_only_when_the_owner_asks(
    tmp_path: Path,
) -> None:
    async with Letterbox(tmp_path, prefs={**PREFS, "pollFrequency": "0"}) as box:
        await box.trigger("messageReceived", "Any")
        asked = box.home.simulator.requests.count("list")
        listed = await box.home.simulator.receive(DARLA, OURS, "In the list", webhook=False)
        await box.text("By webhook")
        await box.text("And again")
        assert box.home.simulator.requests.count("list") == asked
        assert box.bodies() == ["By webhook", "And again"]
        await box.home.indigo.menu("checkMessages")
        await box.told(listed)
        assert box.bodies() == ["By webhook", "And again", "In the list"]


async def test_texts_are_deleted_at_twilio_for_the_numbers_that_want_it(tmp_path: Path) -> None:
    async with Letterbox(tmp_path) as box:
        indigo = box.home.indigo
        await box.trigger("messageReceived", "Any")
        dialog = await desktop.edit_device(indigo, box.number)
        await dialog.set("delete", True)
        assert (await dialog.ok()).closed
        kept = await box.text("Stays", to=OTHER)
        gone = await box.text("Goes")
        listed = await box.text("Goes too", listed=True)
        await until(
            lambda: not {gone, listed} & set(box.home.simulator.messages), "both are deleted"
        )
        assert kept in box.home.simulator.messages
        assert len(box.fired) == 3
        assert indigo.errors() == []
