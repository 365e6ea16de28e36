"""Rules for inbound texts, made from the configuration as a user writes it."""

import json
import re
import time
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callbox.config import Config, load_config
from callbox.errors import ConfigError
from callbox.rules import Facts, Publish, Reading, Rule, Rulebook, RuleFault, Verdict

DARLA, BOB, STRANGER, OURS = "+12345000000", "+12345000001", "+15550001111", "+19999999999"
CONTACTS = {"Darla": DARLA, "Bob": BOB, "Night shift": ["Darla"]}
GATE = {"contains": "open the gate", "pin": "4711", "topic": "home/gate", "reply": "It opens."}


def load(*rules: object, contacts: object = None, **others: str) -> Config:
    variables = {
        "CALLBOX_INBOUND__RULES": json.dumps(rules),
        "CALLBOX_CONTACTS": json.dumps(CONTACTS if contacts is None else contacts),
        "CALLBOX_INBOUND__NUMBERS": f"whatsapp:{OURS}",
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "x",
        "HOME": "/home/me",
    }
    return load_config(None, variables | {f"CALLBOX_{key}": each for key, each in others.items()})


def book(*rules: object) -> Rulebook:
    return load(*rules).rulebook()


def faults(*rules: object, **others: Any) -> list[str]:  # noqa: ANN401 - see load
    with pytest.raises(ConfigError) as caught:
        load(*rules, **others)
    return caught.value.faults


def fault(rule: object, **others: Any) -> str:  # noqa: ANN401 - see load
    (only,) = faults(rule, **others)
    assert re.fullmatch(r"inbound\.rules, entry 1[^\n]+[.?]", only)
    return only


def texted(rules: Rulebook, body: str, sender: str = DARLA, name: str = "Darla") -> Verdict:
    return rules.judge(Facts(sender, OURS, name), rules.read(body, sender))


def published(body: str, sender: str = DARLA, **rule: object) -> str | None:
    ((_, payload),) = texted(book({"topic": "x"} | rule), body, sender).publishes
    return payload


# --- which text fits -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("match", "fitting", "other"),
    [
        ({}, "", None),
        ({"contains": "Open the gate"}, "please\nOPEN  the gate now", "open gate"),
        ({"contains": "öffnen"}, "Tor O\N{COMBINING DIAERESIS}FFNEN", "offnen"),
        ({"exact": "open  the gate"}, " Open\tThe Gate ", "open the gate now"),
        ({"exact": "gate open"}, '"Gate open",', "gate, open"),
        ({"exact": "gate?"}, "Gate?", "gate"),
        ({"exact": "!"}, "!", "?"),
        ({"regex": r"^heat to \d+$"}, "Heat to 21", "heat to max"),
        ({"regex": "gate"}, "the GATE, please", "door"),
    ],
)
def test_a_text_fits_whatever_its_capitals_and_white_space(
    match: dict[str, str], fitting: str, other: str | None
) -> None:
    rules = book(match | {"reply": "ok"})
    assert texted(rules, fitting).replies == ("ok",)
    assert other is None or texted(rules, other) == Verdict()


def test_the_first_rule_that_fits_wins_unless_it_goes_on() -> None:
    first = {"name": "first", "contains": "gate", "reply": "1"}
    rest = [{"contains": "door", "reply": "2"}, {"reply": "3"}, {"reply": "4"}]
    assert texted(book(first, *rest), "gate").fired == ("first",)
    goes_on = texted(book(first | {"continue": True}, *rest), "gate")
    assert (goes_on.replies, goes_on.fired) == (("1", "3"), ("first", "rule 3"))


def test_a_catastrophic_regex_is_no_match_and_a_line_in_the_log() -> None:
    sentence = "rule 1: its regex took too long for this text; make it simpler"
    for pin in ({}, {"pin": "4711"}):
        rules = book({"regex": "(a+)+$", "reply": "1"} | pin, {"reply": "2"})
        verdict = texted(rules, "4711 " + "a" * 1_600 + "!")
        assert (verdict.replies, verdict.faults) == (("2",), (sentence,))
    assert texted(rules, "4711 " + "a" * 1_600).replies == ("1",)


