"""The values that the simulator's limits are made of."""

import re
from base64 import b64encode
from functools import partial
from pathlib import Path

import pytest

from callbox.simulator import TWILIOS, BadOrder, Limits, Manner, OwnNumber, Service, Settings
from callbox.simulator.api import messages
from callbox.simulator.api.ask import Ask
from callbox.simulator.api.credentials import MOST_REMEMBERED, Credentials
from callbox.simulator.limits import KINDS
from callbox.simulator.order import read
from callbox.simulator.page.tail import ListTail
from callbox.simulator.records.account import Accounts
from callbox.simulator.records.address import kind
from callbox.simulator.records.attachment import Attachment
from callbox.simulator.records.country import calling_code
from callbox.simulator.records.course import Courses, Load
from callbox.simulator.records.holder import Holder
from callbox.simulator.records.lane import Lane
from callbox.simulator.records.ledger import Ledger
from callbox.simulator.records.message import Message
from callbox.simulator.records.newest import Newest
from callbox.simulator.records.outcome import USUAL
from callbox.simulator.records.pictures import Pictures
from callbox.simulator.records.price import of_call, of_text
from callbox.simulator.records.sid import new_sid
from callbox.simulator.records.switchboard import Switchboard
from callbox.simulator.records.timeline import RECEIVED
from callbox.simulator.scenario.tally import tally
from callbox.simulator.telephony.exchange import Exchange
from callbox.simulator.telephony.proxy import KEPT

SERVICE = "MG" + "c" * 32
TEXT = {"To": ["+12065550100"], "From": ["+15005550006"], "Body": ["The tank is full"]}


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("+15551234567", "1"),
        ("+77011234567", "7"),
        ("+201001234567", "20"),
        ("+21612345678", "216"),
        ("+37060000000", "370"),
        ("+380441234567", "380"),
        ("+39061234567", "39"),
        ("+420601123456", "420"),
        ("+447911123456", "44"),
        ("+4915112345678", "49"),
        ("+59171234567", "591"),
        ("+6421123456", "64"),
        ("+67812345", "678"),
        ("+819012345678", "81"),
        ("+85291234567", "852"),
        ("+8613812345678", "86"),
        ("+919812345678", "91"),
        ("+96612345678", "966"),
        ("+989121234567", "98"),
        ("+998901234567", "998"),
        ("whatsapp:+447911123456", "44"),
        ("12345", ""),
        ("Callbox", ""),
    ],
)
def test_the_calling_code_of_a_number_is_found(address: str, code: str) -> None:
    assert calling_code(address) == code


@pytest.mark.parametrize(
    ("address", "sort"),
    [
        ("+15551234567", "long-code"),
        ("+447911123456", "long-code"),
        ("+18005550199", "toll-free"),
        ("+18885550199", "toll-free"),
        ("+18225550199", "long-code"),
        ("12345", "short-code"),
        ("Callbox", "name"),
        ("whatsapp:+18005550199", "whatsapp"),
        ("rcs:brand", "rcs"),
        ("messenger:103", "messenger"),
    ],
)
def test_each_sender_is_of_a_kind_that_limits_know(address: str, sort: str) -> None:
    assert kind(address) == sort
    assert sort in KINDS


def test_in_a_lane_each_takes_its_time_and_an_idle_lane_forgets() -> None:
    lane = Lane()
    assert [lane.take(100.0, seconds) for seconds in (2.0, 1.0, 1.0)] == [0, 2, 3]
    assert lane.wait(101.0) == 3
    assert lane.take(200.0, 1.0) == 0


def test_prices_count_segments_pictures_channels_and_started_minutes() -> None:
    text, call = partial(of_text, inbound=False), partial(of_call, inbound=False)
    assert text("+15551234567", 3, media=False) == "-0.02250"
    assert text("+15551234567", 3, media=True) == "-0.02000"
    assert text("whatsapp:+447911123456", 3, media=False) == "-0.00500"
    assert of_text("+447911123456", 2, media=False, inbound=True) == "-0.01500"
    minutes = [call("+15551234567", seconds) for seconds in (1, 60, 61)]
    assert minutes == ["-0.01300", "-0.01300", "-0.02600"]
    assert of_call("+447911123456", 61, inbound=True) == "-0.02000"


