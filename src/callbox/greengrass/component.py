"""The gateway as a component of AWS IoT Greengrass V2: one process, started by the nucleus.

A change of the configuration, or of the token in its secret, closes the gateway and opens it anew
in the same process; the subscriptions stay, and what comes meanwhile waits in memory.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callbox.domain.outcome import Pause
from callbox.errors import CallboxError, HostError
from callbox.greengrass.configuration import Setup, setup_of
from callbox.greengrass.secret import read_token
from callbox.hosts.ipc import Nucleus
from callbox.service import Gateway

log = logging.getLogger(__name__)

STOPPED, LOST = 0, 1  # exit codes

_QUIET = 0.3  # seconds without a change before the configuration is read
_LOOK = 1.0  # seconds between looks at whether Twilio refuses the login
_LONGEST_LOOK = 60.0
_FIRST_SECRET = 30.0  # seconds that a first start waits for the secret
_BEFORE_EXIT = 5.0  # seconds; the nucleus gives up on what ends three times in a row at once


@dataclass(slots=True)
class Component:
    """Serves until `stop`. `attend` is called with each gateway, and goes on beside it."""

    nucleus: Nucleus
    environ: Mapping[str, str]
    folder: Path
    attend: Callable[[Gateway], Coroutine[Any, Any, None]]
    _token: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    _concern: str | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self) -> None:
        """Have `run` end in order."""
        self._stopping.set()

    async def run(self) -> int:
        """Serve, and give the exit code. Raises CallboxError if it cannot begin to."""
        await self.nucleus.watch(self._changed.set)
        served, setup = None, await self._first()
        while setup is not None:
            try:
                served, setup = setup, await self._serve(setup)
            except CallboxError as fault:
                if served is None or served == setup:
                    raise
                self._worry(str(fault))
                setup = served
        if not self.nucleus.lost.is_set():
            return STOPPED
        log.error("The connection to the nucleus is lost: ending, to be started again by it")
        await self._unless_stopped(asyncio.sleep(_BEFORE_EXIT))
        return LOST

    # configuration

    async def _first(self) -> Setup | None:
        """Read the first configuration, with the token if it can be had; None if it is to stop.

        A first start that never gets the token fails, and its deployment with it. Later ones go
        without until they get it: what is asked for meanwhile is kept.
        """
        setup = await self._read()
        if setup.secret is None:
            return setup
        first = not setup.config.store.path.exists()
        deadline = _now() + _FIRST_SECRET
        while not self._over:
            try:
                return await self._with_token(setup, refresh=False)
            except CallboxError as fault:
                if not first or _now() >= deadline:
                    self._worry(str(fault))
                    if first:
                        raise
                    return setup
            await self._unless_stopped(asyncio.sleep(_LOOK))
        return None

    async def _read(self) -> Setup:
        document = await self.nucleus.configuration()
        return setup_of(document, self.environ, self.folder, self._token)

    async def _with_token(self, setup: Setup, *, refresh: bool) -> Setup:
        """Give a setup with the token that its secret has now. Raises CallboxError."""
        if setup.secret is None:
            return setup
        self._token = await self._fetch(setup.secret, refresh=refresh)
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
            log.warning("%s", warning)
        return token

    async def _secret(self, name: str, *, refresh: bool) -> str | bytes:
        """Read a secret; the core's copy will do where AWS cannot be asked."""
        if refresh:
            try:
                return await self.nucleus.secret(name, refresh=True)
            except HostError:
                log.info("The secret is read from the core's copy: AWS could not be asked")
        return await self.nucleus.secret(name, refresh=False)

    # serving

    async def _serve(self, setup: Setup) -> Setup | None:
        """Run a gateway; give what the next one is to be, None for none."""
        gateway = Gateway(setup.config, nucleus=self.nucleus, broker=setup.broker)
        try:
            await gateway.open()
            gateway.concern = self._concern
            running = asyncio.create_task(gateway.run())
            following = asyncio.create_task(self._next(setup, gateway))
            beside = asyncio.create_task(self.attend(gateway))
            await asyncio.wait({running, following}, return_when=asyncio.FIRST_COMPLETED)
            await gateway.stop()
            await running
            beside.cancel()
            following.cancel()
            return following.result() if following.done() else None
        finally:
            await gateway.close()

    async def _next(self, setup: Setup, gateway: Gateway) -> Setup | None:
        """Wait for something else to serve with; None at the end of the connection or of all."""
        delay = _LOOK
        while not self._over:
            await self._unless_stopped(_either(self._changed.wait(), asyncio.sleep(delay)))
            if self._changed.is_set():
                found = await self._attempt(self._reread(setup), gateway)
            elif setup.secret and self._refused(gateway):
                delay = min(_LONGEST_LOOK, delay * 2)
                found = await self._attempt(self._with_token(setup, refresh=True), gateway)
            else:
                delay, found = _LOOK, None
            if found is not None and found != setup:
                log.info("The configuration or the token has changed: opening anew")
                return found
        return None

    def _refused(self, gateway: Gateway) -> bool:
        return self._concern is not None or gateway.outbox.pace.paused is Pause.ACCOUNT

    async def _reread(self, setup: Setup) -> Setup:
        while self._changed.is_set():
            self._changed.clear()
            await asyncio.sleep(_QUIET)
        found = await self._read()
        if found.secret in {None, setup.secret}:
            return found
        return await self._with_token(found, refresh=False)

    async def _attempt(self, reading: Awaitable[Setup], gateway: Gateway) -> Setup | None:
        """Read what is to be next; a fault is told, and what there is stays."""
        try:
            found = await reading
        except CallboxError as fault:
            self._worry(str(fault))
            gateway.concern = self._concern
            return None
        self._concern = gateway.concern = None
        return found

    def _worry(self, concern: str) -> None:
        if concern != self._concern:
            log.error("Not taken: %s", concern)
        self._concern = concern

    @property
    def _over(self) -> bool:
        return self._stopping.is_set() or self.nucleus.lost.is_set()

    async def _unless_stopped(self, waiting: Coroutine[Any, Any, Any]) -> None:
        """Wait, but no longer than until there is nothing more to serve."""
        await _either(waiting, self._stopping.wait(), self.nucleus.lost.wait())


async def _either(*waiting: Coroutine[Any, Any, Any]) -> None:
    """Wait for the first of several."""
    tasks = [asyncio.create_task(each) for each in waiting]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def _now() -> float:
    return asyncio.get_running_loop().time()
