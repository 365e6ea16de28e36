"""The table of states, and what a notification is compared by."""

from dataclasses import replace

import pytest

from callbox.domain.delivery import FREES_DEDUP_KEY, NEXT, Delivery, Progress, State
from callbox.domain.notification import Channel, Flow, Kind, Notification, Voice

FINAL = {State.READ, State.UNDELIVERED, State.FAILED, State.EXPIRED, State.CANCELLED}
NOTE = Notification(Kind.TXT, Channel.SMS, "Darla", "+12345000000", "+19999999999", "Hi")


def test_every_state_of_the_contract_stands_in_the_table() -> None:
    assert set(NEXT) == set(State)
    assert [state.value for state in State] == [
        "queued",
        "sending",
        "accepted",
        "sent",
        "delivered",
        "read",
        "undelivered",
        "failed",
        "expired",
        "cancelled",
        "unknown",
    ]


@pytest.mark.parametrize("state", State)
def test_a_final_state_has_no_successor_and_every_other_has_one(state: State) -> None:
    assert (NEXT[state] == frozenset()) is (state in FINAL)


@pytest.mark.parametrize("state", State)
def test_no_state_follows_itself(state: State) -> None:
    assert state not in NEXT[state]


def test_every_state_can_be_reached_from_queued() -> None:
    reached = {State.QUEUED}
    while more := {after for state in reached for after in NEXT[state]} - reached:
        reached |= more
    assert reached == set(State)


FORWARD = [State.QUEUED, State.SENDING, State.ACCEPTED, State.SENT, State.DELIVERED, State.READ]


@pytest.mark.parametrize("place", range(2, len(FORWARD)))
def test_what_twilio_has_moves_forward_and_never_back(place: int) -> None:
    for before in FORWARD[:place]:
        assert before not in NEXT[FORWARD[place]]


def test_only_delivered_can_become_read() -> None:
    for state in (State.UNDELIVERED, State.FAILED, State.EXPIRED):
        assert State.READ not in NEXT[state]
    assert NEXT[State.DELIVERED] == {State.READ}


def test_only_what_is_under_way_can_become_unknown() -> None:
    doubtful = {state for state in State if State.UNKNOWN in NEXT[state]}
    assert State.QUEUED not in doubtful
    assert not doubtful & FINAL


def test_what_ended_without_being_sent_frees_its_dedup_key() -> None:
    assert {State.FAILED, State.EXPIRED, State.CANCELLED} == FREES_DEDUP_KEY


def test_an_attempt_is_named_by_the_delivery_and_its_number() -> None:
    delivery = Delivery("d1", "r1", NOTE, 1, None, "hold", 0.0, 1.0, expires_fixed=False)
    assert delivery.attempt_id == "d1-0"
    assert replace(delivery, progress=Progress(attempt=3)).attempt_id == "d1-3"


@pytest.mark.parametrize(
    ("progress", "in_doubt"),
    [
        (Progress(State.UNKNOWN, due_at=1.0), True),
        (Progress(State.UNKNOWN), False),
        (Progress(State.QUEUED, due_at=1.0), False),
    ],
)
def test_in_doubt_is_what_is_unknown_and_still_looked_up(
    progress: Progress, in_doubt: bool
) -> None:
    assert progress.in_doubt is in_doubt


ALIKE: list[tuple[dict[str, object], bool]] = [
    ({}, True),
    ({"name": "Mum"}, True),
    ({"body": "Ho"}, False),
    ({"body": "Hi "}, False),
    ({"to": "+12345000001"}, False),
    ({"sender": "+18888888888"}, False),
    ({"channel": Channel.WHATSAPP}, False),
    ({"media": ("https://a",)}, False),
    ({"kind": Kind.CALL}, False),
]


@pytest.mark.parametrize(("changes", "alike"), ALIKE)
def test_two_texts_are_alike_if_twilios_list_cannot_tell_them_apart(
    changes: dict[str, object], alike: bool
) -> None:
    other = replace(NOTE, **changes)  # type: ignore[arg-type]  # fields by name
    assert (other.likeness == NOTE.likeness) is alike


def test_calls_between_the_same_numbers_are_alike_whatever_they_say() -> None:
    fire = replace(NOTE, kind=Kind.CALL, channel=Channel.VOICE, voice=Voice(text="Fire"))
    flood = replace(fire, voice=Voice(location="https://flood"), body="x")
    assert fire.likeness == flood.likeness
    assert fire.likeness != replace(fire, sender="+18888888888").likeness


def test_runs_of_one_flow_by_one_person_are_alike_whoever_starts_them() -> None:
    run = replace(NOTE, kind=Kind.FLOW, channel=Channel.FLOW, body="", flow=Flow("FW1"))
    assert run.likeness == replace(run, sender="+1", flow=Flow("FW1", '{"a": 1}')).likeness
    assert run.likeness != replace(run, flow=Flow("FW2")).likeness
    assert run.likeness != replace(run, to="+12345000001").likeness


def test_likenesses_that_stores_hold_stay_what_they_are() -> None:
    assert NOTE.likeness == "e3519b8e88905b91b53539b8"
    called = replace(NOTE, kind=Kind.CALL, channel=Channel.VOICE, body="")
    assert called.likeness == "bcb86819b35b4b8a71224e1a"


def test_a_body_and_its_media_are_not_mixed_up() -> None:
    first = replace(NOTE, body="a", media=("b", "c"))
    assert first.likeness != replace(NOTE, body="a", media=("bc",)).likeness
    assert first.likeness != replace(NOTE, body="ab", media=("c",)).likeness


def test_a_recipients_texts_calls_and_flows_are_lanes_of_their_own() -> None:
    assert NOTE.lane == replace(NOTE, body="x", channel=Channel.WHATSAPP, sender="x").lane
    assert len({replace(NOTE, kind=kind).lane for kind in Kind}) == len(Kind)
    assert NOTE.lane != replace(NOTE, to="+12345000001").lane


@pytest.mark.parametrize(
    ("sender", "by_service"),
    [("MG" + "a" * 32, True), ("+19999999999", False), ("MG", False), ("MGM Grand", False)],
)
def test_a_messaging_service_is_known_by_its_sid(sender: str, by_service: bool) -> None:
    assert replace(NOTE, sender=sender).by_service is by_service
