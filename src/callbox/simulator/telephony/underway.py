"""Calls under way, in and out: they live through their scripts, and end."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from callbox.simulator.records import trial
from callbox.simulator.records.call import Call
from callbox.simulator.records.recording import Wish
from callbox.simulator.records.switchboard import Switchboard
from callbox.simulator.telephony.acts.table import perform
from callbox.simulator.telephony.chores import Chores
from callbox.simulator.telephony.line import Line
from callbox.simulator.telephony.person import Person
from callbox.simulator.telephony.proxy import Proxy
from callbox.simulator.telephony.recordings import completed, keep
from callbox.simulator.telephony.scene import Broken, Moved, Over, Scene
from callbox.simulator.telephony.text_form import Form

APOLOGY = "We are sorry, an application error has occurred. Goodbye."
"""What Twilio says when a script cannot be had or read."""

Begin = Callable[[], Awaitable[None]]


class Underway:
    """Each call has a scene from `begin` to `finish`; in between it may be updated and closed."""

    def __init__(self, board: Switchboard, proxy: Proxy, chores: Chores) -> None:
        self._board = board
        self._proxy = proxy
        self._chores = chores
        self._scenes: dict[str, Scene] = {}
        self.lines: dict[str, Line] = {}
        """Of the calls under way, by SID."""

    def begin(self, call: Call, person: Person, *, live: bool) -> Scene:
        """Let a call begin; `live`: somebody real is on the phone."""
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

    def finish(self, scene: Scene, status: str) -> None:
        """End a call by a status, unless it has one; nobody is on the line any more."""
        if not scene.call.ended:
            self._board.end(scene.call, status)
        del self._scenes[scene.call.sid], self.lines[scene.call.sid]

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

    async def live(self, scene: Scene, begin: Begin) -> None:
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
            return partial(self.begin_script, scene, {})
        except Broken as reason:
            await self._apologize(scene, reason)
        except Over:
            pass
        return None

    async def begin_script(self, scene: Scene, more: Form) -> None:
        """Begin the script that the call has now; it is told so much more than usual."""
        call, hook = scene.call, scene.call.script_webhook
        scene.moved = False
        scene.fallback = hook.fallback if hook else None
        if hook is not None:
            await scene.fetch(hook, more)
        elif call.twiml is not None:
            scene.read(call.twiml)
        else:
            scene.hear("line", "note", "TwiML applications are not simulated.")

    async def notice_trial(self, scene: Scene) -> None:
        """Say what a trial account has to hear."""
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
