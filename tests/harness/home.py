"""A home: an Indigo server with the plugin as it is shipped, and Twilio, ended in good order.

home.indigo     the server, see indigo_host/server.py
home.simulator  Twilio
"""

import importlib.util
import sqlite3
import sys
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import pytest

from callbox.simulator import Settings, Simulator, start
from harness.gateway import ACCOUNT
from harness.waiting import until
from indigo_host import desktop
from indigo_host.dialogs import Dialog
from indigo_host.quirks import Quirks
from indigo_host.server import IndigoServer

ROOT = Path(__file__).parents[2]
REFLECTOR = "https://myhouse.indigodomo.net"
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
OURS, OTHER, DARLA, JOE = "+15550001111", "+15550001112", "+12345000000", "+12345000001"
ANY = "ANYDEVICE"

PREFS: dict[str, Any] = {
    "accountSID": ACCOUNT,
    "authToken": AUTH_TOKEN,
    "pollFrequency": "10",
    "logLevel": "20",
    "maxAge": "60",
}
"""A new installation's preferences."""

OLD_PREFS: dict[str, Any] = {
    "accountSID": ACCOUNT,
    "authToken": AUTH_TOKEN,
    "pollFrequency": "10",
    "logLevel": "20",
    "lastMessageStamp": "2026-10-01 08:00:00",
}
"""What the Twilio plugin has left."""


def bundle_script() -> ModuleType:
    """Give scripts/indigo_bundle.py, which builds the plugin."""
    name = "indigo_bundle"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


class Home:
    """Use it as `async with`; the plugin runs from then on, unless `started` is False."""

    def __init__(
        self,
        folder: Path,
        *,
        prefs: dict[str, Any] | None = None,
        quirks: Quirks | None = None,
        settings: Settings | None = None,
        started: bool = True,
    ) -> None:
        self.folder = folder
        self._prefs = PREFS if prefs is None else prefs
        self._quirks = quirks
        self._settings = settings or Settings(numbers=(OURS, OTHER))
        self._started = started
        self._exits = AsyncExitStack()

    async def __aenter__(self) -> Self:
        settings = replace(self._settings, account_sid=ACCOUNT, auth_token=AUTH_TOKEN)
        self.simulator: Simulator = await self._exits.enter_async_context(
            await start(settings=settings)
        )
        patch = pytest.MonkeyPatch()
        patch.setenv("CALLBOX_TWILIO__BASE_URL", self.simulator.url)
        self._exits.callback(patch.undo)
        bundle = bundle_script().stage(self.folder / "bundle")
        self._bundle: Path = bundle
        await self.begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.indigo.stop()
        await self._exits.aclose()

    async def begin(self) -> None:
        """Start the server on what is in its folder; Twilio reaches it through the reflector."""
        self.indigo = IndigoServer(
            self.folder / "home",
            self._bundle,
            prefs=self._prefs,
            quirks=self._quirks,
            reflector_url=REFLECTOR,
        )
        if self._started:
            await self.indigo.start()
            self.simulator.tunnels[REFLECTOR] = self.indigo.web_url

    async def restart(self, *, power_cut: bool = False) -> None:
        """Stop server and plugin, in order or not, and start both again."""
        await self.indigo.stop(power_cut=power_cut)
        await self.begin()

    def rows(self, sql: str) -> list[Any]:
        """Read the plugin's database; nothing while there is none."""
        plugin = self.indigo.bundle.id
        store = self.indigo.db.prefs_file(plugin).parent / plugin / "callbox.sqlite"
        try:
            with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
                return db.execute(sql).fetchall()
        except sqlite3.OperationalError:
            return []

    async def known(self, *numbers: str) -> None:
        """Wait until these numbers' lists were read once: what is listed from then on is new."""

        def read() -> bool:
            return {row[0] for row in self.rows("SELECT number FROM mailbox")} >= set(numbers)

        await until(read, "the lists were read")

    # what the owner does

    async def number(self, number: str = OURS, name: str = "Our number", **props: Any) -> int:  # noqa: ANN401
        """Create a number device in its dialog."""
        return await self.device("twilioNumber", name, twilioNumber=number, **props)

    async def contact(self, number: str = DARLA, name: str = "Darla", **props: Any) -> int:  # noqa: ANN401
        """Create a contact in its dialog."""
        return await self.device("twilioContact", name, contactNumber=number, **props)

    async def device(self, type_id: str, name: str, **fields: Any) -> int:  # noqa: ANN401
        """Create a device in its dialog, whatever its type."""
        await _fill(await desktop.new_device(self.indigo, type_id, name), fields)
        return self.indigo.device(name)

    async def trigger(self, type_id: str, name: str, **fields: Any) -> int:  # noqa: ANN401
        """Create a trigger in its dialog."""
        await _fill(await desktop.new_trigger(self.indigo, type_id, name), fields)
        return self.indigo.trigger(name)

    async def action(self, action_id: str, device: int, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
        """Fill in an action's dialog, and give the properties that it stored."""
        dialog, stored = await desktop.action(self.indigo, action_id, device)
        await _fill(dialog, fields)
        return stored

    async def act(self, action_id: str, device: int, **fields: Any) -> Any:  # noqa: ANN401
        """Fill in an action's dialog, run it, and give its result."""
        props = await self.action(action_id, device, **fields)
        return await self.indigo.run_action(action_id, device=device, props=props)

    # what can be seen

    def bodies(self) -> list[str]:
        """Give the bodies of all texts that Twilio made for us, in order."""
        return [m.body for m in self.simulator.messages if m.direction == "outbound-api"]


async def _fill(dialog: Dialog, fields: dict[str, Any]) -> None:
    """Fill in a dialog and press OK, which has to close it."""
    for field, value in fields.items():
        await dialog.set(field, value)
    answer = await dialog.ok()
    assert answer.closed, answer.errors
