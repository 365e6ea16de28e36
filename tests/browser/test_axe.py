"""What axe-core, which knows WCAG, finds wrong with the page in each of its states."""

from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass

import pytest
import pytest_asyncio
from aiohttp import ClientSession
from playwright.async_api import Page, ViewportSize, expect

from callbox.simulator import Simulator
from harness import npm
from harness.booth import phone
from harness.browser import WIDE, Browser
from harness.desk import DARLA, MILO, opened, orders
from harness.listener import Listener

pytestmark = pytest.mark.asyncio(loop_scope="module")
AXE = {"axe-core": "4.14.1"}
NARROW: ViewportSize = {"width": 360, "height": 740}
FIND = """async () => {
  const { violations } = await axe.run({ resultTypes: ["violations"] });
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html }) => `${id}: ${help}: ${html}`),
  );
}"""
MENU = "<Response><Gather timeout='60'><Say>Press 1</Say></Gather></Response>"


@dataclass(frozen=True)
class Gateway:
    """Who asks the simulator for something, with pictures of its own."""

    session: ClientSession
    simulator: Simulator
    media: str

    async def orders(self, resource: str = "Messages", **fields: str) -> None:
        """Order a text or call."""
        await orders(self.session, self.simulator, resource, **fields)


State = Callable[[Page, Gateway], Coroutine[object, object, None]]


@pytest.fixture(scope="module")
def axe() -> str:
    npm.need(AXE)
    return (npm.FOLDER / "node_modules" / "axe-core" / "axe.min.js").read_text()


@pytest_asyncio.fixture(loop_scope="module")
async def listener() -> AsyncIterator[Listener]:
    async with Listener() as listener:
        picture = '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40"/>'
        listener.answer("/pump.svg", picture, content_type="image/svg+xml")
        listener.answer("/broken.png", "no picture", content_type="image/png")
        yield listener


async def rests(_page: Page, _gateway: Gateway) -> None:
    """Nothing has been sent."""


async def talks(page: Page, gateway: Gateway) -> None:
    """Texts came, with pictures, one broken, and one text that never arrived."""
    await gateway.orders(Body="Water in the cellar")
    await gateway.orders(Body="See", MediaUrl=f"{gateway.media}/pump.svg")
    await gateway.orders(Body="Look", MediaUrl=f"{gateway.media}/broken.png")
    await gateway.orders(To=MILO, Body="Anybody?")
    await expect(phone(page, DARLA)).to_contain_text("cannot be shown")
    await phone(page, DARLA).get_by_label("Text message").fill("Too long " * 200)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("characters")


async def rings(page: Page, gateway: Gateway) -> None:
    """A phone rings."""
    await gateway.orders("Calls", Twiml=MENU)
    await phone(page, DARLA).get_by_role("button", name="Answer").wait_for()


async def speaks(page: Page, gateway: Gateway) -> None:
    """Somebody is in a call, and another phone rings."""
    await rings(page, gateway)
    await phone(page, DARLA).get_by_role("button", name="Answer").click()
    await expect(phone(page, DARLA)).to_contain_text("Waits for keys")
    await gateway.orders("Calls", To=MILO, Twiml=MENU)
    await phone(page, MILO).locator(".answer").wait_for(state="attached")


async def reads(page: Page, gateway: Gateway) -> None:
    """A request is open in the log."""
    await gateway.orders(To="nobody", Body="Lost")
    await gateway.orders(Body="Fine")
    await page.get_by_role("tab", name="Requests").click()
    await expect(page.locator(".panel.requests summary")).to_have_count(2)
    await page.locator(".panel.requests summary").first.click()
    await expect(page.locator(".panel.requests .detail").first).to_contain_text("num_segments")


async def turns(page: Page, _gateway: Gateway) -> None:
    """The dials are open, and one is turned."""
    await page.get_by_role("tab", name="Faults").click()
    await page.get_by_role("switch", name="Slow answers").check()
    await expect(page.locator("#faulty")).to_be_visible()


async def audited(page: Page) -> list[str]:
    """Give what is wrong in light and in dark, on a narrow screen and on a wide one."""
    found = []
    for width in (NARROW["width"], WIDE["width"]):
        await page.set_viewport_size({"width": width, "height": 800})
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found += [f"{width} {scheme}: {each}" for each in await page.evaluate(FIND)]
    return found


@pytest.mark.parametrize("state", [rests, talks, rings, speaks, reads, turns])
async def test_axe_finds_nothing_wrong(
    axe: str,
    window: Browser,
    simulator: Simulator,
    session: ClientSession,
    listener: Listener,
    state: State,
) -> None:
    simulator.outcome(MILO, "undelivered", error_code=30003)
    page = await opened(window, simulator, size=NARROW)
    await state(page, Gateway(session, simulator, listener.url))
    await page.evaluate(axe)
    wrong = await audited(page)
    assert not wrong, "\n".join(wrong)
    assert all("broken.png" in line or "404" in line for line in window.complained())
