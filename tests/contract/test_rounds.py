"""The rounds on a real store, inbox and outbox; Twilio's lists are in memory, the clock a toy."""

import asyncio
import itertools
import json
import logging
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from callbox.domain.delivery import Delivery, Progress, State
from callbox.domain.news import News
from callbox.domain.notification import Channel, Kind
from callbox.domain.outcome import Accepted, Pause, Unanswered
from callbox.domain.received import Medium, Text
from callbox.errors import StoreUnavailable
from callbox.inbox import Habits, Inbox
from callbox.intake import Intake, Terms
from callbox.ports import Event, Page, Submission, Turn
from callbox.rounds import OVERLAP, Plan, Rounds
from callbox.rules import Rulebook
from callbox.store.sqlite import SqliteStore
from callbox.twilio.status import follows, state_of
from contract.bench import Bench, ScriptedTwilio, ToyClock
from contract.deliveries import NOW, Shelf, call, owed, stored, text
from harness.waiting import PATIENCE, until

OURS, OTHER, DARLA = "+19999999999", "+18888888888", "+12345000001"
HOUR = 3600.0
OUTAGE = Unanswered("No connection to Twilio", Pause.OUTAGE)
DENIED = Unanswered("Permission denied (HTTP status 403)")


@dataclass
class Entry:
    """A line of one of Twilio's lists; `at` in Twilio's time, None while it has no date."""

    at: float | None
    text: Text | None = None
    news: News | None = None
    sender: str = ""
    to: str = ""
    listed_at: float = 0.0


@dataclass
class ToyLists:
    """Twilio's lists, whose clock is `ahead` of ours; `entries` oldest first."""

    clock: ToyClock
    ahead: float = 0.0
    entries: list[Entry] = field(default_factory=list)
    requests: list[tuple[float, str]] = field(default_factory=list)
    fault: Unanswered | None = None
    faulty: str = ""  # whom the fault is for; else for all
    pictures: dict[str, tuple[Medium, ...]] = field(default_factory=dict)
    undeletable: set[str] = field(default_factory=set)
    deleted: list[str] = field(default_factory=list)

    @property
    def now(self) -> float:
        return self.clock.now() + self.ahead

    def arrive(self, sid: str, at: float | None = None, *, lag: float = 0.0, **more: Any) -> Text:  # noqa: ANN401 - fields
        """Have a text come to a number of ours now, or at a time of Twilio's."""
        date = float(int(self.now)) if at is None else at
        plain = {"sender": DARLA, "recipient": OURS, "body": f"Text {sid}"}
        found = Text(sid, **(plain | more), sent_at=date)
        prefix = "whatsapp:" if found.channel is Channel.WHATSAPP else ""
        entry = Entry(date, found, to=prefix + found.recipient, listed_at=self.clock.now() + lag)
        self.entries.append(entry)
        return found

    def fare(self, delivery: Delivery, word: str, **more: Any) -> None:  # noqa: ANN401 - fields
        """Have a delivery be listed with a word, in place of what was listed of it."""
        kind, sid = delivery.notification.kind, delivery.progress.sid or ""
        news = News(kind, sid, word, state_of(kind, word), follows(kind, word), **more)
        for entry in self.entries:
            if entry.news and entry.news.sid == sid:
                entry.news = news
                return
        made = (delivery.progress.attempted_at or 0.0) + self.ahead
        note = delivery.notification
        self.entries.append(Entry(made, news=news, sender=note.sender, to=note.to))

    def asked(self, what: str = "") -> int:
        return sum(what in request for _, request in self.requests)

    def _refusal(self, what: str) -> Unanswered | None:
        self.requests.append((self.clock.monotonic(), what))
        return self.fault if self.fault and self.faulty in what else None

    async def received(self, number: str, most: int) -> Page | Unanswered:
        found = [each for each in self._listed() if each.text and each.to == number]
        return await self._page(f"received {number}", found, most, 0)

    async def sent(
        self, kind: Kind, sender: str | None, to: str | None, most: int
    ) -> Page | Unanswered:
        found = [
            each
            for each in self._listed()
            if each.news
            and each.news.kind is kind
            and sender in {None, each.sender}
            and to in {None, each.to}
        ]
        return await self._page(f"sent {kind} {sender} {to}", found, most, 0)

    async def media(self, sid: str) -> tuple[Medium, ...] | Unanswered:
        return self._refusal(f"media {sid}") or self.pictures[sid]

    async def delete(self, sid: str) -> bool | Unanswered:
        refusal = self._refusal(f"delete {sid}")
        if refusal or sid in self.undeletable:
            return refusal or False
        self.deleted.append(sid)
        return True

    def _listed(self) -> list[Entry]:
        now = self.clock.now()
        return [each for each in reversed(self.entries) if each.listed_at <= now]

    async def _page(
        self, what: str, entries: list[Entry], most: int, start: int
    ) -> Page | Unanswered:
        refusal = self._refusal(what)
        if refusal:
            return refusal
        shown = entries[start : start + most]
        dates = [each.at for each in shown if each.at is not None]
        last = start + most >= len(entries)
        more: Turn | None = None if last else partial(
            self._page, what, entries, most, start + most
        )  # fmt: skip
        return Page(
            self.now,
            tuple(each.text for each in shown if each.text),
            tuple(each.news for each in shown if each.news),
            frozenset(each.text.sid for each in shown if each.text) & self.pictures.keys(),
            dates[-1] if dates else None,
            more,
        )


async def attempt(work: Coroutine[Any, Any, None]) -> bool:
    """Do a unit of work as the service does."""
    try:
        await work
    except Exception:
        logging.getLogger("callbox").exception("An internal error")
        return False
    return True


