"""The fake nucleus, as AWS's own SDK sees it, unmodified; and the runner of recipes."""

import asyncio
import contextlib
import json
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest
import yaml
from awscrt.exceptions import AwsCrtError
from awsiot.eventstreamrpc import (
    AccessDeniedError,
    ConnectionClosedError,
    EventStreamError,
    LifecycleHandler,
    StreamClosedError,
    UnmappedDataError,
)
from awsiot.greengrasscoreipc import connect
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2
from awsiot.greengrasscoreipc.model import (
    BinaryMessage,
    InvalidArgumentsError,
    JsonMessage,
    PublishMessage,
    ResourceNotFoundError,
    ServiceError,
    UnauthorizedError,
)

from harness.waiting import PATIENCE, until
from nucleus import Nucleus, Spoken, frames
from nucleus.frames import Flag, Frame, Kind, Unusual
from nucleus.policy import MQTTPROXY, PUBSUB, SECRETS, allows
from nucleus.recipe import NoManifestError, Recipe
from nucleus.runner import Component

ME, NEIGHBOUR = "com.example.Me", "com.example.Neighbour"
ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:Token-a1B2c3"
LOCKED = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:Locked-a1B2c3"


def policy(number: int, operations: list[str], resources: list[str]) -> dict[str, Any]:
    named = [f"aws.greengrass#{operation}" for operation in operations]
    return {f"{ME}:{number}": {"operations": named, "resources": resources}}


ACCESS = {
    "aws.greengrass.ipc.pubsub": policy(1, ["SubscribeToTopic"], ["in/*", "wild/+", "in/${*}"])
    | policy(2, ["PublishToTopic"], ["out", "in/loop"]),
    "aws.greengrass.ipc.mqttproxy": policy(3, ["SubscribeToIoTCore"], ["cloud/+/in", "all/#"])
    | policy(4, ["PublishToIoTCore"], ["cloud/out", "cloud/a/in"]),
    "aws.greengrass.SecretManager": policy(5, ["GetSecretValue"], [ARN]),
}
CONFIGURATION = {"name": "tank", "limit": 3, "inputs": ["a", "b"], "retries": {"max": 5}}

Connect = Callable[[dict[str, str]], Awaitable["Sdk"]]


class Watch(LifecycleHandler):  # type: ignore[misc]
    """What happens to a connection as a whole."""

    def __init__(self) -> None:
        self.errors: list[EventStreamError] = []
        self.ended: list[Exception | None] = []

    def on_disconnect(self, reason: Exception | None) -> None:
        self.ended.append(reason)

    def on_error(self, error: EventStreamError) -> bool:
        self.errors.append(error)
        return True


class Sdk:
    """A component that uses the SDK; its calls block, so that they run beside the loop."""

    def __init__(self, client: GreengrassCoreIPCClientV2, watch: Watch) -> None:
        self.client = client
        self.watch = watch
        self.closed: list[str] = []

    async def ask(self, operation: str, **request: Any) -> Any:  # noqa: ANN401 - SDK's shapes
        return await asyncio.to_thread(getattr(self.client, operation), **request)

    async def hear(self, topic: str, way: str = "topic", **more: Any) -> tuple[list[Any], Any]:  # noqa: ANN401
        """Subscribe; give what will arrive, in order, and the operation."""
        events: list[Any] = []
        name = {"topic": "topic", "iot_core": "topic_name"}[way]
        _, operation = await self.ask(
            f"subscribe_to_{way}",
            on_stream_event=events.append,
            on_stream_closed=lambda: self.closed.append(topic),
            **{name: topic, **more},
        )
        return events, operation

    async def say(self, topic: str, payload: bytes | dict[str, Any]) -> None:
        await self.ask("publish_to_topic", topic=topic, publish_message=message(payload))

    async def close(self) -> None:
        with contextlib.suppress(AwsCrtError, EventStreamError):
            await asyncio.to_thread(self.client.close().result, 10)


def message(payload: bytes | dict[str, Any]) -> PublishMessage:
    if isinstance(payload, bytes):
        return PublishMessage(binary_message=BinaryMessage(message=payload))
    return PublishMessage(json_message=JsonMessage(message=payload))


@pytest.fixture(params=["classic", "lite"])
async def nucleus(request: pytest.FixtureRequest) -> AsyncIterator[Nucleus]:
    async with Nucleus(lite=request.param == "lite") as running:
        yield running


@pytest.fixture
async def classic() -> AsyncIterator[Nucleus]:
    async with Nucleus() as running:
        yield running


@pytest.fixture
async def lite() -> AsyncIterator[Nucleus]:
    async with Nucleus(lite=True) as running:
        yield running


@pytest.fixture
async def login() -> AsyncIterator[Connect]:
    """Give what connects with an environment, as a component does."""
    opened: list[Sdk] = []

    def enter(environment: dict[str, str]) -> Sdk:
        watch = Watch()
        connected = connect(
            ipc_socket=environment["AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT"],
            authtoken=environment["SVCUID"],
            lifecycle_handler=watch,
        )
        return Sdk(GreengrassCoreIPCClientV2(connected, executor=None), watch)

    async def connected(environment: dict[str, str]) -> Sdk:
        opened.append(await asyncio.to_thread(enter, environment))
        return opened[-1]

    yield connected
    for each in opened:
        await each.close()


def deploy(nucleus: Nucleus, component: str = ME) -> dict[str, str]:
    return nucleus.admit(component, ACCESS, CONFIGURATION)


# who is let in


