"""AWS's own examples for the V1 connector, run against Callbox and compared with V1's page.

That is "Twilio Notifications connector" of the AWS IoT Greengrass Version 1 developer guide.
"""

import asyncio
import difflib
import json
import os
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness import FROM, PATIENCE, Device, Site, judge, number, until
from harness.cable import PUBACK, Cable, without
from harness.certificates import Authority
from harness.core import Core
from harness.ports import free_port
from nucleus.server import Nucleus

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "greengrass-v1"
USAGE = EXAMPLES / "usage_example.py"
PAGE = ROOT.parent / "shared" / "contract" / "greengrass-twilio-notifications-connector.md"
DARLA = {
    "request": {
        "recipient": {
            "name": "Darla",
            "phone_number": "+12345000000",
            "message": "Hello from the edge",
        },
        "from_number": "+19999999999",
    },
    "id": "request123",
}
TEMP_MONITOR = "temp_monitor.function_handler"
SUCCESS = {
    "response": {
        "status": "success",
        "payload": {
            "from_number": "+19999999999",
            "messages": {
                "message_status": "queued",
                "to_number": "+12345000000",
                "name": "Darla",
            },
        },
    },
    "id": "request123",
}
FAILURE = {
    "response": {
        "status": "fail",
        "error_message": "Recipient name cannot be None",
        "error": "InvalidParameter",
        "payload": None,
    },
    "id": "request123",
}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended."""

    code: int
    out: str
    err: str


def environment(**settings: object) -> dict[str, str]:
    """Give the environment of a V1 function: this one's, and GREENGRASSSDK_MQTT_... settings."""
    ours = {f"GREENGRASSSDK_MQTT_{name}": str(value) for name, value in settings.items()}
    return os.environ | {"PYTHONPATH": str(EXAMPLES), "PYTHONUNBUFFERED": "1"} | ours


async def started(*argv: object, env: dict[str, str]) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, *map(str, argv), env=env, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )


async def ran(*argv: object, env: dict[str, str], events: str = "") -> Ended:
    process = await started(*argv, env=env)
    try:
        out, err = await asyncio.wait_for(process.communicate(events.encode()), PATIENCE)
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


async def temp_monitor(site: Site, *events: dict[str, Any]) -> Ended:
    """Have the tutorial's function handle events."""
    lines = "".join(json.dumps(event) + "\n" for event in events)
    env = environment(URL=site.broker.url)
    return await ran(EXAMPLES / "run_lambda.py", TEMP_MONITOR, env=env, events=lines)


def event(temperature: float, place: int = 1, name: str | None = "Darla") -> dict[str, Any]:
    return {"to_name": name, "to_number": number(place), "temperature": temperature}


@pytest.fixture(scope="module")
def page() -> str:
    if PAGE.exists():
        return PAGE.read_text()
    reason = f"V1's page is not at {PAGE}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def printed(page: str, heading: str) -> str:
    """Give the first block of code below a heading."""
    return page[page.index(heading) :].split("```\n", 2)[1]


# the page itself


def test_the_usage_example_is_the_pages_with_one_word_corrected(page: str) -> None:
    theirs = re.split(r"(\W+)", printed(page, "### Example<a"))
    ours = re.split(r"(\W+)", USAGE.read_text())
    changed = difflib.SequenceMatcher(None, theirs, ours, autojunk=False).get_opcodes()
    assert [(theirs[a:b], ours[c:d]) for how, a, b, c, d in changed if how != "equal"] == [
        (["client"], ["iot_client"])
    ]


def test_the_documents_that_these_tests_expect_are_the_pages(page: str) -> None:
    assert json.loads(printed(page, "**Example output: Success**")) == SUCCESS
    failure = printed(page, "**Example output: Failure**")
    assert json.loads(re.sub(r"None\s*}", "null", failure)) == FAILURE


# against a gateway


async def test_the_usage_example_sends_one_text_and_its_status_is_the_pages(site: Site) -> None:
    _, device = await site.running()
    assert (await ran(USAGE, env=environment(URL=site.broker.url))).code == 0
    assert await device.status("request123") == SUCCESS
    assert judge(site.simulator, [("+12345000000", "Hello from the edge")]).clean
    assert [message.sender for message in site.simulator.messages] == ["+19999999999"]
    assert len(device.statuses("request123")) == 1