@dataclass
class Desk:
    """All of it; `pass_by` makes the rounds as time goes by."""

    shelf: Shelf
    clock: ToyClock
    lists: ToyLists
    plan: Plan
    store: SqliteStore = field(init=False)
    bench: Bench = field(init=False)
    inbox: Inbox = field(init=False)
    rounds: Rounds = field(init=False)

    async def open(self) -> None:
        """Open everything as a new process would."""
        self.store = await self.shelf.open()
        self.bench = Bench(self.store, ScriptedTwilio(), self.clock)
        await self.bench.outbox.open()
        terms = Terms(OURS, None, None, HOUR, "hold", lambda _: [])
        self.inbox = Inbox(
            self.store,
            self.bench.outbox.documents,
            self.clock,
            Rulebook((), {OURS}),
            Intake(terms, self.clock),
            self.bench.outbox.consent,
            lambda _: None,
            Habits(max_age=300.0, deletes=None if self.plan.delete else frozenset()),
            self._stirred,
        )
        await self.inbox.open()
        self.rounds = Rounds(
            self.store, self.lists, self.inbox, self.bench.outbox, self.clock, self.plan, attempt
        )
        await self.rounds.open()

    def _stirred(self) -> None:
        self.rounds.stirred()

    async def restart(self) -> None:
        """Kill it and start it again."""
        self.shelf.kill(self.store)
        await self.open()

    async def pass_by(self, seconds: float) -> None:
        """Let time go by; what is due at its very end is done, too."""
        end = self.clock.monotonic() + seconds
        while True:
            wait = await self.rounds._round()
            left = end - self.clock.monotonic()
            if wait > left:
                self.clock.pass_by(left)
                return
            self.clock.pass_by(wait)

    async def events(self, topic: str) -> list[Any]:
        found: list[Event] = []
        while batch := await self.store.owed("mqtt", found[-1].id if found else 0, 1000):
            found += batch
        return [json.loads(each.payload) for each in found if each.topic == topic]

    async def received(self) -> list[str]:
        return [document["sid"] for document in await self.events("message/received")]

    async def sent(self, *deliveries: Delivery) -> list[Delivery]:
        """Have Twilio accept these."""
        for delivery in deliveries:
            at = self.clock.now()
            fresh = replace(
                delivery,
                created_at=at,
                expires_at=at + HOUR,
                progress=replace(delivery.progress, updated_at=at),
            )
            await self.bench.outbox.submit([Submission((fresh,))])
            while self.bench.tasks:
                await self.bench.tasks.pop()
        found = [await stored(self.store, each) for each in deliveries]
        for each in found:
            self.lists.fare(each, "queued")
        return found

    async def now(self, delivery: Delivery) -> Progress:
        return (await stored(self.store, delivery)).progress

    async def fates(self, delivery: Delivery) -> list[tuple[str, str | None]]:
        """Give the states and prices that were told of a delivery."""
        return [
            (document["state"], document["price"])
            for document in await self.events("message/delivery")
            if document["delivery_id"] == delivery.id
        ]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk for one number, opened half a minute ago, with nothing in any list."""
    clock = ToyClock()
    desk = Desk(Shelf(tmp_path / "callbox.db"), clock, ToyLists(clock), Plan((OURS,), 30.0))
    await desk.open()
    await desk.pass_by(30.0)
    yield desk
    for store in {*desk.shelf.dead, desk.store}:
        await store.close()


async def start_with(desk: Desk, **plan: Any) -> None:  # noqa: ANN401 - fields
    """Start it again by another plan."""
    desk.plan = replace(desk.plan, **plan)
    await desk.restart()


# Texts that come in


async def test_what_came_in_is_told_once_and_oldest_first(desk: Desk) -> None:
    for number in range(5):
        desk.lists.arrive(f"SM{number}")
        desk.clock.pass_by(1.0)
    await desk.pass_by(2 * HOUR)
    assert await desk.received() == [f"SM{number}" for number in range(5)]


async def test_texts_of_the_same_second_are_all_told_in_their_order(desk: Desk) -> None:
    desk.lists.arrive("SM1")
    await desk.pass_by(30.0)
    second = float(int(desk.clock.now()))
    desk.lists.arrive("SM2", second)
    desk.lists.arrive("SM3", second)
    await desk.pass_by(2.0)
    desk.lists.arrive("SM4", second)
    await desk.pass_by(30.0)
    assert await desk.received() == ["SM1", "SM2", "SM3", "SM4"]


async def test_dates_decide_where_the_list_is_out_of_order(desk: Desk) -> None:
    desk.lists.arrive("SM2", desk.clock.now() + 1.0)
    desk.lists.arrive("SM1", desk.clock.now())
    await desk.pass_by(31.0)
    assert await desk.received() == ["SM1", "SM2"]


async def test_a_text_listed_late_is_told_although_later_ones_were(desk: Desk) -> None:
    desk.lists.arrive("SM1", lag=60.0)
    desk.clock.pass_by(10.0)
    desk.lists.arrive("SM2")
    await desk.pass_by(30.0)
    assert await desk.received() == ["SM2"]
    await desk.pass_by(60.0)
    assert await desk.received() == ["SM2", "SM1"]


async def test_two_numbers_do_not_disturb_each_other(desk: Desk) -> None:
    await start_with(desk, numbers=(OURS, OTHER))
    await desk.pass_by(10.0)
    desk.lists.arrive("SM1", recipient=OTHER, lag=2 * HOUR)
    desk.clock.pass_by(HOUR)
    desk.lists.arrive("SM2")
    await desk.pass_by(60.0)
    await desk.restart()
    await desk.pass_by(HOUR)
    assert await desk.received() == ["SM2", "SM1"]


async def test_whatsapp_texts_have_a_list_of_their_own(desk: Desk) -> None:
    await start_with(desk, numbers=(OURS, f"whatsapp:{OURS}"))
    await desk.pass_by(10.0)
    desk.lists.arrive("SM1", channel=Channel.WHATSAPP)
    await desk.pass_by(30.0)
    (document,) = await desk.events("message/received")
    assert (document["channel"], document["messageTo"]) == ("whatsapp", OURS)


async def test_all_of_a_long_outage_is_caught_up_with_and_nothing_is_repeated(desk: Desk) -> None:
    desk.lists.arrive("SMbefore")
    await desk.pass_by(30.0)
    for number in range(500):
        desk.clock.pass_by(200.0)
        desk.lists.arrive(f"SM{number}")
    await desk.restart()
    await desk.pass_by(60.0)
    expected = ["SMbefore", *(f"SM{number}" for number in range(500))]
    assert await desk.received() == expected
    await desk.restart()
    desk.lists.requests.clear()
    await desk.pass_by(HOUR)
    assert await desk.received() == expected
    assert desk.lists.asked() <= 130


async def test_a_burst_between_two_looks_is_read_whole(desk: Desk) -> None:
    await desk.pass_by(HOUR)
    for number in range(450):
        desk.lists.arrive(f"SM{number}")
    await desk.pass_by(60.0)
    assert await desk.received() == [f"SM{number}" for number in range(450)]


@pytest.mark.parametrize("ahead", [0.0, 7200.4, -7200.4])
async def test_at_the_very_first_start_nothing_older_is_told(tmp_path: Path, ahead: float) -> None:
    clock = ToyClock()
    desk = Desk(Shelf(tmp_path / "first.db"), clock, ToyLists(clock, ahead), Plan((OURS,), 30.0))
    for number in range(500):
        desk.lists.arrive(f"SMold{number}")
        clock.pass_by(0.125)
    same_second = float(int(desk.lists.now))
    desk.lists.arrive("SMjust", same_second)
    desk.lists.arrive("SMlate", same_second - 1, lag=10.0)
    await desk.open()
    await desk.pass_by(0.0)
    desk.lists.arrive("SMnew", same_second)
    await desk.pass_by(60.0)
    await desk.restart()
    await desk.pass_by(HOUR)
    assert await desk.received() == ["SMnew"]
    await desk.store.close()
    for store in desk.shelf.dead:
        await store.close()


async def test_a_kill_while_the_line_is_drawn_lets_no_old_text_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ToyClock()
    desk = Desk(Shelf(tmp_path / "first.db"), clock, ToyLists(clock), Plan((OURS,), 30.0))
    desk.lists.arrive("SMold")
    await desk.open()

    async def dies(*_: object) -> None:
        raise StoreUnavailable("killed")

    monkeypatch.setattr(desk.store, "read_up_to", dies)
    await desk.pass_by(1.0)
    await desk.restart()
    await desk.pass_by(60.0)
    desk.lists.arrive("SMnew")
    await desk.pass_by(60.0)
    assert await desk.received() == ["SMnew"]
    await desk.store.close()
    for store in desk.shelf.dead:
        await store.close()


async def test_since_asks_for_older_texts_at_the_first_start(tmp_path: Path) -> None:
    clock = ToyClock()
    plan = Plan((OURS,), 30.0, since=600.0)
    desk = Desk(Shelf(tmp_path / "first.db"), clock, ToyLists(clock), plan)
    for age in (601.0, 600.0, 10.0, 0.0):
        desk.lists.arrive(f"SM{age:.0f}", clock.now() - age)
    await desk.open()
    await desk.pass_by(60.0)
    assert await desk.received() == ["SM600", "SM10", "SM0"]
    await desk.store.close()


async def test_since_holds_for_more_texts_of_its_second_than_a_page_has(tmp_path: Path) -> None:
    clock = ToyClock()
    plan = Plan((OURS,), 30.0, since=600.0)
    desk = Desk(Shelf(tmp_path / "first.db"), clock, ToyLists(clock), plan)
    for number in range(450):
        desk.lists.arrive(f"SM{number}", clock.now() - 600.0)
    await desk.open()
    await desk.pass_by(60.0)
    assert len(await desk.received()) == 450
    await desk.store.close()


async def test_since_counts_from_the_first_start_even_if_that_was_cut_short(
    tmp_path: Path,
) -> None:
    clock = ToyClock()
    plan = Plan((OURS,), 30.0, since=600.0)
    desk = Desk(Shelf(tmp_path / "first.db"), clock, ToyLists(clock), plan)
    desk.lists.pictures["MM1"] = (Medium("https://api.twilio.com/ME1", "image/png"),)
    desk.lists.fault, desk.lists.faulty = OUTAGE, "media"
    desk.lists.arrive("MM1", clock.now() - 600.0)
    await desk.open()
    await desk.pass_by(300.0)
    desk.lists.fault = None
    await desk.restart()
    await desk.pass_by(60.0)
    assert await desk.received() == ["MM1"]
    await desk.store.close()
    for store in desk.shelf.dead:
        await store.close()


async def test_dates_in_the_future_or_missing_lose_and_repeat_nothing(desk: Desk) -> None:
    desk.lists.arrive("SMfuture", desk.clock.now() + 1e6)
    dateless = desk.lists.arrive("SMdateless")
    desk.lists.entries[-1] = Entry(None, replace(dateless, sent_at=None), to=OURS)
    await desk.pass_by(60.0)
    desk.lists.arrive("SMplain")
    await desk.pass_by(2 * HOUR)
    assert sorted(await desk.received()) == ["SMdateless", "SMfuture", "SMplain"]
    times = [document["received_at"] for document in await desk.events("message/received")]
    assert max(times) < "2027-01-15T08:02"


async def test_the_date_is_told_by_our_clock(tmp_path: Path) -> None:
    clock = ToyClock()
    lists = ToyLists(clock, ahead=5000.0)
    desk = Desk(Shelf(tmp_path / "first.db"), clock, lists, Plan((OURS,), 30.0))
    await desk.open()
    await desk.pass_by(30.0)
    desk.lists.arrive("SM1")
    await desk.pass_by(30.0)
    (document,) = await desk.events("message/received")
    assert (document["received_at"], document["stale"]) == ("2027-01-15T08:00:30.000Z", False)
    await desk.store.close()


async def test_a_text_of_before_a_kill_between_store_and_cursor_is_not_told_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: object) -> None:
        raise StoreUnavailable("killed")

    monkeypatch.setattr(desk.store, "read_up_to", dies)
    for number in range(20):
        desk.lists.arrive(f"SM{number}")
    await desk.pass_by(31.0)
    before = await desk.received()
    assert len(before) == 20
    await desk.restart()
    await desk.pass_by(HOUR)
    assert await desk.received() == before


async def test_a_text_by_webhook_and_by_polling_is_told_once(desk: Desk) -> None:
    first = desk.lists.arrive("SM1", lag=4.0)
    assert await desk.inbox.receive(replace(first, sent_at=None))
    await desk.pass_by(30.0)
    second = desk.lists.arrive("SM2")
    await desk.pass_by(30.0)
    assert not await desk.inbox.receive(replace(second, sent_at=None))
    assert await desk.received() == ["SM1", "SM2"]


async def test_a_sid_that_the_store_forgot_is_not_received_again(desk: Desk) -> None:
    await start_with(desk, remembered=2 * 86_400.0)
    desk.lists.arrive("SM1")
    await desk.pass_by(60.0)
    desk.clock.pass_by(3 * 86_400.0)
    while await desk.store.purge(desk.clock.now() - 2 * 86_400.0, desk.clock.now()):
        pass
    assert await desk.store.known(["SM1"]) == set()
    await desk.restart()
    await desk.pass_by(60.0)
    assert await desk.received() == ["SM1"]


async def test_sids_are_known_for_a_day_however_short_the_store_keeps(desk: Desk) -> None:
    desk.lists.arrive("SM1")
    await desk.pass_by(HOUR)
    await desk.store.purge(desk.clock.now() - 60.0, desk.clock.now())
    await desk.pass_by(60.0)
    assert await desk.received() == ["SM1"]


async def test_a_jump_of_the_clock_makes_no_sid_old(desk: Desk) -> None:
    desk.lists.arrive("SM1")
    await desk.pass_by(60.0)
    desk.clock.wall += 40 * 86_400.0
    desk.lists.ahead = -40 * 86_400.0
    await desk.bench.round()
    await desk.store.purge(desk.clock.now() - 30 * 86_400.0, desk.clock.now())
    await desk.pass_by(60.0)
    assert await desk.received() == ["SM1"]


async def test_a_text_comes_with_its_pictures(desk: Desk) -> None:
    desk.lists.pictures["MM1"] = (Medium("https://api.twilio.com/ME1", "image/png"),)
    desk.lists.arrive("MM1")
    await desk.pass_by(300.0)
    (document,) = await desk.events("message/received")
    expected = [{"url": "https://api.twilio.com/ME1", "content_type": "image/png"}]
    assert document["media"] == expected
    assert desk.lists.asked("media") == 1


@pytest.mark.parametrize(("fault", "told"), [(OUTAGE, []), (DENIED, ["MM1", "SM2"])])
async def test_pictures_are_waited_for_in_an_outage_only(
    desk: Desk, fault: Unanswered, told: list[str]
) -> None:
    desk.lists.pictures["MM1"] = (Medium("https://api.twilio.com/ME1", "image/png"),)
    desk.lists.fault, desk.lists.faulty = fault, "media"
    desk.lists.arrive("MM1")
    desk.lists.arrive("SM2")
    await desk.pass_by(300.0)
    assert await desk.received() == told
    desk.lists.fault = None
    await desk.pass_by(60.0)
    assert await desk.received() == ["MM1", "SM2"]


async def test_a_text_that_breaks_the_inbox_holds_no_others_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = Inbox.receive

    async def breaks(self: Inbox, text: Text, *, impatient: bool = True) -> bool:
        if text.sid == "SM1":
            raise ValueError
        return await receive(self, text, impatient=impatient)

    monkeypatch.setattr(Inbox, "receive", breaks)
    desk.lists.arrive("SM1")
    desk.lists.arrive("SM2")
    await desk.pass_by(60.0)
    assert await desk.received() == ["SM2"]


# When


def from_now(desk: Desk) -> float:
    desk.lists.requests.clear()
    return desk.clock.monotonic()


def looks(desk: Desk, since: float, number: str = OURS) -> list[float]:
    return [
        round(at - since, 1) for at, what in desk.lists.requests if what == f"received {number}"
    ]


async def test_looks_get_rarer_up_to_the_idle_interval(tmp_path: Path) -> None:
    clock = ToyClock()
    desk = Desk(Shelf(tmp_path / "first.db"), clock, ToyLists(clock), Plan((OURS,), 30.0))
    await desk.open()
    await desk.pass_by(125.0)
    assert looks(desk, 0.0) == [0, 2, 6, 14, 30, 60, 90, 120]
    await desk.store.close()


async def test_after_a_text_looks_come_every_two_seconds_for_two_minutes(desk: Desk) -> None:
    await desk.pass_by(300.0)
    begun = from_now(desk)
    desk.rounds.stirred()
    await desk.pass_by(300.0)
    found = looks(desk, begun)
    assert found[:60] == [2.0 * place for place in range(1, 61)]
    assert found[60:] == [124, 132, 148, 178, 208, 238, 268, 298]


async def test_where_webhooks_tell_looks_are_a_safety_net_that_tightens_when_it_catches(
    desk: Desk,
) -> None:
    await start_with(desk, every=300.0, eager=False)
    await desk.pass_by(1.0)
    begun = from_now(desk)
    desk.rounds.stirred()
    await desk.pass_by(898.0)
    assert len(looks(desk, begun)) == 2
    desk.lists.arrive("SM1")
    await desk.pass_by(10.0)
    assert await desk.received() == ["SM1"]
    desk.lists.arrive("SM2")
    await desk.pass_by(2.0)
    assert await desk.received() == ["SM1", "SM2"]


async def test_without_polling_nothing_is_asked_until_a_ping(desk: Desk) -> None:
    await start_with(desk, every=None)
    begun = from_now(desk)
    await desk.pass_by(HOUR)
    assert looks(desk, begun) == []
    desk.lists.arrive("SM1")
    asked = desk.rounds.check()
    await desk.pass_by(1.0)
    assert (await desk.received(), asked.result()) == (["SM1"], 1)


async def test_without_polling_the_line_is_drawn_all_the_same(desk: Desk) -> None:
    await start_with(desk, numbers=(OTHER,), every=None)
    begun = from_now(desk)
    desk.lists.arrive("SMold", recipient=OTHER)
    await desk.pass_by(HOUR)
    assert looks(desk, begun, OTHER) == [0]
    desk.lists.arrive("SM1", recipient=OTHER)
    desk.rounds.check()
    await desk.pass_by(1.0)
    assert await desk.received() == ["SM1"]


async def test_a_key_that_may_not_read_lists_is_no_trouble_without_polling(desk: Desk) -> None:
    await start_with(desk, numbers=(OTHER,), every=None)
    begun = from_now(desk)
    desk.lists.fault = DENIED
    await desk.pass_by(HOUR)
    assert looks(desk, begun, OTHER) == [0]
    assert desk.rounds.trouble() is None


async def test_a_ping_looks_again_until_the_text_is_listed(desk: Desk) -> None:
    await start_with(desk, every=None)
    await desk.pass_by(60.0)
    begun = from_now(desk)
    desk.lists.arrive("SM1", lag=4.0)
    asked = desk.rounds.check()
    await desk.pass_by(7.9)
    assert (looks(desk, begun), asked.done()) == ([0, 1, 3], False)
    await desk.pass_by(60.0)
    assert (looks(desk, begun), asked.result()) == ([0, 1, 3, 8], 1)
    assert await desk.received() == ["SM1"]


async def test_a_ping_for_nothing_ends_after_twenty_seconds(desk: Desk) -> None:
    await start_with(desk, every=None)
    begun = from_now(desk)
    asked = desk.rounds.check()
    await desk.pass_by(60.0)
    assert (looks(desk, begun), asked.result()) == ([0, 1, 3, 8, 20], 0)


async def test_the_first_look_of_a_check_tells_that_twilio_answers(desk: Desk) -> None:
    await start_with(desk, numbers=(OURS, OTHER), every=None)
    await desk.pass_by(60.0)
    desk.rounds.check()
    looked = desk.rounds.first_look()
    assert not looked.done()
    await desk.pass_by(2.0)
    assert looked.result() is True


async def test_the_first_look_of_a_check_tells_that_twilio_does_not_answer(desk: Desk) -> None:
    await start_with(desk, every=None)
    await desk.pass_by(60.0)
    desk.lists.fault = OUTAGE
    desk.rounds.check()
    looked = desk.rounds.first_look()
    await desk.pass_by(1.0)
    assert looked.result() is False


async def test_who_no_longer_waits_for_the_first_look_ends_it_for_nobody_else(desk: Desk) -> None:
    await start_with(desk, every=None)
    await desk.pass_by(60.0)
    desk.rounds.check()
    impatient, patient = desk.rounds.first_look(), desk.rounds.first_look()
    impatient.cancel()
    late = desk.rounds.first_look()
    await desk.pass_by(2.0)
    assert (patient.result(), late.result()) == (True, True)


async def test_the_first_look_without_numbers_is_over_at_once(desk: Desk) -> None:
    await start_with(desk, numbers=(), every=None)
    desk.rounds.check()
    assert desk.rounds.first_look().result() is True


async def test_pings_at_once_are_one(desk: Desk) -> None:
    await start_with(desk, every=None)
    begun = from_now(desk)
    asked = [desk.rounds.check() for _ in range(100)]
    await desk.pass_by(60.0)
    assert looks(desk, begun) == [0, 1, 3, 8, 20]
    assert {each.result() for each in asked} == {0}


async def test_looks_after_a_ping_that_were_missed_are_one(desk: Desk) -> None:
    await start_with(desk, every=None)
    begun = from_now(desk)
    desk.rounds.check()
    desk.clock.pass_by(10.0)
    await desk.pass_by(60.0)
    assert looks(desk, begun) == [10, 20]


async def test_a_ping_in_an_outage_comes_to_an_end(desk: Desk) -> None:
    desk.lists.fault = OUTAGE
    asked = desk.rounds.check()
    await desk.pass_by(60.0)
    assert asked.result() == 0


async def test_an_outage_is_asked_about_ever_more_rarely_and_is_a_trouble(desk: Desk) -> None:
    await start_with(desk, numbers=(OURS, OTHER))
    desk.lists.fault = OUTAGE
    before = desk.lists.asked()
    await desk.pass_by(600.0)
    assert desk.lists.asked() - before <= 24
    trouble = desk.rounds.trouble()
    assert trouble is not None
    assert "No connection to Twilio" in trouble
    assert OURS not in trouble
    desk.lists.fault = None
    desk.lists.arrive("SM1")
    await desk.pass_by(60.0)
    assert desk.rounds.trouble() is None
    assert await desk.received() == ["SM1"]


async def test_a_single_failure_is_no_trouble(desk: Desk) -> None:
    desk.lists.fault = OUTAGE
    desk.lists.requests.clear()
    desk.rounds.check()
    await desk.pass_by(0.5)
    assert desk.lists.asked() == 1
    assert desk.rounds.trouble() is None


async def test_a_number_that_is_refused_leaves_the_others_alone(desk: Desk) -> None:
    await start_with(desk, numbers=(OURS, OTHER))
    await desk.pass_by(10.0)
    desk.lists.fault, desk.lists.faulty = DENIED, OTHER
    begun = from_now(desk)
    desk.rounds.stirred()
    desk.lists.arrive("SM1")
    await desk.pass_by(40.0)
    assert await desk.received() == ["SM1"]
    assert looks(desk, begun) == [2.0 * place for place in range(1, 21)]
    desk.lists.fault = None
    await desk.pass_by(600.0)
    desk.lists.fault = DENIED
    begun = from_now(desk)
    desk.rounds.check()
    await desk.pass_by(4.0)
    assert looks(desk, begun) == [0, 1, 3]


async def test_nothing_is_logged_by_looking(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    await desk.pass_by(HOUR)
    assert caplog.messages == []


async def test_never_more_than_one_request_a_second(desk: Desk) -> None:
    numbers = tuple(f"+1999999{number:04}" for number in range(10))
    await start_with(desk, numbers=numbers)
    await desk.pass_by(10.0)
    _, place = from_now(desk), 0
    sent: list[Delivery] = []
    for minute in range(60):
        some = range(minute * 10, minute * 10 + 10) if minute < 20 else ()
        sent += await desk.sent(*(text(f"+1234501{n:04}", sender=numbers[n % 10]) for n in some))
        desk.rounds.stirred()
        desk.lists.arrive(f"SM{minute}", recipient=numbers[minute % 10])
        await desk.pass_by(60.0)
    assert desk.lists.asked() <= HOUR + 5
    times = [at for at, _ in desk.lists.requests]
    for first, at in enumerate(times):
        while times[place] < at - 60.0:
            place += 1
        assert first - place + 1 <= 60 + 5
    assert len(await desk.received()) == 60
    assert None not in {(await desk.now(each)).news_at for each in sent}
    assert 60 <= desk.lists.asked("sent") <= 360


# How sent ones fare


async def test_a_delivery_is_asked_for_ever_more_rarely(desk: Desk) -> None:
    await start_with(desk, numbers=())
    begun = desk.clock.monotonic()
    (delivery,) = await desk.sent(text())
    await desk.pass_by(2 * HOUR)
    asked = [round(at - begun) for at, what in desk.lists.requests if "sent" in what]
    steps = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert asked[:8] == [5, 10, 20, 40, 80, 160, 320, 640]
    assert set(steps[8:]) == {600}
    assert (await desk.now(delivery)).state is State.ACCEPTED


async def test_what_became_of_a_text_is_told_and_its_price_once_it_is_known(desk: Desk) -> None:
    (delivery,) = await desk.sent(text())
    desk.lists.fare(delivery, "delivered", segments=1)
    await desk.pass_by(60.0)
    assert await desk.fates(delivery) == [("accepted", None), ("delivered", None)]
    desk.lists.fare(delivery, "delivered", segments=1, price="-0.0075", price_unit="USD")
    await desk.pass_by(2 * HOUR)
    told = await desk.fates(delivery)
    assert told == [("accepted", None), ("delivered", None), ("delivered", "-0.0075")]
    assert (await desk.now(delivery)).news_at is None


async def test_a_price_that_is_never_told_is_not_asked_for_any_more_after_an_hour(
    desk: Desk,
) -> None:
    (delivery,) = await desk.sent(text())
    desk.lists.fare(delivery, "delivered")
    await desk.pass_by(3 * HOUR)
    assert (await desk.now(delivery)).news_at is None


async def test_a_call_is_told_with_who_answered(desk: Desk) -> None:
    (delivery,) = await desk.sent(call())
    desk.lists.fare(delivery, "completed", answered_by="human", duration=12)
    await desk.pass_by(60.0)
    told = (await desk.events("message/delivery"))[-1]
    assert (told["state"], told["answered_by"], told["duration"]) == ("delivered", "human", 12)


async def test_without_news_for_half_a_day_it_is_unknown_and_says_so(desk: Desk) -> None:
    (delivery,) = await desk.sent(text())
    desk.lists.fare(delivery, "sent")
    await desk.pass_by(60.0)
    desk.lists.entries.clear()
    await desk.pass_by(12 * HOUR - 120)
    assert (await desk.now(delivery)).state is State.SENT
    await desk.pass_by(240.0)
    (told,) = [each for each in await desk.events("message/delivery") if each["state"] == "unknown"]
    assert told["error_message"].startswith("No news from Twilio for 12 h; its last word was sent")
    assert (await desk.now(delivery)).news_at is None


async def test_an_outage_of_half_a_day_is_not_taken_for_silence(desk: Desk) -> None:
    (delivery,) = await desk.sent(text())
    desk.lists.fault = OUTAGE
    await desk.pass_by(13 * HOUR)
    assert (await desk.now(delivery)).state is State.ACCEPTED
    desk.lists.fault = None
    desk.lists.fare(delivery, "delivered", price="-0.0075")
    await desk.pass_by(601.0)
    assert (await desk.now(delivery)).state is State.DELIVERED


async def test_many_are_asked_for_by_few_pages(desk: Desk) -> None:
    await start_with(desk, every=None)
    sent = await desk.sent(*(text(f"+1234501{number:04}") for number in range(200)))
    for each in sent:
        desk.lists.fare(each, "delivered", price="-0.0075")
    await desk.pass_by(10.0)
    states = {(await desk.now(each)).state for each in sent}
    assert states == {State.DELIVERED}
    assert desk.lists.asked("sent") == 1


async def test_what_comes_due_within_two_seconds_is_asked_for_together(desk: Desk) -> None:
    await start_with(desk, numbers=())
    for number in range(20):
        await desk.sent(text(f"+1234501{number:04}"))
        await desk.pass_by(0.2)
    await desk.pass_by(4.5)
    assert 2 <= desk.lists.asked("sent") <= 3


async def test_one_far_down_a_busy_list_is_found(desk: Desk) -> None:
    old = await desk.sent(text("+12345000001"), text("+12345000002"))
    await desk.pass_by(HOUR)
    stranger = replace(old[0], progress=replace(old[0].progress, attempted_at=desk.clock.now()))
    for number in range(2500):
        other = replace(stranger.progress, sid=f"SMx{number}")
        desk.lists.fare(replace(stranger, progress=other), "sent")
    for each in old:
        desk.lists.fare(each, "delivered", price="-0.0075")
    await desk.pass_by(610.0)
    assert {(await desk.now(each)).state for each in old} == {State.DELIVERED}


def fillers(desk: Desk, many: int, like: Delivery, before: float) -> None:
    """List others' texts, made some seconds before a delivery was."""
    at = (like.progress.attempted_at or 0.0) - before
    for number in range(many):
        progress = replace(like.progress, sid=f"SMx{before}{number}", attempted_at=at)
        desk.lists.fare(replace(like, progress=progress), "sent")


