"""What a plugin bundle's files say, read as the server reads them."""

import plistlib
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ActionType:
    """An action of Actions.xml; `name` is what the user sees."""

    id: str
    name: str
    callback: str
    device_filter: str
    ui: ET.Element | None


@dataclass(frozen=True, slots=True)
class DeviceType:
    """A device type of Devices.xml; `states` gives the ValueType by state id."""

    id: str
    name: str
    states: dict[str, str]
    display_state: str
    ui: ET.Element | None


@dataclass(frozen=True, slots=True)
class EventType:
    """An event of Events.xml."""

    id: str
    name: str
    ui: ET.Element | None


@dataclass(frozen=True, slots=True)
class MenuType:
    """A line of the plugin's menu."""

    id: str
    name: str
    callback: str
    ui: ET.Element | None


def _text(element: ET.Element, name: str) -> str:
    return (element.findtext(name) or "").strip()


class Bundle:
    """A `X.indigoPlugin` folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.server_plugin = self.folder / "Contents" / "Server Plugin"
        info = plistlib.loads((self.folder / "Contents" / "Info.plist").read_bytes())
        self.id: str = info["CFBundleIdentifier"]
        self.display_name: str = info["CFBundleDisplayName"]
        self.version: str = info["PluginVersion"]
        self.api_version: str = info["ServerApiVersion"]

    def _children(self, file: str, tag: str) -> list[ET.Element]:
        path = self.server_plugin / file
        return ET.parse(path).getroot().findall(tag) if path.exists() else []

    @cached_property
    def actions(self) -> dict[str, ActionType]:
        """Actions by id, without separators."""
        return {
            each.attrib["id"]: ActionType(
                each.attrib["id"],
                _text(each, "Name"),
                _text(each, "CallbackMethod"),
                each.get("deviceFilter", ""),
                each.find("ConfigUI"),
            )
            for each in self._children("Actions.xml", "Action")
            if each.find("CallbackMethod") is not None
        }

    @cached_property
    def devices(self) -> dict[str, DeviceType]:
        """Device types by id."""
        return {
            each.attrib["id"]: DeviceType(
                each.attrib["id"],
                _text(each, "Name"),
                {state.attrib["id"]: _value_type(state) for state in each.findall("States/State")},
                _text(each, "UiDisplayStateId"),
                each.find("ConfigUI"),
            )
            for each in self._children("Devices.xml", "Device")
        }

    @cached_property
    def events(self) -> dict[str, EventType]:
        """Events by id, without separators."""
        return {
            each.attrib["id"]: EventType(
                each.attrib["id"],
                _text(each, "Name"),
                each.find("ConfigUI"),
            )
            for each in self._children("Events.xml", "Event")
            if each.find("Name") is not None
        }

    @cached_property
    def menu(self) -> dict[str, MenuType]:
        """Menu lines by id, without separators."""
        return {
            each.attrib["id"]: MenuType(
                each.attrib["id"],
                _text(each, "Name"),
                _text(each, "CallbackMethod"),
                each.find("ConfigUI"),
            )
            for each in self._children("MenuItems.xml", "MenuItem")
            if each.get("type") != "separator"
        }

    @cached_property
    def config_ui(self) -> ET.Element | None:
        """The root of PluginConfig.xml."""
        path = self.server_plugin / "PluginConfig.xml"
        return ET.parse(path).getroot() if path.exists() else None


def _value_type(state: ET.Element) -> str:
    kind = state.find("ValueType")
    if kind is None:
        return "String"
    return "String" if kind.find("List") is not None else (kind.text or "String").strip()