async def test_a_component_with_its_token_is_let_in(nucleus: Nucleus, login: Connect) -> None:
    sdk = await login(deploy(nucleus))
    assert nucleus.connected(ME)
    await sdk.close()
    await until(lambda: not nucleus.connected(ME), "the nucleus notices that it left")
    assert (nucleus.faults, sdk.watch.ended) == ([], [None])


async def test_a_wrong_token_is_refused(classic: Nucleus, login: Connect) -> None:
    with pytest.raises(AccessDeniedError):
        await login({**deploy(classic), "SVCUID": "wrong"})


async def test_lite_hangs_up_on_a_wrong_token(lite: Nucleus, login: Connect) -> None:
    with pytest.raises(AwsCrtError, match="AWS_IO_SOCKET_CLOSED"):
        await login({**deploy(lite), "SVCUID": "wrong"})


async def test_without_a_nucleus_there_is_no_socket(classic: Nucleus, login: Connect) -> None:
    environment = deploy(classic)
    await classic.stop()
    with pytest.raises((RuntimeError, AwsCrtError), match="AWS_ERROR_FILE_INVALID_PATH"):
        await login(environment)


async def test_the_token_stays_as_long_as_the_nucleus_runs(
    nucleus: Nucleus, login: Connect
) -> None:
    before = deploy(nucleus)
    assert deploy(nucleus) == before
    first, second = await login(before), await login(before)
    await second.close()
    assert (await first.ask("get_configuration", key_path=["name"])).value == {"name": "tank"}


async def test_after_a_restart_the_old_token_is_of_no_use(nucleus: Nucleus, login: Connect) -> None:
    old = deploy(nucleus)
    sdk = await login(old)
    await sdk.hear("in/a")
    await nucleus.restart()
    await until(lambda: sdk.watch.ended, "the SDK notices that the connection is lost")
    assert sdk.closed == ["in/a"]
    assert nucleus.subscriptions(ME) == set()
    with pytest.raises(ConnectionClosedError):
        await sdk.ask("get_configuration", key_path=[])
    with pytest.raises((AccessDeniedError, AwsCrtError)):
        await login(old)
    fresh = nucleus.environment(ME)
    assert fresh["AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT"] == str(nucleus.socket)
    await login(fresh)


# local topics


async def test_text_and_bytes_arrive_as_what_they_were_sent(
    nucleus: Nucleus, login: Connect
) -> None:
    sdk = await login(deploy(nucleus))
    events, _ = await sdk.hear("in/a")
    assert nucleus.subscriptions(ME) == {("pubsub", "in/a")}
    assert await nucleus.publish("in/a", {"deep": {"list": [1, None, "ü"]}}) == 1
    assert await nucleus.publish("in/a", b"\x00\xff") == 1
    assert await nucleus.publish("in/b", b"somewhere else") == 0
    await until(lambda: len(events) == 2, "both messages arrive")
    assert events[0].json_message.message == {"deep": {"list": [1, None, "ü"]}}
    assert events[0].binary_message is None
    assert events[1].binary_message.message == b"\x00\xff"
    assert {each.context.topic for each in (events[0].json_message, events[1].binary_message)} == {
        "in/a"
    }
    assert nucleus.faults == []


async def test_what_a_component_publishes_is_kept_in_order(
    nucleus: Nucleus, login: Connect
) -> None:
    sdk = await login(deploy(nucleus))
    await sdk.say("out", b"\x00one")
    await sdk.say("out", {"two": 2})
    assert nucleus.published == [
        Spoken(ME, "out", b"\x00one", "binary"),
        Spoken(ME, "out", b'{"two": 2}', "json"),
    ]
    assert nucleus.published[1].document == {"two": 2}


async def test_a_message_reaches_other_components_and_its_sender(
    nucleus: Nucleus, login: Connect
) -> None:
    sdk, other = await login(deploy(nucleus)), await login(deploy(nucleus, NEIGHBOUR))
    own, _ = await sdk.hear("in/loop")
    theirs, _ = await other.hear("in/loop")
    await sdk.say("in/loop", b"x")
    await until(lambda: own and theirs, "both hear it")


async def test_the_sender_can_choose_not_to_hear_itself(classic: Nucleus, login: Connect) -> None:
    sdk = await login(deploy(classic))
    deaf, _ = await sdk.hear("in/loop", receive_mode="RECEIVE_MESSAGES_FROM_OTHERS")
    hears, _ = await sdk.hear("in/loop")
    await sdk.say("in/loop", b"own")
    await classic.publish("in/loop", b"another's")
    await until(lambda: len(hears) == 2, "one subscription hears both")
    assert [each.binary_message.message for each in deaf] == [b"another's"]


async def test_a_wildcard_is_one_only_if_the_policy_names_it(
    nucleus: Nucleus, login: Connect
) -> None:
    sdk = await login(deploy(nucleus))
    wild, _ = await sdk.hear("wild/+")
    literal, _ = await sdk.hear("in/+")
    assert await nucleus.publish("wild/a", b"1") == 1
    assert await nucleus.publish("in/a", b"2") == 0
    assert await nucleus.publish("in/+", b"3") == 1
    await until(lambda: wild and literal, "each hears its own")
    assert wild[0].binary_message.context.topic == "wild/a"


async def test_a_closed_subscription_hears_nothing_more(nucleus: Nucleus, login: Connect) -> None:
    sdk = await login(deploy(nucleus))
    _, operation = await sdk.hear("in/a")
    stays, _ = await sdk.hear("in/b")
    operation.close()
    await until(lambda: nucleus.subscriptions(ME) == {("pubsub", "in/b")}, "it is closed")
    assert await nucleus.publish("in/a", b"x") == 0
    assert await nucleus.publish("in/b", b"x") == 1
    await until(lambda: stays, "the other one still hears")
    assert nucleus.faults == []