# --- who may --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("senders", "allowed"),
    [
        (None, {DARLA, BOB}),
        ("Darla", {DARLA}),
        (["Night shift"], {DARLA}),
        (["Bob", STRANGER], {BOB, STRANGER}),
        ("anyone", {DARLA, BOB, STRANGER}),
        (["Bob", "anyone"], {DARLA, BOB, STRANGER}),
    ],
)
def test_a_rule_is_for_those_it_names_and_for_contacts_if_it_names_nobody(
    senders: object, allowed: set[str]
) -> None:
    rules = book({"from": senders, "reply": "ok"})
    fired = {each for each in (DARLA, BOB, STRANGER, OURS) if texted(rules, "x", each).fired}
    assert fired == allowed


def test_a_text_from_our_own_number_sets_nothing_off() -> None:
    rules = load({"from": "anyone", "reply": "ok"}).rulebook([BOB])
    assert texted(rules, "x", OURS) == texted(rules, "x", BOB) == Verdict()


@given(
    st.text(),
    st.lists(
        st.sampled_from(
            [
                {"reply": "x"},
                {"from": "Darla", "reply": "x", "continue": True},
                {"from": ["Night shift", BOB], "regex": ".*", "topic": "x"},
                GATE,
            ]
        )
    ),
)
def test_a_stranger_never_fires_a_rule_that_is_not_for_anyone(
    body: str, written: list[dict[str, object]]
) -> None:
    rules = book(*written)
    assert texted(rules, body, STRANGER) == Verdict()
    assert texted(rules, f"{body} open the gate 4711", STRANGER) == Verdict()


# --- PINs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "rest"),
    [
        ("4711 open the gate", "open the gate"),
        ("open the gate 4711", "open the gate"),
        ("open\n4711\nthe gate", "open\nthe gate"),
        ("open the gate (4711)!", "open the gate"),
        ("open the gate, PIN:4711", "open the gate, PIN:"),
        ("open the gate4711", "open the gate"),
        ("4711open the gate", "open the gate"),
        ("4711 4711 open the gate 4711", "open the gate"),
    ],
)
def test_a_right_pin_opens_and_is_gone(body: str, rest: str) -> None:
    rules = book(GATE)
    assert rules.read(body, DARLA) == Reading(rest, frozenset({0}))
    assert texted(rules, body).publishes == (Publish("home/gate", None),)


def test_a_pin_of_letters_needs_no_capitals_and_its_rule_needs_the_pin() -> None:
    rules = book(GATE | {"pin": "Sesame"})
    assert texted(rules, "Open the gate, sesame.").replies == ("It opens.",)
    assert texted(rules, "Open the gate") == Verdict()


def test_digits_within_a_longer_number_are_no_pin() -> None:
    reading = book(GATE).read("open the gate for +12345004711", DARLA)
    assert reading == Reading("open the gate for +12345004711")


def test_a_pin_is_cut_for_strangers_too_and_opens_nothing() -> None:
    assert book(GATE).read("open the gate 4711", STRANGER) == Reading("open the gate")


def test_a_pin_fits_beside_an_exact_text_whatever_the_punctuation() -> None:
    rules = book(GATE | {"contains": None, "exact": "gate open"})
    for body in ("gate open, 4711!", "4711: gate open.", "(4711) Gate open", "gate open4711"):
        assert texted(rules, body).fired == ("rule 1",), body


@pytest.mark.parametrize(
    "match", [{"contains": "gate OPEN"}, {"exact": "gate open"}, {"regex": r"\bgate open\b"}]
)
def test_the_words_of_a_rule_are_no_guesses_at_its_pin(match: dict[str, str]) -> None:
    rules = book({"reply": "x", "pin": "safe"} | match)
    assert texted(rules, "gate open").replies == ()
    assert rules.read("gate open", DARLA) == Reading("gate open")
    assert rules.read("gate open safe", DARLA) == Reading("gate open", frozenset({0}))
    assert rules.read("gate open sage", DARLA) == Reading("gate open", wrong=1)


