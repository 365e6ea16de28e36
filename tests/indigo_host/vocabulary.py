"""Indigo's XML vocabulary, as far as it is published, as tables, and what in a file breaks it.

No DTD is published: the tables tell the rules of Indigo's plugin developer documentation, with the
ids, attributes and words that its own XML checker accepts. To allow an element or an attribute, add
it to `_SHAPES` (or `_FIELDS`, where only one type of field has it); a new word goes to `_WORDS`.
"""

import plistlib
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

Check = Callable[["_Reader", ET.Element], Iterator[str]]


@dataclass(frozen=True)
class _Shape:
    """What an element holds; words in a text, a `!` behind what it must have."""

    attributes: str = ""
    once: str = ""
    many: str = ""
    text: bool = False

    @property
    def children(self) -> list[str]:
        """Give the elements that may stand in it."""
        return [*_names(self.once), *_names(self.many)]


_STATE = "ValueType! TriggerLabel! TriggerLabelPrefix ControlPageLabel! ControlPageLabelPrefix"
_TEXT = _Shape(text=True)
_SHAPES = {
    "Devices": _Shape(once="SupportURL", many="Device DeviceFactory"),
    "Device": _Shape(
        "type! id! subType allowUserCreation",
        "SupportURL Name! ConfigUI States UiDisplayStateId",
    ),
    "DeviceFactory": _Shape("id", "SupportURL Name! ButtonTitle ConfigUI"),
    "States": _Shape(many="State"),
    "State": _Shape("id! readonly", _STATE),
    "ValueType": _Shape("boolType", "List", text=True),
    "Actions": _Shape(once="SupportURL", many="Action"),
    "Action": _Shape("id! deviceFilter uiPath", "Name! CallbackMethod! ConfigUI SupportURL"),
    "Events": _Shape(once="SupportURL", many="Event"),
    "Event": _Shape("id!", "Name! ConfigUI SupportURL"),
    "MenuItems": _Shape(once="SupportURL", many="MenuItem"),
    "MenuItem": _Shape("id! type", "Name! URL CallbackMethod ButtonTitle ConfigUI SupportURL"),
    "PluginConfig": _Shape(once="SupportURL URL", many="Field Template"),
    "ConfigUI": _Shape("actionId", "SupportURL", "Field Template"),
    "Template": _Shape("file!"),
    "Field": _Shape("id! type!", "Label Title List Description CallbackMethod"),
    "List": _Shape("class method filter dynamicReload", many="Option"),
    "Option": _Shape("value!", text=True),
    **dict.fromkeys(("SupportURL", "URL", "Name", "CallbackMethod", "ButtonTitle"), _TEXT),
    **dict.fromkeys(("Label", "Title", "Description", "UiDisplayStateId"), _TEXT),
    **dict.fromkeys(("TriggerLabel", "TriggerLabelPrefix"), _TEXT),
    **dict.fromkeys(("ControlPageLabel", "ControlPageLabelPrefix"), _TEXT),
}
_SEPARATORS = {"Action": _Shape("id!"), "Event": _Shape("id!"), "MenuItem": _Shape("id! type")}
_MAY_BE_EMPTY = {
    "Label",
    "Description",
    "TriggerLabelPrefix",
    "ControlPageLabelPrefix",
    "ValueType",
}

_ANY_FIELD = (
    " id! type! hidden tooltip enabledBindingId enabledBindingNegate visibleBindingId"
    " visibleBindingValue alwaysUseInDialogHeightCalc"
)
_FIELDS = {
    kind: _Shape(attributes + _ANY_FIELD, children)
    for kind, (attributes, children) in {
        "textfield": ("defaultValue readonly secure", "Label!"),
        "checkbox": ("defaultValue", "Label! Description"),
        "menu": ("defaultValue readonly", "Label! List! CallbackMethod"),
        "list": ("defaultValue rows readonly", "Label! List!"),
        "button": ("", "Label Title! CallbackMethod!"),
        "label": ("fontSize fontColor alignText alignWithControl", "Label!"),
        "separator": ("", ""),
        "serialport": ("", "Label!"),
        "colorpicker": ("defaultValue", "Label!"),
    }.items()
}
_CHOOSES = {"menu", "list"}
_ENABLES = {"checkbox", "list"}
_SHOWS = {"checkbox", "menu", "list"}
_ACTS = {"CallbackMethod", "ConfigUI", "URL"}