async def test_two_thousand_messages_arrive_in_order(nucleus: Nucleus, login: Connect) -> None:
    sdk = await login(deploy(nucleus))
    events, _ = await sdk.hear("in/a")
    for number in range(2_000):
        await nucleus.publish("in/a", b"%d" % number)
    await until(lambda: len(events) == 2_000, "all arrive")
    assert [int(each.binary_message.message) for each in events] == list(range(2_000))


async def test_two_thousand_messages_are_taken_in_order(nucleus: Nucleus, login: Connect) -> None:
    sdk = await login(deploy(nucleus))

    def speak() -> None:
        said = [
            sdk.client.publish_to_topic_async(topic="out", publish_message=message(b"%d" % number))
            for number in range(2_000)
        ]
        for each in said:
            each.result(30)

    await asyncio.to_thread(speak)
    assert [int(each.payload) for each in nucleus.published] == list(range(2_000))
    assert nucleus.faults == []


async def test_whole_numbers_can_arrive_as_floats(login: Connect) -> None:
    async with Nucleus(floats=True) as nucleus:
        sdk = await login(deploy(nucleus))
        events, _ = await sdk.hear("in/a")
        await nucleus.publish("in/a", {"retries": 3, "yes": True})
        await until(lambda: events, "it arrives")
        assert repr(events[0].json_message.message) == "{'retries': 3.0, 'yes': True}"
        value = (await sdk.ask("get_configuration", key_path=[])).value
        assert repr([value["limit"], value["retries"]]) == "[3.0, {'max': 5.0}]"


# AWS IoT Core


async def test_messages_to_the_cloud_carry_what_mqtt_carries(
    nucleus: Nucleus, login: Connect
) -> None:
    sdk = await login(deploy(nucleus))
    await sdk.ask(
        "publish_to_iot_core",
        topic_name="cloud/out",
        qos="1",
        payload=b"\x00\xff",
        message_expiry_interval_seconds=60,
    )
    assert nucleus.in_cloud == [
        Spoken(ME, "cloud/out", b"\x00\xff", qos="1", retain=False, expiry=60)
    ]
    assert nucleus.published == []


async def test_messages_from_the_cloud_match_mqtt_filters(nucleus: Nucleus, login: Connect) -> None:
    sdk = await login(deploy(nucleus))
    plus, _ = await sdk.hear("cloud/+/in", "iot_core", qos="1")
    everything, _ = await sdk.hear("all/#", "iot_core", qos="1")
    assert nucleus.subscriptions(ME) == {("iotcore", "cloud/+/in"), ("iotcore", "all/#")}
    assert await nucleus.from_cloud("cloud/a/in", b"1", retain=True, expiry=9) == 1
    assert await nucleus.from_cloud("cloud/a/b/in", b"2") == 0
    assert await nucleus.from_cloud("all/a/b", b"\xff3") == 1
    assert await nucleus.publish("all/a/b", b"not from the cloud") == 0
    await until(lambda: plus and everything, "both arrive")
    assert (plus[0].message.topic_name, plus[0].message.payload) == ("cloud/a/in", b"1")
    assert everything[0].message.payload == b"\xff3"
    kept = (plus[0].message.retain, plus[0].message.message_expiry_interval_seconds)
    assert kept == ((None, None) if nucleus.lite else (True, 9))


async def test_the_cloud_gives_a_message_back_to_who_subscribed(
    nucleus: Nucleus, login: Connect
) -> None:
    sdk = await login(deploy(nucleus))
    events, _ = await sdk.hear("cloud/+/in", "iot_core", qos="1")
    await sdk.ask("publish_to_iot_core", topic_name="cloud/a/in", qos="0", payload=b"x")
    await until(lambda: events, "it comes back")


# what is refused


@pytest.mark.parametrize(
    ("operation", "request_", "refused"),
    [
        ("subscribe_to_topic", {"topic": "out"}, ("SubscribeToTopic", "out")),
        (
            "publish_to_topic",
            {"topic": "in/a", "publish_message": message(b"x")},
            ("PublishToTopic", "in/a"),
        ),
        (
            "publish_to_iot_core",
            {"topic_name": "cloud/a/b", "qos": "1", "payload": b"x"},
            ("PublishToIoTCore", "cloud/a/b"),
        ),
        (
            "subscribe_to_iot_core",
            {"topic_name": "cloud/#", "qos": "1"},
            ("SubscribeToIoTCore", "cloud/#"),
        ),
    ],
)
async def test_what_no_policy_allows_is_refused_and_the_connection_stays(
    nucleus: Nucleus,
    login: Connect,
    operation: str,
    request_: dict[str, Any],
    refused: tuple[str, str],
) -> None:
    sdk = await login(deploy(nucleus))
    extra = {"on_stream_event": print} if operation.startswith("subscribe") else {}
    with pytest.raises(UnauthorizedError) as caught:
        await sdk.ask(operation, **request_, **extra)
    assert (caught.value.message is None) == nucleus.lite
    assert nucleus.refused == [(ME, *refused)]
    assert (nucleus.published, nucleus.in_cloud, nucleus.faults) == ([], [], [])
    await sdk.hear("in/a")


async def test_a_deployment_can_change_what_is_allowed(nucleus: Nucleus, login: Connect) -> None:
    sdk = await login(deploy(nucleus))
    more = policy(2, ["PublishToTopic"], ["new"])
    nucleus.configure(ME, {"accessControl": {"aws.greengrass.ipc.pubsub": more}})
    await sdk.say("new", b"x")
    with pytest.raises(UnauthorizedError):
        await sdk.say("out", b"x")


