"""The commands, as a person types them: real processes, the embedded broker, the simulator."""

import asyncio
import json
import os
import re
import shlex
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from twilio.request_validator import RequestValidator

from callbox.cli.queue import _page
from callbox.cli.ticker import failures
from callbox.simulator import Settings, Simulator, start
from callbox.simulator.telephony.exchange import Exchange
from contract.deliveries import a_store, flow, keep
from harness.ports import free_port
from harness.sdk import login
from harness.terminal import PATIENCE, Terminal, read_until
from harness.waiting import until

ACCOUNT = "AC" + "0123456789abcdef" * 2
TOKEN = "correct-horse-battery"
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
async def twilio() -> AsyncIterator[Simulator]:
    async with await start(settings=Settings(trial=True)) as simulator:
        yield simulator


@pytest.fixture
def configured(terminal: Terminal, twilio: Simulator) -> Terminal:
    """A callbox.yaml for the embedded broker and the simulator."""
    terminal.write(
        mqtt={"url": f"embedded://127.0.0.1:{free_port()}"},
        twilio={
            "account_sid": ACCOUNT,
            "auth_token": TOKEN,
            "default_from_number": "+15005550006",
            "base_url": twilio.url,
        },
        store={"url": f"sqlite://{terminal.folder / 'callbox.sqlite3'}"},
        http={"port": 0},
        contacts={"Darla": "+12345000000", "Team": ["Darla", "+12345000001"]},
    )
    return terminal


@pytest.fixture
async def gateway(configured: Terminal) -> Process:
    process = await configured.begin("run")
    await read_until(process.stderr, "requests are taken")
    return process


# demo


async def test_demo_shows_both_samples_with_their_statuses_and_ends(terminal: Terminal) -> None:
    demo = await terminal.type("demo", "--once")
    assert (demo.code, demo.err) == (0, "")
    assert demo.out.count('"message_status": "queued"') == 2
    assert "twilio/txt" in demo.out
    assert "https://some-public-TwiML" in demo.out


async def test_demo_stays_up_and_the_line_it_shows_works(terminal: Terminal) -> None:
    demo = await terminal.begin("demo")
    shown = await read_until(demo.stdout, " send --broker ")
    line = shlex.split(shown.splitlines()[-1])
    sent = await terminal.type(*line[line.index("send") :])
    assert (sent.code, sent.err) == (0, "")
    await read_until(demo.stdout, "success")
    began = time.monotonic()
    demo.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(demo.wait(), PATIENCE) == 0
    assert time.monotonic() - began < 15
    _, err = await demo.communicate()
    assert err == b""


# run


async def test_run_says_what_it_runs_on_and_stops_cleanly(configured: Terminal) -> None:
    process = await configured.begin("run")
    said = await read_until(process.stderr, "requests are taken")
    if "Sender:" not in said:
        said += await read_until(process.stderr, "Sender:")
    for words in (
        "configured by callbox.yaml",
        "session callbox-",
        "a trial: it reaches only numbers verified",
        "Sender: +1…0006, SMS, MMS, voice",
        "nothing is really sent",
    ):
        assert words in said
    assert TOKEN not in said
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


async def test_run_without_broker_and_twilio_carries_on_and_stops_quickly(
    terminal: Terminal,
) -> None:
    process = await terminal.begin(
        "run",
        TWILIO_ACCOUNT_SID=ACCOUNT,
        TWILIO_AUTH_TOKEN=TOKEN,
        CALLBOX_TWILIO__BASE_URL=f"http://127.0.0.1:{free_port()}",
        CALLBOX_MQTT__URL=f"mqtt://127.0.0.1:{free_port()}",
        CALLBOX_HTTP__PORT="0",
    )
    said = await read_until(process.stderr, "cannot be reached")
    if "No connection to Twilio" not in said:
        said += await read_until(process.stderr, "No connection to Twilio")
    assert "no sender is configured" in said
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
    assert time.monotonic() - began < 15
    assert b"Traceback" not in (await process.communicate())[1]


