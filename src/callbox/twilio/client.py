"""Twilio's REST API as the port `Provider`: one request, one outcome.

Facts: api.twilio.com, version 2010-04-01, Messages and Calls; studio.twilio.com, version v2,
Executions of a flow, which call nobody back. A create has no idempotency key, so nothing here
retries; what an answer means is looked up in codes.py.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from twilio.base import values
from twilio.base.exceptions import TwilioException
from twilio.rest import Client

from callbox.domain.delivery import Delivery
from callbox.domain.notification import Channel, Kind, Notification
from callbox.domain.outcome import (
    Accepted,
    Deferred,
    Lookup,
    Outcome,
    Pause,
    Refused,
    Unanswered,
    Unknown,
)
from callbox.twilio.codes import Class, Code, lookup
from callbox.twilio.lookup import find
from callbox.twilio.reason import reason_of
from callbox.twilio.status import state_of
from callbox.twilio.transport import Answer, NoAnswer, NotSent, Transport
from callbox.twilio.voice import MOST_CHARACTERS, spoken

CALLBACK_REFUSED = 21609  # before anything was created
_NOT_FOUND = 20404

_UNAUTHORIZED = 401
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500

# Faults that hold everything back, by the class of their code.
_PAUSES = {Class.PACING: Pause.RATE, Class.ACCOUNT: Pause.ACCOUNT}

# The SDK reads an answer's body without checking it.
_UNREADABLE = (
    ValueError, TypeError, AttributeError, KeyError, RecursionError, TwilioException,
)  # fmt: skip
LIST_FAULTS = (NotSent, NoAnswer, Answer, *_UNREADABLE)


@dataclass(frozen=True, slots=True)
class Credentials:
    """An account, with its auth token or with an API key and its secret."""

    account_sid: str
    username: str
    password: str = field(repr=False)


class TwilioProvider:
    """Implements `Provider` on the official SDK over our own transport.

    `callback`: the public address of the status webhook; the attempt's id is added to it.
    """

    def __init__(
        self,
        transport: Transport,
        credentials: Credentials,
        base_url: str | None = None,
        callback: str | None = None,
    ) -> None:
        self.callback_trouble: str | None = None
        self._transport = transport
        self._callback = callback
        self._client = Client(
            credentials.username,
            credentials.password,
            credentials.account_sid,
            http_client=transport,
        )
        if base_url is not None:
            # TWILIO_EDGE and TWILIO_REGION would put themselves into another server's name.
            self._client.edge = self._client.region = None
            self._client.api.base_url = base_url.rstrip("/")
            self._client.studio.base_url = studio_url(base_url.rstrip("/"))
        self._create: dict[Kind, Callable[..., Awaitable[Any]]] = {
            Kind.TXT: self._client.messages.create_async,
            Kind.CALL: self._client.calls.create_async,
            Kind.FLOW: self._execute,
        }
        self._parameters: dict[Kind, Callable[[Delivery, int | None], dict[str, Any]]] = {
            Kind.TXT: self._message,
            Kind.CALL: self._call,
            Kind.FLOW: _flow,
        }

    @property
    def client(self) -> Client:
        """The SDK's client, for what is asked at start."""
        return self._client

    async def create(self, delivery: Delivery, validity: int | None) -> Outcome:
        """See `Provider.create`."""
        kind = delivery.notification.kind
        parameters = self._parameters[kind](delivery, validity)
        twiml = parameters.get("twiml", values.unset)
        if twiml is not values.unset and len(twiml) > MOST_CHARACTERS:
            return Refused(None, f"The spoken text is {len(twiml)} characters as TwiML: expected "
                                 f"at most {MOST_CHARACTERS}")  # fmt: skip
        outcome = await self._post(kind, parameters)
        if parameters.get("status_callback", values.unset) is values.unset:
            return _plainly(outcome, delivery.notification)
        if isinstance(outcome, Refused) and outcome.code == CALLBACK_REFUSED:
            return await self._post_without_callback(kind, parameters)
        if isinstance(outcome, Accepted):
            self.callback_trouble = None
            return replace(outcome, called_back=True)
        return outcome

    async def _post_without_callback(self, kind: Kind, parameters: dict[str, Any]) -> Outcome:
        """Send what Twilio refused for its callback URL alone, and so did not create."""
        self.callback_trouble = (
            f"Twilio refuses http.public_url for its callbacks (code {CALLBACK_REFUSED}): texts "
            "are sent without one, and Twilio is asked how they fare; mend the URL"
        )
        del parameters["status_callback"]
        parameters.pop("status_callback_event", None)
        return await self._post(kind, parameters)

    async def _post(self, kind: Kind, parameters: dict[str, Any]) -> Outcome:
        try:
            created = await self._create[kind](**parameters)
            return accepted(kind, created)
        except NotSent as fault:
            return Deferred(str(fault), pause=Pause.OUTAGE)
        except NoAnswer as fault:
            return Unknown(str(fault))
        except Answer as answer:
            return outcome_of(answer)
        except _UNREADABLE as fault:
            return Unknown(f"Twilio's answer cannot be read ({type(fault).__name__})")

    async def _execute(self, flow: str, **parameters: Any) -> Any:  # noqa: ANN401 - the SDK's
        return await self._client.studio.v2.flows(flow).executions.create_async(**parameters)

    async def look_up(self, delivery: Delivery) -> Lookup:
        """See `Provider.look_up`."""
        try:
            return await find(self._client, delivery, lambda: self._transport.ahead, accepted)
        except LIST_FAULTS as fault:
            return unanswered(fault)

    async def probe(self) -> tuple[Pause | None, str]:
        """See `Provider.probe`: a list of one message."""
        try:
            await self._client.messages.page_async(page_size=1)
        except (NotSent, NoAnswer) as fault:
            return Pause.OUTAGE, str(fault)
        except Answer as answer:
            return _holds(answer), _reason(answer)
        except _UNREADABLE:
            return Pause.OUTAGE, "Twilio's answer cannot be read"
        return None, ""

    def _message(self, delivery: Delivery, validity: int | None) -> dict[str, Any]:
        note = delivery.notification
        sender = {"messaging_service_sid": note.sender} if note.by_service else {
            "from_": address(note, note.sender)
        }  # fmt: skip
        return {
            "to": address(note, note.to),
            "body": note.body or values.unset,
            "media_url": list(note.media) or values.unset,
            "validity_period": validity or values.unset,
            "status_callback": self._status_callback(delivery),
            **sender,
        }

    def _call(self, delivery: Delivery, _validity: int | None) -> dict[str, Any]:
        note = delivery.notification
        if note.voice is None:
            raise ValueError("a call without anything to say")
        says = {"url": note.voice.location} if note.voice.location else {
            "twiml": spoken(note.voice)
        }  # fmt: skip
        callback = self._status_callback(delivery)
        events = ["initiated", "ringing", "answered", "completed"]
        return {
            "to": note.to,
            "from_": note.sender,
            "method": note.voice.method or values.unset,
            "machine_detection": note.voice.machine_detection or values.unset,
            "status_callback": callback,
            "status_callback_event": values.unset if callback is values.unset else events,
            **says,
        }

    def _status_callback(self, delivery: Delivery) -> Any:  # noqa: ANN401 - the SDK's unset
        if self._callback is None:
            return values.unset
        return f"{self._callback}?attempt={delivery.attempt_id}"


