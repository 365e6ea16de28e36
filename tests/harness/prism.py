"""Prism between a client and a server: it holds both against a description, and changes nothing.

Prism says what was wrong in a header of the answer; who asks may not look at that, so a recorder
stands before it.
"""

import asyncio
import copy
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl

from aiohttp import ClientSession, ClientTimeout, web
from yarl import URL

from harness import npm
from harness.description import FORM, METHODS, Description
from harness.ports import free_port, listens
from harness.waiting import until

PACKAGES = {"@stoplight/prism-cli": "5.14.2"}
HEADER = "sl-violations"
BY_HOP = {"host", "connection", "content-length", "transfer-encoding", "content-encoding", "date"}
Violation = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """One request and its answer, as Prism found them."""

    operation: str
    status: int
    violations: tuple[Violation, ...]

    def against(self, side: str) -> list[str]:
        """Say what was wrong with the `request` or the `response`."""
        return [
            f"{self.operation} {self.status}: {'.'.join(map(str, each['location']))} "
            f"{each['message']}"
            for each in self.violations
            if each["location"][:1] == [side]
        ]


def _counts(violation: Violation, bodies: dict[str, Any]) -> bool:
    """Tell whether it is more than a relative link or an empty URL where a URI is described.

    Twilio gives and takes those, and has them in the examples of the same description.
    """
    side, way = violation["location"][0], violation["location"][2:]
    if violation.get("code") != "format" or not way:
        return True
    value = bodies[side]
    for step in way:
        value = value[int(step)] if isinstance(value, list) else value[step]
    field = str(way[-1])
    return value != "" and not (field == "uri" or field.endswith("_uri"))


class Prism:
    """Use it as `async with`; ask `url` instead of the server."""

    def __init__(self, api: Description, server: str, folder: Path) -> None:
        self.api = api
        self.seen: list[Seen] = []
        self.excused = 0
        """How often it was said of a link that it is relative: answers are looked at."""
        self.url = ""
        self._server = server
        self._folder = folder
        self._port = free_port()
        self._exits = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        description = self._folder / "description.json"
        description.write_text(json.dumps(_with_repeated_fields(self.api)))
        argv = [npm.program("prism"), "proxy", "-h", "127.0.0.1", "-p", str(self._port)]
        log = self._exits.enter_context((self._folder / "prism.log").open("wb"))
        process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
            [*argv, str(description), self._server], stdout=log, stderr=log, start_new_session=True
        )
        self._exits.callback(_end, process)
        await until(lambda: listens(self._port), "Prism listens")
        patience = ClientTimeout(total=60)
        self._wire = await self._exits.enter_async_context(
            ClientSession(timeout=patience, auto_decompress=False)
        )
        recorder = web.Server(self._forward, access_log=None)
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(recorder, "127.0.0.1", 0)
        self._exits.push_async_callback(recorder.shutdown, 0.1)
        self._exits.callback(listener.close)
        self.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    async def _forward(self, request: web.BaseRequest) -> web.Response:
        url = URL(f"http://127.0.0.1:{self._port}{request.raw_path}", encoded=True)
        headers = [
            (name, value) for name, value in request.headers.items() if name.lower() not in BY_HOP
        ]
        body = await request.read()
        async with self._wire.request(request.method, url, headers=headers, data=body) as answer:
            said = await answer.read()
            bodies = {
                "request": dict(parse_qsl(body.decode(), keep_blank_values=True)),
                "response": json.loads(said or b"{}"),
            }
            told = json.loads(answer.headers.get(HEADER, "[]"))
            wrong = tuple(each for each in told if _counts(each, bodies))
            self.excused += len(told) - len(wrong)
            operation = self._operation(request.method, request.raw_path)
            self.seen.append(Seen(operation, answer.status, wrong))
            passed = {
                name: value
                for name, value in answer.headers.items()
                if name.lower() not in {*BY_HOP, HEADER}
            }
            return web.Response(status=answer.status, body=said, headers=passed)

    def _operation(self, method: str, raw_path: str) -> str:
        path = self.api.place(raw_path.partition("?")[0])
        return str(self.api.spec["paths"][path][method.lower()]["operationId"])

    async def check(self) -> None:
        """See that it looks: AssertionError if it says nothing of a request without a sender."""
        url = f"{self.url}/2010-04-01/Accounts/AC{'0' * 32}/Calls.json"
        headers = {"Authorization": "Basic eDp4"}
        async with self._wire.post(url, data={"To": "+15551234567"}, headers=headers) as answer:
            await answer.read()
        assert self.seen.pop().against("request"), "Prism says nothing of what is plainly wrong"

    def wrong(self, side: str) -> Iterator[str]:
        """Say what was wrong with all requests, or all answers."""
        for each in self.seen:
            yield from each.against(side)


def _with_repeated_fields(api: Description) -> dict[str, Any]:
    """Say of the fields that are lists how forms write them: one by one, under the same name.

    The description leaves it out, and Prism would ask for something else.
    """
    spec = copy.deepcopy(api.spec)
    for item in spec["paths"].values():
        for method in METHODS:
            body = item.get(method, {}).get("requestBody", {}).get("content", {}).get(FORM)
            for name, schema in (body or {}).get("schema", {}).get("properties", {}).items():
                if schema.get("type") == "array":
                    style = {"style": "form", "explode": True}
                    body.setdefault("encoding", {})[name] = style
    return spec


def _end(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(10)
