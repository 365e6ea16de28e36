"""Intake: a request as read becomes deliveries, on the terms that the configuration gives it."""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from callbox.domain.delivery import Delivery, Progress
from callbox.domain.notification import CRITICAL, Flow, Kind, Notification
from callbox.domain.request import Fault, Recipient, Request
from callbox.ports import Clock, Origin, Refusal, Submission

_BY_NUMBER = frozenset({Kind.CALL, Kind.FLOW})  # no name and no messaging service sends these
_FLOW_SID = re.compile(r"FW[0-9a-fA-F]{32}")


@dataclass(frozen=True, slots=True)
class Terms:
    """What the configuration says where a request is silent; times in seconds."""

    sender: str | None
    service: str | None
    retries: int | None
    expires_after: float
    on_unknown: str
    numbers: Callable[[str], Sequence[tuple[str, str]]]  # a contact's or group's (name, number)

    def sender_for(self, request: Request) -> str | None:
        """Give who it comes from: the request's number, the service (texts), the default."""
        service = self.service if request.kind is Kind.TXT else None
        return request.sender or service or self.sender


@dataclass(frozen=True, slots=True)
class Asked:
    """How a request came: what the answer and a redelivery are recognised by."""

    expiry: float | None = None  # MQTT 5 message expiry, seconds
    dedup_key: str | None = None  # HTTP Idempotency-Key
    reply_topic: str | None = None
    correlation: bytes | None = None
    origin: Origin | None = None
    connection: int = 0


@dataclass(frozen=True, slots=True)
class Intake:
    """Makes submissions; keeps nothing."""

    terms: Terms
    clock: Clock

    def prepare(self, found: Request | Refusal, asked: Asked) -> Submission:
        """Make deliveries of a request, or carry its refusal, as the store takes them."""
        if isinstance(found, Refusal):
            refusal = replace(found, reply_topic=asked.reply_topic, correlation=asked.correlation)
            return Submission((), (refusal,), asked.origin, asked.connection)
        if asked.dedup_key:
            found = replace(found, dedup_key=asked.dedup_key)
        parts = [part for recipient in found.recipients for part in self._resolve(recipient)]
        several = len(parts) > 1
        deliveries: list[Delivery] = []
        refusals: list[Refusal] = []
        digest = _digest(found) if found.dedup_key else None
        for position, part in enumerate(parts, int(several)):
            made = self._notification(found, part)
            if isinstance(made, Fault):
                message = f"{made.name}: {made.message}" if several else made.message
                refusals.append(self._refusal(found.id, message, asked))
            else:
                deliveries.append(self._delivery(found, made, asked, position, digest))
        return Submission(tuple(deliveries), tuple(refusals), asked.origin, asked.connection)

    def _resolve(self, recipient: Recipient | Fault) -> list[Recipient | Fault]:
        """Look a recipient without a number up in the contacts; a group gives several."""
        if isinstance(recipient, Fault) or recipient.to is not None:
            return [recipient]
        known = self.terms.numbers(recipient.name)
        if not known:
            return [Fault(recipient.name, "Recipient phone number cannot be None")]
        return [replace(recipient, name=name, to=number) for name, number in known]

    def _notification(self, request: Request, part: Recipient | Fault) -> Notification | Fault:
        if isinstance(part, Fault):
            return part
        sender = self.terms.sender_for(request)
        if sender is None:
            return Fault(part.name, "From number cannot be None")
        unfit = _unfit(request.kind, sender, part.flow)
        if unfit is not None:
            return Fault(part.name, unfit)
        return Notification(
            request.kind,
            part.channel,
            part.name,
            part.to or "",
            sender,
            part.body,
            part.media,
            part.voice,
            part.flow,
        )

    def _delivery(
        self,
        request: Request,
        note: Notification,
        asked: Asked,
        position: int,
        digest: str | None,
    ) -> Delivery:
        now = self.clock.now()
        expires_at = self._expires_at(request, asked, now)
        critical = request.priority == CRITICAL
        on_unknown = request.on_unknown or ("resend" if critical else self.terms.on_unknown)
        return Delivery(
            id=self.clock.new_id(),
            request_id=request.id,
            notification=note,
            priority=request.priority,
            retries=self.terms.retries if request.retries is None else request.retries,
            on_unknown=on_unknown,
            created_at=now,
            expires_at=expires_at,
            expires_fixed=request.sent_at is not None,
            dedup_key=request.dedup_key,
            dedup_digest=digest,
            position=position,
            reply_topic=asked.reply_topic,
            correlation=asked.correlation,
            progress=Progress(updated_at=now),
        )

    def _expires_at(self, request: Request, asked: Asked, now: float) -> float:
        """Count `expires_in` from `sent_at`, else from arrival; the shorter of it and MQTT 5's."""
        begin = now if request.sent_at is None else request.sent_at
        expires_at = begin + (request.expires_in or self.terms.expires_after)
        return expires_at if asked.expiry is None else min(expires_at, now + asked.expiry)

    def _refusal(self, request_id: str, message: str, asked: Asked) -> Refusal:
        return Refusal(
            request_id, "InvalidParameter", message, asked.reply_topic, asked.correlation
        )


def _unfit(kind: Kind, sender: str, flow: Flow | None) -> str | None:
    """Say why something cannot be asked for as it is; None if it can."""
    if kind in _BY_NUMBER and not sender.startswith("+"):
        return f"From number is not valid for a {kind}: expected E.164 form"
    if kind is not Kind.FLOW:
        return None
    if flow is None or not _FLOW_SID.fullmatch(flow.sid):
        return "Flow SID is not valid: expected FW and 32 hexadecimal digits"
    if not _is_object(flow.parameters):
        return "Flow parameters are not valid: expected a JSON object"
    return None


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _digest(request: Request) -> str:
    """Stand for what a request asks for, so that another one under its dedup_key is noticed."""
    content = repr((request.kind, request.recipients, request.sender))
    return hashlib.blake2b(content.encode(), digest_size=12).hexdigest()