async def test_a_second_gateway_on_the_store_says_who_holds_it(
    configured: Terminal, gateway: Process
) -> None:
    second = await configured.type("run")
    assert second.code == 2
    assert f"is in use by process {gateway.pid}" in second.err


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("key", ["CALLBOX_HTTP__PORT", "CALLBOX_MQTT__URL"])
async def test_a_port_in_use_is_one_sentence_with_the_key_to_change(
    configured: Terminal, taken: int, key: str
) -> None:
    value = str(taken) if key.endswith("PORT") else f"embedded://127.0.0.1:{taken}"
    ended = await configured.type("run", **{key: value})
    assert ended.code == 2
    last = ended.err.splitlines()[-1]
    assert f"127.0.0.1:{taken}" in last
    assert "Address already in use" in last
    assert key.removeprefix("CALLBOX_").lower().replace("__", ".") in last


async def test_run_without_anything_configured_says_what_is_missing(terminal: Terminal) -> None:
    ended = await terminal.type("run")
    assert (ended.code, ended.out) == (2, "")
    assert "TWILIO_ACCOUNT_SID" in ended.err
    assert "TWILIO_AUTH_TOKEN" in ended.err


# check


async def test_check_tells_every_fault_at_once_with_its_path(terminal: Terminal) -> None:
    terminal.write(mqtt={"url": "tcp://x", "topic": "t"}, delivery={"retry_delays": ["soon"]})
    ended = await terminal.type("check")
    assert ended.code == 2
    for path in ("mqtt.url", "mqtt.topic", "delivery.retry_delays, entry 1", "twilio.account_sid"):
        assert any(line.startswith(path) for line in ended.err.splitlines()), path


async def test_check_shows_the_configuration_without_secrets_and_numbers(
    configured: Terminal,
) -> None:
    ended = await configured.type("check")
    assert (ended.code, ended.err) == (0, "")
    assert "+1…0006" in ended.out
    assert "nothing is really sent" in ended.out
    assert ended.out.endswith("\n\nThe configuration (callbox.yaml) can be used.\n")
    for secret in (TOKEN, "+15005550006", "+12345000000"):
        assert secret not in ended.out


async def test_check_shows_what_differs_or_all_with_times_as_people_write_them(
    configured: Terminal,
) -> None:
    changed = {"CALLBOX_DELIVERY__EXPIRES_AFTER": "5400", "CALLBOX_LIMITS__PER_DAY": "1000"}
    ended = await configured.type("check", **changed)
    keys = dict(line.split(maxsplit=1) for line in ended.out.split("The other")[0].splitlines())
    assert keys["delivery.expires_after"].strip() == "90 min"
    assert not {"limits.per_day", "store.keep_for"} & keys.keys()
    everything = (await configured.type("check", "--all")).out
    assert re.search(r"^store\.keep_for +30 days *$", everything, re.MULTILINE)
    assert re.search(r"^delivery\.retry_delays +2 s, 10 s, 30 s, 2 min,", everything, re.MULTILINE)
    assert re.search(r"^limits\.per_day +1000 *$", everything, re.MULTILINE)


async def test_check_online_asks_broker_and_twilio(configured: Terminal, gateway: Process) -> None:
    ended = await configured.type("check", "--online")
    assert ended.code == 0, ended.out + ended.err
    assert "a gateway is online on twilio/#" in ended.out
    assert "a trial" in ended.out
    assert gateway.returncode is None


async def test_check_online_fails_where_nobody_answers(configured: Terminal) -> None:
    ended = await configured.type(
        "check", "--online", CALLBOX_MQTT__URL=f"mqtt://127.0.0.1:{free_port()}"
    )
    assert ended.code == 1
    assert "WRONG Broker: 127.0.0.1:" in ended.out
    assert "cannot be reached: Connection refused; start it, or correct mqtt.url" in ended.out
    assert ended.out.splitlines()[-1].endswith("once what is WRONG above is mended.")


async def test_check_online_shows_numbers_that_can_be_typed_and_what_it_leaves_out(
    configured: Terminal, gateway: Process
) -> None:
    assert gateway.returncode is None
    changed = {
        "CALLBOX_TWILIO__DEFAULT_FROM_NUMBER": "+19999999999",
        "CALLBOX_HTTP__PUBLIC_URL": "http://callbox.example.com",
    }
    ended = await configured.type("check", "--online", **changed)
    assert ended.code == 1
    assert "WRONG Sender: +19999999999 is no number" in ended.out
    assert "one of its own: +15005550006" in ended.out
    assert "?     Webhooks: not looked at here; `callbox webhooks test` does" in ended.out


