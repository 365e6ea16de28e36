"""STOP, START and HELP: what the person is answered, what gets through, what the webhook hears."""

from collections.abc import Sequence
from functools import partial

import pytest

from callbox.simulator import OwnNumber, Service, Simulator
from harness.asking import ADA, LONG, SERVICE, SHORT, TOLL_FREE, Begin, message, refused, text
from harness.listener import Listener
from harness.sdk import ACCOUNT, Clock, ask

STOPPED = (
    "You have successfully been unsubscribed. You will not receive any more messages from this"
    " number. Reply START to resubscribe."
)
STARTED = (
    "You have successfully been re-subscribed to messages from this number. Reply HELP for help."
    " Reply STOP to unsubscribe. Msg&Data Rates May Apply."
)
HELPED = "Reply STOP to unsubscribe. Msg&Data Rates May Apply."


@pytest.fixture
def begin(begin: Begin) -> Begin:
    """Start a simulator whose texts arrive at once."""
    return partial(begin, pace=0.0)


def got(sim: Simulator) -> Sequence[str]:
    return [each.body for each in sim.phone(ADA).received]


@pytest.mark.parametrize(
    "word", ["STOP", "stopall", " Unsubscribe ", "CANCEL", "end", "quit", "REVOKE", "OptOut\n"]
)
async def test_each_stop_word_is_answered_and_stops_texts_from_that_number(
    begin: Begin, listener: Listener, word: str
) -> None:
    async with begin(numbers={LONG: OwnNumber(sms_url=f"{listener.url}/sms")}) as sim:
        await sim.phone(ADA).texts(word)
        assert got(sim) == [STOPPED]
        assert [heard.form["Body"] for heard in listener.heard] == [word]
        assert (await refused(sim, text())).code == 21610
        assert await ask(sim, text(from_="+15005550006")), "another number is not stopped"


@pytest.mark.parametrize("body", ["stop please", "STOP ALL", "Stop.", "'STOP'", "nonstop", ""])
async def test_what_only_has_a_word_in_it_stops_nothing(begin: Begin, body: str) -> None:
    async with begin(numbers=(LONG,)) as sim:
        await sim.phone(ADA).texts(body)
        await ask(sim, text())
        assert got(sim) == ["The tank is full"]


@pytest.mark.parametrize("word", ["START", "yes", "Unstop "])
async def test_each_start_word_is_answered_and_lets_texts_through_again(
    begin: Begin, word: str
) -> None:
    async with begin(numbers=(LONG,)) as sim:
        await sim.phone(ADA).texts("STOP")
        await sim.phone(ADA).texts(word)
        await ask(sim, text(body="Welcome back"))
        assert got(sim) == [STOPPED, STARTED, "Welcome back"]


@pytest.mark.parametrize("word", ["HELP", "info"])
async def test_help_is_answered_and_changes_nothing(begin: Begin, word: str) -> None:
    async with begin(numbers=(LONG,)) as sim:
        await sim.phone(ADA).texts(word)
        assert got(sim) == [HELPED]
        assert await ask(sim, text())


async def test_other_words_and_words_that_change_nothing_are_not_answered(begin: Begin) -> None:
    async with begin(numbers=(LONG,)) as sim:
        for body in ("stop it", "please stop", "yes", "START", "stopp", "", "STOP."):
            await sim.phone(ADA).texts(body)
        assert got(sim) == []
        assert await ask(sim, text(body="Hello"))
        for body in ("STOP", "stop", "CANCEL", "help"):
            await sim.phone(ADA).texts(body)
        assert got(sim) == ["Hello", STOPPED]


async def test_twilios_answers_are_listed_free_and_not_what_anybody_asked_for(
    begin: Begin, clock: Clock
) -> None:
    async with begin(numbers=(LONG,), account_sid=ACCOUNT) as sim:
        await sim.phone(ADA).texts("STOP")
        clock.now += 10
        (answer,) = await ask(sim, lambda client: client.messages.list(to=ADA))
        assert (answer.direction, answer.status, answer.from_) == (
            "outbound-reply",
            "delivered",
            LONG,
        )
        assert (answer.body, answer.price) == (STOPPED, None)
        assert list(sim.log) == []


async def test_toll_free_is_stopped_by_the_network_and_only_after_it_was_sent(
    begin: Begin, clock: Clock
) -> None:
    async with begin(numbers=(TOLL_FREE,)) as sim:
        for word in ("CANCEL", "QUIT"):
            await sim.phone(ADA).texts(word)
        assert got(sim) == []
        await sim.phone(ADA).texts("stop")
        taken = await ask(sim, text(from_=TOLL_FREE))
        clock.now += 5
        blocked = await message(sim, taken.sid)
        assert (blocked.status, blocked.error_code) == ("undelivered", 30004)
        await sim.phone(ADA).texts("YES")
        await sim.phone(ADA).texts("unstop")
        await ask(sim, text(from_=TOLL_FREE, body="Welcome back"))
        stopped, started, back = got(sim)
        assert stopped.startswith('NETWORK MSG: You replied with the word "stop"')
        assert started.startswith('NETWORK MSG: You have replied "unstop"')
        assert back == "Welcome back"


async def test_whatsapp_knows_no_such_words(begin: Begin, listener: Listener) -> None:
    async with begin(numbers={LONG: OwnNumber(sms_url=f"{listener.url}/sms")}) as sim:
        await sim.phone(ADA).texts("STOP", whatsapp=True)
        assert len(listener.heard) == 1
        assert got(sim) == []
        assert await ask(sim, text(to=f"whatsapp:{ADA}", from_=f"whatsapp:{LONG}"))
        assert await ask(sim, text())


async def test_a_short_code_listens_only_with_advanced_opt_out(begin: Begin) -> None:
    for advanced in (False, True):
        service = Service(senders=(SHORT,), advanced_opt_out=advanced)
        async with begin(numbers=(SHORT,), services={SERVICE: service}) as sim:
            await sim.phone(ADA).texts("STOP", SHORT)
            assert got(sim) == ([STOPPED] if advanced else [])
