"""What actions, scripts and Indigo's web server ask for.

Indigo's callback thread reads what is asked and hands it to the gateway; whoever waits for a result
gets it from there, through Indigo's completion handler.
"""

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar
from uuid import uuid4

from callbox.domain.delivery import Delivery
from callbox.domain.notification import Channel, Kind
from callbox.domain.phone import mask
from callbox.domain.question import Question
from callbox.domain.request import Fault, Recipient, Request
from callbox.indigo.engine import Engine
from callbox.indigo.mistake import Mistake
from callbox.indigo.people import People, number_of
from callbox.indigo.questions import NO, TIMEOUT, YES, Questions, Terms, words_of
from callbox.indigo.requests import Order, auth_of, request_of, timeout_of
from callbox.indigo.web import reply_of, webhook_of
from callbox.indigo.wording import ACTIONS, in_words
from callbox.intake import Asked
from callbox.ports import Receipt
from callbox.service import Gateway
from callbox.twilio.refusals import Refusal
from callbox.wire import delivery_document

log = logging.getLogger(__name__)

T = TypeVar("T")
Result = dict[str, Any]
Tell = Callable[[Delivery], None]

NO_GROUP = "none"
NATIONAL = "+1"  # the Twilio plugin took its numbers without a country code too
_PING_VARIABLE = "twilio_ping"
_NO_NUMBERS = "No number's device is in service; expected one that texts come to"
_DRY_RUN = Refusal(503, "Nothing is received in a dry run; texts are fetched after it")
_CLOSED = Refusal(503, "Callbox does not run", headers={"Retry-After": "10"})


