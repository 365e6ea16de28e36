"""A message as Twilio keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass

from callbox.simulator.records.address import channel
from callbox.simulator.records.attachment import Attachment
from callbox.simulator.records.date import rfc2822
from callbox.simulator.records.price import of_text
from callbox.simulator.records.record import Record
from callbox.simulator.records.segments import segments

PRICED = {"delivered", "undelivered", "read", "received"}
"""What costs something: what failed was never sent."""
BLAMED = {"failed", "undelivered"}
UNSENT = {"accepted", "scheduled"}
LONGEST_BODY = 1600
"""Characters, whoever texts whom (Twilio: error 21617, and the webhook parameter `Body`)."""
MOST_MEDIA = 10
BLAME: Mapping[int, str] = {
    21703: "The Messaging Service does not have a phone number available to send a message",
    30001: "Queue overflow",
    30002: "Account suspended",
    30003: "Unreachable destination handset",
    30004: "Message blocked",
    30005: "Unknown destination handset",
    30006: "Landline or unreachable carrier",
    30007: "Message filtered",
    30008: "Unknown error",
    30032: "Toll-Free Number Has Not Been Verified",
    30034: "US A2P 10DLC - Message from an Unregistered Number",
    30036: "Validity Period Expired",
    30410: "Provider Timeout Error",
    63016: (
        "Failed to send freeform message because you are outside the allowed window. If you are"
        " using WhatsApp, please use a Message Template."
    ),
    63018: "Rate limit exceeded for Channel",
}
"""The titles of Twilio's error dictionary; a code that is not here has no text."""


@dataclass(slots=True, kw_only=True, eq=False)
class Message(Record):
    """One text message, with what its creator asked for."""

    body: str
    prefix: str
    media: tuple[str, ...]
    messaging_service_sid: str | None
    validity_period: int | None
    picked_sender: str
    """Whom the messaging service picks, if it must; empty if it can pick nobody."""
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
    priced_after: float = 0.0
    """Seconds from the last status until the price is known."""
    opt_out_type: str = ""
    """STOP, START or HELP, where the webhook is told."""
    mms: bool = False
    """Whether it goes as one MMS, with media or without."""
    free: bool = False
    """Whether it costs nothing, as Twilio's own answers do."""

    def sender_at(self, now: float) -> str | None:
        """Return the sender; a messaging service picks one once it is no more `accepted`."""
        if self.sender is not None:
            return self.sender
        return self.picked_sender or None if self._stage(now) else None

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

    def is_over(self, now: float) -> bool:
        """Whether it has come to its end; that somebody reads it may still follow."""
        status = self.status(now)
        return self.ended is not None or status in {"delivered", self.timeline.statuses[-1]}

    def listed(self, now: float) -> bool:
        """Whether lists show it already."""
        return now >= self.listed_at

    @property
    def parts(self) -> int:
        """The segments that it is sent in; an MMS and what is on a channel are not cut."""
        return 1 if self.mms or channel(self.to) else segments(self.prefix + self.body)

    def _price(self, status: str, now: float) -> str | None:
        if self.free or status not in PRICED or now < self._priced_at():
            return None
        return of_text(self.to, self.parts, media=self.mms, inbound=self.inbound)

    def _priced_at(self) -> float:
        course = zip(self.timeline.statuses, self.timeline.instants, strict=True)
        final = next((instant for status, instant in course if status in PRICED), 0.0)
        return self.created_at + final + self.priced_after if self.priced_after else 0.0

    def document(self, now: float) -> dict[str, object]:
        """Return the 20 fields of the Message resource."""
        path = self.path
        status = self.status(now)
        failed = status in BLAMED
        return {
            "body": "" if self.redacted else self.prefix + self.body,
            "num_segments": "0" if status in UNSENT else str(self.parts),
            "direction": self.direction,
            "from": self.sender_at(now),
            "to": self.to,
            "date_updated": rfc2822(self.updated_at(now)),
            "price": self._price(status, now),
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
