"""The gateway as a whole, in the test's own loop."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from callbox.config import Config
from callbox.hosts.mqtt import MqttHost
from callbox.ports import Event
from callbox.service import Gateway

NOBODY = "http://127.0.0.1:9"


class Deaf:
    """A home that is told everything and does nothing."""

    thread = ThreadPoolExecutor(1)

    def tell(self, event: Event) -> None:
        """Let it pass."""


async def test_a_fault_of_one_host_ends_the_others_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(_host: MqttHost) -> None:
        raise ArithmeticError("a fault of ours")

    monkeypatch.setattr(MqttHost, "run", fails)
    config = Config.model_validate(
        {
            "twilio": {"account_sid": "AC" + "0" * 32, "auth_token": "x", "base_url": NOBODY},
            "store": {"url": f"sqlite://{tmp_path}/callbox.db"},
            "http": {"port": 0},
        }
    )
    gateway = Gateway(config, home=Deaf())
    await gateway.open()
    mine = asyncio.all_tasks()
    with pytest.raises(ExceptionGroup) as fault:
        await gateway.run()
    assert [str(each) for each in fault.value.exceptions] == ["a fault of ours"]
    assert asyncio.all_tasks() <= mine
    await gateway.close()
