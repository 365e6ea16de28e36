"""The composition root: a `Config` becomes a running gateway. Only this file chooses adapters."""

import asyncio
import contextlib
import hashlib
import logging
import os
import resource
import ssl
import sys
import tempfile
from collections.abc import AsyncIterator, Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Any

from paho.mqtt.client import MQTTv5, MQTTv311

from callbox import __version__
from callbox.clock import SystemClock
from callbox.config import Config
from callbox.domain.notification import Kind
from callbox.domain.pace import Pace
from callbox.domain.policy import Rules
from callbox.errors import StoreUnavailable
from callbox.hosts.connection import Address
from callbox.hosts.http import HttpHost
from callbox.hosts.mqtt import MqttHost, Settings
from callbox.hosts.tls import tls_context
from callbox.intake import Asked, Intake, Terms
from callbox.outbox import Outbox
from callbox.ports import Figures, Limits, Refusal, Submission
from callbox.store.sqlite import SqliteStore
from callbox.troubles import Troubles
from callbox.twilio.account import Finding, Inquiry
from callbox.twilio.client import Credentials, TwilioProvider
from callbox.twilio.transport import Transport
from callbox.wire import JsonDocuments, iso_time, read_request, readable_id

log = logging.getLogger(__name__)

_LOOKUP_CONNECTIONS = 16
_GRACE_SECONDS = 5.0
_LOOK_SECONDS = 1.0
_HEALTH_SECONDS = 30.0
_PURGE_SECONDS = 600.0
_LONGEST_SOCKET_PATH = 100  # sun_path holds 104 bytes on macOS, 108 on Linux

_VERSIONS = {"auto": (MQTTv5, MQTTv311), "5": (MQTTv5,), "3.1.1": (MQTTv311,)}


