"""What only a host at a Greengrass nucleus has to see to."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callbox.errors import HostError, StoreUnavailable
from callbox.hosts import greengrass, ipc, publisher
from callbox.hosts.greengrass import Counters, GreengrassHost
from callbox.hosts.ipc import Nucleus, Way, room_for
from callbox.outbox import Outbox
from callbox.ports import Event
from callbox.wire import to_document
from contract.bench import ToyClock
from contract.places import ACCESS, COMPONENT, DARLA, Desk, OnNucleus, Serving, bodies, event, owe
from harness.documents import text as request
from harness.waiting import until
from nucleus import frames
from nucleus.frames import Flag, Kind

TXT = (Way.PUBSUB, "twilio/txt")
CALL = (Way.PUBSUB, "twilio/call")
SENT = "twilio/message/sent"


@pytest.fixture
async def place(tmp_path: Path, exits: AsyncExitStack) -> OnNucleus:
    place = OnNucleus(tmp_path, exits, Way.PUBSUB)
    await place.open()
    return place


@pytest.fixture
async def nucleus(place: OnNucleus) -> AsyncIterator[Nucleus]:
    nucleus = Nucleus(place.nucleus.admit(COMPONENT, ACCESS, {}))
    await nucleus.open()
    yield nucleus
    await nucleus.close()


async def arrives(nucleus: Nucleus, count: int) -> None:
    await until(lambda: nucleus.waiting >= count, f"{count} messages wait")


async def test_a_subscription_that_was_answered_too_late_is_not_there_twice(
    place: OnNucleus, nucleus: Nucleus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ipc, "_ANSWER_SECONDS", 0.05)
    answers = place.nucleus.hold_answers = asyncio.Event()
    with pytest.raises(HostError, match="does not answer"):
        await nucleus.subscribe([CALL])
    answers.set()
    place.nucleus.hold_answers = None
    monkeypatch.undo()
    await until(lambda: not place.nucleus.subscriptions(COMPONENT), "the late one is ended")
    await nucleus.subscribe([CALL])
    assert await place.nucleus.publish("twilio/call", b"{}") == 1


async def test_a_stream_that_the_nucleus_ends_is_a_lost_connection(
    place: OnNucleus, nucleus: Nucleus
) -> None:
    await nucleus.subscribe([TXT, CALL])
    (connection,) = place.nucleus._connections
    (stream,) = (
        number for number, each in connection._streams.items() if each and each.topic == TXT[1]
    )
    fault = {"message": "internal"}
    connection.send(
        frames.document(Kind.ERROR, Flag.TERMINATE, stream, fault, "aws.greengrass#ServiceError")
    )
    await asyncio.wait_for(nucleus.lost.wait(), 10)
    assert nucleus.waiting == 0


async def test_a_subscription_that_we_end_ourselves_is_no_loss(
    place: OnNucleus, nucleus: Nucleus
) -> None:
    await nucleus.subscribe([TXT, CALL])
    await nucleus.subscribe([CALL])
    await until(
        lambda: place.nucleus.subscriptions(COMPONENT) == {("pubsub", CALL[1])}, "one is ended"
    )
    await place.publish("call", b"{}")
    await arrives(nucleus, 1)
    assert not nucleus.lost.is_set()


async def test_what_waits_is_bounded_by_its_bytes_too(
    place: OnNucleus, nucleus: Nucleus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ipc, "_MOST_BYTES", 1_000)
    await nucleus.subscribe([TXT])
    for _ in range(15):
        await place.publish("txt", b"x" * 100)
    await until(lambda: nucleus.dropped == 5, "the rest is dropped")
    assert sum(len(each.payload) for each in nucleus.take(99)) == 1_000
    await place.publish("txt", b"again")
    await arrives(nucleus, 1)


async def test_it_ends_although_the_disk_keeps_waiting_what_goes_before_a_request(
    place: OnNucleus, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(greengrass, "_LONGEST_END", 0.05)
    clock, asked = desk.outbox.clock, asyncio.Event()
    assert isinstance(clock, ToyClock)

    async def shift(_seconds: float, _now: float) -> None:
        asked.set()
        await asyncio.Event().wait()

    async with Serving(place, desk):
        monkeypatch.setattr(desk.store, "shift", shift)
        clock.wall += 60.0
        await place.publish("txt", json.dumps(request("a", DARLA, "Fire")).encode())
        await asyncio.wait_for(asked.wait(), 10)


async def test_what_the_core_cannot_have_while_it_is_offline_is_told_and_asked_for_again(
    place: OnNucleus, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(greengrass, "_LISTEN_SECONDS", 0.05)
    place.nucleus.troubles["SubscribeToTopic"] = "ServiceError"
    async with Serving(place, desk) as host:
        assert isinstance(host, GreengrassHost)
        assert "cannot be subscribed to by pubsub for now" in (host.trouble or "")
        place.nucleus.troubles.clear()
        await until(lambda: host.trouble is None, "it is subscribed")
        await place.publish("txt", json.dumps(request("a", DARLA, "late")).encode())
        await until(lambda: desk.outbox.counters.accepted, "a request is kept")
    assert await bodies(desk) == ["late"]


async def test_more_refused_events_than_memory_has_room_for_are_all_told_in_the_end(
    place: OnNucleus, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "_MOST_REFUSED", 3)
    monkeypatch.setattr(publisher, "_REFUSED_AGAIN_AFTER", 0.05)
    place.nucleus.troubles["PublishToTopic"] = "ServiceError"
    events = [event(number) for number in range(100)]
    host = await place.host(desk)
    assert isinstance(host, GreengrassHost)
    running = asyncio.create_task(host.run())
    await owe(desk, host, *events)
    await until(lambda: host.trouble, "the refusal is told")
    assert "accessControl" not in (host.trouble or "")
    place.nucleus.troubles.clear()
    await until(lambda: len(place.heard("message/delivery")) >= 100, "all are told")
    await host.stop()
    await running
    told = place.heard("message/delivery")
    assert sorted(told) == sorted(each.payload for each in events)


async def test_what_was_told_just_before_a_stop_is_not_told_again(
    place: OnNucleus, desk: Desk
) -> None:
    events = [event(number) for number in range(10)]
    async with Serving(place, desk) as host:
        answers = place.nucleus.hold_answers = asyncio.Event()
        await owe(desk, host, *events)
        await until(lambda: len(place.heard("message/delivery")) == 10, "all are told")
        await host.stop()
        answers.set()
        place.nucleus.hold_answers = None
    async with Serving(place, desk):
        pass
    assert len(place.heard("message/delivery")) == 10


async def test_what_is_in_hand_at_a_stop_goes_back_if_the_disk_refuses_it_late(
    place: OnNucleus, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped, in_hand = asyncio.Event(), asyncio.Event()

    async def refused(*_: object, **__: object) -> None:
        in_hand.set()
        await stopped.wait()
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(greengrass, "_GRACE_SECONDS", 0.0)
    monkeypatch.setattr(Outbox, "submit", refused)
    host = await place.host(desk)
    assert isinstance(host, GreengrassHost)
    for name in ("a", "b", "c"):
        await place.publish("txt", json.dumps(request(name, DARLA, name)).encode())
    await until(lambda: host.nucleus.waiting == 3, "all have come")
    running = asyncio.create_task(host.run())
    await in_hand.wait()
    await host.stop()
    asyncio.get_running_loop().call_later(0.05, stopped.set)
    await running
    left = [json.loads(each.payload)["id"] for each in host.nucleus.take(9)]
    assert left == ["a", "b", "c"]


# What fits into a frame


class Fitter:
    """A host as far as documents are made to fit."""

    counters = Counters()
    fitting = GreengrassHost.fitting


def fitted(document: Any, topic: str = SENT) -> Any:  # noqa: ANN401 - JSON
    payload = Fitter().fitting(topic, to_document(document))  # type: ignore[misc]
    assert payload is not None
    assert len(payload) <= room_for(topic)
    return json.loads(payload)


@pytest.mark.parametrize("excess", range(5))
def test_a_text_that_is_too_long_by_a_byte_is_cut_and_not_lost(excess: int) -> None:
    empty = len(to_document({"messageText": "", "x": ""}))
    emojis, rest = divmod(room_for(SENT) - empty, 4)
    document = {"messageText": "😀" * emojis, "x": "y" * (rest + excess)}
    found = fitted(document)
    assert found["x"] == document["x"]
    assert found["messageText"].startswith("😀" * (emojis - 3))


def test_an_id_is_cut_after_everything_else() -> None:
    found = fitted({"id": "i" * 3_000, "name": "n" * 4_000})
    assert found["id"] == "i" * 3_000
    assert found["name"].endswith("…")


@given(
    st.dictionaries(st.text(max_size=5), st.text(max_size=4_000), min_size=1, max_size=20),
    st.sampled_from([SENT, "twilio/message/status", "bä/" * 20 + "txt"]),
)
def test_texts_of_any_kind_are_made_to_fit(document: dict[str, str], topic: str) -> None:
    assert fitted(document, topic).keys() == document.keys()


def test_what_is_no_document_and_too_large_is_not_published_and_holds_nothing_up() -> None:
    assert Fitter().fitting(SENT, b"x" * 9_000) is None  # type: ignore[misc]


async def test_a_payload_too_large_for_a_frame_is_dropped_and_what_follows_is_told(
    place: OnNucleus, desk: Desk
) -> None:
    async with Serving(place, desk) as host:
        await owe(desk, host, Event("message/sent", b"x" * 9_000), event(1))
        await until(lambda: place.heard("message/delivery"), "the other one is told")
        assert isinstance(host, GreengrassHost)
        assert host.figures()["too_large_events"] == 1
    assert place.heard("message/sent") == []