_BOOLEAN = ("true", "false")
_FILTERS = (
    *("relay", "dimmer", "sensor", "thermostat", "sprinkler", "speedcontrol"),
    *("iodevice", "responder", "controller", "insteon", "zwave", "x10", "devices"),
)
_CLASSES = (
    *("self", "indigo.devices", "indigo.variables", "indigo.triggers", "indigo.schedules"),
    *("indigo.actionGroups", "indigo.controlPages", "indigo.serialPorts"),
)
_WORDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("Device", "type"): (
        *("custom", "relay", "dimmer", "sensor", "speedcontrol", "thermostat", "sprinkler"),
    ),
    ("Device", "allowUserCreation"): _BOOLEAN,
    ("State", "readonly"): _BOOLEAN,
    ("ValueType", "boolType"): ("TrueFalse", "OnOff", "YesNo", "OneZero"),
    ("Action", "uiPath"): ("DeviceActions", "NotificationActions", "hidden"),
    ("MenuItem", "type"): ("separator",),
    ("Field", "type"): tuple(_FIELDS),
    ("List", "class"): _CLASSES,
    ("List", "dynamicReload"): _BOOLEAN,
    ("Field", "fontSize"): ("regular", "small", "mini"),
    ("Field", "fontColor"): ("black", "darkgray", "red", "orange", "green", "blue"),
    ("Field", "alignText"): ("left", "center", "right"),
    **{
        ("Field", name): _BOOLEAN
        for name in (
            *("hidden", "readonly", "secure", "enabledBindingNegate", "alignWithControl"),
            "alwaysUseInDialogHeightCalc",
        )
    },
}
_VALUE_TYPES = ("String", "Number", "Integer", "Boolean", "Separator")

_ID = r"(?!(?i:xml))[A-Za-z][!-~]*"
_IDS = {
    "Field": (r"(?!(?i:xml))[A-Za-z]\w*", "a letter, then letters, digits and underscores"),
    "State": (
        r"(?!(?i:xml))[A-Za-z]((?!\.)[!-~])*",
        "a letter, then ASCII without spaces and periods",
    ),
}
_ANY_ID = (_ID, "a letter, then ASCII without spaces, not beginning with xml")
_PLUGIN = re.compile(r"[A-Za-z]\w*(\.\w+)+")


def faults(path: Path, plugin_source: str) -> list[str]:
    """Tell what in an XML file of a bundle Indigo would refuse or silently ignore.

    `plugin_source` is the text of plugin.py, whose methods the file may name. One sentence a fault:
    the file, the element, what is wrong, what was expected. A file that cannot be parsed is one.
    """
    try:
        root = ET.fromstring(path.read_bytes())
    except ET.ParseError as error:
        return [f"{path.name}: is not well-formed XML ({error}); expected one that can be parsed"]
    if root.tag != path.stem:
        return [f"{path.name}: the root is {root.tag}; expected {path.stem}"]
    methods = set(re.findall(r"^\s*(?:async\s+)?def\s+(\w+)", plugin_source, re.MULTILINE))
    reader = _Reader(path, root, methods)
    return [f"{path.name}: {fault}" for fault in reader.faults(root)]


class _Reader:
    """One file, walked from its root down."""

    def __init__(self, path: Path, root: ET.Element, methods: set[str]) -> None:
        self.methods = methods
        self.parents = {child: parent for parent in root.iter() for child in parent}
        self.device_types = _device_types(path.with_name("Devices.xml"))

    def faults(self, element: ET.Element) -> Iterator[str]:
        """Tell what is wrong with an element and with all inside it."""
        shape = self.shape(element)
        for check in (_shape_faults, *_CHECKS.get(element.tag, ())):
            yield from (f"{self.name(element)} {fault}" for fault in check(self, element))
        for child in element:
            if child.tag in shape.children:
                yield from self.faults(child)

    def shape(self, element: ET.Element) -> _Shape:
        """Give the rule for an element; a field's is that of its type, if it has a known one."""
        if element.tag in _SEPARATORS and _is_separator(element):
            return _SEPARATORS[element.tag]
        if element.tag == "Field":
            return _FIELDS.get(element.get("type", ""), _SHAPES["Field"])
        return _SHAPES[element.tag]

    def name(self, element: ET.Element) -> str:
        """Name an element by those around it that have an id, and itself: Action sendSMS, List."""
        names = [element]
        while names[0] in self.parents:
            names.insert(0, self.parents[names[0]])
        told = [each for each in names[:-1] if each.get("id")] + [element]
        return ", ".join(f"{each.tag} {each.get('id', '')}".strip() for each in told)

    def neighbours(self, field: ET.Element) -> dict[str, ET.Element]:
        """Give the fields of a field's dialog by their ids."""
        return {each.get("id", ""): each for each in self.parents[field].iter("Field")}