async def test_the_usage_example_without_a_name_gets_the_pages_failure(
    site: Site, tmp_path: Path
) -> None:
    _, device = await site.running()
    nameless = tmp_path / "nameless.py"
    nameless.write_text(USAGE.read_text().replace('"name": "Darla",', ""))
    assert (await ran(nameless, env=environment(URL=site.broker.url))).code == 0
    assert await device.status("request123") == FAILURE
    assert not site.simulator.log


async def test_the_temp_monitor_texts_above_30_degrees_only(site: Site) -> None:
    _, device = await site.running()
    events = [event(29, 1), event(30, 2), event(31, 3), event(30.5, 4)]
    assert (await temp_monitor(site, *events)).code == 0
    await until(lambda: len(device.heard("message/status")) == 2, "two have a status")
    assert judge(
        site.simulator, [(number(3), "temperature:31"), (number(4), "temperature:30.5")]
    ).clean
    status = device.heard("message/status")[0].document
    assert re.fullmatch(r"request_([1-9]|[1-9]\d|10[01])", status.pop("id"))
    payload = {
        "from_number": FROM,
        "messages": {"message_status": "queued", "to_number": number(3), "name": "Darla"},
    }
    assert status == {"response": {"status": "success", "payload": payload}}


async def test_ids_of_the_temp_monitor_that_repeat_are_each_sent(site: Site) -> None:
    _, device = await site.running()
    events = [event(31, place) for place in range(102)]
    assert (await temp_monitor(site, *events)).code == 0
    statuses = await device.hears("message/status", 102)
    assert len({status.document["id"] for status in statuses}) <= 101  # so one came twice
    assert judge(site.simulator, [(number(place), "temperature:31") for place in range(102)]).clean


async def test_the_temp_monitor_without_a_name_gets_the_pages_error(site: Site) -> None:
    _, device = await site.running()
    assert (await temp_monitor(site, event(31, name=None))).code == 0
    (status,) = await device.hears("message/status")
    assert status.document["response"] == FAILURE["response"]
    assert not site.simulator.log


async def test_the_temp_monitor_takes_its_events_from_the_tutorials_topic(site: Site) -> None:
    _, device = await site.running()
    publisher: Device = await site.device()
    env = environment(URL=site.broker.url)
    process = await started(
        EXAMPLES / "run_lambda.py", TEMP_MONITOR, "--topic", "twilio/temperature", env=env
    )
    try:
        assert process.stderr is not None
        while b"Listening" not in await asyncio.wait_for(process.stderr.readline(), 30):
            pass
        for thing in (event(29, 1), b"not JSON", {"temperature": "warm"}, event(31, 2)):
            publisher.publish("temperature", thing)
        await device.hears("message/status")
        assert judge(site.simulator, [(number(2), "temperature:31")]).clean
    finally:
        process.terminate()
        _, err = await process.communicate()
    assert err.count(b"An event was not handled: ") == 2
    assert b"Traceback" not in err


async def test_one_bad_event_of_a_file_is_told_and_the_rest_is_handled(site: Site) -> None:
    _, device = await site.running()
    ended = await temp_monitor(site, {"temperature": 31}, event(31))
    assert ended.code == 1
    assert "An event was not handled: KeyError: 'to_name'" in ended.err
    assert "Traceback" not in ended.err
    await device.hears("message/status")
    assert judge(site.simulator, [(number(1), "temperature:31")]).clean


# the shim's own promises

PUBLISH = """
import greengrasssdk
from greengrasssdk.Lambda import InvocationException
try:
    print(greengrasssdk.client("iot-data").publish({parameters}))
except (InvocationException, ValueError, TypeError) as error:
    print(type(error).__name__, error)
"""


async def said(parameters: str, **settings: object) -> str:
    """Publish in a process of its own and give what comes of it."""
    script = PUBLISH.format(parameters=parameters)
    ended = await ran("-c", script, env=environment(**settings))
    assert ended.code == 0, ended.err
    return ended.out.strip()


@pytest.mark.parametrize(
    ("payload", "arrives"),
    [
        ('payload=\'{"a": "\\u00e9"}\'', '{"a": "é"}'.encode()),
        ("payload=b'\\x00\\xff'", b"\0\xff"),
        ("payload=__import__('io').BytesIO(b'read')", b"read"),
        ("queueFullPolicy='AllOrException', payload='x', qos=0", b"x"),
        ("", b""),
    ],
)
async def test_what_v1_took_as_a_payload_arrives_byte_for_byte(
    site: Site, payload: str, arrives: bytes
) -> None:
    device = await site.device(topics=("things/#",))
    assert await said(f"topic='things/1', {payload}", URL=site.broker.url) == "None"
    await until(lambda: device.received, "it arrives")
    assert [came.payload for came in device.heard_on("things/1")] == [arrives]


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ("payload='x'", "ValueError publish() needs a topic"),
        ("topic='t', queueFullPolicy='Wait'", "ValueError queueFullPolicy 'Wait' is not"),
        ("topic='t', payload={}", "TypeError payload is a dict, not str or bytes: json.dumps"),
    ],
)
async def test_what_v1_did_not_take_is_refused_in_a_sentence(
    parameters: str, sentence: str
) -> None:
    assert (await said(parameters)).startswith(sentence)


