"""The page with a simulator alone behind it, of which a gateway asks something."""

from aiohttp import ClientSession
from playwright.async_api import Page, expect

from callbox.simulator import Settings, Simulator
from harness.booth import phone
from harness.browser import Browser
from harness.gateway import ACCOUNT

DARLA, MILO = "+12065550100", "+12065550101"
OURS = "+12065550199"
SETTINGS = Settings(
    numbers=(OURS,),
    phones={DARLA: "Darla", MILO: "Milo"},
    account_sid=ACCOUNT,
    auth_token="any",
    pace=0.05,
    scripts=True,
)


async def orders(
    session: ClientSession, simulator: Simulator, resource: str = "Messages", **fields: str
) -> int:
    """Order a text or call as a gateway does; give the status of the answer."""
    url = f"{simulator.url}/2010-04-01/Accounts/{ACCOUNT}/{resource}.json"
    async with session.post(url, data={"From": OURS, "To": DARLA, **fields}) as answer:
        return answer.status


async def opened(window: Browser, simulator: Simulator, **options: object) -> Page:
    """Open the page, once the phones are on it and somebody sits at them."""
    page = await window.open(simulator.url, **options)  # type: ignore[arg-type]
    await phone(page, DARLA).wait_for(state="attached")
    await expect(page.locator("#connection")).to_have_text("Connected")
    return page