async def test_no_page_is_read_after_all_were_found(desk: Desk) -> None:
    (first,) = await desk.sent(text("+12345000001"))
    fillers(desk, 100, first, 0.0)
    sent = await desk.sent(text("+12345000002"), text("+12345000003"))
    desk.lists.entries.append(desk.lists.entries.pop(0))
    await desk.pass_by(6.0)
    assert len(sent) == 2
    assert desk.lists.asked("sent") == 1


async def test_nothing_is_read_that_is_older_than_what_is_asked_for(desk: Desk) -> None:
    desk.lists.ahead = 5000.0
    gone = await desk.sent(text("+12345000001"), text("+12345000002"))
    desk.lists.entries.clear()
    fillers(desk, 300, gone[0], 100.0)
    await desk.pass_by(6.0)
    assert desk.lists.asked("sent") == 1


async def test_twilios_clock_may_be_a_little_behind_what_it_says(desk: Desk) -> None:
    sent = await desk.sent(text("+12345000001"), text("+12345000002"))
    for entry in desk.lists.entries:
        entry.at = (entry.at or 0.0) - 3.0
    fillers(desk, 30, sent[0], 2.0)
    for each in sent:
        desk.lists.fare(each, "delivered", price="-0.0075")
    await desk.pass_by(6.0)
    assert {(await desk.now(each)).state for each in sent} == {State.DELIVERED}


