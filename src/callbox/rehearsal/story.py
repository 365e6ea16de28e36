"""What happened in a rehearsal, from what the gateway publishes: who got what, and when."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import Any, NamedTuple

from callbox.config.contacts import Contacts
from callbox.domain.delivery import Delivery
from callbox.domain.notification import Kind
from callbox.domain.phone import mask
from callbox.rehearsal.line import GOOD, Line, lasting, shorten
from callbox.simulator import Simulator
from callbox.simulator.records.address import phone_of
from callbox.simulator.records.call import Call
from callbox.simulator.records.message import Message
from callbox.simulator.records.outcome import Outcome
from callbox.simulator.records.outcomes import ANY
from callbox.simulator.scenario.scenario import Somebody
from callbox.simulator.scenario.tally import ENDS

OWN_TOPICS = ("txt", "call", "message/sent", "bridge/")
"""Topics below the base topic that tell a device nothing it does not know."""
REMEDIES = {
    "Recipient phone number cannot be None": (
        "{who} is not in contacts{near}: add it there, or give a phone_number."
    ),
    "From number cannot be None": "Set twilio.default_from_number, or give a from_number.",
}
"""Failures whose own words, those of V1, do not say what to do; by how these end."""

Document = Mapping[str, Any]
People = Iterable[tuple[Somebody, Outcome]]


class Asked(NamedTuple):
    """What a device published: seconds after the beginning, the words, whom they are for."""

    at: float
    what: str = ""
    who: str = ""
    name: str = ""
    """As the request calls them."""


class Story:
    """Told what is published, in order; read at the end. Times are the gateway's clock's."""

    def __init__(
        self, base_topic: str, began_at: float = 0.0, contacts: Contacts | None = None
    ) -> None:
        self._base = f"{base_topic}/"
        self._contacts = contacts or Contacts({})
        self.began_at = began_at
        self._requested: dict[str, Asked] = {}
        self._sent: dict[str, Line] = {}
        self._sids: dict[str, str] = {}
        self._ids: set[str] = set()
        self._others: list[Line] = []
        self._refused: list[tuple[str, Line]] = []
        """Request ids, and what may never have become a delivery."""
        self._answered: set[str] = set()
        self.received = 0
        self._hears = {
            "message/status": self._status,
            "message/delivery": self._delivery,
            "message/received": self._text_in,
            "call/received": self._call_in,
        }

    def request(self, document: Document, at: float) -> dict[str, Any]:
        """Note what a device is to publish, and give it, under an id that no other one has.

        An id that the gateway will refuse stays as it is; the refusal is then told of nothing.
        """
        written = document.get("id")
        if not isinstance(written, str) or not written:
            return dict(document)
        name = written
        while name in self._requested:
            name = f"{written}-{len(self._requested)}"
        self._requested[name] = self._asked(document, at - self.began_at)
        return {**document, "id": name}

    def _asked(self, document: Document, at: float) -> Asked:
        request = document.get("request")
        recipient = request.get("recipient") if isinstance(request, Mapping) else None
        if not isinstance(recipient, Mapping):
            return Asked(at)
        words = recipient.get("message") or recipient.get("voice_message_text") or ""
        name, number = str(recipient.get("name") or ""), str(recipient.get("phone_number") or "")
        known = [] if number else self._contacts.numbers(name)
        if len(known) == 1:
            number = known[0][1]
        return Asked(at, str(words), _name(name, number), name)

    @property
    def requested(self) -> list[str]:
        """The ids of what a device published."""
        return list(self._requested)

    @property
    def unanswered(self) -> list[str]:
        """The ids of what a device published and nothing was told of, in any way."""
        return [name for name in self._requested if name not in self._answered]

    def add_waiting(self, name: str, deliveries: list[Delivery]) -> None:
        """Add what the gateway has of a request and has told nothing of yet."""
        asked = self._requested[name]
        for each in deliveries:
            note = each.notification
            kind = "call" if note.kind is Kind.CALL else "text"
            who = _name(note.name, note.to)
            line = Line(asked.at, "out", who, asked.what, kind, "waits", state="queued")
            self._sent.setdefault(each.id, line)
            self._answered.add(name)

    def tell(self, topic: str, payload: bytes, at: float) -> None:
        """Note something published."""
        elapsed = at - self.began_at
        name = topic.removeprefix(self._base) if topic.startswith(self._base) else ""
        if hear := self._hears.get(name):
            hear(json.loads(payload), elapsed)
        elif not name.startswith(OWN_TOPICS):
            shown = payload.decode("utf-8", "replace")
            self._others.append(Line(elapsed, "topic", topic, shorten(shown)))

    def _status(self, document: Document, at: float) -> None:
        response, name = document["response"], str(document["id"])
        self._answered.add(name)
        if response["status"] == "fail":
            asked = self._requested.get(name, Asked(at))
            said = f"{response['error']}: {response['error_message']}"
            why = " ".join(filter(None, (self._remedy(asked, said), said)))
            who = asked.who or (name if document["id"] else "a request without an id")
            line = Line(asked.at, "out", who, asked.what, how=why, why=why, state="failed")
            line.steps.append((at, "failed"))
            self._refused.append((name, line))

    def _remedy(self, asked: Asked, said: str) -> str:
        """Say what to do where the status does not."""
        remedy = next((REMEDIES[end] for end in REMEDIES if said.endswith(end)), "")
        near = get_close_matches(asked.name, self._contacts.root, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        return remedy.format(who=asked.name or "The recipient", near=hint)

    def _delivery(self, document: Document, at: float) -> None:
        self._ids.add(str(document["id"]))
        self._answered.add(str(document["id"]))
        line = self._sent.setdefault(document["delivery_id"], self._begun(document, at))
        reached = _instant(document["at"], self.began_at + at) - self.began_at
        if document["state"] != line.state:
            line.steps.append((max(reached, line.at), document["state"]))
        line.state, line.why = document["state"], _why(document)
        line.how = _how(document, line)
        line.parts = document["segments"] if line.kind == "text" else None
        if document["sid"]:
            self._sids[document["delivery_id"]] = document["sid"]

    def _begun(self, document: Document, at: float) -> Line:
        asked = self._requested.get(str(document["id"]), Asked(at))
        kind = "call" if document["channel"] == "voice" else "text"
        who = _name(document["name"], document["to_number"])
        return Line(asked.at, "out", who, asked.what, kind)

    def _text_in(self, document: Document, at: float) -> None:
        self.received += 1
        who = _name(document["name"], document["messageFrom"])
        self._others.append(Line(at, "in", who, document["messageText"]))

    def _call_in(self, document: Document, at: float) -> None:
        if document["call_status"] == "ringing":
            who = _name(document["name"], document["callFrom"])
            self._others.append(Line(at, "in", who, kind="call"))

    @property
    def sent(self) -> list[Line]:
        """What was to be sent, oldest first, refusals among it."""
        refusals = (line for name, line in self._refused if name not in self._ids)
        return sorted([*self._sent.values(), *refusals], key=lambda line: line.at)

    @property
    def lines(self) -> list[Line]:
        """All of it, oldest first."""
        return sorted([*self.sent, *self._others], key=lambda line: line.at)

    @property
    def sids(self) -> set[str]:
        """What Twilio calls that which the gateway knows to have been sent."""
        return set(self._sids.values())

    def add_from(self, simulator: Simulator, people: People = ()) -> None:
        """Add what only Twilio knows: words of replies, prices, whether it is as people are."""
        now = simulator.now()
        records: list[Message | Call] = [*simulator.messages, *simulator.calls]
        found = {record.sid: record for record in records}
        for name, line in self._sent.items():
            record = found.get(self._sids.get(name, ""))
            if record is not None:
                price = record.document(now)["price"]
                line.price = abs(float(str(price))) if price else None
                line.what = line.what or getattr(record, "body", "")
                line.meant = not line.arrived and _as_people_are(record, now, people)


def _as_people_are(record: Message | Call, now: float, people: People) -> bool:
    """Tell whether it ended badly in the way that one of these people has everything end."""
    to, ended = phone_of(record.to), record.status(now)
    return ENDS.get(ended) == "failed" and any(
        ended == (outcome.call_course if isinstance(record, Call) else outcome.message_course)[-1]
        for somebody, outcome in people
        if to == somebody.to or (somebody.to.endswith(ANY) and to.startswith(somebody.to[:-1]))
    )


def _name(name: str | None, number: str) -> str:
    return " ".join(filter(None, (name, mask(number) if number else "")))


def _instant(text: str, usual: float) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return usual


def _how(document: Document, line: Line) -> str:
    state = document["state"]
    after = f" after {lasting(line.steps[-1][0] - line.at)}" if line.steps else ""
    if state in GOOD and line.kind == "call":
        return f"answered by {document['answered_by'] or 'somebody'}, {document['duration'] or 0} s"
    if state in GOOD:
        return f"{state}{after}"
    return f"{state}{after}" + (f": {line.why}" if line.why else "")


def _why(document: Document) -> str:
    said = document["error_message"] or document.get("call_status") or ""
    number = str(document["error_code"] or "")
    return f"{said} ({number})" if number and said and number not in said else said
