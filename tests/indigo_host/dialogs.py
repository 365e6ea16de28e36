"""A dialog of a plugin as Indigo opens it, driven by the XML of the bundle.

    dialog = await Dialog.open(ui, device("twilioContact"), {}, server.call, store)
    await dialog.set("contactNumber", "+14155550123")
    answer = await dialog.ok()

It knows the plugin by two functions: `call` runs a method of plugin.py and gives what it returns,
`store` keeps the values of a dialog that closed with OK.
"""

import xml.etree.ElementTree as ET
from collections.abc import Awaitable, Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Self

Values = dict[str, Any]
Call = Callable[..., Awaitable[Any]]
Store = Callable[[Values], Awaitable[object]]
Options = list[tuple[str, str]]


class RefusedError(Exception):
    """No user can do this in this dialog as it stands."""


class BrokenDialogError(Exception):
    """The plugin gave what Indigo cannot use; the user would see a broken dialog."""


@dataclass(frozen=True)
class Subject:
    """What a dialog is about: the methods it begins and ends with, and what they get.

    `extra` follows the values; `edits`: the opener gets the stored values too; `kept`: what OK
    leaves is stored.
    """

    opener: str
    validator: str
    closer: str | None
    type_id: str = ""
    target: int = 0
    extra: tuple[Any, ...] = ()
    edits: bool = False
    kept: bool = True


def prefs() -> Subject:
    """Open the plugin's Configure... dialog."""
    return Subject("getPrefsConfigUiValues", "validatePrefsConfigUi", "closedPrefsConfigUi")


def device(type_id: str, device_id: int = 0) -> Subject:
    """Edit a device's settings; 0 is a device that does not exist yet."""
    return _of("Device", type_id, device_id)


def event(type_id: str, trigger_id: int = 0) -> Subject:
    """Edit a trigger's settings; 0 is a trigger that does not exist yet."""
    return _of("Event", type_id, trigger_id)


def action(type_id: str, device_id: int = 0) -> Subject:
    """Edit an action's settings for a device; 0 where the action has none."""
    return _of("Action", type_id, device_id)


def menu_item(item_id: str, callback: str) -> Subject:
    """Choose an item of the plugin's menu; its callback takes the place of the validator."""
    opener = "getMenuActionConfigUiValues"
    return Subject(opener, callback, None, item_id, extra=(item_id,), kept=False)


def _of(kind: str, type_id: str, target: int) -> Subject:
    names = (f"get{kind}ConfigUiValues", f"validate{kind}ConfigUi", f"closed{kind}ConfigUi")
    return Subject(*names, type_id, target, extra=(type_id, target), edits=True)


@dataclass(frozen=True)
class Row:
    """A line the user sees; `options` are the texts to choose from, by value."""

    field: str
    label: str
    value: Any
    options: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """What came of a press on OK: closed, or open still with what is to be mended, by field."""

    closed: bool
    errors: dict[str, str] = field(default_factory=dict)
    alert: str = ""


