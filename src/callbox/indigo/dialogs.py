"""Menus of the dialogs, and what is wrong in one that is to be saved.

Menu entries are pairs of text: a value without comma or semicolon, and what is shown.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from callbox.indigo import preferences
from callbox.indigo.actions import NATIONAL, NO_GROUP
from callbox.indigo.mistake import Mistake
from callbox.indigo.people import OTHER, People, members_of, number_of
from callbox.indigo.requests import action_faults
from callbox.indigo.triggers import ANY_DEVICE, event_faults

Menu = list[tuple[str, str]]
Verdict = tuple[bool, Any] | tuple[bool, Any, Any]

NUMBER = "twilioNumber"
# The field with a device's phone number, by the device's type.
NUMBER_FIELDS = {NUMBER: "twilioNumber", "twilioContact": "contactNumber"}


@dataclass(slots=True)
class Dialogs:
    """What the plugin's dialogs ask for."""

    indigo: Any
    people: Callable[[], People]

    def contacts(self) -> Menu:
        """Give everyone to send to, and a number that is typed."""
        return [*self.people().choices(), (OTHER, "Non-Contact Number")]

    def members(self) -> Menu:
        """Give who can be in a group."""
        return self.people().choices(groups=False)

    def numbers(self) -> Menu:
        """Give our numbers."""
        return [(str(device.id), device.name) for device in self._numbers()]

    def numbers_or_any(self) -> Menu:
        """Give our numbers, and any of them."""
        return [(ANY_DEVICE, "Any"), *self.numbers()]

    def action_groups(self) -> Menu:
        """Give what an answer may set off."""
        groups = ((str(group.id), group.name) for group in self.indigo.actionGroups)
        return [(NO_GROUP, "Nothing"), *groups]

    def preferences(self, values: Any) -> Verdict:  # noqa: ANN401 - Indigo's
        """Check the plugin's own dialog."""
        return self._verdict(values, preferences.faults(values))

    def device(self, values: Any, type_id: str, device_id: int) -> Verdict:  # noqa: ANN401
        """Check a device; its number is shown as its address."""
        field = NUMBER_FIELDS.get(type_id)
        if field is None:
            return self._group(values)
        try:
            values[field] = values["address"] = number_of(str(values.get(field) or ""))
        except Mistake as mistake:
            return self._verdict(values, {field: mistake.sentence})
        if type_id == NUMBER and self._is_taken(values[field], device_id):
            return self._verdict(values, {field: "Another device has this number already"})
        return self._verdict(values, {})

    def _group(self, values: Any) -> Verdict:  # noqa: ANN401 - Indigo's
        """Check a group; members that are gone, which its list does not show, are dropped."""
        known = {value for value, _ in self.members()}
        chosen = members_of(values)
        there = tuple(each for each in chosen if each in known)
        if there != chosen:
            kept = self.indigo.List()
            for each in there:
                kept.append(each)
            values["members"] = kept  # a container that was handed over already would be a copy
        return self._verdict(values, {} if there else {"members": "Choose at least one"})

    def action(self, values: Any, action_id: str, device_id: int) -> Verdict:  # noqa: ANN401
        """Check an action."""
        known = device_id in self.indigo.devices
        device = self.indigo.devices[device_id] if known else None
        faults = action_faults(action_id, values, self.people(), device)
        return self._verdict(values, faults | self._group_faults(values))

    def _group_faults(self, values: Any) -> dict[str, str]:  # noqa: ANN401 - Indigo's
        known = {value for value, _ in self.action_groups()}
        chosen = {
            name: values.get(name, NO_GROUP) for name in ("yesGroup", "noGroup", "timeoutGroup")
        }
        gone = (name for name, value in chosen.items() if value not in known)
        return dict.fromkeys(gone, "This action group is gone; choose another")

    def event(self, values: Any, type_id: str) -> Verdict:  # noqa: ANN401 - Indigo's
        """Check a trigger."""
        known = {device.id for device in self._numbers()}
        return self._verdict(values, event_faults(type_id, values, known))

    def _verdict(self, values: Any, faults: Mapping[str, str]) -> Verdict:  # noqa: ANN401
        if not faults:
            return True, values
        errors = self.indigo.Dict()
        for field, sentence in faults.items():
            errors[field] = f"{sentence[:1].upper()}{sentence[1:]}"
        return False, values, errors

    def _numbers(self) -> Iterable[Any]:
        return list(self.indigo.devices.iter(f"self.{NUMBER}"))

    def _is_taken(self, number: str, device_id: int) -> bool:
        return number in {own_number(each) for each in self._numbers() if each.id != device_id}


def own_number(device: Any) -> str:  # noqa: ANN401 - Indigo's
    """Give a number device's number in E.164 form, or as it is written where it is none."""
    written = str(device.pluginProps.get(NUMBER_FIELDS[NUMBER]) or "")
    try:
        return number_of(written, NATIONAL)
    except Mistake:
        return written