async def test_a_broker_that_does_not_take_it_is_an_invocation_exception(site: Site) -> None:
    nobody = await said("topic='t'", URL=f"mqtt://127.0.0.1:{free_port()}")
    assert nobody.startswith("InvocationException The broker cannot be reached over MQTT to 127.")
    await site.broker.stop()
    site.broker.access = {"allow_anonymous": "false"}
    await site.broker.start()
    refused = await said("topic='t'", URL=site.broker.url)
    assert re.match(r"InvocationException Publishing on t .* refuses the connection \(Not", refused)


async def test_what_is_not_acknowledged_is_an_invocation_exception(site: Site) -> None:
    async with Cable(site.broker.port) as cable:
        cable.down = without(PUBACK)
        waits = asyncio.create_task(said("topic='t'", URL=cable.url))
        await until(lambda: cable.carried["down", PUBACK], "the acknowledgement is lost")
        late = asyncio.create_task(said("topic='t'", URL=cable.url))
        cable.cut()
        assert "failed: the connection was lost" in await waits
        assert (await late).endswith("failed: no acknowledgement within 10 s.")


@pytest.mark.parametrize(
    "url", ["127.0.0.1:1883", "http://127.0.0.1", "mqtt://", "mqtt://me:secret@127.0.0.1"]
)
async def test_an_address_that_is_none_is_told_without_showing_it(url: str) -> None:
    sentence = await said("topic='t'", URL=url)
    assert sentence.startswith("ValueError GREENGRASSSDK_MQTT_URL has to be mqtt://host:port")
    assert "secret" not in sentence


async def test_the_certificate_is_shown_to_a_broker_that_wants_one(
    site: Site, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "authority")
    cert, key = authority.sign("broker")
    await site.broker.stop()
    site.broker.options |= {"certfile": str(cert), "keyfile": str(key), "cafile": str(authority.ca)}
    site.broker.options["require_certificate"] = "true"
    await site.broker.start()
    cert, key = authority.sign("function")
    url = f"mqtts://127.0.0.1:{site.broker.port}"
    assert await said("topic='t'", URL=url, CA=authority.ca, CERT=cert, KEY=key) == "None"
    assert "failed: " in await said("topic='t'", URL=url, CA=authority.ca)
    untrusted = await said("topic='t'", URL=url)
    assert "cannot be reached over MQTT with TLS" in untrusted
    assert "certificate" in untrusted.lower()
    unreadable = await said("topic='t'", URL=url, CERT=tmp_path / "none.pem")
    assert "GREENGRASSSDK_MQTT_CERT" in unreadable


@pytest.mark.parametrize("client_type", ["lambda", "secretsmanager", "streammanager", "sns"])
async def test_what_v1_had_and_this_has_not_is_one_sentence(client_type: str) -> None:
    ended = await ran(
        "-c", f"import greengrasssdk as g; g.client({client_type!r})", env=environment()
    )
    last = ended.err.splitlines()[-1]
    assert re.match(r"(NotImplemented|Value)Error: .*" + repr(client_type), last)


async def test_a_shadow_is_a_shadow_error() -> None:
    script = """
import greengrasssdk
from greengrasssdk.IoTDataPlane import ShadowError
client = greengrasssdk.client("iot-data")
for ask in (client.get_thing_shadow, client.update_thing_shadow, client.delete_thing_shadow):
    try:
        ask(thingName="Core")
    except ShadowError as error:
        print(error)
"""
    ended = await ran("-c", script, env=environment())
    assert ended.out.count("has no shadows") == 3


# through the nucleus of Greengrass V2

FUNCTION = "com.example.TempMonitor"


@pytest.fixture
async def nucleus() -> AsyncIterator[Nucleus]:
    async with Nucleus() as nucleus:
        yield nucleus
        assert nucleus.faults == []


