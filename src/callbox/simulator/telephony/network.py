"""The telephone network around a switchboard: whoever texts and calls, and what hears of it."""

from callbox.simulator.records.call import Call
from callbox.simulator.records.holder import Holder
from callbox.simulator.records.message import Message
from callbox.simulator.records.switchboard import Switchboard
from callbox.simulator.telephony.callbacks import Callbacks
from callbox.simulator.telephony.chores import Chores
from callbox.simulator.telephony.exchange import Exchange
from callbox.simulator.telephony.incoming import Incoming
from callbox.simulator.telephony.line import Line
from callbox.simulator.telephony.outgoing import Outgoing
from callbox.simulator.telephony.proxy import Proxy
from callbox.simulator.telephony.ring import Ring
from callbox.simulator.telephony.text import Text
from callbox.simulator.telephony.texting import Texting
from callbox.simulator.telephony.underway import Underway


class Network:
    """Brings texts and calls in, calls phones, and tells what became of what was sent."""

    def __init__(self, board: Switchboard, holder: Holder) -> None:
        self.board = board
        self.chores = Chores()
        self.proxy = Proxy(board.settings, holder, board.clock)
        self.callbacks = Callbacks(board, self.proxy, self.chores)
        board.on_create, board.on_end = self._created, self._ended
        board.on_reach = self.callbacks.reach
        self._texting = Texting(board, holder, self.proxy)
        self._underway = Underway(board, self.proxy, self.chores)
        self._incoming = Incoming(board, holder, self.proxy, self._underway)
        self._outgoing = Outgoing(board, self.proxy, self.chores, self._underway)
        board.on_redirect = self._underway.update
        self.lines: dict[str, Line] = self._underway.lines
        """The far ends of the calls under way, by SID."""

    def _created(self, record: Message | Call) -> None:
        self.callbacks.begin(record)
        if isinstance(record, Call) and record.lived:
            self.chores.begin(self._outgoing.place(record))

    def _ended(self, record: Message | Call) -> None:
        if isinstance(record, Call):
            self._underway.close(record)
        self.callbacks.end(record)

    async def text(self, text: Text, *, wait: bool = True) -> tuple[Message, Exchange | None]:
        """Bring a text; with the last webhook request, if that was waited for."""
        message = self._texting.take(text)
        telling = self.chores.begin(self._texting.tell(text, message))
        return message, await telling if wait else None

    async def ring(self, ring: Ring, *, wait: bool = True) -> Call:
        """Bring a call; to its end, if that is waited for, else somebody real may be calling."""
        ring.check()
        call = self._incoming.take(ring)
        telling = self.chores.begin(self._incoming.tell(ring, call, live=not wait))
        if wait:
            await telling
        return call

    async def close(self) -> None:
        """Cut everything short."""
        await self.chores.close()
        await self.proxy.close()
