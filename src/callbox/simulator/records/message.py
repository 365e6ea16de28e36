"""A message as Twilio keeps it."""

from dataclasses import dataclass

from callbox.simulator.records.attachment import Attachment
from callbox.simulator.records.date import rfc2822
from callbox.simulator.records.record import Record
from callbox.simulator.records.segments import segments

TRIAL_PREFIX = "Sent from your Twilio trial account - "
PRICE = 0.0075
"""Dollars a segment, once it is known what became of it."""
PRICED = {"delivered", "undelivered", "read", "received"}
BLAMED = {"failed", "undelivered"}
BLAME = {
    30003: "Unreachable destination handset",
    30004: "Message blocked",
    30005: "Unknown destination handset",
    30006: "Landline or unreachable carrier",
    30007: "Message filtered",
    30008: "Unknown error",
}


@dataclass(slots=True, kw_only=True, eq=False)
class Message(Record):
    """One text message, with what its creator asked for."""

    body: str
    prefix: str
    media: tuple[str, ...]
    messaging_service_sid: str | None
    validity_period: int | None
    picked_sender: str
    """Whom the messaging service picks, if it must."""
    redacted: bool = False
    feedback: str | None = None
    """Whether the recipient did what the text was for, as far as we were told."""
    direction: str = "outbound-api"
    attachments: tuple[Attachment, ...] = ()
    """What Twilio keeps of the media."""
    error_code: int | None = None
    """Why it fails, if it does."""
    listed_at: float = 0.0
    """When lists begin to show it."""

    def sender_at(self, now: float) -> str | None:
        """Return the sender; a messaging service picks one once it is no more `accepted`."""
        if self.sender is not None:
            return self.sender
        return self.picked_sender if self._stage(now) else None

    @property
    def path(self) -> str:
        """Where it is in the API."""
        return f"/2010-04-01/Accounts/{self.account_sid}/Messages/{self.sid}"

    @property
    def inbound(self) -> bool:
        """Whether somebody texted us."""
        return self.direction == "inbound"

    def sent_at(self, now: float) -> float | None:
        """When it was sent: what came in was sent before."""
        return self.created_at if self.inbound else self.reached("sent", now)

    def listed(self, now: float) -> bool:
        """Whether lists show it already."""
        return now >= self.listed_at

    def _price(self, status: str, parts: int) -> str | None:
        return f"-{PRICE * parts:.5f}" if status in PRICED else None

    def document(self, now: float) -> dict[str, object]:
        """Return the 20 fields of the Message resource."""
        path = self.path
        status = self.status(now)
        shown = "" if self.redacted else self.prefix + self.body
        parts, failed = segments(shown), status in BLAMED
        return {
            "body": shown,
            "num_segments": "0" if status == "accepted" else str(parts),
            "direction": self.direction,
            "from": self.sender_at(now),
            "to": self.to,
            "date_updated": rfc2822(self.updated_at(now)),
            "price": self._price(status, parts),
            "error_message": BLAME.get(self.error_code or 0) if failed else None,
            "uri": f"{path}.json",
            "account_sid": self.account_sid,
            "num_media": str(len(self.attachments)),
            "status": status,
            "messaging_service_sid": self.messaging_service_sid,
            "sid": self.sid,
            "date_sent": rfc2822(self.sent_at(now)),
            "date_created": rfc2822(self.created_at),
            "error_code": self.error_code if failed else None,
            "price_unit": "USD",
            "api_version": "2010-04-01",
            "subresource_uris": {"media": f"{path}/Media.json"},
        }

    def entry(self) -> dict[str, object]:
        """Return the entry in the log."""
        return {
            "kind": "message",
            # no super() here: with slots the class it names was replaced by the decorator
            **Record.entry(self),
            "messaging_service_sid": self.messaging_service_sid,
            "body": self.body,
            "media": list(self.media),
            "validity_period": self.validity_period,
            "url": None,
            "twiml": None,
            "status_callback_event": [],
        }