def _flow(delivery: Delivery, _validity: int | None) -> dict[str, Any]:
    note = delivery.notification
    if note.flow is None:
        raise ValueError("a flow that is not named")
    return {
        "flow": note.flow.sid,
        "to": note.to,
        "from_": note.sender,
        "parameters": note.flow.parameters,
    }


def _plainly(outcome: Outcome, note: Notification) -> Outcome:
    """Say in plain words that there is no such flow: Twilio names a path alone."""
    if note.flow is None or not isinstance(outcome, Refused) or outcome.code != _NOT_FOUND:
        return outcome
    return Refused(
        outcome.code,
        f"This Twilio account has no Studio flow {note.flow.sid} (Twilio code {outcome.code})",
        "Copy the flow's SID, which is FW and 32 characters, from the Twilio Console, Studio, "
        "Flows.",
    )


def studio_url(base_url: str) -> str:
    """Give where Studio is, next to the API at `base_url`: a host of its own, but at Twilio only.

    Twilio's regional hosts are `<product>.<edge>.<region>.twilio.com`.
    """
    host = urlsplit(base_url).hostname or ""
    at_twilio = host.startswith("api.") and host.endswith(".twilio.com")
    return base_url.replace("//api.", "//studio.", 1) if at_twilio else base_url


def address(note: Notification, number: str) -> str:
    """Give a number as Twilio addresses it on the notification's channel."""
    return f"whatsapp:{number}" if note.channel is Channel.WHATSAPP else number