@pytest.mark.parametrize(
    ("service", "allowed", "resource", "may"),
    [
        (PUBSUB, "in/*", "in/a/b", True),
        (PUBSUB, "*", "in/a", True),
        (PUBSUB, "in/+", "in/a", False),
        (PUBSUB, "in/#", "in/a", False),
        (PUBSUB, "in/#", "in/#", True),
        (PUBSUB, "in.a", "in/a", False),
        (MQTTPROXY, "in/+", "in/a", True),
        (MQTTPROXY, "in/+", "in/a/b", False),
        (MQTTPROXY, "in/#", "in/a/b", True),
        (MQTTPROXY, "in/#", "in/+", True),
        (MQTTPROXY, "in/+", "in/#", False),
        (MQTTPROXY, "*", "#", True),
        (SECRETS, ARN, ARN, True),
        (SECRETS, "*", ARN, True),
        (SECRETS, "Token", ARN, False),
    ],
)
def test_each_service_reads_resources_in_its_own_way(
    service: str, allowed: str, resource: str, may: bool
) -> None:
    access = {service: {"id": {"operations": ["x"], "resources": [allowed]}}}
    assert allows(access, service, "x", resource) is may
    assert not allows(access, service, "y", resource)


async def test_an_asterisk_can_be_a_letter_of_a_topic(classic: Nucleus, login: Connect) -> None:
    only = {"aws.greengrass.ipc.pubsub": policy(1, ["SubscribeToTopic"], ["in/${*}"])}
    sdk = await login(classic.admit(ME, only, {}))
    await sdk.hear("in/*")
    with pytest.raises(UnauthorizedError):
        await sdk.hear("in/a")


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("publish_to_topic", {"topic": "out"}),
        ("publish_to_topic", {"topic": "out", "publish_message": PublishMessage()}),
        ("publish_to_topic", {"publish_message": message(b"x")}),
        ("publish_to_iot_core", {"topic_name": "cloud/out", "qos": "2", "payload": b"x"}),
        ("update_state", {"state": "SLEEPING"}),
    ],
)
async def test_requests_that_make_no_sense_are_refused(
    classic: Nucleus, login: Connect, operation: str, request_: dict[str, Any]
) -> None:
    sdk = await login(deploy(classic))
    with pytest.raises(InvalidArgumentsError):
        await sdk.ask(operation, **request_)


async def test_an_operation_can_be_made_to_fail(nucleus: Nucleus, login: Connect) -> None:
    sdk = await login(deploy(nucleus))
    nucleus.troubles["PublishToTopic"] = "ServiceError"
    with pytest.raises(ServiceError):
        await sdk.say("out", b"x")
    assert nucleus.published == []
    nucleus.troubles.clear()
    await sdk.say("out", b"x")


async def test_held_answers_come_later_and_the_work_is_done_at_once(
    nucleus: Nucleus, login: Connect
) -> None:
    sdk = await login(deploy(nucleus))
    nucleus.hold_answers = asyncio.Event()
    said = asyncio.create_task(sdk.say("out", b"x"))
    await until(lambda: nucleus.published, "it is published")
    assert not said.done()
    nucleus.hold_answers.set()
    await said


async def test_a_connection_that_ends_takes_held_answers_with_it(
    nucleus: Nucleus, login: Connect
) -> None:
    sdk = await login(deploy(nucleus))
    nucleus.hold_answers = asyncio.Event()
    said = asyncio.create_task(sdk.say("out", b"x"))
    await until(lambda: nucleus.published, "it is published")
    await nucleus.drop()
    with pytest.raises(StreamClosedError):
        await said


# secrets


@pytest.mark.parametrize("name", [ARN, "Token"])
async def test_a_secret_is_read_by_its_arn_or_name(
    classic: Nucleus, login: Connect, name: str
) -> None:
    classic.secrets[ARN] = "a token"
    sdk = await login(deploy(classic))
    answer = await sdk.ask("get_secret_value", secret_id=name)
    assert answer.secret_value.secret_string == "a token"
    assert answer.secret_value.secret_binary is None
    assert (answer.secret_id, answer.version_stage) == (ARN, ["AWSCURRENT"])
    assert classic.secret_requests == [name]


async def test_a_secret_can_be_bytes(classic: Nucleus, login: Connect) -> None:
    classic.secrets[ARN] = b"\x00\xff"
    sdk = await login(deploy(classic))
    value = (await sdk.ask("get_secret_value", secret_id=ARN)).secret_value
    assert (value.secret_string, value.secret_binary) == (None, b"\x00\xff")


async def test_a_secret_is_fetched_again_only_when_asked(classic: Nucleus, login: Connect) -> None:
    classic.secrets[ARN], classic.secrets_in_aws[ARN] = "old", "new"
    sdk = await login(deploy(classic))
    values = [
        (await sdk.ask("get_secret_value", secret_id=ARN, refresh=refresh)).secret_value
        for refresh in (None, True, None)
    ]
    assert [value.secret_string for value in values] == ["old", "new", "new"]


async def test_a_secret_that_the_core_does_not_hold_is_not_found(
    classic: Nucleus, login: Connect
) -> None:
    sdk = await login(deploy(classic))
    with pytest.raises(ResourceNotFoundError):
        await sdk.ask("get_secret_value", secret_id=ARN)


async def test_a_secret_of_others_is_refused(classic: Nucleus, login: Connect) -> None:
    classic.secrets[LOCKED] = "theirs"
    sdk = await login(deploy(classic))
    with pytest.raises(UnauthorizedError):
        await sdk.ask("get_secret_value", secret_id="Locked")
    assert classic.refused == [(ME, "GetSecretValue", LOCKED)]


