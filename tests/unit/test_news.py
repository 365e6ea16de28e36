"""News come late, twice and out of order: what is kept goes forward only."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callbox.domain.delivery import NEXT, Delivery, Evidence, Progress, State
from callbox.domain.news import News
from callbox.domain.notification import ON_TOPICS, Channel, Kind, Notification
from callbox.domain.outcome import Accepted
from callbox.domain.policy import (
    FIRST_NEWS,
    NEWS_BESIDE_CALLBACKS,
    PRICE_KNOWN_WITHIN,
    Rules,
    after_attempt,
    after_news,
    after_silence,
    tells,
)
from callbox.twilio.status import CALL, MESSAGE, follows, state_of

NOW = 1_800_000_000.0
RULES = Rules((2.0,), (5.0, 20.0), final_after=43_200.0)
WORDS = {Kind.TXT: tuple(MESSAGE), Kind.CALL: tuple(CALL)}
FINAL = {State.DELIVERED, State.READ, State.UNDELIVERED, State.FAILED, State.CANCELLED}


def a_delivery(kind: Kind = Kind.TXT, **progress: Any) -> Delivery:  # noqa: ANN401 - fields
    note = Notification(kind, Channel.SMS, "Darla", "+12345000001", "+19999999999", "Hi")
    plain: dict[str, Any] = {"state": State.SENDING, "attempt": 1, "updated_at": NOW}
    return Delivery(
        "d1", "r1", note, 1, None, "hold", NOW, NOW + 3600, expires_fixed=False,
        progress=Progress(**(plain | progress)),
    )  # fmt: skip


def taken(kind: Kind = Kind.TXT, *, called_back: bool = False) -> Delivery:
    outcome = Accepted("SM1", State.ACCEPTED, "queued", "+19999999999", called_back=called_back)
    delivery = a_delivery(kind)
    return with_(delivery, after_attempt(delivery, outcome, NOW, 0.0, RULES))


def with_(delivery: Delivery, progress: Progress) -> Delivery:
    return replace(delivery, progress=progress)


def tell(kind: Kind, word: str, **more: Any) -> News:  # noqa: ANN401 - fields
    return News(kind, "SM1", word, state_of(kind, word), follows(kind, word), **more)


@given(st.sampled_from(ON_TOPICS), st.data())
def test_whatever_the_order_of_news_states_only_go_forward(kind: Kind, data: st.DataObject) -> None:
    words = data.draw(st.lists(st.sampled_from(WORDS[kind]), max_size=12))
    delivery = taken(kind)
    path = [delivery.progress.state]
    for number, word in enumerate(words):
        after = after_news(delivery, tell(kind, word), NOW + number)
        if after is not None:
            delivery = with_(delivery, after)
            path.append(after.state)
    for before, later in pairwise(path):
        assert later is before or later in NEXT[before]
    ends = [state_of(kind, word) for word in words if state_of(kind, word) in FINAL]
    if ends:
        assert delivery.progress.state in {*ends}


@given(st.permutations(["queued", "sending", "sent", "delivered"]))
def test_every_order_of_a_texts_life_ends_delivered(words: list[str]) -> None:
    delivery = taken()
    for word in words * 2:
        after = after_news(delivery, tell(Kind.TXT, word), NOW)
        delivery = delivery if after is None else with_(delivery, after)
    assert (delivery.progress.state, delivery.progress.word) == (State.DELIVERED, "delivered")


def test_the_same_news_twice_is_nothing_new() -> None:
    delivery = taken()
    after = after_news(delivery, tell(Kind.TXT, "sent"), NOW)
    assert after is not None
    assert after_news(with_(delivery, after), tell(Kind.TXT, "sent"), NOW + 1) is None


def test_a_late_word_still_brings_the_price() -> None:
    delivery = with_(taken(), _progress(taken(), tell(Kind.TXT, "delivered")))
    after = _progress(delivery, tell(Kind.TXT, "sent", price="-0.01", price_unit="USD"))
    assert (after.state, after.word, after.price) == (State.DELIVERED, "delivered", "-0.01")


def _progress(delivery: Delivery, news: News) -> Progress:
    after = after_news(delivery, news, NOW)
    assert after is not None
    return after


def test_twilios_own_words_on_the_way_are_kept_and_not_told() -> None:
    delivery = taken()
    after = _progress(delivery, tell(Kind.TXT, "sending", sent_from="+19999999998"))
    assert after.sent_from == "+19999999998"
    assert not tells(delivery.progress, after, Kind.TXT)


@pytest.mark.parametrize(
    ("called_back", "wait"), [(False, FIRST_NEWS), (True, NEWS_BESIDE_CALLBACKS)]
)
def test_twilio_is_asked_soon_unless_it_is_to_call_back(called_back: bool, wait: float) -> None:
    assert taken(called_back=called_back).progress.news_at == NOW + wait


def test_the_wait_for_news_doubles_up_to_ten_minutes() -> None:
    delivery, now, waits = taken(), NOW, []
    for _ in range(10):
        assert delivery.progress.news_at is not None
        waits.append(round(delivery.progress.news_at - now))
        now = delivery.progress.news_at
        delivery = with_(delivery, after_silence(delivery, now, RULES, answered=True))
    assert waits == [5, 5, 10, 20, 40, 80, 160, 320, 600, 600]


def test_the_last_question_is_asked_when_the_time_is_over() -> None:
    delivery = taken()
    after = after_silence(delivery, NOW + RULES.final_after - 20, RULES, answered=True)
    assert after.news_at == NOW + RULES.final_after


def test_a_price_that_never_comes_is_given_up() -> None:
    delivery = with_(taken(), _progress(taken(), tell(Kind.TXT, "delivered")))
    assert delivery.progress.news_at is not None
    after = after_silence(delivery, NOW + PRICE_KNOWN_WITHIN, RULES, answered=True)
    assert (after.state, after.news_at) == (State.DELIVERED, None)


@pytest.mark.parametrize("word", ["failed", "canceled"])
def test_what_costs_nothing_is_not_asked_for_again(word: str) -> None:
    assert _progress(taken(), tell(Kind.TXT, word)).news_at is None


def test_a_callback_names_the_sid_of_what_was_in_doubt() -> None:
    delivery = a_delivery(state=State.UNKNOWN, due_at=NOW + 5, doubt_since=NOW)
    after = _progress(delivery, tell(Kind.TXT, "sent", evidence=Evidence.CALLBACK))
    assert (after.state, after.sid, after.due_at) == (State.SENT, "SM1", None)
    assert after.evidence is Evidence.CALLBACK


@pytest.mark.parametrize("state", [State.EXPIRED, State.CANCELLED, State.FAILED])
def test_what_has_ended_before_twilio_took_it_stays_so(state: State) -> None:
    after = after_news(a_delivery(state=state), tell(Kind.TXT, "sent"), NOW)
    assert after is None or after.state is state


def test_while_twilio_cannot_be_asked_it_is_not_asked_more_often() -> None:
    for hours in (11.9, 12.1, 18.0, 23.0):
        now = NOW + hours * 3600
        after = after_silence(taken(), now, RULES, answered=False)
        assert after.state is State.ACCEPTED
        assert after.news_at is not None
        assert after.news_at - now >= 360
