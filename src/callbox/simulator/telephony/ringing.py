"""Calls under way: the webhook says what is done, verb by verb."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urljoin

from callbox.simulator.order import BadOrder
from callbox.simulator.records.call import Call
from callbox.simulator.records.holder import Holder
from callbox.simulator.records.switchboard import Switchboard, new_sid
from callbox.simulator.records.timeline import RINGING
from callbox.simulator.records.twiml import BadTwiml, Verb, read
from callbox.simulator.records.webhook import Webhook
from callbox.simulator.telephony.call_form import progress, told
from callbox.simulator.telephony.proxy import Proxy
from callbox.simulator.telephony.ring import Ring
from callbox.simulator.telephony.text_form import Form

AFTER = 0.001
"""Seconds by which a script follows the answer, so that whoever asks then finds it answered."""
MOST_SCRIPTS = 20
"""Redirects after which a call is given up."""


@dataclass(slots=True)
class Scene:
    """A call under way."""

    ring: Ring
    """What whoever is on the other end does."""
    call: Call
    script: list[Verb] = field(default_factory=list)
    """What is still to do."""
    source: str = ""
    """Where the script came from."""
    recording: Form = field(default_factory=dict)
    spoken: int = 0
    """Seconds that the caller spoke."""
    scripts: int = 0


class Ringing:
    """Brings calls from phones to our numbers, and says what is said to those who are called."""

    def __init__(self, board: Switchboard, holder: Holder, proxy: Proxy) -> None:
        self._board = board
        self._holder = holder
        self._proxy = proxy
        self.base = ""
        """Where recordings are to be had."""
        self._verbs: dict[str, Callable[[Scene, Verb], Awaitable[None]]] = {
            "Reject": self._reject,
            "Hangup": self._hang_up,
            "Redirect": self._redirect,
            "Record": self._record,
            "Gather": self._gather,
            "Dial": self._dial,
        }

    def take(self, ring: Ring) -> Call:
        """Let it ring; BadOrder if there is nobody to take it."""
        sender, to = ring.addresses()
        if to not in self._board.numbers:
            raise BadOrder(f'"to" must be a number of the account, not {to}.')
        call = self._call(sender, to)
        self._board.add_call(call)
        return call

    def _call(self, sender: str, to: str) -> Call:
        now = self._board.clock()
        return Call(
            sid=new_sid("CA"),
            account_sid=self._holder.account_sid,
            to=to,
            sender=sender,
            status_callback=None,
            created_at=now,
            arrived_at=now,
            timeline=RINGING,
            url=None,
            twiml=None,
            application_sid=None,
            status_callback_event=(),
            machine_detection=None,
            direction="inbound",
        )

    async def tell(self, ring: Ring, call: Call) -> None:
        """Go through the whole call, to the status callback at its end."""
        number, scene = self._board.numbers[call.to], Scene(ring, call)
        hook = number.call_webhook
        if hook is None:
            self._end(scene, "failed")
        else:
            await self._fetch(scene, hook, told(call, "ringing"))
            await self._perform(scene)
        await self._report(scene, number.status_webhook)

    async def answer(self, call: Call) -> None:
        """Go through the script of a call that goes out, once somebody answers it."""
        due, hook = call.timeline.due("in-progress"), call.script_webhook
        if hook is None or due is None:
            return
        await self._board.pause(due + AFTER)
        if not call.ended:
            pressed = self._board.outcome(call.to).digits
            scene = Scene(Ring(sender=call.to, to=call.sender, digits=pressed), call)
            found = {"AnsweredBy": call.answered_by} if call.machine_detection else {}
            await self._fetch(scene, hook, {**told(call, "in-progress"), **found})
            await self._perform(scene)

    async def _perform(self, scene: Scene) -> None:
        call = scene.call
        while scene.script and not call.ended:
            verb = scene.script.pop(0)
            call.heard.append(verb)
            if call.inbound and verb.name != "Reject":
                call.answer(self._board.clock())
            if verb.name in self._verbs:
                await self._verbs[verb.name](scene, verb)
        if call.inbound and not call.ended:
            await self._board.pause(scene.ring.hangup_after)
            self._end(scene, "completed")

    async def _fetch(self, scene: Scene, hook: Webhook, form: Form) -> None:
        exchange = await self._proxy.call(hook, form, voice=True)
        scene.source, scene.scripts = exchange.url, scene.scripts + 1
        if not exchange.ok or scene.scripts > MOST_SCRIPTS:
            self._end(scene, "failed")
            return
        try:
            scene.script = read(exchange.content_type, exchange.body)
        except BadTwiml as reason:
            exchange.error_code = reason.code
            self._end(scene, "failed")

    def _end(self, scene: Scene, status: str) -> None:
        call = scene.call
        if call.ended:
            return
        self._board.end(call, status)
        if call.answered_at is not None:
            lasted = int(call.ended_at - call.answered_at)
            call.said_duration = max(lasted, scene.spoken + int(scene.ring.hangup_after))

    async def _reject(self, scene: Scene, _verb: Verb) -> None:
        self._end(scene, "busy" if scene.call.answered_at is None else "completed")

    async def _hang_up(self, scene: Scene, _verb: Verb) -> None:
        self._end(scene, "completed")

    async def _redirect(self, scene: Scene, verb: Verb) -> None:
        await self._go_on(scene, verb, verb.text, {})

    async def _go_on(self, scene: Scene, verb: Verb, url: str, more: Form) -> None:
        hook = Webhook(urljoin(scene.source, url), verb.attributes.get("method", "POST"))
        await self._fetch(
            scene, hook, {**told(scene.call, scene.call.status(self._board.clock())), **more}
        )

    async def _record(self, scene: Scene, verb: Verb) -> None:
        spoken = scene.ring.recorded()
        if not spoken:
            return
        scene.spoken += spoken
        sid = new_sid("RE")
        path = f"/2010-04-01/Accounts/{scene.call.account_sid}/Recordings/{sid}"
        scene.recording = {
            "RecordingUrl": f"{self.base}{path}",
            "RecordingSid": sid,
            "RecordingDuration": str(spoken),
        }
        self._end(scene, "completed")
        pressed = {**scene.recording, "Digits": "hangup"}
        await self._go_on(scene, verb, verb.attributes.get("action", ""), pressed)

    async def _gather(self, scene: Scene, verb: Verb) -> None:
        scene.call.heard.extend(verb.children)
        if scene.ring.digits:
            digits = {"Digits": scene.ring.digits}
            await self._go_on(scene, verb, verb.attributes.get("action", ""), digits)

    async def _dial(self, scene: Scene, verb: Verb) -> None:
        if "action" in verb.attributes:
            status = scene.ring.dial_status
            more = {"DialCallSid": new_sid("CA"), "DialCallStatus": status}
            more |= {"DialCallDuration": "1"} if status == "completed" else {}
            await self._go_on(scene, verb, verb.attributes["action"], more)

    async def _report(self, scene: Scene, hook: Webhook | None) -> None:
        if hook is not None and scene.call.ended:
            form = progress(scene.call, scene.call.ended, 0, self._board.clock())
            await self._proxy.call(hook, {**form, **scene.recording}, voice=True)