def component(nucleus: Nucleus, *topics: str) -> dict[str, str]:
    """Give the environment of a component that may publish on these topics."""
    may = {"operations": ["aws.greengrass#PublishToTopic"], "resources": list(topics)}
    policies = {"aws.greengrass.ipc.pubsub": {f"{FUNCTION}:pubsub:1": may}}
    return environment() | nucleus.admit(FUNCTION, policies, {})


@pytest.mark.parametrize("lite", [False, True])
async def test_a_component_publishes_through_the_nucleus_byte_for_byte(lite: bool) -> None:
    async with Nucleus(lite=lite) as nucleus:
        assert (await ran(USAGE, env=component(nucleus, "twilio/txt"))).code == 0
        (spoken,) = nucleus.published
        assert nucleus.faults == []
    assert (spoken.component, spoken.topic) == (FUNCTION, "twilio/txt")
    assert spoken.payload == json.dumps(DARLA).encode()


async def test_the_temp_monitor_publishes_through_the_nucleus_in_order(nucleus: Nucleus) -> None:
    events = "".join(json.dumps(event(degrees)) + "\n" for degrees in (31, 29, 32, 33))
    env = component(nucleus, "twilio/txt")
    ended = await ran(EXAMPLES / "run_lambda.py", TEMP_MONITOR, env=env, events=events)
    assert ended.code == 0
    assert "Publishing through the Greengrass nucleus" in ended.err
    texts = [spoken.document["request"]["recipient"]["message"] for spoken in nucleus.published]
    assert texts == ["temperature:31", "temperature:32", "temperature:33"]


async def test_both_examples_reach_people_through_the_nucleus_and_the_component(
    core: Core,
) -> None:
    await core.component.serving()
    env = component(core.nucleus, "twilio/txt")
    assert (await ran(USAGE, env=env)).code == 0
    events = "".join(json.dumps(event(degrees, 4)) + "\n" for degrees in (29, 31))
    program = EXAMPLES / "run_lambda.py"
    assert (await ran(program, TEMP_MONITOR, env=env, events=events)).code == 0
    await until(lambda: len(core.component.told("message/status")) == 2, "both have a status")
    assert json.loads(core.component.told("message/status")[0]) == SUCCESS
    asked = [("+12345000000", "Hello from the edge"), (number(4), "temperature:31")]
    assert judge(core.simulator, asked).clean


async def test_a_broker_that_is_named_counts_more_than_being_a_component(
    nucleus: Nucleus, site: Site
) -> None:
    device = await site.device(topics=("things/#",))
    env = component(nucleus, "things/1") | {"GREENGRASSSDK_MQTT_URL": site.broker.url}
    ended = await ran("-c", PUBLISH.format(parameters="topic='things/1', payload='x'"), env=env)
    assert ended.out.strip() == "None"
    await until(lambda: device.heard_on("things/1"), "it comes by MQTT")
    assert nucleus.published == []


async def test_what_the_nucleus_refuses_names_the_policy(nucleus: Nucleus) -> None:
    env = component(nucleus, "twilio/call")
    ended = await ran("-c", PUBLISH.format(parameters="topic='twilio/txt'"), env=env)
    assert ended.out.startswith("InvocationException The Greengrass nucleus does not let this")
    assert "aws.greengrass#PublishToTopic" in ended.out
    assert nucleus.published == []


@pytest.mark.parametrize(
    "change",
    [
        {"SVCUID": "old"},
        {"AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT": "/nowhere"},
    ],
)
async def test_a_nucleus_that_does_not_let_it_in_is_an_invocation_exception(
    nucleus: Nucleus, change: dict[str, str]
) -> None:
    env = component(nucleus, "twilio/txt") | change
    ended = await ran("-c", PUBLISH.format(parameters="topic='twilio/txt'"), env=env)
    assert ended.out.startswith("InvocationException The Greengrass nucleus cannot be reached")


async def test_a_nucleus_that_was_restarted_is_told_with_the_remedy(nucleus: Nucleus) -> None:
    env = component(nucleus, "twilio/txt")
    process = await started(EXAMPLES / "run_lambda.py", TEMP_MONITOR, env=env)
    assert process.stdin is not None
    hot = json.dumps(event(31)).encode() + b"\n"
    process.stdin.write(hot)
    await until(lambda: nucleus.published, "the first is published")
    await nucleus.restart()
    _, err = await asyncio.wait_for(process.communicate(hot), PATIENCE)
    assert b"failed (" in err
    assert b"end this process: the nucleus starts it anew" in err
    assert process.returncode == 1
    assert len(nucleus.published) == 1
