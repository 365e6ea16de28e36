"""Phones of people: tests with them read like sentences.

    await phone("+12065550100").texts("status?")
    await phone("+12065550100").expects("All is well.")

They speak to a simulator in this process or in another one, over its control API. A text that
nobody expected fails the test, whoever's phone it came to.
"""

import re
import time
from asyncio import sleep
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientSession

from callbox.simulator import Simulator
from harness.waiting import PATIENCE

Texted = dict[str, Any]
_LOOK = 0.005


class Phone:
    """One phone; `to` is a number of ours, the first one unless named."""

    def __init__(self, phones: "Phones", number: str) -> None:
        self._phones = phones
        self.number = number

    async def texts(self, body: str, to: str | None = None, **options: Any) -> Texted:  # noqa: ANN401 - callbox.simulator.telephony.text.Text
        """Send a text; give its Message, with the last webhook request as `webhook`."""
        document = await self._send("texts", to, {"body": body, **options})
        message: Texted = document["message"]
        return {**message, "webhook": document["webhook"]}

    async def calls(self, to: str | None = None, **options: Any) -> Texted:  # noqa: ANN401 - callbox.simulator.telephony.ring.Ring
        """Call; give the Call, with its `transcript`."""
        document = await self._send("calls", to, options)
        call: Texted = document["call"]
        return {**call, "transcript": document["transcript"]}

    async def _send(self, kind: str, to: str | None, more: dict[str, Any]) -> Texted:
        asked = {"from": self.number, **({"to": to} if to else {}), **more}
        return await self._phones.ask("POST", kind, asked)

    async def expects(
        self,
        body: str | None = None,
        *,
        matching: str | None = None,
        containing: str | None = None,
        within: float = PATIENCE,
    ) -> Texted:
        """Wait for a text with this body, or one that fits; it is expected then."""
        fits, words = _wish(body, matching, containing)
        deadline = time.monotonic() + within
        while time.monotonic() <= deadline:
            for text in await self.unexpected():
                if fits(text["body"]):
                    self._phones.expected.add(text["sid"])
                    return text
            await sleep(_LOOK)
        got = [text["body"] for text in await self.unexpected()]
        raise AssertionError(f"{self.number} got no text {words} within {within:g} s, but {got}")

    async def unexpected(self) -> list[Texted]:
        """Give the texts that came and that nobody has expected yet, oldest first."""
        return await self._phones.unexpected(self.number)


def _wish(
    body: str | None, matching: str | None, containing: str | None
) -> tuple[Callable[[str], bool], str]:
    if body is not None:
        return body.__eq__, repr(body)
    if matching is not None:
        pattern = re.compile(matching, re.DOTALL)
        return lambda text: pattern.fullmatch(text) is not None, f"matching {matching!r}"
    if containing is not None:
        return lambda text: containing in text, f"containing {containing!r}"
    return lambda _text: True, "at all"


class Phones:
    """`phone("+1...")`: everybody's phones at one simulator."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session
        self.expected: set[str] = set()
        """SIDs of the texts that somebody waited for."""

    def __call__(self, number: str) -> Phone:
        return Phone(self, number)

    async def ask(self, method: str, what: str, asked: Any = None) -> Texted:  # noqa: ANN401 - whatever JSON can hold
        """Ask the simulator's control API; AssertionError with its sentence if it refuses."""
        async with self._session.request(method, f"/_simulator/{what}", json=asked) as answer:
            document: Texted = await answer.json()
            assert answer.ok, document["error"]
            return document

    async def unexpected(self, number: str = "") -> list[Texted]:
        """Give the texts that came to one phone, or to any, and that nobody has expected yet."""
        query = f"?to={number.replace('+', '%2B')}" if number else ""
        got = (await self.ask("GET", f"texts{query}"))["texts"]
        return [text for text in got if text["sid"] not in self.expected]

    async def check(self) -> None:
        """See that nothing came that nobody expected."""
        left = [f"{text['to']}: {text['body']!r}" for text in await self.unexpected()]
        assert not left, f"Nobody expected the text to {', nor that to '.join(left)}"


@asynccontextmanager
async def phones(simulator: Simulator | str) -> AsyncIterator[Phones]:
    """Give phones at a simulator or at its URL; at the end every text must have been expected."""
    url = simulator if isinstance(simulator, str) else simulator.url
    async with ClientSession(url) as session:
        found = Phones(session)
        yield found
        await found.check()