async def test_lite_has_no_secrets(lite: Nucleus, login: Connect) -> None:
    lite.secrets[ARN] = "a token"
    sdk = await login(deploy(lite))
    with pytest.raises(ServiceError) as caught:
        await sdk.ask("get_secret_value", secret_id=ARN)
    assert caught.value.message is None


# configuration and state


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ([], {**CONFIGURATION, "accessControl": ACCESS}),
        (["retries"], {"max": 5}),
        (["retries", "max"], {"max": 5}),
        (["inputs"], {"inputs": ["a", "b"]}),
        (["name"], {"name": "tank"}),
    ],
)
async def test_configuration_has_its_shape(
    nucleus: Nucleus, login: Connect, path: list[str], value: dict[str, Any]
) -> None:
    sdk = await login(deploy(nucleus))
    answer = await sdk.ask("get_configuration", key_path=path)
    assert answer.component_name == ME
    assert repr(answer.value) == repr(value), "3 is not 3.0"


@pytest.mark.parametrize("path", [["nothing"], ["name", "deeper"], ["retries", "min"]])
async def test_configuration_that_is_not_there_is_not_found(
    nucleus: Nucleus, login: Connect, path: list[str]
) -> None:
    sdk = await login(deploy(nucleus))
    with pytest.raises(ResourceNotFoundError):
        await sdk.ask("get_configuration", key_path=path)


async def test_updates_tell_what_changed_and_not_the_value(
    nucleus: Nucleus, login: Connect
) -> None:
    sdk = await login(deploy(nucleus))
    everything: list[Any] = []
    retries: list[Any] = []
    for path, events in (([], everything), (["retries"], retries)):
        await sdk.ask(
            "subscribe_to_configuration_update", key_path=path, on_stream_event=events.append
        )
    nucleus.configure(ME, {"inputs": ["c"], "retries": {"max": 6, "min": 1}, "name": "tank"})
    nucleus.configure(ME, {"retries": {"min": 2}})
    await until(lambda: len(everything) == 4, "every change is told")
    told = [each.configuration_update_event for each in everything]
    assert {each.component_name for each in told} == {ME}
    paths = [["inputs"], ["retries", "max"], ["retries", "min"], ["retries", "min"]]
    assert [each.key_path for each in told] == paths
    assert [each.configuration_update_event.key_path for each in retries] == paths[1:]
    now = (await sdk.ask("get_configuration", key_path=[])).value
    assert (now["retries"], now["inputs"], now["limit"]) == ({"max": 6, "min": 2}, ["c"], 3)


async def test_a_component_tells_its_state(classic: Nucleus, login: Connect) -> None:
    sdk = await login(deploy(classic))
    await sdk.ask("update_state", state="RUNNING")
    assert classic.states == [(ME, "RUNNING")]


async def test_lite_takes_no_state(lite: Nucleus, login: Connect) -> None:
    sdk = await login(deploy(lite))
    with pytest.raises(ServiceError):
        await sdk.ask("update_state", state="RUNNING")


# frames


async def test_a_frame_above_the_limit_costs_the_whole_connection(
    lite: Nucleus, login: Connect
) -> None:
    sdk = await login(deploy(lite))
    await sdk.hear("in/a")
    await sdk.hear("in/b")
    await sdk.say("out", bytes(7_200))
    with pytest.raises(StreamClosedError):
        await sdk.say("out", bytes(7_500))
    await until(lambda: sdk.watch.ended, "the connection is lost")
    assert sorted(sdk.closed) == ["in/a", "in/b"]
    assert lite.subscriptions(ME) == set()
    assert len(lite.published) == 1
    assert [fault.startswith(f"{ME}: a frame of 10") for fault in lite.faults] == [True]
    with pytest.raises(ConnectionClosedError):
        await sdk.say("out", b"x")
    await login(lite.environment(ME))


async def test_the_classic_nucleus_takes_large_frames(classic: Nucleus, login: Connect) -> None:
    sdk = await login(deploy(classic))
    await sdk.say("out", bytes(100_000))
    assert len(classic.published[0].payload) == 100_000


async def test_an_event_above_the_limit_is_not_delivered(lite: Nucleus, login: Connect) -> None:
    sdk = await login(deploy(lite))
    events, _ = await sdk.hear("in/a")
    assert await lite.publish("in/a", bytes(7_500)) == 0
    assert await lite.publish("in/a", b"small") == 1
    await until(lambda: events, "the small one arrives")
    assert sdk.watch.ended == []


async def test_the_sdk_can_ping(nucleus: Nucleus, login: Connect) -> None:
    sdk = await login(deploy(nucleus))
    await asyncio.to_thread(sdk.client.client._connection.send_ping().result, 10)
    await sdk.say("out", b"x")
    assert nucleus.faults == []


async def test_an_operation_that_no_nucleus_has_is_a_fault(
    nucleus: Nucleus, login: Connect
) -> None:
    sdk = await login(deploy(nucleus))
    with pytest.raises(ServiceError if nucleus.lite else UnmappedDataError):
        await sdk.ask("list_components")
    assert nucleus.faults == [f"{ME}: there is no operation aws.greengrass#ListComponents"]
    await sdk.say("out", b"the connection stays")


# the protocol, by hand


