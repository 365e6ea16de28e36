"""Reading what the control API is asked to do: fields of a value, checked by their types."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
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
    Mapping: ((dict,), dict),
    NoneType: ((NoneType,), lambda _none: None),
}
"""What each type is read from, and how."""
WORDS: dict[type, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    tuple: "a list",
    Mapping: "an object",
}


class BadOrder(ValueError):  # noqa: N818 - it reads as the sentence it is
    """What is asked of the simulator cannot be done; `str()` of it says why in one sentence."""


def read(kind: type[V], document: object) -> V:
    """Make a value of its fields; BadOrder if one is unknown, missing or of the wrong type."""
    if not isinstance(document, Mapping):
        raise BadOrder("The document must be an object.")
    given = {NAMES.get(str(name), str(name)): value for name, value in document.items()}
    hints = get_type_hints(kind)
    _check_names(kind, given)
    return kind(**{name: _checked(name, value, hints[name]) for name, value in given.items()})


def _check_names(kind: type[Any], given: Mapping[str, object]) -> None:
    known = {
        field.name: field.default is MISSING and field.default_factory is MISSING
        for field in fields(kind)
    }
    for name in given.keys() - known.keys():
        raise BadOrder(f'"{name}" is unknown; known are {", ".join(map(_outside, known))}.')
    for name, needed in known.items():
        if needed and name not in given:
            raise BadOrder(f'"{_outside(name)}" is missing.')


def _outside(name: str) -> str:
    return {inside: outside for outside, inside in NAMES.items()}.get(name, name)


def _checked(name: str, value: object, hint: Any) -> object:  # noqa: ANN401 - a type of any kind
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    for kind in kinds:
        plain, convert = READERS[get_origin(kind) or kind]
        if type(value) in plain:
            return convert(value)
    words = [WORDS[get_origin(kind) or kind] for kind in kinds if kind is not NoneType]
    raise BadOrder(f'"{_outside(name)}" must be {" or ".join(words)}.')
