"""What the plugin sees of the database: copies that know how to ask the server for changes."""
# ruff: noqa: ANN401, N802, N803, N815, ARG002 - the platform's names and types

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Protocol

from indigo_host.quirks import Quirks
from indigo_host.records import DeviceRecord, GroupRecord, TriggerRecord, VariableRecord
from indigo_host.values import ArgumentError, Dict, plain, wanted, wrap


class Asker(Protocol):
    """Asks the server and waits for its answer; any thread may."""

    quirks: Quirks

    def ask(self, name: str, *args: Any) -> Any:
        """Give the server's answer or raise its error."""


class Device:
    """A copy of a device as it was when it was fetched."""

    def __init__(self, host: Asker, record: DeviceRecord) -> None:
        self._host = host
        self._take(record)

    def _take(self, record: DeviceRecord) -> None:
        self._record = record
        self.id = record.id
        self.name = record.name
        self.description = record.description
        self.address = record.address
        self.enabled = record.enabled
        self.configured = record.configured
        self.pluginId = record.plugin_id
        self.deviceTypeId = record.type_id
        self.displayStateId = record.display_state
        self.displayStateImageSel = record.image
        self.errorState = record.error
        self.folderId = 0
        self.model = record.type_id
        self.lastChanged = datetime.now()  # noqa: DTZ005 - Indigo's are local and naive

    @property
    def pluginProps(self) -> Dict:
        """The plugin's properties: a copy."""
        return wrap(self._record.props)  # type: ignore[no-any-return]

    ownerProps = pluginProps

    @property
    def states(self) -> Dict:
        """The states by id: a copy."""
        return wrap(self._record.states)  # type: ignore[no-any-return]

    @property
    def displayStateValUi(self) -> str:
        """The display state's text for people."""
        state = self.displayStateId
        return self._record.ui.get(state, str(self._record.states.get(state, "")))

    def refreshFromServer(self) -> None:
        """Bring this copy up to date."""
        self._take(self._host.ask("find", "devices", self.id))

    def replaceOnServer(self) -> None:
        """Write name and description."""
        self._host.ask("replace_device", self.id, self.name, self.description)

    def replacePluginPropsOnServer(self, props: Dict) -> None:
        """Replace all of the properties."""
        self._host.ask("replace_props", "devices", self.id, plain(wanted(props, Dict)))
        self._record.props = plain(props)

    def updateStateOnServer(
        self,
        key: str,
        value: object = None,
        uiValue: str | None = None,
        decimalPlaces: int = -1,
        clearErrorState: bool = True,
        triggerEvents: bool = True,
    ) -> None:
        """Write one state."""
        change = {"key": key, "value": value, "decimalPlaces": decimalPlaces}
        if uiValue is not None:
            change["uiValue"] = uiValue
        self.updateStatesOnServer([change], clearErrorState)

    def updateStatesOnServer(self, changes: Any, clearErrorState: bool = True) -> None:
        """Write several states: a list of {key, value, uiValue?, decimalPlaces?}."""
        changes = [plain(each) for each in changes]
        for change in changes:
            if not isinstance(change["value"], (bool, int, float, str)):
                kind = type(change["value"]).__name__
                raise ArgumentError(f"a state is bool, int, float or str, not {kind}")
        after = self._host.ask("update_states", self.id, changes, clearErrorState)
        if self._host.quirks.own_copy_refreshed:
            self._record.states = after

    def setErrorStateOnServer(self, message: str | None) -> None:
        """Show an error in place of the state; None or "" clears it."""
        self._host.ask("set_error", self.id, message or "")

    def updateStateImageOnServer(self, image: str) -> None:
        """Choose the icon: one of indigo.kStateImageSel."""
        self._host.ask("set_image", self.id, image)

    def stateListOrDisplayStateIdChanged(self) -> None:
        """Have the states of this device made anew from Devices.xml."""
        self._host.ask("refresh_state_list", self.id)


class Trigger:
    """A copy of a trigger."""

    def __init__(self, host: Asker, record: TriggerRecord) -> None:
        self._host = host
        self._record = record
        self.id = record.id
        self.name = record.name
        self.enabled = record.enabled
        self.configured = record.configured
        self.pluginId = record.plugin_id
        self.pluginTypeId = record.type_id
        self.suppressLogging = record.suppress_logging
        self.folderId = 0
        self.description = ""

    @property
    def pluginProps(self) -> Dict:
        """The plugin's properties: a copy."""
        return wrap(self._record.props)  # type: ignore[no-any-return]

    def replacePluginPropsOnServer(self, props: Dict) -> None:
        """Replace all of the properties."""
        self._host.ask("replace_props", "triggers", self.id, plain(wanted(props, Dict)))
        self._record.props = plain(props)


