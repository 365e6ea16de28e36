"""The gateway as a component of AWS IoT Greengrass V2: one process, started by the nucleus.

A change of the configuration, or of the token in its secret, closes the gateway and opens it anew
in the same process; the subscriptions stay, and what comes meanwhile waits in memory.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from callbox.domain.outcome import Pause
from callbox.errors import CallboxError, HostError
from callbox.greengrass.configuration import Setup, setup_of
from callbox.greengrass.secret import read_token
from callbox.hosts.ipc import Nucleus
from callbox.service import Gateway

log = logging.getLogger(__name__)

T = TypeVar("T")

STOPPED, LOST = 0, 1  # exit codes

_NOT_TAKEN = "The new configuration is not taken, the old one goes on: "

_QUIET = 0.3  # seconds without a change before the configuration is read
_ASK_AGAIN = 10.0  # seconds after the nucleus could not tell the configuration
_LOOK = 1.0  # seconds between looks at whether Twilio refuses the login
_LONGEST_LOOK = 60.0
_FIRST_SECRET = 30.0  # seconds
_TO_KEEP = 3.0  # seconds
_BEFORE_EXIT = 5.0  # seconds; the nucleus gives up on what ends three times in a row at once


@dataclass(slots=True)
class Component:
    """Serves until `stop`. `attend` is called with each gateway, and goes on beside it.

    `first_secret`: the seconds that a first start waits for the secret.
    """

    nucleus: Nucleus
    environ: Mapping[str, str] = field(repr=False)
    folder: Path
    attend: Callable[[Gateway], Coroutine[Any, Any, None]]
    first_secret: float = _FIRST_SECRET
    _token: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    _no_token: str | None = None  # why the secret could not be read
    _concern: str | None = None
    _told: set[str] = field(default_factory=set)
    _unusable: Setup | None = None  # could not be opened
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self) -> None:
        """Have `run` end in order."""
        self._stopping.set()

    async def run(self) -> int:
        """Serve, and give the exit code. Raises CallboxError if it cannot begin to."""
        served, setup = None, await self._unless_over(self._first())
        while setup is not None:
            try:
                served, setup = setup, await self._serve(setup)
            except CallboxError as fault:
                if self.nucleus.lost.is_set():
                    break
                if served is None or served == setup:
                    raise
                self._worry(f"{_NOT_TAKEN}{fault}")
                self._unusable, setup = setup, served
        if self.nucleus.waiting:
            log.error(
                "%d requests are lost: they were not on disk yet when it ended",
                self.nucleus.waiting,
            )
        if self.nucleus.lost.is_set():
            log.error("The connection to the nucleus is lost: ending, to be started again by it")
            await _either(self._stopping.wait(), asyncio.sleep(_BEFORE_EXIT))
        return STOPPED if self._stopping.is_set() else LOST

    # configuration

    async def _first(self) -> Setup:
        """Read the first configuration, with the token if it can be had.

        A first start that never gets the token fails, and its deployment with it. Later ones go
        without until they get it: what is asked for meanwhile is kept.
        """
        await self.nucleus.watch(self._changed.set)
        setup = await self._read()
        first = not setup.config.store.path.exists()
        deadline = _now() + self.first_secret
        while True:
            try:
                return await self._current(None, refresh=False)
            except CallboxError as fault:
                if first and _now() >= deadline:
                    raise
                self._worry(str(fault))
                if not first:
                    return setup
            await asyncio.sleep(_LOOK)

    async def _read(self) -> Setup:
        document = await self.nucleus.configuration()
        return setup_of(document, self.environ, self.folder, self._token)

    async def _current(self, known: str | None, *, refresh: bool) -> Setup:
        """Read the configuration, and the secret unless it is the one that is `known`."""
        found = await self._read()
        if found.secret is None:
            self._no_token = None
        if found.secret is None or found.secret == known:
            return found
        try:
            self._token = await self._fetch(found.secret, refresh=refresh)
        except CallboxError as fault:
            self._no_token = str(fault)
            raise
        self._no_token = None
        return await self._read()

    async def _fetch(self, name: str, *, refresh: bool) -> str:
        try:
            value = await self._secret(name, refresh=refresh)
        except HostError as refused:
            raise HostError(
                f"The secret {name} cannot be read from the nucleus ({refused}): deploy "
                "aws.greengrass.SecretManager with it in cloudSecrets, let the device role and "
                "accessControl read it, or set twilio.auth_token_file instead (nucleus lite has "
                "no secrets)"
            ) from refused
        token, warning = read_token(name, value)
        if warning:
            self._tell_once(warning)
        return token

    def _tell_once(self, warning: str) -> None:
        if warning not in self._told:
            self._told.add(warning)
            log.warning("%s", warning)

    async def _secret(self, name: str, *, refresh: bool) -> str | bytes:
        """Read a secret; the core's copy will do where AWS cannot be asked."""
        if refresh:
            with contextlib.suppress(HostError):
                return await self.nucleus.secret(name, refresh=True)
        value = await self.nucleus.secret(name, refresh=False)
        if refresh:
            self._tell_once("The secret is read from the core's copy: AWS could not be asked")
        return value

    # serving

    async def _serve(self, setup: Setup) -> Setup | None:
        """Run a gateway; give what the next one is to be, None for none."""
        gateway = Gateway(setup.config, nucleus=self.nucleus, broker=setup.broker)
        try:
            if not await self._opened(gateway):
                return None
            gateway.concern = self._concern
            running = asyncio.create_task(gateway.run())
            await _either(gateway.online.wait(), asyncio.wait({running}))
            following = asyncio.create_task(self._unless_over(self._next(setup, gateway)))
            beside = asyncio.create_task(self.attend(gateway))
            await asyncio.wait({running, following}, return_when=asyncio.FIRST_COMPLETED)
            await gateway.stop()
            await running
            beside.cancel()
            following.cancel()
            return following.result() if following.done() else None
        finally:
            await gateway.close()

    async def _opened(self, gateway: Gateway) -> bool:
        """Open it; once there is nothing more to serve, only to keep what has come."""
        opening = asyncio.create_task(gateway.open())
        await self._unless_over(asyncio.wait({opening}))
        if self.nucleus.waiting:
            await asyncio.wait({opening}, timeout=_TO_KEEP)
        if not opening.done():
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
            return False
        opening.result()
        return bool(self.nucleus.waiting) or not self._over

    async def _next(self, setup: Setup, gateway: Gateway) -> Setup:
        """Wait for something else to serve with."""
        delay = _LOOK
        while True:
            await _either(self._changed.wait(), asyncio.sleep(delay))
            found = None
            if self._changed.is_set():
                found = await self._attempt(self._reread(setup), gateway, _NOT_TAKEN)
            elif self._no_token or _is_refused(gateway):
                delay = min(_LONGEST_LOOK, delay * 2)
                found = await self._attempt(self._current(None, refresh=True), gateway)
            else:
                delay = _LOOK
            if found is not None and found != setup:
                log.info("The configuration or the token has changed: opening anew")
                return found

    async def _reread(self, setup: Setup) -> Setup:
        while self._changed.is_set():
            self._changed.clear()
            await asyncio.sleep(_QUIET)
        self._unusable = None
        return await self._current(setup.secret, refresh=False)

    async def _attempt(
        self, reading: Awaitable[Setup], gateway: Gateway, what: str = ""
    ) -> Setup | None:
        """Read what is to be next; a fault is told, and what there is stays."""
        try:
            found = await reading
        except CallboxError as fault:
            if what and isinstance(fault, HostError):  # the nucleus may know better in a while
                asyncio.get_running_loop().call_later(_ASK_AGAIN, self._changed.set)
            self._worry(f"{what}{fault}")
            gateway.concern = self._concern
            return None
        if found == self._unusable:
            return None
        self._concern = gateway.concern = self._no_token
        return found

    def _worry(self, concern: str) -> None:
        if concern not in (self._concern or ""):
            log.error("%s", concern)
            self._concern = concern

    @property
    def _over(self) -> bool:
        return self._stopping.is_set() or self.nucleus.lost.is_set()

    async def _unless_over(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Do it, but no longer than there is something to serve: None then."""
        doing = asyncio.create_task(work)
        try:
            await _either(asyncio.wait({doing}), self._stopping.wait(), self.nucleus.lost.wait())
            return None if self._over else doing.result()
        finally:
            doing.cancel()
            await asyncio.gather(doing, return_exceptions=True)


async def _either(*waiting: Coroutine[Any, Any, Any]) -> None:
    """Wait for the first of several."""
    tasks = [asyncio.create_task(each) for each in waiting]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def _is_refused(gateway: Gateway) -> bool:
    """Tell whether Twilio refuses the login, to a request or when it is asked for texts."""
    return gateway.outbox.pace.paused is Pause.ACCOUNT or gateway.rounds.login_refused


def _now() -> float:
    return asyncio.get_running_loop().time()