def test_an_accented_pin_is_the_same_in_every_form() -> None:
    rules = book(GATE | {"pin": "\N{LATIN SMALL LETTER E WITH ACUTE}t\u00e9s"})
    for form in ("NFC", "NFD"):
        body = unicodedata.normalize(form, "open the gate \u00c9T\u00c9S")
        assert rules.read(body, DARLA) == Reading("open the gate", frozenset({0}))


def test_a_wrong_pin_is_cut_and_counted_where_the_words_are_right() -> None:
    rules = book(GATE)
    assert rules.read("open the gate 0815", DARLA) == Reading("open the gate", wrong=1)
    assert rules.read("meet me at 1830", DARLA) == Reading("meet me at 1830")
    assert rules.read("open the gate 0815", STRANGER) == Reading("open the gate 0815")
    assert rules.read("open the gate 123456", DARLA) == Reading("open the gate 123456")
    assert texted(rules, "open the gate 0815") == Verdict()


@pytest.mark.parametrize("pin", ["4711", "abcz", "a1b2"])
@pytest.mark.parametrize("glue", ["/", ",", "-", "_", "\u200b", ".", "=", "\u0336"])
def test_guesses_are_counted_however_they_are_written(pin: str, glue: str) -> None:
    rules = book(GATE | {"contains": "open", "pin": pin})
    guesses = [f"{number:04}" if pin == "4711" else f"abc{number}" for number in range(9)]
    reading = rules.read("open gates " + glue.join(guesses), DARLA)
    assert reading.wrong == 9
    assert not any(guess in reading.body for guess in guesses)


def test_another_number_beside_the_right_pin_is_no_wrong_one() -> None:
    reading = book(GATE).read("open the gate 4711 at 1830", DARLA)
    assert reading == Reading("open the gate at 1830", frozenset({0}))


def test_a_number_of_the_text_itself_is_no_wrong_pin() -> None:
    rules = book(GATE | {"contains": None, "exact": "open gate 1234"})
    assert rules.read("open gate 1234", DARLA) == Reading("open gate 1234")
    assert rules.read("open gate 1234 4711", DARLA).right
    assert rules.read("open gate 1234 0815", DARLA) == Reading("open gate 1234", wrong=1)
    room = book(GATE | {"contains": None, "regex": r"room \d{4} please$"})
    assert room.read("room 1234 please 4711", DARLA).right
    assert room.read("room 1234 please 0815", DARLA) == Reading("room 1234 please", wrong=1)
    assert room.read("room 1234", DARLA) == Reading("room 1234")


def test_many_words_like_a_pin_are_guesses_even_with_the_right_one() -> None:
    rules = book(GATE)
    for last in (4711, 4712):
        reading = rules.read(f"open the gate 4709 4710 {last}", DARLA)
        assert reading == Reading("open the gate", wrong=3)
        assert rules.judge(Facts(DARLA, OURS), reading) == Verdict()


def test_the_pin_of_another_rule_is_a_wrong_one() -> None:
    rules = book(GATE, {"contains": "open the safe", "pin": "0815", "reply": "x"})
    assert rules.read("open the safe 4711", DARLA) == Reading("open the safe", wrong=1)
    assert texted(rules, "open the safe 4711") == Verdict()
    assert not rules.read("open the safe 0815", DARLA).wrong


def test_two_people_have_two_pins_for_the_same_words() -> None:
    rules = book(GATE | {"from": "Darla"}, GATE | {"from": "Bob", "pin": "0815"})
    assert texted(rules, "open the gate 4711", DARLA).fired == ("rule 1",)
    assert texted(rules, "open the gate 0815", BOB).fired == ("rule 2",)
    assert rules.read("open the gate 4711", BOB).wrong == 1


