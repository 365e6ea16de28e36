"""The simulator's pure parts: addresses, dates, timelines, faults."""

import time
from datetime import UTC, datetime

import pytest

from callbox.simulator import BadOrder
from callbox.simulator.api.ask import Ask, params
from callbox.simulator.api.listing import interval
from callbox.simulator.faults.fault import EFFECTS, PLANS
from callbox.simulator.faults.rules import Faults
from callbox.simulator.records import address
from callbox.simulator.records.clock import hastened
from callbox.simulator.records.date import http_date, rfc2822, span
from callbox.simulator.records.ledger import Ledger
from callbox.simulator.records.record import Record
from callbox.simulator.records.timeline import timeline

SENT_BY_NUMBER = ("queued", "sent", "delivered")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+15005550006", "+15005550006"),
        ("15005550006", "+15005550006"),
        ("(500) 555-0006", "+15005550006"),
        (" 15005550006", "+15005550006"),
        ("+447911123456", "+447911123456"),
        ("+1500555000", None),
        ("+05005550006", None),
        ("+4479111234567890", None),
        ("+12065550\N{ARABIC-INDIC DIGIT ONE}00", None),
        ("", None),
        ("mum", None),
    ],
)
def test_a_number_is_read_as_twilio_reads_it(text: str, number: str | None) -> None:
    assert address.phone(text) == number


@pytest.mark.parametrize(
    ("text", "sender"),
    [
        ("12345", "12345"),
        ("\N{FULLWIDTH DIGIT ONE}2345", None),
        ("Callbox", "Callbox"),
        ("Door 2", "Door 2"),
        ("TwelveLetter", None),
        ("whatsapp:+15005550006", "whatsapp:+15005550006"),
        ("whatsapp:mum", None),
        ("pigeon:+15005550006", None),
        ("messenger:103", "messenger:103"),
        ("!!!", None),
    ],
)
def test_a_sender_may_be_a_number_a_code_a_name_or_on_a_channel(
    text: str, sender: str | None
) -> None:
    assert address.sender(text) == sender


def test_form_parameters_may_repeat_be_empty_and_hold_anything() -> None:
    form = params("To=%2B1500&MediaUrl=a&MediaUrl=b&Body=h%C3%A9+%26+you%3D&Empty=&&=x&Bare")
    assert form == {
        "To": ["+1500"],
        "MediaUrl": ["a", "b"],
        "Body": ["hé & you="],
        "Empty": [""],
        "Bare": [""],
    }


def test_dates_are_written_as_twilio_writes_them() -> None:
    assert rfc2822(1599427562.9) == "Sun, 06 Sep 2020 21:26:02 +0000"
    assert http_date(1599427562.9) == "Sun, 06 Sep 2020 21:26:02 GMT"
    assert rfc2822(None) is None


THAT_DAY, NOON, ONE = "2026-09-21", "2026-09-21T12:00:00Z", "2026-09-21T13:00:00Z"


@pytest.mark.parametrize(
    ("filters", "first", "last"),
    [
        ({"DateSent": THAT_DAY}, 0.0, 86_399.9),
        ({"DateSent<": THAT_DAY, "DateSent>": THAT_DAY}, 0.0, 86_399.9),
        ({"DateSent>": NOON, "DateSent<": ONE}, 43_200.0, 46_800.9),
        ({"DateSent": THAT_DAY, "DateSent>": NOON}, 43_200.0, 86_399.9),
    ],
)
def test_a_filter_by_date_includes_both_its_ends(
    filters: dict[str, str], first: float, last: float
) -> None:
    asked = Ask("", "", "", {name: [value] for name, value in filters.items()}, 0.0)
    found = interval(asked, "DateSent")
    assert found is not None
    day = datetime(2026, 9, 21, tzinfo=UTC).timestamp()
    held = [found.holds(day + at) for at in (first - 0.1, first, last, last + 0.2)]
    assert held == [False, True, True, False]
    assert not found.holds(None), "what was not sent was sent at no date"


def test_a_date_spans_its_day_and_a_time_its_second() -> None:
    first, last = span("2020-09-06")
    assert (first, round(last - first, 3)) == (1599350400.0, 86400.0)
    assert last < first + 86400
    first, last = span("2020-09-06T21:26:02Z")
    assert first == 1599427562.0
    assert first + 0.9 < last < first + 1


