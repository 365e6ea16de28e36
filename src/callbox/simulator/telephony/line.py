"""A call with a person at the phone: it waits for what that person does."""

import asyncio
from urllib.parse import urljoin

from callbox.simulator.order import BadOrder
from callbox.simulator.records.call import Call
from callbox.simulator.records.heard import Heard
from callbox.simulator.records.switchboard import Switchboard
from callbox.simulator.records.twiml import BadTwiml, Verb, read, verbs
from callbox.simulator.records.webhook import Webhook
from callbox.simulator.telephony.call_form import told
from callbox.simulator.telephony.proxy import Proxy
from callbox.simulator.telephony.text_form import Form

RINGS = 60.0
"""Seconds until nobody is said to have answered."""
GATHER = 5.0
SPOKEN = 0.05
"""Seconds a character takes to say."""


class Line:
    """A call to or from a phone that somebody attends."""

    def __init__(self, call: Call, board: Switchboard, proxy: Proxy, hook: Webhook | None) -> None:
        self.call = call
        self.live = True
        """Whether somebody real is on the phone."""
        self._board = board
        self._proxy = proxy
        self._hook = hook
        self._decided: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._digits = ""
        self._pressed = asyncio.Event()
        self._source = ""

    def answer(self) -> None:
        """Take the call."""
        self._decide(answered=True)

    def decline(self) -> None:
        """Do not take it: busy."""
        self._decide(answered=False)

    def _decide(self, *, answered: bool) -> None:
        if self.call.waits_for != "answer" or self._decided.done():
            raise BadOrder("The call does not ring.")
        self._decided.set_result(answered)

    def press(self, digits: str) -> None:
        """Press keys; only while it is talked."""
        self._talking()
        self._hear("person", "press", digits)
        self._digits += digits
        self._pressed.set()

    def speak(self, text: str) -> None:
        """Say something."""
        self._talking()
        self._hear("person", "speak", text)

    def hang_up(self) -> None:
        """End it."""
        self._talking()
        self._hear("person", "hangup", "")
        self._end("completed")

    def _talking(self) -> None:
        if self.call.ended or self.call.status(self._board.clock()) != "in-progress":
            raise BadOrder("Nobody is on the line.")

    def _hear(self, who: str, kind: str, text: str) -> None:
        self.call.transcript.append(Heard(self._board.clock(), who, kind, text))

    def _end(self, status: str) -> None:
        self.call.waits_for = ""
        if not self.call.ended:
            self._board.end(self.call, status)

    async def go(self) -> None:
        """Go through the call."""
        call = self.call
        if not call.inbound:
            await self._board.pause(call.timeline.instants[-1])
            call.waits_for = "answer"
            answered = await self._wait_for_answer()
            call.waits_for = ""
            if call.ended or not answered:
                self._end("no-answer" if answered is None else "busy")
                return
            call.answer(self._board.clock())
        await self._talk()
        self._end("completed")

    async def _wait_for_answer(self) -> bool | None:
        try:
            return await asyncio.wait_for(self._decided, RINGS / self._board.settings.speed)
        except TimeoutError:
            return None

    async def _talk(self) -> None:
        if self._hook is not None:
            await self._fetch(self._hook, {})
        elif self.call.twiml:
            await self._perform(verbs(self.call.twiml))

    async def _fetch(self, hook: Webhook, more: Form) -> None:
        status = self.call.status(self._board.clock())
        exchange = await self._proxy.call(hook, {**told(self.call, status), **more}, voice=True)
        self._source = exchange.url
        if self.call.ended:
            return
        self.call.answer(self._board.clock())
        try:
            script = read(exchange.content_type, exchange.body) if exchange.ok else []
        except BadTwiml as reason:
            exchange.error_code = reason.code
            self._hear("line", "error", f"Error {reason.code}")
            return
        await self._perform(script)

    async def _perform(self, script: list[Verb]) -> None:
        for verb in script:
            if self.call.ended:
                return
            self.call.heard.append(verb)
            if verb.name == "Gather":
                if await self._gather(verb):
                    return
            elif verb.name == "Redirect":
                await self._fetch(Webhook(urljoin(self._source, verb.text)), {})
                return
            elif verb.name in {"Hangup", "Reject"}:
                self._hear("line", "hangup", "")
                return
            else:
                await self._say(verb)

    async def _say(self, verb: Verb) -> None:
        if verb.name == "Say":
            self._hear("voice", "say", verb.text)
            await self._board.pause(len(verb.text) * SPOKEN)
        else:
            self._hear("line", verb.name.lower(), verb.text)

    async def _gather(self, verb: Verb) -> bool:
        self._digits = ""
        for child in verb.children:
            await self._say(child)
        self.call.waits_for = "digits"
        await self._collect(verb)
        self.call.waits_for = ""
        if self.call.ended or not self._digits:
            return False
        action = urljoin(self._source, verb.attributes.get("action", ""))
        await self._fetch(Webhook(action), {"Digits": self._digits.rstrip("#")})
        return True

    async def _collect(self, verb: Verb) -> None:
        most = int(verb.attributes.get("numDigits", "99"))
        seconds = float(verb.attributes.get("timeout", GATHER))
        while len(self._digits) < most and "#" not in self._digits and not self.call.ended:
            self._pressed.clear()
            try:
                async with asyncio.timeout(seconds / self._board.settings.speed):
                    await self._pressed.wait()
            except TimeoutError:
                return
