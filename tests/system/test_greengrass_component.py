"""Callbox as a component of AWS IoT Greengrass V2: a day on a core device, and bad days.

Most tests share a component that runs all the time, on a core with the classic nucleus and on one
with nucleus lite.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from harness import AUTH_TOKEN, FROM, Device, Nursery, judge, number, text, until
from harness.broker import Broker
from harness.core import ACCESS, NAME, Component, Core
from nucleus import Nucleus, Spoken
from nucleus.server import LITE_FRAME

DARLA = "+12345000000"
MOST_FRAME = 7_000
EMOJI = "\N{GRINNING FACE}"
TEXT = {
    "request": {
        "recipient": {"name": "Darla", "phone_number": DARLA, "message": "Hello from the edge"},
        "from_number": "+19999999999",
    },
    "id": "request123",
}
CALL = {
    "request": {
        "recipient": {
            "name": "Darla",
            "phone_number": DARLA,
            "voice_message_location": "https://some-public-TwiML",
        },
        "from_number": "+19999999999",
    },
    "id": "request123",
}
STATUS = {
    "response": {
        "status": "success",
        "payload": {
            "from_number": "+19999999999",
            "messages": {"message_status": "queued", "to_number": DARLA, "name": "Darla"},
        },
    },
    "id": "request123",
}
RULES = [
    {
        "from": "anyone",
        "contains": "gate",
        "topic": "home/gate/set",
        "payload": "OPEN for {{ to }}",
    },
    {"from": "anyone", "contains": "flood", "topic": "home/gate/set", "payload": "{{ text * 9 }}"},
    {"from": "anyone", "contains": "heat", "topic": "home/heating/set", "payload": '{"heat": 21}'},
]
ALL_DAY: dict[str, Any] = {
    "greengrass": {
        **dict.fromkeys(("txt", "call", "status", "received", "rules", "bridge"), "both"),
        "delivery": "pubsub",
        "sent": "iotcore",
    },
    "inbound": {"idle_interval": 0.2, "rules": RULES},
    "delivery": {"probe_first": 0.1},
    "twilio": {"calls_per_second": 1000},
}

_ids = iter(range(10**9))


def with_topics(access: dict[str, Any], *topics: str) -> dict[str, Any]:
    """Give an accessControl that lets it publish to more topics, by both ways."""
    wider = deepcopy(access)
    for service in ("pubsub", "mqttproxy"):
        policy = wider[f"aws.greengrass.ipc.{service}"][f"{NAME}:{service}:2"]
        policy["resources"] = [*policy["resources"], *topics]
    return wider


def without(access: dict[str, Any], service: str, number: int, topic: str) -> dict[str, Any]:
    """Give an accessControl whose policy lacks a topic."""
    narrower = deepcopy(access)
    policy = narrower[f"aws.greengrass.ipc.{service}"][f"{NAME}:{service}:{number}"]
    policy["resources"] = [each for each in policy["resources"] if each != topic]
    return narrower


class Day:
    """A core whose component runs; what happened on it since the test began."""

    def __init__(self, core: Core) -> None:
        self.core, self.nucleus = core, core.nucleus
        self.component, self.simulator = core.component, core.simulator
        self._spoken, self._told = len(self.nucleus.published), len(self.nucleus.in_cloud)
        self._sent = len(self.simulator.log)
        self.place = 0

    def id(self) -> str:
        """Give an id that nobody had before."""
        return f"request {next(_ids)}"

    def heard(self, topic: str) -> list[Spoken]:
        """Give what the component published on local pubsub, by its whole topic."""
        return _on(topic, self.nucleus.published[self._spoken :])

    def told(self, topic: str) -> list[Spoken]:
        """Give what it published to AWS IoT Core, by its whole topic."""
        return _on(topic, self.nucleus.in_cloud[self._told :])

    def told_by_both(self, topic: str) -> bool:
        """Say whether a topic was published by each way."""
        return bool(self.heard(topic) and self.told(topic))

    def sent(self) -> list[tuple[str, str]]:
        """Give recipient and body of the texts that Twilio was asked for, in order."""
        return [(m.to, m.body) for m in self.simulator.messages if m in self._new]

    @property
    def _new(self) -> list[Any]:
        return list(self.simulator.log)[self._sent :]

    def statuses(self, request_id: str | None) -> tuple[list[Any], list[Any]]:
        """Give the statuses of a request on local pubsub, and those in AWS IoT Core."""
        heard, told = self.heard("twilio/message/status"), self.told("twilio/message/status")
        return _of(request_id, heard), _of(request_id, told)

    async def answered(self, request_id: str | None, times: int = 1) -> Any:  # noqa: ANN401 - a document
        """Wait for so many statuses by each way and give the last."""

        def all_there() -> bool:
            heard, told = self.statuses(request_id)
            return len(heard) >= times and len(told) >= times

        await until(all_there, f"statuses of {request_id} by both ways")
        heard, told = self.statuses(request_id)
        assert heard == told
        assert len(heard) == times, "each way has it once"
        return heard[-1]

    async def ask_for(self, document: Any, topic: str = "txt", by: str = "binary") -> None:  # noqa: ANN401
        """Publish a request as a device would: `json` or `binary` on pubsub, or from the cloud."""
        payload = document if isinstance(document, bytes) else json.dumps(document).encode()
        if by == "cloud":
            reached = await self.nucleus.from_cloud(f"twilio/{topic}", payload)
        else:
            said = document if by == "json" else payload
            reached = await self.nucleus.publish(f"twilio/{topic}", said)
        assert reached == 1, "the component hears it"


def _on(topic: str, spoken: list[Spoken]) -> list[Spoken]:
    return [each for each in spoken if (each.component, each.topic) == (NAME, topic)]


def _of(request_id: str | None, spoken: list[Spoken]) -> list[Any]:
    return [each.document for each in spoken if each.document["id"] == request_id]


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=["classic", "lite"])
async def running(
    request: pytest.FixtureRequest, nursery: Nursery, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Core]:
    """A core whose component runs as long as the module."""
    folder, lite = tmp_path_factory.mktemp("core"), request.param == "lite"
    configuration = deepcopy(ALL_DAY)
    if lite:
        token = folder / "token"
        token.write_text(AUTH_TOKEN)
        configuration["twilio"]["auth_token_file"] = str(token)
    async with Core(
        nursery, folder, configuration=configuration, lite=lite, floats=not lite
    ) as core:
        core.component.access = with_topics(ACCESS, "home/gate/set", "home/heating/set")
        await core.component.serving()
        await until(lambda: core.component.rows("SELECT * FROM mailbox"), "the list was read once")
        yield core
        assert await core.component.stop() == 0
        core.check()
        assert core.nucleus.refused == []
        assert core.nucleus.largest[NAME] < MOST_FRAME


@pytest.fixture
def day(running: Core) -> Iterator[Day]:
    """The shared core, without anything of the test before."""
    yield Day(running)
    running.simulator.faults.clear()


shared = pytest.mark.asyncio(loop_scope="module")


@shared
@pytest.mark.parametrize("by", ["json", "binary", "cloud"])
async def test_v1s_sample_text_is_sent_and_gets_v1s_status_once_by_each_way(
    day: Day, by: str
) -> None:
    await day.ask_for(TEXT, by=by)
    assert await day.answered("request123") == STATUS
    assert day.sent() == [(DARLA, "Hello from the edge")]
    assert day.simulator.messages[-1].sender == "+19999999999"


@shared
@pytest.mark.parametrize("by", ["json", "binary", "cloud"])
async def test_v1s_sample_call_is_placed_and_gets_v1s_status_once_by_each_way(
    day: Day, by: str
) -> None:
    placed = len(day.simulator.calls)
    await day.ask_for(CALL, "call", by)
    assert await day.answered("request123") == STATUS
    (made,) = day.simulator.calls[placed:]
    assert (made.to, made.sender) == (DARLA, "+19999999999")
    assert made.entry()["url"] == "https://some-public-TwiML"


@shared
async def test_what_becomes_of_a_text_is_told_on_the_ways_chosen_for_it(day: Day) -> None:
    request_id = day.id()
    await day.ask_for(text(request_id, DARLA, "The tank is full"))
    await day.answered(request_id)
    delivery = "twilio/message/delivery"
    await until(lambda: day.heard(delivery), "the delivery is told")
    assert day.heard(delivery)[0].document["id"] == request_id
    assert not day.told(delivery)
    await until(lambda: day.told("twilio/message/sent"), "the record of it is told")
    assert day.told("twilio/message/sent")[0].document == {
        "messageFrom": FROM,
        "messageTo": DARLA,
        "messageText": "The tank is full",
    }
    assert not day.heard("twilio/message/sent")
    assert {each.qos for each in day.told("twilio/message/sent")} == {"1"}


def deep(depth: int) -> list[Any]:
    nested: list[Any] = []
    for _ in range(depth):
        nested = [nested]
    return nested


@contextmanager
def room_for_depth() -> Iterator[None]:
    """Let this process write JSON that is nested deeper than Python likes."""
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    yield
    sys.setrecursionlimit(usual)


BROKEN: dict[str, tuple[Any, str | None]] = {
    "empty": (b"", None),
    "no JSON": (b"Hello", None),
    "cut": (b"{", None),
    "list": (b"[]", None),
    "string": (b'"x"', None),
    "null": (b"null", None),
    "no UTF-8": (b"\xff\xfe", None),
    "NaN": (b'{"id": "n", "request": NaN}', "n"),
    "NUL": (b'{"id": "nul \\u0000", "request": {}}', "nul \0"),
    "half a letter": (b'{"id": "lone \\ud800", "request": {}}', None),
    "deep": (b'{"id": "deep", "request": ' + b"[" * 3_000, None),
    "id is a number": (b'{"id": 7, "request": {}}', None),
    "nothing but an id": (b'{"id": "nothing"}', "nothing"),
    "empty object": ({}, None),
    "JSON with a list": ({"id": "of JSON", "request": []}, "of JSON"),
    "JSON without a number": (text("no number", "", "x"), "no number"),
    "deep JSON": ({"id": "deep JSON", "request": deep(100)}, "deep JSON"),
}


@shared
@pytest.mark.parametrize("which", BROKEN)
async def test_a_broken_document_gets_a_failed_status_and_stops_nothing(
    day: Day, which: str
) -> None:
    broken, request_id = BROKEN[which]
    ways = ("json",) if isinstance(broken, dict) else ("binary", "cloud")
    for by in ways:
        await day.ask_for(broken, by=by)
    good = day.id()
    await day.ask_for(text(good, DARLA, "x"))
    await day.answered(good)
    status = await day.answered(request_id, len(ways))
    assert status["response"]["status"] == "fail"
    assert status["response"]["error"] == "InvalidParameter"
    assert status["response"]["payload"] is None
    assert 0 < len(status["response"]["error_message"]) < 300


@shared
@pytest.mark.parametrize("depth", [500, 980, 3_000])
async def test_json_deeper_than_can_be_read_costs_one_failed_status_and_no_subscription(
    day: Day, depth: int
) -> None:
    with room_for_depth():
        await day.ask_for({"request": deep(depth)}, by="json")
    good = day.id()
    await day.ask_for(text(good, DARLA, "x"))
    await day.answered(good)
    assert (await day.answered(None))["response"]["error"] == "InvalidParameter"


@shared
async def test_numbers_that_the_nucleus_made_floats_are_whole_again(day: Day) -> None:
    request_id = day.id()
    document = text(request_id, DARLA, "x", retries=3, expires_in=60)
    await day.ask_for(document, by="json")
    status = await day.answered(request_id)
    assert status["response"]["status"] == "success"
    assert day.simulator.messages[-1].validity_period in {58, 59, 60}
    fine = day.id()
    await day.ask_for(text(fine, DARLA, "x", expires_in=60.5, retries=0), by="json")
    assert (await day.answered(fine))["response"]["status"] == "success"


@shared
async def test_a_fraction_of_a_retry_is_refused(day: Day) -> None:
    request_id = day.id()
    await day.ask_for(text(request_id, DARLA, "x", retries=3.5), by="json")
    assert "Retries" in (await day.answered(request_id))["response"]["error_message"]


@shared
async def test_300_texts_to_one_number_arrive_in_their_order_whichever_way_they_come(
    day: Day,
) -> None:
    bodies = [str(place) for place in range(150)]
    for body in bodies:
        await day.ask_for(text(day.id(), number(1), f"pubsub {body}"))
        await day.ask_for(text(day.id(), number(1), f"cloud {body}"), by="cloud")
    await until(lambda: len(day.sent()) == 300, "all are sent")
    for way in ("pubsub", "cloud"):
        found = [body for _, body in day.sent() if body.startswith(way)]
        assert found == [f"{way} {body}" for body in bodies]


@shared
async def test_300_texts_by_one_way_arrive_in_exactly_their_order(day: Day) -> None:
    for place in range(300):
        await day.ask_for(
            text(day.id(), number(2), str(place)), by="json" if place % 2 else "binary"
        )
    await until(lambda: len(day.sent()) == 300, "all are sent")
    assert day.sent() == [(number(2), str(place)) for place in range(300)]


@shared
@pytest.mark.parametrize("by", ["binary", "json", "cloud"])
async def test_it_tells_how_it_is_by_the_ways_chosen(day: Day, by: str) -> None:
    await day.ask_for({"transaction": 7}, "bridge/request/health_check", by)
    topic = "twilio/bridge/response/health_check"
    await until(lambda: day.heard(topic) and day.told(topic), "both ways have the answer")
    answer = day.heard(topic)[0].document
    assert day.told(topic)[0].document == answer
    assert (answer["status"], answer["transaction"]) == ("ok", 7)
    assert answer["data"]["wrong"] == []
    assert answer["data"]["greengrass"]["connected"] is True


@shared
async def test_a_waiting_text_is_cancelled(day: Day) -> None:
    day.simulator.faults.set([{"on": "any", "status": 401, "code": 20003}])
    request_id = day.id()
    await day.ask_for(text(request_id, DARLA, "x"))
    tried = "SELECT 1 FROM delivery WHERE request_id = ? AND state = 'queued' AND attempt > 0"
    await until(lambda: day.component.rows(tried, request_id), "it waits for the next try")
    answer = await day.component.ask("cancel", {"id": request_id})
    assert len(answer["data"]["cancelled"]) == 1
    assert (await day.answered(request_id))["response"]["error"] == "Cancelled"
    day.simulator.faults.clear()
    await until(lambda: not day.component.wrong, "all is well again")
    assert not day.sent()


@shared
async def test_a_bridge_request_that_cannot_be_served_is_answered_with_a_sentence(
    day: Day,
) -> None:
    assert "waiting" in (await day.component.ask("cancel", {"id": "nobody's"}))["error"]
    assert "object" in (await day.component.ask("cancel", b"[]"))["error"]
    assert "JSON" in (await day.component.ask("check_messages", b"{"))["error"]
    assert (await day.component.ask("check_messages"))["data"] == {"checking": True}


@shared
async def test_who_texts_us_is_told_by_the_ways_chosen_and_so_is_what_a_rule_says(
    day: Day,
) -> None:
    await day.simulator.receive(DARLA, FROM, "Open the gate", webhook=False)
    for topic in ("twilio/message/received", "home/gate/set"):
        await until(partial(day.told_by_both, topic), f"{topic} is told")
        assert day.heard(topic)[0].payload == day.told(topic)[0].payload
    (document,) = (each.document for each in day.heard("twilio/message/received"))
    assert (document["messageFrom"], document["messageText"]) == (DARLA, "Open the gate")
    assert day.heard("home/gate/set")[0].payload == f"OPEN for {FROM}".encode()


@shared
@pytest.mark.parametrize("running", ["classic"], indirect=True)
async def test_what_aws_iot_core_had_kept_is_not_sent_but_said(day: Day) -> None:
    document = json.dumps(text("kept", DARLA, "again and again")).encode()
    await day.nucleus.from_cloud("twilio/txt", document, retain=True)
    good = day.id()
    await day.ask_for(text(good, DARLA, "x"), by="cloud")
    await day.answered(good)
    assert day.sent() == [(DARLA, "x")]
    assert (await day.component.health())["greengrass"]["retained_requests"] == 1
    assert day.component.lines("WARNING", "twilio/txt", "retained")


@shared
@pytest.mark.parametrize("running", ["classic"], indirect=True)
async def test_the_expiry_of_a_message_from_aws_iot_core_expires_the_request(day: Day) -> None:
    await day.nucleus.from_cloud(
        "twilio/txt", json.dumps(text("expiring", DARLA, "x")).encode(), expiry=120
    )
    await day.answered("expiring")
    assert day.simulator.messages[-1].validity_period in {118, 119, 120}


HUGE: dict[str, Callable[[str], dict[str, Any]]] = {
    "name": lambda request_id: _named_to(request_id, "N" * 100_000),
    "name of emoji": lambda request_id: _named_to(request_id, EMOJI * 20_000),
    "name of controls": lambda request_id: _named_to(request_id, "\x01" * 10_000),
    "message": lambda request_id: text(request_id, DARLA, EMOJI * 1_600),
    "wrong number": lambda request_id: text(request_id, "+1" + "5" * 50_000, "x"),
    "wrong sender": lambda request_id: text(request_id, DARLA, "x", from_number="x" * 50_000),
    "more than is read": lambda request_id: text(request_id, DARLA, "x" * 200_000),
    "not a text": lambda request_id: {"id": request_id, "request": ["x" * 110_000]},
}


def _named_to(request_id: str, name: str) -> dict[str, Any]:
    document = text(request_id, DARLA, "x")
    document["request"]["recipient"]["name"] = name
    return document


@pytest.fixture
def small_frames(running: Core) -> Iterator[Nucleus]:
    """A nucleus that takes requests of any size, and cuts whoever sends a large frame."""
    nucleus = running.nucleus
    usual = nucleus.frame_limit
    yield nucleus
    nucleus.frame_limit = usual


@shared
@pytest.mark.parametrize("which", HUGE)
async def test_whatever_is_asked_for_is_answered_in_small_frames_with_its_id_and_keys(
    day: Day, small_frames: Nucleus, which: str
) -> None:
    request_id = day.id()
    small_frames.frame_limit = None
    await day.ask_for(HUGE[which](request_id))
    small_frames.frame_limit = LITE_FRAME
    status = await day.answered(request_id)
    assert status["id"] == request_id
    response = status["response"]
    if response["status"] == "success":
        assert set(response["payload"]) == {"from_number", "messages"}
        assert set(response["payload"]["messages"]) == {"message_status", "to_number", "name"}
    else:
        assert set(response) == {"status", "error", "error_message", "payload"}
    assert day.component.alive
    assert day.nucleus.connected(NAME)
    assert day.nucleus.largest[NAME] < MOST_FRAME


@shared
@pytest.mark.parametrize("length", [1_000, 4_000])
async def test_a_long_id_comes_back_whole_whatever_else_is_long(
    day: Day, small_frames: Nucleus, length: int
) -> None:
    request_id = (day.id() + "-" * length)[:length]
    small_frames.frame_limit = None
    await day.ask_for(_named_to(request_id, "N" * 3_000))
    small_frames.frame_limit = LITE_FRAME
    status = await day.answered(request_id)
    assert status["response"]["payload"]["messages"]["message_status"] == "queued"


@shared
async def test_a_long_text_with_pictures_from_somebody_is_told_in_a_small_frame(
    day: Day,
) -> None:
    media = [
        {"url": f"https://api.twilio.com/{'m' * 200}/{place}", "content_type": "image/jpeg"}
        for place in range(10)
    ]
    body = EMOJI * 800
    await day.simulator.receive(DARLA, FROM, body, webhook=False, media=media)
    topic = "twilio/message/received"
    await until(lambda: day.heard(topic) and day.told(topic), "it is told")
    document = day.heard(topic)[0].document
    assert document == day.told(topic)[0].document
    assert len(document["media"]) == 10
    assert {"messageFrom", "messageTo", "messageText", "sid", "received_at"} <= set(document)
    assert (document["messageFrom"], document["messageTo"]) == (DARLA, FROM)
    told = document["messageText"]
    assert told.endswith("…")
    assert body.startswith(told[:-1])
    assert len(told) > 300
    assert day.nucleus.largest[NAME] < MOST_FRAME


@shared
async def test_what_a_rule_says_that_does_not_fit_is_said_and_holds_nothing_up(day: Day) -> None:
    before = (await day.component.health())["greengrass"]["too_large_events"]
    await day.simulator.receive(DARLA, FROM, "flood " * 200, webhook=False)
    await day.simulator.receive(DARLA, FROM, "open the gate", webhook=False)
    await until(lambda: day.heard("home/gate/set") and day.told("home/gate/set"), "the next comes")
    assert [each.payload for each in day.heard("home/gate/set")] == [f"OPEN for {FROM}".encode()]
    assert (await day.component.health())["greengrass"]["too_large_events"] == before + 2
    assert day.component.lines("ERROR", "home/gate/set", "bytes")


@shared
async def test_a_rules_json_comes_byte_for_byte(day: Day) -> None:
    await day.simulator.receive(DARLA, FROM, "heat", webhook=False)
    await until(lambda: day.heard("home/heating/set"), "the heating hears of it")
    assert day.heard("home/heating/set")[0].payload == b'{"heat": 21}'


@shared
async def test_it_says_how_it_is_configured_and_no_secret(day: Day) -> None:
    info = json.loads(day.component.said("bridge/info")[-1])
    assert info["config"]["greengrass"]["isolation_mode"] == "GreengrassContainer"
    assert info["config"]["greengrass"]["status"] == "both"
    assert info["config"]["twilio"]["auth_token"] == "***"
    everything = b"".join(each.payload for each in (*day.nucleus.published, *day.nucleus.in_cloud))
    token = day.nucleus.environment(NAME)["SVCUID"].encode()
    assert AUTH_TOKEN.encode() not in everything
    assert token not in everything


async def test_off_is_neither_heard_nor_said(core: Core) -> None:
    component = core.component
    off = ("call", "status", "delivery", "sent", "received", "bridge", "rules")
    component.configuration["greengrass"] = dict.fromkeys(off, "off")
    component.start()
    heard = {("pubsub", "twilio/txt")}
    await until(lambda: core.nucleus.subscriptions(NAME) == heard, "it listens")
    await core.nucleus.publish("twilio/txt", text("a", DARLA, "x"))
    await until(lambda: component.lines("is accepted"), "it is sent")
    assert await component.stop() == 0
    assert [each for each in core.nucleus.published if each.component == NAME] == []
    assert core.nucleus.in_cloud == []


@pytest.mark.parametrize(
    ("service", "way"), [("pubsub", "pubsub"), ("mqttproxy", "iotcore")], ids=["pubsub", "iotcore"]
)
async def test_without_the_policy_to_subscribe_it_ends_with_a_sentence(
    core: Core, service: str, way: str
) -> None:
    component = core.component
    component.access = without(ACCESS, service, 1, "twilio/call")
    component.configuration["greengrass"] = {"call": way}
    component.start()
    assert await component.ended() == 2
    (sentence,) = component.lines("accessControl")
    assert "twilio/call" in sentence
    assert way in sentence


async def test_without_the_policy_to_publish_there_each_status_comes_the_other_way_and_later_there(
    core: Core,
) -> None:
    component = core.component
    component.access = without(ACCESS, "mqttproxy", 2, "twilio/message/status")
    component.configuration["greengrass"] = {"status": "both"}
    await component.serving()
    ids = [str(place) for place in range(50)]
    for each in ids:
        await core.nucleus.publish("twilio/txt", text(each, number(1), each))
    await component.troubled("accessControl", "message/status")
    await until(lambda: len(_heard(component)) >= len(ids), "the other way has them")
    assert component.told("message/status") == []
    core.nucleus.configure(NAME, {"accessControl": ACCESS, "log": {"level": "INFO"}})
    await until(lambda: len(component.told("message/status")) >= len(ids), "AWS has them")
    await until(lambda: not component.wrong, "all is well")
    assert _heard(component) == ids
    assert [json.loads(each)["id"] for each in component.told("message/status")] == ids
    assert await component.stop() == 0


def _has(component: Component, request_id: str) -> bool:
    return request_id in _heard(component)


def _heard(component: Component) -> list[str]:
    return [json.loads(each)["id"] for each in component.said("message/status")]


SOCKET = "AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"SVCUID": ""}, "callbox run"),
        ({SOCKET: "/nowhere/ipc.socket"}, "nucleus"),
        ({"SVCUID": "a-wrong-token"}, "does not let us in"),
    ],
    ids=["no component", "no socket", "wrong token"],
)
@pytest.mark.parametrize("lite", [False, True], ids=["classic", "lite"])
async def test_who_is_not_let_in_ends_with_a_sentence(
    core: Core, variables: dict[str, str], words: str, lite: bool
) -> None:
    core.nucleus.lite = lite
    core.component.env = variables
    core.component.start()
    assert await core.component.ended() == 2
    assert words in core.component.log
    assert "a-wrong-token" not in core.component.log


async def test_a_restart_of_the_nucleus_loses_nothing_that_came(core: Core) -> None:
    component = core.component
    await component.serving()
    asked = [(number(place), "x") for place in range(200)]
    for place in range(200):
        await core.nucleus.publish("twilio/txt", text(str(place), number(place), "x"))
    begun = asyncio.get_running_loop().time()
    await core.nucleus.restart()
    assert await component.ended() == 1
    assert 3 < asyncio.get_running_loop().time() - begun < 10
    assert component.lines("ERROR", "nucleus", "lost")
    await component.serving()
    await until(lambda: len(_told(component)) == 200, "each has a status")
    assert judge(core.simulator, asked).clean
    assert await component.stop() == 0


def _told(component: Component) -> set[str]:
    return {json.loads(each)["id"] for each in component.told("message/status")}


async def test_it_stops_in_order_while_the_nucleus_is_gone(core: Core) -> None:
    await core.component.serving()
    await core.nucleus.stop()
    await until(lambda: core.component.lines("is lost"), "the loss is noticed")
    assert await core.component.stop() == 0


async def test_it_stops_in_order_while_the_nucleus_hangs(core: Core) -> None:
    await core.component.serving()
    core.nucleus.hold_answers = asyncio.Event()
    await core.nucleus.publish("twilio/txt", text("a", DARLA, "x"))
    await until(lambda: core.simulator.messages, "it is sent")
    core.nucleus.configure(NAME, {"log": {"level": "INFO"}})
    begun = asyncio.get_running_loop().time()
    assert await core.component.stop() == 0
    assert asyncio.get_running_loop().time() - begun < 10
    core.nucleus.hold_answers = None
    await core.component.serving()
    assert await core.component.status("a")
    assert await core.component.stop() == 0


async def test_it_stops_in_order_while_the_nucleus_hangs_at_the_start(core: Core) -> None:
    core.nucleus.hold_answers = asyncio.Event()
    core.component.start()
    await until(lambda: core.nucleus.connected(NAME), "it is connected")
    assert await core.component.stop() == 0


async def test_a_broker_beside_is_served_too(core: Core, tmp_path: Path) -> None:
    broker = Broker(tmp_path / "broker")
    await broker.start()
    device = Device(broker.port)
    try:
        await device.connect()
        component = core.component
        component.configuration["mqtt"] = {"url": broker.url}
        component.configuration["greengrass"] = {"status": "pubsub"}
        await component.serving()
        await until(lambda: device.state == "online", "the broker knows it, too")
        device.publish("txt", text("by MQTT", number(1), "x"))
        await core.nucleus.publish("twilio/txt", text("by IPC", number(2), "x"))
        for each in ("by MQTT", "by IPC"):
            await device.status(each)
            await until(partial(_has, component, each), f"pubsub has the status of {each}")
        assert (await component.health())["mqtt"]["connected"] is True
        assert judge(core.simulator, [(number(1), "x"), (number(2), "x")]).clean
        assert await component.stop() == 0
    finally:
        await device.close()
        await broker.kill()
