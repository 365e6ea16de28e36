"""What a phone's owner writes and reads: length, pictures, other scripts, a call meanwhile."""

import re

import pytest
from aiohttp import ClientSession
from playwright.async_api import Page, expect

from callbox.simulator import Simulator, start
from harness import until
from harness.booth import phone
from harness.browser import Browser
from harness.desk import DARLA, MILO, OURS, SETTINGS, opened, orders
from harness.listener import Listener
from harness.ports import free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")
STRANGER = "+12065550177"
MENU = "<Response><Gather timeout='60'><Say>Well?</Say></Gather></Response>"
HI = "<Response><Say>Hi</Say></Response>"
DISTANCE = "e => e.scrollHeight - e.scrollTop - e.clientHeight"


async def test_a_text_that_is_too_long_is_counted_said_and_not_sent(
    window: Browser, simulator: Simulator
) -> None:
    page = await opened(window, simulator)
    box = phone(page, DARLA).get_by_label("Text message")
    counter = phone(page, DARLA).locator(".count")
    await box.fill("n" * 1399)
    await expect(counter).to_be_hidden()
    await box.fill("n" * 1400)
    await expect(counter).to_have_text("1,400 of 1,600 characters")
    await box.fill("\N{FIRE}" * 801)
    await expect(counter).to_have_text("1,602 of 1,600 characters: too long")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_have_text(
        "The text has 1,602 characters. One text takes 1,600, so it was not sent."
    )
    await expect(box).to_have_value("\N{FIRE}" * 801)
    await box.fill("\N{FIRE}" * 800)
    await page.keyboard.press("Enter")
    await expect(phone(page, DARLA).locator(".bubble .body")).to_have_text("\N{FIRE}" * 800)
    await expect(counter).to_be_hidden()
    assert [len(each.body) for each in simulator.messages] == [800]


async def test_a_text_that_is_refused_stays_in_the_box(
    window: Browser, simulator: Simulator
) -> None:
    page = await opened(window, simulator)
    box = phone(page, DARLA).get_by_label("Text message")
    await box.fill("Important")
    del simulator._board.numbers[OURS]
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("must be a number of the account")
    await expect(box).to_have_value("Important")
    window.complained()  # Chromium tells of every answer of 400


async def test_the_first_call_to_a_new_number_rings_on_a_new_phone(
    window: Browser, simulator: Simulator, session: ClientSession
) -> None:
    page = await opened(window, simulator)
    await until(lambda: simulator._board.attended.spare == 22, "the page has room")
    await orders(session, simulator, "Calls", To=STRANGER, Twiml=HI)
    await phone(page, STRANGER).get_by_role("button", name="Decline").click()
    await until(lambda: simulator.calls[-1].ended == "busy", "it is declined")


async def test_a_call_to_a_new_number_follows_its_outcome_while_nobody_answers_themselves(
    window: Browser, simulator: Simulator, session: ClientSession
) -> None:
    page = await opened(window, simulator)
    await page.get_by_label("I answer myself").uncheck()
    await until(lambda: simulator._board.attended.spare == 0, "nobody sits there")
    await orders(session, simulator, "Calls", To=STRANGER, Twiml=HI)
    await expect(phone(page, STRANGER).locator(".callcard")).to_contain_text("Ended after")


async def test_a_call_that_comes_in_the_middle_of_a_word_is_not_answered_by_a_space(
    window: Browser, simulator: Simulator, session: ClientSession
) -> None:
    page = await opened(window, simulator)
    box = phone(page, DARLA).get_by_label("Text message")
    await box.focus()
    await page.keyboard.type("On my")
    await orders(session, simulator, "Calls", Twiml=HI)
    await phone(page, DARLA).get_by_role("button", name="Answer").wait_for()
    await page.wait_for_function("() => document.activeElement.matches('.callscreen')")
    await page.keyboard.press("Space")
    await page.keyboard.press("Enter")
    assert simulator.calls[-1].waits_for == "answer"
    await page.keyboard.press("Escape")
    await phone(page, DARLA).get_by_role("button", name="Close").click()
    await expect(box).to_be_focused()
    await expect(box).to_have_value("On my")


async def test_a_call_is_taken_on_one_page_and_seen_on_another(
    window: Browser, simulator: Simulator, session: ClientSession
) -> None:
    page, other = [await opened(window, simulator) for _ in range(2)]
    await orders(session, simulator, "Calls", Twiml=MENU)
    await phone(page, DARLA).get_by_role("button", name="Answer").click()
    await expect(phone(other, DARLA).locator(".transcript")).to_contain_text("Well?")
    await expect(phone(other, DARLA).get_by_role("button", name="Answer")).to_be_hidden()
    await phone(other, DARLA).get_by_role("button", name="5", exact=True).click()
    await expect(phone(page, DARLA).locator(".transcript")).to_contain_text("Pressed 5")


async def test_the_next_call_rings_though_the_last_one_is_still_shown(
    window: Browser, simulator: Simulator, session: ClientSession
) -> None:
    page = await opened(window, simulator)
    await orders(session, simulator, "Calls", Twiml=HI)
    await phone(page, DARLA).get_by_role("button", name="Decline").click()
    await expect(phone(page, DARLA).locator(".callscreen")).to_contain_text("Busy")
    await orders(session, simulator, "Calls", Twiml=HI)
    await phone(page, DARLA).get_by_role("button", name="Answer").click()
    await expect(phone(page, DARLA).locator(".transcript")).to_contain_text("Hi")


