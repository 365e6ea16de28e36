"""Owing: each event is kept once for every host that is to tell it.

Everything here runs inside the writer's transaction.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping

from callbox.ports import IOTCORE, MQTT, PUBSUB, Event
from callbox.store.statements import statements

Row = tuple[str, bytes, bool, bytes | None, float | None, str]
Wants = Callable[[Event], bool]

_EQUAL = (MQTT, PUBSUB, IOTCORE)


class Owing:
    """The telling half of a SQLite store; `hosts` says of each which events it is to tell."""

    def __init__(self, db: sqlite3.Connection, hosts: Mapping[str, Wants]) -> None:
        self._db = db
        self._hosts = dict(hosts)
        self._sql = statements()

    def owe(self, events: Iterable[Event]) -> None:
        """Keep events, for every host that wants them."""
        self._db.executemany(self._sql["insert_event"], self._rows(events))

    def reroute(self) -> None:
        """Have what a host does not tell any more told by another, or forget it.

        A way of Greengrass may have been changed, or a broker taken away. What a home is told
        stays the home's: it would act on it twice.
        """
        for topic, absolute, expires_at, id_, host in self._db.execute(
            self._sql["everything_owed"]
        ).fetchall():
            event = Event(topic, b"", bool(absolute), expires_at=expires_at)
            wants = self._hosts.get(host)
            if host not in _EQUAL or (wants is not None and wants(event)):
                continue
            heirs = (name for name in _EQUAL if name in self._hosts and self._hosts[name](event))
            heir = next(heirs, None)
            if heir is not None:
                self._db.execute(self._sql["hand_over"], (heir, id_))
            elif wants is not None:
                self._db.execute(self._sql["acknowledge"], (f"[{id_}]",))

    def _rows(self, events: Iterable[Event]) -> Iterator[Row]:
        for event in events:
            for host, wants in self._hosts.items():
                if wants(event):
                    yield (
                        event.topic,
                        event.payload,
                        event.absolute,
                        event.correlation,
                        event.expires_at,
                        host,
                    )
