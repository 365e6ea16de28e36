"""Phones on the page, in Chromium, with a real gateway, broker and device behind them."""

import pytest
from playwright.async_api import FilePayload, Page, expect

from harness import call, text, until
from harness.booth import MENU, Booth, phone

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def types(page: Page, number: str, words: str) -> None:
    """Text from a phone."""
    await phone(page, number).get_by_label("Text message").fill(words)
    await page.keyboard.press("Enter")


async def test_a_text_from_mqtt_appears_on_the_phone_and_is_then_delivered(booth: Booth) -> None:
    darla = booth.someone()
    page = await booth.open(darla)
    booth.device.publish("txt", text("t1", darla, "The tank is full"))
    bubble = phone(page, darla).locator(".bubble", has_text="The tank is full")
    await expect(bubble).to_be_visible()
    await expect(bubble.locator(".fate")).to_contain_text("delivered")
    await expect(page.locator("#announcer")).to_contain_text("The tank is full")


async def test_a_phone_appears_by_itself_when_something_is_sent_to_it(booth: Booth) -> None:
    stranger = booth.someone()
    page = await booth.open(booth.someone())
    booth.device.publish("txt", text("t2", stranger, "Who are you?"))
    await expect(phone(page, stranger)).to_contain_text("Who are you?")


async def test_a_reply_typed_on_the_phone_reaches_devices(booth: Booth) -> None:
    darla = booth.someone()
    page = await booth.open(darla)
    await types(page, darla, "Is the tank full?")
    await expect(phone(page, darla).locator(".bubble.theirs")).to_contain_text("Is the tank full?")
    heard = booth.device.heard("message/received")
    await until(lambda: heard and heard[-1].document["messageFrom"] == darla, "it is received")
    assert heard[-1].document["messageText"] == "Is the tank full?"


async def test_stop_is_obeyed_and_said_and_start_lets_texts_in_again(booth: Booth) -> None:
    darla = booth.someone()
    page = await booth.open(darla)
    await types(page, darla, "STOP")
    await expect(phone(page, darla).locator(".tag")).to_contain_text("Has texted STOP")
    booth.device.publish("txt", text("t3", darla, "Too late"))
    assert (await booth.device.status("t3"))["response"]["status"] == "fail"
    await types(page, darla, "START")
    await expect(phone(page, darla).locator(".tag")).to_be_hidden()


async def test_a_picture_is_shown(booth: Booth) -> None:
    darla = booth.someone()
    page = await booth.open(darla)
    document = text("t4", darla, "The pump")
    document["request"]["recipient"]["media_urls"] = [f"{booth.webhooks.url}/pump.svg"]
    booth.device.publish("txt", document)
    picture = phone(page, darla).locator("img.picture")
    await expect(picture).to_be_visible()
    await expect(picture).to_have_js_property("naturalWidth", 60)


async def test_a_picture_sent_from_the_phone_reaches_the_webhook(booth: Booth) -> None:
    darla = booth.someone()
    page = await booth.open(darla)
    picture = FilePayload(name="x.png", mimeType="image/png", buffer=b"\x89PNG not quite")
    await phone(page, darla).locator("input[type=file]").set_input_files(picture)
    heard = booth.device.heard("message/received")
    await until(lambda: heard and heard[-1].document["messageFrom"] == darla, "it is received")
    assert [each["content_type"] for each in heard[-1].document["media"]] == ["image/png"]


async def test_what_never_arrived_says_why(booth: Booth) -> None:
    darla = booth.someone()
    page = await booth.open(darla)
    booth.site.simulator.outcome(darla, "undelivered", error_code=30003)
    booth.device.publish("txt", text("t5", darla, "Anybody there?"))
    bubble = phone(page, darla).locator(".bubble.lost")
    await expect(bubble).to_contain_text("undelivered: 30003 Unreachable")
    await booth.becomes("t5", "undelivered")
    booth.site.simulator._board.outcomes.clear()


async def test_what_looks_like_html_is_shown_as_text(booth: Booth) -> None:
    darla = booth.someone()
    booth.site.simulator._board.phones[darla] = "\"><b id=owned>'Darla'</b>"
    page = await booth.open(darla)
    evil = "<img src=x onerror=\"document.title='owned'\">"
    booth.device.publish("txt", text("t6", darla, evil))
    await expect(phone(page, darla).locator(".bubble .body")).to_have_text(evil)
    await expect(phone(page, darla).locator(".who h2")).to_have_text("\"><b id=owned>'Darla'</b>")
    assert await phone(page, darla).locator("#owned, img").count() == 0
    assert "owned" not in await page.title()


async def test_a_call_rings_is_answered_heard_and_a_pressed_key_reaches_the_webhook(
    booth: Booth,
) -> None:
    darla = booth.someone()
    page = await booth.open(darla)
    booth.device.publish("call", call("c1", darla, f"{booth.webhooks.url}/menu"))
    screen = phone(page, darla).locator(".callscreen")
    await expect(screen).to_contain_text("calls you")
    await screen.get_by_role("button", name="Answer").click()
    await expect(screen.locator(".transcript")).to_contain_text("The pump has stopped")
    await expect(screen).to_contain_text("Waits for keys")
    await screen.get_by_role("button", name="1", exact=True).click()
    await expect(screen.locator(".transcript")).to_contain_text("Pressed 1")
    await expect(screen.locator(".transcript")).to_contain_text("Thank you.")
    await expect(screen).to_contain_text("Ended after")
    assert booth.pressed()[-1] == "1"
    await booth.becomes("c1", "completed")
    await screen.get_by_role("button", name="Close").click()
    await expect(phone(page, darla).locator(".callcard")).to_contain_text("Ended after")