def test_one_may_have_two_pins_for_the_same_words() -> None:
    rules = book(GATE, GATE | {"pin": "0815"})
    assert rules.read("open the gate 0815", DARLA) == Reading("open the gate", frozenset({1}))
    assert rules.read("open the gate 4711 0815", DARLA).right == {0, 1}
    assert rules.read("open the gate 1111", DARLA).wrong == 1


def test_no_pin_of_a_locked_sender_is_believed_and_all_are_cut() -> None:
    rules = book(GATE)
    assert rules.read("open the gate 4711", DARLA, locked=True) == Reading("open the gate")
    assert rules.read("open the gate 0815", DARLA, locked=True) == Reading("open the gate", wrong=1)


def test_an_answer_shows_no_word_that_is_like_a_pin() -> None:
    rules = book(GATE, {"from": "anyone", "topic": "x", "reply": "you wrote {{ text }}"})
    for body in ("see 4711 there", "see 1111 there", "see 1111 2222 4711 there"):
        verdict = texted(rules, body, STRANGER)
        assert verdict.publishes == (Publish("x", None),)
        assert verdict.replies == ("you wrote see there",)


@pytest.mark.parametrize("sends", [{"reply": "all well"}, {"topic": "twilio/txt", "payload": "{}"}])
def test_no_rule_that_answers_tells_whether_a_word_is_a_pin(sends: dict[str, str]) -> None:
    rules = book(GATE, {"from": "anyone", "exact": "status", **sends})
    right, wrong = (texted(rules, f"status {word}", STRANGER) for word in ("4711", "1111"))
    assert right == wrong


def test_a_rule_that_names_a_number_itself_still_sees_it() -> None:
    rules = book(GATE, {"from": "anyone", "exact": "set 1830", "reply": "set"})
    assert texted(rules, "set 1830", STRANGER).replies == ("set",)


PINS = ("4711", "47110", "abcd", "a4b1", "\u00e9t\u00e9s", "47110abcd")
FORMS = [
    unicodedata.normalize(form, case)
    for pin in PINS
    for case in (pin, pin.upper(), pin.title())
    for form in ("NFC", "NFD")
]
SEPARATORS = [" ", "\n", ".", "-", "_", "/", "\u200b", "\u0489", "a", "4", "47", "!", "open"]
PARTS = st.one_of(st.sampled_from([*FORMS, *SEPARATORS]), st.text(max_size=3))
BODIES = st.lists(PARTS, max_size=12).map("".join)
SENDERS = st.sampled_from([DARLA, STRANGER, OURS])
PIN_RULES = [{"pin": pin, "contains": "a", "reply": "x"} for pin in PINS]


def words_of(text: str) -> set[str]:
    plain = unicodedata.normalize("NFC", text)
    words = re.findall(r"[^\W_]+|\d+", plain) + re.findall(r"\d+", plain)
    return {unicodedata.normalize("NFC", word.casefold()) for word in words}


@given(BODIES, SENDERS, st.booleans())
def test_no_pin_survives_whatever_stands_around_it(body: str, sender: str, locked: bool) -> None:
    rest = book(*PIN_RULES).read(body, sender, locked).body
    assert words_of(rest).isdisjoint(PINS)


@given(BODIES, SENDERS)
def test_what_was_read_reads_the_same_again(body: str, sender: str) -> None:
    rules = book(*PIN_RULES)
    reading = rules.read(body, sender)
    again = rules.read(reading.body, sender)
    if not (reading.right or reading.wrong):  # what stood beside a word now stands alone
        assert (again.body, again.right, again.wrong) == (reading.body, frozenset(), 0)
    assert rules.read(reading.body, STRANGER).body == reading.body