# send, call


async def test_send_and_call_show_what_twilio_said(
    configured: Terminal, gateway: Process, twilio: Simulator
) -> None:
    assert gateway.returncode is None
    text, group, call = [
        await configured.type(*words)
        for words in (
            ("send", "Darla", "The tank is full"),
            ("send", "Team", "The tank is full"),
            ("call", "+1 (234) 500-0000", "--say", "The tank is full"),
        )
    ]
    assert (text.code, text.err) == (0, "")
    first, second = text.out.splitlines()
    request_id = first.removeprefix("Request ").partition(":")[0]
    assert first == f"Request {request_id}: `callbox queue show {request_id}` shows more"
    assert second == "The simulator has it: queued, to +12345000000, from +15005550006"
    assert (group.code, group.out.count("The simulator has it")) == (0, 2)
    assert (call.code, call.out.count("The simulator has it")) == (0, 1)
    assert Counter(record.to for record in twilio.log) == {"+12345000000": 3, "+12345000001": 1}


async def test_send_typed_twice_is_sent_twice(
    configured: Terminal, gateway: Process, twilio: Simulator
) -> None:
    assert gateway.returncode is None
    for _ in range(2):
        assert (await configured.type("send", "Darla", "Hello", "--id", "same")).code == 0
    assert len(twilio.log) == 2


async def test_send_that_twilio_refuses_ends_with_1_and_the_reason(
    configured: Terminal, gateway: Process
) -> None:
    assert gateway.returncode is None
    ended = await configured.type("send", "+15005550001", "Hello")
    assert ended.code == 1
    assert "code 21211" in ended.err


async def test_send_to_an_unknown_name_says_which_was_probably_meant(
    configured: Terminal, gateway: Process
) -> None:
    assert gateway.returncode is None
    near, far = [await configured.type("send", name, "Hello") for name in ("Darlo", "Xyz")]
    assert (near.code, far.code) == (1, 1)
    assert "Darlo is not in contacts; did you mean Darla?" in near.err
    assert "Xyz is not in contacts; add it" in far.err


async def test_send_without_a_broker_says_so(configured: Terminal) -> None:
    ended = await configured.type("send", "Darla", "Hello")
    assert ended.code == 1
    assert "cannot be reached" in ended.err
    assert ended.seconds < 15, "a quarter of the time that it would wait for a status"


async def test_send_without_a_gateway_says_so_before_its_patience_ends(
    configured: Terminal, gateway: Process
) -> None:
    assert gateway.returncode is None
    ended = await configured.type("send", "Darla", "Hello", CALLBOX_MQTT__BASE_TOPIC="elsewhere")
    assert ended.code == 1
    assert "No gateway is online" in ended.err
    assert "callbox run" in ended.err
    assert ended.seconds < 30, "half of the time that it would wait for a status"


@pytest.mark.parametrize(
    "words",
    [
        ("send", "0123 456", "Hello"),
        ("send", "Darla"),
        ("send", "Darla", "Hello", "--priority", "urgent"),
        ("send", "Darla", "Hello", "--broker", "localhost"),
        ("call", "Darla"),
        ("call", "Darla", "--say", "Hello", "--twiml-url", "https://example.com"),
        ("dance",),
    ],
)
async def test_what_cannot_be_meant_ends_with_2(terminal: Terminal, words: tuple[str, ...]) -> None:
    ended = await terminal.type(*words)
    assert ended.code == 2
    assert "Error: " in ended.err


async def test_the_example_of_a_publisher_works(
    configured: Terminal, gateway: Process, twilio: Simulator
) -> None:
    assert gateway.returncode is None
    url = json.loads((configured.folder / "callbox.yaml").read_text())["mqtt"]["url"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, EXAMPLES / "publish.py", "+12345000000", "The tank is full"),
        env={**os.environ, "BROKER_PORT": url.rpartition(":")[2]},
        stdout=PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 0
    assert b"its status will have the id" in out
    await until(lambda: twilio.log, "the text is sent")


