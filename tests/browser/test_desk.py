"""The page with the simulator alone: logs, dials, keyboard, small screens, darkness, restarts."""

import pytest
from aiohttp import ClientSession
from playwright.async_api import Page, expect

from callbox.simulator import Simulator, start
from harness import ACCOUNT, until
from harness.booth import phone
from harness.browser import Browser
from harness.desk import DARLA, MILO, OURS, SETTINGS, opened, orders
from harness.ports import free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")
REACHED = "() => document.activeElement?.matches({!r})"


async def tabbed_to(page: Page, selector: str) -> None:
    """Press Tab until something has the focus."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await page.evaluate(REACHED.format(selector)):
            return
    raise AssertionError(f"Tab never comes to {selector}")


# what is always said


async def test_it_says_that_nothing_is_sent_and_how_to_point_a_program_at_it(
    window: Browser, simulator: Simulator
) -> None:
    page = await opened(window, simulator)
    bar = page.locator("header.bar")
    await expect(bar).to_contain_text("Nothing is really sent")
    await expect(bar.locator("#settings")).to_have_text(simulator.url)
    await expect(bar).to_contain_text(f"number {OURS} · full account · a status every 0.05 s")


async def test_a_restart_of_the_simulator_is_said_and_survived(window: Browser) -> None:
    port = free_port()
    async with await start(port=port, settings=SETTINGS) as first:
        page = await opened(window, first)
        await phone(page, DARLA).get_by_label("Text message").fill("Half a thought")
    await expect(page.locator("#connection")).to_contain_text("Connection lost")
    async with await start(port=port, settings=SETTINGS) as second:
        await expect(page.locator("#connection")).to_have_text("Connected")
        attended = second._board.attended
        await until(lambda: DARLA in attended, "Darla sits at her phone again")
        await expect(phone(page, DARLA).get_by_label("Text message")).to_have_value(
            "Half a thought"
        )
        await page.keyboard.press("Enter")
        await expect(phone(page, DARLA).locator(".bubble")).to_contain_text("Half a thought")
    await expect(page.locator("#connection")).to_contain_text("Connection lost")
    await page.close()
    assert all("net::ERR_" in line for line in window.complained())


# logs


async def test_a_refused_request_is_in_the_log_with_twilios_error(
    window: Browser, simulator: Simulator, session: ClientSession
) -> None:
    page = await opened(window, simulator)
    assert await orders(session, simulator, Body="Fine") == 201
    assert await orders(session, simulator, To="nobody", Body="Lost") == 400
    rows = page.locator(".panel.requests .rows > li")
    await expect(rows.first).to_contain_text("POST create text")
    await expect(rows.first).to_contain_text("21211 The 'To' number nobody is not a valid")
    await expect(rows).to_have_count(2)
    await page.get_by_role("button", name="Errors only").click()
    await expect(rows.nth(1)).to_be_hidden()
    await expect(rows.first).to_be_visible()
    url = f"{simulator.url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    await (await session.get(url)).read()
    await page.get_by_role("button", name="Orders only").click()
    await expect(rows.first).to_contain_text("GET list texts")
    await expect(rows.first).to_be_hidden()
    await expect(rows.nth(2)).to_be_visible()


async def test_a_request_opens_to_all_of_itself_without_the_secret(
    window: Browser, simulator: Simulator, session: ClientSession
) -> None:
    page = await opened(window, simulator)
    await orders(
        session, simulator, Body="Fine", StatusCallback="https://user:hidden@example.com/status"
    )
    row = page.locator(".panel.requests .rows > li").first
    await row.locator("summary").click()
    await expect(row.locator(".detail")).to_contain_text('"num_segments": "1"')
    await expect(row.locator(".detail")).to_contain_text("https://…@example.com/status")
    shown = await page.content()
    assert "a-secret-token" not in shown
    assert "hidden@" not in shown
    assert "Basic " not in shown


async def test_what_is_asked_again_and_again_is_one_row_that_counts(
    window: Browser, simulator: Simulator, session: ClientSession
) -> None:
    page = await opened(window, simulator)
    url = f"{simulator.url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    for _ in range(7):
        await (await session.get(url)).read()
    await expect(page.locator(".panel.requests .what")).to_have_text("GET list texts \u00d77")


async def test_a_webhook_that_fails_is_shown_with_its_trouble(
    window: Browser, simulator: Simulator
) -> None:
    simulator.number(OURS).sms_url = f"http://127.0.0.1:{free_port()}/sms"
    page = await opened(window, simulator)
    await page.get_by_role("tab", name="Webhooks").click()
    await phone(page, DARLA).get_by_label("Text message").fill("Hello?")
    await page.keyboard.press("Enter")
    rows = page.locator(".panel.webhooks .rows > li")
    await expect(rows).to_have_count(2)
    await expect(rows.first).to_contain_text("nobody answers there · attempt 2")


async def test_thousands_of_texts_do_not_choke_the_page(
    window: Browser, simulator: Simulator, session: ClientSession
) -> None:
    page = await opened(window, simulator)
    for place in range(1500):
        await simulator.receive(f"+1415555{place % 100:04d}", OURS, f"Text {place}", wait=False)
    await orders(session, simulator, Body="The last one")
    await expect(phone(page, DARLA)).to_contain_text("The last one")
    await expect(page.locator(".shelf > .more")).to_contain_text("more phones got something")
    assert await page.locator(".phone").count() <= 24
    assert await page.locator(".bubble").count() <= 24 * 60


# dials


async def test_every_dial_puts_its_rule_in_force_and_all_is_well_again(
    window: Browser, simulator: Simulator
) -> None:
    page = await opened(window, simulator)
    await page.get_by_role("tab", name="Faults").click()
    well = page.locator(".panel").get_by_role("button", name="All well again")
    await expect(well).to_be_disabled()
    await page.get_by_role("switch", name="Too many requests").check()
    await page.get_by_label("Answers lost: percent of the requests").fill("5")
    await page.get_by_role("switch", name="Answers lost").check()
    await page.get_by_label("Slow answers: seconds").fill("0.5")
    await page.get_by_role("switch", name="Slow answers").check()
    await page.get_by_role("switch", name="Lists lag").check()
    wanted = [
        {"on": "create", "status": 429},
        {"on": "create", "drop": "after", "share": 0.05},
        {"on": "any", "latency": 0.5},
        {"on": "list", "lag": 10},
    ]
    await until(lambda: simulator.faults.document()["rules"] == wanted, "the rules are set")
    await page.get_by_role("switch", name="Doubled").check()
    await page.get_by_role("switch", name="In reverse order").check()
    manner = simulator._network.callbacks
    await until(lambda: (manner.manner.copies, manner.manner.reverse) == (2, True), "callbacks")
    await expect(page.locator("#faulty")).to_contain_text("6 faults in force")
    await well.click()
    await expect(page.locator("#faulty")).to_be_hidden()
    await expect(well).to_be_disabled()
    assert simulator.faults.document()["rules"] == []
    await expect(page.get_by_role("switch", name="Slow answers")).not_to_be_checked()


async def test_dials_show_what_was_set_elsewhere_and_leave_it_alone(
    window: Browser, simulator: Simulator
) -> None:
    page = await opened(window, simulator)
    await page.get_by_role("tab", name="Faults").click()
    other = {"on": "fetch-call", "html": True, "times": 3}
    simulator.faults.set([{"on": "any", "status": 503, "share": 0.25}, other])
    await expect(page.get_by_role("switch", name="Outage")).to_be_checked()
    await expect(page.get_by_label("Outage: percent of the requests")).to_have_value("25")
    await expect(page.locator(".elsewhere").first).to_contain_text('"on":"fetch-call"')
    await page.get_by_role("switch", name="Outage").uncheck()
    await until(lambda: simulator.faults.document()["rules"] == [other], "the other one stays")
    simulator.outcome("+44*", "undelivered", error_code=30003, share=0.1)
    others = page.locator(".elsewhere").last
    await expect(others).to_have_text("+44*: Set elsewhere: undelivered of 10%")


async def test_what_becomes_of_texts_to_a_phone_is_chosen_and_seen(
    window: Browser, simulator: Simulator, session: ClientSession
) -> None:
    page = await opened(window, simulator)
    await page.get_by_role("tab", name="Faults").click()
    await page.get_by_label("What becomes of what is sent to Darla").select_option(
        "Not delivered: 30005 unknown number"
    )
    await expect(phone(page, DARLA).locator(".tag")).to_contain_text("30005 unknown number")
    await orders(session, simulator, Body="Anybody?")
    await expect(phone(page, DARLA).locator(".bubble.lost")).to_contain_text("30005")


# everybody's eyes and hands


async def test_everything_can_be_done_by_keyboard_alone(
    window: Browser, simulator: Simulator, session: ClientSession
) -> None:
    page = await opened(window, simulator)
    await tabbed_to(page, f'[data-number="{DARLA}"] textarea')
    await page.keyboard.type("By hand")
    await page.keyboard.press("Enter")
    await expect(phone(page, DARLA).locator(".bubble.theirs")).to_contain_text("By hand")
    await orders(session, simulator, "Calls", Twiml="<Response><Gather timeout='60'/></Response>")
    await page.wait_for_function(REACHED.format(".answer"))
    await page.keyboard.press("Enter")
    await expect(phone(page, DARLA)).to_contain_text("Waits for keys")
    await page.keyboard.press("5")
    await expect(phone(page, DARLA).locator(".transcript")).to_contain_text("Pressed 5")
    await tabbed_to(page, ".decline")
    await page.keyboard.press("Enter")
    await page.wait_for_function(REACHED.format(".close"))
    await page.keyboard.press("Escape")
    await page.wait_for_function(REACHED.format("textarea"))
    await tabbed_to(page, "[role=tab]#tab-requests")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("ArrowRight")
    await tabbed_to(page, ".faults [role=switch]")
    await page.keyboard.press("Space")
    await until(lambda: simulator.faults.document()["rules"], "the outage is in force")


async def test_escape_declines_a_call_that_rings(
    window: Browser, simulator: Simulator, session: ClientSession
) -> None:
    page = await opened(window, simulator)
    await orders(session, simulator, "Calls", Twiml="<Response><Say>Hi</Say></Response>")
    await page.wait_for_function(REACHED.format(".answer"))
    await page.keyboard.press("Escape")
    await until(lambda: simulator.calls[-1].ended == "busy", "it is declined")


async def test_whoever_writes_on_one_phone_is_not_disturbed_by_a_call_on_another(
    window: Browser, simulator: Simulator, session: ClientSession
) -> None:
    page = await opened(window, simulator)
    await phone(page, MILO).get_by_label("Text message").focus()
    await orders(session, simulator, "Calls", Twiml="<Response><Say>Hi</Say></Response>")
    await phone(page, DARLA).get_by_role("button", name="Answer").wait_for()
    await page.keyboard.type("Still here")
    await expect(phone(page, MILO).get_by_label("Text message")).to_have_value("Still here")


async def test_a_narrow_screen_shows_one_phone_at_a_time(
    window: Browser, simulator: Simulator
) -> None:
    page = await opened(window, simulator, size={"width": 375, "height": 720})
    await expect(phone(page, DARLA)).to_be_in_viewport(ratio=0.95)
    await expect(phone(page, MILO)).not_to_be_in_viewport()
    await page.get_by_role("tab", name="Milo").click()
    await expect(phone(page, MILO)).to_be_in_viewport(ratio=0.95)
    await page.get_by_role("tab", name="Faults").click()
    await expect(page.get_by_role("switch", name="Outage")).to_be_in_viewport()
    await expect(phone(page, MILO)).to_be_hidden()
    await page.get_by_role("tab", name="Phones").click()
    await expect(phone(page, MILO)).to_be_visible()
    assert await page.evaluate("document.scrollingElement.scrollWidth") <= 375


CONTRASTS = """() => {
  const parts = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const style = getComputedStyle(each);
      if (style.backgroundImage !== "none") return null;
      const [r, g, b, alpha = 1] = parts(style.backgroundColor);
      if (alpha === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility() || element.disabled) continue;
    const behind = ground(element);
    if (!behind) continue;
    const pair = [light(parts(getComputedStyle(element).color).slice(0, 3)), light(behind)];
    const contrast = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (contrast < 4.5) faint.push(`${element.className || element.tagName}: ${contrast}`);
  }
  return faint;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_can_be_read(
    window: Browser, simulator: Simulator, session: ClientSession, scheme: str
) -> None:
    simulator.outcome(MILO, "undelivered", error_code=30003)
    simulator.faults.set([{"on": "fetch", "status": 503}, {"on": "any", "latency": 0}])
    page = await opened(window, simulator, color_scheme=scheme)
    for to in (DARLA, MILO, "nobody"):
        await orders(session, simulator, To=to, Body="Can you read this?")
    await simulator.receive(DARLA, OURS, "Yes")
    await expect(phone(page, MILO)).to_contain_text("undelivered")
    grounds = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (grounds == "rgb(18, 20, 24)") == (scheme == "dark")
    for view in ("Requests", "Webhooks", "Faults"):
        await page.get_by_role("tab", name=view).click()
        assert await page.evaluate(CONTRASTS) == []


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
async def test_a_phone_that_rings_shakes_unless_its_user_minds(
    window: Browser, simulator: Simulator, session: ClientSession, motion: str
) -> None:
    page = await opened(window, simulator, reduced_motion=motion)
    await orders(session, simulator, "Calls", Twiml="<Response><Say>Hi</Say></Response>")
    await phone(page, DARLA).get_by_role("button", name="Answer").wait_for()
    await expect(page).to_have_title("\N{BLACK TELEPHONE} Darla: the phone rings")
    shakes = await phone(page, DARLA).evaluate("each => each.getAnimations().length > 0")
    assert shakes == (motion == "no-preference")


