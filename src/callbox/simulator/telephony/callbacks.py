"""Status callbacks: every later status of a message, the chosen ones of a call."""

from asyncio import Task
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from callbox.simulator.records.call import Call
from callbox.simulator.records.message import Message
from callbox.simulator.records.switchboard import Switchboard
from callbox.simulator.records.timeline import Timeline
from callbox.simulator.records.webhook import Webhook
from callbox.simulator.telephony.call_form import progress
from callbox.simulator.telephony.chores import Chores
from callbox.simulator.telephony.proxy import Proxy
from callbox.simulator.telephony.text_form import Form, status_changed

EVENTS = {"initiated": "initiated", "ringing": "ringing", "in-progress": "answered"}
"""Which event a call's status is; any other is its end."""
USUAL_EVENTS = frozenset({"completed"})
AFTER = 0.001
"""Seconds by which a callback follows its status, so that whoever asks then finds it."""


class Step(NamedTuple):
    """One callback: so many seconds after the creation."""

    seconds: float
    form: Form


@dataclass(slots=True)
class Told:
    """What a call was called back for so far."""

    forms: list[Form] = field(default_factory=list)
    last: Task[None] | None = None


class Callbacks:
    """Calls back for what was created, in order, unless told otherwise."""

    def __init__(self, board: Switchboard, proxy: Proxy, chores: Chores) -> None:
        self.manner = board.settings.callbacks
        self._told: dict[str, Told] = {}
        """Of the calls that are lived through now, by SID."""
        self._proxy = proxy
        self._chores = chores
        self._clock, self._pause = board.clock, board.pause

    def begin(self, record: Message | Call) -> None:
        """Call back for something that was created, until it is ended before its time."""
        if not record.status_callback:
            return
        if isinstance(record, Call) and record.lived:
            self._queue(record, "initiated")
        else:
            self._chores.begin(self._tell(record, self._steps(record)))

    def reach(self, call: Call) -> None:
        """Call back for what a call that is lived through has come to."""
        if call.status_callback:
            self._queue(call, call.timeline.statuses[-1])

    def end(self, record: Message | Call) -> None:
        """Call back for what was ended, before its time or as it happened."""
        if not (record.status_callback and record.ended):
            return
        if isinstance(record, Call) and record.lived:
            self._queue(record, record.ended)
        else:
            self._chores.begin(self._tell(record, self._last(record, record.ended), last=True))

    def _queue(self, call: Call, status: str) -> None:
        """Call back for a status, after what was called back for the call before."""
        told = self._told.setdefault(call.sid, Told())
        if EVENTS.get(status, "completed") in _wanted(call):
            told.forms.append(progress(call, status, len(told.forms), self._clock()))
            if not self.manner.reverse:
                told.last = self._chores.begin(self._follow(call, told.last, told.forms[-1:]))
        if call.ended:
            del self._told[call.sid]
            if self.manner.reverse:
                self._chores.begin(self._follow(call, None, told.forms[::-1]))

    async def _follow(self, call: Call, before: Task[None] | None, forms: list[Form]) -> None:
        if before is not None:
            await before
        await self._pause(self.manner.delay + AFTER)
        for form in forms:
            await self._send(call, form)

    def _steps(self, record: Message | Call) -> list[Step]:
        if isinstance(record, Call):
            return list(self._call_steps(record))
        return [
            Step(due, status_changed(record, status, self._clock() + due))
            for status, due in _later(record.timeline)
        ]

    def _call_steps(self, call: Call) -> Iterator[Step]:
        wanted = _wanted(call)
        chosen = [
            (due, status)
            for status, due in (("initiated", 0.0), *_later(call.timeline))
            if EVENTS.get(status, "completed") in wanted
        ]
        for sequence, (seconds, status) in enumerate(chosen):
            yield Step(seconds, progress(call, status, sequence, self._clock() + seconds))

    def _last(self, record: Message | Call, status: str) -> list[Step]:
        if isinstance(record, Message):
            return [Step(0.0, status_changed(record, status, self._clock()))]
        wanted = _wanted(record)
        known = ("initiated", *record.timeline.statuses[1:])
        reached = [name for name in known if record.reached(name, self._clock()) is not None]
        before = sum(EVENTS.get(name) in wanted for name in reached) + ("initiated" in wanted)
        return [Step(0.0, progress(record, status, before, self._clock()))] * (
            "completed" in wanted
        )

    async def _tell(self, record: Message | Call, steps: list[Step], last: bool = False) -> None:
        created, manner = self._pause.mark(), self.manner
        if manner.reverse and steps:
            steps = [step._replace(seconds=steps[-1].seconds) for step in reversed(steps)]
        for step in steps:
            await self._pause.since(created, step.seconds + manner.delay + AFTER)
            if last or not record.ended:
                await self._send(record, step.form)

    async def _send(self, record: Message | Call, form: Form) -> None:
        if self.manner.drop:
            return
        voice = isinstance(record, Call)
        method = record.status_callback_method if isinstance(record, Call) else "POST"
        hook = Webhook(record.status_callback or "", method)
        for _ in range(self.manner.copies):
            await self._proxy.call(hook, form, voice=voice)


def _later(timeline: Timeline) -> Iterator[tuple[str, float]]:
    """Yield each status but the first, and the seconds until it comes."""
    return islice(zip(timeline.statuses, timeline.instants, strict=True), 1, None)


def _wanted(call: Call) -> frozenset[str]:
    return frozenset(call.status_callback_event) or USUAL_EVENTS
