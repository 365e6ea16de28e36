"""Devices, triggers, variables and action groups, and the installation folder they are kept in."""
# ruff: noqa: ANN401 - what crosses to a plugin has any type

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from indigo_host.records import (
    DeviceRecord,
    GroupRecord,
    LogEntry,
    Step,
    TriggerRecord,
    VariableRecord,
)

VERSION = "2025.2"
_FIRST_ID = 100_000_007
_STEP = 7_919
Record = DeviceRecord | TriggerRecord | VariableRecord | GroupRecord
R = TypeVar("R", DeviceRecord, TriggerRecord)


def _with_steps(kind: Any) -> Callable[..., Any]:
    def read(steps: list[dict[str, Any]], **fields: Any) -> Any:
        return kind(steps=[Step(**step) for step in steps], **fields)

    return read


_READERS: dict[str, Callable[..., Any]] = {
    "devices": DeviceRecord,
    "triggers": _with_steps(TriggerRecord),
    "variables": VariableRecord,
    "actionGroups": _with_steps(GroupRecord),
}


def copied(record: R) -> R:
    """Give a copy that later changes do not reach."""
    if isinstance(record, DeviceRecord):
        states, ui = dict(record.states), dict(record.ui)
        return replace(record, props=dict(record.props), states=states, ui=ui)
    return replace(record, props=dict(record.props))


class Database:
    """The four tables by id, and their files."""

    def __init__(self, folder: Path) -> None:
        self.install_folder = folder / f"Indigo {VERSION}"
        self._file = self.install_folder / "Databases" / "Indigo.json"
        self.devices: dict[int, DeviceRecord] = {}
        self.triggers: dict[int, TriggerRecord] = {}
        self.variables: dict[int, VariableRecord] = {}
        self.groups: dict[int, GroupRecord] = {}
        self.enabled = True
        self._next = _FIRST_ID
        if self._file.exists():
            self._load()

    @property
    def tables(self) -> dict[str, dict[int, Any]]:
        """The tables under the names that plugins use."""
        return {
            "devices": self.devices,
            "triggers": self.triggers,
            "variables": self.variables,
            "actionGroups": self.groups,
        }

    def new_id(self) -> int:
        """Give an id; later ones are greater."""
        self._next += _STEP
        return self._next

    def find(self, table: str, key: int | str) -> Any:
        """Give a record by id or name; KeyError if there is none."""
        if isinstance(key, str):
            for record in self.tables[table].values():
                if record.name == key:
                    return record
        elif key in self.tables[table]:
            return self.tables[table][key]
        raise KeyError(f"key {key} not found in database")

    def free_name(self, table: str, name: str) -> str:
        """Give the name; ValueError if it is taken, as Indigo's names are unique."""
        if any(record.name == name for record in self.tables[table].values()):
            raise ValueError(f"NameNotUniqueError: {table} has {name!r} already")
        return name

    def _load(self) -> None:
        stored = json.loads(self._file.read_text())
        self._next, self.enabled = stored["next"], stored["enabled"]
        for name, table in self.tables.items():
            for row in stored[name]:
                table[row["id"]] = _READERS[name](**row)

    def save(self) -> None:
        """Write all to disk."""
        stored = {
            name: [asdict(row) for row in table.values()] for name, table in self.tables.items()
        }
        _write(self._file, {"next": self._next, "enabled": self.enabled, **stored})

    @property
    def log_file(self) -> Path:
        """The Event Log on disk, a line of JSON each."""
        return self.install_folder / "Logs" / "Events.jsonl"

    def keep_line(self, entry: LogEntry) -> None:
        """Write a line of the Event Log to disk."""
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("a") as file:
            row = {**asdict(entry), "time": entry.time.isoformat()}
            file.write(json.dumps(row) + "\n")

    def kept_lines(self) -> list[LogEntry]:
        """Read the lines on disk, oldest first."""
        if not self.log_file.exists():
            return []
        rows = [json.loads(line) for line in self.log_file.read_text().splitlines()]
        return [LogEntry(datetime.fromisoformat(row.pop("time")), **row) for row in rows]

    def prefs_file(self, plugin_id: str) -> Path:
        """Give the file of a plugin's preferences."""
        return self.install_folder / "Preferences" / "Plugins" / f"{plugin_id}.indiPref"

    def read_prefs(self, plugin_id: str) -> dict[str, Any]:
        """Give a plugin's preferences as last written; none are {}."""
        file = self.prefs_file(plugin_id)
        return dict(json.loads(file.read_text())) if file.exists() else {}

    def write_prefs(self, plugin_id: str, prefs: Mapping[str, Any]) -> None:
        """Write a plugin's preferences."""
        _write(self.prefs_file(plugin_id), prefs)


def _write(file: Path, content: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    spare = file.with_suffix(".new")
    spare.write_text(json.dumps(content))
    spare.replace(file)
