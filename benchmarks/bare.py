"""The bare pipeline: paho in, three commits, the official SDK, one status out. Nothing else.

No document is checked, nothing is looked up, retried or remembered: what is left is the floor.
Run by `python -m benchmarks.bare callbox.yaml`.
"""

import asyncio
import json
import sqlite3
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from twilio.rest import Client as Twilio

from benchmarks.process import python
from callbox.twilio.transport import Transport

BARE_PIPELINE = python("benchmarks.bare")

_INSERT = "INSERT INTO t (id, body) VALUES (?, ?)"
_ATTEMPT = "UPDATE t SET state = 1 WHERE id = ?"
_DONE = "UPDATE t SET state = 2, sid = ? WHERE id = ?"
_AT_ONCE = 100


class Committer:
    """Statements in, group commits out."""

    def __init__(self, path: str, loop: asyncio.AbstractEventLoop) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("CREATE TABLE t (id TEXT PRIMARY KEY, body, state, sid)")
        self._loop = loop
        self._jobs: list[tuple[str, Sequence[object], asyncio.Future[None]]] = []
        self._wake = threading.Condition()
        threading.Thread(target=self._run, daemon=True).start()

    def write(self, sql: str, *values: object) -> asyncio.Future[None]:
        """Have a statement committed."""
        future = self._loop.create_future()
        with self._wake:
            self._jobs.append((sql, values, future))
            self._wake.notify()
        return future

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._jobs)
                jobs, self._jobs = self._jobs, []
            self._db.execute("BEGIN IMMEDIATE")
            for sql, values, _ in jobs:
                self._db.execute(sql, values)
            self._db.execute("COMMIT")
            self._loop.call_soon_threadsafe(_settle, [future for _, _, future in jobs])


def _settle(futures: Sequence[asyncio.Future[None]]) -> None:
    for future in futures:
        future.set_result(None)


class Pipeline:
    """One message after the other, as many at once as there are slots."""

    def __init__(self, config: dict[str, Any], folder: Path) -> None:
        self._loop = asyncio.get_running_loop()
        self._store = Committer(str(folder / "bare.sqlite3"), self._loop)
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._mqtt = _mqtt(config["mqtt"]["url"], self._take)
        self._sender = config["twilio"]["default_from_number"]
        self._twilio = _twilio(config["twilio"])

    def _take(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._loop.call_soon_threadsafe(self._begin, message)

    def _begin(self, message: MQTTMessage) -> None:
        task = asyncio.create_task(self._serve(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, message: MQTTMessage) -> None:
        document = json.loads(message.payload)
        request_id, recipient = document["id"], document["request"]["recipient"]
        await self._store.write(_INSERT, request_id, message.payload)
        self._mqtt.ack(message.mid, 1)
        await self._store.write(_ATTEMPT, request_id)
        async with self._slots:
            created = await self._twilio.messages.create_async(
                to=recipient["phone_number"], from_=self._sender, body=recipient["message"]
            )
        await self._store.write(_DONE, created.sid, request_id)
        status = {"id": request_id, "response": {"status": created.status}}
        self._mqtt.publish("twilio/message/status", json.dumps(status), 1)


def _mqtt(url: str, take: Any) -> Client:  # noqa: ANN401 - paho's callback
    client = Client(CallbackAPIVersion.VERSION2, "bare", clean_session=False, manual_ack=True)
    client.max_inflight_messages_set(0)
    client.on_message = take
    client.connect("127.0.0.1", int(url.rpartition(":")[2]))
    client.subscribe("twilio/txt", 1)
    client.loop_start()
    client.publish("twilio/bridge/state", "online", 1, retain=True)
    return client


def _twilio(config: dict[str, Any]) -> Twilio:
    transport = Transport(connect_timeout=10, read_timeout=40, most=_AT_ONCE)
    client = Twilio(config["account_sid"], config["auth_token"], http_client=transport)
    client.api.base_url = config["base_url"]
    return client


async def _serve(config: dict[str, Any], folder: Path) -> None:
    pipeline = Pipeline(config, folder)
    await asyncio.Event().wait()
    del pipeline


if __name__ == "__main__":
    place = Path(sys.argv[1])
    asyncio.run(_serve(yaml.safe_load(place.read_text()), place.parent))
