"""A call as Twilio keeps it."""

import math
from dataclasses import dataclass, field

from callbox.simulator.records.address import formatted
from callbox.simulator.records.date import rfc2822
from callbox.simulator.records.heard import LONGEST, MOST, Heard
from callbox.simulator.records.number import number_sid
from callbox.simulator.records.outcome import USUAL, Outcome
from callbox.simulator.records.price import of_call
from callbox.simulator.records.record import Record
from callbox.simulator.records.recording import Wish
from callbox.simulator.records.timeline import Timeline
from callbox.simulator.records.webhook import Webhook, concealed

USUAL_TIMEOUT = 60
"""Seconds that it rings."""
USUAL_DETECTION = 30
LONGEST_CALL = 14_400
"""Seconds after which Twilio ends a call."""
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
    status_callback_event: tuple[str, ...]
    machine_detection: str | None
    status_callback_method: str = "POST"
    method: str = "POST"
    fallback_url: str | None = None
    fallback_method: str = "POST"
    direction: str = "outbound-api"
    outcome: Outcome = USUAL
    """What becomes of it, and who answers."""
    answered_by: str = "human"
    """Whom machine detection found; empty until it did, of a call that is lived through."""
    said_duration: int | None = None
    """Seconds that it is said to have lasted; None if it is said as it was."""
    lived: bool = False
    """Whether its statuses come as they happen, by `reach`, not by a timeline known before."""
    timeout: int = USUAL_TIMEOUT
    """Seconds that it rings before nobody answered."""
    time_limit: int = LONGEST_CALL
    """Seconds that it lasts at most."""
    send_digits: str | None = None
    """What is dialled once somebody answers."""
    detection_timeout: int = USUAL_DETECTION
    """Seconds after which machine detection gives up."""
    detects_behind: bool = False
    """Whether machine detection lets the script begin meanwhile."""
    detection_callback: Webhook | None = None
    """Who is told what machine detection found, if the script did not wait for it."""
    wish: Wish | None = None
    """How all of it is to be recorded, if it is."""
    recording: dict[str, str] = field(default_factory=dict)
    """What its last status callback tells of that."""
    waits_for: str = ""
    """What whoever is on the phone can do now: `answer`, press `digits`, say `speech`, or ""."""
    queued_for: float = 0.0
    """Seconds that it waited for its turn."""
    priced_after: float = 0.0
    """Seconds from its end until the price is known."""
    transcript: list[Heard] = field(default_factory=list)
    """What was heard and pressed, in order."""

    @property
    def script_webhook(self) -> Webhook | None:
        """Where what is said to the callee comes from."""
        if self.url is None:
            return None
        return Webhook(self.url, self.method, self.fallback_url, self.fallback_method)

    @property
    def inbound(self) -> bool:
        """Whether somebody called us."""
        return self.direction == "inbound"

    def hear(self, now: float, who: str, kind: str, text: str = "") -> None:
        """Write down what happened, without passwords; see Heard."""
        if len(self.transcript) < MOST:
            self.transcript.append(Heard(now, who, kind, concealed(text)[:LONGEST]))

    def reach(self, status: str, now: float) -> None:
        """Come to a status, of a call whose statuses come as they happen."""
        line = self.timeline
        instant = max(now - self.created_at, line.instants[-1])
        self.timeline = Timeline((*line.statuses, status), (*line.instants, instant))

    def _stage(self, now: float) -> int:
        if self.lived:
            return len(self.timeline.statuses) - 1
        return self.timeline.stage(self._until(now) - self.created_at)

    def started_at(self, now: float) -> float | None:
        """When it was answered."""
        return self.reached("in-progress", now)

    def ended_since(self, now: float) -> float | None:
        """When it ended, by itself or by an update."""
        if self.ended:
            return self.ended_at
        return None if self.lived else self.reached(self.timeline.statuses[-1], now)

    def duration(self, now: float = math.inf) -> int | None:
        """Return the seconds it has lasted; None before it ended, which it has by the usual."""
        start, end = self.started_at(now), self.ended_since(now)
        if end is None:
            return None
        if start is None:
            return 0
        return int(end - start) if self.said_duration is None else self.said_duration

    def price(self, now: float) -> str | None:
        """Return what it cost, in dollars below nothing; None of a call that costs nothing yet."""
        lasted, ended_at = self.duration(now), self.ended_since(now)
        if not lasted or ended_at is None or now < ended_at + self.priced_after:
            return None
        return of_call(self.to, lasted, inbound=self.inbound)

    def _found(self, now: float) -> str | None:
        detected = self.machine_detection and self.started_at(now)
        return self.answered_by or None if detected else None

    def document(self, now: float) -> dict[str, object]:
        """Return the 26 fields of the Call resource; dates are absent while it is queued."""
        path = f"/2010-04-01/Accounts/{self.account_sid}/Calls/{self.sid}"
        status = self.status(now)
        waiting = status == "queued"
        lasted = self.duration(now)
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
            "phone_number_sid": number_sid(self.to if self.inbound else self.sender),
            "status": status,
            "start_time": rfc2822(self.started_at(now)),
            "end_time": rfc2822(self.ended_since(now)),
            "duration": None if lasted is None else str(lasted),
            "price": self.price(now),
            "price_unit": "USD",
            "direction": self.direction,
            "answered_by": self._found(now),
            "api_version": "2010-04-01",
            "forwarded_from": None,
            "group_sid": None,
            "caller_name": None,
            "queue_time": str(int(self.queued_for * 1000)),
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