def accepted(kind: Kind, resource: Any) -> Accepted:  # noqa: ANN401 - the SDK's instance
    """Read what was just created, or is listed. Raises ValueError without a SID."""
    if not resource.sid or not resource.status:
        raise ValueError("no SID in Twilio's answer")
    service = getattr(resource, "messaging_service_sid", None)
    code = lookup(getattr(resource, "error_code", None))
    return Accepted(
        resource.sid,
        state_of(kind, str(resource.status)),
        str(resource.status),
        (_sender(resource) or service or "").removeprefix("whatsapp:"),
        code.number if code else None,
        code.reason if code else None,
        code.remedy if code else None,
    )


def unanswered(fault: Exception) -> Unanswered:
    """Say why a list says nothing, by one of `LIST_FAULTS`."""
    match fault:
        case Answer():
            return Unanswered(_reason(fault), _holds(fault))
        case NotSent() | NoAnswer():
            return Unanswered(str(fault), Pause.OUTAGE)
        case _:
            return Unanswered(f"Twilio's list cannot be read ({type(fault).__name__})")


def _sender(resource: Any) -> str | None:  # noqa: ANN401 - the SDK's instance
    """Give From, which the SDK calls `from_` on a message and `_from` on a call."""
    return getattr(resource, "from_", None) or getattr(resource, "_from", None)


def outcome_of(answer: Answer) -> Outcome:
    """Classify an answer to a create that is not a success."""
    code = lookup(answer.code)
    told = code or lookup(answer.status)
    reason, remedy = _reason(answer), told.remedy if told else None
    if answer.status >= _SERVER_ERROR:
        return Unknown(reason, answered=True)
    pause, aside = _pause(answer, code), answer.code is None
    if pause is not None:
        return Deferred(
            reason, answer.retry_after, pause=pause, code=answer.code, remedy=remedy, aside=aside
        )
    if code is not None and code.klass is Class.TEMPORARY:
        return Deferred(reason, answer.retry_after, counts=True, code=answer.code, remedy=remedy)
    return Refused(answer.code, reason, remedy)


def _pause(answer: Answer, code: Code | None) -> Pause | None:
    if answer.status == _TOO_MANY_REQUESTS:
        return Pause.RATE
    if code is None and answer.code is None:
        return Pause.OUTAGE  # a proxy, a captive portal: Twilio has not seen it
    return _PAUSES.get(code.klass) if code else None


def _holds(answer: Answer) -> Pause | None:
    """Tell whether a refused list request says that creates would fail too.

    A key that may not read lists (403) may still send.
    """
    if answer.status == _UNAUTHORIZED:
        return Pause.ACCOUNT
    if answer.status == _TOO_MANY_REQUESTS:
        return Pause.RATE
    twilio_refused = answer.code is not None and answer.status < _SERVER_ERROR
    return None if twilio_refused else Pause.OUTAGE


def _reason(answer: Answer) -> str:
    code = "" if answer.code is None else f"Twilio code {answer.code}, "
    return f"{reason_of(answer.message)} ({code}HTTP status {answer.status})"
