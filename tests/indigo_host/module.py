"""The `indigo` module that a plugin finds as a global and may import."""
# ruff: noqa: ANN401, N802, N803 - the platform's names and types

import sys
from datetime import datetime
from types import ModuleType, SimpleNamespace
from typing import Any

from indigo_host import base, utils
from indigo_host.objects import (
    ActionGroup,
    Collection,
    Device,
    DeviceCommands,
    GroupCommands,
    Trigger,
    TriggerCommands,
    Variable,
    VariableCommands,
)
from indigo_host.records import LogEntry
from indigo_host.values import Dict, List, plain

_IMAGES = """
    Auto NoImage Error PowerOff PowerOn SensorOff SensorOn SensorTripped DimmerOff DimmerOn
    BatteryCharger BatteryChargerOn BatteryLevel BatteryLevel25 BatteryLevel50 BatteryLevel75
    BatteryLevelHigh BatteryLevelLow EnergyMeterOff EnergyMeterOn FanOff FanLow FanMedium FanHigh
    AvPaused AvPlaying AvStopped DoorSensorClosed DoorSensorOpened HumiditySensor HumiditySensorOn
    LightSensor LightSensorOn Locked Unlocked MotionSensor MotionSensorTripped TemperatureSensor
    TemperatureSensorOn TimerOff TimerOn WindowSensorClosed WindowSensorOpened
"""
KINDS = {
    "devices": Device,
    "triggers": Trigger,
    "variables": Variable,
    "actionGroups": ActionGroup,
}


class OtherPlugin:
    """What indigo.server.getPlugin gives."""

    def __init__(self, host: Any, facts: dict[str, Any]) -> None:
        self._host = host
        self._facts = facts
        self.pluginId: str = facts["id"]
        self.pluginDisplayName: str = facts["name"]
        self.pluginVersion: str = facts["version"]

    def isInstalled(self) -> bool:
        """Whether there is such a plugin."""
        return bool(self._facts["installed"])

    def isEnabled(self) -> bool:
        """Whether it is switched on."""
        return bool(self._facts["enabled"])

    def isRunning(self) -> bool:
        """Whether it runs."""
        return bool(self._facts["running"])

    def executeAction(
        self,
        actionId: str,
        deviceId: int = 0,
        props: Any = None,
        waitUntilDone: bool = True,
    ) -> Any:
        """Run one of its actions."""
        args = (self.pluginId, actionId, deviceId, plain(props or {}), waitUntilDone)
        return self._host.convert(self._host.ask("execute_action", *args))


class Server:
    """indigo.server."""

    def __init__(self, host: Any) -> None:
        self._host = host
        self.version: str = host.welcome.server_version
        self.apiVersion: str = host.welcome.api_version
        self.connectionGood = True

    def log(
        self,
        message: str,
        type: str | None = None,  # noqa: A002
        isError: bool = False,
        level: int | None = None,
    ) -> None:
        """Write a line into the Event Log."""
        self._host.ask("log", str(message), type, isError, level)

    def error(self, message: str) -> None:
        """Write an error line into the Event Log."""
        self._host.ask("log", str(message), None, True, None)

    def getEventLogList(
        self,
        returnAsList: bool = False,
        lineCount: int = 1500,
        showTimeStamp: bool = True,
    ) -> Any:
        """Give the last lines, oldest first: dicts, or one text."""
        entries: list[LogEntry] = self._host.ask("event_log", lineCount)
        if returnAsList:
            return [entry.as_dict() for entry in entries]
        lines = [f"{entry.type_str}\t{entry.message}\n" for entry in entries]
        if showTimeStamp:
            lines = [
                f"{e.time:%Y-%m-%d %H:%M:%S}\t{line}"
                for e, line in zip(entries, lines, strict=True)
            ]
        return "".join(lines)

    def getTime(self) -> datetime:
        """Give the local time, naive."""
        return datetime.now()  # noqa: DTZ005

    def getInstallFolderPath(self) -> str:
        """Give the folder of Preferences, Logs and Plugins."""
        return str(self._host.welcome.install_folder)

    def getReflectorURL(self) -> Any:
        """Give the base address through the reflector."""
        return self._host.ask("reflector_url")

    def getWebServerURL(self) -> str:
        """Give the base address of the web server in the house."""
        return str(self._host.ask("web_server_url"))

    def getPlugin(self, pluginId: str) -> OtherPlugin:
        """Give a plugin, installed or not."""
        return OtherPlugin(self._host, self._host.ask("plugin", pluginId))

    def savePluginPrefs(self) -> None:
        """Write the preferences to disk now."""
        self._host.save_prefs()

    def broadcastToSubscribers(self, messageName: str, arg: Any = None) -> None:
        """Tell other plugins."""
        self._host.ask("broadcast", messageName, plain(arg))

    def subscribeToBroadcast(self, pluginId: str, messageName: str, methodName: str) -> None:
        """Have a method called with what another plugin broadcasts."""
        self._host.subscriptions[pluginId, messageName] = methodName

    def stopPlugin(self, message: str = "", isError: bool = True) -> None:
        """End this plugin."""
        self._host.ask("stop_plugin", message, isError, False)

    def restartPlugin(self, message: str = "", isError: bool = False) -> None:
        """End this plugin and start it again."""
        self._host.ask("stop_plugin", message, isError, True)


def build(host: Any) -> ModuleType:
    """Make the module and put it where imports find it."""
    base.install()
    base.PluginBase._host = host
    indigo = ModuleType("indigo")
    tables = {name: Collection(host, name, kind) for name, kind in KINDS.items()}
    vars(indigo).update(
        tables,
        Dict=Dict,
        List=List,
        Device=Device,
        Trigger=Trigger,
        Variable=Variable,
        ActionGroup=ActionGroup,
        PluginBase=base.PluginBase,
        server=Server(host),
        device=DeviceCommands(host),
        trigger=TriggerCommands(host),
        variable=VariableCommands(host),
        actionGroup=GroupCommands(host),
        acquireCallbackCompleteHandler=host.acquire_handler,
        kStateImageSel=SimpleNamespace(**{name: name for name in _IMAGES.split()}),
        utils=utils,
        activePlugin=None,
    )
    sys.modules["indigo"] = indigo
    return indigo
