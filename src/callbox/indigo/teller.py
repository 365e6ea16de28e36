"""What happens, told to Indigo: states of devices, triggers, broadcasts to other plugins.

All of it runs in the one thread that talks to Indigo, an event at a time. A text's own words are
matched, never a device's states, which the next text may have overwritten.
"""

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from pydantic_core import from_json

from callbox.domain.delivery import Delivery
from callbox.domain.phone import mask
from callbox.domain.question import Question
from callbox.indigo.journal import ACTION_GROUP, TRIGGER, Journal
from callbox.indigo.people import People
from callbox.indigo.questions import TIMEOUT, Questions, Terms
from callbox.indigo.triggers import FAILED, UNANSWERED, UNDELIVERED, Heard, Trigger, Triggers
from callbox.ports import Event

log = logging.getLogger(__name__)

Document = Mapping[str, Any]

_BROADCAST = ("messageFrom", "messageTo", "messageText")  # and nothing more: the readme's keys

# The number's status once Twilio took something, or did not, by its channel.
_CREATED = {
    "sms": "Message Sent",
    "whatsapp": "Message Sent",
    "voice": "Message Sent",
    "flow": "Flow Activated",
}
_NOT_CREATED = {"flow": "Flow Failure"}
_SENT = {"accepted", "sent", "delivered", "read", "undelivered"}
_NEVER_SENT = {"failed", "expired", "unknown"}
_RARELY = 60.0  # seconds


@dataclass(slots=True)
class Manner:
    """How texts are told: whether access levels are asked for, and the oldest that act.

    `oldest` in seconds, 0 for any age.
    """

    asks_level: bool = False
    oldest: float = 0.0