def _is_separator(element: ET.Element) -> bool:
    return element.get("type") == "separator" or (
        len(element) == 0 and set(element.keys()) == {"id"}
    )


def _device_types(path: Path) -> set[str]:
    try:
        root = ET.parse(path).getroot()
    except (OSError, ET.ParseError):
        return set()
    return {each.get("id", "") for each in root.iter("Device")}


def _names(words: str) -> list[str]:
    return words.replace("!", "").split()


def _needed(words: str) -> list[str]:
    return [word[:-1] for word in words.split() if word.endswith("!")]


def _one_of(words: list[str] | tuple[str, ...]) -> str:
    return (
        f"expected {', '.join(words[:-1])} or {words[-1]}" if words[1:] else f"expected {words[0]}"
    )


# What is asked of every element.


def _shape_faults(reader: _Reader, element: ET.Element) -> Iterator[str]:
    shape = reader.shape(element)
    for check in (_attribute_faults, _child_faults, _text_faults):
        yield from check(shape, element)
    yield from _word_faults(element)
    yield from _id_faults(element)
    yield from _twin_faults(element)


def _attribute_faults(shape: _Shape, element: ET.Element) -> Iterator[str]:
    allowed = _names(shape.attributes)
    if element.tag == "Field" and element.get("type") not in _FIELDS:
        allowed = list(element.keys())
    for name in element.keys():  # noqa: SIM118 - an element is no dict
        if name not in allowed:
            hint = ["defaultValue"] if name == "default" and "defaultValue" in allowed else allowed
            yield f"has the attribute {name}; {_one_of(hint or ['none'])}"
    for name in _needed(shape.attributes):
        if name not in element.keys():  # noqa: SIM118
            yield f"has no {name}; expected the attribute {name}"


def _child_faults(shape: _Shape, element: ET.Element) -> Iterator[str]:
    counts = Counter(child.tag for child in element)
    for tag, count in counts.items():
        if tag not in shape.children:
            yield f"holds {tag}; {_place(element, tag, shape)}"
        elif count > 1 and tag in _names(shape.once):
            yield f"holds {tag} {count} times; expected one"
    for tag in _needed(shape.once):
        if tag not in counts:
            yield f"has no {tag}; expected one inside it"


def _place(element: ET.Element, tag: str, shape: _Shape) -> str:
    homes = [home for home, other in _SHAPES.items() if tag in other.children]
    if homes and element.tag not in homes:
        return f"expected it inside {' or '.join(homes)} only"
    return _one_of(shape.children or ["nothing"])


def _text_faults(shape: _Shape, element: ET.Element) -> Iterator[str]:
    text = "".join([element.text or "", *(child.tail or "" for child in element)]).strip()
    if not shape.text and text:
        yield f"holds the text {text[:30]!r}; expected elements only"
    if shape.text and not text and element.tag not in _MAY_BE_EMPTY:
        yield "is empty; expected a text"


def _word_faults(element: ET.Element) -> Iterator[str]:
    for name, value in element.items():
        words = _WORDS.get((element.tag, name))
        if words and value not in words:
            yield f"has {name}={value!r}; {_one_of(words)}"


def _id_faults(element: ET.Element) -> Iterator[str]:
    pattern, told = _IDS.get(element.tag, _ANY_ID)
    if "id" in element.keys() and not re.fullmatch(pattern, element.get("id", ""), re.ASCII):  # noqa: SIM118
        yield f"has a wrong id; expected {told}"


def _twin_faults(element: ET.Element) -> Iterator[str]:
    ids = Counter((child.tag, child.get("id")) for child in element if child.get("id"))
    for (tag, name), count in ids.items():
        if count > 1:
            yield f"holds {count} times {tag} {name}; expected each id once"


# What is asked of some.


def _method_faults(reader: _Reader, element: ET.Element) -> Iterator[str]:
    name = (element.text or "").strip()
    if name and name not in reader.methods:
        yield f"names {name}; expected a method of plugin.py"


def _display_faults(reader: _Reader, element: ET.Element) -> Iterator[str]:
    states = [each.get("id", "") for each in reader.parents[element].iter("State")]
    if (name := (element.text or "").strip()) not in states:
        yield f"names {name}; {_one_of(states or ['no UiDisplayStateId without states'])}"


def _value_type_faults(_: _Reader, element: ET.Element) -> Iterator[str]:
    text = (element.text or "").strip()
    if element.find("List") is None and text not in _VALUE_TYPES:
        yield f"is {text!r}; {_one_of((*_VALUE_TYPES, 'a List'))}"


