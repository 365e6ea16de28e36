"""A request as a device published it: who is to get what, on which terms."""

from dataclasses import dataclass

from callbox.domain.notification import Channel, Flow, Kind, Voice


@dataclass(frozen=True, slots=True)
class Recipient:
    """One person. Without `to` the contacts are asked for `name`."""

    name: str
    to: str | None
    channel: Channel
    body: str = ""
    media: tuple[str, ...] = ()
    voice: Voice | None = None
    flow: Flow | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """Why one of several recipients cannot be served: one sentence."""

    name: str
    message: str


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for; a term that is None takes the configured one. Times in seconds."""

    id: str
    kind: Kind
    recipients: tuple[Recipient | Fault, ...]
    sender: str | None = None
    retries: int | None = None
    expires_in: float | None = None
    sent_at: float | None = None
    priority: int = 1
    on_unknown: str | None = None
    dedup_key: str | None = None
