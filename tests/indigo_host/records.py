"""What the server keeps: plain data that crosses to the plugin as copies."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

ERROR, WARNING, INFO = 1, 3, 8
"""TypeVal of an Event Log entry."""


@dataclass(slots=True)
class DeviceRecord:
    """A device; `types` holds the ValueType of each state it has, by the bundle of its creation."""

    id: int
    name: str
    plugin_id: str
    type_id: str
    props: dict[str, Any] = field(default_factory=dict)
    states: dict[str, Any] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    ui: dict[str, str] = field(default_factory=dict)
    enabled: bool = True
    configured: bool = True
    address: str = ""
    description: str = ""
    display_state: str = ""
    image: str = "Auto"
    error: str = ""

    @property
    def active(self) -> bool:
        """Whether its plugin is to start it."""
        return self.enabled and self.configured


@dataclass(slots=True)
class Step:
    """One plugin action of a trigger or an action group."""

    action_id: str
    device: int | None = None
    props: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class TriggerRecord:
    """A trigger on a plugin's event; `condition` is what its Conditions tab comes to."""

    id: int
    name: str
    plugin_id: str
    type_id: str
    props: dict[str, Any] = field(default_factory=dict)
    enabled: bool = True
    configured: bool = True
    suppress_logging: bool = False
    condition: bool = True
    steps: list[Step] = field(default_factory=list)

    @property
    def active(self) -> bool:
        """Whether its plugin is to start it."""
        return self.enabled and self.configured


@dataclass(slots=True)
class VariableRecord:
    """A variable; every value is a text."""

    id: int
    name: str
    value: str = ""
    read_only: bool = False


@dataclass(slots=True)
class GroupRecord:
    """An action group."""

    id: int
    name: str
    steps: list[Step] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A line of the Event Log; `time` is local and naive, as Indigo's is."""

    time: datetime
    type_str: str
    type_val: int
    message: str

    def as_dict(self) -> dict[str, Any]:
        """Give it as getEventLogList does."""
        return {
            "TimeStamp": self.time,
            "TypeStr": self.type_str,
            "TypeVal": self.type_val,
            "Message": self.message,
        }


@dataclass(frozen=True, slots=True)
class Execution:
    """A trigger that ran; `states` are all devices' states at that moment, by device id."""

    trigger_id: int
    name: str
    states: dict[int, dict[str, Any]]
    event_data: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class GroupExecution:
    """An action group that the plugin ran."""

    group_id: int
    name: str
    event_data: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Broadcast:
    """What the plugin told its subscribers."""

    name: str
    data: Any


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """An action on its way to the plugin; `web` says the reply becomes an HTTP response."""

    action_id: str
    callback: str
    props: dict[str, Any]
    device: DeviceRecord | None
    waits: bool
    event_data: dict[str, Any] | None = None
    web: bool = False


@dataclass(frozen=True, slots=True)
class Welcome:
    """What a plugin process is told first."""

    plugin_id: str
    display_name: str
    version: str
    prefs: dict[str, Any]
    folder: str
    log_folder: str
    install_folder: str
    api_version: str
    server_version: str
    quirks: Any
    speed: float
