"""What a request becomes on the terms of the configuration."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from callbox.domain.delivery import Delivery, Progress
from callbox.domain.notification import CRITICAL, Channel, Flow, Kind, Notification, Voice
from callbox.domain.request import Fault, Recipient, Request
from callbox.intake import Asked, Intake, Terms
from callbox.ports import Origin, Refusal, Submission

NOW = 1_000_000.0
ADA = Recipient("Ada", "+12345000001", Channel.SMS, "Hi")
CALLED = Recipient("Ada", "+12345000001", Channel.VOICE, voice=Voice(text="Fire"))
ALARM = Flow("FW" + "0aF9" * 8, '{"message": "The tank is full"}')
RUNNING = Recipient("Ada", "+12345000001", Channel.FLOW, flow=ALARM)
TEXT = Request("r1", Kind.TXT, (ADA,))
CALL = Request("r1", Kind.CALL, (CALLED,))
FLOW = Request("r1", Kind.FLOW, (RUNNING,))
SERVICE = "MG" + "a" * 32
CONTACTS = {
    "Bert": [("Bert", "+12345000002")],
    "family": [("Bert", "+12345000002"), ("Cy", "+12345000003")],
}


def numbers(name: str) -> Sequence[tuple[str, str]]:
    return CONTACTS.get(name, [])


TERMS = Terms("+19999999999", None, None, 3600.0, "hold", numbers)


@dataclass
class StoppedClock:
    """It is always NOW, and ids are counted."""

    ids: list[str] = field(default_factory=list)

    def now(self) -> float:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    def drift(self) -> float:
        return self.now() - self.monotonic()

    def machine_seconds(self, seconds: float) -> float:
        return seconds

    def jitter(self) -> float:
        return 0.0

    def new_id(self) -> str:
        self.ids.append(f"d{len(self.ids) + 1}")
        return self.ids[-1]


def prepared(request: Request, terms: Terms = TERMS, asked: Asked | None = None) -> Submission:
    return Intake(terms, StoppedClock()).prepare(request, asked or Asked())


def only(request: Request, terms: Terms = TERMS, asked: Asked | None = None) -> Delivery:
    submission = prepared(request, terms, asked)
    assert submission.refusals == ()
    (delivery,) = submission.deliveries
    return delivery


def refused(request: Request, terms: Terms = TERMS) -> Refusal:
    submission = prepared(request, terms)
    assert submission.deliveries == ()
    (refusal,) = submission.refusals
    assert refusal.error == "InvalidParameter"
    return refusal


def test_a_text_becomes_a_delivery_that_waits() -> None:
    assert only(TEXT) == Delivery(
        id="d1",
        request_id="r1",
        notification=Notification(
            Kind.TXT, Channel.SMS, "Ada", "+12345000001", "+19999999999", "Hi"
        ),
        priority=1,
        retries=None,
        on_unknown="hold",
        created_at=NOW,
        expires_at=NOW + 3600,
        expires_fixed=False,
        progress=Progress(updated_at=NOW),
    )


def test_a_call_says_what_was_asked_for() -> None:
    note = only(CALL).notification
    assert (note.kind, note.channel, note.voice) == (Kind.CALL, Channel.VOICE, Voice(text="Fire"))


def test_a_flow_is_told_what_was_asked_for() -> None:
    note = only(FLOW).notification
    assert (note.kind, note.channel, note.flow) == (Kind.FLOW, Channel.FLOW, ALARM)
    assert (note.to, note.sender, note.name) == ("+12345000001", "+19999999999", "Ada")


@pytest.mark.parametrize(
    "sid", ["", "FW1", "FW" + "g" * 32, "FN" + "a" * 32, "FW" + "a" * 33, "FW/" + "a" * 31]
)
def test_a_flow_with_another_sid_than_twilios_is_refused(sid: str) -> None:
    request = replace(FLOW, recipients=(replace(RUNNING, flow=replace(ALARM, sid=sid)),))
    expected = "Flow SID is not valid: expected FW and 32 hexadecimal digits"
    assert refused(request).message == expected


def test_a_flow_that_nobody_names_is_refused() -> None:
    request = replace(FLOW, recipients=(replace(RUNNING, flow=None),))
    assert refused(request).message.startswith("Flow SID is not valid")


@pytest.mark.parametrize("parameters", ["", "{", "[]", "1", "null", "[" * 100_000])
def test_a_flow_is_told_a_json_object_or_is_refused(parameters: str) -> None:
    flow = replace(ALARM, parameters=parameters)
    request = replace(FLOW, recipients=(replace(RUNNING, flow=flow),))
    assert refused(request).message == "Flow parameters are not valid: expected a JSON object"


def test_media_and_channel_are_kept() -> None:
    recipient = replace(ADA, channel=Channel.WHATSAPP, media=("https://a",))
    note = only(replace(TEXT, recipients=(recipient,))).notification
    assert (note.channel, note.media) == (Channel.WHATSAPP, ("https://a",))


# Who it comes from

SENDERS: list[tuple[Request, str | None, str | None, str | None]] = [
    (replace(TEXT, sender="+11"), "+12", SERVICE, "+11"),
    (replace(TEXT, sender="Plant 4"), "+12", SERVICE, "Plant 4"),
    (TEXT, "+12", SERVICE, SERVICE),
    (TEXT, None, SERVICE, SERVICE),
    (TEXT, "+12", None, "+12"),
    (TEXT, "Plant 4", None, "Plant 4"),
    (TEXT, None, None, None),
    (replace(CALL, sender="+11"), "+12", SERVICE, "+11"),
    (CALL, "+12", SERVICE, "+12"),
    (CALL, None, SERVICE, None),
    (CALL, None, None, None),
    (FLOW, "+12", SERVICE, "+12"),
    (FLOW, None, SERVICE, None),
]


@pytest.mark.parametrize(("request_", "default", "service", "sender"), SENDERS)
def test_the_requests_sender_beats_the_service_which_beats_the_default(
    request_: Request, default: str | None, service: str | None, sender: str | None
) -> None:
    terms = replace(TERMS, sender=default, service=service)
    if sender is None:
        assert refused(request_, terms).message == "From number cannot be None"
    else:
        assert only(request_, terms).notification.sender == sender


@pytest.mark.parametrize("default", ["Plant 4", "12345"])
def test_a_default_sender_that_cannot_call_refuses_calls_and_flows_only(default: str) -> None:
    terms = replace(TERMS, sender=default)
    for request in (CALL, FLOW):
        assert refused(request, terms).message == (
            f"From number is not valid for a {request.kind}: expected E.164 form"
        )
    assert only(TEXT, terms).notification.sender == default


# Retries, priority, on_unknown


@pytest.mark.parametrize(
    ("asked", "default", "retries"),
    [(None, None, None), (None, 3, 3), (0, 3, 0), (7, None, 7), (None, 0, 0)],
)
def test_retries_are_the_requests_else_the_default(
    asked: int | None, default: int | None, retries: int | None
) -> None:
    found = only(replace(TEXT, retries=asked), replace(TERMS, retries=default))
    assert found.retries == retries


@pytest.mark.parametrize(
    ("asked", "priority", "default", "on_unknown"),
    [
        (None, 1, "hold", "hold"),
        (None, 1, "resend", "resend"),
        (None, CRITICAL, "hold", "resend"),
        ("hold", CRITICAL, "resend", "hold"),
        ("resend", 0, "hold", "resend"),
    ],
)
def test_critical_ones_are_sent_again_when_unknown_unless_the_request_says_otherwise(
    asked: str | None, priority: int, default: str, on_unknown: str
) -> None:
    request = replace(TEXT, on_unknown=asked, priority=priority)
    found = only(request, replace(TERMS, on_unknown=default))
    assert (found.on_unknown, found.priority) == (on_unknown, priority)


# Expiry

EXPIRIES: list[tuple[float | None, float | None, float | None, float]] = [
    (None, None, None, NOW + 3600),
    (60.0, None, None, NOW + 60),
    (None, NOW - 100, None, NOW + 3500),
    (60.0, NOW - 100, None, NOW - 40),
    (60.0, NOW + 100, None, NOW + 160),
    (None, None, 10.0, NOW + 10),
    (60.0, None, 10.0, NOW + 10),
    (60.0, None, 600.0, NOW + 60),
    (60.0, NOW - 100, 10.0, NOW - 40),
    (60.0, NOW, 10.0, NOW + 10),
    (None, None, 0.0, NOW),
]


@pytest.mark.parametrize(("expires_in", "sent_at", "mqtt", "expires_at"), EXPIRIES)
def test_expiry_counts_from_sent_at_else_from_arrival_and_mqtts_shorter_one_wins(
    expires_in: float | None, sent_at: float | None, mqtt: float | None, expires_at: float
) -> None:
    request = replace(TEXT, expires_in=expires_in, sent_at=sent_at)
    found = only(request, asked=Asked(expiry=mqtt))
    assert found.expires_at == expires_at
    assert found.created_at == NOW
    assert found.expires_fixed is (sent_at is not None)


# Recipients


def test_a_recipient_without_number_is_looked_up_by_name() -> None:
    bert = Recipient("Bert", None, Channel.SMS, "Hi")
    note = only(replace(TEXT, recipients=(bert,))).notification
    assert (note.name, note.to) == ("Bert", "+12345000002")


def test_a_group_gives_a_delivery_for_each_with_the_same_id_and_a_place() -> None:
    family = Recipient("family", None, Channel.SMS, "Hi")
    submission = prepared(replace(TEXT, recipients=(family, ADA)))
    assert [
        (d.request_id, d.notification.name, d.notification.to, d.position)
        for d in submission.deliveries
    ] == [
        ("r1", "Bert", "+12345000002", 1),
        ("r1", "Cy", "+12345000003", 2),
        ("r1", "Ada", "+12345000001", 3),
    ]
    assert len({d.id for d in submission.deliveries}) == 3


def test_one_recipient_has_no_place_among_others() -> None:
    assert only(TEXT).position == 0


@pytest.mark.parametrize("name", ["Nobody", "", "bert"])
def test_a_name_that_no_contact_has_reads_as_a_missing_number(name: str) -> None:
    stranger = Recipient(name, None, Channel.SMS, "Hi")
    refusal = refused(replace(TEXT, recipients=(stranger,)))
    assert refusal.message == "Recipient phone number cannot be None"
    assert refusal.request_id == "r1"


def test_a_number_that_was_given_is_taken_whatever_the_contacts_say() -> None:
    bert = Recipient("Bert", "+17", Channel.SMS, "Hi")
    assert only(replace(TEXT, recipients=(bert,))).notification.to == "+17"


def test_of_several_recipients_a_refusal_begins_with_the_name_and_stops_nobody_else() -> None:
    recipients = (
        ADA,
        Fault("Cy", "Message cannot be None"),
        Recipient("Nobody", None, Channel.SMS, "Hi"),
    )
    submission = prepared(replace(TEXT, recipients=recipients))
    assert [delivery.position for delivery in submission.deliveries] == [1]
    assert [refusal.message for refusal in submission.refusals] == [
        "Cy: Message cannot be None",
        "Nobody: Recipient phone number cannot be None",
    ]


def test_without_a_sender_each_recipient_is_refused() -> None:
    submission = prepared(
        replace(TEXT, recipients=(ADA, replace(ADA, name="Bo"))), replace(TERMS, sender=None)
    )
    assert submission.deliveries == ()
    assert [refusal.message for refusal in submission.refusals] == [
        "Ada: From number cannot be None",
        "Bo: From number cannot be None",
    ]


# How it came

ORIGIN = Origin(7, b"digest", dup=True)
ASKED = Asked(reply_topic="answers/1", correlation=b"c", origin=ORIGIN, connection=3)


def test_what_a_redelivery_and_the_answer_need_goes_with_a_request() -> None:
    submission = prepared(TEXT, asked=ASKED)
    assert (submission.origin, submission.connection) == (ORIGIN, 3)
    (delivery,) = submission.deliveries
    assert (delivery.reply_topic, delivery.correlation) == ("answers/1", b"c")


def test_what_a_redelivery_and_the_answer_need_goes_with_a_refusal_too() -> None:
    refusal = Refusal("r1", "InvalidParameter", "Message cannot be None")
    carried = replace(refusal, reply_topic="answers/1", correlation=b"c")
    submission = Intake(TERMS, StoppedClock()).prepare(refusal, ASKED)
    assert submission == Submission((), (carried,), ORIGIN, 3)
    broken = replace(TEXT, recipients=(Fault("Cy", "Message cannot be None"),))
    (refused_,) = prepared(broken, asked=ASKED).refusals
    assert refused_ == carried


# dedup_key


def digest(request: Request) -> str | None:
    delivery = only(replace(request, dedup_key="k"))
    assert delivery.dedup_key == "k"
    return delivery.dedup_digest


def test_without_a_key_nothing_is_compared() -> None:
    found = only(TEXT)
    assert (found.dedup_key, found.dedup_digest) == (None, None)


def test_an_idempotency_key_is_the_dedup_key() -> None:
    found = only(replace(TEXT, dedup_key="k"), asked=Asked(dedup_key="http"))
    assert found.dedup_key == "http"


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"id": "r2"}, True),
        ({"retries": 5}, True),
        ({"expires_in": 5.0}, True),
        ({"priority": 3}, True),
        ({"sender": "+11"}, False),
        ({"recipients": (replace(ADA, body="Ho"),)}, False),
        ({"recipients": (replace(ADA, to="+12"),)}, False),
        ({"recipients": (replace(ADA, media=("https://a",)),)}, False),
    ],
)
def test_requests_under_one_key_are_compared_by_what_is_sent_from_whom_to_whom(
    changes: dict[str, object], same: bool
) -> None:
    other = replace(TEXT, **changes)  # type: ignore[arg-type]  # fields by name
    assert (digest(other) == digest(TEXT)) is same