class Dialog:
    """One open dialog, from `open` to `ok` or `cancel`."""

    def __init__(
        self, ui: ET.Element, subject: Subject, props: Values, call: Call, store: Store
    ) -> None:
        self.values: Values = props
        self.errors: dict[str, str] = {}
        self._fields = {each.get("id", ""): _Field(each) for each in ui.findall("Field")}
        self._options = {name: each.options for name, each in self._fields.items()}
        self._subject = subject
        self._call = call
        self._store = store
        self._open = True

    @classmethod
    async def open(
        cls, ui: ET.Element, subject: Subject, props: Values, call: Call, store: Store
    ) -> Self:
        """Open it as Indigo does: what is not stored yet has its default, lists are asked for."""
        dialog = cls(ui, subject, props, call, store)
        await dialog._begin()
        dialog._fill(each for each in dialog._fields.values() if not each.asked)
        await dialog._load(dialog._fields.values())
        dialog._fill(dialog._fields.values())
        return dialog

    def show(self) -> list[Row]:
        """Give what the user sees, from top to bottom; a secure field's value is dots."""
        return [
            Row(
                name,
                each.label,
                each.seen(self.values.get(name)),
                dict(self._options[name]),
            )
            for name, each in self._fields.items()
            if each.kind != "separator" and each.visible(self.values)
        ]

    async def set(self, name: str, value: object) -> None:
        """Type, tick or choose: str for texts and menus, bool for checkboxes, list[str] for lists.

        RefusedError if the user cannot: no such field to be seen, dimmed, or not among the options.
        """
        chosen = self._reach(name)
        self._check(chosen, value)
        self.values[name] = value
        self.errors.pop(name, None)
        if chosen.method:
            await self._run(chosen.method)
        await self._reload()

    async def press(self, name: str) -> None:
        """Press a button; what its method returns becomes what the dialog holds."""
        button = self._reach(name)
        if button.kind != "button":
            raise RefusedError(f"{name} is a {button.kind}; expected a button")
        await self._run(button.method)
        await self._reload()

    async def ok(self) -> Answer:
        """Press OK: the plugin judges, what it accepts is stored, and the dialog closes.

        If the plugin refuses, nothing is stored and the dialog stays open with its errors.
        """
        self._ask_open()
        verdict = await self._call(self._subject.validator, self._copy(), *self._subject.extra)
        accepted, values, errors = _verdict(self._subject.validator, verdict)
        if values is not None:
            self.values = values
        if not accepted:
            return self._refuse(self._subject.validator, dict(errors))
        if self._subject.kept:
            await self._store(self._copy())
        await self._close(cancelled=False)
        return Answer(closed=True)

    async def cancel(self) -> None:
        """Press Cancel: nothing is stored."""
        self._ask_open()
        await self._close(cancelled=True)

    def _copy(self) -> Values:
        return deepcopy(self.values)

    def _ask_open(self) -> None:
        if not self._open:
            raise RefusedError("the dialog is closed; expected an open one")

    def _reach(self, name: str) -> "_Field":
        """Give a field that the user can use now."""
        self._ask_open()
        found = self._fields.get(name)
        if found is None or not found.visible(self.values):
            seen = ", ".join(row.field for row in self.show())
            raise RefusedError(f"no field {name} is to be seen; expected one of {seen}")
        if not found.enabled(self.values):
            raise RefusedError(f"the field {name} is dimmed; expected one that is not")
        return found

    def _check(self, chosen: "_Field", value: object) -> None:
        wanted = _TYPES.get(chosen.kind)
        if wanted is None or not isinstance(value, wanted):
            kind = f"a {wanted.__name__}" if wanted else "no value"
            raise RefusedError(f"{chosen.name} got {value!r}; a {chosen.kind} takes {kind}")
        options = [option for option, _ in self._options[chosen.name]]
        for each in value if isinstance(value, list) else [value]:
            if chosen.chooses and each not in options:
                raise RefusedError(f"{chosen.name} offers no {each!r}; expected one of {options}")

    def _fill(self, fields: Iterable["_Field"]) -> None:
        for each in fields:
            if each.kind in _TYPES:
                stored = self.values.get(each.name, each.default(self._options[each.name]))
                self.values[each.name] = each.read(stored)

    async def _begin(self) -> None:
        """Let the plugin say what the dialog opens with."""
        stored = (self._copy(),) if self._subject.edits else ()
        result = await self._call(self._subject.opener, *stored, *self._subject.extra)
        self._take(self._subject.opener, result)

    async def _load(self, fields: Iterable["_Field"]) -> None:
        """Ask the plugin for its lists; each sees the values as they are before."""
        about = (self._subject.type_id, self._subject.target)
        for each in fields:
            if each.asked:
                found = await self._call(each.asked, each.filter, self._copy(), *about)
                self._options[each.name] = _options(each.asked, found)

    async def _reload(self) -> None:
        await self._load(each for each in self._fields.values() if each.reloads)

    async def _run(self, method: str) -> None:
        self._take(method, await self._call(method, self._copy(), *self._subject.extra))

    def _take(self, method: str, result: object) -> None:
        """Show what a method returned: values, or values and errors."""
        match result:
            case dict():
                self.values = result
            case (dict() as values, dict() as errors):
                self.values = values
                self._refuse(method, dict(errors))
            case _:
                raise BrokenDialogError(f"{method} returned {result!r}; expected the values")

    def _refuse(self, method: str, errors: dict[str, str]) -> Answer:
        alert = str(errors.pop("showAlertText", ""))
        seen = [row.field for row in self.show()]
        for name in errors:
            if name not in seen:
                raise BrokenDialogError(
                    f"{method} has an error for {name}, which the user does not see;"
                    f" expected one of {', '.join(seen)}"
                )
        self.errors = errors
        return Answer(closed=False, errors=errors, alert=alert)

    async def _close(self, *, cancelled: bool) -> None:
        self._open = False
        if self._subject.closer:
            await self._call(self._subject.closer, self._copy(), cancelled, *self._subject.extra)