async def test_a_call_of_many_lines_is_shown_to_its_end(booth: Booth) -> None:
    darla = booth.someone()
    page = await booth.open(darla)
    booth.webhooks.answer("/long", MENU.replace("<Gather", '<Pause length="0"/>' * 210 + "<Gather"))
    booth.device.publish("call", call("c9", darla, f"{booth.webhooks.url}/long"))
    screen = phone(page, darla).locator(".callscreen")
    await screen.get_by_role("button", name="Answer").click()
    await expect(screen).to_contain_text("Waits for keys")
    await screen.get_by_role("button", name="1", exact=True).click()
    await expect(screen.locator(".transcript")).to_contain_text("Thank you.")


async def test_a_declined_call_is_busy_on_message_delivery(booth: Booth) -> None:
    darla = booth.someone()
    page = await booth.open(darla)
    booth.device.publish("call", call("c2", darla, f"{booth.webhooks.url}/menu"))
    screen = phone(page, darla).locator(".callscreen")
    await screen.get_by_role("button", name="Decline").click()
    await expect(screen).to_contain_text("Busy")
    await booth.becomes("c2", "busy")


async def test_a_call_from_the_phone_is_answered_by_the_numbers_webhook(booth: Booth) -> None:
    darla = booth.someone()
    page = await booth.open(darla)
    await phone(page, darla).get_by_role("button", name="Call +1 500 555 0006").click()
    screen = phone(page, darla).locator(".callscreen")
    await expect(screen.locator(".transcript")).to_contain_text("The pump has stopped")
    await page.keyboard.press("7")
    await expect(screen.locator(".transcript")).to_contain_text("Thank you.")
    assert booth.pressed()[-1] == "7"


async def test_hanging_up_ends_the_call(booth: Booth) -> None:
    darla = booth.someone()
    page = await booth.open(darla)
    await phone(page, darla).get_by_role("button", name="Call +1 500 555 0006").click()
    screen = phone(page, darla).locator(".callscreen")
    await screen.get_by_role("button", name="Hang up").click()
    await expect(screen).to_contain_text("Ended after")
    (ended,) = [each for each in booth.site.simulator.calls if each.sender == darla]
    assert ended.ended == "completed"


async def test_whoever_does_not_answer_themselves_leaves_calls_to_the_outcome(booth: Booth) -> None:
    darla = booth.someone()
    page = await booth.open(darla)
    await page.get_by_label("I answer myself").uncheck()
    attended = booth.site.simulator._board.attended
    await until(lambda: not attended, "nobody sits at a phone")
    booth.device.publish("call", call("c3", darla, f"{booth.webhooks.url}/menu"))
    await expect(phone(page, darla).locator(".callcard")).to_contain_text("Ended after")
    await booth.becomes("c3", "completed")


async def test_the_phones_are_unattended_once_the_page_is_closed(booth: Booth) -> None:
    page = await booth.open(booth.someone())
    await page.close()
    await until(lambda: not booth.site.simulator._board.attended, "nobody sits there any more")


async def test_two_numbers_of_the_account_are_two_conversations(booth: Booth) -> None:
    darla, other = booth.someone(), "+15557654321"
    page = await booth.open(darla)
    booth.device.publish("txt", text("t7", darla, "From the first"))
    await expect(phone(page, darla)).to_contain_text("From the first")
    booth.device.publish("txt", text("t8", darla, "From the second", from_number=other))
    tab = phone(page, darla).get_by_role("tab", name="+1 555 765 4321")
    await expect(tab).to_have_class("unread")
    await tab.click()
    await expect(phone(page, darla).locator(".talk .body")).to_have_text("From the second")


async def test_a_phone_is_added_by_number_and_name(booth: Booth) -> None:
    page = await booth.open(booth.someone())
    await page.get_by_label("Number").fill("(206) 555-9999")
    await page.get_by_label("Name").fill("Uncle Bob")
    await page.get_by_role("button", name="Add phone").click()
    await expect(phone(page, "+12065559999").locator(".who h2")).to_have_text("Uncle Bob")


async def test_a_fault_dial_really_fails_a_request_and_the_log_shows_it(booth: Booth) -> None:
    darla = booth.someone()
    page = await booth.open(darla)
    await page.get_by_role("tab", name="Faults").click()
    await page.get_by_role("switch", name="Outage").check()
    await expect(page.locator("#faulty")).to_contain_text("1 fault in force")
    booth.device.publish("txt", text("t9", darla, "Through the storm"))
    await page.get_by_role("tab", name="Requests").click()
    row = page.locator(".panel.requests .rows > li", has_text="Through the storm").first
    await expect(row).to_contain_text("503")
    await expect(row).to_contain_text("Fault: refused on purpose")
    await page.locator("#faulty").get_by_role("button", name="All well again").click()
    await expect(phone(page, darla)).to_contain_text("Through the storm")
    await expect(page.locator("#faulty")).to_be_hidden()
    await booth.becomes("t9", "delivered")
