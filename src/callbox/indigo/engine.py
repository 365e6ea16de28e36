"""The gateway inside the plugin: one loop, in the plugin's concurrent thread.

Indigo's callbacks hand work to it and return at once. When preferences or numbers change, the
gateway is closed and opened anew on the same loop; work that comes meanwhile waits for it.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from callbox.config import Config
from callbox.errors import CallboxError
from callbox.hosts.indigo import Home
from callbox.indigo.mistake import Mistake
from callbox.service import Gateway
from callbox.simulator import Settings, Simulator, start
from callbox.stopping import unless

log = logging.getLogger(__name__)

_QUIET = 0.3  # seconds without a change before the gateway is opened anew
_OPEN_AGAIN = 30.0  # seconds after it could not be opened
_PATIENCE = 10.0  # seconds that work waits for the gateway
_GRACE = 3.0  # seconds that work under way gets when the gateway is to close
_LONGEST_END = 6.0  # seconds that it gets to end, one more than it needs unless the disk refuses
_STOPPING = "Callbox does not run: it is being stopped"

T = TypeVar("T")
Work = Callable[[Gateway], Coroutine[Any, Any, T]]


@dataclass(frozen=True, slots=True)
class Setup:
    """What the gateway is to be. `rehearsal`: nothing is really sent, a simulator answers."""

    config: Config
    rehearsal: bool = False
    broker: bool = False


@dataclass(slots=True)
class Engine:
    """Runs a gateway for a home.

    `attend` is called with each gateway before it serves, and gives what goes on beside it.
    """

    home: Home
    attend: Callable[[Gateway], Awaitable[Coroutine[Any, Any, None]]]
    simulator: Simulator | None = None
    idle: str = "the plugin has not started yet"  # why there is no gateway; "" if one is to be
    _wanted: Setup | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _early: list[Callable[[], None]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)
    _rehearses: bool = False
    _gateway: Gateway | None = None
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    _under_way: set[asyncio.Task[Any]] = field(default_factory=set)  # those that use the gateway
    _stopping: bool = False

    # from any thread

    @property
    def stopping(self) -> bool:
        """Whether it is about to end."""
        return self._stopping

    def configure(self, setup: Setup | None, idle: str = "") -> None:
        """Have the gateway be as given, soon; None for no gateway, as `idle` says."""
        with self._lock:
            if setup == self._wanted and idle == self.idle:
                return
            self._wanted, self.idle = setup, idle
        self._do(self._hold)

    def call(self, work: Work[T]) -> "Future[T]":
        """Do something with the gateway; waits a while for one that is being opened.

        The future raises Mistake where there is none, and what the work raises.
        """
        done: Future[T] = Future()
        if self._stopping:
            done.set_exception(Mistake(_STOPPING))
        else:
            wanted = self._wanted
            rehearses = wanted is not None and wanted.rehearsal
            self._do(lambda: self._begin(work, done, rehearses=rehearses))
        return done

    def stop(self) -> None:
        """End `run`: requests under way get a few seconds, what is kept stays kept."""
        self._stopping = True
        self._do(self._end)

    def _do(self, act: Callable[[], None]) -> None:
        """Act on the loop; before there is one, as soon as it runs."""
        with self._lock:
            if self._loop is None:
                self._early.append(act)
                return
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(act)

    # in the concurrent thread

    def run(self) -> None:
        """Serve until `stop`."""
        asyncio.run(self._main())

    async def _main(self) -> None:
        """Take work while there is a loop that does it; what comes later waits for the next run."""
        self._changed, self._open, self._stopped = asyncio.Event(), asyncio.Event(), asyncio.Event()
        with self._lock:
            self._loop = asyncio.get_running_loop()
            early, self._early = self._early, []
        try:
            for act in early:
                act()
            while not self._stopping:
                self._changed.clear()
                setup = self._wanted
                if setup is None:
                    await self._changed.wait()
                else:
                    await self._serve(setup)
        finally:
            with self._lock:
                self._loop = None

    async def _serve(self, setup: Setup) -> None:
        """Run a gateway until something else is wanted."""
        async with contextlib.AsyncExitStack() as exits:
            try:
                opened = await unless(self._stopped, self._opened(setup, exits))
            except CallboxError as fault:
                self.idle = str(fault)
                log.error("Callbox does not run: %s", fault)  # noqa: TRY400 - a sentence says it
                await self._change(_OPEN_AGAIN)
                return
            if opened is None:
                return
            self._gateway, attending = opened
            self._rehearses = setup.rehearsal
            beside = asyncio.create_task(attending)
            running = asyncio.create_task(self._gateway.run())
            if not self._changed.is_set():
                self.idle = ""
                self._open.set()
            changed = asyncio.create_task(self._change())
            await asyncio.wait({running, changed}, return_when=asyncio.FIRST_COMPLETED)
            self._open.clear()
            changed.cancel()
            await self._finish(self._gateway, running, beside)

    async def _finish(
        self, gateway: Gateway, running: "asyncio.Task[None]", beside: "asyncio.Task[None]"
    ) -> None:
        """Let a gateway end what it is about, unless the disk refuses to keep it."""
        if self._under_way:
            _, left = await asyncio.wait(self._under_way, timeout=_GRACE)
            for task in left:
                task.cancel()
        beside.cancel()
        await gateway.stop()
        _, late = await asyncio.wait({running}, timeout=_LONGEST_END)
        if late:
            running.cancel()
            await asyncio.wait(late)
        else:
            await running

    async def _opened(
        self, setup: Setup, exits: contextlib.AsyncExitStack
    ) -> tuple[Gateway, Coroutine[Any, Any, None]]:
        config = setup.config
        if setup.rehearsal:
            config = await self._rehearse(config, exits)
        gateway = Gateway(config, home=self.home, broker=setup.broker)
        exits.push_async_callback(gateway.close)
        await gateway.open()
        return gateway, await self.attend(gateway)

    async def _rehearse(self, config: Config, exits: contextlib.AsyncExitStack) -> Config:
        """Put a simulator in Twilio's place."""
        numbers = config.inbound.numbers or None
        self.simulator = await start(settings=Settings(numbers=numbers))
        exits.push_async_callback(self._end_rehearsal, self.simulator)
        twilio = config.twilio.model_copy(update={"base_url": self.simulator.url})
        return config.model_copy(update={"twilio": twilio})

    async def _end_rehearsal(self, simulator: Simulator) -> None:
        self.simulator = None
        await simulator.close()

    async def _change(self, longest: float | None = None) -> None:
        """Wait until something else is wanted, and for a moment in which nothing changes more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(longest):
                await self._changed.wait()
        while self._changed.is_set() and not self._stopping:
            self._changed.clear()
            await asyncio.sleep(_QUIET)

    def _hold(self) -> None:
        """Let work wait for the next gateway."""
        self._open.clear()
        self._changed.set()

    def _end(self) -> None:
        self._hold()
        self._stopped.set()

    def _begin(self, work: Work[T], done: "Future[T]", *, rehearses: bool) -> None:
        task = asyncio.create_task(self._work(work, rehearses=rehearses))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda ended: _hand_over(ended, done))

    async def _work(self, work: Work[T], *, rehearses: bool) -> T:
        if not self.idle:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await self._open.wait()
        gateway, task = self._gateway, asyncio.current_task()
        if not self._open.is_set() or gateway is None or task is None:
            raise Mistake(f"Callbox does not run: {self.idle or 'it is being started'}")
        if rehearses is not self._rehearses:
            raise Mistake("The dry run was switched on or off meanwhile: nothing was done")
        self._under_way.add(task)
        try:
            return await work(gateway)
        finally:
            self._under_way.discard(task)


def _hand_over(ended: "asyncio.Task[T]", done: "Future[T]") -> None:
    """Give a task's end to whoever waits in another thread."""
    fault = Mistake(_STOPPING) if ended.cancelled() else ended.exception()
    if fault is None:
        done.set_result(ended.result())
    else:
        done.set_exception(fault)