_TYPES: dict[str, type] = {
    **dict.fromkeys(("textfield", "menu", "serialport", "colorpicker"), str),
    "checkbox": bool,
    "list": list,
}


class _Field:
    """A field of the XML."""

    def __init__(self, element: ET.Element) -> None:
        self._of = element.get
        self.name = element.get("id", "")
        self.kind = element.get("type", "")
        texts = ("Label", "Title", "Description")
        self.label = " ".join(filter(None, (_text(element, tag) for tag in texts)))
        self.method = _text(element, "CallbackMethod")
        self.options = [(each.get("value", ""), each.text or "") for each in element.iter("Option")]
        source = element.find("List")
        listed = source.attrib if source is not None else {}
        self.asked = listed.get("method", "")
        self.filter = listed.get("filter", "")
        self.reloads = bool(self.asked) and listed.get("dynamicReload") == "true"
        self.chooses = bool(self.asked or self.options)

    def default(self, options: Options) -> Any:  # noqa: ANN401 - of the type of its kind
        """Give what the field holds where nothing is stored; a menu without a default its first."""
        default = self._of("defaultValue", "")
        if self.kind == "menu" and default not in dict(options):
            return options[0][0] if options else default
        return default

    def read(self, stored: object) -> Any:  # noqa: ANN401 - of the type of its kind
        """Give a stored value or a default in the type of its kind."""
        if self.kind == "checkbox" and isinstance(stored, str):
            return stored == "true"
        if self.kind == "list" and isinstance(stored, str):
            return list(filter(None, stored.split(",")))
        return stored

    def seen(self, value: object) -> Any:  # noqa: ANN401 - of the type of its kind
        """Give a value as the user sees it; a label has none."""
        if self.kind not in _TYPES:
            return None
        return "•" * len(str(value)) if self._of("secure") == "true" else value

    def visible(self, values: Values) -> bool:
        """Tell whether the user sees it; Indigo takes a part of the bound value for the whole."""
        if self._of("hidden") == "true":
            return False
        bound = self._of("visibleBindingId")
        wanted = (each.strip() for each in self._of("visibleBindingValue", "").split(","))
        return bound is None or any(each in _plain(values.get(bound, "")) for each in wanted)

    def enabled(self, values: Values) -> bool:
        """Tell whether the user can change it."""
        if self._of("readonly") == "true":
            return False
        bound = self._of("enabledBindingId")
        negated = self._of("enabledBindingNegate") == "true"
        return bound is None or bool(values.get(bound)) is not negated


def _text(element: ET.Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()


def _plain(value: object) -> str:
    """Give a value as Indigo compares it."""
    if isinstance(value, list):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _options(method: str, found: object) -> Options:
    """Read what a list's method returned; BrokenDialogError if Indigo could not show it."""
    if not isinstance(found, list | tuple):
        raise BrokenDialogError(f"{method} returned {found!r}; expected a list")
    for each in found:
        match each:
            case (str() as value, str()) if value and not set(value) & set(",;"):
                continue
        raise BrokenDialogError(
            f"{method} lists {each!r}; expected (value, label), both str, the value not empty and"
            " without comma and semicolon"
        )
    return [(value, label) for value, label in found]


def _verdict(method: str, result: object) -> tuple[bool, Values | None, dict[str, str]]:
    """Read what a validator returned: accepted, the values if it gave any, errors by field."""
    match result:
        case True:
            return True, None, {}
        case (True, dict() as values):
            return True, values, {}
        case (False, dict() as values, dict() as errors, *_):
            return False, values, errors
    raise BrokenDialogError(
        f"{method} returned {result!r}; expected True, (True, values) or (False, values, errors)"
    )
