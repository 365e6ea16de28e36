"""Calls under way, in and out: they ring, are answered, live through their scripts, and end."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from callbox.simulator.order import BadOrder
from callbox.simulator.records import trial
from callbox.simulator.records.address import phone_of
from callbox.simulator.records.call import Call
from callbox.simulator.records.holder import Holder
from callbox.simulator.records.recording import Wish
from callbox.simulator.records.sid import new_sid
from callbox.simulator.records.switchboard import Switchboard
from callbox.simulator.records.timeline import RINGING
from callbox.simulator.records.webhook import Webhook
from callbox.simulator.telephony.acts.table import perform
from callbox.simulator.telephony.call_form import progress
from callbox.simulator.telephony.chores import Chores
from callbox.simulator.telephony.line import Line
from callbox.simulator.telephony.person import Person, callee, caller, waits_for_beep
from callbox.simulator.telephony.proxy import Proxy
from callbox.simulator.telephony.recordings import completed, keep
from callbox.simulator.telephony.ring import Ring
from callbox.simulator.telephony.scene import Broken, Moved, Over, Scene
from callbox.simulator.telephony.text_form import Form

NO_WEBHOOK = "The number has no VoiceUrl, so nobody takes the call: see `callbox webhooks set`."
APOLOGY = "We are sorry, an application error has occurred. Goodbye."
"""What Twilio says when a script cannot be had or read."""
DETECTION = 2.0
"""Seconds until machine detection is sure of whom it hears."""
UNKNOWN = "unknown"

Begin = Callable[[], Awaitable[None]]


class Ringing:
    """Brings calls from phones to our numbers, and calls phones."""

    def __init__(self, board: Switchboard, holder: Holder, proxy: Proxy, chores: Chores) -> None:
        self._board = board
        self._holder = holder
        self._proxy = proxy
        self._chores = chores
        self._scenes: dict[str, Scene] = {}
        self.lines: dict[str, Line] = {}
        """Of the calls under way, by SID."""

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

    def update(self, call: Call) -> None:
        """Have a call under way go on with the script that it has now."""
        scene = self._scenes.get(call.sid)
        if scene is not None and (scene.answered or call.inbound):
            scene.moved = True
            scene.line.stir()

    def close(self, call: Call) -> None:
        """Note the end of a call under way, whoever ended it."""
        scene = self._scenes.get(call.sid)
        if scene is not None:
            scene.close()
            if call.wish is not None and scene.answered:
                self._record(call, call.wish)

    def _record(self, call: Call, wish: Wish) -> None:
        """Keep all of a call that has ended."""
        board = self._board
        call.recording = keep(board, call, call.duration() or 0)
        if wish.hook is not None:
            form = completed(call, wish, call.recording, board.clock())
            self._chores.begin(self._proxy.call(wish.hook, form, voice=True))

    def _begin(self, call: Call, person: Person, *, live: bool) -> Scene:
        board = self._board
        line = Line(call, board.clock, board.pause, live=live)
        scene = Scene(
            call=call,
            line=line,
            person=person,
            board=board,
            proxy=self._proxy,
            chores=self._chores,
        )
        self._scenes[call.sid], self.lines[call.sid] = scene, line
        return scene

    def _finish(self, scene: Scene, status: str) -> None:
        if not scene.call.ended:
            self._board.end(scene.call, status)
        del self._scenes[scene.call.sid], self.lines[scene.call.sid]

    # in

    async def tell(self, ring: Ring, call: Call, *, live: bool) -> None:
        """Go through a whole call to us, to the status callback at its end."""
        number, attended = self._board.numbers.get(call.to), self._board.attended
        hook = number.call_webhook if number else None
        scene = self._begin(call, caller(ring), live=live or call.sender in attended)
        scene.hear("line", "ring")
        end = "failed" if hook is None else "completed"
        try:
            if hook is None:
                scene.hear("line", "error", NO_WEBHOOK)
            else:
                scene.fallback = hook.fallback
                await self._live(scene, partial(self._welcome, scene, hook))
        finally:
            self._finish(scene, "no-answer" if scene.line.gone and not scene.answered else end)
        await self._report(scene, number.status_webhook if number else None)

    async def _welcome(self, scene: Scene, hook: Webhook) -> None:
        await scene.fetch(hook, {})
        if self._board.settings.trial and scene.script and scene.script[0].name != "Reject":
            scene.answer()
            await self._notice_trial(scene)

    async def _report(self, scene: Scene, hook: Webhook | None) -> None:
        if hook is not None and scene.call.ended:
            form = progress(scene.call, scene.call.ended, 0, self._board.clock())
            await self._proxy.call(hook, {**form, **scene.recording}, voice=True)

    # out

    async def place(self, call: Call) -> None:
        """Go through a whole call that goes out."""
        outcome = call.outcome
        live = self._board.attended.answers(phone_of(call.to))
        scene = self._begin(call, Person() if live else callee(outcome), live=live)
        end = "failed"
        try:
            end = await self._ring(scene, "completed" if live else outcome.call_course[-1])
            if end == "completed" and not call.ended:
                scene.answer()
                await self._live(scene, partial(self._greet, scene))
        finally:
            self._finish(scene, end)

    async def _ring(self, scene: Scene, end: str) -> str:
        """Let it ring; return what becomes of it."""
        board, call, line = self._board, scene.call, scene.line
        await line.wait(call.queued_for + board.settings.pace, lambda: call.ended)
        if call.ended or end in {"failed", "canceled"}:
            return end
        board.reach(call, "ringing")
        scene.hear("line", "ring")
        call.waits_for = "answer" if line.live else ""
        answers_after = self._answers_after(scene, end)
        await line.wait(
            min(answers_after, call.timeout),
            lambda: call.ended or line.picked_up or line.declined,
        )
        call.waits_for = ""
        if line.declined:
            return "busy"
        late = answers_after > call.timeout and not line.picked_up
        return "no-answer" if late else end

    def _answers_after(self, scene: Scene, end: str) -> float:
        settings = self._board.settings
        if scene.line.live or (end == "no-answer" and settings.word):
            return float("inf")
        after = scene.call.outcome.answer_after
        return settings.pace if after is None else after

    async def _greet(self, scene: Scene) -> None:
        """Find out who answered, and begin the script."""
        call, person = scene.call, scene.person
        if person.is_machine:
            scene.hear("person", "speak", f"A machine greets for {person.greeting:g} s.")
        if call.send_digits:
            scene.hear("voice", "press", call.send_digits)
        await self._notice_trial(scene)
        found: Form = {}
        if call.machine_detection and not call.send_digits:
            found = await self._detect(scene, call.machine_detection)
        await self._begin_script(scene, found)

    async def _detect(self, scene: Scene, mode: str) -> Form:
        """Detect a machine; return what the script is told, nothing if it does not wait."""
        call, person = scene.call, scene.person
        to_beep = person.is_machine and waits_for_beep(mode)
        found, seconds = person.found(mode), person.greeting if to_beep else DETECTION
        if seconds > call.detection_timeout:
            found, seconds = UNKNOWN, call.detection_timeout
        if call.detects_behind:
            self._chores.begin(self._detect_behind(call, found, seconds))
            return {}
        await scene.wait(seconds)
        call.answered_by = found
        return {"AnsweredBy": found}

    async def _detect_behind(self, call: Call, found: str, seconds: float) -> None:
        if self._board.settings.word:
            await self._board.pause(seconds)
        call.answered_by = found
        if call.detection_callback is not None:
            form = {
                "CallSid": call.sid,
                "AccountSid": call.account_sid,
                "AnsweredBy": found,
                "MachineDetectionDuration": str(int(seconds * 1000)),
            }
            await self._proxy.call(call.detection_callback, form, voice=True)

    # both

    async def _begin_script(self, scene: Scene, more: Form) -> None:
        """Begin the script that the call has now."""
        call, hook = scene.call, scene.call.script_webhook
        scene.moved = False
        scene.fallback = hook.fallback if hook else None
        if hook is not None:
            await scene.fetch(hook, more)
        elif call.twiml is not None:
            scene.read(call.twiml)
        else:
            scene.hear("line", "note", "TwiML applications are not simulated.")

    async def _live(self, scene: Scene, begin: Begin) -> None:
        """Live through the scripts of a call, to the end of the last one or to a hang-up."""
        again: Begin | None = begin
        while again is not None:
            again = await self._live_once(scene, again)

    async def _live_once(self, scene: Scene, begin: Begin) -> Begin | None:
        """Live through a script; return how the one begins that took its place."""
        try:
            await begin()
            await perform(scene)
            await scene.wait(scene.person.stays)
        except Moved:
            return partial(self._begin_script, scene, {})
        except Broken as reason:
            await self._apologize(scene, reason)
        except Over:
            pass
        return None

    async def _notice_trial(self, scene: Scene) -> None:
        if self._board.settings.trial:
            await scene.say(trial.NOTICE)

    async def _apologize(self, scene: Scene, reason: Broken) -> None:
        scene.hear("line", "error", f"{reason.code}: {reason}")
        if scene.call.ended or scene.line.gone:
            return
        with suppress(Over, Moved):
            await scene.say(APOLOGY)
        if not scene.call.ended:
            self._board.end(scene.call, "completed" if scene.answered else "failed")