def test_the_documentation_tells_the_rates_that_hold() -> None:
    page = (Path(__file__).parents[2] / "docs" / "simulator-limits.md").read_text()
    told = re.findall(r"^\| `([a-z-]+)` \| (\d+) \|$", page, re.MULTILINE)
    assert {kind: float(rate) for kind, rate in told} == TWILIOS.rates


def test_settings_are_read_from_what_json_and_yaml_hold() -> None:
    document = {
        "limits": {"rates": {"long-code": 2}, "queue": 60, "concurrent": 10},
        "services": {SERVICE: {"senders": ["+15551234567"], "sticky_sender": False}},
        "numbers": {"+15551234567": {"mms": False}, "+18005550199": {}},
        "regions": ["+1", "+44"],
        "verified": ["+15551234567"],
        "callbacks": {"delay": 3},
        "price_after": 60,
    }
    assert read(Settings, document) == Settings(
        limits=Limits(rates={"long-code": 2.0}, queue=60.0, concurrent=10),
        services={SERVICE: Service(senders=("+15551234567",), sticky_sender=False)},
        numbers={"+15551234567": OwnNumber(mms=False), "+18005550199": OwnNumber()},
        regions=("+1", "+44"),
        verified=("+15551234567",),
        callbacks=Manner(delay=3.0),
        price_after=60.0,
    )
    assert read(Settings, {"limits": "twilio", "numbers": ["+1"]}) == Settings(
        limits=TWILIOS, numbers=("+1",)
    )
    assert read(Settings, {"limits": "none", "numbers": None}) == Settings()


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"limits": "fast"}, 'Limits are an object, or one of none, twilio, not "fast".'),
        ({"limits": 3}, '"limits" must be an object.'),
        ({"limits": {"queue": "long"}}, '"limits.queue" must be a number.'),
        ({"limits": {"speed": 1}}, '"limits.speed" is unknown; known are rates, queue, calls,'),
        ({"limits": {"rates": {"fax": 1}}}, 'In "limits": "rates" knows long-code, toll-free,'),
        ({"limits": {"rates": {"rcs": 0}}}, 'In "limits": Limits must be above 0;'),
        ({"limits": {"calls": -1}}, 'In "limits": Limits must be above 0;'),
        ({"services": {SERVICE: {}}}, f'"services.{SERVICE}.senders" is missing.'),
        ({"services": {SERVICE: []}}, f'"services.{SERVICE}" must be an object.'),
        (
            {"services": {SERVICE: {"senders": ["+1", 2]}}},
            f'"services.{SERVICE}.senders.2" must be text.',
        ),
        (
            {"services": {SERVICE: {"senders": [], "validity_period": 0}}},
            f'In "services.{SERVICE}": "validity_period" must be 1 to 36000 seconds.',
        ),
        ({"numbers": {"+1": {"kind": "fax"}}}, 'In "numbers.+1": "kind" must be one of local,'),
        ({"numbers": {"+1": {"sms": "no"}}}, '"numbers.+1.sms" must be true or false.'),
        ({"numbers": "+1"}, '"numbers" must be a list or an object.'),
        ({"regions": ["GB"]}, '"regions" must be calling codes such as +44, not "GB".'),
        ({"services": {"MG1": {"senders": []}}}, '"services" must be named MG and 32 hexadecimal'),
        (
            {"services": {SERVICE: {"senders": ["+1", "+1"]}}},
            '"services" must have +1 in one of them, once.',
        ),
        ({"regions": "1"}, '"regions" must be a list.'),
        ({"callbacks": {"late": 1}}, '"callbacks.late" is unknown; known are delay, copies,'),
    ],
)
def test_settings_that_cannot_be_read_are_answered_by_a_sentence(
    document: object, sentence: str
) -> None:
    with pytest.raises(BadOrder) as caught:
        read(Settings, document)
    assert str(caught.value).startswith(sentence)
    assert str(caught.value).endswith(".")