async def test_a_phone_that_rang_when_the_simulator_ended_can_be_used_with_the_next_one(
    window: Browser, session: ClientSession
) -> None:
    port = free_port()
    async with await start(port=port, settings=SETTINGS) as first:
        page = await opened(window, first)
        await orders(session, first, "Calls", Twiml=HI)
        await phone(page, DARLA).get_by_role("button", name="Answer").wait_for()
    async with await start(port=port, settings=SETTINGS) as second:
        await phone(page, DARLA).get_by_role("button", name="Answer").wait_for(state="hidden")
        await phone(page, DARLA).get_by_label("Text message").click()
        await page.keyboard.type("Hello again")
        await page.keyboard.press("Enter")
        await until(lambda: second.messages, "the text comes")
        await page.close()
    assert all("net::ERR_" in line for line in window.complained())


async def test_what_is_said_at_too_great_length_is_not_cut_but_refused(
    window: Browser, simulator: Simulator, session: ClientSession
) -> None:
    page = await opened(window, simulator)
    twiml = MENU.replace("<Gather", "<Gather input='speech'")
    await orders(session, simulator, "Calls", Twiml=twiml)
    await phone(page, DARLA).get_by_role("button", name="Answer").click()
    words = phone(page, DARLA).get_by_label("Say something")
    await words.fill("n" * 1601)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("1 to 1600 characters of speech")
    await expect(words).to_have_value("n" * 1601)
    window.complained()


async def test_a_picture_that_cannot_be_shown_says_so_and_links_to_it(
    window: Browser, simulator: Simulator, session: ClientSession
) -> None:
    page = await opened(window, simulator)
    async with Listener() as listener:
        listener.answer("/broken.png", "no picture", content_type="image/png")
        await orders(session, simulator, MediaUrl=f"{listener.url}/broken.png")
        link = phone(page, DARLA).get_by_role("link")
        await expect(link).to_have_text("Picture that cannot be shown: broken.png")
        sid = simulator.messages[-1].sid
        await expect(link).to_have_attribute("href", re.compile(f"^/_simulator/media/{sid}/ME"))
    window.complained()


async def test_arabic_is_written_from_right_to_left(
    window: Browser, simulator: Simulator, session: ClientSession
) -> None:
    page = await opened(window, simulator)
    await orders(session, simulator, Body="\u0627\u0644\u0645\u0627\u0621 3 \u0633\u0645.")
    await orders(session, simulator, Body="Water: 3 cm.")
    bodies = phone(page, DARLA).locator(".bubble .body")
    await expect(bodies.first).to_have_css("direction", "rtl")
    await expect(bodies.last).to_have_css("direction", "ltr")


async def filled(page: Page, session: ClientSession, simulator: Simulator) -> None:
    """Have more texts on Darla's phone than there is room for."""
    for place in range(20):
        await orders(session, simulator, Body=f"Report {place}")
    await expect(phone(page, DARLA)).to_contain_text("Report 19")


async def test_whoever_reads_older_texts_is_not_torn_away_by_a_new_one(
    window: Browser, simulator: Simulator, session: ClientSession
) -> None:
    page = await opened(window, simulator)
    await filled(page, session, simulator)
    talk = phone(page, DARLA).locator(".talk")
    assert await talk.evaluate(DISTANCE) < 2
    await talk.hover()
    await page.mouse.wheel(0, -400)
    await page.wait_for_function(f"() => ({DISTANCE})(document.querySelector('.talk')) > 100")
    before = await talk.evaluate("e => e.scrollTop")
    await orders(session, simulator, Body="The newest")
    await expect(talk).to_contain_text("The newest")
    assert await talk.evaluate("e => e.scrollTop") == before
    await phone(page, DARLA).get_by_label("Text message").fill("Seen")
    await page.keyboard.press("Enter")
    await expect(talk.locator(".bubble.theirs")).to_be_in_viewport()


async def test_a_conversation_keeps_its_newest_300_and_says_that_there_were_more(
    window: Browser, simulator: Simulator
) -> None:
    for place in range(290):
        await simulator.receive(DARLA, OURS, f"Report {place}", wait=False)
    page = await opened(window, simulator)
    await expect(phone(page, DARLA).locator(".bubble")).to_have_count(290)
    await expect(phone(page, DARLA).locator(".older")).to_be_hidden()
    for place in range(290, 310):
        await simulator.receive(DARLA, OURS, f"Report {place}", wait=False)
    await expect(phone(page, DARLA)).to_contain_text("Report 309")
    await expect(phone(page, DARLA).locator(".bubble")).to_have_count(300)
    await expect(phone(page, DARLA).locator(".older")).to_be_visible()


async def test_a_long_name_is_cut_short_where_it_has_no_room(
    window: Browser, simulator: Simulator
) -> None:
    name = "Dr. Maximiliane Alexandra von Hohenstauffen-Wittelsbach"
    simulator._board.phones[MILO] = name
    page = await opened(window, simulator, size={"width": 360, "height": 740})
    tab = page.get_by_role("tab", name=name)
    box = await tab.bounding_box()
    assert box is not None
    assert box["width"] <= 170
    await expect(tab).to_have_attribute("title", name)
    assert await page.evaluate("document.scrollingElement.scrollWidth") <= 360
