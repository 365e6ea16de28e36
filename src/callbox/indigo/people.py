"""The people of the home: contact and group devices, who they are and what they may."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Protocol, Self

from callbox.domain.phone import is_e164, mask
from callbox.domain.request import Fault
from callbox.indigo.mistake import Mistake

OTHER = "OTHER-NON-CONTACT"  # the choice that means: the number in the free field
CHOICE = "twilioContact"  # the field of that choice
CONTACT, GROUP = "twilioContact", "twilioGroup"  # device types

_EXPECTED = "expected + and the country code before the number"
_NATIONAL = re.compile(r"1?([2-9][0-9]{9})")  # in North America, without the plus sign
_WHATSAPP = "whatsapp:"
_ORNAMENTS = {"Zs", "Pd", "Cf", "Cc"}  # spaces, dashes, and what address books paste unseen
_SEPARATORS = re.compile(r"[,;]")

Person = tuple[str, str]  # name and number, in E.164 form


class Level(IntEnum):
    """What a contact may set off by text: triggers that ask for this level or a lower one."""

    NONE = 0
    LIMITED = 1
    TRUSTED = 2
    UNLIMITED = 3


class Device(Protocol):
    """An Indigo device as it was when it was asked for."""

    @property
    def id(self) -> int:
        """Indigo's id."""

    @property
    def name(self) -> str:
        """What the owner calls it."""

    @property
    def deviceTypeId(self) -> str:  # noqa: N802 - Indigo's name for it
        """The id in Devices.xml."""

    @property
    def enabled(self) -> bool:
        """Whether Indigo may communicate with it."""

    @property
    def pluginProps(self) -> Mapping[str, Any]:  # noqa: N802 - Indigo's name for it
        """What its dialog holds."""


def level_of_word(text: object) -> Level:
    """Read an access level; what is unknown or missing allows nothing."""
    return Level.__members__.get(str(text).strip().upper(), Level.NONE)


def number_of(text: str, ours: str = "") -> str:
    """Give a phone number in E.164 form as people write it: `+1 (234) 500-0000`, `0044...`.

    Where `ours`, the number that is sent from, is North American, ten digits will do. Raises
    Mistake without a field.
    """
    number = "".join(filter(_counts, text.replace("(0)", "")))
    if number.startswith("00"):
        number = f"+{number[2:]}"
    national = _NATIONAL.fullmatch(number) if ours.startswith("+1") else None
    if national:
        number = f"+1{national[1]}"
    if not is_e164(number):
        raise Mistake(_no_number(text))
    return number


def _counts(character: str) -> bool:
    return character not in ".()[]" and unicodedata.category(character) not in _ORNAMENTS


def _no_number(text: str) -> str:
    if not text.strip():
        return f"No phone number is given; {_EXPECTED}"
    if text.strip().lower().startswith(_WHATSAPP):
        return f"WhatsApp cannot be used here; {_EXPECTED}"
    return f"'{mask(text.strip())}' is not a phone number; {_EXPECTED}"


@dataclass(frozen=True, slots=True)
class _Contact:
    name: str
    level: Level
    number: str = field(repr=False)  # "" if there is a fault
    fault: str = ""


