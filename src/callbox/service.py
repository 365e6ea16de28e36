"""The composition root: a `Config` becomes a running gateway. Only this file chooses adapters."""

import asyncio
import contextlib
import logging
import os
import resource
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Any

from callbox import __version__, wiring
from callbox.clock import SystemClock
from callbox.config import Config
from callbox.domain.notification import Kind
from callbox.errors import StoreUnavailable
from callbox.hosts import indigo
from callbox.hosts.greengrass import GreengrassHost
from callbox.hosts.http import HttpHost
from callbox.hosts.indigo import Home, IndigoHost
from callbox.hosts.ipc import Nucleus, Way
from callbox.hosts.mqtt import MqttHost
from callbox.inbox import Inbox
from callbox.intake import Asked, Intake
from callbox.outbox import Outbox
from callbox.ports import INDIGO, MQTT, Clock, Event, Figures, Refusal, Submission
from callbox.rounds import Rounds
from callbox.store.sqlite import SqliteStore
from callbox.troubles import Source, Troubles
from callbox.twilio.account import Finding, Inquiry
from callbox.twilio.lists import TwilioLists
from callbox.twilio.refusals import Reason
from callbox.twilio.webhooks import Webhooks
from callbox.wire import JsonDocuments, iso_time, read_request, readable_id

log = logging.getLogger(__name__)

_GRACE_SECONDS = 5.0
_LOOK_SECONDS = 1.0
_HEALTH_SECONDS = 30.0
_PURGE_SECONDS = 600.0


