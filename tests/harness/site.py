"""All of one test's installation: a broker, Twilio, gateways and devices, ended in good order."""

from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from callbox.simulator import Settings, Simulator, start
from harness.broker import Broker
from harness.device import Device
from harness.gateway import ACCOUNT, AUTH_TOKEN, Gateway, Sections, merged
from harness.nursery import Nursery


class Site:
    """Use it as `async with`; what it hands out is ended with it."""

    def __init__(self, nursery: Nursery, folder: Path, settings: Settings | None = None) -> None:
        self.folder = folder
        self.broker = Broker(folder / "broker")
        self._nursery = nursery
        self._settings = _of_gateway(settings or Settings())
        self._exits = AsyncExitStack()
        self._devices = 0

    async def __aenter__(self) -> Self:
        self.simulator: Simulator = await self._exits.enter_async_context(
            await start(settings=self._settings)
        )
        self._exits.push_async_callback(self.broker.kill)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    def gateway(self, name: str = "gateway", **sections: dict[str, Any]) -> Gateway:
        """Give a gateway that is not started yet, on this broker and this Twilio."""
        here: Sections = {
            "mqtt": {"url": self.broker.url},
            "twilio": {"base_url": self.simulator.url},
        }
        gateway = Gateway(self._nursery, self.folder / name, merged(here, sections))
        self._exits.push_async_callback(_end, gateway)
        return gateway

    async def running(self, **sections: dict[str, Any]) -> tuple[Gateway, Device]:
        """Give a gateway that takes requests, and a device."""
        gateway, device = self.gateway("gateway", **sections), await self.device()
        gateway.start()
        await gateway.online(device)
        return gateway, device

    async def device(self, **options: Any) -> Device:  # noqa: ANN401 - Device's own
        """Give a connected device."""
        self._devices += 1
        options = {"port": self.broker.port, "name": f"device{self._devices}", **options}
        device = Device(**options)
        self._exits.push_async_callback(device.close)
        await device.connect()
        return device


def _of_gateway(settings: Settings) -> Settings:
    """Sign what the simulator sends as the gateways' account, unless told otherwise."""
    account = settings.account_sid or ACCOUNT
    return replace(settings, account_sid=account, auth_token=settings.auth_token or AUTH_TOKEN)


async def _end(gateway: Gateway) -> None:
    if gateway.alive:
        await gateway.kill()
