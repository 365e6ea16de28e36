"""Studio flows from the request to the simulator, through the store, the outbox and the SDK."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from callbox.clock import SystemClock
from callbox.domain.delivery import Delivery, State
from callbox.domain.notification import Channel, Flow, Kind
from callbox.domain.pace import Pace
from callbox.domain.policy import Rules
from callbox.domain.request import Recipient, Request
from callbox.intake import Asked, Intake, Terms
from callbox.outbox import Outbox
from callbox.ports import Limits
from callbox.simulator import Settings, Simulator, start
from callbox.store.sqlite import SqliteStore
from callbox.twilio.client import Credentials, TwilioProvider
from callbox.twilio.transport import Transport
from callbox.wire import JsonDocuments
from contract.deliveries import Shelf
from harness import until
from harness.waiting import PATIENCE

ACCOUNT = "AC" + "a" * 32
FLOW = Flow("FW" + "0aF9" * 8, '{"message": "The tank is full", "auth": "x"}')
TO, SENDER = "+15551234567", "+15557654321"
RULES = Rules((0.2, 0.4), (0.2, 0.4, 0.8))
TERMS = Terms(SENDER, None, None, 60.0, "hold", lambda _name: ())
LAG = {"on": "list", "lag": 0.3}


@dataclass
class Gateway:
    """The outbox of a gateway, with everything below it."""

    store: SqliteStore
    provider: TwilioProvider
    outbox: Outbox = field(init=False)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.outbox = Outbox(
            self.store,
            self.provider,
            JsonDocuments(),
            SystemClock(),
            RULES,
            Pace(10, 1.0),
            lambda: None,
            self.spawn,
        )

    def spawn(self, work: Coroutine[Any, Any, None]) -> object:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def begin(self) -> None:
        await self.outbox.open()
        self.spawn(self.outbox.run())

    async def cease(self) -> None:
        """Stop in the middle of everything."""
        self.outbox.stop()  # what Python 3.11 cancels while it wakes up goes on
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def ask(self, to: str = TO) -> str:
        """Ask for a run of the flow; give the delivery's id."""
        wanted = Recipient("Darla", to, Channel.FLOW, flow=FLOW)
        request = Request("r1", Kind.FLOW, (wanted,))
        prepared = Intake(TERMS, self.outbox.clock).prepare(request, Asked())
        (receipt,) = await self.outbox.submit([prepared])
        return receipt.accepted[0]

    async def became(self, delivery_id: str, state: State) -> Delivery:
        """Wait until a delivery is in a state."""
        deadline = time.monotonic() + PATIENCE
        while True:
            found = await self.store.find(delivery_id)
            assert found is not None
            if found.progress.state is state:
                return found
            assert time.monotonic() < deadline, found.progress
            await asyncio.sleep(0.002)


@asynccontextmanager
async def gateway(store: SqliteStore, sim: Simulator) -> AsyncIterator[Gateway]:
    transport = Transport(connect_timeout=5.0, read_timeout=5.0, most=20)
    login = Credentials(ACCOUNT, ACCOUNT, "token")
    made = Gateway(store, TwilioProvider(transport, login, sim.url))
    await made.begin()
    try:
        yield made
    finally:
        await made.cease()
        await transport.close()


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with await start(settings=Settings(pace=0.5)) as simulator:
        yield simulator


@pytest.fixture
async def running(sim: Simulator, tmp_path: Path) -> AsyncIterator[Gateway]:
    store = await SqliteStore.open(tmp_path / "callbox.db", JsonDocuments(), Limits())
    async with gateway(store, sim) as made:
        yield made
    await store.close()


async def test_a_flow_is_started_once_with_what_it_is_to_be_told(
    sim: Simulator, running: Gateway
) -> None:
    delivery = await running.became(await running.ask(), State.ACCEPTED)
    (run,) = sim.executions
    assert (run.to, run.sender, run.flow_sid) == (TO, SENDER, FLOW.sid)
    assert run.parameters == {"message": "The tank is full", "auth": "x"}
    assert (delivery.progress.sid, delivery.progress.word) == (run.sid, "active")
    assert delivery.progress.news_at is None
    assert sim.requests.count() == 1


FAULTS: dict[str, list[dict[str, Any]]] = {
    "created, then cut off": [{"on": "create", "drop": "after", "times": 1}, LAG],
    "cut off, then created": [{"on": "create", "late": 0.1, "times": 1}, LAG],
    "created, then 503": [{"on": "create", "status": 503, "created": True, "times": 1}, LAG],
    "not created, cut off": [{"on": "create", "drop": "before", "times": 1}],
    "not created, 503": [{"on": "create", "status": 503, "times": 1}],
    "429": [{"on": "create", "status": 429, "times": 1}],
}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
async def test_whatever_goes_wrong_it_is_started_once(
    sim: Simulator, running: Gateway, faults: list[dict[str, Any]]
) -> None:
    sim.faults.set(faults)
    delivery = await running.became(await running.ask(), State.ACCEPTED)
    assert [run.sid for run in sim.executions] == [delivery.progress.sid]


async def test_one_that_was_created_without_an_answer_is_found_in_the_list(
    sim: Simulator, running: Gateway
) -> None:
    sim.faults.set(FAULTS["created, then cut off"])
    delivery = await running.became(await running.ask(), State.ACCEPTED)
    assert delivery.progress.evidence == "lookup"
    assert sim.requests.count("create-execution") == 1
    assert sim.requests.count("list-executions") >= 1


async def test_two_for_one_person_run_one_after_the_other(sim: Simulator, running: Gateway) -> None:
    first, second = await running.ask(), await running.ask()
    for delivery_id in (first, second):
        await running.became(delivery_id, State.ACCEPTED)
    begun = [run.created_at for run in sim.executions]
    assert len(begun) == 2
    assert begun[1] - begun[0] >= 0.5


async def test_a_flow_that_there_is_not_fails_at_once_in_plain_words(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "callbox.db", JsonDocuments(), Limits())
    async with await start(settings=Settings(flows=())) as sim, gateway(store, sim) as running:
        delivery = await running.became(await running.ask(), State.FAILED)
        assert delivery.progress.error_message == (
            f"This Twilio account has no Studio flow {FLOW.sid} (Twilio code 20404)"
        )
        assert sim.requests.count() == 1
    await store.close()


MOMENTS: dict[str, Callable[[Simulator], bool]] = {
    "before Twilio was asked": lambda _sim: True,
    "while Twilio takes it": lambda sim: len(sim.executions) == 1,
}


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
async def test_after_a_kill_in_the_middle_it_was_started_once(
    tmp_path: Path, moment: Callable[[Simulator], bool]
) -> None:
    shelf = Shelf(tmp_path / "callbox.db")
    settings = Settings(latency=0.2, pace=0.1)
    async with await start(settings=settings) as sim:
        store = await shelf.open()
        async with gateway(store, sim) as killed:
            delivery_id = await killed.ask()
            await until(lambda: moment(sim), "the moment has come")
        store = await shelf.reopen(store)
        async with gateway(store, sim) as running:
            delivery = await running.became(delivery_id, State.ACCEPTED)
        assert [run.sid for run in sim.executions] == [delivery.progress.sid]
        for each in (*shelf.dead, store):
            await each.close()