class Gateway:
    """One gateway. `open` it, `run` it until `stop`; `close` at the end whatever happened."""

    def __init__(self, config: Config, *, takeover: bool = False) -> None:
        self.config = config
        self._takeover = takeover
        self._clock = SystemClock()
        self._began = self._clock.monotonic()
        self._started_at = iso_time(self._clock.now())
        self._tasks: set[asyncio.Task[bool]] = set()
        self._exits = contextlib.AsyncExitStack()
        self.online = asyncio.Event()

    async def open(self) -> None:
        """Take the store and everything else that can fail. Raises CallboxError with a sentence."""
        config = self.config
        control = _control_path(config.store.path)
        documents = JsonDocuments()
        self.store = await SqliteStore.open(
            config.store.path, documents, _limits(config), str(control)
        )
        self._exits.push_async_callback(self.store.close)
        transport = _transport(config)
        self._exits.push_async_callback(transport.close)
        self.provider = _provider(config, transport)
        self.intake = Intake(_terms(config), self._clock)
        self.outbox = Outbox(
            self.store,
            self.provider,
            documents,
            self._clock,
            Rules(config.delivery.retry_delays, config.delivery.lookup_delays),
            _pace(config),
            self._wake_publisher,
            self.spawn,
        )
        self.mqtt = MqttHost(
            _mqtt_settings(config, self.store.instance, takeover=self._takeover),
            self.outbox,
            self.store,
            self,
            self.read,
            self.spawn,
            self.online.set,
        )
        await self.outbox.open()
        await self._open_http(control)
        if config.mqtt.embedded:
            await self._open_broker()
        self.troubles = Troubles(
            {
                "Store": lambda: self.store.trouble,
                "Broker": lambda: self.mqtt.trouble or self.mqtt.publisher.refusal,
                "Twilio": self.outbox.trouble,
                "Limits": self.outbox.limit_reached,
                "Look-ups": self.outbox.lookup_trouble,
                "Events": lambda: self.mqtt.publisher.trouble,
            }
        )

    async def _open_http(self, control: Path) -> None:
        config = self.config
        token = config.http.token
        self.http = HttpHost(
            self.outbox,
            self.store,
            self.read,
            token.get_secret_value() if token else None,
            config.limits.max_document_bytes,
            config.delivery.expires_after,
        )
        self._exits.push_async_callback(self.http.stop)
        await self.http.listen_locally(control)
        self._exits.callback(control.unlink, missing_ok=True)
        if config.http.port:
            await self.http.listen(config.http.host, config.http.port)

    async def _open_broker(self) -> None:
        from callbox.hosts.embedded import EmbeddedBroker  # noqa: PLC0415 - 5 MB, rarely wanted

        mqtt = self.config.mqtt
        password = mqtt.password.get_secret_value() if mqtt.password else None
        broker = EmbeddedBroker(mqtt.host, mqtt.port, mqtt.username, password)
        await broker.start()
        self._exits.push_async_callback(broker.stop)

    async def run(self) -> None:
        """Serve until `stop`."""
        async with asyncio.TaskGroup() as tasks:
            watch = tasks.create_task(self._watch())
            purge = tasks.create_task(self._purge())
            delivering = tasks.create_task(self.outbox.run())
            await self.mqtt.run()
            self.outbox.stop()
            await asyncio.wait({delivering, *self._tasks}, timeout=_GRACE_SECONDS)
            for task in (watch, purge, delivering):
                task.cancel()

    async def stop(self) -> None:
        """Have `run` end: nothing new is claimed, requests under way get a few seconds."""
        await self.mqtt.stop()

    async def close(self) -> None:
        """Let go of everything that `open` took."""
        for task in self._tasks:
            task.cancel()
        await self._exits.aclose()

    def _wake_publisher(self) -> None:
        self.mqtt.publisher.wake()

    # units of work

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[bool]:
        """Run a unit of work; the task tells whether it came to its end."""
        task = asyncio.create_task(self._attempt(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _attempt(self, work: Coroutine[Any, Any, None]) -> bool:
        """One unit's unforeseen fault is logged and must not end the others."""
        try:
            await work
        except Exception:
            log.exception("An internal error: what was under way stays unacknowledged")
            return False
        return True

    def read(self, kind: Kind, payload: bytes, asked: Asked) -> Submission:
        """Read a request; a fault of ours while reading is a refusal too."""
        try:
            found = read_request(kind, payload, self.config.limits.max_document_bytes)
            return self.intake.prepare(found, asked)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            log.exception("An internal error while reading a request")
            request_id = readable_id(payload)
            refusal = Refusal(request_id, "InternalError", "The request could not be read")
            return self.intake.prepare(refusal, asked)

    # what is told

    async def inquire(self) -> list[Finding]:
        """Ask Twilio about the account and its sender."""
        return await _inquiry(self.config, self.provider).findings()

    async def cancel(self, request_id: str) -> tuple[list[str], list[str]]:
        """See `Desk`."""
        return await self.outbox.cancel(request_id)

    def info(self) -> dict[str, Any]:
        """See `Desk`."""
        return {
            "version": __version__,
            "instance": self.store.instance,
            "host": os.uname().nodename,
            "python": sys.version.split()[0],
            "started_at": self._started_at,
            "rehearsal": not self.config.twilio.really_twilio,
            "config": self.config.public(),
        }

    async def health(self) -> dict[str, Any]:
        """See `Desk`."""
        figures = await self._figures()
        counters, pace = self.outbox.counters, self.outbox.pace
        return {
            "at": iso_time(self._clock.now()),
            "uptime": round(self._clock.monotonic() - self._began),
            "rehearsal": not self.config.twilio.really_twilio,
            "wrong": [f"{name}: {trouble}" for name, trouble in self.troubles.now.items()],
            "queue": figures and asdict(figures),
            "in_flight": pace.in_flight,
            "paused": pace.paused,
            "mqtt": {
                "connected": self.mqtt.connected,
                "connections": self.mqtt.counters.connections,
                "sessions_lost": self.mqtt.counters.sessions_lost,
                "retained_requests": self.mqtt.counters.retained,
                "dropped_requests": self.mqtt.counters.dropped,
            },
            "requests": {
                "accepted": counters.accepted,
                "refused": counters.refused,
                "redelivered": counters.redelivered,
                "over_limit": counters.limited,
                "cut_off_by_a_stop": counters.recovered,
                "ended_unknown": counters.unknown,
            },
            "memory_mb": round(_resident_megabytes(), 1),
        }

    async def _figures(self) -> Figures | None:
        try:
            return await self.store.figures(self._clock.now())
        except StoreUnavailable:
            return None

    async def _watch(self) -> None:
        """Tell troubles as they come and go, and health every half minute."""
        next_health = 0.0
        while True:
            now = self._clock.monotonic()
            changed = self.troubles.look(now)
            if self.mqtt.connected and (changed or now >= next_health):
                self.mqtt.publish_retained("bridge/health", await self.health())
                next_health = now + _HEALTH_SECONDS
            await asyncio.sleep(_LOOK_SECONDS)

    async def _purge(self) -> None:
        """Forget what is settled and older than `store.keep_for`, a little at a time."""
        while True:
            now = self._clock.now()
            kept = max(self.config.store.keep_for, self.config.delivery.dedup_window)
            forgotten = await self.store.purge(now - kept, now)
            await asyncio.sleep(_LOOK_SECONDS if forgotten else _PURGE_SECONDS)


def _limits(config: Config) -> Limits:
    limits = config.limits
    return Limits(
        limits.per_recipient_hour, limits.per_day, limits.waiting, config.delivery.dedup_window
    )


def _transport(config: Config) -> Transport:
    twilio = config.twilio
    return Transport(
        connect_timeout=twilio.connect_timeout,
        read_timeout=twilio.read_timeout,
        most=twilio.max_concurrency + _LOOKUP_CONNECTIONS,
    )


def _provider(config: Config, transport: Transport) -> TwilioProvider:
    username, password = config.twilio.login
    credentials = Credentials(config.twilio.account_sid, username, password.get_secret_value())
    return TwilioProvider(transport, credentials, config.twilio.base_url)


@contextlib.asynccontextmanager
async def inquiry(config: Config) -> AsyncIterator[Inquiry]:
    """Ask Twilio about the account and its sender, without a gateway."""
    transport = _transport(config)
    try:
        yield _inquiry(config, _provider(config, transport))
    finally:
        await transport.close()


def _inquiry(config: Config, provider: TwilioProvider) -> Inquiry:
    twilio = config.twilio
    return Inquiry(
        provider.client,
        twilio.account_sid,
        twilio.default_from_number,
        twilio.messaging_service_sid,
    )


def _terms(config: Config) -> Terms:
    return Terms(
        config.twilio.default_from_number,
        config.twilio.messaging_service_sid,
        config.delivery.default_retries,
        config.delivery.expires_after,
        config.delivery.on_unknown,
        config.contacts.numbers,
    )


def _pace(config: Config) -> Pace:
    return Pace(
        config.twilio.max_concurrency,
        config.twilio.calls_per_second,
        config.delivery.probe_first,
        config.delivery.probe_longest,
    )


def _mqtt_settings(config: Config, instance: str, *, takeover: bool) -> Settings:
    mqtt = config.mqtt
    password = mqtt.password.get_secret_value() if mqtt.password else None
    return Settings(
        Address(mqtt.host, mqtt.port, mqtt.username, password, _tls(config)),
        mqtt.base_topic,
        mqtt.client_id or f"callbox-{instance}",
        (MQTTv311,) if mqtt.embedded else _VERSIONS[mqtt.version],
        int(mqtt.session_expiry),
        int(mqtt.keepalive),
        mqtt.window,
        takeover,
        outlives=not mqtt.embedded,
    )


def _tls(config: Config) -> ssl.SSLContext | None:
    mqtt = config.mqtt
    return tls_context(mqtt.ca, mqtt.cert, mqtt.key, mqtt.alpn) if mqtt.tls else None


def _control_path(store: Path) -> Path:
    """Give the control socket's path: beside the store, or short enough for a socket elsewhere."""
    beside = store.with_name(store.name + ".sock")
    if len(str(beside)) <= _LONGEST_SOCKET_PATH:
        return beside
    name = hashlib.sha256(str(store).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"callbox-{os.getuid()}-{name}.sock"


def _resident_megabytes() -> float:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 2**20
    except OSError:  # no /proc on macOS: the most it ever was, in bytes there
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
