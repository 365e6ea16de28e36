"""A broker in this process, so that nothing else need be installed: amqtt, MQTT 3.1.1.

It acknowledges from memory: what it took and had not handed on is gone when the process dies.
"""

import asyncio
import contextlib
import hmac
import os
from dataclasses import dataclass
from typing import Any

from amqtt.broker import Broker
from amqtt.errors import AMQTTError, BrokerError
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session

from callbox.errors import HostError

_CLOSE_SECONDS = 1.0


class Login(BaseAuthPlugin):  # type: ignore[misc]  # amqtt has no type marker
    """Lets in whoever knows the one user name and password."""

    @dataclass
    class Config:
        """What amqtt fills in."""

        username: str
        password: str

    async def authenticate(self, *, session: Session) -> bool:
        """Compare in constant time."""
        given = f"{session.username}\0{session.password}"
        wanted = f"{self.config.username}\0{self.config.password}"
        return hmac.compare_digest(given.encode(), wanted.encode())


class EmbeddedBroker:
    """Serves until `stop`. Without a user name anybody on the machine may connect."""

    def __init__(self, host: str, port: int, username: str | None, password: str | None) -> None:
        self.host = host
        self.port = port
        anonymous = "amqtt.plugins.authentication.AnonymousAuthPlugin"
        plugins: dict[str, Any] = {anonymous: {"allow_anonymous": True}}
        if username is not None:
            plugins = {f"{__name__}.Login": {"username": username, "password": password or ""}}
        listener = {"type": "tcp", "bind": f"{host}:{port}"}
        self._broker = Broker({"listeners": {"default": listener}, "plugins": plugins})

    async def start(self) -> None:
        """Listen. Raises HostError if the port is taken."""
        try:
            await self._broker.start()
        except (OSError, AMQTTError, BrokerError) as error:
            raise HostError(
                f"The embedded broker cannot listen on {self.host}:{self.port} ({_cause(error)}): "
                "set mqtt.url to a free port, or to the broker that has this one"
            ) from error

    async def stop(self) -> None:
        """Close every connection.

        That of a client that never says who it is stays; from Python 3.12 on amqtt waits for it.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._broker.shutdown()


def _cause(error: Exception) -> str:
    """Give what the system said, which amqtt wraps twice."""
    number = getattr(error.__cause__, "errno", None) or getattr(error, "errno", None)
    return os.strerror(number) if number else str(error)
