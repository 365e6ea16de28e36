"""The control socket of the gateway that holds the store, or of one that holds it just for now."""

import contextlib
import logging
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession, UnixConnector

from callbox.config import Config
from callbox.errors import CallboxError, StoreError
from callbox.service import Gateway
from callbox.store.lock import Holder, Lock

_NEWEST = 1000  # no longer list is given


class NotPossible(CallboxError):  # noqa: N818 - reads as the sentence it is
    """The gateway refuses: there is no such delivery, or it is too late."""


class Control:
    """The things that a person asks of the queue. All raise NotPossible with a sentence."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session

    async def listing(self, state: str | None, most: int) -> list[dict[str, Any]]:
        """Give deliveries, newest first."""
        wanted = {"most": str(most)} | ({"state": state} if state else {})
        answer = await self._ask("GET", "", wanted)
        return list(answer["deliveries"])

    async def show(self, delivery: str) -> dict[str, Any]:
        """Give everything about one delivery."""
        return await self._ask("GET", f"/{delivery}")

    async def show_all(self, wanted: str) -> list[dict[str, Any]]:
        """Give everything about one delivery, or about each of a request."""
        try:
            return [await self.show(wanted)]
        except NotPossible:
            listed = await self.listing(None, _NEWEST)
            found = [each for each in listed if each["id"] == wanted]
        if not found:
            raise NotPossible(
                f"No delivery has this id, and of the newest {_NEWEST} none is of a request with it"
            )
        return found

    async def cancel(self, delivery: str) -> None:
        """Withdraw one that is queued."""
        await self._ask("POST", f"/{delivery}/cancel")

    async def retry(self, delivery: str) -> str:
        """Send one again that ended without success; gives the new one's id."""
        return str((await self._ask("POST", f"/{delivery}/retry"))["delivery_id"])

    async def _ask(
        self, method: str, path: str, wanted: dict[str, str] | None = None
    ) -> dict[str, Any]:
        url = f"http://gateway/api/v1/deliveries{path}"
        try:
            async with self._session.request(method, url, params=wanted) as response:
                answer: dict[str, Any] = await response.json()
        except (ClientError, TimeoutError, ValueError) as error:
            raise NotPossible(f"The gateway does not answer ({type(error).__name__})") from error
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise NotPossible(str(answer["error"]))
        return answer


@contextlib.asynccontextmanager
async def control(config: Config) -> AsyncIterator[Control]:
    """Reach the running gateway; where none runs, take the store as one that sends nothing."""
    path = config.store.path
    async with contextlib.AsyncExitStack() as exits:
        holder = _holder(path)
        if holder is None:
            await _stand_in(config, exits)
            holder = _holder(path)
        if holder is None or holder.control is None:
            raise StoreError(f"The store {path} is held by a program that takes no commands")
        connector = UnixConnector(holder.control)
        session = await exits.enter_async_context(ClientSession(connector=connector))
        yield Control(session)


def _holder(path: Path) -> Holder | None:
    try:
        return Lock(path).held()
    except OSError as error:
        raise StoreError(
            f"The store {path} cannot be looked at ({error.strerror}): be the user that the "
            "gateway runs as"
        ) from error


async def _stand_in(config: Config, exits: contextlib.AsyncExitStack) -> None:
    """Open the store with everything that serves the control socket, and nothing else."""
    if not config.store.path.exists():
        raise StoreError(
            f"There is no store at {config.store.path}: nothing was ever requested, or store.url "
            "names another file"
        )
    logging.disable(logging.WARNING)
    mqtt = config.mqtt.model_copy(update={"url": "mqtt://127.0.0.1"})
    http = config.http.model_copy(update={"port": 0})
    gateway = Gateway(config.model_copy(update={"mqtt": mqtt, "http": http}))
    exits.push_async_callback(gateway.close)
    await gateway.open()
    gateway.outbox.stop()