@given(
    st.sampled_from(["4711", "abcd", "a4b1", "\u00e9t\u00e9s"]),
    st.sampled_from(["0815", "abce", "e\u0301te\u0301z", "a4b2", "4711", "0042"]),
    st.sampled_from([{"contains": "gate"}, {"exact": "gate 1234"}, {"regex": r"^gate \d{4}\b"}]),
    st.lists(
        st.one_of(st.just("PIN"), st.sampled_from(["gate", " 1234", *SEPARATORS])), max_size=6
    ),
)
def test_where_the_right_pin_opens_another_is_counted_and_opens_nothing(
    pin: str, guess: str, match: dict[str, str], parts: list[str]
) -> None:
    if (pin == "4711") != guess.isdecimal() or pin == guess:
        return
    other = {"contains": "safe", "pin": "0042", "reply": "y"}
    rules = book(match | {"pin": pin, "reply": "x"}, other)
    text = (
        " ".join(["gate 1234", *parts, "PIN"]) if "exact" in match else "".join(["gate ", *parts])
    )
    if texted(rules, text.replace("PIN", pin)).fired:
        reading = rules.read(text.replace("PIN", guess), DARLA)
        assert reading.wrong >= 1
        assert not reading.right
        assert unicodedata.normalize("NFC", guess) not in words_of(reading.body)


@given(
    st.lists(st.integers(0, 9999), min_size=1, max_size=9, unique=True),
    st.sampled_from(sorted({*SEPARATORS} - {"4", "47"})),
    st.data(),
)
def test_no_reply_to_a_stranger_tells_a_pin_among_words_like_one(
    numbers: list[int], glue: str, data: st.DataObject
) -> None:
    answers = [{"from": "anyone", "regex": r"\d{4}\D+\d{4}\D+\d{4}", "reply": "three"}]
    answers.append({"from": "anyone", "reply": "you wrote {{ text }}"})
    words = [f"{number:04}" for number in numbers]
    pin = data.draw(st.sampled_from(words))
    unlike = next(f"{number:04}" for number in range(10) if number not in numbers)
    replies = {
        texted(book(GATE | {"pin": each}, *answers), glue.join(words), STRANGER).replies
        for each in (pin, unlike)
    }
    assert len(replies) == 1


@given(st.text(), st.text())
def test_a_pin_between_white_space_never_survives(before: str, after: str) -> None:
    reading = book(GATE).read(f"{before} 4711 {after}", STRANGER)
    assert "4711" not in reading.body.split()


@given(st.text(alphabet=st.characters(exclude_categories=["Nd", "Cs"])))
def test_a_text_without_a_pin_stays_as_it_is(body: str) -> None:
    assert book(GATE).read(body, DARLA) == Reading(body)


