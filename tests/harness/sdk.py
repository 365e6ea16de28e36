"""The official Twilio SDK, unmodified, on a simulator whose time the test moves."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from aiohttp import ClientSession, encode_basic_auth
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client

from callbox.simulator import Simulator

ACCOUNT = "AC" + "a" * 32
MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
Ask = Callable[[Client], Any]


class Clock:
    """Time that the test moves."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.25

    def __call__(self) -> float:
        return self.now


def _url(at: Simulator | str) -> str:
    return at if isinstance(at, str) else at.url


@contextmanager
def sdk(at: Simulator | str, user: str = ACCOUNT, secret: str = "token") -> Iterator[Client]:
    """Give the SDK's client, logged in."""
    client = Client(user, secret, user if user.startswith("AC") else ACCOUNT)
    client.api.base_url = client.studio.base_url = _url(at)
    try:
        yield client
    finally:
        client.http_client.session.close()


async def ask(sim: Simulator, question: Ask, **credentials: str) -> Any:  # noqa: ANN401
    """Have the SDK, which blocks, ask beside the loop that the simulator runs on."""

    def run() -> object:
        with sdk(sim, **credentials) as client:
            return question(client)

    return await asyncio.to_thread(run)


def login(user: str = ACCOUNT, secret: str = "token") -> dict[str, str]:
    """Give the header of somebody who logs in."""
    return {"Authorization": encode_basic_auth(user, secret)}


def session(at: Simulator | str, user: str = ACCOUNT, secret: str = "token") -> ClientSession:
    """Give an HTTP client that is logged in, for what the SDK would not ask; `at` may be a URL."""
    return ClientSession(_url(at), headers=login(user, secret))


class Sdk:
    """One client of the SDK, asked in the same words whether it blocks or not."""

    def __init__(self, client: Client, *, blocks: bool) -> None:
        self.client = client
        self._blocks = blocks

    async def do(self, of: Ask, verb: str, **asked: Any) -> Any:  # noqa: ANN401 - the SDK's
        """Have a resource do something: `do(lambda c: c.messages, "create", to=...)`."""
        if self._blocks:
            return await asyncio.to_thread(lambda: getattr(of(self.client), verb)(**asked))
        return await getattr(of(self.client), f"{verb}_async")(**asked)


@asynccontextmanager
async def either(
    at: Simulator | str, *, blocks: bool = True, user: str = ACCOUNT, secret: str = "token"
) -> AsyncIterator[Sdk]:
    """Give the SDK's client, blocking or asynchronous, logged in; `at` may be a URL."""
    if blocks:
        with sdk(at, user, secret) as client:
            yield Sdk(client, blocks=True)
        return
    async with AsyncTwilioHttpClient() as wire:
        client = Client(user, secret, http_client=wire)
        client.api.base_url = _url(at)
        yield Sdk(client, blocks=False)
