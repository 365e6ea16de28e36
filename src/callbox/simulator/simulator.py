"""The simulator as its own process sees it, and how it is started."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from callbox.simulator.api.credentials import Credentials
from callbox.simulator.control import Control
from callbox.simulator.faults.journal import Journal
from callbox.simulator.faults.rules import Faults
from callbox.simulator.faults.traffic import Traffic
from callbox.simulator.page.page import Page
from callbox.simulator.records import address
from callbox.simulator.records.call import Call
from callbox.simulator.records.clock import Clock, hastened
from callbox.simulator.records.execution import Execution
from callbox.simulator.records.holder import Holder
from callbox.simulator.records.message import Message
from callbox.simulator.records.number import Number
from callbox.simulator.records.outcome import Outcome
from callbox.simulator.records.switchboard import Created, Switchboard
from callbox.simulator.scenario.player import Player
from callbox.simulator.scenario.scenario import Scenario
from callbox.simulator.scenario.tally import Tally, tally
from callbox.simulator.server import Inside, Server
from callbox.simulator.settings import Settings
from callbox.simulator.telephony.exchange import Exchange
from callbox.simulator.telephony.line import Line
from callbox.simulator.telephony.network import Network
from callbox.simulator.telephony.phone import Phone


class Simulator:
    """A running simulator; its state is open to whoever is in the same process."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._board = Switchboard(settings, clock)
        self.holder = Holder(settings)
        """Whose account it is, and its auth token."""
        self.settings = settings
        self.requests = Traffic()
        """Counters of what was asked and answered."""
        self.journal = Journal()
        """The newest requests, one by one."""
        self.faults = Faults(settings.seed, clock)
        """What goes wrong: `set(rules)` and `clear()`."""
        self.url = ""
        """Where it listens: the SDK's `base_url`, of `client.api` and `client.studio`."""
        self._network = Network(self._board, self.holder)
        self.callbacks = self._network.callbacks
        """How status callbacks arrive: `manner` may be set."""
        self.tunnels = self._network.proxy.tunnels
        """What a proxy in front of the program would do: URL outside to URL inside."""
        self.player: Player | None = None
        """The scenario that is played."""
        self._server = self._served()
        self.asked = self._server.asked
        """Set by the first request."""

    def _served(self) -> Server:
        page = Page(
            self._network, self.faults, self.journal, lambda: self.player and self.player.brief()
        )
        control = Control(
            self._network, self.faults, self.requests, self.journal, page.audience, self.tally
        )
        inside = Inside(page, control, self.faults, self.requests, self.journal)
        credentials = Credentials(self.settings, self.holder, self._board.accounts)
        return Server(self._board, credentials, inside)

    def now(self) -> float:
        """Return its time, seconds since 1970."""
        return self._board.clock()

    @property
    def messages(self) -> Sequence[Message]:
        """Every message that was created and not deleted, oldest first."""
        return self._board.messages.records

    @property
    def calls(self) -> Sequence[Call]:
        """Every call that was created and not deleted, oldest first."""
        return self._board.calls.records

    @property
    def executions(self) -> Sequence[Execution]:
        """Every run of a Studio flow, oldest first."""
        return self._board.executions.records

    @property
    def log(self) -> Sequence[Created]:
        """Everything that was created since the log was cleared, oldest first."""
        return self._board.log

    @property
    def arrived(self) -> Sequence[Message]:
        """Every text that somebody's phone got, oldest first."""
        return self._board.arrived

    @property
    def lines(self) -> Mapping[str, Line]:
        """The far ends of the calls under way, by the call's SID: answer, press, speak, hang up."""
        return self._network.lines

    @property
    def attended(self) -> set[str]:
        """The phones, E.164, at which somebody real sits: their calls wait for what they do."""
        return self._board.attended

    @property
    def webhooks(self) -> Sequence[Exchange]:
        """The newest webhook requests, oldest first."""
        return self._network.proxy.exchanges

    def play(self, scenario: Scenario) -> Player:
        """Prepare a scenario, to be begun; its settings and speed are those of the start."""
        self.player = Player(scenario, self._network, self.faults)
        self.player.prepare()
        return self.player

    def tally(self) -> Tally:
        """Count what came of everything so far."""
        return tally(self._board, self.webhooks)

    def number(self, number: str) -> Number:
        """Return a number of the account; its webhooks may be set. KeyError if it has none such."""
        return self._board.numbers[address.phone_of(number)]

    def phone(self, number: str) -> Phone:
        """Return somebody's phone."""
        return Phone(self._network, number)

    def outcome(self, to: str, status: str = "", **options: Any) -> None:  # noqa: ANN401 - Outcome's
        """Decide how messages and calls to somebody end from now on; `+44*` and `*` will do."""
        self._board.outcomes.choose(to, Outcome(status=status, **options))

    async def receive(
        self,
        sender: str,
        to: str,
        body: str = "",
        **options: Any,  # noqa: ANN401 - see Phone.texts
    ) -> Message:
        """Have somebody text a number of ours; return once its webhook has answered."""
        return await self.phone(sender).texts(body, to, **options)

    async def ring(self, sender: str, to: str, **options: Any) -> Call:  # noqa: ANN401 - see Phone.calls
        """Have somebody call a number of ours; return once the call is over."""
        return await self.phone(sender).calls(to, **options)

    async def listen(self, host: str, port: int) -> None:
        """Accept requests; port 0 takes a free one."""
        self.url = self._board.url = await self._server.listen(host, port)

    async def close(self) -> None:
        """Stop at once; what stalls is cut, what is late is never created."""
        self._server.deafen()
        await self._network.close()
        await self._server.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def start(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    settings: Settings | None = None,
    clock: Clock | None = None,
) -> Simulator:
    """Start a simulator that listens; OSError if it cannot.

    A `clock` of one's own tells its time, but does not end its pauses.
    """
    settings = settings or Settings()
    simulator = Simulator(settings, clock or hastened(settings.speed))
    await simulator.listen(host, port)
    return simulator
