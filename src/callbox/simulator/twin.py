"""A simulator in a thread of its own, for programs and tests that block.

    with simulated_twilio() as twilio:
        my_program.alarm(client=twilio.client())
        assert twilio.texts("+12065550100") == ["The tank is full"]

The package `twilio` is needed for `client`.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from twilio.rest import Client

from callbox.simulator.order import BadOrder, read
from callbox.simulator.records.outcome import Outcome
from callbox.simulator.settings import Settings
from callbox.simulator.simulator import Simulator, start
from callbox.simulator.telephony.ring import Ring
from callbox.simulator.telephony.text import Text

T = TypeVar("T")
ACCOUNT, TOKEN = "AC" + "0" * 32, "simulated"
PATIENCE = 30.0
"""Seconds that a text or call, with its webhooks, may take."""
QUICK = Settings(account_sid=ACCOUNT, auth_token=TOKEN, pace=0.0, scripts=True)
"""Everything arrives at once; calls are lived through, in no time."""


class SimulatedTwilio:
    """A simulator in a thread of its own, for tests that block.

    Addresses are E.164 numbers, documents those of Twilio. Whatever cannot be done raises BadOrder
    with one sentence.
    """

    def __init__(self, simulator: Simulator, loop: asyncio.AbstractEventLoop) -> None:
        self.simulator = simulator
        """To be used from its own thread alone: see `ask`."""
        self._loop = loop
        self.url = simulator.url
        """Twilio's `base_url`."""
        self.account_sid, self.auth_token = ACCOUNT, TOKEN
        self.number = simulator.settings.own_numbers[0]
        """The account's first number."""

    def ask(self, question: Callable[[Simulator], T]) -> T:
        """Do something with the simulator in its own thread; return what comes of it."""

        async def answer() -> T:
            return question(self.simulator)

        return asyncio.run_coroutine_threadsafe(answer(), self._loop).result(PATIENCE)

    def client(self) -> Client:
        """Return the official SDK's client, logged in here."""
        client = Client(self.account_sid, self.auth_token)
        # TWILIO_EDGE and TWILIO_REGION would put themselves into its name.
        client.edge = client.region = None
        client.api.base_url = client.studio.base_url = self.url
        return client

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which Callbox uses it."""
        return {
            "TWILIO_ACCOUNT_SID": self.account_sid,
            "TWILIO_AUTH_TOKEN": self.auth_token,
            "CALLBOX_TWILIO__BASE_URL": self.url,
            "CALLBOX_TWILIO__DEFAULT_FROM_NUMBER": self.number,
        }

    def texts(self, to: str | None = None) -> list[str]:
        """Return the texts that somebody's phone got, or everybody's, oldest first."""

        def got(simulator: Simulator) -> list[str]:
            texts = simulator.arrived if to is None else simulator.phone(to).received
            return [message.prefix + message.body for message in texts]

        return self.ask(got)

    def calls(self) -> list[dict[str, Any]]:
        """Return every call, oldest first: Twilio's record, with the `transcript`."""
        return self.ask(
            lambda simulator: [
                {
                    **call.document(simulator.now()),
                    "transcript": [each.document() for each in call.transcript],
                }
                for call in simulator.calls
            ]
        )

    def sent(self) -> list[dict[str, Any]]:
        """Return everything that was asked for and created, oldest first: texts, calls, flows."""
        return self.ask(lambda simulator: [record.entry() for record in simulator.log])

    def webhooks(self) -> list[dict[str, Any]]:
        """Return every webhook request with what came of it, oldest first."""
        return self.ask(lambda simulator: [each.document() for each in simulator.webhooks])

    def text(
        self,
        sender: str,
        body: str,
        to: str | None = None,
        **options: Any,  # noqa: ANN401 - Text's fields
    ) -> dict[str, Any]:
        """Have somebody text the account's number; return the message once its webhook answered.

        It blocks: if the webhook is served by the caller's own event loop, give it to
        `asyncio.to_thread`.
        """
        ours = to or self.number
        _check(Text, {"from": sender, "to": ours, "body": body, **options})
        return self._await(lambda simulator: simulator.receive(sender, ours, body, **options))

    def call(
        self,
        sender: str,
        to: str | None = None,
        **options: Any,  # noqa: ANN401 - Ring's fields
    ) -> dict[str, Any]:
        """Have somebody call the account's number; return the call once it is over. It blocks."""
        ours = to or self.number
        _check(Ring, {"from": sender, "to": ours, **options})
        return self._await(lambda simulator: simulator.ring(sender, ours, **options))

    def _await(self, begin: Callable[[Simulator], Any]) -> dict[str, Any]:
        async def answer() -> dict[str, Any]:
            record = await begin(self.simulator)
            shown: dict[str, Any] = record.document(self.simulator.now())
            return shown

        return asyncio.run_coroutine_threadsafe(answer(), self._loop).result(PATIENCE)

    def webhook(self, *, texts: str = "", calls: str = "", number: str | None = None) -> None:
        """Have a number's texts and calls told to these URLs, signed; empty is nowhere."""

        def change(simulator: Simulator) -> None:
            try:
                ours = simulator.number(number or self.number)
            except KeyError:
                raise BadOrder(
                    f'"number" must be a number of the account, not {number!r}.'
                ) from None
            ours.sms_url, ours.voice_url = texts, calls or None

        self.ask(change)

    def outcome(self, to: str, **options: Any) -> None:  # noqa: ANN401 - Outcome's fields
        """Decide how what is sent to somebody ends: `status`, `error_code`, `digits`, ..."""
        _check(Outcome, options)
        self.ask(lambda simulator: simulator.outcome(to, **options))

    def faults(self, *rules: dict[str, Any]) -> None:
        """Have things go wrong, as /_simulator/faults does; none: all well again."""
        self.ask(lambda simulator: simulator.faults.set(list(rules)))


def _check(kind: type[Any], options: dict[str, Any]) -> None:
    """Raise BadOrder if these are not fields of a kind; `wait` is how it is asked for."""
    read(kind, {name: value for name, value in options.items() if name != "wait"})


@contextlib.contextmanager
def simulated_twilio(settings: Settings = QUICK) -> Iterator[SimulatedTwilio]:
    """Run a simulator in a thread, on a free port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="simulated-twilio", daemon=True)
    thread.start()
    try:
        begun = asyncio.run_coroutine_threadsafe(start(settings=settings), loop)
        simulator = begun.result(PATIENCE)
        try:
            yield SimulatedTwilio(simulator, loop)
        finally:
            asyncio.run_coroutine_threadsafe(simulator.close(), loop).result(PATIENCE)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()