@pytest.mark.parametrize("word", ["0007", "{:04}", "a{:04}", "{:04}a", "0007.", "a0007"])
def test_a_text_of_words_like_pins_is_read_in_no_time(word: str) -> None:
    rules = book(*(GATE | {"contains": "a", "pin": f"{pin:04}"} for pin in range(99)), GATE)
    body = " ".join(word.format(number) for number in range(4096 // (len(word.format(0)) + 1)))
    begin = time.perf_counter()
    rules.read("a " + body, DARLA)
    assert time.perf_counter() - begin < 2


def test_a_rule_is_asked_a_few_times_however_many_words_look_like_its_pin() -> None:
    for many in (1, 2, 3, 4, 800):
        asked: list[str] = []
        rule = Rule("x", None, lambda text, asked=asked: asked.append(text), "4711")  # type: ignore[misc]
        Rulebook([rule]).read(" ".join(f"{5000 + number}" for number in range(many)), DARLA)
        assert len(asked) <= 4


def test_a_slow_regex_is_not_tried_with_one_guess_after_the_other() -> None:
    asked: list[str] = []

    def slow(text: str) -> None:
        asked.append(text)
        raise RuleFault("too slow")

    rules = Rulebook([Rule("x", None, slow, "4711")])
    assert rules.read("open 1111 2222 3333", DARLA).wrong == 0
    assert len(asked) == 1
    assert rules.judge(Facts(DARLA, OURS), rules.read("open 4711", DARLA)).faults


# --- templates ------------------------------------------------------------------------------------


def test_a_template_shows_every_field_and_the_groups_of_the_regex() -> None:
    source = (
        "{{ text }}|{{ sender }}|{{ to }}|{{ name }}|{{ sid }}|{{ channel }}|{{ received_at }}|"
        "{{ media | join(' ') }}|{{ degrees }}|{{ unit }}"
    )
    rules = book({"regex": r"heat to (?P<degrees>\d+)(?P<unit>[CF])?", "reply": source})
    facts = Facts(DARLA, OURS, "Darla", "SM1", "whatsapp", "2026-01-31T08:00:00Z", ("u", "v"))
    verdict = rules.judge(facts, rules.read("Heat to 21", DARLA))
    assert verdict.replies == (
        f"Heat to 21|{DARLA}|{OURS}|Darla|SM1|whatsapp|2026-01-31T08:00:00Z|u v|21|",
    )


@pytest.mark.parametrize(
    "payload",
    [
        '{"said": "{{ text }}"}',
        '{ "said": {{ text | tojson }} }',
        '{"said": "{{ text | trim }}"}',
        '{% if media %}no{% else %}{"said": "{{ text }}"}{% endif %}',
        '{# "%}" note #}{"said": "{{ text }}"}',
        '{% set said = text %}\n{"said": "{{ said }}"}',
        '{% if media %}{{ sid }}{% elif name %} {"said": "{{ text }}"}{% endif %}',
        '{% for each in [text] %}{"said": "{{ each }}"}{% endfor %}',
        '{% raw %}{{% endraw %}"said": "{{ text }}"}',
    ],
)
@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"])).map(str.strip))
def test_no_text_can_add_a_key_to_a_document(payload: str, text: str) -> None:
    for body in (text, f'x", "said": "{text}'):
        filled = published(body, payload=payload)
        assert json.loads(filled or "") == {"said": body}


@pytest.mark.parametrize("first", ["1", "-1.5", "true", "null", '""', "[]", "{}"])
def test_no_text_can_add_to_a_list(first: str) -> None:
    filled = published('x", "y', payload=f'[{first}, "{{{{ text }}}}"]')
    assert json.loads(filled or "")[1:] == ['x", "y']


@pytest.mark.parametrize("topic", ["twilio/txt", "twilio/call", "site/7/txt"])
def test_no_text_can_add_to_a_request_however_it_begins(topic: str) -> None:
    payload = """{{ '{"message": "' }}{{ text }}"}"""
    assert published('x", "y": "z', topic=topic, payload=payload) == (
        """{\\"message\\": \\"x\\", \\"y\\": \\"z"}"""
    )
    whole = "{{ {'message': text} | tojson }}"
    assert json.loads(published('"', topic=topic, payload=whole) or "") == {"message": '"'}


def test_a_payload_that_is_not_json_is_filled_in_as_it_is() -> None:
    for payload in ("{{ name }} [{{ text }}", "{{ name }}{% if name %} [{% endif %}{{ text }}"):
        assert published('say "hi" <b>', payload=payload) == 'Darla [say "hi" <b>'
    assert published("7", payload="{{ text }}") == "7"
    assert published("x") is None


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}",
        "{{ text.__class__.__mro__ }}",
        "{{ text['__class__'] }}",
        "{{ text | attr('__class__') }}",
        "{{ self.__init__ }}",
        "{% include 'x' %}",
        "{% import text as x %}",
        "{{ range(9) }}",
        "{{ cycler }}",
    ],
)
def test_a_template_that_reaches_for_more_is_refused(source: str) -> None:
    assert "entry 1.reply" in fault({"reply": source})


@pytest.mark.parametrize(
    "source",
    [
        "{{ text['__cla' ~ 'ss__'] }}",
        "{{ [text] | map(attribute='__class__') | first }}",
        "{{ '{0.__class__}'.format(text) }}",
        "{{ 1 / 0 }}",
        "{{ media[0] }}",
        "{{ '\\ud83d' }}",
    ],
)
def test_a_template_that_cannot_be_filled_in_does_nothing_but_a_line_in_the_log(
    source: str,
) -> None:
    verdict = texted(book({"topic": "x", "payload": "fine", "reply": source}), "secret words")
    (line,) = verdict.faults
    assert verdict == Verdict(faults=(line,))
    assert line.startswith("rule 1 did nothing: a template cannot be filled in")
    assert "secret" not in line


