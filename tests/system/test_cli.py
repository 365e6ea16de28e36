"""The commands, as a person types them: real processes, the embedded broker, the simulator."""

import asyncio
import json
import os
import shlex
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from callbox.simulator import Settings, Simulator, start
from harness.ports import free_port
from harness.waiting import until

ACCOUNT = "AC" + "0123456789abcdef" * 2
TOKEN = "correct-horse-battery"
PATIENCE = 30.0
EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that came to its end."""

    code: int
    out: str
    err: str
    seconds: float


@dataclass(slots=True)
class Terminal:
    """Where commands are typed: a folder and its environment."""

    folder: Path
    begun: list[Process] = field(default_factory=list)

    async def begin(self, *arguments: str, **variables: str) -> Process:
        outside = ("CALLBOX_", "TWILIO_")
        kept = {name: os.environ[name] for name in os.environ if not name.startswith(outside)}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "callbox", *arguments),
            cwd=self.folder,
            env={**kept, "XDG_STATE_HOME": str(self.folder), **variables},
            stdout=PIPE,
            stderr=PIPE,
        )
        self.begun.append(process)
        return process

    async def type(self, *arguments: str, **variables: str) -> Ended:
        began = time.monotonic()
        process = await self.begin(*arguments, **variables)
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
        assert process.returncode is not None
        assert b"Traceback" not in out + err
        seconds = time.monotonic() - began
        return Ended(process.returncode, out.decode(), err.decode(), seconds)

    def write(self, **sections: dict[str, object]) -> None:
        (self.folder / "callbox.yaml").write_text(json.dumps(sections))

    async def clear(self) -> None:
        for process in self.begun:
            if process.returncode is None:
                process.kill()
            await process.communicate()


async def read_until(stream: asyncio.StreamReader | None, words: str) -> str:
    """Read lines up to one that has the words in it; give all of them."""
    assert stream is not None
    lines: list[str] = []
    async with asyncio.timeout(PATIENCE):
        while not lines or words not in lines[-1]:
            line = await stream.readline()
            assert line, f"it ended without {words!r}: {''.join(lines)}"
            lines.append(line.decode())
    return "".join(lines)


@pytest.fixture
async def terminal(tmp_path: Path) -> AsyncIterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    await terminal.clear()


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
    assert time.monotonic() - began < 3
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
    assert time.monotonic() - began < 3
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
    for secret in (TOKEN, "+15005550006", "+12345000000"):
        assert secret not in ended.out


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
    assert "cannot be reached" in ended.out


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
    assert text.out == "Twilio has it: queued, to +12345000000, from +15005550006\n"
    assert (group.code, group.out.count("Twilio has it")) == (0, 2)
    assert (call.code, call.out.count("Twilio has it")) == (0, 1)
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


async def test_send_without_a_broker_says_so(configured: Terminal) -> None:
    ended = await configured.type("send", "Darla", "Hello")
    assert ended.code == 1
    assert "cannot be reached" in ended.err
    assert ended.seconds < 3


async def test_send_without_a_gateway_says_so_within_3_seconds(
    configured: Terminal, gateway: Process
) -> None:
    assert gateway.returncode is None
    ended = await configured.type("send", "Darla", "Hello", CALLBOX_MQTT__BASE_TOPIC="elsewhere")
    assert ended.code == 1
    assert "No gateway is online" in ended.err
    assert "callbox run" in ended.err
    assert ended.seconds < 3


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


async def test_queue_of_a_store_that_never_was_says_so(configured: Terminal) -> None:
    ended = await configured.type("queue", "list")
    assert ended.code == 2
    assert "There is no store" in ended.err


# simulate


async def test_simulate_shows_how_to_use_it_and_what_it_is_asked(terminal: Terminal) -> None:
    process = await terminal.begin("simulate", "--port", "0")
    said = await read_until(process.stdout, "_simulator/log")
    assert "CALLBOX_TWILIO__BASE_URL=http://127.0.0.1:" in said
    process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


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