@dataclass(frozen=True, slots=True)
class _Group:
    name: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class People:
    """Everyone there is at one moment, by device id in text; `People.of` makes it."""

    _contacts: Mapping[str, _Contact] = field(default_factory=dict)
    _groups: Mapping[str, _Group] = field(default_factory=dict)

    @classmethod
    def of(cls, devices: Iterable[Device], ours: str = "") -> Self:
        """Read contacts and groups; `ours` is a number of the home, see `number_of`."""
        known = sorted(devices, key=lambda device: device.id)
        return cls(
            {str(each.id): _contact(each, ours) for each in known if each.deviceTypeId == CONTACT},
            {str(each.id): _group(each) for each in known if each.deviceTypeId == GROUP},
        )

    def choices(self, groups: bool = True) -> list[tuple[str, str]]:
        """Give (device id, name) of everyone for a menu, by name."""
        everyone: dict[str, _Contact | _Group] = {**self._contacts}
        if groups:
            everyone.update(self._groups)
        named = [(key, each.name) for key, each in everyone.items()]
        return sorted(named, key=lambda choice: choice[1].casefold())

    def resolve(self, choice: str | None, free: str, ours: str, field: str) -> tuple[Person, ...]:
        """Give everyone whom a choice stands for, each number once.

        No choice or OTHER: the numbers in `free`, separated by commas or semicolons. Raises
        Mistake in `field`, or in CHOICE, if any of them cannot be reached.
        """
        where = field if _is_free(choice) else CHOICE
        parts = self._parts(choice, free, ours, field)
        for part in parts:
            if isinstance(part, Fault):
                raise Mistake(f"{part.name}: {part.message}", where)
        return tuple(part for part in parts if not isinstance(part, Fault))

    def reach(
        self, choice: str | None, free: str, ours: str, field: str
    ) -> tuple[Person | Fault, ...]:
        """Do what `resolve` does, but go on while anybody can be reached.

        The others are faults, so that one wrong number does not keep an alarm from a family.
        """
        parts = self._parts(choice, free, ours, field)
        if all(isinstance(part, Fault) for part in parts):
            return self.resolve(choice, free, ours, field)
        return parts

    def name_of(self, number: str) -> str | None:
        """Give the name of the contact with this number; of several the one with the lowest id."""
        return next((each.name for _, each in self._with(number)), None)

    def device_of(self, number: str) -> int | None:
        """Give the id of the contact with this number; of several the one with the lowest id."""
        return next((int(key) for key, _ in self._with(number)), None)

    def level_of(self, number: str) -> Level | None:
        """Give what this number may, None for a stranger; of several contacts the highest."""
        return max((each.level for _, each in self._with(number)), default=None)

    def _with(self, number: str) -> list[tuple[str, _Contact]]:
        return [found for found in self._contacts.items() if number and found[1].number == number]

    def _parts(
        self, choice: str | None, free: str, ours: str, field: str
    ) -> tuple[Person | Fault, ...]:
        if _is_free(choice):
            found = [self._free(each, ours) for each in _split(free)]
            if not found:
                raise Mistake(_no_number(""), field)
        else:
            found = self._chosen(str(choice))
        once: dict[str, Person | Fault] = {}
        for part in found:
            once.setdefault(repr(part) if isinstance(part, Fault) else part[1], part)
        return tuple(once.values())

    def _free(self, text: str, ours: str) -> Person | Fault:
        try:
            number = number_of(text, ours)
        except Mistake as mistake:
            return Fault("To", mistake.sentence)
        return self.name_of(number) or number, number

    def _chosen(self, choice: str) -> list[Person | Fault]:
        if choice in self._contacts:
            return [_part(self._contacts[choice])]
        if choice not in self._groups:
            raise Mistake(
                f"The chosen contact (id {choice}) is not there anymore; "
                "expected a contact or group of this home",
                CHOICE,
            )
        group = self._groups[choice]
        members = [self._contacts[each] for each in group.members if each in self._contacts]
        if not members:
            raise Mistake(f"{group.name}: Nobody is in this group; expected contacts", CHOICE)
        return [_part(each) for each in members]


def _contact(device: Device, ours: str) -> _Contact:
    level = level_of_word(device.pluginProps.get("accessLevel")) if device.enabled else Level.NONE
    try:
        number = number_of(str(device.pluginProps.get("contactNumber") or ""), ours)
    except Mistake as mistake:
        return _Contact(device.name, level, "", mistake.sentence)
    return _Contact(device.name, level, number)


def members_of(props: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the device ids of the contacts in a group, by its properties."""
    members = props.get("members") or ()
    return tuple(_split(members) if isinstance(members, str) else map(str, members))


def _group(device: Device) -> _Group:
    return _Group(device.name, members_of(device.pluginProps))


def _part(contact: _Contact) -> Person | Fault:
    if contact.fault:
        return Fault(contact.name, contact.fault)
    return contact.name, contact.number


def _is_free(choice: str | None) -> bool:
    return choice in {None, "", OTHER}


def _split(text: str) -> list[str]:
    return [each.strip() for each in _SEPARATORS.split(text) if each.strip()]