def test_a_long_reply_is_cut_and_a_large_payload_is_not_published() -> None:
    (reply,) = texted(book({"reply": "{{ text * 4 }}"}), "abcd" * 400).replies
    assert (len(reply), reply[-4:]) == (1_600, "a...")
    verdict = texted(book({"topic": "x", "payload": "{{ text * 100 }}"}), "ä" * 1_600)
    assert verdict.faults == ("rule 1 did nothing: its payload has more than 131072 bytes",)


def test_an_empty_reply_is_none() -> None:
    verdict = texted(book({"reply": "{% if name == 'Bob' %}Hello{% endif %}"}), "x")
    assert (verdict.replies, verdict.fired) == ((), ("rule 1",))


# --- how rules are written ------------------------------------------------------------------------

BAD_RULES = [
    ({}, ": a rule does something; expected topic, reply or both."),
    ({"reply": " "}, ": a rule does something"),
    ("x", ": expected a rule: keys like"),
    ({"reply": "x", "topc": "y"}, ".topc (CALLBOX_INBOUND__RULES): it is not a key of a rule"),
    ({"reply": "x", "payload": "x"}, "payload needs a topic"),
    ({"reply": "x", "exact": "a", "regex": "b"}, "only one of contains, exact and regex"),
    ({"reply": "x", "regex": "(a"}, ".regex (CALLBOX_INBOUND__RULES): it is no regular"),
    ({"reply": "x", "regex": "(?P<text>a)"}, "text is a field already"),
    ({"reply": "x", "regex": 3}, "expected text"),
    ({"reply": "x", "pin": "123"}, ".pin (CALLBOX_INBOUND__RULES): expected 4 to 32 letters or d"),
    ({"reply": "x", "pin": "12 34"}, "expected 4 to 32 letters or digits."),
    ({"reply": "x", "pin": "12-34"}, "expected 4 to 32 letters or digits."),
    ({"reply": "x", "pin": "a_bcd"}, "expected 4 to 32 letters or digits."),
    ({"reply": "x", "pin": "1" * 33}, "expected 4 to 32 letters or digits."),
    ({"reply": "x", "pin": "ab\u030cde"}, "expected 4 to 32 letters or digits."),
    ({"reply": "x", "pin": "\u01f0abc"}, "expected 4 to 32 letters or digits."),
    ({"reply": "x", "pin": 4711}, "expected text"),
    ({"reply": "x", "pin_file": "/nowhere/pin"}, "cannot read /nowhere/pin"),
    ({"reply": "x", "pin": "4711", "pin_file": "/dev/null"}, "is empty"),
    ({"reply": "x", "continue": "maybe"}, ".continue (CALLBOX_INBOUND__RULES): expected true"),
    ({"reply": "{{ nmae }}"}, "nmae is not a field; did you mean name?"),
    ({"reply": "{{ xyzzy }}"}, "xyzzy is not a field; expected text, sender, to, name"),
    ({"reply": "{{ x"}, "it is no template: unexpected end of template"),
    ({"reply": "{{ text | shout }}"}, "No filter named 'shout'"),
    ({"reply": 3}, "expected text"),
    ({"topic": "x", "payload": {"open": True}}, "put quotes around JSON"),
    ({"topic": "a/#"}, ".topic (CALLBOX_INBOUND__RULES): expected a topic"),
    ({"topic": "$SYS/x"}, "expected a topic"),
    ({"topic": "home/{{ name }}"}, "a topic has no fields"),
    ({"topic": "twilio/bridge/state"}, "Callbox publishes there itself"),
    ({"topic": "twilio/message"}, "Callbox publishes there itself"),
    ({"topic": "twilio/call/received"}, "Callbox publishes there itself"),
    ({"topic": "twilio/txt"}, ".payload (CALLBOX_INBOUND__RULES): twilio/txt takes requests"),
    ({"from": "Dalra", "reply": "x"}, "neither a contact (did you mean Darla?) nor a phone"),
    ({"from": "12345000123", "reply": "x"}, "'\N{HORIZONTAL ELLIPSIS}0123' is neither a contact"),
    ({"from": {"a": 1}, "reply": "x"}, ".from (CALLBOX_INBOUND__RULES): expected a list"),
]