# queue


async def listed(terminal: Terminal, *options: str) -> list[dict[str, str]]:
    ended = await terminal.type("queue", "list", "--json", *options)
    assert (ended.code, ended.err) == (0, "")
    found: list[dict[str, str]] = json.loads(ended.out)
    return found


async def test_queue_acts_through_the_running_gateway(
    configured: Terminal, gateway: Process, twilio: Simulator
) -> None:
    assert gateway.returncode is None
    await configured.type("send", "+15005550001", "Hello")
    table = await configured.type("queue", "list")
    assert "failed" in table.out
    assert "+15005550001" not in table.out
    failed = (await listed(configured, "--numbers", "--state", "failed"))[0]
    assert failed["to_number"] == "+15005550001"
    again = await configured.type("queue", "retry", failed["delivery_id"])
    assert (again.code, again.err) == (0, "")
    twice = await configured.type("queue", "cancel", failed["delivery_id"])
    assert (twice.code, twice.out) == (1, "")
    assert "only a queued one" in twice.err
    shown = await configured.type("queue", "show", again.out.split()[-1])
    assert failed["delivery_id"] in shown.out
    assert len(twilio.log) == 0


async def test_queue_shows_all_of_a_request_by_its_id(
    configured: Terminal, gateway: Process
) -> None:
    assert gateway.returncode is None
    await configured.type("send", "Team", "Grüße", "--id", "tank-7")
    await configured.type("send", "+15005550001", "Hello", "--priority", "high", "--id", "tank-8")
    both = await configured.type("queue", "show", "tank-7")
    assert (both.code, both.out.count("delivery_id")) == (0, 2)
    assert "Phone numbers are masked: --numbers" in both.out
    whole = await configured.type("queue", "show", "tank-7", "--numbers")
    assert "masked" not in whole.out
    failed = (await configured.type("queue", "show", "tank-8")).out
    for words in (r"^priority +high$", r"^created_at +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+$"):
        assert re.search(words, failed, re.MULTILINE)
    assert "expires_at" not in failed
    documents = json.loads((await configured.type("queue", "show", "tank-8", "--json")).out)
    assert len(documents) == 1
    one = (await configured.type("queue", "show", documents[0]["delivery_id"], "--json")).out
    assert json.loads(one) == documents[0]
    unknown = await configured.type("queue", "show", "tank-9")
    assert (unknown.code, unknown.out) == (1, "")
    assert "No delivery has this id" in unknown.err


def test_a_finished_delivery_is_shown_as_people_write_it() -> None:
    found = {
        "state": "delivered",
        "price": "-0.00750",
        "price_unit": "USD",
        "priority": 3,
        "expires_at": "2026-01-02T03:04:05.678Z",
        "next_at": None,
        "status": {"name": "Zoë"},
    }
    lines = [line.split(maxsplit=1) for line in _page(found).splitlines()]
    assert lines == [
        ["state", "delivered"],
        ["price", "0.0075 USD"],
        ["priority", "critical"],
        ["next_at", "-"],
        ["status", '{"name": "Zoë"}'],
    ]


async def test_queue_does_without_a_gateway_and_sends_nothing(
    configured: Terminal, gateway: Process, twilio: Simulator
) -> None:
    await configured.type("send", "+15005550001", "Hello")
    asked = twilio.requests.document()
    gateway.kill()
    await gateway.wait()
    failed = (await listed(configured))[0]["delivery_id"]
    again = (await configured.type("queue", "retry", failed)).out.split()[-1]
    assert [each["delivery_id"] for each in await listed(configured, "--state", "queued")] == [
        again
    ]
    assert (await configured.type("queue", "cancel", again)).code == 0
    assert await listed(configured, "--state", "queued") == []
    assert twilio.requests.document() == asked


async def test_queue_shows_a_flow_like_anything_else_and_withdraws_it(
    configured: Terminal,
) -> None:
    async with a_store(configured.folder / "callbox.sqlite3") as store:
        await keep(store, flow())
    (found,) = await listed(configured)
    assert (found["kind"], found["channel"], found["state"]) == ("flow", "flow", "queued")
    assert " flow " in (await configured.type("queue", "list")).out
    assert (await configured.type("queue", "cancel", found["delivery_id"])).code == 0
    assert [each["state"] for each in await listed(configured)] == ["cancelled"]


