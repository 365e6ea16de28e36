"""Killed between store, answer and publish: every text is kept once and told at least once.

KILL_SEED draws other moments.
"""

import asyncio
import contextlib
import os
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import FROM, Device, Gateway, Nursery, Site, until
from harness.ports import free_port

SEED = int(os.environ.get("KILL_SEED", "1"))
ROUNDS, BATCH = 14, 12
DARLA = "+12345000001"


@dataclass(slots=True)
class Receiving:
    """A gateway that is killed while texts come in, by webhook and by polling."""

    site: Site
    gateway: Gateway
    device: Device
    texted: dict[str, str] = field(default_factory=dict)  # SID -> body
    seen: Counter[str] = field(default_factory=Counter)
    """How far texts had come at a kill."""

    async def killed(self, rng: random.Random, place: int) -> None:
        """Start, have texts come in, kill in the midst of it."""
        self.gateway.start()
        await self.gateway.online(self.device)
        texting = [asyncio.ensure_future(self._text(f"{place}/{n}")) for n in range(BATCH)]
        await self._moment(rng, place)
        await self.gateway.kill()
        await asyncio.gather(*texting)
        self._look()
        await self.device.offline()

    async def _moment(self, rng: random.Random, place: int) -> None:
        """Wait a little, or until so many more are kept: telling follows within milliseconds."""
        if place % 2:
            await asyncio.sleep(rng.uniform(0.0, 0.08))
            return
        wanted = self._kept() + rng.randint(1, BATCH)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                while self._kept() < wanted:  # noqa: ASYNC110 - moments of milliseconds
                    await asyncio.sleep(0)

    def _kept(self) -> int:
        ((kept,),) = self.gateway.rows("SELECT count(*) FROM received")
        return int(kept)

    async def _text(self, body: str) -> None:
        message = await self.site.simulator.receive(DARLA, FROM, body)
        self.texted[message.sid] = body

    def _look(self) -> None:
        kept = {row[0] for row in self.gateway.rows("SELECT sid FROM received")}
        told = {document["sid"] for document in documents(self.device)}
        (owed,) = self.gateway.rows("SELECT count(*) FROM event WHERE topic = 'message/received'")
        self.seen["not kept"] += len(self.texted.keys() - kept)
        self.seen["kept, not told"] += len(kept - told)
        self.seen["owed"] += owed[0]


def documents(device: Device) -> Sequence[dict[str, Any]]:
    return [received.document for received in device.heard("message/received")]


async def test_every_text_is_kept_once_and_told_at_least_once(
    nursery: Nursery, tmp_path: Path
) -> None:
    port = free_port()
    async with Site(nursery, tmp_path) as site:
        await site.broker.start()
        base = f"http://127.0.0.1:{port}"
        gateway = site.gateway(
            http={"port": port, "public_url": base},
            inbound={"polling": "on", "numbers": [FROM]},
        )
        device = await site.device()
        receiving = Receiving(site, gateway, device)
        site.simulator.number(FROM).sms_url = f"{base}/twilio/sms#rc=2&rp=all"
        gateway.start()
        await gateway.online(device)
        await until(lambda: gateway.rows("SELECT * FROM mailbox"), "the number's list is begun")
        await gateway.kill()
        await device.offline()
        for place in range(ROUNDS):
            await receiving.killed(random.Random(f"{SEED}/{place}"), place)
        gateway.start()
        await gateway.online(device)
        await until(
            lambda: receiving.texted.keys() <= {each["sid"] for each in documents(device)},
            "every text is told",
        )
        await until(lambda: gateway.rows("SELECT count(*) FROM event") == [(0,)], "nothing is owed")
        kept = Counter(row[0] for row in gateway.rows("SELECT sid FROM received"))
        told = documents(device)
        assert kept == dict.fromkeys(receiving.texted, 1)
        assert {each["sid"]: each["messageText"] for each in told} == receiving.texted
        repeats = len(told) - len(receiving.texted)
        assert repeats <= receiving.seen["owed"]
        for sid in receiving.texted:
            assert len({str(each) for each in told if each["sid"] == sid}) == 1
        assert receiving.seen["not kept"], receiving.seen
        assert receiving.seen["kept, not told"], receiving.seen
        assert await gateway.stop() == 0
