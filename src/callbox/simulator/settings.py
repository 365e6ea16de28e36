"""How the simulator behaves: nothing here changes while it runs."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from callbox.simulator.manner import PUNCTUAL, Manner

DEFAULT_NUMBERS = ("+15005550006", "+15557654321")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The defaults accept every well-formed request and answer at once.

    Seconds are seconds, chances are 0 to 1; `None` means that nothing is pinned.
    """

    credentials: Mapping[str, str] | None = None
    """User name (account SID or API key SID) to secret. None: any secret, if the user name is the
    account SID of the path or an API key SID."""
    standard_keys: bool = True
    """API keys are of type Standard: refused on the Account itself."""
    trial: bool = False
    """A trial account: prefixed bodies, and `verified` applies."""
    verified: Collection[str] | None = None
    """What a trial account may text and call. None: everybody."""
    phones: Mapping[str, str] = field(default_factory=dict)
    """People's phones that the page shows from the beginning: number to name."""
    numbers: tuple[str, ...] | None = None
    """The account's own numbers: any other sender is refused. None: any sender will do, and two
    numbers are listed."""
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
    """Whether the `Url` of a call is fetched, and obeyed, once somebody answers it."""
    tunnels: Mapping[str, str] = field(default_factory=dict)
    """Webhooks that begin with the first are signed so and sent to the second, as a proxy in front
    of the gateway would."""
    webhook_authority: str | None = None
    """A file with the certificates that webhooks over HTTPS may be signed by. None: the usual."""
    media_auth: bool = False
    """Whether media is shown only to those with credentials."""

    @property
    def own_numbers(self) -> tuple[str, ...]:
        """What IncomingPhoneNumbers lists and messaging services pick from."""
        return DEFAULT_NUMBERS if self.numbers is None else self.numbers
