"""A home that gets texts: two numbers, a contact, and ways for a text to come in.

async with Letterbox(tmp_path) as box:
    await box.trigger("messageReceived", "Any text")
    await box.text("Hello")                 # by webhook, through the reflector
    await box.text("Hello", listed=True)    # only to be found in Twilio's list
    assert box.fired == ["Any text", "Any text"]
"""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
import pytest

from callbox.simulator.records.message import Message
from harness.home import ANY, AUTH_TOKEN, DARLA, OTHER, OURS, REFLECTOR, Home
from harness.signing import signature_of
from harness.waiting import until
from indigo_host import desktop

KEY = "a-secret-api-key"
FORM = "application/x-www-form-urlencoded"


class Letterbox:
    """Use it as `async with`; the options are those of `Home`."""

    def __init__(self, folder: Path, *, webhooks: bool = True, **options: Any) -> None:  # noqa: ANN401
        self.home = Home(folder, **options)
        self._webhooks = webhooks
        self._patch = pytest.MonkeyPatch()

    async def __aenter__(self) -> Self:
        await self.home.__aenter__()
        self.number = await self.home.number(OURS, "Our number", delete=False)
        self.other = await self.home.number(OTHER, "Other number", delete=False)
        self.darla = await self.home.contact()
        if self._webhooks:
            self.let_twilio_call()
        await self.home.known(OURS, OTHER)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._patch.undo()
        await self.home.__aexit__()

    # the way in

    @property
    def path(self) -> str:
        """The path of the webhook, as it is behind the reflector too."""
        return f"/message/{self.home.indigo.bundle.id}/receive"

    @property
    def url(self) -> str:
        """What is set at Twilio."""
        return f"{REFLECTOR}{self.path}?api-key={KEY}"

    def let_twilio_call(self, url: str = "") -> None:
        """Set the webhook of both numbers at Twilio."""
        for number in (OURS, OTHER):
            self.home.simulator.number(number).sms_url = url or self.url

    async def text(
        self,
        body: str,
        sender: str = DARLA,
        to: str = OURS,
        *,
        listed: bool = False,
        **how: Any,  # noqa: ANN401
    ) -> Message:
        """Have somebody text, and wait until the plugin has told all that is to be told of it.

        `listed`: no webhook is called, and the plugin is asked to look.
        """
        message = await self.home.simulator.receive(sender, to, body, webhook=not listed, **how)
        if listed:
            await self.look()
        await self.told(message)
        return message

    async def look(self) -> None:
        """Check for messages, by the action."""
        await self.home.indigo.run_action("checkMessages", device=self.number)

    async def told(self, *messages: Message) -> None:
        """Wait until these were received and all that the plugin owes is told."""
        marks = ", ".join(f"'{message.sid}'" for message in messages)
        received = f"SELECT count(*) FROM received WHERE sid IN ({marks})"

        def done() -> bool:
            return self.rows(received) == [(len(messages),)] and not self.owed()

        await until(done, "the texts are told")
        await self.home.indigo.settle()

    def owed(self) -> int:
        """Count what the plugin has still to tell."""
        return int(self.rows("SELECT count(*) FROM event")[0][0])

    async def post(
        self,
        form: dict[str, str],
        *,
        query: str = f"api-key={KEY}",
        signature: str | None = "right",
        body: bytes | None = None,
        method: str = "POST",
        **headers: str,
    ) -> tuple[int, str, str]:
        """Call the webhook as anybody may; gives status, content type and answer."""
        url = f"{self.path}?{query}"
        if signature == "right":
            signature = signature_of(f"{REFLECTOR}{url}", list(form.items()), AUTH_TOKEN)
        sent = {"Content-Type": FORM} | {k.replace("_", "-"): v for k, v in headers.items()}
        if signature is not None:
            sent["X-Twilio-Signature"] = signature
        data = urlencode(form).encode() if body is None else body
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                method,
                f"{self.home.indigo.web_url}{url}",
                data=data if method == "POST" else None,
                headers=sent,
            ) as answer,
        ):
            return answer.status, answer.content_type, await answer.text()

    # what the owner sets

    async def trigger(self, type_id: str, name: str, number: int | str = ANY, **fields: Any) -> int:  # noqa: ANN401
        """Create a trigger in its dialog."""
        return await self.home.trigger(type_id, name, twilioNumber=str(number), **fields)

    async def set(self, **fields: Any) -> None:  # noqa: ANN401
        """Change the plugin's settings in their dialog."""
        dialog = await desktop.preferences(self.home.indigo)
        for field, value in fields.items():
            await dialog.set(field, value)
        answer = await dialog.ok()
        assert answer.closed, answer.errors

    async def clear(self) -> None:
        """Delete all triggers and groups, and forget what happened."""
        indigo = self.home.indigo
        for table in (indigo.db.triggers, indigo.db.groups, indigo.db.variables):
            for key in list(table):
                await indigo.delete(key)
        for happened in (
            indigo.executed, indigo.executed_groups, indigo.broadcasts, indigo.event_log,
            indigo.uncaught,
        ):  # fmt: skip
            happened.clear()
        self._patch.undo()

    def react(self, trigger: int, act: Callable[[], object]) -> None:
        """Do something in the house whenever a trigger runs, until `clear`."""
        indigo = self.home.indigo
        execute = indigo.execute_trigger

        def executing(key: int, **how: Any) -> None:  # noqa: ANN401 - as execute_trigger takes it
            execute(key, **how)
            if key == trigger:
                act()

        self._patch.setattr(indigo, "execute_trigger", executing)

    def kill_at(self, what: str, count: int = 1) -> None:
        """Kill the plugin as the server does something for it for the n-th time from now on.

        `what`: write_log, execute_trigger, execute_group, take_broadcast.
        """
        indigo = self.home.indigo
        act, left = getattr(indigo, what), count

        def acting(*args: Any, **named: Any) -> None:  # noqa: ANN401 - as the server's method
            nonlocal left
            act(*args, **named)
            left -= 1
            if left == 0 and indigo.plugin_pid:
                os.kill(indigo.plugin_pid, signal.SIGKILL)

        self._patch.setattr(indigo, what, acting)

    async def killed(self) -> None:
        """Wait until the plugin is dead."""
        await self.home.indigo.until(lambda: self.home.indigo.plugin_state == "crashed", 30)
        self._patch.undo()

    # what can be seen

    @property
    def fired(self) -> list[str]:
        """The names of the triggers that ran, in order."""
        return [each.name for each in self.home.indigo.executed]

    @property
    def ran(self) -> list[str]:
        """The names of the action groups that the plugin ran, in order."""
        return [each.name for each in self.home.indigo.executed_groups]

    @property
    def heard(self) -> list[Any]:
        """What other plugins were told of texts that came in."""
        return [e.data for e in self.home.indigo.broadcasts if e.name == "messageReceived"]

    def states(self, device: int = 0) -> dict[str, Any]:
        """The states of a device, of our number if none is given."""
        return self.home.indigo.states(device or self.number)

    def bodies(self, message: int | None = None) -> list[str]:
        """The texts that were in our number's state as each trigger ran."""
        number = message or self.number
        return [each.states[number]["messageText"] for each in self.home.indigo.executed]

    def rows(self, sql: str) -> list[Any]:
        """Read the plugin's database; nothing while there is none."""
        return self.home.rows(sql)


async def side_by_side(*work: Any) -> list[Any]:  # noqa: ANN401 - coroutines of any kind
    """Do several things at once."""
    return list(await asyncio.gather(*work))
