"""The people and groups that a request may name instead of a phone number."""

from collections.abc import Iterator
from difflib import get_close_matches

from pydantic import ConfigDict, RootModel

from callbox.config.values import Groups
from callbox.domain.phone import is_e164, mask_numbers


class Contacts(RootModel[Groups]):
    """Names, each with its phone numbers and the names of other contacts."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    root: Groups = {}

    def __len__(self) -> int:
        return len(self.root)

    def __repr__(self) -> str:
        return f"Contacts({len(self)})"

    __str__ = __repr__

    def numbers(self, name: str) -> list[tuple[str, str]]:
        """Give everyone whom a name stands for, as (name, number), each number once.

        A number carries the name of the contact that lists it. An unknown name is nobody: [].
        """
        names: dict[str, str] = {}
        for owner, number in self._reached(name, set()):
            names.setdefault(number, owner)
        return [(owner, number) for number, owner in names.items()]

    def faults(self) -> Iterator[tuple[str, str]]:
        """Give (key, sentence) of each contact that cannot be used."""
        for name, members in self.root.items():
            key = f"contacts.{mask_numbers(name)}"
            if not name or is_e164(name):
                yield key, "expected a name, not empty and not a phone number"
            if not members:
                yield key, "expected a phone number, or a list of numbers and names"
            for member in members:
                if not is_e164(member) and member not in self.root:
                    yield key, self._no_member(member)
            if self._reaches_itself(name):
                yield key, "it contains itself through its members; expected groups without circles"

    def _reached(self, name: str, seen: set[str]) -> Iterator[tuple[str, str]]:
        seen.add(name)
        for member in self.root.get(name, ()):
            if is_e164(member):
                yield name, member
            elif member not in seen:
                yield from self._reached(member, seen)

    def _reaches_itself(self, name: str) -> bool:
        seen: set[str] = set()
        waiting = list(self.root[name])
        while waiting:
            member = waiting.pop()
            if member not in seen and not is_e164(member):
                seen.add(member)
                waiting.extend(self.root.get(member, ()))
        return name in seen

    def _no_member(self, member: str) -> str:
        near = get_close_matches(member, self.root, n=1)
        hint = f" (did you mean {mask_numbers(near[0])}?)" if near else ""
        return (
            f"{mask_numbers(member)!r} is neither a phone number like +12345000000 "
            f"nor the name of a contact{hint}"
        )