class Raw:
    """A component that speaks the protocol itself, rightly or wrongly."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    def send(self, *sent: Frame) -> None:
        for each in sent:
            self.write(frames.encode(each))

    async def read(self) -> Frame | None:
        """Give the next frame; None at the end."""
        try:
            return await asyncio.wait_for(frames.read(self._reader), 10)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


@pytest.fixture
async def raw(nucleus: Nucleus) -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_unix_connection(nucleus.socket)
    component = Raw(reader, writer)
    yield component
    await component.close()


def hello(nucleus: Nucleus, version: str = "0.1.0") -> Frame:
    token = {"authToken": deploy(nucleus)["SVCUID"]}
    return frames.document(Kind.CONNECT, Flag.NONE, 0, token, **{":version": version})


def asked(stream: int, name: str = "GetConfiguration", **changes: frames.Value | None) -> Frame:
    """Give a request; a change of None takes a header away."""
    whole = frames.document(
        Kind.MESSAGE,
        Flag.NONE,
        stream,
        {},
        f"aws.greengrass#{name}Request",
        operation=f"aws.greengrass#{name}",
    )
    headers = {**whole.headers, **changes}
    kept = {key: value for key, value in headers.items() if value is not None}
    return Frame(kept, whole.payload)


def ended(stream: int) -> Frame:
    return frames.message(Kind.MESSAGE, Flag.TERMINATE, stream)


async def greeted(raw: Raw, nucleus: Nucleus) -> None:
    raw.send(hello(nucleus))
    answer = await raw.read()
    assert answer is not None
    assert (answer.number(":message-type"), answer.number(":message-flags")) == (5, 1)


async def test_a_ping_is_answered_with_what_it_carried(raw: Raw, nucleus: Nucleus) -> None:
    await greeted(raw, nucleus)
    raw.send(frames.message(Kind.PING, headers={"own": "x"}, payload=b"y"))
    answer = await raw.read()
    assert answer == frames.message(Kind.PING_RESPONSE, headers={"own": "x"}, payload=b"y")


async def test_an_answer_ends_its_stream_on_classic_and_not_on_lite(
    raw: Raw, nucleus: Nucleus
) -> None:
    await greeted(raw, nucleus)
    raw.send(asked(1), ended(1), asked(2), ended(2))
    answers = [await raw.read(), await raw.read()]
    flags = [each and each.number(":message-flags") for each in answers]
    assert flags == ([0, 0] if nucleus.lite else [2, 2])
    assert nucleus.faults == []


NUMBER = {":message-type": 0, ":message-flags": 0, ":stream-id": 1}
WATCHING = asked(1, "SubscribeToConfigurationUpdate")
WRONG: dict[str, tuple[list[Frame], str]] = {
    "a stream that jumps": ([asked(2)], "the stream 2 follows the stream 0"),
    "a stream that comes again": ([asked(1), ended(1), asked(1)], "the closed stream 1"),
    "a stream that goes down": ([asked(1), ended(1), asked(2), asked(1)], "the closed stream 1"),
    "a stream that is open": ([WATCHING, WATCHING], "a second message on the stream 1"),
    "a stream below zero": ([asked(-1)], "type 0 on the stream -1"),
    "no operation": ([asked(1, operation=None)], "has no operation"),
    "an empty operation": ([asked(1, operation="")], "has no operation"),
    "a second handshake": ([frames.message(Kind.CONNECT)], "a CONNECT is the first"),
    "a request on no stream": ([asked(0)], "type 0 on the stream 0"),
    "a ping on a stream": ([frames.message(Kind.PING, stream=1)], "type 2 on the stream 1"),
    "an error on a stream": ([frames.message(Kind.ERROR, stream=1)], "type 1 on the stream 1"),
    "a type that is none": ([Frame({**NUMBER, ":message-type": 8})], "type 8 on the stream 1"),
    "no type": ([Frame({":message-flags": 0, ":stream-id": 1})], "lacks"),
    "no flags": ([Frame({":message-type": 0, ":stream-id": 1})], "lacks"),
    "no stream": ([Frame({":message-type": 0, ":message-flags": 0})], "lacks"),
    "a large number": ([Frame({**NUMBER, ":stream-id": Unusual(5, bytes(8))})], "lacks"),
}


async def rest(raw: Raw) -> list[int | None]:
    """Give the types of all messages until the connection ends."""
    types = []
    while (frame := await raw.read()) is not None:
        types.append(frame.number(":message-type"))
    return types


def protocol_error(nucleus: Nucleus) -> list[int | None]:
    return [] if nucleus.lite else [Kind.PROTOCOL_ERROR]


@pytest.mark.parametrize("wrong", WRONG)
async def test_what_breaks_the_protocol_ends_the_connection(
    raw: Raw, nucleus: Nucleus, wrong: str
) -> None:
    await greeted(raw, nucleus)
    sent, said = WRONG[wrong]
    raw.send(*sent)
    types = await rest(raw)
    assert [each for each in types if each != Kind.MESSAGE] == protocol_error(nucleus)
    assert len(nucleus.faults) == 1
    assert nucleus.faults[0].startswith(f"{ME}: ")
    assert said in nucleus.faults[0]


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (asked(1), "a CONNECT is the first message"),
        (frames.message(Kind.PING), "a CONNECT is the first message"),
        (frames.document(Kind.CONNECT, Flag.NONE, 0, {"authToken": "x"}), ":version is not"),
    ],
)
async def test_a_connection_begins_with_a_handshake(
    raw: Raw, nucleus: Nucleus, first: Frame, said: str
) -> None:
    raw.send(first)
    assert await rest(raw) == protocol_error(nucleus)
    assert len(nucleus.faults) == 1
    assert said in nucleus.faults[0]


@pytest.mark.parametrize("place", [9, 20, -1])
async def test_a_wrong_crc_ends_the_connection_without_a_word(
    raw: Raw, nucleus: Nucleus, place: int
) -> None:
    await greeted(raw, nucleus)
    broken = bytearray(frames.encode(asked(1)))
    broken[place] ^= 1
    raw.write(bytes(broken))
    assert await rest(raw) == []
    assert ["CRC" in fault for fault in nucleus.faults] == [True]


@pytest.mark.parametrize(
    "changes",
    [
        {"service-model-type": None},
        {"service-model-type": "aws.greengrass#PublishToTopicRequest"},
        {":content-type": None},
    ],
)
async def test_a_request_without_its_model_is_refused_and_the_connection_stays(
    raw: Raw, nucleus: Nucleus, changes: dict[str, Any]
) -> None:
    await greeted(raw, nucleus)
    raw.send(asked(1, **changes), asked(2))
    refused, answer = await raw.read(), await raw.read()
    assert refused is not None
    assert answer is not None
    assert (refused.number(":message-type"), refused.number(":message-flags")) == (1, 2)
    assert answer.number(":message-type") == Kind.MESSAGE
    assert len(nucleus.faults) == 1


async def test_a_component_that_is_killed_within_a_frame_did_nothing_wrong(
    raw: Raw, nucleus: Nucleus
) -> None:
    await greeted(raw, nucleus)
    raw.write(frames.encode(asked(1))[:30])
    await raw.close()
    await until(lambda: not nucleus.connected(ME), "the nucleus notices")
    assert nucleus.faults == []


# recipes

NAME = "com.example.Tiny"
TINY: dict[str, Any] = {
    "RecipeFormatVersion": "2020-01-25",
    "ComponentName": NAME,
    "ComponentVersion": "1.2.3",
    "ComponentConfiguration": {
        "DefaultConfiguration": {
            "word": "default",
            "number": 3,
            "topics": ["a", "b"],
            "a/b": {"~": "odd"},
            "accessControl": ACCESS,
        }
    },
    "Manifests": [
        {"Platform": {"os": "windows", "runtime": "*"}, "Lifecycle": {"run": "exit 9"}},
        {
            "Platform": {"os": "linux", "runtime": "*"},
            "Artifacts": [{"URI": "s3://B/C/V/tiny.zip", "Unarchive": "ZIP"}],
            "Lifecycle": {
                "Setenv": {"WORD": "{configuration:/word}"},
                "install": {"Timeout": 20, "Script": "echo installed >> {work:path}/installed"},
                "run": {"Script": "env", "Setenv": {"OWN": "1"}},
            },
        },
    ],
}

Deploy = Callable[..., Awaitable[Component]]


@pytest.fixture
async def deployed(tmp_path: Path) -> AsyncIterator[Deploy]:
    """Give what deploys the tiny component, with other steps and changes."""
    async with contextlib.AsyncExitStack() as exits:

        async def begin(
            lifecycle: dict[str, Any] | None = None,
            *,
            lite: bool = False,
            **update: Any,  # noqa: ANN401
        ) -> Component:
            whole = json.loads(json.dumps(TINY))
            if lifecycle is not None:
                whole["Manifests"][1]["Lifecycle"] = lifecycle
            (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(whole))
            with zipfile.ZipFile(tmp_path / "tiny.zip", "w") as archive:
                archive.writestr("folder/hello.sh", "echo hello from $0")
            core = await exits.enter_async_context(Nucleus(tmp_path / "core", lite=lite))
            recipe = Recipe.read(tmp_path / "recipe.yaml", lite=lite)
            component = Component(
                recipe, core, artifacts=[tmp_path / "tiny.zip"], update=update, env={"MORE": "yes"}
            )
            return await exits.enter_async_context(component)

        yield begin


BOTH = pytest.mark.parametrize("lite", [False, True], ids=["classic", "lite"])


@BOTH
async def test_a_step_runs_in_the_work_folder_as_the_component(
    deployed: Deploy, lite: bool
) -> None:
    tiny = await deployed(lite=lite)
    assert await tiny.step("run") == 0
    seen = dict(line.partition("=")[::2] for line in tiny.log.splitlines())
    expected = {**tiny.nucleus.environment(NAME), "WORD": "default", "OWN": "1", "MORE": "yes"}
    assert {name: seen.get(name) for name in expected} == expected
    assert (seen["PWD"], "HOME" in seen) == (str(tiny.work), False)
    assert tiny.work == tiny.nucleus.root / "work" / NAME


@BOTH
async def test_what_is_installed_stays_over_a_restart(deployed: Deploy, lite: bool) -> None:
    tiny = await deployed(lite=lite)
    assert [await tiny.live(), await tiny.live()] == ["FINISHED", "FINISHED"]
    assert tiny.states == ["INSTALLED", "RUNNING", "FINISHED"]
    assert (tiny.work / "installed").read_text() == "installed\n" * 2


@BOTH
async def test_the_artifact_is_unpacked_beside_its_name_and_cannot_be_written(
    deployed: Deploy, lite: bool
) -> None:
    tiny = await deployed(
        {"run": 'sh "{artifacts:decompressedPath}/tiny/folder/hello.sh"; ls {artifacts:path}'},
        lite=lite,
    )
    assert await tiny.step("run") == 0
    assert "hello from" in tiny.log
    assert tiny.log.endswith("tiny.zip\n")
    files = [path for path in (tiny.nucleus.root / "packages").rglob("*") if path.is_file()]
    assert [oct(path.stat().st_mode & 0o777) for path in files] == ["0o444", "0o444"]


@BOTH
async def test_a_deployment_is_merged_into_the_defaults(deployed: Deploy, lite: bool) -> None:
    script = 'echo "{configuration:/word} {configuration:/new/deep} {configuration:/number}"'
    tiny = await deployed({"run": script}, lite=lite, word="mine", new={"deep": True})
    assert await tiny.step("run") == 0
    assert tiny.log == "mine true 3\n"
    assert tiny.nucleus.access(NAME) == ACCESS


@BOTH
async def test_variables_have_their_values(deployed: Deploy, lite: bool) -> None:
    script = 'echo "{kernel:rootPath} {iot:thingName} {configuration:/a~1b/~0}"'
    tiny = await deployed({"run": script}, lite=lite)
    assert await tiny.step("run") == 0
    assert tiny.log == f"{tiny.nucleus.root} test-core odd\n"


async def test_classic_puts_a_value_in_as_it_is(deployed: Deploy) -> None:
    script = "echo '{configuration:/topics}' \"{configuration:/word}\""
    tiny = await deployed({"run": script}, word="$(echo run)")
    assert await tiny.step("run") == 0
    assert tiny.log == '["a","b"] run\n'


async def test_lite_escapes_a_value_for_double_quotes(deployed: Deploy) -> None:
    script = 'echo "{configuration:/topics}" "{configuration:/word}" "$WORD"'
    lifecycle = {"Setenv": {"WORD": "{configuration:/word}"}, "run": script}
    odd = "$(echo run) `x` \\ 'it\"s'"
    tiny = await deployed(lifecycle, lite=True, word=odd)
    assert await tiny.step("run") == 0
    assert tiny.log == f'["a","b"] {odd} {odd}\n'


@pytest.mark.parametrize(
    "script", ["echo {configuration:/none}", "echo ${WORD}", "echo {thing}", "x() { echo; }"]
)
async def test_classic_leaves_what_it_does_not_know(deployed: Deploy, script: str) -> None:
    tiny = await deployed({"run": script})
    step = tiny.recipe.step("run")
    assert step is not None
    assert tiny.script(step) == script


@pytest.mark.parametrize(
    "script",
    [
        "echo {configuration:/none}",
        "echo {configuration:/}",
        "echo ${WORD}",
        "echo {iot:name}",
        "echo {",
    ],
)
async def test_lite_fails_at_a_brace_that_it_does_not_know(deployed: Deploy, script: str) -> None:
    tiny = await deployed({"run": script}, lite=True)
    assert await tiny.live() == "BROKEN"
    assert "configuration has no" in tiny.log or "brace" in tiny.log


async def test_step_names_are_in_any_case_on_classic_only(deployed: Deploy) -> None:
    lifecycle = {"Install": "echo in", "Run": {"script": "echo ran"}}
    assert await (await deployed(lifecycle)).live() == "FINISHED"
    tiny = await deployed(lifecycle, lite=True)
    assert await tiny.live() == "BROKEN"
    assert tiny.log == "in\nran\n"


@pytest.mark.parametrize(
    ("asked_for", "fits"),
    [
        ({"os": "linux", "runtime": "*"}, {False, True}),
        ({"os": "all", "runtime": "aws_nucleus_lite"}, {True}),
        ({"os": "linux"}, {False}),
        ({"runtime": "*"}, {False, True}),
        ({"os": "linux", "architecture": "amd64", "runtime": "*"}, {False, True}),
        ({"os": "linux", "architecture": "arm", "runtime": "*"}, set()),
        ({"os": "linux", "architecture": "/amd64|aarch64/", "runtime": "*"}, {False}),
        ({"os": "darwin", "runtime": "*"}, set()),
    ],
)
def test_the_manifest_is_chosen_by_platform(asked_for: dict[str, str], fits: set[bool]) -> None:
    taken = set()
    for lite in (False, True):
        data = {**TINY, "Manifests": [{"Platform": asked_for}]}
        with contextlib.suppress(NoManifestError):
            assert Recipe(data, lite, "amd64").manifest == {"Platform": asked_for}
            taken.add(lite)
    assert taken == fits


async def test_three_errors_make_a_component_broken(deployed: Deploy) -> None:
    tiny = await deployed({"run": "echo try; exit 3"})
    assert await tiny.live() == "BROKEN"
    assert tiny.states == ["INSTALLED", *["RUNNING", "ERRORED"] * 3, "BROKEN"]
    assert tiny.log == "try\n" * 3


async def test_an_install_that_fails_lets_nothing_run(deployed: Deploy) -> None:
    tiny = await deployed({"install": "exit 1", "run": "echo ran"})
    assert await tiny.live() == "BROKEN"
    assert tiny.log == ""


def lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def test_a_step_that_takes_too_long_is_killed_with_its_children(deployed: Deploy) -> None:
    tiny = await deployed({"run": {"Timeout": "0.5", "Script": "sleep 60 & echo $!; wait"}})
    assert await tiny.step("run") == -9
    assert not tiny.alive
    await until(lambda: not lives(int(tiny.log)), "the child is gone, too")


@pytest.mark.parametrize("code", [7, 0])
async def test_stopping_lets_a_component_end_in_its_own_way(deployed: Deploy, code: int) -> None:
    script = f"trap 'exit {code}' TERM; echo ready; while :; do sleep 0.05; done"
    tiny = await deployed({"run": script})
    living = asyncio.create_task(tiny.live())
    await until(lambda: "ready" in tiny.log, "it runs")
    assert await tiny.stop() == code
    assert await asyncio.wait_for(living, PATIENCE) == "FINISHED"


async def test_a_killed_component_is_started_again(deployed: Deploy) -> None:
    tiny = await deployed({"run": "echo $$; exec sleep 60"})
    living = asyncio.create_task(tiny.live())
    for lines in (1, 2):
        await until(lambda lines=lines: tiny.log.count("\n") == lines, "it runs")  # type: ignore[misc]
        assert tiny.pid == int(tiny.log.split()[-1])
        if lines == 1:
            tiny._signal(9)  # type: ignore[arg-type]
    await tiny.stop()
    assert await asyncio.wait_for(living, PATIENCE) == "FINISHED"
