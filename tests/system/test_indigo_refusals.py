"""What is refused at once is shown and fires triggers; what is told late fires nothing twice."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from harness.home import ANY, DARLA, OURS, PREFS, REFLECTOR, Home
from harness.waiting import until
from indigo_host import desktop


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    async with Home(tmp_path) as home:
        yield home


def names(home: Home) -> list[str]:
    return [each.name for each in home.indigo.executed]


async def test_a_text_that_cannot_be_sent_at_all_fires_message_failed(home: Home) -> None:
    number = await home.number()
    await home.trigger("messageFailed", "It failed", twilioNumber=ANY)
    props = {"smsTo": "nobody", "smsMessage": "Water"}
    result = await home.indigo.run_action("sendSMS", device=number, props=props)
    assert not result["success"]
    await home.indigo.until(lambda: names(home) == ["It failed"])
    states = home.indigo.states(number)
    assert (states["deliveryState"], states["numberStatus"]) == ("failed", "Create Failure")
    assert "is not a phone number" in states["deliveryReason"]


async def test_a_trigger_that_sends_what_is_refused_does_not_go_round_in_a_circle(
    home: Home,
) -> None:
    number = await home.number()
    await home.trigger("messageFailed", "It failed", twilioNumber=ANY)
    props = {"smsTo": "nobody", "smsMessage": "Water"}
    for _ in range(3):
        await home.indigo.run_action("sendSMS", device=number, props=props)
    await home.indigo.run_action("sendSMS", device=number, props=props | {"smsTo": DARLA})
    await home.indigo.until(lambda: home.bodies() == ["Water"])
    await home.indigo.until(lambda: home.indigo.states(number)["deliveryState"] == "accepted")
    assert names(home) == ["It failed"]


async def test_a_group_shows_how_many_are_in_it(home: Home) -> None:
    await home.number()
    darla = await home.contact()
    family = await home.device("twilioGroup", "Family", members=[str(darla)])
    assert home.indigo.states(family)["contactStatus"] == "1 contact"


async def test_a_webhook_in_a_dry_run_is_turned_away(tmp_path: Path) -> None:
    async with Home(tmp_path, prefs=PREFS | {"dryRun": True}) as home, ClientSession() as web:
        await home.number()
        url = home.indigo.message_url("receive", query=f"api-key={home.indigo.api_key}")
        form = {"MessageSid": "SM" + "0" * 32, "From": DARLA, "To": OURS, "Body": "x"}
        answer = await web.post(url, data=form)
        assert (answer.status, "dry run" in await answer.text()) == (503, True)


async def test_a_wrong_signature_is_told_in_the_words_of_the_dialog(home: Home) -> None:
    await home.number()
    url = home.indigo.message_url("receive", query=f"api-key={home.indigo.api_key}")
    form = {"MessageSid": "SM" + "0" * 32, "From": DARLA, "To": OURS, "Body": "x"}
    async with ClientSession() as web:
        answer = await web.post(url, data=form, headers={"X-Twilio-Signature": "wrong"})
    assert answer.status == 403
    await home.indigo.until(lambda: home.indigo.lines("A request to"))
    (line,) = home.indigo.lines("A request to")
    assert line.startswith(f"A request to {REFLECTOR}/message/")
    assert "'Webhook URL at Twilio' or 'Auth Token' may not be what Twilio has" in line


async def test_what_is_ordered_while_the_dry_run_ends_is_never_really_sent(tmp_path: Path) -> None:
    async with Home(tmp_path, prefs=PREFS | {"dryRun": True}) as home:
        number = await home.number()
        props = {"smsTo": DARLA, "smsMessage": "Rehearsed"}
        ordered = [
            asyncio.create_task(home.indigo.run_action("sendSMS", device=number, props=props))
            for _ in range(5)
        ]
        dialog = await desktop.preferences(home.indigo)
        await dialog.set("dryRun", value=False)
        assert (await dialog.ok()).closed
        await asyncio.gather(*ordered)
        really = await home.indigo.run_action(
            "sendSMS", device=number, props=props | {"smsMessage": "Really"}
        )
        assert really["success"]
        await home.indigo.until(home.bodies)
        assert home.bodies() == ["Really"]


async def test_an_answer_that_came_in_time_counts_though_nobody_looked_for_it_until_the_end(
    tmp_path: Path,
) -> None:
    async with Home(tmp_path, prefs=PREFS | {"pollFrequency": "0"}) as home:
        number = await home.number()
        yes, timeout = home.indigo.create_group("Close"), home.indigo.create_group("Siren")
        fields = {"yesGroup": str(yes), "timeoutGroup": str(timeout), "timeout": "0.02"}
        looks = home.simulator.requests
        await until(lambda: looks.count("list-messages", 200) >= 2, "the looks of the first second")
        await home.act("askQuestion", number, smsTo=DARLA, question="Close it?", **fields)
        await home.indigo.until(lambda: home.indigo.states(number)["deliveryState"] == "accepted")
        await home.simulator.receive(DARLA, OURS, "yes")
        await home.indigo.until(lambda: home.indigo.executed_groups)
        assert [each.name for each in home.indigo.executed_groups] == ["Close"]
