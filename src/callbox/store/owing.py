"""Owing: each event is kept once for every host that is to tell it.

Everything here runs inside the writer's transaction.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping

from callbox.ports import Event
from callbox.store.statements import statements

Row = tuple[str, bytes, bool, bytes | None, float | None, str]
Wants = Callable[[Event], bool]


class Owing:
    """The telling half of a SQLite store; `hosts` says of each which events it is to tell."""

    def __init__(self, db: sqlite3.Connection, hosts: Mapping[str, Wants]) -> None:
        self._db = db
        self._hosts = dict(hosts)
        self._insert = statements()["insert_event"]

    def owe(self, events: Iterable[Event]) -> None:
        """Keep events, for every host that wants them."""
        self._db.executemany(self._insert, self._rows(events))

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
