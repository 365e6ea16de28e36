"""What webhooks were before we changed them, kept in a file beside the store."""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from callbox.errors import StoreError
from callbox.twilio.numbers import Change, Values


class Originals:
    """What the webhooks were before we changed them: a file that only this user can read.

    `{number: {"before": values, "ours": values}}`. The first value of a field that is remembered
    stays until it is put back, however often it is changed by us.
    """

    def __init__(self, store: Path) -> None:
        self.path = store.with_name(store.name + ".webhooks.json")
        self._kept: dict[str, dict[str, dict[str, str]]] = self._read()

    @property
    def numbers(self) -> tuple[str, ...]:
        """The numbers that something is remembered of."""
        return tuple(self._kept)

    def before(self, number: str) -> Values:
        """Give what the fields were that we changed."""
        return self._kept[number]["before"] if number in self._kept else {}

    def ours(self, number: str) -> Values:
        """Give what we made of them."""
        return self._kept[number]["ours"] if number in self._kept else {}

    def remember(self, changes: Iterable[Change]) -> None:
        """Keep what is about to be changed. Raises StoreError if the disk does not take it."""
        for change in changes:
            number = change.number
            kept = self._kept.setdefault(number.phone_number, {"before": {}, "ours": {}})
            present = {name: number.values[name] for name in change.values}
            kept["before"] = present | kept["before"]
            kept["ours"] |= change.values
        self._write()

    def forget(self, number: str) -> None:
        """Drop a number that is as it was."""
        if self._kept.pop(number, None):
            self._write()

    def _read(self) -> dict[str, dict[str, dict[str, str]]]:
        try:
            kept = json.loads(self.path.read_text())
            return {
                str(number): {name: dict(each[name]) for name in ("before", "ours")}
                for number, each in kept.items()
            }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise StoreError(
                f"{self.path}, which remembers the webhooks as they were, cannot be read "
                f"({type(error).__name__}): repair it, or move it away and lose them"
            ) from error

    def _write(self) -> None:
        """Write a new file beside the old one, and have it take the old one's name."""
        new = self.path.with_name(self.path.name + ".new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                new.unlink()
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                json.dump(self._kept, file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.path)
        except OSError as error:
            raise StoreError(
                f"{self.path}, which remembers the webhooks as they were, cannot be written "
                f"({error.strerror}): be the user that the gateway runs as, or make room"
            ) from error