class Gateway:
    """One gateway. `open` it, `run` it until `stop`; `close` at the end whatever happened.

    `home`: an Indigo server that is told what happens. `nucleus`: one of AWS IoT Greengrass that
    requests come from and events go to. Without a `broker` nothing comes by MQTT.
    `clock`: the machine's, unless a rehearsal brings a faster one.
    """

    def __init__(
        self,
        config: Config,
        *,
        takeover: bool = False,
        home: Home | None = None,
        nucleus: Nucleus | None = None,
        broker: bool = True,
        clock: Clock | None = None,
    ) -> None:
        self.config = config
        self._takeover = takeover
        self._home = home
        self._nucleus = nucleus
        self._broker = broker
        self._clock = clock or SystemClock()
        self._began = self._clock.monotonic()
        self._started_at = iso_time(self._clock.now())
        self._tasks: set[asyncio.Task[bool]] = set()
        self._exits = contextlib.AsyncExitStack()
        self.online = asyncio.Event()
        self.concern: str | None = None  # of whoever runs it, for health

    async def open(self) -> None:
        """Take the store and everything else that can fail. Raises CallboxError with a sentence."""
        config = self.config
        control = wiring.control_path(config.store.path)
        documents = JsonDocuments()
        self.store = await SqliteStore.open(
            config.store.path,
            documents,
            wiring.limits_of(config),
            str(control),
            self._audience(),
        )
        self._exits.push_async_callback(self.store.close)
        transport = wiring.transport_of(config, self._clock.now)
        self._exits.push_async_callback(transport.close)
        self.provider = wiring.provider_of(config, transport)
        self._build_sending(documents)
        self._build_receiving(documents, TwilioLists(self.provider.client, transport))
        self.troubles = Troubles(self._sources())
        await self._learn()
        await self._open_http(control)
        if self._broker and config.mqtt.embedded:
            await self._open_broker()
        if self.greengrass is not None:
            await self.greengrass.open()

    async def _learn(self) -> None:
        """Take up what the last run left; a full disk, which may take for ever, is told."""
        learning = asyncio.create_task(self._take_up())
        try:
            while not learning.done():
                await asyncio.wait({learning}, timeout=_LOOK_SECONDS)
                self.troubles.look(self._clock.monotonic())
            learning.result()
        finally:
            learning.cancel()

    async def _take_up(self) -> None:
        await self.outbox.open()
        await self.inbox.open()
        await self.rounds.open()

    def _audience(self) -> dict[str, Callable[[Event], bool]]:
        """Give who tells which events."""
        audience: dict[str, Callable[[Event], bool]] = {}
        if self._broker:
            audience[MQTT] = lambda _event: True
        if self._home is not None:
            audience[INDIGO] = indigo.wants
        if self._nucleus is not None:
            routes = wiring.routes_of(self.config)
            audience |= {way: routes.wants(way) for way in Way}
        return audience

    def _build_sending(self, documents: JsonDocuments) -> None:
        config = self.config
        self.intake = Intake(wiring.terms_of(config), self._clock)
        self.outbox = Outbox(
            self.store,
            self.provider,
            documents,
            self._clock,
            wiring.rules_of(config),
            wiring.pace_of(config),
            self._wake_hosts,
            self.spawn,
            self._stir,
        )
        self.mqtt = self._mqtt() if self._broker else None
        self.indigo = None if self._home is None else self._indigo(self._home)
        self.greengrass = None if self._nucleus is None else self._greengrass(self._nucleus)

    def _mqtt(self) -> MqttHost:
        return MqttHost(
            wiring.mqtt_of(self.config, self.store.instance, takeover=self._takeover),
            self.outbox,
            self.store,
            self,
            self.read,
            self.spawn,
            self.online.set,
        )

    def _indigo(self, home: Home) -> IndigoHost:
        return IndigoHost(self.store, home, self._attempt, self.online.set)

    def _greengrass(self, nucleus: Nucleus) -> GreengrassHost:
        return GreengrassHost(
            wiring.routes_of(self.config),
            nucleus,
            self.outbox,
            self.store,
            self,
            self.read,
            self._attempt,
            self.spawn,
            self.online.set,
        )

    @property
    def _hosts(self) -> list[MqttHost | IndigoHost | GreengrassHost]:
        return [host for host in (self.mqtt, self.indigo, self.greengrass) if host is not None]

    def _build_receiving(self, documents: JsonDocuments, lists: TwilioLists) -> None:
        config = self.config
        self.inbox = Inbox(
            self.store,
            documents,
            self._clock,
            config.rulebook(),
            self.intake,
            self.outbox.consent,
            wiring.names_of(config),
            wiring.habits_of(config),
            self._received,
            self.outbox.wake,
        )
        self.rounds = Rounds(
            self.store,
            lists,
            self.inbox,
            self.outbox,
            self._clock,
            wiring.plan_of(config),
            self._attempt,
            lambda: self.mqtt.serves if self.mqtt and len(self._hosts) == 1 else True,
        )
        self.webhooks = Webhooks(
            wiring.door_of(config),
            self.inbox,
            self.outbox.hear,
            self.check_messages,
            self.store.instance,
            wiring.answering_of(config),
        )

    def _sources(self) -> dict[str, Source]:
        """Give who may be in trouble, by what the log calls it."""
        mqtt, home, greengrass = self.mqtt, self.indigo, self.greengrass
        of_hosts: dict[str, Source] = {}
        if mqtt is not None:
            of_hosts["Broker"] = lambda: mqtt.trouble or mqtt.publisher.refusal
            of_hosts["Events"] = lambda: mqtt.publisher.trouble
        if home is not None:
            of_hosts["Indigo"] = lambda: home.trouble
        if greengrass is not None:
            of_hosts["Greengrass"] = lambda: greengrass.trouble
        return {
            "Configuration": lambda: self.concern,
            "Store": lambda: self.store.trouble,
            **of_hosts,
            "Twilio": self.outbox.trouble,
            "Limits": self.outbox.limit_reached,
            "Look-ups": self.outbox.lookup_trouble,
            "Lists": self.rounds.trouble,
            "Webhooks": self.webhooks.trouble,
            "Callbacks": lambda: self.provider.callback_trouble,
            "Rules": self.inbox.trouble,
        }

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
            mounts=self.webhooks.routes(),
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
            asking = tasks.create_task(self.rounds.run())
            # In the group: when one of them fails, none goes on with a store that is closed.
            hosts = [tasks.create_task(host.run()) for host in self._hosts]
            await asyncio.wait(hosts)
            self.outbox.stop()
            asking.cancel()  # whoever waits for a look at Twilio waits no more
            await self._finish(delivering)
            for task in (watch, purge, delivering):
                task.cancel()

    async def _finish(self, delivering: "asyncio.Task[None]") -> None:
        """Give what is under way a few seconds: its last round may have begun more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_SECONDS):
                while under_way := [task for task in (delivering, *self._tasks) if not task.done()]:
                    await asyncio.wait(under_way)

    async def stop(self) -> None:
        """Have `run` end: nothing new is claimed, requests under way get a few seconds."""
        for host in self._hosts:
            await host.stop()

    async def close(self) -> None:
        """Let go of everything that `open` took."""
        for task in self._tasks:
            task.cancel()
        await self._exits.aclose()

    def _wake_hosts(self) -> None:
        for host in self._hosts:
            host.wake()

    def _stir(self) -> None:
        self.rounds.stirred()

    def _received(self) -> None:
        """Tell what came in, and look for more."""
        self._wake_hosts()
        self.rounds.stirred()

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
        return await wiring.inquiry_of(self.config, self.provider).findings()

    async def cancel(self, request_id: str) -> tuple[list[str], list[str]]:
        """See `Desk`."""
        return await self.outbox.cancel(request_id)

    def check_messages(self) -> bool:
        """See `Desk`."""
        self.rounds.check()
        return bool(self.config.numbers)

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
            "mqtt": self.mqtt and self.mqtt.figures(),
            "greengrass": self.greengrass and self.greengrass.figures(),
            "requests": {
                "accepted": counters.accepted,
                "refused": counters.refused,
                "redelivered": counters.redelivered,
                "over_limit": counters.limited,
                "cut_off_by_a_stop": counters.recovered,
                "ended_unknown": counters.unknown,
                "sent_twice": counters.doubled,
            },
            "received": asdict(self.inbox.counters),
            "webhooks": asdict(self.webhooks.counters)
            | {str(reason): self.webhooks.refusals.total[reason] for reason in Reason},
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
            listeners = [host for host in (self.mqtt, self.greengrass) if host and host.connected]
            if listeners and (changed or now >= next_health):
                health = await self.health()
                for host in listeners:
                    host.publish_retained("bridge/health", health)
                next_health = now + _HEALTH_SECONDS
            await asyncio.sleep(_LOOK_SECONDS)

    async def _purge(self) -> None:
        """Forget what is settled and older than `store.keep_for`, a little at a time."""
        while True:
            now = self._clock.now()
            kept = max(self.config.store.keep_for, self.config.delivery.dedup_window)
            forgotten = await self.store.purge(now - kept, now)
            await asyncio.sleep(_LOOK_SECONDS if forgotten else _PURGE_SECONDS)


@contextlib.asynccontextmanager
async def inquiry(config: Config) -> AsyncIterator[Inquiry]:
    """Ask Twilio about the account and its sender, without a gateway."""
    transport = wiring.transport_of(config)
    try:
        yield wiring.inquiry_of(config, wiring.provider_of(config, transport))
    finally:
        await transport.close()


def _resident_megabytes() -> float:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 2**20
    except OSError:  # no /proc on macOS: the most it ever was, in bytes there
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