async def test_a_single_recipient_is_asked_for_by_number(desk: Desk) -> None:
    await desk.sent(text(DARLA), text(DARLA, "Again"))
    await desk.pass_by(6.0)
    assert desk.lists.asked(f"sent txt {OURS} {DARLA}") == 1


async def test_senders_are_asked_for_one_by_one_unless_a_service_picks_them(desk: Desk) -> None:
    service = "MG" + "0" * 32
    senders = [OURS, OTHER, service, OURS + "0"]
    desk.bench.twilio.outcomes = [
        Accepted(f"SM{sender}", State.ACCEPTED, "accepted", sender) for sender in senders
    ]
    await desk.sent(text("+12345000001"), text("+12345000002", sender=OTHER))
    await desk.pass_by(6.0)
    asked = [what for _, what in desk.lists.requests if "sent" in what]
    assert asked == [f"sent txt {OURS} +12345000001", f"sent txt {OTHER} +12345000002"]
    desk.lists.requests.clear()
    await desk.pass_by(100.0)
    desk.lists.requests.clear()
    await desk.sent(text("+12345000003", sender=service), text("+12345000004"))
    await desk.pass_by(6.0)
    asked = [what for _, what in desk.lists.requests if "sent" in what]
    assert asked == ["sent txt None None"]


