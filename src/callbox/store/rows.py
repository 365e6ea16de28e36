"""Rows of the table `delivery` as Delivery values, in the column order of sql/queries.sql."""

import json
from dataclasses import asdict, fields
from operator import attrgetter
from typing import Any

from callbox.domain.delivery import FREES_DEDUP_KEY, Delivery, Evidence, Progress, State
from callbox.domain.notification import Channel, Flow, Kind, Notification, Voice

Row = tuple[Any, ...]

_PROGRESS = slice(22, 44)
_PROGRESS_FIELDS = tuple(field.name for field in fields(Progress))
_values_of = attrgetter(*_PROGRESS_FIELDS)


def to_delivery(row: Row) -> Delivery:
    """Read a row of `{columns}`."""
    seq, id_, request_id = row[:3]
    (priority, retries, on_unknown, created_at, expires_at, expires_fixed) = row[10:16]
    (dedup_key, dedup_digest, position, reply_topic, correlation, retry_of) = row[16:22]
    return Delivery(
        id_,
        request_id,
        _notification(row[3:10]),
        priority,
        retries,
        on_unknown,
        created_at,
        expires_at,
        bool(expires_fixed),
        dedup_key,
        dedup_digest,
        position,
        reply_topic,
        correlation,
        retry_of,
        _progress(row[_PROGRESS]),
        row[44],
        seq,
    )


def _notification(row: Row) -> Notification:
    kind, channel, name, to, sender, body, extras = row
    if extras is None:
        return Notification(Kind(kind), Channel(channel), name, to, sender, body)
    more = json.loads(extras)
    return Notification(
        Kind(kind),
        Channel(channel),
        name,
        to,
        sender,
        body,
        tuple(more.get("media", ())),
        _voice(more["voice"]) if "voice" in more else None,
        Flow(**more["flow"]) if "flow" in more else None,
    )


def _voice(told: dict[str, Any]) -> Voice:
    """Read a voice; one that was written before there was `play` has none."""
    return Voice(**(told | {"play": tuple(told.get("play", ()))}))


def _progress(row: Row) -> Progress:
    state, due_at, attempt, attempted_at, failures, doubt_since, doubt_base, answered = row[:8]
    lookups, sid, evidence, *rest = row[8:]
    return Progress(
        State(state),
        due_at,
        attempt,
        attempted_at,
        failures,
        doubt_since,
        doubt_base,
        bool(answered),
        lookups,
        sid,
        Evidence(evidence) if evidence else None,
        *rest,
    )


def to_insert(delivery: Delivery, run: str) -> Row:
    """Give the parameters of `insert_delivery`."""
    note = delivery.notification
    return (
        delivery.id,
        delivery.request_id,
        note.kind,
        note.channel,
        note.name,
        note.to,
        note.sender,
        note.body,
        _extras(note),
        delivery.priority,
        delivery.retries,
        delivery.on_unknown,
        delivery.created_at,
        delivery.expires_at,
        delivery.expires_fixed,
        delivery.dedup_key,
        delivery.dedup_digest,
        delivery.position,
        delivery.reply_topic,
        delivery.correlation,
        delivery.retry_of,
        *_values_of(delivery.progress),
        note.lane,
        note.likeness,
        dedup_slot(delivery),
        run,
    )


def to_update(before: Delivery, after: Progress, answer: str | None, run: str) -> Row:
    """Give the parameters of `update_delivery`."""
    frees = after.state in FREES_DEDUP_KEY
    was = before.progress
    return (
        *_values_of(after),
        answer,
        frees,
        run,
        before.id,
        was.state,
        was.attempt,
        was.updated_at,
    )


def dedup_slot(delivery: Delivery) -> str | None:
    """Name what only one delivery may hold at a time: a key's place for one recipient."""
    if delivery.dedup_key is None:
        return None
    return f"{dedup_prefix(delivery)}{delivery.position:04d}"


def dedup_prefix(delivery: Delivery) -> str:
    """Give what the slots of one key have in common, for texts and calls apart."""
    return f"{delivery.notification.kind}:{delivery.dedup_key}\0"


def _extras(note: Notification) -> str | None:
    more: dict[str, Any] = {}
    if note.media:
        more["media"] = note.media
    if note.voice is not None:
        more["voice"] = asdict(note.voice)
    if note.flow is not None:
        more["flow"] = asdict(note.flow)
    return json.dumps(more) if more else None
