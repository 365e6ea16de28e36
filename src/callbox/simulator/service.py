"""A messaging service: senders that share an inbound webhook, a status callback and opt-outs."""

from dataclasses import dataclass

from callbox.simulator.order import BadOrder

LONGEST_VALIDITY = 36_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One entry of `services`; a number belongs to one service at most."""

    senders: tuple[str, ...]
    """Who may be picked: numbers, short codes, names, addresses such as `whatsapp:+…`."""
    inbound_url: str = ""
    """What is called for a text to one of the senders. Empty: nothing is."""
    inbound_method: str = "POST"
    fallback_url: str = ""
    fallback_method: str = "POST"
    use_inbound_webhook_on_number: bool = False
    """Whether the number's own webhook is called in place of `inbound_url`."""
    status_callback: str = ""
    """Where the status of a message is told, unless the request says where."""
    validity_period: int = LONGEST_VALIDITY
    """Seconds that a message may wait, unless the request says how many."""
    advanced_opt_out: bool = False
    """Whether webhooks tell STOP, START and HELP by OptOutType, on short codes too."""
    sticky_sender: bool = True
    """Whether somebody is always texted by the same sender."""

    def __post_init__(self) -> None:
        if not 1 <= self.validity_period <= LONGEST_VALIDITY:
            raise BadOrder(f'"validity_period" must be 1 to {LONGEST_VALIDITY} seconds.')
