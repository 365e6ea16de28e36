"""Writes the pictures of the documentation: a staged simulator, seen by Chromium.

make screenshots
"""

import asyncio
import base64
import contextlib
import struct
import sys
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession
from playwright.async_api import Page, ViewportSize

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
sys.path.insert(0, str(ROOT / "tests"))

from callbox.simulator import Settings, Simulator, start  # noqa: E402 - see sys.path
from harness.browser import Browser, browser  # noqa: E402 - see sys.path
from harness.listener import Listener  # noqa: E402 - see sys.path
from harness.sdk import session  # noqa: E402 - see sys.path

ACCOUNT = "AC" + "0123456789abcdef" * 2
PORT = 8081
OURS, OTHER = "+12065550199", "+12065550142"
DARLA, MILO, INES = "+12345000000", "+12065550107", "+12065550118"
NINE = 1_788_944_400.0
"""A Wednesday at nine in the morning, UTC."""
WIDE: ViewportSize = {"width": 1420, "height": 730}
NARROW: ViewportSize = {"width": 390, "height": 800}
SETTLED = 600
"""Milliseconds until pictures are loaded and everything is in its place."""
MENU = (
    '<Response><Gather numDigits="1" action="/pressed" timeout="60">'
    "<Say>Good morning. The pump in the cellar has stopped.</Say>"
    "<Say>Press 1 to take care of it, or 2 to pass it on.</Say></Gather></Response>"
)
PRESSED = "<Response><Say>Thank you, Darla. Nobody else is called.</Say></Response>"


def drawing(width: int = 480, height: int = 300) -> bytes:
    """Draw what a camera might see, an evening over a hill, as a PNG."""
    rows = []
    for y in range(height):
        row = bytearray(b"\0")
        for x in range(width):
            hill = height * 0.68 + 26 * ((x / width - 0.35) ** 2) * 6 - 20
            sun = (x - width * 0.66) ** 2 + (y - height * 0.42) ** 2 < 34**2
            light = y / height
            sky = (int(60 + 180 * light), int(80 + 90 * light), int(140 - 20 * light))
            row += bytes((255, 221, 150) if sun else sky) if y < hill else bytes((28, 48, 46))
        rows.append(bytes(row))
    packed = zlib.compress(b"".join(rows), 9)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", packed), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


class Gateway:
    """What a gateway would ask of Twilio, and its webhooks."""

    def __init__(self, session: ClientSession, webhooks: str) -> None:
        self._session = session
        self.webhooks = webhooks

    async def sends(self, resource: str, **fields: str) -> None:
        """Order a text or a call."""
        path = f"/2010-04-01/Accounts/{ACCOUNT}/{resource}.json"
        await self._session.post(path, data={"From": OURS, **fields})

    async def texts(self, to: str, body: str, **fields: str) -> None:
        """Order a text."""
        await self.sends("Messages", To=to, Body=body, **fields)

    async def calls(self, to: str) -> None:
        """Order a call with a menu."""
        await self.sends("Calls", To=to, Url=f"{self.webhooks}/menu")


