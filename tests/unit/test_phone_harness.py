"""Tests with phones read like sentences, and see what nobody expected."""

import asyncio
import base64
import contextlib
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from callbox.simulator import Settings, Simulator, start
from harness import Phones, phones

ADA, BOB = "+12065550100", "+12025550101"
ACCOUNT = "AC" + "0" * 32
SCENARIO = f"settings: {{account_sid: {ACCOUNT}, auth_token: any, list_lag: 0.1}}"


async def answer(request: web.Request) -> web.Response:
    """Answer as a box would: a text by a text, a call by a sentence."""
    asked = await request.post()
    if "CallSid" in asked:
        script = "<Response><Say>All is well.</Say></Response>"
    elif asked["Body"] == "status?":
        script = "<Response><Message>All is well: 21 °C.</Message></Response>"
    else:
        script = "<Response/>"
    return web.Response(text=script, content_type="text/xml")


@pytest.fixture
async def box() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


@pytest.fixture
async def sim(box: str) -> AsyncIterator[Simulator]:
    async with await start(settings=Settings(pace=0)) as simulator:
        number = simulator.number("+15005550006")
        number.sms_url = number.voice_url = box
        yield simulator


@pytest.fixture
async def phone(sim: Simulator) -> AsyncIterator[Phones]:
    async with phones(sim) as phone:
        yield phone


async def test_who_asks_gets_an_answer(phone: Phones) -> None:
    await phone(ADA).texts("status?")
    await phone(ADA).expects("All is well: 21 °C.")


async def test_each_gets_an_answer_of_his_own(phone: Phones) -> None:
    await phone(ADA).texts("status?")
    await phone(BOB).texts("status?", whatsapp=True)
    await phone(BOB).expects(containing="well")
    await phone(ADA).expects(matching=r"All is well: \d+ °C\.")


async def test_small_talk_is_not_answered(phone: Phones) -> None:
    await phone(ADA).texts("Nice weather")
    assert await phone(ADA).unexpected() == []


async def test_who_calls_hears_an_answer(phone: Phones) -> None:
    call = await phone(ADA).calls()
    assert call["transcript"][-1]["text"] == "All is well."


async def ask_and_expect_once(sim: Simulator, *asking: str) -> None:
    async with phones(sim) as phone:
        for number in asking:
            await phone(number).texts("status?")
        await phone(ADA).expects("All is well: 21 °C.")


async def test_a_text_that_nobody_expected_fails_the_test(sim: Simulator) -> None:
    with pytest.raises(AssertionError, match=r"Nobody expected the text to \+1202.*All is well"):
        await ask_and_expect_once(sim, ADA, BOB)


async def test_a_text_that_came_twice_must_be_expected_twice(sim: Simulator) -> None:
    with pytest.raises(AssertionError, match=r"Nobody expected the text to \+1206.*All is well"):
        await ask_and_expect_once(sim, ADA, ADA)


async def test_a_text_that_never_comes_is_named_with_those_that_came(phone: Phones) -> None:
    await phone(ADA).texts("status?")
    with pytest.raises(AssertionError, match=r"got no text 'Fire' within 0 s, but \['All is"):
        await phone(ADA).expects("Fire", within=0)
    await phone(ADA).expects()


async def test_expecting_waits_for_what_is_still_to_come(sim: Simulator, phone: Phones) -> None:
    waiting = asyncio.create_task(phone(ADA).expects(containing="well"))
    await asyncio.sleep(0)
    await sim.receive(ADA, "+15005550006", "status?")
    assert (await waiting)["from"] == "+15005550006"


async def test_a_bad_order_fails_with_the_simulators_sentence(phone: Phones) -> None:
    with pytest.raises(AssertionError, match='"to" must be a number of the account'):
        await phone(ADA).texts("status?", to=BOB)


async def test_a_simulator_in_another_process_will_do(box: str, tmp_path: Path) -> None:
    scenario = tmp_path / "settings.yaml"
    scenario.write_text(SCENARIO)
    command = (sys.executable, "-m", "callbox", "simulate", "--port", "0", "--scenario", scenario)
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    try:
        assert process.stdout is not None
        url = (await process.stdout.readline()).decode().split()[1]
        await _point(url, box)
        async with phones(url) as phone:
            await phone(ADA).texts("status?")
            await phone(ADA).expects("All is well: 21 °C.")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


async def _point(url: str, box: str) -> None:
    numbers = f"{url}/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers"
    async with ClientSession(headers={"Authorization": _basic()}) as session:
        listed = await (await session.get(f"{numbers}.json")).json()
        sid = listed["incoming_phone_numbers"][0]["sid"]
        await session.post(f"{numbers}/{sid}.json", data={"SmsUrl": box})


def _basic() -> str:
    return "Basic " + base64.b64encode(f"{ACCOUNT}:any".encode()).decode()