@dataclass(slots=True)
class Actions:
    """Serves the plugin's actions.

    `checked` is called in the thread that talks to Indigo, and told how a check for messages went;
    `queued` and `refused`, from any, are told what a device sends, or why it sent nothing.
    """

    indigo: Any
    engine: Engine
    questions: Questions
    people: Callable[[], People]
    substitute: Callable[[str], str]
    checked: Callable[[list[str], bool], None]
    queued: Callable[[int, Delivery], None]
    refused: Callable[[int, str], None]

    def send(self, action_id: str, action: Any, device: Any, *, waits: bool) -> Any:  # noqa: ANN401
        """Send a text, place a call or start a flow; the result tells the deliveries' ids."""
        device = self._device(action, device)
        try:
            request = request_of(self._order(action_id, action, device))
        except Mistake as mistake:
            return self._failed(action_id, mistake, device, waits=waits)
        auth = auth_of(request)
        if auth is not None:
            device.updateStateOnServer("last_auth", auth)
        tell = partial(self.queued, device.id)
        done = self.engine.call(lambda gateway: _submit(gateway, request, tell))
        done.add_done_callback(partial(self._show_refusal, device.id))
        return self._answer(done, waits)

    def ask(self, action: Any, device: Any, *, waits: bool) -> Any:  # noqa: ANN401 - Indigo's
        """Ask everyone who is meant; each may answer."""
        device = self._device(action, device)
        try:
            order = self._order("askQuestion", action, device)
            request = request_of(order)
            terms, seconds = _terms(order, device.id), timeout_of(order)
        except Mistake as mistake:
            return self._failed("askQuestion", mistake, device, waits=waits)
        asked = [_question(request, each, terms, seconds) for each in request.recipients]
        tell = partial(self.queued, device.id)
        done = self.engine.call(lambda gateway: self._ask(gateway, asked, tell))
        done.add_done_callback(partial(self._show_refusal, device.id))
        return self._answer(done, waits)

    def check(self, *, waits: bool) -> Any:  # noqa: ANN401 - Indigo's
        """Look for messages now."""
        return self._answer(self.engine.call(self._check), waits)

    def status(self, props: Mapping[str, Any], *, waits: bool) -> Any:  # noqa: ANN401 - Indigo's
        """Tell a script what is known of a delivery."""
        delivery_id = str(props.get("id") or "")
        return self._answer(self.engine.call(lambda gateway: _status(gateway, delivery_id)), waits)

    def ping(self) -> str:
        """Look for messages, and set the variable that the readme's trigger waits for."""
        self.engine.call(self._check).add_done_callback(_note)
        if _PING_VARIABLE in self.indigo.variables:
            self.indigo.variable.updateValue(self.indigo.variables[_PING_VARIABLE].id, "true")
        return "200"

    def receive(self, props: Mapping[str, Any], query: str) -> Any:  # noqa: ANN401 - Indigo's
        """Take what Twilio tells; it is on disk before Twilio is answered."""
        webhook = webhook_of(props, query)
        if isinstance(webhook, Refusal):
            return self._plain(reply_of(webhook))
        handler = self.indigo.acquireCallbackCompleteHandler()

        def answer(done: "Future[str | Refusal]") -> None:
            said = _CLOSED if done.exception() else done.result()
            _note(done)
            handler.returnResult(self._plain(reply_of(said)))

        self.engine.call(lambda gateway: gateway.webhooks.take(webhook)).add_done_callback(answer)
        return None

    def turn_away(self) -> Any:  # noqa: ANN401 - Indigo's
        """Refuse what Twilio tells while nothing is received."""
        return self._plain(reply_of(_DRY_RUN))

    # results

    def _answer(self, done: "Future[Result]", waits: bool) -> Any:  # noqa: ANN401
        """Let whoever waits have the result, and the Event Log what went wrong."""
        if not waits:
            done.add_done_callback(_note)
            return None
        handler = self.indigo.acquireCallbackCompleteHandler()

        def answer(ended: "Future[Result]") -> None:
            _note(ended)
            fault = ended.exception()
            result = ended.result() if fault is None else _failure(str(fault))
            handler.returnResult(self._plain(result))

        done.add_done_callback(answer)
        return None

    def _failed(self, action_id: str, mistake: Mistake, device: Any, *, waits: bool) -> Any:  # noqa: ANN401
        sentence = f"{ACTIONS[action_id]}: {mistake.sentence}"
        log.error("%s", sentence)
        if device is not None:
            self.refused(device.id, sentence)
        return self._plain(_failure(sentence)) if waits else None

    def _show_refusal(self, device_id: int, done: "Future[Result]") -> None:
        fault = done.exception()
        failures = done.result()["failures"] if fault is None else [in_words(str(fault))]
        if failures:
            self.refused(device_id, "; ".join(failures))

    def _plain(self, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - Indigo's
        """Give values as Indigo's own containers; it knows no None."""
        found = self.indigo.Dict()
        for key, value in values.items():
            if isinstance(value, Mapping):
                found[key] = self._plain(value)
            elif isinstance(value, list | tuple):
                found[key] = self.indigo.List()
                several = found[key]
                for each in value:
                    several.append(each)
                found[key] = several
            elif isinstance(value, str):
                found[key] = str(value)  # nothing derived from it crosses the bridge
            elif value is not None:
                found[key] = value
        return found

    # what the gateway does

    def _device(self, action: Any, device: Any) -> Any:  # noqa: ANN401 - Indigo's
        """Give the number device of an action, whether Indigo hands it over or names it only."""
        if device is None and action.deviceId in self.indigo.devices:
            return self.indigo.devices[action.deviceId]
        return device

    def _order(self, action_id: str, action: Any, device: Any) -> Order:  # noqa: ANN401 - Indigo's
        if device is None:
            raise Mistake("No Twilio number is chosen; expected a device to send from")
        props = device.pluginProps
        return Order(
            action_id,
            dict(action.props),
            device.name,
            _own_number(device.name, str(props.get("twilioNumber") or "")),
            self.people(),
            self.substitute,
            f"indigo-{uuid4()}",
            str(device.states.get("messageFrom") or ""),
        )

    async def _check(self, gateway: Gateway) -> Result:
        gateway.rounds.check()
        looked = gateway.rounds.first_look()
        numbers = list(gateway.config.numbers)

        async def tell() -> None:
            answered = await looked
            if gateway.indigo is not None:
                await gateway.indigo.do(partial(self.checked, numbers, answered))

        gateway.spawn(tell())
        failures = [] if numbers else [_NO_NUMBERS]
        return {"success": bool(numbers), "numbers": len(numbers), "failures": failures}

    async def _ask(
        self, gateway: Gateway, asked: list[tuple[Request, Question] | Fault], tell: Tell
    ) -> Result:
        results: list[Result] = []
        for each in asked:
            if isinstance(each, Fault):
                results.append(_failure(f"{each.name}: {each.message}"))
                continue
            request, question = each
            self.questions.add(question)
            result = await _submit(gateway, request, tell, question)
            if not result["success"]:
                self.questions.remove(question)
            results.append(result)
        return _together(results)


async def _submit(
    gateway: Gateway, request: Request, tell: Tell | None = None, question: Question | None = None
) -> Result:
    submission = replace(gateway.intake.prepare(request, Asked()), question=question)
    if tell is not None:  # before anything else can be told of them
        for delivery in submission.deliveries:
            tell(delivery)
    return _receipt((await gateway.outbox.submit([submission]))[0])


async def send_reply(gateway: Gateway, question: Question, answer: str) -> None:
    """Send what the answer to a question is answered with, once however often it is tried."""
    terms = Terms.read(question)
    body = terms.replies.get(answer)
    if not body:
        return
    recipient = Recipient(terms.name, question.theirs, Channel.SMS, body)
    key = f"{question.id}-{answer}"
    await _submit(
        gateway, Request(key, Kind.TXT, (recipient,), sender=question.ours, dedup_key=key)
    )


async def _status(gateway: Gateway, delivery_id: str) -> Result:
    delivery = await gateway.store.find(delivery_id)
    if delivery is None:
        raise Mistake(f"There is no delivery {delivery_id[:50]!r}; expected the id of a result")
    return {"success": True} | delivery_document(delivery)


def _receipt(receipt: Receipt) -> Result:
    return {
        "success": bool(receipt.accepted),
        "deliveries": list(receipt.accepted),
        "failures": [in_words(refusal.message) for refusal in receipt.refused],
    }


def _failure(sentence: str) -> Result:
    return {"success": False, "deliveries": [], "failures": [in_words(sentence)]}


def _together(results: list[Result]) -> Result:
    return {
        "success": any(each["success"] for each in results),
        "deliveries": [found for each in results for found in each["deliveries"]],
        "failures": [found for each in results for found in each["failures"]],
    }


def _note(done: "Future[Any]") -> None:
    """Have the Event Log tell what went wrong."""
    fault = done.exception()
    if fault is not None:
        log.error("%s", fault)
    elif isinstance(result := done.result(), dict):
        for sentence in result.get("failures", ()):
            log.error("%s", sentence)


def _own_number(name: str, number: str) -> str:
    try:
        return number_of(number, NATIONAL)
    except Mistake as mistake:
        raise Mistake(f"{name}: {mistake.sentence}") from None


def _terms(order: Order, device_id: int) -> Terms:
    """Read what the answers to a question set off."""
    words = {YES: words_of(order.text("yesWords")), NO: words_of(order.text("noWords"))}
    groups = {key: str(order.props.get(f"{key}Group") or NO_GROUP) for key in (YES, NO, TIMEOUT)}
    replies = {key: order.text(f"{key}Reply") for key in (YES, NO, TIMEOUT)}
    for key, each in groups.items():
        if each != NO_GROUP and not each.isdecimal():
            raise Mistake("This is no action group; expected one of the menu", f"{key}Group")
    chosen = {key: int(each) for key, each in groups.items() if each != NO_GROUP}
    return Terms(device_id, "", words, chosen, replies)


def _question(
    request: Request, part: Recipient | Fault, terms: Terms, seconds: float
) -> tuple[Request, Question] | Fault:
    """Give the text for one of those who are asked, and the question that waits."""
    if isinstance(part, Fault):
        return part
    now, to, ours = time.time(), part.to or "", request.sender or ""
    question_id = f"question-{uuid4()}"
    log.info("%s is asked", part.name or mask(to))
    written = replace(terms, name=part.name).written()
    question = Question(question_id, ours, to, now, now + seconds, written)
    # A question that comes after its time would be answered in vain.
    asked = replace(request, id=question_id, recipients=(part,), expires_in=seconds)
    return asked, question