@asynccontextmanager
async def stage() -> AsyncIterator[tuple[Simulator, Gateway]]:
    """Start a simulator whose day begins at nine, with a gateway and three people."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    settings = Settings(
        numbers=(OURS, OTHER),
        phones={DARLA: "Darla", MILO: "Milo Weber", INES: "Inês"},
        pace=0.05,
        scripts=True,
        account_sid=ACCOUNT,
        auth_token="any",
    )
    async with (
        Listener() as webhooks,
        await start(
            port=PORT, settings=settings, clock=lambda: NINE + loop.time() - began
        ) as simulator,
        session(simulator, ACCOUNT, "any") as http,
    ):
        webhooks.answer("/menu", MENU)
        webhooks.answer("/pressed", PRESSED)
        webhooks.answer("/camera.png", drawing(), content_type="image/png")
        simulator.number(OURS).sms_url = f"{webhooks.url}/sms"
        simulator.number(OURS).voice_url = f"{webhooks.url}/menu"
        yield simulator, Gateway(http, webhooks.url)


async def talk(simulator: Simulator, gateway: Gateway) -> None:
    """Have something go on between the gateway and the phones."""
    url = f"{gateway.webhooks}/status"
    await gateway.texts(DARLA, "Water in the cellar: 3 cm and rising.", StatusCallback=url)
    await gateway.texts(DARLA, "", MediaUrl=f"{gateway.webhooks}/camera.png", StatusCallback=url)
    await simulator.phone(DARLA).texts("On my way. Is the pump running?", OURS)
    await gateway.texts(DARLA, "The pump runs since 8:57 and takes 900 W. Next report at 9:15.")
    await gateway.texts(MILO, "Greenhouse: 4 °C, the heater does not answer.")
    await simulator.phone(MILO).texts("1234 heater on", OURS)
    await gateway.texts(MILO, "The heater is on. It was 4.1 °C, now 4.3 °C.")
    simulator.outcome(INES, "undelivered", error_code=30003)
    await gateway.texts(INES, "Cellar: please look after the pump.", StatusCallback=url)
    await gateway.sends("Messages", To="+12065550100")
    await asyncio.sleep(0.4)


async def shoot(page: Page, name: str) -> None:
    """Write one picture."""
    await page.wait_for_timeout(SETTLED)
    await page.screenshot(path=IMAGES / f"{name}.png")
    print(f"docs/images/{name}.png  {(IMAGES / f'{name}.png').stat().st_size // 1024} kB")


async def opened(window: Browser, url: str, size: ViewportSize, **media: Any) -> Page:  # noqa: ANN401 - see Browser.open
    """Open the page in a window of some size."""
    page = await window.open(url, size, **media)
    await page.wait_for_selector(".phone .bubble")
    return page


async def call(page: Page, gateway: Gateway) -> None:
    """Let Darla's phone ring, have her answer, and Milo's ring meanwhile."""
    await gateway.calls(DARLA)
    darla, milo = (page.locator(f'[data-number="{each}"].phone') for each in (DARLA, MILO))
    await darla.get_by_role("button", name="Answer").click()
    await page.get_by_text("Waits for keys").wait_for()
    await gateway.calls(MILO)
    await milo.get_by_role("button", name="Answer").wait_for()


async def suffer(simulator: Simulator, gateway: Gateway) -> None:
    """Turn some dials, and have somebody suffer from them."""
    for rule in ({"on": "create", "status": 429}, {"on": "create", "drop": "after"}):
        simulator.faults.set([rule])
        with contextlib.suppress(ClientError):
            await gateway.texts(MILO, "Greenhouse: 4.6 °C")
    lost = {"on": "create", "drop": "after", "share": 0.05}
    simulator.faults.set([lost, {"on": "any", "latency": 3}])


async def side_by_side(window: Browser, page: Page) -> Page:
    """Give a page with two pictures: the log and the dials."""
    pictures = []
    for name in ("Requests", "Faults"):
        await page.get_by_role("tab", name=name).click()
        await page.wait_for_timeout(SETTLED)
        picture = await page.locator("#desk").screenshot()
        pictures.append(f'<img src="data:image/png;base64,{base64.b64encode(picture).decode()}">')
    both = await window.open("about:blank", {"width": 880, "height": 760})
    style = "margin:16px;display:flex;gap:20px;justify-content:center;background:#eeebe4"
    fitting = "<style>img{width:48%;object-fit:contain;align-self:flex-start}</style>"
    await both.set_content(f'{fitting}<body style="{style}">{"".join(pictures)}')
    return both


async def main() -> None:
    """Write all pictures."""
    IMAGES.mkdir(exist_ok=True)
    async with stage() as (simulator, gateway), browser() as window:
        await talk(simulator, gateway)
        url = simulator.url
        light = await opened(window, url, WIDE)
        await shoot(light, "phones-light")
        dark = await opened(window, url, WIDE, color_scheme="dark")
        await shoot(dark, "phones-dark")
        narrow = await opened(window, url, NARROW)
        await shoot(narrow, "narrow")
        await call(light, gateway)
        await shoot(light, "call")
        await suffer(simulator, gateway)
        await shoot(await side_by_side(window, light), "log-and-dials")
        if window.complaints:
            raise SystemExit("\n".join(window.complaints))


if __name__ == "__main__":
    asyncio.run(main())
