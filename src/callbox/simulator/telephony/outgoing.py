"""Calls to people: they ring, somebody or some machine answers, and the script begins."""

from functools import partial

from callbox.simulator.records.address import phone_of
from callbox.simulator.records.call import Call
from callbox.simulator.records.switchboard import Switchboard
from callbox.simulator.telephony.chores import Chores
from callbox.simulator.telephony.person import Person, callee, waits_for_beep
from callbox.simulator.telephony.proxy import Proxy
from callbox.simulator.telephony.scene import Scene
from callbox.simulator.telephony.text_form import Form
from callbox.simulator.telephony.underway import Underway

DETECTION = 2.0
"""Seconds until machine detection is sure of whom it hears."""
UNKNOWN = "unknown"


class Outgoing:
    """Calls phones."""

    def __init__(
        self, board: Switchboard, proxy: Proxy, chores: Chores, underway: Underway
    ) -> None:
        self._board = board
        self._proxy = proxy
        self._chores = chores
        self._underway = underway

    async def place(self, call: Call) -> None:
        """Go through a whole call that goes out."""
        outcome = call.outcome
        live = self._board.attended.answers(phone_of(call.to))
        scene = self._underway.begin(call, Person() if live else callee(outcome), live=live)
        end = "failed"
        try:
            end = await self._ring(scene, "completed" if live else outcome.call_course[-1])
            if end == "completed" and not call.ended:
                scene.answer()
                await self._underway.live(scene, partial(self._greet, scene))
        finally:
            self._underway.finish(scene, end)

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
        await self._underway.notice_trial(scene)
        found: Form = {}
        if call.machine_detection and not call.send_digits:
            found = await self._detect(scene, call.machine_detection)
        await self._underway.begin_script(scene, found)

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