async def test_queue_of_a_store_that_never_was_says_so(configured: Terminal) -> None:
    ended = await configured.type("queue", "list")
    assert ended.code == 2
    assert "There is no store" in ended.err


# simulate


async def curled(command: str) -> Any:  # noqa: ANN401 - any JSON value
    """Type a command of curl; give what is answered."""
    shell = await asyncio.create_subprocess_shell(
        f"{command} --fail-with-body --silent", stdout=asyncio.subprocess.PIPE
    )
    told, _ = await shell.communicate()
    assert shell.returncode == 0, told
    return json.loads(told)


async def test_simulate_shows_how_to_use_it_and_what_it_is_asked(terminal: Terminal) -> None:
    process = await terminal.begin("simulate", "--port", "0")
    said = await read_until(process.stdout, "What it is asked to send")
    assert "CALLBOX_TWILIO__BASE_URL=http://127.0.0.1:" in said
    assert "signed with the auth token of whoever logged in last" in said
    commands = re.findall(r"^  (curl (?:.*\\\n)*.*)$", said, re.MULTILINE)
    text, reply, trouble = [await curled(each) for each in commands]
    assert (text["to"], text["from"], text["body"]) == ("+12065550100", "+15005550006", "Hello")
    assert (reply["message"]["from"], reply["message"]["body"]) == ("+12065550100", "status?")
    assert trouble["rules"] == [{"on": "create", "status": 503, "until": 20}]
    assert f"text to +1…0100: {text['sid']}" in await read_until(process.stdout, text["sid"])
    process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


@pytest.mark.parametrize("command", ["simulate", "demo"])
async def test_the_page_with_the_phones_is_named_first_and_opened_if_asked(
    terminal: Terminal, command: str
) -> None:
    opened = terminal.folder / "opened"
    browser = terminal.folder / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    options = ("--port", "0") if command == "simulate" else ()
    process = await terminal.begin(command, "--open", *options, BROWSER=str(browser))
    said = await read_until(process.stdout, "and pick up the phone")
    url = re.findall(r"Open (http://127\.0\.0\.1:\d+) and pick up the phone", said)[0]
    assert said.count("http://") == 1
    await until(lambda: opened.exists() and opened.read_text(), "the browser is started")
    assert opened.read_text().strip() == url
    process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


async def test_a_phone_that_simulate_cannot_show_is_refused_with_a_sentence(
    terminal: Terminal,
) -> None:
    ended = await terminal.type("simulate", "--phone", "Darla=12")
    assert ended.code == 2
    assert "Darla=12 is no phone: write it as Darla=+12065550100." in ended.err


async def test_simulate_tells_of_webhooks_that_fail(terminal: Terminal) -> None:
    process = await terminal.begin("simulate", "--port", "0", "--auth-token", TOKEN)
    said = await read_until(process.stdout, "What it is asked to send")
    assert "signed with --auth-token" in said
    url = re.findall(r"Open (\S+) and pick up", said)[0]
    nobody = f"http://127.0.0.1:{free_port()}/sms"
    text = {"from": "+12065550100", "body": "status?"}
    async with ClientSession(headers=login(ACCOUNT, "other")) as session:
        account = f"{url}/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers"
        async with session.get(f"{account}.json") as answer:
            number = (await answer.json())["incoming_phone_numbers"][0]
        await session.post(f"{account}/{number['sid']}.json", data={"SmsUrl": nobody})
        await session.post(f"{url}/_simulator/texts", json=text)
        async with session.get(f"{url}/_simulator/webhooks") as answer:
            (exchange, *_) = (await answer.json())["webhooks"]
    shown = await read_until(process.stdout, "webhook POST")
    assert f"webhook POST {nobody} failed: nobody answers there" in shown
    validator = RequestValidator(TOKEN)
    signed = exchange["headers"]["X-Twilio-Signature"]
    assert validator.validate(exchange["url"], exchange["params"], signed)


