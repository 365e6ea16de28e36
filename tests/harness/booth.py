"""The page with the phones, seen by Chromium, with a gateway, a broker and a device behind it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Locator, Page

from callbox.simulator import Settings
from harness.browser import Browser, browser
from harness.device import Device
from harness.gateway import FROM
from harness.listener import Listener
from harness.nursery import Nursery
from harness.ports import free_port
from harness.site import Site
from harness.waiting import until

MENU = (
    '<Response><Gather numDigits="1" action="/pressed" timeout="60">'
    "<Say>The pump has stopped. Press 1 to take care of it.</Say></Gather></Response>"
)
THANKS = "<Response><Say>Thank you.</Say></Response>"
QUICK = Settings(pace=0.2, scripts=True)
PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40">'
    '<rect width="60" height="40" fill="teal"/></svg>'
)


@dataclass
class Booth:
    """All of it, for a file of tests: each test takes a phone number of its own."""

    site: Site
    device: Device
    window: Browser
    webhooks: Listener
    """Somebody's own: a call with a choice, and a picture."""
    begun: int = 0

    def someone(self) -> str:
        """Give a phone number that nobody has used."""
        self.begun += 1
        return f"+1206555{self.begun:04d}"

    async def open(self, *phones: str, **options: Any) -> Page:  # noqa: ANN401 - Browser.open's
        """Open the page, once the phones are on it and somebody sits at them."""
        board = self.site.simulator._board
        for number in phones:
            board.phones.setdefault(number, f"Phone {number[-4:]}")
        page = await self.window.open(self.site.simulator.url, **options)
        for number in phones:
            await phone(page, number).wait_for()
        await until(lambda: board.attended.issuperset(phones), "somebody sits at the phones")
        return page

    def pressed(self) -> list[str]:
        """Give the digits that came to the menu, oldest first."""
        return [heard.form["Digits"] for heard in self.webhooks.at("/pressed")]

    def delivered(self, request_id: str) -> list[Any]:
        """Give the states of a request and its call, as a device heard them."""
        documents = [each.document for each in self.device.heard("message/delivery")]
        told = [each for each in documents if each["id"] == request_id]
        return [each.get(key) for each in told for key in ("state", "call_status")]

    async def becomes(self, request_id: str, state: str) -> None:
        """Wait until a device hears that a request came to a state."""
        await until(lambda: state in self.delivered(request_id), f"{request_id} is {state}")


def phone(page: Page, number: str) -> Locator:
    """Give a phone on the page."""
    return page.locator(f'.phone[data-number="{number}"]')


@asynccontextmanager
async def booth(nursery: Nursery, folder: Path) -> AsyncIterator[Booth]:
    """Start everything, with a gateway that Twilio reaches."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    async with browser() as window, Listener() as served, Site(nursery, folder, QUICK) as site:
        served.answer("/menu", MENU)
        served.answer("/pressed", THANKS)
        served.answer("/pump.svg", PICTURE, content_type="image/svg+xml")
        await site.broker.start()
        ours = site.simulator.number(FROM)
        ours.sms_url = f"{base}/twilio/sms#rc=2&rp=all"
        ours.voice_url = f"{served.url}/menu"
        _, device = await site.running(
            http={"port": port, "public_url": base}, inbound={"polling": "off"}
        )
        yield Booth(site, device, window, served)
