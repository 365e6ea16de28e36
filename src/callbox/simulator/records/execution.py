"""A run of a Studio flow as Twilio keeps it."""

from dataclasses import dataclass

from callbox.simulator.records.date import iso8601
from callbox.simulator.records.record import Record

RUN = ("active", "ended")
"""Statuses one after another."""


@dataclass(slots=True, kw_only=True, eq=False)
class Execution(Record):
    """One person's run through a flow, with what its creator asked for."""

    flow_sid: str
    parameters: dict[str, object]
    contact_sid: str
    initiated_by: str
    """What started it: a request, in most cases."""

    @property
    def path(self) -> str:
        """Where it is in the API."""
        return f"/v2/Flows/{self.flow_sid}/Executions/{self.sid}"

    def document(self, now: float, base: str) -> dict[str, object]:
        """Return the 13 fields of the Execution resource, which tell no sender; URLs are whole."""
        url = f"{base}{self.path}"
        return {
            "sid": self.sid,
            "account_sid": self.account_sid,
            "flow_sid": self.flow_sid,
            "contact_sid": self.contact_sid,
            "contact_channel_address": self.to,
            "flow_version": 1,
            "context": {},
            "status": self.status(now),
            "date_created": iso8601(self.created_at),
            "date_updated": iso8601(self.updated_at(now)),
            "initiated_by": self.initiated_by,
            "url": url,
            "links": {"steps": f"{url}/Steps", "execution_context": f"{url}/Context"},
        }

    def entry(self) -> dict[str, object]:
        """Return the entry in the log."""
        return {
            "kind": "flow",
            # no super() here: with slots the class it names was replaced by the decorator
            **Record.entry(self),
            "messaging_service_sid": None,
            "body": None,
            "media": [],
            "validity_period": None,
            "url": None,
            "twiml": None,
            "status_callback_event": [],
            "flow_sid": self.flow_sid,
            "parameters": self.parameters,
        }
