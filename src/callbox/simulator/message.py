"""A message as Twilio keeps it."""

from dataclasses import dataclass

from callbox.simulator.date import rfc2822
from callbox.simulator.record import Record
from callbox.simulator.segments import segments

TRIAL_PREFIX = "Sent from your Twilio trial account - "


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

    def sender_at(self, now: float) -> str | None:
        """Return the sender; a messaging service picks one once it is no more `accepted`."""
        if self.sender is not None:
            return self.sender
        return self.picked_sender if self._stage(now) else None

    def document(self, now: float) -> dict[str, object]:
        """Return the 20 fields of the Message resource."""
        path = f"/2010-04-01/Accounts/{self.account_sid}/Messages/{self.sid}"
        status = self.status(now)
        shown = "" if self.redacted else self.prefix + self.body
        return {
            "body": shown,
            "num_segments": "0" if status == "accepted" else str(segments(shown)),
            "direction": "outbound-api",
            "from": self.sender_at(now),
            "to": self.to,
            "date_updated": rfc2822(self.updated_at(now)),
            "price": None,
            "error_message": None,
            "uri": f"{path}.json",
            "account_sid": self.account_sid,
            "num_media": str(len(self.media)),
            "status": status,
            "messaging_service_sid": self.messaging_service_sid,
            "sid": self.sid,
            "date_sent": rfc2822(self.reached("sent", now)),
            "date_created": rfc2822(self.created_at),
            "error_code": None,
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