def _address_faults(_: _Reader, element: ET.Element) -> Iterator[str]:
    if not re.match(r"https?://\S+$", (element.text or "").strip()):
        yield f"is {element.text!r}; expected an http:// or https:// URL"


def _device_filter_faults(reader: _Reader, element: ET.Element) -> Iterator[str]:
    for word in filter(None, element.get("deviceFilter", "").split(",")):
        yield from (f"has the deviceFilter {fault}" for fault in _filter(reader, word.strip()))


def _filter(reader: _Reader, word: str) -> Iterator[str]:
    """Tell what is wrong with one word of a filter of devices."""
    owner, _, rest = word.partition(".")
    types = sorted(reader.device_types)
    if owner == "self" and rest and types and rest not in types:
        yield f"{word}; {_one_of([f'self.{name}' for name in types])}"
    elif owner == "indigo" and rest not in _FILTERS:
        yield f"{word}; {_one_of([f'indigo.{name}' for name in _FILTERS])}"
    elif owner not in {"self", "indigo"} and not _PLUGIN.fullmatch(word):
        yield f"{word}; expected self, self.<type>, indigo.<kind> or a plugin's id"


def _list_faults(reader: _Reader, element: ET.Element) -> Iterator[str]:
    owner, method = element.get("class"), element.get("method")
    if owner == "self" and not method:
        yield "has no method; expected one of plugin.py, as its class is self"
    if method and owner != "self":
        yield f"has the method {method} and not the class self; expected both"
    if method and method not in reader.methods:
        yield f"names {method}; expected a method of plugin.py"
    if owner is None and len(element) == 0:
        yield "has neither Options nor a class; expected one of them"
    if owner is not None and len(element):
        yield "has Options and a class; expected one of them"
    if owner == "indigo.devices":
        yield from (
            f"has the filter {fault}"
            for word in filter(None, element.get("filter", "").split(","))
            for fault in _filter(reader, word.strip())
        )


def _option_faults(reader: _Reader, element: ET.Element) -> Iterator[str]:
    field = reader.parents.get(reader.parents[element])
    listed = field is not None and field.get("type") == "list"
    value = element.get("value", "")
    if "," in value or (listed and ";" in value):
        yield f"has the value {value!r}; expected one without comma and semicolon"
    twins = [each for each in reader.parents[element] if each.get("value", "") == value]
    if twins[0] is not element:
        yield f"has the value {value!r} of another Option; expected each value once"


def _default_faults(_: _Reader, field: ET.Element) -> Iterator[str]:
    default, kind = field.get("defaultValue", ""), field.get("type")
    if not default:
        return
    if kind == "checkbox" and default not in _BOOLEAN:
        yield f"has defaultValue={default!r}; {_one_of(_BOOLEAN)}"
    options = _options(field)
    for value in default.split(",") if kind == "list" else [default]:
        if kind in _CHOOSES and options and value not in options:
            yield f"has defaultValue={value!r}; {_one_of(options)}"


def _rows_faults(_: _Reader, field: ET.Element) -> Iterator[str]:
    rows = field.get("rows", "4")
    if not rows.isdecimal() or int(rows) < 4:
        yield f"has rows={rows!r}; expected a number from 4 up"


def _options(field: ET.Element) -> list[str]:
    """Give what a field can be, as far as the file tells: nothing for lists that are asked for."""
    if field.get("type") == "checkbox":
        return list(_BOOLEAN)
    return [each.get("value", "") for each in field.iter("Option")]


def _enabled_faults(reader: _Reader, field: ET.Element) -> Iterator[str]:
    if field.get("enabledBindingNegate") and not field.get("enabledBindingId"):
        yield "has enabledBindingNegate alone; expected enabledBindingId beside it"
    if name := field.get("enabledBindingId"):
        yield from _binding_faults(reader, field, "enabledBindingId", name, _ENABLES)


def _binding_faults(
    reader: _Reader, field: ET.Element, attribute: str, name: str, kinds: set[str]
) -> Iterator[str]:
    """Tell whether a binding names another field of the dialog that can rule this one."""
    bound = reader.neighbours(field).get(name)
    if bound is None or bound is field:
        yield f"has {attribute}={name!r}; expected the id of another field of this dialog"
    elif bound.get("type") not in kinds:
        yield f"has {attribute}={name!r}; expected a {' or '.join(sorted(kinds))}"


