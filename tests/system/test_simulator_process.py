"""The simulator as a process of its own."""

import asyncio
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import ClientSession

from harness.sdk import MESSAGES, session

Run = Callable[..., Awaitable[Process]]


@pytest.fixture
async def run() -> AsyncIterator[Run]:
    begun: list[Process] = []

    async def begin(*arguments: str) -> Process:
        command = (sys.executable, "-W", "error", "-m", "callbox.simulator", *arguments)
        begun.append(await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE))
        return begun[-1]

    yield begin
    for process in begun:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _said(process: Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_where_it_listens_and_stops_cleanly_on_a_signal(
    run: Run, number: signal.Signals
) -> None:
    process = await run("--port", "0", "--trial", "--number", "+15550000001", "--pace", "0.5")
    words, _, url = (await _said(process)).rpartition(" ")
    assert words == "listening on"
    async with ClientSession() as session:
        answer = await session.get(f"{url}/_simulator/requests")
        assert answer.status == 200
        begun = time.perf_counter()
        process.send_signal(number)
        assert await asyncio.wait_for(process.wait(), 20) == 0
    assert time.perf_counter() - begun < 2
    out, err = await process.communicate()
    assert (out, err) == (b"", b"")


async def test_it_is_as_slow_and_narrow_as_twilio_when_told_so(run: Run) -> None:
    options = ("--limits", "--pace", "0", "--verified", "+12065550100", "--region", "44")
    process = await run("--port", "0", *options)
    url = (await _said(process)).rpartition(" ")[2]
    body = {"From": "+15005550006", "Body": "x"}
    codes = []
    async with session(url) as http:
        for to in ("+12025550101", "+12065550100"):
            answer = await http.post(MESSAGES, data={"To": to, **body})
            codes.append((await answer.json())["code"])
    assert codes == [21608, 21408]
    process = await run("--region", "GB")
    _, err = await asyncio.wait_for(process.communicate(), 20)
    assert err.decode() == '"regions" must be calling codes such as +44, not "GB".\n'
    assert process.returncode == 2


async def test_a_port_in_use_is_said_in_one_sentence(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = await run("--port", str(port))
        _, err = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 2
    assert err.decode().startswith(f"Cannot listen on 127.0.0.1:{port}: ")
    assert err.count(b"\n") == 1
