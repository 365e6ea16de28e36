"""Which of an Indigo owner's triggers fire, and the old plugin's defects that must not return."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from callbox.indigo.mistake import Mistake
from callbox.indigo.people import Level
from callbox.indigo.triggers import (
    FAILED,
    UNANSWERED,
    UNDELIVERED,
    Heard,
    Trigger,
    Triggers,
    changes_after_upgrade,
    event_faults,
)

HOUSE, OFFICE = 101, 102
SLOW = {"matchType": "regexMatch", "matchString": r"(a|aa|aaa)+$", "matchField": "messageText"}
HEARD = Heard(HOUSE, "+12345000000", "+19999999999", "open the gate", None)


@dataclass(frozen=True)
class Indigos:
    """A trigger as Indigo hands it over."""

    id: int
    name: str
    pluginTypeId: str  # noqa: N815 - Indigo's name for it
    pluginProps: Mapping[str, Any] = field(default_factory=dict)  # noqa: N815 - Indigo's


def received(id_: int = 1, /, **props: Any) -> Trigger:  # noqa: ANN401 - as in a dialog
    return Trigger.read(Indigos(id_, f"T{id_}", "messageReceived", props))


def pattern(id_: int = 1, /, **props: Any) -> Trigger:  # noqa: ANN401 - as in a dialog
    usual = {"matchType": "simpleMatch", "matchField": "messageText", "matchString": "gate"}
    return Trigger.read(Indigos(id_, f"T{id_}", "patternMatch", usual | props))


def fits(trigger: Trigger, text: str = HEARD.text, **of_text: Any) -> str | None:  # noqa: ANN401 - of Heard
    return trigger.fits(replace(HEARD, text=text, **of_text), asks_level=False)


# --- a message received --------------------------------------------------------------------------


@pytest.mark.parametrize("props", [{}, {"twilioNumber": "ANYDEVICE"}, {"twilioNumber": ""}])
def test_a_trigger_for_any_number_fires_for_every_text(props: dict[str, str]) -> None:
    assert fits(received(**props)) == ""
    assert fits(received(**props), device_id=None) == ""


@pytest.mark.parametrize("make", [received, pattern])
def test_original_defect_2_a_trigger_for_one_number_stays_silent_for_others(make: Any) -> None:  # noqa: ANN401 - of two makers
    trigger = make(twilioNumber=str(HOUSE))
    assert fits(trigger) is not None
    assert fits(trigger, device_id=OFFICE) is None
    assert fits(trigger, device_id=None) is None


def test_a_number_may_be_stored_as_a_number() -> None:
    assert fits(received(twilioNumber=HOUSE)) == ""


def test_a_trigger_for_a_number_that_cannot_be_read_fires_for_none() -> None:
    trigger = received(twilioNumber="House")
    assert fits(trigger) is None
    assert fits(trigger, device_id=None) is None


# --- a pattern -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "string", "text", "result"),
    [
        ("simpleMatch", "gate", "open the gate!", "gate"),
        ("simpleMatch", "Gate", "open the gate!", None),
        ("simpleMatch", "g.te", "open the gate!", None),
        ("exactMatch", "gate", "gate", "gate"),
        ("exactMatch", "gate", "gate ", None),
        ("exactMatch", "gate", "Gate", None),
        ("regexMatch", r"g.te\d*", "open gate12 now", "gate12"),
        ("regexMatch", r"^gate$", "gate", "gate"),
        ("regexMatch", r"^gate$", "the gate", None),
        ("regexMatch", r"GATE", "gate", None),
        ("regexMatch", r"(?i)GATE", "a gate", "gate"),
        ("regexMatch", r"x*", "gate", ""),
        ("regexMatch", r"(door)|gate", "gate", "gate"),
    ],
)
def test_a_pattern_matches_as_in_the_old_plugin(
    kind: str, string: str, text: str, result: str | None
) -> None:
    assert fits(pattern(matchType=kind, matchString=string), text) == result


@pytest.mark.parametrize(
    ("part", "string"),
    [("messageText", "the gate"), ("messageTo", "+1999"), ("messageFrom", "+1234")],
)
def test_a_pattern_is_looked_for_in_the_chosen_part(part: str, string: str) -> None:
    assert fits(pattern(matchField=part, matchString=string)) == string
    others = {"messageText", "messageTo", "messageFrom"} - {part}
    assert [fits(pattern(matchField=each, matchString=string)) for each in others] == [None, None]


def test_original_defect_1_a_regex_trigger_fires_with_what_it_found() -> None:
    trigger = pattern(matchType="regexMatch", matchString=r"heat to (\d+)")
    assert trigger.fault == ""
    assert fits(trigger, "please heat to 21 degrees") == "heat to 21"


def test_original_defect_7_each_text_is_matched_itself_and_not_the_one_before() -> None:
    trigger = pattern(matchString="gate")
    texts = ["gate", "door", "gate", "window"]
    assert [fits(trigger, each) for each in texts] == ["gate", None, "gate", None]


@pytest.mark.parametrize(
    "props",
    [
        {"matchType": "regexMatch", "matchString": "(gate"},
        {"matchType": "regexMatch", "matchString": "a{99999999999999999999}"},
        {"matchType": "globMatch"},
        {"matchField": "messageMedia"},
    ],
)
def test_a_trigger_that_cannot_be_understood_does_not_fire_and_says_so(
    props: dict[str, str],
) -> None:
    trigger = pattern(**props)
    assert fits(trigger, "(gate") is None
    assert trigger.fault.startswith("T1: ")
    assert "; expected " in trigger.fault


@pytest.mark.parametrize("props", [{}, {"matchType": "simpleMatch", "matchField": "messageText"}])
def test_a_trigger_without_pattern_fires_for_nothing(props: dict[str, str]) -> None:
    trigger = Trigger.read(Indigos(1, "T1", "patternMatch", props))
    assert fits(trigger) is None
    assert trigger.fault


def test_a_regex_that_does_not_compile_says_where() -> None:
    trigger = pattern(matchType="regexMatch", matchString="open (gate")
    assert "not a regular expression (missing ) at character 11)" in trigger.fault


def test_a_regex_that_takes_too_long_is_a_mistake_without_the_texts_words() -> None:
    begin = time.monotonic()
    with pytest.raises(Mistake, match=r"^T1: Its regular expression took too long") as caught:
        fits(pattern(**SLOW), "a" * 40 + "!")
    assert time.monotonic() - begin < 30
    assert "aaa" not in caught.value.sentence


# --- access levels -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("least", "levels"),
    [
        ("anyone", [None, Level.NONE, Level.LIMITED, Level.TRUSTED, Level.UNLIMITED]),
        (None, [None, Level.NONE, Level.LIMITED, Level.TRUSTED, Level.UNLIMITED]),
        ("limited", [Level.LIMITED, Level.TRUSTED, Level.UNLIMITED]),
        ("trusted", [Level.TRUSTED, Level.UNLIMITED]),
        ("unlimited", [Level.UNLIMITED]),
        ("whoever", [Level.UNLIMITED]),
    ],
)
@pytest.mark.parametrize("make", [received, pattern])
def test_a_trigger_asks_for_its_least_level(
    make: Any,  # noqa: ANN401 - of two makers
    least: str | None,
    levels: list[Level | None],
) -> None:
    trigger = make(**({} if least is None else {"leastLevel": least}))
    fitting = [
        level
        for level in (None, *Level)
        if trigger.fits(replace(HEARD, level=level), asks_level=True) is not None
    ]
    assert fitting == levels


def test_no_level_is_asked_for_until_the_owner_switches_it_on() -> None:
    assert received(leastLevel="unlimited").fits(HEARD, asks_level=False) == ""


# --- all triggers --------------------------------------------------------------------------------


def fired(triggers: Triggers, heard: Heard = HEARD) -> list[tuple[int, str]]:
    return [(each.id, result) for each, result in triggers.for_text(heard, asks_level=False)]


def made(*triggers: Trigger) -> Triggers:
    all_of_them = Triggers()
    for each in triggers:
        all_of_them.add(each)
    return all_of_them


def test_triggers_fire_in_ascending_id() -> None:
    triggers = made(received(30), pattern(5), received(12), pattern(7, matchString="door"))
    assert fired(triggers) == [(5, "gate"), (12, ""), (30, "")]


def test_a_removed_trigger_does_not_fire() -> None:
    triggers = made(received(1), received(2))
    triggers.remove(1)
    triggers.remove(99)
    assert fired(triggers) == [(2, "")]


def test_an_edited_trigger_replaces_the_old_one() -> None:
    triggers = made(pattern(1, matchString="door"))
    triggers.add(pattern(1, matchString="gate"))
    assert fired(triggers) == [(1, "gate")]


def test_triggers_may_be_removed_while_a_text_is_judged() -> None:
    triggers = made(received(1), received(2))
    seen = []
    for each, _ in triggers.for_text(HEARD, asks_level=False):
        seen.append(each.id)
        triggers.remove(2)
    assert seen == [1, 2]
    assert fired(triggers) == [(1, "")]


def test_a_broken_or_slow_trigger_does_not_keep_others_from_firing() -> None:
    triggers = made(
        received(1),
        pattern(2, matchType="regexMatch", matchString="("),
        pattern(3, **SLOW),
        received(4),
    )
    assert fired(triggers, replace(HEARD, text="a" * 40 + "!")) == [(1, ""), (4, "")]
    assert [each[:4] for each in triggers.faults()] == ["T2: ", "T3: "]


def test_each_fault_is_told_once() -> None:
    triggers = made(pattern(1, matchType="regexMatch", matchString="("))
    assert len(triggers.faults()) == 1
    fired(triggers)
    assert triggers.faults() == []
    assert [each.fault != "" for each in triggers] == [True]


def test_a_corrected_trigger_has_no_fault() -> None:
    triggers = made(pattern(1, matchType="regexMatch", matchString="("))
    triggers.add(pattern(1))
    assert triggers.faults() == []


def test_news_of_what_was_sent_fire_the_triggers_of_their_kind_and_number() -> None:
    def news(id_: int, kind: str, **props: str) -> Trigger:
        return Trigger.read(Indigos(id_, f"T{id_}", kind, props))

    triggers = made(
        news(4, UNDELIVERED, twilioNumber=str(OFFICE)),
        news(3, UNDELIVERED, twilioNumber=str(HOUSE)),
        news(2, UNDELIVERED, twilioNumber="ANYDEVICE"),
        news(1, FAILED),
        received(5),
        news(6, UNANSWERED),
    )
    assert [each.id for each in triggers.for_delivery(UNDELIVERED, HOUSE)] == [2, 3]
    assert [each.id for each in triggers.for_delivery(UNDELIVERED, None)] == [2]
    assert [each.id for each in triggers.for_delivery(FAILED, OFFICE)] == [1]
    assert [each.id for each in triggers.for_delivery(UNANSWERED, HOUSE)] == [6]
    assert fired(triggers) == [(5, "")]


def test_a_text_is_not_told_with_the_trigger() -> None:
    assert "gate" not in repr(HEARD)


# --- after an upgrade ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trigger", "told"),
    [
        (received(), None),
        (pattern(), None),
        (pattern(matchType="exactMatch", twilioNumber="ANYDEVICE"), None),
        (received(twilioNumber=str(HOUSE)), "T1: It fired for texts to every number before; "),
        (pattern(twilioNumber=str(HOUSE)), "T1: It fired for texts to every number before; "),
        (
            pattern(matchType="regexMatch", twilioNumber=str(HOUSE)),
            "T1: Its regular expression never worked before; it fires from now on",
        ),
        (pattern(matchType="regexMatch", matchString="("), None),
        (Trigger.read(Indigos(1, "T1", FAILED, {"twilioNumber": str(HOUSE)})), None),
    ],
)
def test_what_a_trigger_does_differently_from_the_old_plugin_is_told(
    trigger: Trigger, told: str | None
) -> None:
    sentence = changes_after_upgrade(trigger)
    assert (sentence is None) == (told is None)
    assert (sentence or "").startswith(told or "")


# --- the dialog ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_id", "values", "fields"),
    [
        ("messageReceived", {"twilioNumber": "ANYDEVICE"}, []),
        ("messageReceived", {"twilioNumber": str(HOUSE)}, []),
        ("messageReceived", {"twilioNumber": "7"}, ["twilioNumber"]),
        ("messageReceived", {"twilioNumber": "x"}, ["twilioNumber"]),
        ("messageReceived", {"twilioNumber": ""}, ["twilioNumber"]),
        ("textUndelivered", {}, ["twilioNumber"]),
        ("patternMatch", {"matchString": "gate"}, []),
        ("patternMatch", {"matchString": ""}, ["matchString"]),
        ("patternMatch", {"matchString": "("}, []),
        ("patternMatch", {"matchString": "(", "matchType": "regexMatch"}, ["matchString"]),
        ("patternMatch", {"matchString": "", "twilioNumber": "7"}, ["twilioNumber", "matchString"]),
    ],
)
def test_a_mistake_in_the_dialog_is_told_at_its_field(
    type_id: str, values: dict[str, str], fields: list[str]
) -> None:
    usual = {"matchType": "simpleMatch", "matchField": "messageText"}
    if type_id == "patternMatch":
        usual["twilioNumber"] = "ANYDEVICE"
    faults = event_faults(type_id, usual | values, {HOUSE})
    assert list(faults) == fields
    assert all("; expected " in each for each in faults.values())


def test_the_dialog_says_where_a_regex_is_wrong() -> None:
    values = {"matchType": "regexMatch", "matchField": "messageText", "matchString": "a**"}
    fault = event_faults("patternMatch", values | {"twilioNumber": "ANYDEVICE"}, ())["matchString"]
    assert "(multiple repeat at character 3)" in fault