@dataclass(slots=True)
class Teller:
    """Tells one Indigo server; implements `callbox.hosts.indigo.Home`.

    `numbers` are the devices of ours that are in service, by number. `reply` sends what a question
    is answered with, `close` ends one that nobody answered.
    """

    indigo: Any
    triggers: Triggers
    people: Callable[[], People]
    journal: Journal
    reply: Callable[[Question, str], None]
    close: Callable[[Question], None]
    questions: Questions = field(default_factory=Questions)
    manner: Manner = field(default_factory=Manner)
    numbers: dict[str, int] = field(default_factory=dict)
    now: Callable[[], float] = time.time
    thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="indigo")
    )
    _refused_at: dict[int, float] = field(default_factory=dict)

    def tell(self, event: Event) -> str | None:
        """See `Home`; what Indigo need not know is left out."""
        tell = _TELLS.get(event.topic)
        return None if tell is None else tell(self, from_json(event.payload))

    def _received(self, told: Document) -> str | None:
        sid, sender = str(told["sid"]), str(told["messageFrom"])
        device_id = self.numbers.get(told["messageTo"])
        self.journal.begin(sid, f"Text from {mask(sender)} to {mask(told['messageTo'])}")
        name = self.people().name_of(sender) or ""
        self._show(device_id, {**_states_of_text(told), "messageName": name})
        self._show_contact(sender, "Message Received")
        acts = self._acts(told, device_id)
        if acts and device_id is not None:
            self._fire(told, device_id)
        self.indigo.server.broadcastToSubscribers("messageReceived", _broadcast(told))
        over = self._answer(told) if acts else None
        self.journal.forget(sid)
        return over

    def _acts(self, told: Document, device_id: int | None) -> bool:
        """Tell whether a text may set anything off."""
        if device_id is None:
            log.warning("No device in service has %s: no trigger fires", mask(told["messageTo"]))
            return False
        if self._is_too_old(told):
            log.warning("A text from %s is too old to fire triggers", mask(told["messageFrom"]))
            return False
        return True

    def _fire(self, told: Document, device_id: int) -> None:
        heard = Heard(
            device_id,
            told["messageFrom"],
            told["messageTo"],
            told["messageText"],
            self.people().level_of(told["messageFrom"]),
        )
        for trigger, match in self.triggers.for_text(heard, self.manner.asks_level):
            if match:
                self._show(device_id, {"matchResult": match})
            self._execute(trigger, told["sid"])
        self.tell_faults()

    def tell_faults(self) -> None:
        """Log what is wrong with triggers, once."""
        for fault in self.triggers.faults():
            log.error("%s", fault)

    def _execute(self, trigger: Trigger, evidence: str) -> None:
        """Execute a trigger; one that was deleted or disabled meanwhile does not hold the rest."""
        if not self.journal.has(evidence, TRIGGER, trigger.id, trigger.name):
            _risk(f"Trigger {trigger.name}", lambda: self.indigo.trigger.execute(trigger.id))
            self.journal.note(evidence, TRIGGER, trigger.id)

    def _answer(self, told: Document) -> str | None:
        """Do what the answer to a question sets off; give the id of the question."""
        found = self.questions.answered_by(
            told["messageTo"], told["messageFrom"], told["messageText"], _came_at(told)
        )
        if found is None:
            return None
        question, answer = found
        log.info("%s answered %s", Terms.read(question).name or "They", answer)
        self._carry_out(question, answer, told["sid"])
        self.questions.remove(question)
        return question.id

    def time_out(self) -> None:
        """Do what is to be done for questions that nobody answered in time."""
        for question in self.questions.overdue(self.now()):
            name = Terms.read(question).name or mask(question.theirs)
            self.journal.begin(question.id, f"No answer from {name}")
            self._carry_out(question, TIMEOUT, question.id)
            self.close(question)
            self.questions.remove(question)
            self.journal.forget(question.id)

    def _carry_out(self, question: Question, answer: str, evidence: str) -> None:
        self.reply(question, answer)
        group = Terms.read(question).groups.get(answer)
        if group is not None:
            self._execute_group(group, evidence)

    def _execute_group(self, group_id: int, evidence: str) -> None:
        def execute() -> None:
            name = self.indigo.actionGroups[group_id].name
            if not self.journal.has(evidence, ACTION_GROUP, group_id, name):
                self.indigo.actionGroup.execute(group_id)

        _risk(f"Action group {group_id}", execute)
        self.journal.note(evidence, ACTION_GROUP, group_id)

    def _sent(self, told: Document) -> None:
        self.indigo.server.broadcastToSubscribers("messageSent", _broadcast(told))
        self._show_contact(told["messageTo"], "Message Sent")

    def _delivery(self, told: Document) -> None:
        state, channel = told["state"], told["channel"]
        device_id = self.numbers.get(told["from_number"])
        news = {
            "deliveryState": state,
            "deliveryTo": told["to_number"],
            "deliveryReason": told["error_message"] or "",
            "deliveryId": told["delivery_id"],
        }
        was_sent = told["sid"] is not None
        if told["previous_state"] not in _SENT:
            created = _CREATED[channel]
            failed = _NOT_CREATED.get(channel, "Create Failure")
            news["numberStatus"] = created if was_sent else failed
            self._light(device_id, good=was_sent)
        self._show(device_id, news)
        happened = _happened(told)
        if happened is not None and device_id is not None:
            self._fire_of_delivery(happened, told, device_id)

    def _fire_of_delivery(self, happened: str, told: Document, device_id: int) -> None:
        whom = told["name"] or mask(told["to_number"])
        why = " ".join(filter(None, (told["error_message"], told["remedy"])))
        sentence = f"Not delivered to {whom}" + (f": {why}" if why else "")
        log.warning("%s", sentence)
        triggers = self.triggers.for_delivery(happened, device_id)
        evidence = f"delivery-{told['delivery_id']}-{told['state']}"
        if triggers:
            self.journal.begin(evidence, f"Triggers for what was not delivered to {whom}")
        for trigger in triggers:
            self._execute(trigger, evidence)
        self.journal.forget(evidence)

    def queued(self, device_id: int, delivery: Delivery) -> None:
        """Show that something is kept and will be sent."""
        states = {
            "deliveryState": str(delivery.progress.state),
            "deliveryTo": delivery.notification.to,
            "deliveryReason": "",
            "deliveryId": delivery.id,
        }
        self._show(device_id, states)

    def refused(self, device_id: int, reason: str) -> None:
        """Show that something was refused at once, and fire what waits for failures.

        Rarely: a trigger that sends what is refused would never end.
        """
        self._show(
            device_id,
            {
                "numberStatus": "Create Failure",
                "deliveryState": "failed",
                "deliveryTo": "",
                "deliveryReason": reason,
                "deliveryId": "",
            },
        )
        self._light(device_id, good=False)
        now = self.now()
        if now - self._refused_at.get(device_id, 0.0) >= _RARELY:
            self._refused_at[device_id] = now
            for trigger in self.triggers.for_delivery(FAILED, device_id):
                _risk(f"Trigger {trigger.name}", partial(self.indigo.trigger.execute, trigger.id))

    def show_check(self, numbers: list[str], *, good: bool) -> None:
        """Show on the numbers' devices how a check for messages went."""
        for number in numbers:
            device_id = self.numbers.get(number)
            self._show(device_id, {"numberStatus": "Success" if good else "Error"})
            self._light(device_id, good=good)

    def _show(self, device_id: int | None, states: Mapping[str, str]) -> None:
        device = self._device(device_id)
        if device is not None:
            device.updateStatesOnServer(
                [{"key": key, "value": value} for key, value in states.items()]
            )

    def _show_contact(self, number: str, status: str) -> None:
        self._show(self.people().device_of(number), {"contactStatus": status})

    def _light(self, device_id: int | None, *, good: bool) -> None:
        device = self._device(device_id)
        if device is not None:
            images = self.indigo.kStateImageSel
            device.updateStateImageOnServer(images.SensorOn if good else images.SensorOff)

    def _device(self, device_id: int | None) -> Any:  # noqa: ANN401 - Indigo's
        """Give a device as it is now; None if it is gone or disabled."""
        if device_id is None:
            return None
        try:
            device = self.indigo.devices[device_id]
        except KeyError:
            return None
        return device if device.enabled else None

    def _is_too_old(self, told: Document) -> bool:
        if not self.manner.oldest:
            return False
        return self.now() - _came_at(told) > self.manner.oldest


