"""What only the host of a broker does, on a real mosquitto."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import MQTTMessage

from callbox.hosts.address import Address
from callbox.hosts.connection import Connection
from callbox.hosts.mqtt import _REQUESTS, MqttHost, Settings
from contract.places import DARLA, Desk, OnMosquitto, Serving, bodies
from harness.documents import text as request
from harness.waiting import PATIENCE, until


@pytest.fixture(params=["mosquitto"])
async def place(tmp_path: Path, exits: AsyncExitStack) -> OnMosquitto:
    place = OnMosquitto(tmp_path, exits)
    await place.open()
    return place


class StoppedWhenSubscribed(MqttHost):
    """Is told to stop in the moment in which it could say that it is online."""

    async def _subscribe(
        self, connection: Connection, topics: Sequence[str], *, retained: bool = False
    ) -> None:
        await super()._subscribe(connection, topics, retained=retained)
        if topics == _REQUESTS:
            await self.stop()


async def test_told_to_stop_while_it_subscribes_it_is_offline_in_the_end(
    place: OnMosquitto, desk: Desk
) -> None:
    host = await place.host(desk, StoppedWhenSubscribed)
    async with asyncio.timeout(PATIENCE):
        await host.run()
    await place.publish("bridge/response/last", b"")
    await until(lambda: place.heard("bridge/response/last"), "all was heard")
    assert set(place.heard("bridge/state")) == {b"offline"}


async def test_told_to_stop_while_the_broker_does_not_answer_it_hangs_up(desk: Desk) -> None:
    came, left = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        await reader.read()
        left.set()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        address = Address(*server.sockets[0].getsockname())
        host = MqttHost(
            Settings(address, "twilio", "callbox"),
            desk.outbox, desk.store, desk, desk.read, desk.spawn,
        )  # fmt: skip
        running = asyncio.create_task(host.run())
        async with asyncio.timeout(PATIENCE / 3):
            await came.wait()
            await host.stop()
            await running
            await left.wait()


@pytest.mark.parametrize("info", [b"[" * 100_000, b"[1]", b"\xff", b'{"instance": 1'])
async def test_what_another_program_says_of_itself_holds_no_request_up(
    place: OnMosquitto, desk: Desk, info: bytes
) -> None:
    async with Serving(place, desk) as host:
        assert isinstance(host, MqttHost)
        assert host._connection is not None
        signals = [message("bridge/info", info), message("txt", request("1", DARLA, "Fire"))]
        host._take(host._connection, signals)
        await until(lambda: desk.outbox.counters.accepted, "the request is kept")
    assert await bodies(desk) == ["Fire"]


async def test_a_request_that_comes_right_after_another_gateway_s_name_is_left_to_it(
    place: OnMosquitto, desk: Desk
) -> None:
    async with Serving(place, desk) as host:
        assert isinstance(host, MqttHost)
        assert host._connection is not None
        requests = [message("txt", request(body, DARLA, body)) for body in ("ours", "theirs")]
        info = message("bridge/info", {"instance": "another", "host": "there"})
        news = [requests[0], info, message("bridge/state", b"online"), requests[1]]
        host._take(host._connection, news)
        await until(lambda: desk.outbox.counters.accepted, "the first is kept")
        await until(lambda: not desk.tasks, "nothing is under way")
    assert await bodies(desk) == ["ours"]


def message(topic: str, document: Any) -> MQTTMessage:  # noqa: ANN401 - bytes, or what JSON says
    """Give what paho hands over."""
    came = MQTTMessage(0, f"twilio/{topic}".encode())
    came.payload = document if isinstance(document, bytes) else json.dumps(document).encode()
    return came
