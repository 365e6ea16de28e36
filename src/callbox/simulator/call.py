"""A call as Twilio keeps it."""

from dataclasses import dataclass

from callbox.simulator.address import formatted
from callbox.simulator.date import rfc2822
from callbox.simulator.number import number_sid
from callbox.simulator.record import Record

SUBRESOURCES = {
    "notifications": "Notifications",
    "recordings": "Recordings",
    "payments": "Payments",
    "events": "Events",
    "siprec": "Siprec",
    "streams": "Streams",
    "transcriptions": "Transcriptions",
    "user_defined_message_subscriptions": "UserDefinedMessageSubscriptions",
    "user_defined_messages": "UserDefinedMessages",
}


@dataclass(slots=True, kw_only=True, eq=False)
class Call(Record):
    """One phone call, with what its creator asked for."""

    sender: str
    url: str | None
    twiml: str | None
    application_sid: str | None
    status_callback_event: tuple[str, ...]
    machine_detection: str | None

    def started_at(self, now: float) -> float | None:
        """When it was answered."""
        return self.reached("in-progress", now)

    def ended_since(self, now: float) -> float | None:
        """When it ended, by itself or by an update."""
        return self.ended_at if self.ended else self.reached("completed", now)

    def _duration(self, now: float) -> str | None:
        start, end = self.started_at(now), self.ended_since(now)
        if end is None:
            return None
        return "0" if start is None else str(int(end - start))

    def document(self, now: float) -> dict[str, object]:
        """Return the 26 fields of the Call resource; dates are absent while it is queued."""
        path = f"/2010-04-01/Accounts/{self.account_sid}/Calls/{self.sid}"
        status = self.status(now)
        waiting = status == "queued"
        answered_by = "human" if self.machine_detection and self.started_at(now) else None
        return {
            "sid": self.sid,
            "date_created": None if waiting else rfc2822(self.created_at),
            "date_updated": None if waiting else rfc2822(self.updated_at(now)),
            "parent_call_sid": None,
            "account_sid": self.account_sid,
            "to": self.to,
            "to_formatted": formatted(self.to),
            "from": self.sender,
            "from_formatted": formatted(self.sender),
            "phone_number_sid": number_sid(self.sender),
            "status": status,
            "start_time": rfc2822(self.started_at(now)),
            "end_time": rfc2822(self.ended_since(now)),
            "duration": self._duration(now),
            "price": None,
            "price_unit": "USD",
            "direction": "outbound-api",
            "answered_by": answered_by,
            "api_version": "2010-04-01",
            "forwarded_from": None,
            "group_sid": None,
            "caller_name": None,
            "queue_time": "0",
            "trunk_sid": None,
            "uri": f"{path}.json",
            "subresource_uris": {name: f"{path}/{uri}.json" for name, uri in SUBRESOURCES.items()},
        }

    def entry(self) -> dict[str, object]:
        """Return the entry in the log."""
        return {
            "kind": "call",
            # no super() here: with slots the class it names was replaced by the decorator
            **Record.entry(self),
            "messaging_service_sid": None,
            "body": None,
            "media": [],
            "validity_period": None,
            "url": self.url,
            "twiml": self.twiml,
            "status_callback_event": list(self.status_callback_event),
        }