def test_a_webhook_that_gave_its_password_when_asked_did_not_fail() -> None:
    def exchange(status: int, token: str, challenge: str = "") -> Exchange:
        found = Exchange(
            method="POST",
            url="http://gateway/sms?From=%2B12065550100",
            params={},
            headers={"I-Twilio-Idempotency-Token": token},
            attempt=1,
            fallback=False,
            began_at=0.0,
            seconds=0.1,
            challenge=challenge,
            body="Sign it",
        )
        found.answered(status)
        return found

    asked, given = exchange(401, "a", "Basic"), exchange(200, "a")
    refused, under_way = exchange(403, "b"), exchange(500, "c")
    under_way.seconds = 0.0
    told = ["webhook POST http://gateway/sms failed: HTTP status 403: Sign it"]
    assert list(failures([asked, given, refused, under_way])) == told
    assert len(list(failures([asked]))) == 1


@pytest.mark.parametrize(
    ("options", "statuses", "price"),
    [((), {"queued", "delivered"}, None), (("--no-limits",), {"delivered"}, "-0.08250")],
)
async def test_simulate_sends_as_slowly_as_twilio_unless_told_otherwise(
    terminal: Terminal, options: tuple[str, ...], statuses: set[str], price: str | None
) -> None:
    process = await terminal.begin("simulate", "--port", "0", "--pace", "0", *options)
    said = await read_until(process.stdout, "What it is asked to send")
    url = re.findall(r"Open (\S+) and pick up", said)[0]
    messages = f"{url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    body = {"To": "+12065550100", "From": "+15005550006", "Body": "x" * 1600}
    async with ClientSession(headers=login(ACCOUNT, "any")) as session:
        for _ in range(2):
            await session.post(messages, data=body)
        async with session.get(messages) as answer:
            listed = (await answer.json())["messages"]
    assert {message["status"] for message in listed} == statuses
    assert listed[1]["price"] == price


async def test_simulate_reaches_only_verified_numbers_and_chosen_regions(
    terminal: Terminal,
) -> None:
    ada, bob, london = "+12065550100", "+12025550101", "+447911123456"
    options = ("--verified", ada, "--verified", london, "--region", "+1")
    process = await terminal.begin("simulate", "--port", "0", *options)
    said = await read_until(process.stdout, "What it is asked to send")
    url = re.findall(r"Open (\S+) and pick up", said)[0]
    messages = f"{url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    codes = {}
    async with ClientSession(headers=login(ACCOUNT, "any")) as session:
        for to in (ada, bob, london):
            body = {"To": to, "From": "+15005550006", "Body": "x"}
            async with session.post(messages, data=body) as answer:
                codes[to] = (await answer.json()).get("code")
    assert codes == {ada: None, bob: 21608, london: 21408}


async def test_simulate_says_what_a_region_is(terminal: Terminal) -> None:
    ended = await terminal.type("simulate", "--region", "GB")
    assert ended.code == 2
    assert ended.err == '"regions" must be calling codes such as +44, not "GB".\n'


async def test_simulate_on_a_port_in_use_says_so(terminal: Terminal, taken: int) -> None:
    ended = await terminal.type("simulate", "--port", str(taken))
    assert ended.code == 2
    assert "--port" in ended.err


# the rest


async def test_help_comes_without_the_gateway_and_its_libraries(terminal: Terminal) -> None:
    program = (
        "import sys, callbox.cli; "
        "print({'rich', 'aiohttp', 'pydantic', 'twilio', 'amqtt', 'paho'} & set(sys.modules))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=terminal.folder, stdout=PIPE
    )
    out, _ = await process.communicate()
    assert out == b"set()\n"


async def test_run_does_without_what_only_others_need(configured: Terminal) -> None:
    process = await configured.begin(
        "run", CALLBOX_MQTT__URL=f"mqtt://127.0.0.1:{free_port()}", PYTHONPROFILEIMPORTTIME="1"
    )
    said = await read_until(process.stderr, "Broker: connecting")
    for name in ("rich", "amqtt", "callbox.simulator", "callbox.device"):
        assert f"| {name}\n" not in said.replace("|   ", "| ")
        assert not any(line.rpartition("|")[2].strip() == name for line in said.splitlines())
    process.terminate()
    await until(lambda: process.returncode is not None, "it stops")