EARS = """
  window.heard = { tones: 0, words: [] };
  class Context {
    state = "running";
    currentTime = 0;
    createOscillator() {
      window.heard.tones += 1;
      return { frequency: {}, connect: (next) => next, start() {}, stop() {} };
    }
    createGain() {
      const nothing = () => {};
      const names = ["setValueAtTime", "linearRampToValueAtTime", "exponentialRampToValueAtTime"];
      const gain = Object.fromEntries(names.map((name) => [name, nothing]));
      return { gain, connect: (next) => next };
    }
  }
  Object.defineProperty(window, "AudioContext", { value: Context });
  Object.defineProperty(window, "speechSynthesis", {
    value: { speak: (said) => window.heard.words.push(said.text), cancel() {} },
  });
"""


@pytest.mark.parametrize("loud", [True, False])
async def test_a_call_is_heard_unless_sound_is_off(
    window: Browser, simulator: Simulator, session: ClientSession, loud: bool
) -> None:
    page = await window.open("about:blank")
    await page.add_init_script(EARS)
    await page.goto(simulator.url)
    await phone(page, DARLA).wait_for()
    for name in ("Ring", "Speak"):
        await page.get_by_label(name).set_checked(loud)
    await page.get_by_role("tab", name="Webhooks").click()
    await orders(session, simulator, "Calls", Twiml="<Response><Say>The pump</Say></Response>")
    await phone(page, DARLA).get_by_role("button", name="Answer").wait_for()
    assert (await page.evaluate("heard.tones") > 0) == loud
    await phone(page, DARLA).get_by_role("button", name="Answer").click()
    await expect(phone(page, DARLA).locator(".transcript")).to_contain_text("The pump")
    assert await page.evaluate("heard.words") == (["The pump"] if loud else [])