def test_moments_that_are_past_are_forgotten_and_those_to_come_are_not() -> None:
    courses = Courses(TWILIOS, pace=1.0)
    for second in range(5000):
        courses.send(Load("+15557654321", parts=1, ahead=900.0), USUAL, 1e9 + second)
    assert len(courses._lanes) < 3000
    at = Load("+15557654321", parts=1, ahead=900.0)
    assert courses.send(at, USUAL, 1e9 + 4999).timeline.due("sent") == 901.0


def _exchange(number: int) -> Exchange:
    return Exchange(
        method="POST", url="", params={}, headers={}, attempt=1, fallback=False, began_at=number
    )


def test_the_oldest_webhooks_are_let_go_and_every_other_keeps_its_place() -> None:
    exchanges: Newest[Exchange] = Newest(KEPT)
    tail = ListTail[Exchange](
        lambda: exchanges,
        lambda _each: True,
        lambda each, number: {"was": each.began_at, "n": number},
    )
    for number in range(KEPT + 5):
        exchanges.append(_exchange(number))
    assert len(exchanges) == KEPT + 5
    assert [each.began_at for each in exchanges][:1] == [5]
    assert [each.began_at for each in exchanges[:6]] == [5]
    assert [each.began_at for each in exchanges[KEPT + 4 :]] == [KEPT + 4]
    assert (exchanges[-1].began_at, exchanges[5].began_at) == (KEPT + 4, 5)
    for gone in (4, -KEPT - 1, KEPT + 5):
        with pytest.raises(IndexError):
            exchanges[gone]
    assert tail.news(1) == ([{"was": KEPT + 4, "n": KEPT + 5}], KEPT + 4)
    exchanges.append(_exchange(-1))
    assert tail.news(1) == ([{"was": -1, "n": KEPT + 6}], 0)
    exchanges.clear()
    assert (len(exchanges), list(exchanges), exchanges[:]) == (0, [], [])


def test_what_the_simulator_remembers_does_not_grow_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for each in (Newest, Ledger, Pictures):
        monkeypatch.setattr(each.__init__, "__defaults__", (10,))
    now = iter(range(10_000))
    board = Switchboard(Settings(), lambda: float(next(now)))
    for number in range(50):
        messages.create(board, Ask("", "AC", "", TEXT, 0.0))
        if number % 2:
            board.messages.remove(board.messages.records[0])
    assert len(board._arrivals._coming) <= 2, "only what is under way, whether one looks or not"
    kept = (board.messages.records, board.messages.removed, list(board.log), list(board.arrived))
    assert [len(each) for each in kept] == [9, 10, 10, 10]
    assert tally(board, ()).accepted == 10
    sent = [_picture(8), _picture(8)]
    for text in sent:
        board.add_message(text)
    assert [len(each.attachments) for each in sent] == [0, 1]


def _picture(size: int) -> Message:
    return Message(
        sid=new_sid("MM"),
        account_sid="AC",
        to="+15005550006",
        sender="+12065550100",
        status_callback=None,
        created_at=0.0,
        arrived_at=0.0,
        timeline=RECEIVED,
        body="",
        prefix="",
        media=(),
        messaging_service_sid=None,
        validity_period=None,
        picked_sender="",
        direction="inbound",
        attachments=(Attachment(content_type="image/png", content=b"x" * size),),
    )


def test_of_many_pictures_the_oldest_are_let_go() -> None:
    pictures, texts = Pictures(most=10), [_picture(size) for size in (4, 5, 1, 3, 6)]
    kept = []
    for text in texts:
        pictures.add(text)
        kept.append([len(each.attachments) for each in texts])
    assert kept[2:] == [[1, 1, 1, 1, 1], [0, 1, 1, 1, 1], [0, 0, 1, 1, 1]]


def test_of_many_logins_only_some_are_remembered_and_the_last_is_the_holder() -> None:
    account, holder = "AC" + "0" * 32, Holder(Settings())
    credentials = Credentials(Settings(), holder, Accounts(0.0))
    for number in range(MOST_REMEMBERED + 500):
        login = b64encode(f"{account}:{number}".encode()).decode()
        credentials.check(f"Basic {login}", account, "list-messages")
    assert len(credentials._good) == MOST_REMEMBERED
    assert holder.auth_token == str(MOST_REMEMBERED + 499)
