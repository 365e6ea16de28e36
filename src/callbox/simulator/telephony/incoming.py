"""Calls that people make to our numbers."""

from functools import partial

from callbox.simulator.order import BadOrder
from callbox.simulator.records.call import Call
from callbox.simulator.records.holder import Holder
from callbox.simulator.records.sid import new_sid
from callbox.simulator.records.switchboard import Switchboard
from callbox.simulator.records.timeline import RINGING
from callbox.simulator.records.webhook import Webhook
from callbox.simulator.telephony.call_form import progress
from callbox.simulator.telephony.person import caller
from callbox.simulator.telephony.proxy import Proxy
from callbox.simulator.telephony.ring import Ring
from callbox.simulator.telephony.scene import Scene
from callbox.simulator.telephony.underway import Underway

NO_WEBHOOK = (
    "The number has no VoiceUrl, so nobody takes the call and it fails: set one as at Twilio; "
    "Callbox does it by `callbox webhooks set`."
)


class Incoming:
    """Has numbers take calls."""

    def __init__(
        self, board: Switchboard, holder: Holder, proxy: Proxy, underway: Underway
    ) -> None:
        self._board = board
        self._holder = holder
        self._proxy = proxy
        self._underway = underway

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
            status_callback_event=(),
            machine_detection=None,
            direction="inbound",
            lived=True,
        )

    async def tell(self, ring: Ring, call: Call, *, live: bool) -> None:
        """Go through a whole call to us, to the status callback at its end."""
        number, attended = self._board.numbers.get(call.to), self._board.attended
        hook = number.call_webhook if number else None
        scene = self._underway.begin(call, caller(ring), live=live or call.sender in attended)
        scene.hear("line", "ring")
        end = "failed" if hook is None else "completed"
        try:
            if hook is None:
                scene.hear("line", "error", NO_WEBHOOK)
            else:
                scene.fallback = hook.fallback
                await self._underway.live(scene, partial(self._welcome, scene, hook))
        finally:
            gone = scene.line.gone and not scene.answered
            self._underway.finish(scene, "no-answer" if gone else end)
        await self._report(scene, number.status_webhook if number else None)

    async def _welcome(self, scene: Scene, hook: Webhook) -> None:
        await scene.fetch(hook, {})
        if self._board.settings.trial and scene.script and scene.script[0].name != "Reject":
            scene.answer()
            await self._underway.notice_trial(scene)

    async def _report(self, scene: Scene, hook: Webhook | None) -> None:
        if hook is not None and scene.call.ended:
            form = progress(scene.call, scene.call.ended, 0, self._board.clock())
            await self._proxy.call(hook, {**form, **scene.recording}, voice=True)