async def test_choices_are_remembered(window: Browser, simulator: Simulator) -> None:
    page = await opened(window, simulator)
    await page.get_by_label("Speak").uncheck()
    await page.reload()
    await expect(page.get_by_label("Speak")).not_to_be_checked()
    await expect(page.get_by_label("Ring")).to_be_checked()


async def test_a_phone_that_rings_comes_into_sight_on_a_narrow_screen(
    window: Browser, simulator: Simulator, session: ClientSession
) -> None:
    page = await opened(window, simulator, size={"width": 375, "height": 720})
    await expect(phone(page, DARLA)).to_be_in_viewport(ratio=0.95)
    await orders(session, simulator, "Calls", To=MILO, Twiml="<Response><Say>Hi</Say></Response>")
    await expect(phone(page, MILO)).to_be_in_viewport(ratio=0.95)
    await expect(phone(page, MILO).get_by_role("button", name="Answer")).to_be_in_viewport()


async def test_a_new_text_marks_the_tab_of_a_phone_out_of_sight(
    window: Browser, simulator: Simulator, session: ClientSession
) -> None:
    page = await opened(window, simulator, size={"width": 375, "height": 720})
    tab = page.get_by_role("tab", name="Milo")
    await orders(session, simulator, To=MILO, Body="Over here")
    await expect(tab).to_have_class("unread")
    await tab.click()
    await expect(tab).not_to_have_class("unread")


