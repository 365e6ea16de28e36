"""Contacts and groups of an Indigo home: numbers as people write them, who gets what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callbox.domain.phone import is_e164
from callbox.domain.request import Fault
from callbox.indigo.mistake import Mistake
from callbox.indigo.people import OTHER, Level, People, level_of_word, number_of

OURS = "+19999999999"
DARLA, BOB, LONDON = "+12345000000", "+12345000001", "+442079460958"


@dataclass(frozen=True)
class Snapshot:
    """A device as Indigo gives it."""

    id: int
    name: str
    deviceTypeId: str = "twilioContact"  # noqa: N815 - Indigo's name for it
    enabled: bool = True
    pluginProps: Mapping[str, Any] = field(default_factory=dict)  # noqa: N815 - Indigo's


def contact(id_: int, name: str, number: object, level: str = "none", **more: Any) -> Snapshot:  # noqa: ANN401 - of a device
    return Snapshot(id_, name, pluginProps={"contactNumber": number, "accessLevel": level}, **more)


def group(id_: int, name: str, members: object) -> Snapshot:
    return Snapshot(id_, name, "twilioGroup", pluginProps={"members": members})


HOME = (
    Snapshot(9, "House", "twilioNumber", pluginProps={"twilioNumber": OURS}),
    contact(1, "Darla", "+1 (234) 500-0000", "trusted"),
    contact(2, "bob", "234.500.0001", "limited"),
    contact(3, "Broken", "call me"),
    contact(4, "Nobody", ""),
    group(10, "Family", ["2", "1"]),
    group(11, "Alarm", ["1", "3", "99"]),
    group(12, "Empty", []),
    group(13, "Gone", ["98", "99"]),
    group(14, "All broken", ["3", "4"]),
    group(15, "As text", "1, 2"),
    group(16, "Unset", None),
)
PEOPLE = People.of(HOME, OURS)


def mistake(choice: str | None, free: str = "") -> Mistake:
    with pytest.raises(Mistake) as caught:
        PEOPLE.resolve(choice, free, OURS, "smsTo")
    return caught.value


# --- numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+12345000000", DARLA),
        (" +1 (234) 500-0000 ", DARLA),
        ("+1.234.500.0000", DARLA),
        ("+1\u2011234\u2013500\u00a00000", DARLA),
        ("\u202a+12345000000\u202c", DARLA),
        ("001 234 500 0000", DARLA),
        ("+44 (0)20 7946 0958", LONDON),
        ("0044 20 7946 0958", LONDON),
        ("[+44] 20 7946 0958", LONDON),
    ],
)
def test_a_number_is_understood_as_people_write_it(written: str, number: str) -> None:
    assert number_of(written) == number


@pytest.mark.parametrize("written", ["2345000000", "(234) 500-0000", "1-234-500-0000"])
def test_a_national_number_is_understood_where_ours_is_north_american(written: str) -> None:
    assert number_of(written, OURS) == DARLA
    for ours in ("", LONDON):
        with pytest.raises(Mistake):
            number_of(written, ours)


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "+",
        "call me",
        "12345",
        "0234500000",
        "1134500000",
        "+0123456789",
        "+1234x5",
        "++1234",
        "+1234567890123456",
        "whatsapp:+12345000000",
        "WhatsApp:+12345000000",
        "+123,+124",
        "\N{ARABIC-INDIC DIGIT TWO}345000000",
    ],
)
def test_what_is_no_number_is_refused_with_the_expected_form(written: str) -> None:
    with pytest.raises(Mistake, match=r"expected \+ and the country code before the number$"):
        number_of(written, OURS)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", "No phone number is given; "),
        ("whatsapp:+12345000000", "WhatsApp cannot be used here; "),
        ("Darla", "'Darla' is not a phone number; "),
        ("0234 500 0000", "'…0000' is not a phone number; "),
    ],
)
def test_a_refused_number_says_why_and_is_masked(written: str, told: str) -> None:
    with pytest.raises(Mistake) as caught:
        number_of(written, OURS)
    assert caught.value.sentence.startswith(told)
    assert caught.value.field == ""


@given(st.text(), st.sampled_from(["", OURS, LONDON]))
def test_whatever_is_written_becomes_a_number_or_a_mistake(written: str, ours: str) -> None:
    try:
        number = number_of(written, ours)
    except Mistake:
        return
    assert is_e164(number)
    assert number_of(number, ours) == number


# --- access levels -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "level"),
    [
        ("none", Level.NONE),
        ("limited", Level.LIMITED),
        ("Trusted ", Level.TRUSTED),
        ("unlimited", Level.UNLIMITED),
        ("", Level.NONE),
        ("everything", Level.NONE),
        (None, Level.NONE),
        (3, Level.NONE),
    ],
)
def test_an_unknown_access_level_allows_nothing(word: object, level: Level) -> None:
    assert level_of_word(word) is level


def test_a_stranger_has_no_level_and_no_name() -> None:
    assert PEOPLE.level_of("+15550001111") is None
    assert PEOPLE.name_of("+15550001111") is None
    assert PEOPLE.device_of("+15550001111") is None


def test_a_contact_is_known_by_number_however_it_is_written() -> None:
    assert (PEOPLE.name_of(DARLA), PEOPLE.level_of(DARLA), PEOPLE.device_of(DARLA)) == (
        "Darla",
        Level.TRUSTED,
        1,
    )
    assert (PEOPLE.name_of(BOB), PEOPLE.level_of(BOB)) == ("bob", Level.LIMITED)


def test_a_contact_without_number_is_no_sender_without_number() -> None:
    assert PEOPLE.name_of("") is None
    assert PEOPLE.level_of("") is None


def test_of_contacts_with_the_same_number_the_highest_level_counts() -> None:
    both = People.of((contact(5, "Work", DARLA, "unlimited"), contact(4, "Home", DARLA, "limited")))
    assert both.level_of(DARLA) is Level.UNLIMITED
    assert both.name_of(DARLA) == "Home"
    assert both.device_of(DARLA) == 4


def test_a_disabled_contact_may_nothing_and_can_still_be_texted() -> None:
    people = People.of((contact(1, "Darla", DARLA, "unlimited", enabled=False),))
    assert people.level_of(DARLA) is Level.NONE
    assert people.resolve("1", "", OURS, "smsTo") == (("Darla", DARLA),)


# --- menus ---------------------------------------------------------------------------------------


def test_the_menu_lists_contacts_and_groups_by_name() -> None:
    names = [name for _, name in PEOPLE.choices()]
    assert names == sorted(names, key=str.casefold)
    assert ("1", "Darla") in PEOPLE.choices()
    assert ("10", "Family") in PEOPLE.choices()
    assert "House" not in names


def test_the_menu_of_contacts_has_no_groups() -> None:
    assert PEOPLE.choices(groups=False) == [
        ("2", "bob"),
        ("3", "Broken"),
        ("1", "Darla"),
        ("4", "Nobody"),
    ]


# --- who is meant --------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", [None, "", OTHER])
def test_without_a_contact_the_free_field_counts(choice: str | None) -> None:
    found = PEOPLE.resolve(choice, "+1 234 500 0000; 5550001111 ,", OURS, "smsTo")
    assert found == (("Darla", DARLA), ("+15550001111", "+15550001111"))


def test_the_free_field_does_not_count_with_a_contact() -> None:
    assert PEOPLE.resolve("2", "+15550001111", OURS, "smsTo") == (("bob", BOB),)


def test_a_group_is_everyone_in_it_each_number_once() -> None:
    people = People.of(
        (
            contact(1, "Darla", DARLA),
            contact(2, "Darla at work", DARLA),
            contact(3, "Bob", BOB),
            group(10, "Family", ["1", "2", "3", "3"]),
        )
    )
    assert people.resolve("10", "", OURS, "smsTo") == (("Darla", DARLA), ("Bob", BOB))
    assert people.resolve(None, f"{BOB}, {BOB}", OURS, "smsTo") == (("Bob", BOB),)


def test_members_are_read_from_a_list_or_from_text() -> None:
    assert PEOPLE.resolve("10", "", OURS, "smsTo") == (("bob", BOB), ("Darla", DARLA))
    assert PEOPLE.resolve("15", "", OURS, "smsTo") == (("Darla", DARLA), ("bob", BOB))


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ("99", "The chosen contact (id 99) is not there anymore; "),
        ("9", "The chosen contact (id 9) is not there anymore; "),
        ("3", "Broken: 'call me' is not a phone number; "),
        ("4", "Nobody: No phone number is given; "),
        ("11", "Broken: 'call me' is not a phone number; "),
        ("12", "Empty: Nobody is in this group; "),
        ("13", "Gone: Nobody is in this group; "),
        ("16", "Unset: Nobody is in this group; "),
    ],
)
def test_a_choice_that_cannot_be_reached_is_named(choice: str, told: str) -> None:
    caught = mistake(choice)
    assert caught.sentence.startswith(told)
    assert "; expected " in caught.sentence
    assert caught.field == "twilioContact"


@pytest.mark.parametrize("free", ["", " ,; ", f"{DARLA}, call me"])
def test_a_mistake_in_the_free_field_is_told_there(free: str) -> None:
    assert mistake(OTHER, free).field == "smsTo"


def test_one_wrong_number_keeps_an_alarm_from_nobody_else() -> None:
    reached = PEOPLE.reach("11", "", OURS, "smsTo")
    darla, broken = reached
    assert darla == ("Darla", DARLA)
    assert isinstance(broken, Fault)
    assert (broken.name, broken.message.partition(";")[0]) == (
        "Broken",
        "'call me' is not a phone number",
    )


def test_where_nobody_can_be_reached_it_is_a_mistake() -> None:
    with pytest.raises(Mistake, match=r"^Broken: "):
        PEOPLE.reach("14", "", OURS, "smsTo")


def test_a_home_without_people_has_an_empty_menu() -> None:
    people = People.of(())
    assert people.choices() == []
    assert people.resolve(None, DARLA, "", "smsTo") == ((DARLA, DARLA),)


def test_people_are_not_told_with_their_numbers() -> None:
    assert "5000001" not in repr(PEOPLE)