@pytest.mark.parametrize(
    ("pace", "elapsed", "stage"),
    [(1.0, 0.0, 0), (1.0, 0.9, 0), (1.0, 1.0, 1), (1.0, 99.0, 2), (0.0, 0.0, 0), (0.0, 0.001, 2)],
)
def test_a_status_comes_with_each_step_of_the_pace(pace: float, elapsed: float, stage: int) -> None:
    assert timeline(SENT_BY_NUMBER, pace).stage(elapsed) == stage


def _record(number: int, to: str = "+15550000001", account: str = "AC1") -> Record:
    return Record(
        sid=f"SM{number}",
        account_sid=account,
        to=to,
        sender=None,
        status_callback=None,
        created_at=float(number),
        arrived_at=float(number),
        timeline=timeline(SENT_BY_NUMBER, 1.0),
    )


def test_a_ledger_finds_and_forgets_by_sid_recipient_and_place() -> None:
    ledger: Ledger[Record] = Ledger()
    records = [_record(1), _record(2, to="+15550000002"), _record(3), _record(4, account="AC2")]
    for record in records:
        ledger.add(record)
    first, second, third, other = records

    assert ledger.find("AC1", "SM2") is second
    assert ledger.find("AC1", other.sid) is None
    assert list(ledger.newest("AC1", None, None)) == [third, second, first]
    assert list(ledger.newest("AC1", "+15550000001", None)) == [third, first]
    assert list(ledger.newest("AC1", None, third)) == [second, first]
    assert list(ledger.newest("AC1", "+15550000009", None)) == []

    ledger.remove(first)
    assert ledger.find("AC1", "SM1") is None
    assert ledger.records == [second, third, other]
    assert list(ledger.newest("AC1", "+15550000001", None)) == [third]


def test_a_full_ledger_lets_the_oldest_go_wherever_it_would_be_found() -> None:
    ledger: Ledger[Record] = Ledger(most=2)
    first, second, third = _record(1), _record(2, to="+15550000002"), _record(3)
    for record in (first, second, third):
        ledger.add(record)
    assert ledger.records == [second, third]
    assert ledger.find("AC1", "SM1") is None
    assert list(ledger.newest("AC1", "+15550000001", None)) == [third]
    assert ledger._by_recipient.keys() == {second.to, third.to}
    for number in range(4, 9):
        ledger.add(_record(number, to=f"+1555000000{number}"))
        ledger.remove(ledger.records[-1])
    assert [record.sid for record in ledger.removed] == ["SM7", "SM8"]
    assert len(ledger._by_recipient) == len(ledger.records) == 1, "nobody is remembered in vain"


def _clock() -> float:
    return 100.0


def _hits(seed: int, rules: list[dict[str, object]], number: int = 40) -> list[bool]:
    faults = Faults(seed, _clock)
    faults.set(rules)
    return [faults.plan("create-message").answer is not None for _ in range(number)]


def test_the_same_seed_draws_the_same_faults_and_another_seed_others() -> None:
    rules: list[dict[str, object]] = [{"on": "create", "share": 0.5, "status": 503}]
    assert _hits(7, rules) == _hits(7, rules)
    assert _hits(7, rules) != _hits(8, rules)
    assert 10 < sum(_hits(7, rules)) < 30


def test_requests_that_a_rule_does_not_concern_do_not_disturb_its_draws() -> None:
    faults = Faults(7, _clock)
    faults.set([{"on": "create", "share": 0.5, "status": 503}])
    drawn = []
    for _ in range(40):
        faults.plan("list-messages")
        drawn.append(faults.plan("create-message").answer is not None)
    assert drawn == _hits(7, [{"on": "create", "share": 0.5, "status": 503}])


def test_about_the_given_share_of_refused_creates_is_created_all_the_same() -> None:
    faults = Faults(1, _clock)
    faults.set([{"on": "create", "status": 503, "created": 0.33}])
    plans = [faults.plan("create-call") for _ in range(300)]
    assert all(plan.answer is not None and plan.answer.status == 503 for plan in plans)
    assert 75 < sum(plan.performs for plan in plans) < 125


def test_a_rule_hits_so_many_times_and_no_more() -> None:
    assert _hits(0, [{"on": "any", "times": 3, "status": 500}], 5) == [True] * 3 + [False] * 2


