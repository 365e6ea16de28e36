"""Owing: each event is kept once for every host that is to tell it.

Everything here runs inside the writer's transaction.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

from callbox.ports import MQTT, Event
from callbox.store.statements import statements

Row = tuple[str, bytes, bool, bytes | None, float | None, str]


class Owing:
    """The telling half of a SQLite store, for the `hosts` that there are."""

    def __init__(self, db: sqlite3.Connection, hosts: Sequence[str]) -> None:
        self._db = db
        self._hosts = tuple(hosts)
        self._insert = statements()["insert_event"]

    def owe(self, events: Iterable[Event]) -> None:
        """Keep events; a whole topic means something to a broker only."""
        self._db.executemany(self._insert, self._rows(events))

    def _rows(self, events: Iterable[Event]) -> Iterator[Row]:
        for event in events:
            for host in self._hosts:
                if host == MQTT or not event.absolute:
                    yield (
                        event.topic,
                        event.payload,
                        event.absolute,
                        event.correlation,
                        event.expires_at,
                        host,
                    )
