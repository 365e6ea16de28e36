"""What an Indigo action asks for, at run time and in its dialog."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from callbox.domain.notification import Channel, Kind, Voice
from callbox.domain.request import Fault, Recipient, Request
from callbox.indigo.mistake import Mistake
from callbox.indigo.people import OTHER, People
from callbox.indigo.requests import Order, action_faults, auth_of, request_of, timeout_of
from callbox.twilio.music import BUCKETS, tracks

OURS, DARLA, BOB = "+19999999999", "+12345000000", "+12345000001"
FLOW = "FW" + "0a" * 16
PICTURE = "https://example.com/a.jpg"
MARKUP = "%%v:123%%"


@dataclass(frozen=True)
class Snapshot:
    """A device as Indigo gives it."""

    id: int
    name: str
    deviceTypeId: str = "twilioContact"  # noqa: N815 - Indigo's name for it
    enabled: bool = True
    pluginProps: Mapping[str, Any] = field(default_factory=dict)  # noqa: N815 - Indigo's


HOUSE = Snapshot(9, "House", "twilioNumber", pluginProps={"twilioNumber": OURS})
PEOPLE = People.of(
    (
        HOUSE,
        Snapshot(1, "Darla", pluginProps={"contactNumber": DARLA}),
        Snapshot(2, "Bob", pluginProps={"contactNumber": BOB}),
        Snapshot(3, "Broken", pluginProps={"contactNumber": "call me"}),
        Snapshot(10, "Family", "twilioGroup", pluginProps={"members": ["1", "2"]}),
        Snapshot(11, "Alarm", "twilioGroup", pluginProps={"members": ["1", "3"]}),
    ),
    OURS,
)

# One of each action, complete.
GOOD: dict[str, dict[str, Any]] = {
    "sendSMS": {"twilioContact": "1", "smsMessage": "Hi"},
    "sendMMS": {"twilioContact": "1", "mmsMessage": "Look", "mmsUrl": PICTURE},
    "voiceCall": {"twilioContact": "1", "bucket": "com.twilio.music.rock"},
    "voiceMessage": {"twilioContact": "1", "messageText": "Fire"},
    "doFlowAction": {"twilioContact": "1", "flowSID": FLOW, "flowMessage": "Fire"},
    "replySMS": {"smsMessage": "Thanks"},
    "askQuestion": {"twilioContact": "1", "question": "Open?"},
}


def asked(
    action: str,
    props: Mapping[str, Any] | None = None,
    substitute: Callable[[str], str] = str,
    ours: str = OURS,
    last_sender: str = BOB,
) -> Request:
    order = Order(
        action,
        GOOD.get(action, {}) | dict(props or {}),
        "House",
        ours,
        PEOPLE,
        substitute,
        "r1",
        last_sender,
    )
    return request_of(order)


def only(request: Request) -> Recipient:
    (recipient,) = request.recipients
    assert isinstance(recipient, Recipient)
    return recipient


def mistake(action: str, props: Mapping[str, Any] | None = None, **order: Any) -> Mistake:  # noqa: ANN401 - of asked
    with pytest.raises(Mistake) as caught:
        asked(action, props, **order)
    return caught.value


def faults(action: str, **values: Any) -> dict[str, str]:  # noqa: ANN401 - of a dialog
    return action_faults(action, GOOD.get(action, {}) | values, PEOPLE, HOUSE)


# --- each action ---------------------------------------------------------------------------------


def test_a_text_is_asked_for() -> None:
    text = Recipient("Darla", DARLA, Channel.SMS, "Hi")
    assert asked("sendSMS") == Request("r1", Kind.TXT, (text,), OURS)


def test_pictures_are_sent_with_or_without_a_text() -> None:
    found = only(asked("sendMMS", {"mmsUrl": f" {PICTURE} ,http://b.example/c?d=e,"}))
    assert (found.body, found.media) == ("Look", (PICTURE, "http://b.example/c?d=e"))
    assert only(asked("sendMMS", {"mmsMessage": ""})).body == ""


def test_music_is_played() -> None:
    request = asked("voiceCall")
    rock = Voice(play=tracks("com.twilio.music.rock"))
    assert request.kind is Kind.CALL
    assert only(request) == Recipient("Darla", DARLA, Channel.VOICE, voice=rock)


@pytest.mark.parametrize("bucket", BUCKETS)
def test_every_music_of_the_menu_is_known(bucket: str) -> None:
    assert only(asked("voiceCall", {"bucket": bucket})).voice == Voice(play=tracks(bucket))


def test_a_call_without_a_choice_of_music_is_ambient() -> None:
    found = only(request_of(Order("voiceCall", {"callTo": DARLA}, "House", OURS, PEOPLE, str, "r")))
    assert found.voice == Voice(play=tracks("com.twilio.music.ambient"))


def test_a_message_is_spoken() -> None:
    request = asked("voiceMessage")
    assert request.kind is Kind.CALL
    assert only(request) == Recipient("Darla", DARLA, Channel.VOICE, voice=Voice(text="Fire"))


def test_a_flow_is_given_the_message_and_a_code_that_is_known_to_the_caller() -> None:
    request = asked("doFlowAction", {"flowSID": f" {FLOW} ", "flowMessage": 'Say "fire"'})
    found = only(request)
    assert found.flow is not None
    assert (request.kind, found.channel, found.flow.sid) == (Kind.FLOW, Channel.FLOW, FLOW)
    parameters = json.loads(found.flow.parameters)
    assert parameters == {"auth": auth_of(request), "message": 'Say "fire"'}
    assert re.fullmatch("[A-Za-z0-9]{16}", parameters["auth"])


def test_each_flow_has_a_code_of_its_own_and_everyone_in_it_the_same() -> None:
    first, second = (asked("doFlowAction", {"twilioContact": "10"}) for _ in range(2))
    assert auth_of(first) != auth_of(second)
    codes = {each.flow for each in first.recipients if isinstance(each, Recipient)}
    assert len(codes) == 1


def test_a_text_has_no_code() -> None:
    assert auth_of(asked("sendSMS")) is None


def test_a_reply_goes_to_the_last_sender() -> None:
    assert only(asked("replySMS")) == Recipient("Bob", BOB, Channel.SMS, "Thanks")
    picture = only(asked("replySMS", {"smsMessage": "", "mmsUrl": PICTURE}))
    assert (picture.body, picture.media) == ("", (PICTURE,))


def test_a_reply_to_a_stranger_bears_the_number_as_name() -> None:
    assert only(asked("replySMS", last_sender="+15550001111")).name == "+15550001111"


def test_a_question_is_a_text() -> None:
    request = asked("askQuestion")
    assert request.kind is Kind.TXT
    assert only(request) == Recipient("Darla", DARLA, Channel.SMS, "Open?")


@pytest.mark.parametrize(
    ("timeout", "seconds"), [(None, 600.0), ("0.5", 30.0), (10_080, 604_800.0), (MARKUP, 120.0)]
)
def test_a_question_waits_for_so_many_minutes(timeout: object, seconds: float) -> None:
    props = {} if timeout is None else {"timeout": timeout}

    def substitute(text: str) -> str:
        return text.replace(MARKUP, "2")

    assert (
        timeout_of(Order("askQuestion", props, "House", OURS, PEOPLE, substitute, "r1")) == seconds
    )


# --- who gets it ---------------------------------------------------------------------------------

_TO = {
    "sendSMS": "smsTo",
    "sendMMS": "mmsTo",
    "voiceCall": "callTo",
    "voiceMessage": "callTo",
    "doFlowAction": "callTo",
    "askQuestion": "smsTo",
}


@pytest.mark.parametrize(("action", "to"), _TO.items())
def test_every_action_takes_a_number_a_contact_and_a_group(action: str, to: str) -> None:
    free = asked(action, {"twilioContact": OTHER, to: "(234) 500-0001"})
    assert (only(free).name, only(free).to) == ("Bob", BOB)
    old = GOOD[action] | {"twilioContact": None, to: BOB}
    assert only(asked(action, old)).to == BOB
    family = asked(action, {"twilioContact": "10"}).recipients
    assert [(each.name, each.to) for each in family if isinstance(each, Recipient)] == [
        ("Darla", DARLA),
        ("Bob", BOB),
    ]


def test_a_contact_may_be_given_by_a_script_as_a_number() -> None:
    assert only(asked("sendSMS", {"twilioContact": 2})).to == BOB


def test_a_member_that_cannot_be_reached_is_a_fault_beside_the_others() -> None:
    darla, broken = asked("sendSMS", {"twilioContact": "11"}).recipients
    assert isinstance(darla, Recipient)
    assert isinstance(broken, Fault)
    assert broken.name == "Broken"


# --- substitution --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "name", "value"),
    [
        ("sendSMS", "smsMessage", "21 degrees"),
        ("sendSMS", "smsTo", BOB),
        ("sendMMS", "mmsMessage", "21 degrees"),
        ("sendMMS", "mmsTo", BOB),
        ("sendMMS", "mmsUrl", PICTURE),
        ("voiceCall", "callTo", BOB),
        ("voiceMessage", "callTo", BOB),
        ("voiceMessage", "messageText", "21 degrees"),
        ("doFlowAction", "callTo", BOB),
        ("doFlowAction", "flowSID", FLOW),
        ("doFlowAction", "flowMessage", "21 degrees"),
        ("replySMS", "smsMessage", "21 degrees"),
        ("replySMS", "mmsUrl", PICTURE),
        ("askQuestion", "question", "21 degrees?"),
        ("askQuestion", "smsTo", BOB),
    ],
)
def test_every_text_field_is_substituted(action: str, name: str, value: str) -> None:
    props = {name: MARKUP} | ({"twilioContact": OTHER} if name.endswith("To") else {})
    plain = only(asked(action, props | {name: value}))
    found = only(asked(action, props, lambda text: text.replace(MARKUP, value)))
    assert (found.to, found.body, found.media) == (plain.to, plain.body, plain.media)
    assert found.voice == plain.voice
    if found.flow and plain.flow:
        assert found.flow.sid == plain.flow.sid
        assert (
            json.loads(found.flow.parameters)["message"]
            == (json.loads(plain.flow.parameters)["message"])
        )


# --- what cannot be sent -------------------------------------------------------------------------

_LONG = "x" * 1_601
_BAD: list[tuple[str, dict[str, Any], str, str]] = [
    ("sendSMS", {"smsMessage": ""}, "smsMessage", "There is no text; "),
    ("sendSMS", {"smsMessage": " \n"}, "smsMessage", "There is no text; "),
    ("sendSMS", {"smsMessage": _LONG}, "smsMessage", "The text has 1,601 characters; "),
    ("sendSMS", {"twilioContact": OTHER}, "smsTo", "No phone number is given; "),
    ("sendSMS", {"twilioContact": "99"}, "twilioContact", "The chosen contact (id 99)"),
    ("sendSMS", {"twilioContact": "3"}, "twilioContact", "Broken: 'call me'"),
    ("sendMMS", {"mmsUrl": " , "}, "mmsUrl", "There is no address of a picture; "),
    ("sendMMS", {"mmsUrl": ",".join([PICTURE] * 11)}, "mmsUrl", "There are 11 pictures; "),
    ("sendMMS", {"mmsUrl": f"{PICTURE},x"}, "mmsUrl", "Address 2 of 2 is not valid; "),
    ("sendMMS", {"mmsUrl": "ftp://example.com/a"}, "mmsUrl", "Address 1 of 1"),
    ("sendMMS", {"mmsUrl": "https:///a.jpg"}, "mmsUrl", "Address 1 of 1"),
    ("sendMMS", {"mmsUrl": "https://[::1"}, "mmsUrl", "Address 1 of 1"),
    ("sendMMS", {"mmsUrl": "https://example.com/a b"}, "mmsUrl", "Address 1 of 1"),
    ("sendMMS", {"mmsMessage": _LONG}, "mmsMessage", "The text has 1,601 characters; "),
    ("sendMMS", {"twilioContact": OTHER, "mmsTo": "x"}, "mmsTo", "To: 'x' is not a phone number"),
    ("voiceCall", {"bucket": "com.twilio.music.polka"}, "bucket", "This music is not known; "),
    ("voiceMessage", {"messageText": ""}, "messageText", "There is no text; "),
    ("voiceMessage", {"messageText": "&" * 900}, "messageText", "The text makes 4,"),
    ("doFlowAction", {"flowSID": "FW12"}, "flowSID", "This is not the SID of a flow; "),
    ("doFlowAction", {"flowSID": ""}, "flowSID", "This is not the SID of a flow; "),
    ("replySMS", {"smsMessage": ""}, "smsMessage", "There is no text; "),
    ("replySMS", {"mmsUrl": "x"}, "mmsUrl", "Address 1 of 1"),
    ("askQuestion", {"question": ""}, "question", "There is no text; "),
    *[
        ("askQuestion", {"timeout": each}, "timeout", "This is not how long to wait; ")
        for each in ("", "0", "-1", "soon", "nan", "inf", "10080.1")
    ],
    ("askQuestion", {"yesWords": " , "}, "yesWords", "There is no word to answer with; "),
    ("askQuestion", {"noWords": "No, Y"}, "noWords", "'y' means yes as well as no; "),
    ("askQuestion", {"noWords": "no, Stop"}, "noWords", "Who answers 'stop' gets no more texts; "),
    ("askQuestion", {"timeoutReply": _LONG}, "timeoutReply", "The text has 1,601 characters; "),
]


@pytest.mark.parametrize(("action", "props", "where", "told"), _BAD)
def test_what_cannot_be_sent_is_told_at_its_field(
    action: str, props: dict[str, Any], where: str, told: str
) -> None:
    caught = mistake(action, props)
    assert caught.sentence.startswith(told)
    assert "; expected " in caught.sentence
    assert caught.field == where


@pytest.mark.parametrize(("action", "props", "where", "told"), _BAD)
def test_the_dialog_tells_the_same_before_it_is_saved(
    action: str, props: dict[str, Any], where: str, told: str
) -> None:
    found = faults(action, **props)
    assert list(found) == [where]
    assert found[where].startswith(told)


def test_the_longest_text_is_sent() -> None:
    assert len(only(asked("sendSMS", {"smsMessage": "x" * 1_600})).body) == 1_600


def test_the_length_counts_after_substitution() -> None:
    caught = mistake("sendSMS", {"smsMessage": MARKUP}, substitute=lambda _: _LONG)
    assert caught.sentence.startswith("The text has 1,601 characters")


@pytest.mark.parametrize("text", ["a\0b", "half \ud83d"])
def test_a_text_that_cannot_be_kept_is_refused(text: str) -> None:
    assert mistake("sendSMS", {"smsMessage": text}).field == "smsMessage"


def test_an_unknown_action_is_named() -> None:
    assert mistake("sendFax").sentence.startswith(
        "There is no action sendFax; expected askQuestion"
    )


@pytest.mark.parametrize("ours", ["", "9999999999"])
def test_a_device_without_a_number_cannot_send(ours: str) -> None:
    assert mistake("sendSMS", ours=ours).sentence.startswith("House: Its Twilio number")


def test_nobody_can_be_replied_to_before_a_text_came() -> None:
    assert mistake("replySMS", last_sender="").sentence.startswith("House: Nobody has texted")


def test_a_picture_s_address_is_not_repeated_as_it_may_have_a_key() -> None:
    assert "k3y" not in mistake("sendMMS", {"mmsUrl": "x://cam/?key=k3y"}).sentence


# --- the dialog ----------------------------------------------------------------------------------


@pytest.mark.parametrize("action", GOOD)
def test_a_complete_dialog_has_no_fault(action: str) -> None:
    assert faults(action) == {}


@pytest.mark.parametrize("action", ["checkMessages", "deliveryStatus", "sendFax"])
def test_an_action_without_such_fields_has_no_fault(action: str) -> None:
    assert faults(action) == {}


@pytest.mark.parametrize(
    ("action", "values"),
    [
        ("sendSMS", {"twilioContact": OTHER, "smsTo": MARKUP, "smsMessage": MARKUP + _LONG}),
        ("sendMMS", {"mmsUrl": MARKUP, "mmsMessage": "%%d:5:state%%"}),
        ("voiceMessage", {"messageText": MARKUP}),
        ("doFlowAction", {"flowSID": MARKUP}),
        ("replySMS", {"smsMessage": "", "mmsUrl": MARKUP}),
        ("askQuestion", {"question": MARKUP, "timeout": MARKUP}),
    ],
)
def test_what_is_substituted_is_checked_when_it_is_sent(
    action: str, values: dict[str, str]
) -> None:
    assert faults(action, **values) == {}


def test_a_percent_sign_is_no_markup() -> None:
    assert list(faults("sendSMS", twilioContact=OTHER, smsTo="100%%")) == ["smsTo"]


def test_a_deleted_contact_is_told_even_if_the_free_field_has_markup() -> None:
    assert list(faults("sendSMS", twilioContact="99", smsTo=MARKUP)) == ["twilioContact"]


def test_all_mistakes_of_a_dialog_are_told_at_once() -> None:
    found = faults("sendMMS", twilioContact="99", mmsUrl="x", mmsMessage=_LONG)
    assert set(found) == {"twilioContact", "mmsUrl", "mmsMessage"}


def test_a_dialog_without_a_chosen_device_is_checked_too() -> None:
    assert action_faults("sendSMS", GOOD["sendSMS"], PEOPLE, None) == {}


def test_neither_texts_nor_people_are_told_with_an_order() -> None:
    order = Order("sendSMS", {"smsMessage": "s3cret"}, "House", OURS, PEOPLE, str, "r1")
    assert "s3cret" not in repr(order)