class Variable:
    """A copy of a variable."""

    def __init__(self, host: Asker, record: VariableRecord) -> None:
        self.id = record.id
        self.name = record.name
        self.value = record.value
        self.readOnly = record.read_only
        self.folderId = 0


class ActionGroup:
    """A copy of an action group."""

    def __init__(self, host: Asker, record: GroupRecord) -> None:
        self.id = record.id
        self.name = record.name
        self.folderId = 0
        self.description = ""


class Action:
    """What an action callback is given."""

    def __init__(
        self, action_id: str, plugin_id: str, device_id: int, props: dict[str, Any]
    ) -> None:
        self.pluginTypeId = action_id
        self.pluginId = plugin_id
        self.deviceId = device_id
        self.props: Dict = wrap(props)
        self.configured = True
        self.description = ""


class Collection:
    """indigo.devices, .triggers, .variables, .actionGroups: every look is a question."""

    def __init__(self, host: Asker, table: str, kind: Any) -> None:
        self._host = host
        self._table = table
        self._kind = kind

    def __getitem__(self, key: int | str) -> Any:
        return self._kind(self._host, self._host.ask("find", self._table, key))

    def __contains__(self, key: int | str) -> bool:
        return bool(self._host.ask("has", self._table, key))

    def __len__(self) -> int:
        return len(self._host.ask("list", self._table, ""))

    def __iter__(self) -> Iterator[Any]:
        return self.iter()

    def iter(self, filter: str = "") -> Iterator[Any]:  # noqa: A002
        """Give all that match: "self", "self.typeId", "plugin.id", "plugin.id.typeId" or all."""
        records = self._host.ask("list", self._table, filter)
        return iter([self._kind(self._host, record) for record in records])

    def get(self, key: int | str, default: Any = None) -> Any:
        """Give one, or the default."""
        try:
            return self[key]
        except KeyError:
            return default

    def keys(self) -> list[int]:
        """Give the ids."""
        return [each.id for each in self]

    def values(self) -> list[Any]:
        """Give all."""
        return list(self)

    def items(self) -> list[tuple[int, Any]]:
        """Give ids and objects."""
        return [(each.id, each) for each in self]

    def getName(self, key: int) -> str:
        """Give the name of an id."""
        return str(self[key].name)


class DeviceCommands:
    """indigo.device."""

    def __init__(self, host: Asker) -> None:
        self._host = host

    def enable(self, device: "Device | int", value: bool) -> None:
        """Switch its communication on or off."""
        self._host.ask("enable", "devices", id_of(device), value)

    def delete(self, device: "Device | int") -> None:
        """Delete it."""
        self._host.ask("delete", "devices", id_of(device))


class TriggerCommands:
    """indigo.trigger."""

    def __init__(self, host: Asker) -> None:
        self._host = host

    def execute(
        self,
        trigger: "Trigger | int",
        ignoreConditions: bool = False,
        event_data: Any = None,
    ) -> None:
        """Run it, if its conditions hold."""
        self._host.ask("execute_trigger", id_of(trigger), ignoreConditions, plain(event_data))

    def enable(self, trigger: "Trigger | int", value: bool) -> None:
        """Switch it on or off."""
        self._host.ask("enable", "triggers", id_of(trigger), value)


class VariableCommands:
    """indigo.variable."""

    def __init__(self, host: Asker) -> None:
        self._host = host

    def create(self, name: str, value: str = "", folder: int = 0) -> Variable:
        """Create a variable."""
        return Variable(self._host, self._host.ask("create_variable", name, wanted_text(value)))

    def updateValue(self, variable: "Variable | int | str", value: str) -> None:
        """Write its value, a text."""
        self._host.ask("update_variable", id_of(variable), wanted_text(value))

    def delete(self, variable: "Variable | int") -> None:
        """Delete it."""
        self._host.ask("delete", "variables", id_of(variable))


class GroupCommands:
    """indigo.actionGroup."""

    def __init__(self, host: Asker) -> None:
        self._host = host

    def execute(self, group: "ActionGroup | int", event_data: Any = None) -> None:
        """Run its actions."""
        self._host.ask("execute_group", id_of(group), plain(event_data))


def id_of(element: Any) -> int | str:
    """Give the id of an object, an id or a name."""
    found = element if isinstance(element, (int, str)) else element.id
    return found if isinstance(found, str) else int(found)


def wanted_text(value: object) -> str:
    """Give a text; ArgumentError for anything else."""
    if not isinstance(value, str):
        raise ArgumentError(f"a variable's value is a str, not {type(value).__name__}")
    return value
