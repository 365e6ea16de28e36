"""What a plugin asks of the server: one method for each question."""
# ruff: noqa: ANN401 - what crosses to a plugin has any type

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from indigo_host import substitution
from indigo_host.database import copied
from indigo_host.records import DeviceRecord, LogEntry, VariableRecord
from indigo_host.values import state_value

if TYPE_CHECKING:
    from indigo_host.server import IndigoServer


class Desk:
    """Answers for one server."""

    def __init__(self, server: "IndigoServer") -> None:
        self._server = server
        self._db = server.db

    def answer(self, name: str, args: tuple[Any, ...]) -> Any:
        """Answer a question by name; its errors are the plugin's."""
        return getattr(self, f"ask_{name}")(*args)

    # Looking things up
    def ask_find(self, table: str, key: int | str) -> Any:
        return self._db.find(table, key)

    def ask_has(self, table: str, key: int | str) -> bool:
        try:
            self._db.find(table, key)
        except KeyError:
            return False
        return True

    def ask_list(self, table: str, which: str) -> list[Any]:
        rows = [row for _, row in sorted(self._db.tables[table].items())]
        if not which:
            return rows
        own = self._server.bundle.id
        full = own + which[len("self") :] if which.partition(".")[0] == "self" else which
        return [row for row in rows if full in {row.plugin_id, f"{row.plugin_id}.{row.type_id}"}]

    def ask_plugin(self, plugin_id: str) -> dict[str, Any]:
        server = self._server
        own = plugin_id == server.bundle.id
        return {
            "id": plugin_id,
            "name": server.bundle.display_name if own else "",
            "version": server.bundle.version if own else "",
            "installed": own,
            "enabled": own and server.db.enabled,
            "running": own and server.plugin_state == "running",
        }

    def ask_reflector_url(self) -> str | None:
        return self._server.reflector_url

    def ask_web_server_url(self) -> str:
        reflector = self._server.reflector_url
        return reflector.rstrip("/") if reflector else self._server.web_url

    def ask_state_list(self, type_id: str) -> list[dict[str, str]]:
        states = self._server.bundle.devices[type_id].states
        return [{"Key": key, "Type": kind} for key, kind in states.items()]

    def ask_substitute(self, kinds: str, text: str, report: bool) -> tuple[str, list[str]]:
        faults: list[str] = []
        if "v" in kinds:
            text, found = substitution.variables(text, self._variable_text)
            faults += found
        if "d" in kinds:
            text, found = substitution.states(text, self._state_text)
            faults += found
        if report:
            for fault in faults:
                self._server.write_log(fault, None, error=True)
        return text, faults

    def _variable_text(self, key: str) -> str:
        number = int(key) if key.isdecimal() else -1
        if number not in self._db.variables:
            raise KeyError(f"variable ID {key} not found for substitution")
        return self._db.variables[number].value

    def _state_text(self, key: str, state: str) -> str:
        number = int(key) if key.isdecimal() else -1
        if number not in self._db.devices:
            raise KeyError(f"device ID {key} not found for substitution")
        device = self._db.devices[number]
        if state not in device.states:
            raise KeyError(f"device {device.name!r} has no state {state!r} for substitution")
        return str(device.states[state])

    # Devices and triggers
    def ask_update_states(
        self,
        device_id: int,
        changes: list[dict[str, Any]],
        clear_error: bool,
    ) -> dict[str, Any]:
        server, device = self._server, self._db.find("devices", device_id)
        if server.quirks.updates_of_disabled_refused and not device.active:
            server.write_log(
                f'device "{device.name}" is disabled (ignoring update request)', None, error=True
            )
            return dict(device.states)
        before = copied(device)
        for change in changes:
            self._update_state(device, **change)
        if clear_error:
            device.error = ""
        server.device_changed(before, device)
        return dict(device.states)

    def _update_state(
        self,
        device: DeviceRecord,
        key: str,
        value: Any,
        uiValue: str | None = None,  # noqa: N803 - the platform's name
        decimalPlaces: int = -1,  # noqa: N803
    ) -> None:
        if key not in device.types:
            fault = f'device "{device.name}" state key {key} not defined (ignoring update request)'
            self._server.write_log(fault, None, error=True)
            return
        try:
            stored = state_value(device.types[key], value)
        except ValueError as refused:
            fault = f'device "{device.name}" state key {key}: {refused} (ignoring update request)'
            self._server.write_log(fault, None, error=True)
            return
        if decimalPlaces >= 0 and isinstance(stored, float):
            shown = f"{stored:.{decimalPlaces}f}"
        else:
            shown = str(stored)
        device.states[key] = stored
        device.ui[key] = shown if uiValue is None else uiValue

    def ask_set_error(self, device_id: int, message: str) -> None:
        self._change(device_id, error=message)

    def ask_set_image(self, device_id: int, image: str) -> None:
        self._change(device_id, image=image)

    def ask_replace_device(self, device_id: int, name: str, description: str) -> None:
        self._change(device_id, name=name, description=description)

    def _change(self, device_id: int, **fields: Any) -> None:
        device = self._db.find("devices", device_id)
        before = copied(device)
        for field, value in fields.items():
            setattr(device, field, value)
        self._server.device_changed(before, device)

    def ask_refresh_state_list(self, device_id: int) -> None:
        device = self._db.find("devices", device_id)
        before = copied(device)
        self._server.take_states(device)
        self._server.device_changed(before, device)

    def ask_replace_props(self, table: str, key: int, props: dict[str, Any]) -> None:
        self._server.replace_props(table, key, props)

    def ask_enable(self, table: str, key: int, value: bool) -> None:
        self._server.switch(table, key, on=value)

    def ask_delete(self, table: str, key: int) -> None:
        self._server.remove(table, key)

    # Doing things
    def ask_execute_trigger(self, key: int, ignore: bool, event_data: Any) -> None:
        self._server.execute_trigger(key, ignore_conditions=ignore, event_data=event_data)

    def ask_execute_group(self, key: int, event_data: Any) -> None:
        self._server.execute_group(key, event_data=event_data)

    def ask_create_variable(self, name: str, value: str) -> VariableRecord:
        return self._db.variables[self._server.create_variable(name, value)]

    def ask_update_variable(self, key: int | str, value: str) -> None:
        variable = self._db.find("variables", key)
        if variable.read_only:
            raise ValueError(f"variable {variable.name!r} is read-only")
        variable.value = value
        self._server.changed()

    def ask_execute_action(
        self,
        plugin_id: str,
        action_id: str,
        device_id: int,
        props: dict[str, Any],
        wait: bool,
    ) -> Awaitable[Any]:
        if plugin_id != self._server.bundle.id:
            raise ValueError(f"plugin {plugin_id} is not installed")
        return self._server.run_action(action_id, device=device_id or None, props=props, wait=wait)

    def ask_broadcast(self, name: str, data: Any) -> None:
        self._server.take_broadcast(name, data)

    def ask_stop_plugin(self, message: str, is_error: bool, again: bool) -> None:
        if message:
            self._server.write_log(message, None, error=is_error)
        self._server.stop_soon(again=again)

    # Preferences and the log
    def ask_save_prefs(self, prefs: dict[str, Any]) -> None:
        self._db.write_prefs(self._server.bundle.id, prefs)
        self._server.changed()

    def ask_log(self, message: str, kind: str | None, error: bool, level: int | None) -> None:
        self._server.write_log(message, kind, error=error, level=level)

    def ask_event_log(self, count: int) -> list[LogEntry]:
        if not self._server.quirks.log_readable:
            raise RuntimeError("getEventLogList: not available")
        return self._server.event_log[-min(count, self._server.quirks.log_buffer) :]

    def ask_uncaught(self, where: str, trace: str) -> None:
        self._server.take_uncaught(where, trace)

    def ask_thread_ended(self, trace: str) -> None:
        self._server.take_uncaught("runConcurrentThread", trace)
