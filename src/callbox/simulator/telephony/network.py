"""The telephone network around a switchboard: whoever texts and calls, and what hears of it."""

from callbox.simulator.order import BadOrder
from callbox.simulator.records.call import Call
from callbox.simulator.records.holder import Holder
from callbox.simulator.records.message import Message
from callbox.simulator.records.outcome import ENDS, Outcome
from callbox.simulator.records.switchboard import Switchboard
from callbox.simulator.records.webhook import Webhook
from callbox.simulator.telephony.callbacks import Callbacks
from callbox.simulator.telephony.chores import Chores
from callbox.simulator.telephony.exchange import Exchange
from callbox.simulator.telephony.line import Line
from callbox.simulator.telephony.proxy import Proxy
from callbox.simulator.telephony.ring import Ring
from callbox.simulator.telephony.ringing import Ringing
from callbox.simulator.telephony.text import Text
from callbox.simulator.telephony.texting import Texting


class Network:
    """Brings texts and calls in, and status callbacks out."""

    def __init__(self, board: Switchboard, holder: Holder) -> None:
        self.board = board
        self.chores = Chores()
        self.proxy = Proxy(board.settings, holder, board.clock)
        self.callbacks = Callbacks(board, self.proxy, self.chores)
        board.on_create, board.on_end = self._created, self.callbacks.end
        self.lines: dict[str, Line] = {}
        """Calls with a person at the phone, by SID."""
        self._texting = Texting(board, holder, self.proxy)
        self._ringing = Ringing(board, holder, self.proxy)

    def _created(self, record: Message | Call) -> None:
        self.callbacks.begin(record)
        if isinstance(record, Call) and record.to in self.board.attended:
            self._attend(record, record.script_webhook)
            return
        if self.board.settings.scripts and isinstance(record, Call):
            self.chores.begin(self._ringing.answer(record))

    def _attend(self, call: Call, hook: Webhook | None) -> None:
        line = self.lines[call.sid] = Line(call, self.board, self.proxy, hook)
        living = self.chores.begin(line.go())
        living.add_done_callback(lambda _done: self.lines.pop(call.sid))

    def listens(self, url: str) -> None:
        """Note where media, recordings and everything else are to be had."""
        self.board.url = self._texting.base = self._ringing.base = url

    async def text(self, text: Text, *, wait: bool = True) -> tuple[Message, Exchange | None]:
        """Bring a text; with the last webhook request, if that was waited for."""
        message = self._texting.take(text)
        telling = self.chores.begin(self._texting.tell(text, message))
        return message, await telling if wait else None

    async def ring(self, ring: Ring, *, wait: bool = True) -> Call:
        """Bring a call; to its end, if that is waited for."""
        call = self._ringing.take(ring)
        hook = self.board.numbers[call.to].call_webhook
        if call.sender in self.board.attended and hook is not None:
            self._attend(call, hook)
            return call
        telling = self.chores.begin(self._ringing.tell(ring, call))
        if wait:
            await telling
        return call

    def expect(self, phone: str, outcome: Outcome) -> None:
        """Decide how everything ends that is sent to somebody from now on."""
        if outcome.status and outcome.status not in ENDS:
            raise BadOrder(f'"status" must be one of {", ".join(sorted(ENDS))}.')
        self.board.outcomes[phone] = outcome

    async def close(self) -> None:
        """Cut everything short."""
        await self.chores.close()
        await self.proxy.close()
