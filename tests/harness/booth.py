"""The page with the phones, seen by Chromium, with a gateway, a broker and a device behind it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from playwright.async_api import Locator, Page

from callbox.simulator import Settings
from harness.browser import Browser, browser
from harness.device import Device
from harness.gateway import FROM
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
    b'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40">'
    b'<rect width="60" height="40" fill="teal"/></svg>'
)


@dataclass
class Menu:
    """Somebody's own webhooks: a call with a choice, and a picture."""

    url: str = ""
    pressed: list[str] = field(default_factory=list)
    """The digits that came, oldest first."""

    async def menu(self, _request: web.Request) -> web.Response:
        return web.Response(text=MENU, content_type="text/xml")

    async def take(self, request: web.Request) -> web.Response:
        self.pressed.append(str((await request.post())["Digits"]))
        return web.Response(text=THANKS, content_type="text/xml")

    async def picture(self, _request: web.Request) -> web.Response:
        return web.Response(body=PICTURE, content_type="image/svg+xml")


@asynccontextmanager
async def menu() -> AsyncIterator[Menu]:
    """Serve the webhooks."""
    served, application = Menu(), web.Application()
    application.router.add_post("/menu", served.menu)
    application.router.add_post("/pressed", served.take)
    application.router.add_get("/pump.svg", served.picture)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        served.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield served
    finally:
        await runner.cleanup()


@dataclass
class Booth:
    """All of it, for a file of tests: each test takes a phone number of its own."""

    site: Site
    device: Device
    window: Browser
    menu: Menu
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
    async with browser() as window, menu() as served, Site(nursery, folder, QUICK) as site:
        await site.broker.start()
        ours = site.simulator.number(FROM)
        ours.sms_url = f"{base}/twilio/sms#rc=2&rp=all"
        ours.voice_url = f"{served.url}/menu"
        _, device = await site.running(
            http={"port": port, "public_url": base}, inbound={"polling": "off"}
        )
        yield Booth(site, device, window, served)
