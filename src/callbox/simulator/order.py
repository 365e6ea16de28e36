"""Reading what is asked of the simulator: fields of a value, checked by their types.

A document is what JSON and YAML can hold. A type that a field may have needs a line in READERS
and in WORDS; values with fields of their own are read by the same rules, as deep as they go.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

V = TypeVar("V")
NAMES = {"from": "sender"}
"""What JSON calls otherwise."""
READERS: dict[type, tuple[tuple[type, ...], Callable[[Any], object]]] = {
    str: ((str,), str),
    bool: ((bool,), bool),
    int: ((int,), int),
    float: ((int, float), float),
    tuple: ((list, tuple), tuple),
    Collection: ((list, tuple, set, frozenset), tuple),
    Mapping: ((dict,), dict),
    NoneType: ((NoneType,), lambda _none: None),
}
"""What each type is read from, and how."""
WORDS: dict[type, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Mapping: "an object",
    tuple: "a list",
    Collection: "a list",
}
"""What each type is called; of two that hold the same value, the first."""

HALF = "The document holds half of a character, a lone surrogate."
MOST = 2**53
"""How far from 0 a number may be: beyond it, whole numbers are not exact for everybody."""


class BadOrder(ValueError):  # noqa: N818 - it reads as the sentence it is
    """What is asked of the simulator cannot be done; `str()` of it says why in one sentence."""


def parse(body: bytes | str) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Return what JSON says; BadOrder if it is none, or holds what no answer could show."""
    try:
        found = json.loads(body)
        json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        raise BadOrder(HALF) from None
    except RecursionError:
        raise BadOrder("The document is nested too deep.") from None
    except ValueError as reason:
        raise BadOrder(f"The document is not JSON: {reason}.") from None
    return found


def read(kind: type[V], document: object, within: str = "") -> V:
    """Make a value of its fields; BadOrder if one is unknown, missing or of the wrong type.

    `within` is where the document stands, for the sentence.
    """
    if not isinstance(document, Mapping):
        raise BadOrder("The document must be an object.")
    check_known(document, names_of(kind), within)
    given = {NAMES.get(str(name), str(name)): value for name, value in document.items()}
    hints = get_type_hints(kind)
    _check_needed(kind, given, within)
    found = {
        name: _checked(_place(within, _outside(name)), value, hints[name])
        for name, value in given.items()
    }
    try:
        return kind(**found)
    except BadOrder as reason:
        raise BadOrder(f"In {_quoted(within)}: {reason}" if within else str(reason)) from None


def names_of(kind: type[Any]) -> list[str]:
    """Return the names that a document has for the fields of a kind."""
    return [_outside(field.name) for field in fields(kind)]


def check_known(document: Mapping[str, object], known: Collection[str], within: str = "") -> None:
    """BadOrder names the first key of a document that is none of these."""
    for name in map(str, document):
        if name not in known:
            place = _quoted(_place(within, name))
            raise BadOrder(f"{place} is unknown; known are {', '.join(known)}.")


def _check_needed(kind: type[Any], given: Mapping[str, object], within: str) -> None:
    for field in fields(kind):
        needed = field.default is MISSING and field.default_factory is MISSING
        if needed and field.name not in given:
            raise BadOrder(f"{_quoted(_place(within, _outside(field.name)))} is missing.")


def _outside(name: str) -> str:
    return {inside: outside for outside, inside in NAMES.items()}.get(name, name)


def _place(within: str, name: str) -> str:
    return f"{within}.{name}" if within else name


def _quoted(place: str) -> str:
    return f'"{place}"'


def kind_of(value: object) -> str:
    """Return what JSON calls a value: text, a list, null and the like."""
    return next((word for kind, word in WORDS.items() if isinstance(value, kind)), "null")


def is_sane(value: float) -> bool:
    """Whether it is a number that can be reckoned with: finite, and of at most 16 digits."""
    return abs(value) <= MOST


def _check_sane(place: str, value: object) -> None:
    if isinstance(value, int | float) and not is_sane(value):
        raise BadOrder(f"{_quoted(place)} must be a number from -2^53 to 2^53.")
    if isinstance(value, str) and not _is_whole(value):
        raise BadOrder(HALF)


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _checked(place: str, value: object, hint: Any) -> object:  # noqa: ANN401 - a type of any kind
    _check_sane(place, value)
    if hint is Any:
        return value
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    for kind in kinds:
        if isinstance(kind, type) and is_dataclass(kind) and isinstance(value, dict):
            return read(kind, value, place)
        if isinstance(value, str) and hasattr(kind, "named"):
            return kind.named(value)
        plain, convert = READERS.get(get_origin(kind) or kind, ((), str))
        if type(value) in plain:
            return convert(_inside(place, value, get_args(kind)))
    words = [_word(kind) for kind in kinds if kind is not NoneType]
    raise BadOrder(f"{_quoted(place)} must be {' or '.join(words)}.")


def _inside(place: str, value: Any, hints: tuple[Any, ...]) -> object:  # noqa: ANN401 - see _checked
    """Check what a list or an object holds, if its type says what that must be."""
    if not hints:
        return value
    if isinstance(value, dict):
        return {
            _checked(place, name, hints[0]): _checked(_place(place, str(name)), entry, hints[1])
            for name, entry in value.items()
        }
    return [
        _checked(_place(place, str(number)), entry, hints[0])
        for number, entry in enumerate(value, 1)
    ]


def _word(kind: Any) -> str:  # noqa: ANN401 - see _checked
    return WORDS.get(get_origin(kind) or kind, "an object")