def test_the_first_rule_that_hits_decides() -> None:
    faults = Faults(0, _clock)
    faults.set([{"on": "create", "times": 1, "status": 500}, {"on": "any", "status": 429}])
    answers = [faults.plan("create-message").answer for _ in range(2)]
    assert [answer.status for answer in answers if answer] == [500, 429]


def test_a_rule_works_from_and_until_its_seconds_after_it_was_set() -> None:
    now = [1000.0]
    faults = Faults(0, lambda: now[0])
    faults.set([{"on": "any", "from": 10, "until": 20, "status": 503}])
    hit = []
    for now[0] in (1000.0, 1009.9, 1010.0, 1019.9, 1020.0):
        hit.append(faults.plan("fetch-call").answer is not None)
    assert hit == [False, False, True, True, False]


def test_every_effect_has_a_plan() -> None:
    assert set(PLANS) == {*EFFECTS, None}


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({}, "must be a list of rules, not an object."),
        ("503", "must be a list of rules, not text."),
        (None, "must be a list of rules, not null."),
        ([1], "Rule 1 must be an object, not a whole number."),
        ([True], "Rule 1 must be an object, not true or false."),
        ([{"status": 503}], 'Rule 1 must say "on"'),
        ([{"on": "sometimes", "status": 503}], '"on" must be one of any, create'),
        ([{"on": [], "status": 503}], '"on" must be one of any, create'),
        ([{"on": "any"}], "Rule 1 has no effect"),
        ([{"on": "any", "status": 503}, {"on": "any"}], "Rule 2 has no effect"),
        ([{"on": "any", "status": 503, "drop": "after"}], 'more than one effect: "status" and'),
        ([{"on": "any", "stauts": 503}], 'unknown key "stauts"'),
        ([{"on": "any", "status": "503"}], '"status" must be an HTTP status'),
        ([{"on": "any", "status": True}], '"status" must be an HTTP status'),
        ([{"on": "any", "status": 99}], '"status" must be an HTTP status'),
        ([{"on": "any", "status": 503, "share": 1.5}], '"share" must be a number from 0 to 1'),
        ([{"on": "any", "status": 503, "times": 0}], '"times" must be a whole number above 0'),
        ([{"on": "any", "stall": -1}], '"stall" must be seconds, 0 or more'),
        ([{"on": "any", "stall": 10**400}], '"stall" must be seconds, 0 or more'),
        ([{"on": "any", "latency": float("inf")}], '"latency" must be seconds, 0 or more'),
        ([{"on": "any", "status": 503, "from": 10**400}], '"from" must be seconds, 0 or more'),
        ([{"on": "any", "status": 503, "code": 10**400}], '"code" must be a whole number'),
        ([{"on": "any", "drop": "now"}], '"drop" must be "before" or "after"'),
        ([{"on": "any", "drop": "after", "created": True}], '"created" needs status or html'),
        ([{"on": "list", "late": 3}], '"late" works on create only'),
        ([{"on": "any", "status": 503, "from": 20, "until": 5}], '"until" must be after "from".'),
        ([{"on": "any", "status": 503, "until": 0}], '"until" must be after "from".'),
        ([{"on": "any", "lag": 3}], '"lag" works on list only'),
    ],
)
def test_a_bad_fault_document_gets_one_clear_sentence(document: object, sentence: str) -> None:
    faults = Faults(0, _clock)
    faults.set([{"on": "any", "status": 503}])
    with pytest.raises(BadOrder) as caught:
        faults.set(document)
    assert sentence in str(caught.value)
    assert str(caught.value).endswith(".")
    assert faults.document()["rules"] == [{"on": "any", "status": 503}]


def test_what_is_delayed_keeps_its_first_status_and_its_order() -> None:
    course = timeline(SENT_BY_NUMBER, 1.0).later(10)
    assert [course.stage(at) for at in (5, 10.9, 11, 12)] == [0, 0, 1, 2]
    assert course.later(5, "delivered").instants == (0, 11, 17)
    assert (course.due("sent"), course.due("undelivered")) == (11, None)


def test_a_hastened_clock_runs_so_many_times_as_fast() -> None:
    began, clock = time.monotonic(), hastened(100_000)
    first = clock()
    passed = clock() - first
    assert passed <= (time.monotonic() - began) * 100_000
    assert passed > 0
    assert hastened(1) is time.time