async def test_while_the_disk_refuses_news_wait(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (delivery,) = await desk.sent(text())
    desk.lists.fare(delivery, "delivered", price="-0.0075")

    async def refuses(_: News) -> bool:
        raise StoreUnavailable("The disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(type(desk.bench.outbox), "hear", lambda _, news: refuses(news))
        await desk.pass_by(30.0)
    assert (await desk.now(delivery)).state is State.ACCEPTED
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    await desk.pass_by(10.0)
    assert (await desk.now(delivery)).state is State.DELIVERED


# Texts that are to be deleted


async def test_what_is_stored_is_deleted_at_twilio(desk: Desk) -> None:
    await start_with(desk, delete=True)
    for number in range(3):
        desk.lists.arrive(f"SM{number}")
    await desk.pass_by(60.0)
    assert desk.lists.deleted == ["SM0", "SM1", "SM2"]
    assert await desk.store.to_delete(10) == []


async def test_one_that_cannot_be_deleted_holds_nothing_up_and_is_tried_again(desk: Desk) -> None:
    await start_with(desk, delete=True)
    desk.lists.undeletable = {"SM1"}
    for number in range(3):
        desk.lists.arrive(f"SM{number}")
    await desk.pass_by(20.0)
    assert desk.lists.deleted == ["SM0", "SM2"]
    desk.lists.arrive("SM3")
    await desk.pass_by(5.0)
    assert await desk.received() == ["SM0", "SM1", "SM2", "SM3"]
    assert desk.lists.deleted == ["SM0", "SM2", "SM3"]
    assert desk.lists.asked("delete SM1") == 1
    desk.lists.undeletable.clear()
    await desk.pass_by(300.0)
    assert desk.lists.deleted == ["SM0", "SM2", "SM3", "SM1"]


async def test_one_that_can_never_be_deleted_is_left_after_some_hours(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    await start_with(desk, delete=True)
    desk.lists.undeletable = {"SM1"}
    desk.lists.arrive("SM1")
    await desk.pass_by(24 * HOUR)
    assert desk.lists.asked("delete") == 20
    assert caplog.messages == ["Twilio does not let the text SM1 be deleted: it stays there"]


async def test_an_outage_while_deleting_is_asked_about_ever_more_rarely(desk: Desk) -> None:
    await start_with(desk, delete=True)
    desk.lists.fault, desk.lists.faulty = OUTAGE, "delete"
    desk.lists.arrive("SM1")
    await desk.pass_by(600.0)
    assert desk.lists.asked("delete") <= 24


async def test_nothing_is_deleted_between_two_pages(desk: Desk) -> None:
    await start_with(desk, delete=True)
    desk.lists.undeletable = {"SMfirst"}
    desk.lists.arrive("SMfirst")
    await desk.pass_by(10.0)
    for number in range(500):
        desk.lists.arrive(f"SM{number}")
    desk.clock.pass_by(100.0)
    desk.lists.requests.clear()
    await desk.pass_by(30.0)
    kinds = [what.split()[0] for _, what in desk.lists.requests]
    assert kinds[:5] == [*["received"] * 4, "delete"]


async def test_what_was_to_be_deleted_before_a_kill_is_deleted_after_it(desk: Desk) -> None:
    await start_with(desk, delete=True)
    desk.lists.fault, desk.lists.faulty = OUTAGE, "delete"
    desk.lists.arrive("SM1")
    await desk.pass_by(30.0)
    desk.lists.fault = None
    await desk.restart()
    await desk.pass_by(30.0)
    assert desk.lists.deleted == ["SM1"]


def test_the_overlap_is_shorter_than_what_is_remembered() -> None:
    assert Plan((), None).remembered > OVERLAP


@pytest.mark.parametrize("turns", range(6))
async def test_run_ends_when_it_is_cancelled_in_the_moment_of_a_ping(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    waits: list[float] = []

    def machine_seconds(_: ToyClock, wait: float) -> float:
        waits.append(wait)
        return wait

    monkeypatch.setattr(ToyClock, "machine_seconds", machine_seconds)
    running = asyncio.create_task(desk.rounds.run())
    await until(lambda: waits, "it sleeps")
    asked = desk.rounds.check()
    for _ in range(turns):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait({running}, timeout=PATIENCE)
    assert running.cancelled()
    assert asked.result() == 0
    assert await owed(desk.store) == []


# Who may ask, and what goes wrong on the way


async def test_a_stand_by_fetches_no_texts_but_learns_how_its_own_fare(desk: Desk) -> None:
    (delivery,) = await desk.sent(text())
    desk.rounds.serves = lambda: False
    before = desk.lists.asked("received")
    desk.lists.arrive("SM1")
    desk.lists.fare(delivery, "delivered")
    await desk.pass_by(HOUR)
    assert await desk.received() == []
    assert desk.lists.asked("received") == before
    assert (await desk.now(delivery)).state is State.DELIVERED
    desk.rounds.serves = lambda: True
    await desk.pass_by(30.0)
    assert await desk.received() == ["SM1"]


async def test_what_comes_after_the_first_start_counts_though_twilio_answers_later(
    tmp_path: Path,
) -> None:
    clock = ToyClock()
    desk = Desk(Shelf(tmp_path / "callbox.db"), clock, ToyLists(clock), Plan((OURS,), 30.0))
    desk.lists.arrive("SMold", NOW - 10.0)
    desk.lists.fault = OUTAGE
    await desk.open()
    await desk.pass_by(60.0)
    desk.lists.arrive("SMnew")
    await desk.pass_by(60.0)
    desk.lists.fault = None
    await desk.pass_by(60.0)
    assert await desk.received() == ["SMnew"]
    await desk.store.close()


async def test_a_long_catch_up_over_a_bad_line_comes_to_its_end(desk: Desk) -> None:
    for number in range(3000):
        desk.clock.pass_by(10.0)
        desk.lists.arrive(f"SM{number}")
    await desk.restart()
    answer = desk.lists._refusal

    def every_fourth(what: str) -> Unanswered | None:
        answer(what)
        return OUTAGE if len(desk.lists.requests) % 4 == 0 else None

    desk.lists._refusal = every_fourth  # type: ignore[method-assign]
    await desk.pass_by(600.0)
    assert await desk.received() == [f"SM{number}" for number in range(3000)]


async def test_pings_that_find_nothing_are_answered_together(desk: Desk) -> None:
    asked = [desk.rounds.check() for _ in range(50)]
    assert len(set(asked)) == 1
    await desk.pass_by(30.0)
    assert asked[0].result() == 0


async def test_a_clock_set_back_does_not_hide_what_was_sent_before(desk: Desk) -> None:
    (delivery,) = await desk.sent(text())
    desk.clock.wall -= HOUR
    await desk.bench.outbox._notice_jump()
    desk.lists.ahead = HOUR
    for _ in range(40):
        desk.lists.entries.append(
            Entry(desk.lists.now, news=News(Kind.TXT, "SMx", "sent", State.SENT, frozenset()),
                  sender=OURS, to=DARLA)
        )  # fmt: skip
    desk.lists.fare(delivery, "delivered")
    await desk.pass_by(HOUR)
    assert (await desk.now(delivery)).state is State.DELIVERED


async def test_a_stand_by_that_comes_to_serve_tells_nothing_of_the_time_before(
    tmp_path: Path,
) -> None:
    clock = ToyClock()
    desk = Desk(Shelf(tmp_path / "callbox.db"), clock, ToyLists(clock), Plan((OURS,), 30.0))
    await desk.open()
    desk.rounds.serves = lambda: False
    await desk.pass_by(HOUR)
    desk.lists.arrive("SMother")
    await desk.pass_by(60.0)
    desk.rounds.serves = lambda: True
    desk.lists.arrive("SMours", clock.now() + 3.0, lag=3.0)
    await desk.pass_by(60.0)
    assert await desk.received() == ["SMours"]
    await desk.store.close()
