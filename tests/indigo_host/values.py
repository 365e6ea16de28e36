"""indigo.Dict and indigo.List: no dict, no list; both refuse what the C++ bridge refuses.

Keys are ASCII names as XML wants them; values are bool, int, float, str, Dict or List. Getting a
nested container gives a copy of it: changes must be put back.
"""
# ruff: noqa: ANN401 - what crosses to a plugin has any type

import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, MutableSequence
from typing import Any, overload

_KEY = re.compile(r"(?!xml)[A-Za-z][A-Za-z0-9_.-]*", re.ASCII | re.IGNORECASE)
_YES, _NO = {"true", "on", "yes", "1"}, {"false", "off", "no", "0"}
_ATOMS = (bool, int, float, str)


class ArgumentError(TypeError):
    """The C++ bridge knows no conversion for a Python value."""


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise ArgumentError(f"a key is a str, not {type(key).__name__}")
    if not _KEY.fullmatch(key):
        raise ValueError(f"LowLevelBadParameterError -- illegal XML tag name character in {key!r}")
    return key


def _value(value: object) -> Any:
    if isinstance(value, (Dict, List)):
        return value.copy()
    if isinstance(value, _ATOMS):
        return value
    wanted = {"dict": "CXmlDict", "list": "CXmlList"}.get(type(value).__name__, "CXmlValue")
    raise ArgumentError(
        f"No registered converter was able to produce a C++ rvalue of type {wanted} "
        f"from this Python object of type {type(value).__name__}",
    )


def _out(value: Any) -> Any:
    return value.copy() if isinstance(value, (Dict, List)) else value


class Dict(MutableMapping[str, Any]):
    """indigo.Dict."""

    __slots__ = ("_items",)

    def __init__(self, source: "Dict | None" = None) -> None:
        self._items: dict[str, Any] = {}
        if source is not None:
            self._items = dict(wanted(source, Dict)._items)

    def __getitem__(self, key: str) -> Any:
        if key not in self._items:
            raise KeyError(f"key {key} not found in dict")
        return _out(self._items[key])

    def __setitem__(self, key: str, value: Any) -> None:
        self._items[_key(key)] = _value(value)

    def __delitem__(self, key: str) -> None:
        del self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._items))

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"indigo.Dict({self._items!r})"

    def copy(self) -> "Dict":
        """Give a copy that shares nothing."""
        return wrap(plain(self))  # type: ignore[no-any-return]

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> "Dict":
        return self.copy()

    def to_dict(self) -> dict[str, Any]:
        """Give plain Python containers all the way down."""
        return plain(self)  # type: ignore[no-any-return]


class List(MutableSequence[Any]):
    """indigo.List."""

    __slots__ = ("_items",)

    def __init__(self, source: Iterable[Any] = ()) -> None:
        self._items = [_value(each) for each in source]

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> "List": ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return List(self._items[index])
        return _out(self._items[index])

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            self._items[index] = [_value(each) for each in value]
        else:
            self._items[index] = _value(value)

    def __delitem__(self, index: int | slice) -> None:
        del self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, List) and self._items == other._items

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"indigo.List({self._items!r})"

    def insert(self, index: int, value: Any) -> None:
        """Put a value before an index."""
        self._items.insert(index, _value(value))

    def copy(self) -> "List":
        """Give a copy that shares nothing."""
        return wrap(plain(self))  # type: ignore[no-any-return]

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> "List":
        return self.copy()


def wanted(value: object, kind: type) -> Any:
    """Give the value if it is of the bridge's type; ArgumentError for, say, a plain dict."""
    if not isinstance(value, kind):
        raise ArgumentError(
            f"Python argument types did not match C++ signature: "
            f"indigo.{kind.__name__} wanted, not {type(value).__name__}",
        )
    return value


def wrap(value: Any) -> Any:
    """Turn plain containers into indigo's, all the way down; tuples and None stay."""
    if isinstance(value, Mapping):
        wrapped = Dict()
        for key, each in value.items():
            wrapped[key] = wrap(each)
        return wrapped
    if isinstance(value, (list, List)):
        return List(wrap(each) for each in value)
    return tuple(wrap(each) for each in value) if isinstance(value, tuple) else value


def plain(value: Any) -> Any:
    """Turn indigo's containers into plain ones, all the way down; tuples stay tuples."""
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, List)):
        return [plain(each) for each in value]
    return tuple(plain(each) for each in value) if isinstance(value, tuple) else value


def holds_plain_dict(value: object) -> bool:
    """Tell whether a plain dict is somewhere in what a plugin hands to the bridge."""
    if isinstance(value, (list, tuple)):
        return any(holds_plain_dict(each) for each in value)
    return isinstance(value, dict)


def state_value(kind: str, value: Any) -> Any:
    """Give a value as a state of a ValueType holds it; ValueError if it cannot."""
    if kind == "String":
        return str(value)
    if kind == "Boolean":
        word = str(value).lower()
        if word not in _YES | _NO:
            raise ValueError(f"{value!r} is no Boolean")
        return word in _YES
    number = float(value)
    return int(number) if kind == "Integer" or isinstance(value, int) else number
