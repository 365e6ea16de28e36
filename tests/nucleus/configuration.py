"""A component's configuration, as deployments change it and IPC shows it.

Source: "Interact with component configuration" and "Update component configurations", developer
guide of AWS IoT Greengrass V2. Lists are replaced whole; a merge removes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Path = tuple[str, ...]


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Give `base` with the changes of a deployment's `merge`."""
    result = dict(base)
    for key, new in changes.items():
        match result.get(key), new:
            case Mapping() as old, Mapping():
                result[key] = merged(old, new)
            case _:
                result[key] = new
    return result


def changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Path]:
    """Give the path of every leaf that is new or has another value."""
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, Mapping) and value:
            within = changed(before if isinstance(before, Mapping) else {}, value)
            yield from ((key, *rest) for rest in within)
        elif key not in old or before != value:
            yield (key,)


def found(configuration: Mapping[str, Any], path: Sequence[str]) -> Any:  # noqa: ANN401
    """Give what is at a path. Raises KeyError; a list is a leaf."""
    value: Any = configuration
    for key in path:
        if not isinstance(value, Mapping):
            raise KeyError(key)
        value = value[key]
    return value


def answered(configuration: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """Give what GetConfiguration shows: an object as it is, a leaf under its name."""
    value = found(configuration, path)
    return dict(value) if isinstance(value, Mapping) else {path[-1]: value}


def floated(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Make a float of every whole number, as a nucleus written in Java does."""
    match value:
        case bool():
            return value
        case int():
            return float(value)
        case Mapping():
            return {key: floated(each) for key, each in value.items()}
        case list():
            return [floated(each) for each in value]
    return value
