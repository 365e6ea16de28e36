"""The line to whoever is on the phone: what a person at a page does, and what the script waits for.

    line = network.lines[call.sid]
    line.answer()
    line.press("1#")

What cannot be done now is a BadOrder, whose sentence says why.
"""

import asyncio
from collections.abc import Callable

from callbox.simulator.order import BadOrder
from callbox.simulator.records.call import Call
from callbox.simulator.records.clock import Clock, Pause
from callbox.simulator.records.keys import LONGEST_SPEECH, check_press


class Line:
    """The far end of a call, while it is under way; any act may come at any moment."""

    def __init__(self, call: Call, clock: Clock, pause: Pause, *, live: bool) -> None:
        self.call = call
        self.live = live
        """Whether somebody real is on the phone, who needs time."""
        self.picked_up = self.declined = self.gone = False
        self.listening = False
        """Whether keys and words are of use now; others are lost, as at Twilio."""
        self.keys = ""
        """What was pressed and not yet used."""
        self.words: list[str] = []
        """What was said and not yet used."""
        self._clock, self._pause = clock, pause
        self._changed = asyncio.Event()

    def answer(self) -> None:
        """Pick up the phone that rings."""
        self._expect_ringing()
        self.picked_up, self.call.waits_for = True, ""
        self.stir()

    def decline(self) -> None:
        """Have whoever calls hear that the line is busy."""
        self._expect_ringing()
        self.declined, self.call.waits_for = True, ""
        self.stir()

    def press(self, keys: str) -> None:
        """Press keys: digits, * and #."""
        self._expect_talking()
        check_press(keys)
        self.hear("person", "press", keys)
        if self.listening:
            self.keys += keys
        self.stir()

    def speak(self, text: str) -> None:
        """Say something; only a Record or a Gather that takes speech listens."""
        self._expect_talking()
        if not text.strip() or len(text) > LONGEST_SPEECH:
            raise BadOrder(f'"text" must be 1 to {LONGEST_SPEECH} characters of speech.')
        self.hear("person", "speak", text)
        if self.listening:
            self.words.append(text)
        self.stir()

    def hang_up(self) -> None:
        """Put the phone down; whoever calls may do so before anybody answers."""
        if self.call.waits_for == "answer":
            raise BadOrder("The call was not answered yet: answer or decline it.")
        self._expect_going_on()
        self.gone = True
        self.hear("person", "hangup")
        self.stir()

    def hear(self, who: str, kind: str, text: str = "") -> None:
        """Write down what happened."""
        self.call.hear(self._clock(), who, kind, text)

    def stir(self) -> None:
        """Have whoever waits look again."""
        self._changed.set()

    async def wait(self, seconds: float, ready: Callable[[], object]) -> bool:
        """Let so much time pass, or less if something happens that is waited for; which of both."""
        passing = asyncio.ensure_future(self._pause(seconds))
        try:
            while not (ready() or passing.done()):
                self._changed.clear()
                changing = asyncio.ensure_future(self._changed.wait())
                await asyncio.wait({passing, changing}, return_when=asyncio.FIRST_COMPLETED)
                changing.cancel()
            return passing.done()
        finally:
            passing.cancel()

    def _expect_ringing(self) -> None:
        if self.call.waits_for != "answer":
            raise BadOrder("The call does not ring.")

    def _expect_talking(self) -> None:
        self._expect_going_on()
        if self.call.started_at(self._clock()) is None:
            raise BadOrder("The call was not answered yet.")

    def _expect_going_on(self) -> None:
        if self.call.ended or self.gone:
            raise BadOrder("The call is over.")
