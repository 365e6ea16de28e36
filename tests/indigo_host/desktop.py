"""The dialogs of one house's plugin, opened as its owner does.

dialog = await desktop.new_device(server, "twilioNumber", "My number")
await dialog.set("twilioNumber", "+14155550123")
await dialog.ok()
number = server.device("My number")
"""

import xml.etree.ElementTree as ET
from collections.abc import Awaitable
from copy import deepcopy
from typing import Any

from indigo_host import dialogs
from indigo_host.dialogs import Dialog, Store, Subject, Values
from indigo_host.server import IndigoServer


async def _open(
    server: IndigoServer,
    ui: ET.Element | None,
    subject: Subject,
    stored: Values,
    store: Store,
) -> Dialog:
    shown = ET.Element("ConfigUI") if ui is None else ui
    return await Dialog.open(shown, subject, deepcopy(stored), server.call, store)


async def preferences(server: IndigoServer) -> Dialog:
    """Choose Configure... in the plugin's menu."""
    ui = server.bundle.config_ui
    return await _open(server, ui, dialogs.prefs(), server.prefs, server.set_prefs)


async def new_device(server: IndigoServer, type_id: str, name: str) -> Dialog:
    """Begin a new device; OK creates it."""

    def store(values: Values) -> Awaitable[int]:
        return server.create_device(type_id, name, values)

    ui = server.bundle.devices[type_id].ui
    return await _open(server, ui, dialogs.device(type_id), {}, store)


async def edit_device(server: IndigoServer, device_id: int) -> Dialog:
    """Edit a device's settings."""
    device = server.db.devices[device_id]

    def store(values: Values) -> Awaitable[None]:
        return server.set_props(device_id, values)

    ui = server.bundle.devices[device.type_id].ui
    return await _open(server, ui, dialogs.device(device.type_id, device_id), device.props, store)


async def new_trigger(server: IndigoServer, type_id: str, name: str) -> Dialog:
    """Begin a new trigger; OK creates it."""

    def store(values: Values) -> Awaitable[int]:
        return server.create_trigger(type_id, name, values)

    ui = server.bundle.events[type_id].ui
    return await _open(server, ui, dialogs.event(type_id), {}, store)


async def edit_trigger(server: IndigoServer, trigger_id: int) -> Dialog:
    """Edit a trigger's event."""
    trigger = server.db.triggers[trigger_id]

    def store(values: Values) -> Awaitable[None]:
        return server.set_props(trigger_id, values)

    ui = server.bundle.events[trigger.type_id].ui
    subject = dialogs.event(trigger.type_id, trigger_id)
    return await _open(server, ui, subject, trigger.props, store)


async def action(
    server: IndigoServer,
    action_id: str,
    device_id: int = 0,
    stored: dict[str, Any] | None = None,
) -> tuple[Dialog, Values]:
    """Edit an action's settings; OK fills the second value, to be given to run_action."""
    kept: Values = {}

    async def store(values: Values) -> None:
        kept.update(values)

    ui = server.bundle.actions[action_id].ui
    subject = dialogs.action(action_id, device_id)
    return await _open(server, ui, subject, stored or {}, store), kept


async def menu_item(server: IndigoServer, item_id: str) -> Dialog:
    """Choose a menu item that has a dialog; OK runs it."""

    async def store(_: Values) -> None:
        """Nothing of it is kept."""

    item = server.bundle.menu[item_id]
    return await _open(server, item.ui, dialogs.menu_item(item_id, item.callback), {}, store)