_TELLS: dict[str, Callable[[Teller, Document], str | None]] = {
    "message/received": Teller._received,  # noqa: SLF001 - its own table
    "message/sent": Teller._sent,  # noqa: SLF001
    "message/delivery": Teller._delivery,  # noqa: SLF001
}


def _happened(told: Document) -> str | None:
    """Give the type of trigger that fires for a step of a delivery."""
    state, call = told["state"], told["channel"] == "voice"
    if state == "unknown":  # in doubt to its end, or, with a SID, sent without a receipt
        return FAILED if told["sid"] is None else None
    if state == told["previous_state"]:  # the price, or how long a call took
        return None
    if state == "undelivered" or (state == "failed" and told["sid"] is not None):
        return UNANSWERED if call else UNDELIVERED
    return FAILED if state in _NEVER_SENT else None


def _risk(what: str, execute: Callable[[], None]) -> None:
    """Execute something that the owner may have changed meanwhile: it does not hold the rest."""
    try:
        execute()
    except Exception as fault:  # noqa: BLE001 - Indigo does not say what it raises
        log.warning("%s cannot be executed: %s", what, fault)


def _came_at(told: Document) -> float:
    return datetime.fromisoformat(told["received_at"]).timestamp()


def _states_of_text(told: Document) -> dict[str, str]:
    return {
        **_broadcast(told),
        "messageSid": told["sid"],
        "messageMedia": ", ".join(medium["url"] for medium in told["media"]),
    }


def _broadcast(told: Document) -> dict[str, str]:
    return {key: told[key] or "" for key in _BROADCAST}
