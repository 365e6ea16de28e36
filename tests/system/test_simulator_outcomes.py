"""How messages and calls end and what they cost, seen by the SDK while the test moves the time."""

from typing import Any

import pytest
from aiohttp import ClientSession

from harness.asking import ADA, LONDON, LONG, Begin, call, message, statuses, text
from harness.sdk import Clock, ask

# -- how it ends


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (30003, "Unreachable destination handset"),
        (30004, "Message blocked"),
        (30005, "Unknown destination handset"),
        (30006, "Landline or unreachable carrier"),
        (30007, "Message filtered"),
        (30008, "Unknown error"),
    ],
)
async def test_what_a_carrier_does_not_deliver_says_why_and_costs_all_the_same(
    begin: Begin, clock: Clock, code: int, words: str
) -> None:
    async with begin() as sim:
        sim.outcome(ADA, "undelivered", error_code=code)
        sid = (await ask(sim, text())).sid
        clock.now += 1
        assert (await message(sim, sid)).status == "sent"
        clock.now += 1
        ended = await message(sim, sid)
        assert (ended.status, ended.error_code, ended.error_message) == ("undelivered", code, words)
        assert ended.price is not None
        assert sim.phone(ADA).received == []


@pytest.mark.parametrize(
    ("asked", "ended"),
    [
        ({"status": "undelivered"}, ("undelivered", 30008)),
        ({"status": "failed"}, ("failed", 30008)),
        ({"error_code": 30005}, ("undelivered", 30005)),
        ({"status": "delivered", "error_code": 30005}, ("delivered", None)),
    ],
)
async def test_what_does_not_arrive_has_a_reason_and_what_has_a_reason_does_not_arrive(
    begin: Begin, clock: Clock, asked: dict[str, Any], ended: tuple[str, int | None]
) -> None:
    async with begin() as sim:
        sim.outcome(ADA, **asked)
        sid = (await ask(sim, text())).sid
        clock.now += 9
        found = await message(sim, sid)
        assert (found.status, found.error_code) == ended


async def test_an_outcome_may_take_its_time_or_never_come(begin: Begin, clock: Clock) -> None:
    async with begin() as sim:
        sim.outcome(ADA, "delivered", sent_after=10, final_after=600)
        sim.outcome(LONDON, "sent")
        slow, never = (await ask(sim, text())).sid, (await ask(sim, text(to=LONDON))).sid
        seen = []
        for clock.now in [clock.now + seconds for seconds in (9, 10, 609, 610, 99_999)]:
            seen.append([(await message(sim, sid)).status for sid in (slow, never)])
        assert seen == [
            ["queued", "sent"],
            ["sent", "sent"],
            ["sent", "sent"],
            ["delivered", "sent"],
            ["delivered", "sent"],
        ]
        assert (await message(sim, never)).price is None


async def test_whatsapp_is_read_after_it_was_delivered(begin: Begin, clock: Clock) -> None:
    async with begin() as sim:
        sim.outcome(ADA, "read", final_after=30)
        sid = (await ask(sim, text(to=f"whatsapp:{ADA}", from_=f"whatsapp:{LONG}"))).sid
        seen = []
        for clock.now in [clock.now + seconds for seconds in (1, 31, 61)]:
            seen.append((await message(sim, sid)).status)
        assert seen == ["sent", "delivered", "read"]


async def test_a_share_ends_otherwise_and_the_same_seed_draws_the_same(
    begin: Begin, clock: Clock
) -> None:
    drawn = []
    for seed in (1, 1, 2):
        async with begin(seed=seed) as sim:
            sim.outcome("*", "undelivered", error_code=30003, share=0.3)
            sids = [(await ask(sim, text())).sid for _ in range(60)]
            clock.now += 10
            drawn.append(await statuses(sim, sids))
    assert drawn[0] == drawn[1] != drawn[2]
    assert 8 < drawn[0].count("undelivered") < 30
    assert set(drawn[0]) == {"undelivered", "delivered"}


async def test_the_narrowest_outcome_decides(begin: Begin, clock: Clock) -> None:
    async with begin() as sim:
        sim.outcome("*", "failed")
        sim.outcome("+44*", "undelivered")
        sim.outcome(LONDON, "sent")
        sids = [(await ask(sim, text(to=to))).sid for to in (ADA, "+447911000000", LONDON)]
        clock.now += 10
        assert await statuses(sim, sids) == ["failed", "undelivered", "sent"]


async def test_outcomes_are_chosen_over_http_with_a_sentence_for_what_is_wrong(
    begin: Begin, clock: Clock
) -> None:
    async with begin() as sim, ClientSession(sim.url) as http:
        wish = {"to": "+44*", "status": "undelivered", "error_code": 30006, "final_after": 5}
        async with http.post("/_simulator/outcomes", json=wish) as answer:
            assert answer.status == 200
        sid = (await ask(sim, text(to=LONDON))).sid
        clock.now += 6
        assert (await message(sim, sid)).error_code == 30006
        for wrong, sentence in (
            ({"share": 1.5}, '"share" must be a number from 0 to 1.'),
            ({"sent_after": -1}, '"sent_after" must be seconds, 0 or more.'),
        ):
            async with http.post("/_simulator/outcomes", json=wish | wrong) as answer:
                assert (answer.status, (await answer.json())["error"]) == (400, sentence)


# -- what it costs


async def test_a_price_arrives_later_and_counts_segments_country_and_pictures(
    begin: Begin, clock: Clock
) -> None:
    async with begin(price_after=120) as sim:
        asked = [
            text(),
            text(body="x" * 161),
            text(media_url=["https://example.org/a.jpg"]),
            text(to=LONDON),
            text(to="+37060000000"),
        ]
        sids = [(await ask(sim, each)).sid for each in asked]
        clock.now += 121
        assert {(await message(sim, sid)).price for sid in sids} == {None}
        clock.now += 2
        prices = [float((await message(sim, sid)).price) for sid in sids]
        assert prices == [-0.0075, -0.015, -0.02, -0.05, -0.1]


async def test_what_failed_costs_nothing_and_what_came_in_costs_too(
    begin: Begin, clock: Clock
) -> None:
    async with begin(price_after=60, numbers=(LONG,)) as sim:
        sim.outcome(ADA, "failed", error_code=30008)
        sid = (await ask(sim, text())).sid
        came = await sim.phone(ADA).texts("status?")
        clock.now += 59
        assert (await message(sim, came.sid)).price is None
        clock.now += 5
        assert (await message(sim, sid)).price is None
        assert float((await message(sim, came.sid)).price) < 0


async def test_a_call_costs_by_started_minutes_once_its_price_is_known(
    begin: Begin, clock: Clock
) -> None:
    async with begin(price_after=60) as sim:
        sim.outcome(ADA, "completed", duration=61)
        sim.outcome(LONDON, "busy")
        answered, busy = await ask(sim, call()), await ask(sim, call(to=LONDON))
        seen = []
        for seconds in (4, 58, 3):
            clock.now += seconds
            seen.append((await ask(sim, lambda client: client.calls(answered.sid).fetch())).price)
        assert seen[0] is None
        assert seen[1] is None
        assert float(seen[2]) == -0.026
        fetched = await ask(sim, lambda client: client.calls(busy.sid).fetch())
        assert fetched.price is None
