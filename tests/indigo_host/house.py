"""What is in the house: the database, what happens in it, and its Event Log."""
# ruff: noqa: ANN401 - what crosses to a plugin has any type

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from indigo_host.bundle import Bundle
from indigo_host.database import Database, copied
from indigo_host.quirks import Quirks
from indigo_host.records import (
    ERROR,
    INFO,
    WARNING,
    Broadcast,
    DeviceRecord,
    Execution,
    GroupExecution,
    GroupRecord,
    LogEntry,
    Step,
    TriggerRecord,
    VariableRecord,
)
from indigo_host.values import state_value

T = TypeVar("T")


class House(ABC):
    """All but the plugin: what users create and change, and what is noted for tests to read."""

    def __init__(self, bundle: Bundle, db: Database, quirks: Quirks) -> None:
        self.bundle = bundle
        self.db = db
        self.quirks = quirks
        self.event_log = db.kept_lines() if quirks.log_survives else []
        self.uncaught: list[str] = []
        self.executed: list[Execution] = []
        self.executed_groups: list[GroupExecution] = []
        self.broadcasts: list[Broadcast] = []
        self.sleeps: list[float] = []
        self._waiters: set[asyncio.Future[None]] = set()

    @abstractmethod
    def post(self, table: str, what: str, records: tuple[Any, ...]) -> None:
        """Tell the plugin of a change to a device or trigger of its own."""

    @abstractmethod
    def run_step(self, step: Step, event_data: dict[str, Any] | None) -> None:
        """Run an action of a trigger or action group, without waiting for it."""

    @abstractmethod
    async def settle(self) -> None:
        """Wait until the callback thread has done all that is in its queue."""

    # Devices
    async def create_device(
        self,
        type_id: str,
        name: str,
        props: dict[str, Any] | None = None,
        *,
        enabled: bool = True,
        configured: bool = True,
        states: dict[str, str] | None = None,
        plugin_id: str = "",
    ) -> int:
        """Create a device and give its id; `states` (id -> ValueType) if not Devices.xml's."""
        device = DeviceRecord(
            self.db.new_id(),
            self.db.free_name("devices", name),
            plugin_id or self.bundle.id,
            type_id,
            dict(props or {}),
            enabled=enabled,
            configured=configured,
            address=str((props or {}).get("address", "")),
        )
        if device.plugin_id == self.bundle.id or states is not None:
            self.take_states(device, states)
        self.db.devices[device.id] = device
        self.db.save()
        self._tell("devices", "Created", device)
        await self.settle()
        return device.id

    def take_states(self, device: DeviceRecord, states: dict[str, str] | None = None) -> None:
        """Give a device the states of its type, old values kept."""
        kind = self.bundle.devices.get(device.type_id)
        device.types = dict(states if states is not None else kind.states if kind else {})
        device.display_state = kind.display_state if kind else ""
        old = device.states
        fresh = {"String": "", "Boolean": "false"}
        device.states = {
            key: old.get(key, state_value(each, fresh.get(each, 0)))
            for key, each in device.types.items()
        }

    def device_changed(self, before: DeviceRecord, device: DeviceRecord) -> None:
        """Tell the plugin of a change."""
        if before != device:
            self._tell("devices", "Updated", before, device)

    # Triggers, variables, action groups
    async def create_trigger(
        self,
        type_id: str,
        name: str,
        props: dict[str, Any] | None = None,
        *,
        enabled: bool = True,
        suppress_logging: bool = False,
        condition: bool = True,
        steps: list[Step] | None = None,
    ) -> int:
        """Create a trigger on an event of the plugin and give its id."""
        trigger = TriggerRecord(
            self.db.new_id(),
            self.db.free_name("triggers", name),
            self.bundle.id,
            type_id,
            dict(props or {}),
            enabled,
            suppress_logging=suppress_logging,
            condition=condition,
            steps=steps or [],
        )
        self.db.triggers[trigger.id] = trigger
        self.db.save()
        self._tell("triggers", "Created", trigger)
        await self.settle()
        return trigger.id

    def create_variable(self, name: str, value: str = "") -> int:
        """Create a variable and give its id."""
        variable = VariableRecord(self.db.new_id(), self.db.free_name("variables", name), value)
        self.db.variables[variable.id] = variable
        self.db.save()
        self.changed()
        return variable.id

    def create_group(self, name: str, steps: list[Step] | None = None) -> int:
        """Create an action group and give its id."""
        group = GroupRecord(self.db.new_id(), self.db.free_name("actionGroups", name), steps or [])
        self.db.groups[group.id] = group
        self.db.save()
        self.changed()
        return group.id

    async def set_props(self, key: int, props: dict[str, Any]) -> None:
        """Store the properties of a device or trigger, as its dialog does on Save."""
        self.replace_props(self._table(key), key, props)
        await self.settle()

    async def enable(self, key: int, *, on: bool = True) -> None:
        """Switch a device or a trigger on or off."""
        self.switch(self._table(key), key, on=on)
        await self.settle()

    async def delete(self, key: int) -> None:
        """Delete a device, trigger, variable or action group."""
        self.remove(self._table(key), key)
        await self.settle()

    def _table(self, key: int) -> str:
        return next(name for name, table in self.db.tables.items() if key in table)

    def replace_props(self, table: str, key: int, props: dict[str, Any]) -> None:
        """Replace properties and tell the plugin."""
        record = self.db.find(table, key)
        before = copied(record)
        record.props = dict(props)
        if isinstance(record, DeviceRecord):
            record.address = str(props.get("address", ""))
        self.db.save()
        if record != before:
            self._tell(table, "Updated", before, record)

    def switch(self, table: str, key: int, *, on: bool) -> None:
        """Switch on or off and tell the plugin."""
        record = self.db.find(table, key)
        before = copied(record)
        record.enabled = on
        self.db.save()
        if record != before:
            self._tell(table, "Updated", before, record)

    def remove(self, table: str, key: int) -> None:
        """Delete and tell the plugin."""
        record = self.db.tables[table].pop(key)
        self.db.save()
        if isinstance(record, (DeviceRecord, TriggerRecord)):
            self._tell(table, "Deleted", record)
        self.changed()

    def _tell(self, table: str, what: str, *records: Any) -> None:
        if records[-1].plugin_id == self.bundle.id:
            self.post(table, what, records)
        self.changed()

    def execute_trigger(
        self,
        key: int | str,
        *,
        ignore_conditions: bool = False,
        event_data: dict[str, Any] | None = None,
    ) -> None:
        """Run a trigger; ValueError if it is off, KeyError if it is gone."""
        trigger: TriggerRecord = self.db.find("triggers", key)
        if not trigger.enabled:
            raise ValueError(f'trigger "{trigger.name}" is disabled')
        if not trigger.condition and not ignore_conditions:
            return
        states = {device.id: dict(device.states) for device in self.db.devices.values()}
        if not (trigger.suppress_logging or self.quirks.suppress_trigger_lines):
            self.write_log(trigger.name, "Trigger")
        self.executed.append(Execution(trigger.id, trigger.name, states, event_data))
        self._run(trigger.steps, event_data)

    def execute_group(self, key: int | str, event_data: dict[str, Any] | None = None) -> None:
        """Run an action group; KeyError if it is gone."""
        group: GroupRecord = self.db.find("actionGroups", key)
        self.write_log(group.name, "Action Group")
        self.executed_groups.append(GroupExecution(group.id, group.name, event_data))
        self._run(group.steps, event_data)

    def _run(self, steps: list[Step], event_data: dict[str, Any] | None) -> None:
        for step in steps:
            self.run_step(step, event_data)
        self.changed()

    # The log
    def write_log(
        self,
        message: str,
        kind: str | None = None,
        *,
        error: bool = False,
        level: int | None = None,
    ) -> None:
        """Write into the Event Log; `kind` None is the plugin's name and the level."""
        value, word = INFO, ""
        if error or (level or 0) >= 40:
            value, word = ERROR, " Error"
        elif level == 30:
            value, word = WARNING, " Warning"
        elif level is not None and level <= 10:
            word = " Debug"
        name = self.bundle.display_name + word if kind is None else kind
        now = datetime.now()  # noqa: DTZ005 - Indigo's are local and naive
        self.event_log.append(LogEntry(now, name, value, message))
        if self.quirks.log_survives:
            self.db.keep_line(self.event_log[-1])
        self.changed()

    def lines(self, *words: str) -> list[str]:
        """Give the messages of the Event Log that have all of the words."""
        return [e.message for e in self.event_log if all(word in e.message for word in words)]

    def errors(self) -> list[str]:
        """Give the error messages of the Event Log."""
        return [entry.message for entry in self.event_log if entry.type_val == ERROR]

    def take_uncaught(self, where: str, trace: str) -> None:
        """Note what a callback did not catch."""
        self.uncaught.append(trace)
        self.write_log(f"Error in plugin execution {where}:\n\n{trace}", error=True)

    def take_broadcast(self, name: str, data: Any) -> None:
        """Note what the plugin tells its subscribers."""
        self.broadcasts.append(Broadcast(name, data))
        self.changed()

    # Looking
    def device(self, name: str) -> int:
        """Give a device's id."""
        return int(self.db.find("devices", name).id)

    def trigger(self, name: str) -> int:
        """Give a trigger's id."""
        return int(self.db.find("triggers", name).id)

    def states(self, device: int) -> dict[str, Any]:
        """Give a device's states."""
        return dict(self.db.devices[device].states)

    async def until(self, condition: Callable[[], T | None], timeout: float = 30.0) -> T:  # noqa: ASYNC109
        """Wait until a condition on this server is true and give its value; AssertionError."""
        deadline = time.monotonic() + timeout
        while not (found := condition()):
            left = deadline - time.monotonic()
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await asyncio.wait_for(waiter, left)
            except TimeoutError:
                tail = "\n".join(entry.message for entry in self.event_log[-20:])
                raise AssertionError(f"Not within {timeout:g} s; the Event Log:\n{tail}") from None
            finally:
                self._waiters.discard(waiter)
        return found

    def changed(self) -> None:
        """Wake whoever waits for a change."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
