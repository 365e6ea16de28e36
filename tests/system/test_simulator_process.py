"""The simulator as a process of its own."""

import asyncio
import re
import signal
import sys
import time
from asyncio.subprocess import PIPE

import pytest

from harness.sdk import MESSAGES, session
from harness.terminal import read_until

COMMAND = (sys.executable, "-W", "error", "-m", "callbox", "simulate", "--port", "0")


async def _code(url: str, **asked: str) -> int | None:
    form = {"To": "+15551234567", "From": "+15005550006", "Body": "x", **asked}
    async with session(url) as http:
        code: int | None = (await (await http.post(MESSAGES, data=form)).json()).get("code")
        return code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_stops_cleanly_on_a_signal(number: signal.Signals) -> None:
    options = ("--number", "+15550000001")
    process = await asyncio.create_subprocess_exec(*COMMAND, *options, stdout=PIPE, stderr=PIPE)
    try:
        said = await read_until(process.stdout, "What it is asked to send")
        url = re.findall(r"Open (\S+) and pick up", said)[0]
        assert await _code(url, From="+15557654321") == 21606
        begun = time.perf_counter()
        process.send_signal(number)
        assert await asyncio.wait_for(process.wait(), 20) == 0
        assert time.perf_counter() - begun < 2
    finally:
        if process.returncode is None:
            process.kill()
        out, err = await process.communicate()
    assert (out.strip(), err) == (b"", b"")


async def test_it_may_know_test_credentials_alone() -> None:
    process = await asyncio.create_subprocess_exec(*COMMAND, "--test-credentials", stdout=PIPE)
    try:
        said = await read_until(process.stdout, "and pick up the phone")
        url = re.findall(r"Open (\S+) and pick up", said)[0]
        assert await _code(url) is None
        assert await _code(url, From="+15557654321") == 21606
        async with session(url) as http:
            assert (await http.get(MESSAGES)).status == 403
    finally:
        process.kill()
        await process.communicate()
