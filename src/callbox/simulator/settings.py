"""How the simulator behaves: nothing here changes while it runs."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from callbox.simulator.limits import NONE, TWILIOS, Limits
from callbox.simulator.manner import PUNCTUAL, Manner
from callbox.simulator.order import BadOrder
from callbox.simulator.own_number import USUAL_NUMBER, OwnNumber
from callbox.simulator.service import Service

CALLING_CODE = re.compile(r"\+?\d{1,3}")
SERVICE_SID = re.compile(r"MG[0-9a-fA-F]{32}")
WORD = 0.4
"""Seconds that a spoken word usually takes."""
DEFAULT_NUMBERS = ("+15005550006", "+15557654321")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The defaults accept every well-formed request and answer at once.

    Seconds are seconds, chances are 0 to 1; `None` means that nothing is pinned.
    """

    credentials: Mapping[str, str] | None = None
    """User name (account SID or API key SID) to secret. None: any secret, if the user name is the
    account SID of the path or an API key SID."""
    test_credentials: bool = False
    """Whoever logs in has Twilio's test credentials: texts, calls and numbers are created for show,
    from the magic numbers alone, with no callbacks; anything else is refused."""
    trial: bool = False
    """A trial account: Twilio's words before every text and call, calls end after ten minutes, and
    `verified` applies."""
    verified: Collection[str] | None = None
    """What a trial account may text and call. None: everybody."""
    numbers: tuple[str, ...] | Mapping[str, OwnNumber] | None = None
    """The account's own numbers, with what each can do if that is said: any other sender is
    refused. None: any sender will do, and two numbers are listed."""
    services: Mapping[str, Service] = field(default_factory=dict)
    """The messaging services by SID. None at all: every SID that is asked for, with all numbers."""
    regions: Collection[str] | None = None
    """The calling codes of the countries that may be texted and called, such as `+44`. None: all
    of them."""
    limits: Limits = NONE
    """How much is taken and how fast it is sent."""
    price_after: float = 0.0
    """Seconds from the last status until the price is known."""
    phones: Mapping[str, str] = field(default_factory=dict)
    """People's phones that the page shows from the beginning: number to name."""
    flows: Collection[str] | None = None
    """The SIDs of the Studio flows that there are. None: every one that is asked for."""
    balance: str = "20.00"
    pace: float = 1.0
    """Seconds between one status and the next."""
    latency: float = 0.0
    """Seconds between doing what was asked and answering."""
    jitter: float = 0.0
    """Up to so many seconds more latency, evenly spread."""
    speed: float = 1.0
    """Seconds of the simulation in one of the machine. Webhooks' time-outs are the machine's."""
    seed: int = 0
    """The same seed and the same order of requests draw the same faults."""
    account_sid: str | None = None
    """Whose account it is. None: that of `credentials`, or of whoever logged in last."""
    auth_token: str | None = None
    """What webhooks are signed with. None: that of `credentials`, or of whoever logged in last."""
    list_lag: float = 0.0
    """Seconds until a text that came in is listed; its webhook is called before."""
    callbacks: Manner = PUNCTUAL
    """How status callbacks arrive."""
    scripts: bool = False
    """Whether calls are lived through: their TwiML, inline or at their `Url`, is obeyed from the
    moment that somebody answers, and only its end or a hang-up completes them."""
    fetch: bool = True
    """Whether the `Url` of a call that goes out is really fetched; else it says nothing."""
    word: float = 0.0
    """Seconds that each spoken word takes. 0: all is said at once, and nobody waits for pauses
    and keys, unless somebody real is on the phone."""
    tunnels: Mapping[str, str] = field(default_factory=dict)
    """Webhooks that begin with the first are signed so and sent to the second, as a proxy in front
    of the program would."""
    webhook_authority: str | None = None
    """A file with the certificates that webhooks over HTTPS may be signed by. None: the usual."""
    media_auth: bool = False
    """Whether media is shown only to those with credentials."""

    def __post_init__(self) -> None:
        for region in self.regions or ():
            if not CALLING_CODE.fullmatch(region):
                raise BadOrder(f'"regions" must be calling codes such as +44, not "{region}".')
        for number in self.numbers or ():
            if ":" in number:
                raise BadOrder(f'"numbers" must have no channel before them, unlike "{number}".')
        for sid in self.services:
            if not SERVICE_SID.fullmatch(sid):
                raise BadOrder(f'"services" must be named MG and 32 hexadecimal digits, not {sid}.')
        senders = [sender for service in self.services.values() for sender in service.senders]
        for sender in senders:
            if senders.count(sender) > 1:
                raise BadOrder(f'"services" must have {sender} in one of them, once.')

    @property
    def own_numbers(self) -> tuple[str, ...]:
        """What IncomingPhoneNumbers lists and messaging services pick from."""
        return DEFAULT_NUMBERS if self.numbers is None else tuple(self.numbers)

    def declared(self, number: str) -> OwnNumber:
        """Return what a number of our own can do."""
        if not isinstance(self.numbers, Mapping):
            return USUAL_NUMBER
        return self.numbers.get(number, USUAL_NUMBER)


LIFELIKE = Settings(limits=TWILIOS, scripts=True, word=WORD)
"""As slow as Twilio and as people: what the commands begin with."""