async def test_a_window_that_is_made_wider_has_the_log_beside_the_phones(
    window: Browser, simulator: Simulator
) -> None:
    page = await opened(window, simulator, size={"width": 375, "height": 720})
    await page.set_viewport_size({"width": 1280, "height": 720})
    await expect(page.get_by_role("tab", name="Requests")).to_have_attribute(
        "aria-selected", "true"
    )
    await expect(page.locator(".panel.requests")).to_contain_text("No request yet")
    await expect(phone(page, DARLA)).to_be_in_viewport()


async def test_a_phone_out_of_sight_is_found_by_its_name(
    window: Browser, simulator: Simulator
) -> None:
    for place in range(6):
        simulator._board.phones[f"+1206555030{place}"] = f"Person {place}"
    page = await opened(window, simulator)
    await expect(phone(page, "+12065550305")).not_to_be_in_viewport()
    await page.get_by_role("tab", name="Person 5").click()
    await expect(phone(page, "+12065550305")).to_be_in_viewport(ratio=0.95)


async def test_what_is_refused_is_said_in_a_sentence(window: Browser, simulator: Simulator) -> None:
    page = await opened(window, simulator)
    await page.get_by_label("Number").fill("not a number")
    await page.get_by_role("button", name="Add phone").click()
    await expect(page.get_by_role("alert")).to_contain_text('"number" must be a phone number')
    assert len(window.complained()) == 1  # Chromium tells of every answer of 400