@pytest.mark.parametrize(("rule", "expected"), BAD_RULES)
def test_a_bad_rule_is_told_in_one_sentence_with_its_place(rule: object, expected: str) -> None:
    told = fault(rule)
    assert expected in told.replace("entry 1 (CALLBOX_INBOUND__RULES)", "entry 1")
    assert len(told) < 300


def test_faults_of_several_rules_are_told_at_once() -> None:
    told = faults({"reply": "x", "pin": "1", "topc": "x"}, {"topic": "#"}, {"regex": "("})
    assert [each.partition(" (")[0] for each in told] == [
        "inbound.rules, entry 1.pin",
        "inbound.rules, entry 1.topc",
        "inbound.rules, entry 2.topic",
        "inbound.rules, entry 3.regex",
    ]
    told = faults({"from": "Eve", "topic": "twilio/txt"}, {"topic": "twilio/bridge/x"})
    assert [each.partition(" (")[0] for each in told] == [
        "inbound.rules, entry 1.from",
        "inbound.rules, entry 1.payload",
        "inbound.rules, entry 2.topic",
    ]


def test_a_contact_with_the_name_anyone_opens_no_door() -> None:
    told = fault({"from": "anyone", "reply": "x"}, contacts={"anyone": DARLA})
    assert "rename the contact" in told


def test_topics_count_from_the_base_topic_and_requests_may_be_made() -> None:
    load({"topic": "twilio/bridge/x"}, MQTT__BASE_TOPIC="site")
    assert "itself" in fault({"topic": "site/bridge/x"}, MQTT__BASE_TOPIC="site")
    load({"topic": "twilio/txt", "payload": "{}"}, {"topic": "twilio/call", "payload": "{}"})


def test_there_are_at_most_a_hundred_rules() -> None:
    (told,) = faults(*({"reply": "x"} for _ in range(101)))
    assert told.endswith("expected at most 100 of them.")


@pytest.mark.parametrize("key", ["pin", "pin_file"])
def test_a_pin_is_never_told(key: str, tmp_path: Any) -> None:  # noqa: ANN401 - a path
    (tmp_path / "pin").write_text("47114711\n")
    value = str(tmp_path / "pin") if key == "pin_file" else "47114711"
    config = load({"reply": "x", key: value})
    rules = config.rulebook()
    assert rules.read("47114711", DARLA).right
    shown = f"{config!r} {config.inbound.rules!r} {config.public()} {rules._rules!r}"
    assert "47114711" not in shown
    assert "47114711" not in "".join(faults({"reply": "x", key: value, "topic": "#"}))
    assert "4711 4711" not in "".join(faults({"reply": "x", "pin": "4711 4711"}))


def test_a_file_of_a_pin_counts_from_the_folder_of_the_configuration(tmp_path: Any) -> None:  # noqa: ANN401 - a path
    (tmp_path / "gate.pin").write_text("4711")
    path = tmp_path / "callbox.yaml"
    path.write_text(
        "contacts: {Darla: +12345000000}\n"
        "inbound:\n  rules:\n    - {pin_file: gate.pin, reply: It opens., continue: yes}\n"
    )
    account = {"TWILIO_ACCOUNT_SID": "x", "TWILIO_AUTH_TOKEN": "x", "HOME": "/home/me"}
    rules = load_config(path, account).rulebook()
    assert texted(rules, "4711").replies == ("It opens.",)
    path.write_text("inbound:\n  rules:\n    - reply: a\n      reply: b\n")
    with pytest.raises(ConfigError, match="line 4: reply stands there a second time"):
        load_config(path, account)