def _visible_faults(reader: _Reader, field: ET.Element) -> Iterator[str]:
    name, values = field.get("visibleBindingId"), field.get("visibleBindingValue")
    if (name is None) != (values is None):
        yield "has one half of a binding; expected visibleBindingId and visibleBindingValue"
    if name is None or values is None:
        return
    yield from _binding_faults(reader, field, "visibleBindingId", name, _SHOWS)
    bound = reader.neighbours(field).get(name)
    options = _options(bound) if bound is not None else []
    for value in (wanted := [each.strip() for each in values.split(",")]):
        if options and value not in options:
            yield f"has visibleBindingValue={value!r}; {_one_of(options)}"
        yield from _likeness_faults(name, value, {*options, *wanted} - {value})


def _likeness_faults(name: str, value: str, others: set[str]) -> Iterator[str]:
    """Tell where Indigo, which looks for a part of a value, would take two values for one."""
    for other in sorted(others):
        if value in other or other in value:
            yield (
                f"is bound to {value!r}, and {name} may be {other!r}, which holds it or is a part"
                " of it; expected values of which none is a part of another"
            )


def _page_faults(_: _Reader, element: ET.Element) -> Iterator[str]:
    """Tell where a file, or an item of a menu, gives a page and a dialog at once."""
    for tag in ("Field", "CallbackMethod", "ConfigUI"):
        if element.find("URL") is not None and element.find(tag) is not None:
            yield f"holds URL and {tag}; expected one of them"


def _idle_faults(_: _Reader, element: ET.Element) -> Iterator[str]:
    if not _is_separator(element) and not {child.tag for child in element} & _ACTS:
        yield f"does nothing; {_one_of(sorted(_ACTS))}"


def _action_id_faults(reader: _Reader, element: ET.Element) -> Iterator[str]:
    parent = reader.parents[element]
    if element.get("actionId") and parent.tag != "MenuItem":
        yield "has actionId; expected it in a MenuItem only"


_CHECKS: dict[str, tuple[Check, ...]] = {
    "CallbackMethod": (_method_faults,),
    "UiDisplayStateId": (_display_faults,),
    "ValueType": (_value_type_faults,),
    "SupportURL": (_address_faults,),
    "URL": (_address_faults,),
    "Action": (_device_filter_faults,),
    "MenuItem": (_page_faults, _idle_faults),
    "PluginConfig": (_page_faults,),
    "ConfigUI": (_action_id_faults,),
    "List": (_list_faults,),
    "Option": (_option_faults,),
    "Field": (_default_faults, _rows_faults, _enabled_faults, _visible_faults),
}


# Info.plist

_HELP = r"https?://\S+|/\S+"
_PLIST = {
    "PluginVersion": (r"\d+\.\d+\.\d+", "three numbers, as 2026.1.0"),
    "ServerApiVersion": (r"\d+\.\d+", "two numbers, as 3.4"),
    "CFBundleDisplayName": (r"\S.*", "a name"),
    "CFBundleIdentifier": (
        r"(?!com\.(indigodomo|perceptiveautomation)\b)[A-Za-z][\w-]*(\.[\w-]+){2,}",
        "an id of one's own, as com.example.indigoplugin.name",
    ),
    "CFBundleVersion": (r"1\.0\.0", "1.0.0, the version of the bundle's layout"),
    "CFBundleName": (r".{1,15}", "a name of under 16 letters"),
    "CFBundleURLTypes": (_HELP, "a list with one CFBundleURLName, a URL or a path from /"),
}
_PLIST_OPTIONAL = {"CFBundleName"}


def plist_faults(path: Path) -> list[str]:
    """Tell what in an Info.plist Indigo or its plugin store would refuse, a sentence each."""
    try:
        info: dict[str, Any] = plistlib.loads(path.read_bytes())
    except (plistlib.InvalidFileException, ExpatError, ValueError) as error:
        return [f"{path.name}: is no property list ({error}); expected one that can be parsed"]
    return [f"{path.name}: {fault}" for fault in _plist_faults(info)]


def _plist_faults(info: dict[str, Any]) -> Iterator[str]:
    for key in info.keys() - _PLIST.keys():
        yield f"has the key {key}; {_one_of(tuple(_PLIST))}"
    for key, (pattern, told) in _PLIST.items():
        if key in info and not re.fullmatch(pattern, _plain(info[key])):
            yield f"{key} is {info[key]!r}; expected {told}"
        if key not in info and key not in _PLIST_OPTIONAL:
            yield f"has no {key}; expected {told}"


def _plain(value: object) -> str:
    """Give a value as text; for a list its help's address, and "" for what is neither."""
    match value:
        case str():
            return value
        case [{"CFBundleURLName": str(address)}]:
            return address
    return ""
