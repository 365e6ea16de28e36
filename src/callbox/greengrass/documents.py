"""Files that V1 left behind, as JSON values: JSON, `aws greengrass` commands, YAML templates.

No sentence repeats what stands in a file, which may be a secret.
"""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callbox.errors import CallboxError

if TYPE_CHECKING:
    import yaml

KINDS = (
    "expected JSON that `aws greengrass` takes or gives, such a command itself, or a "
    "CloudFormation template"
)
_LARGEST = 1024 * 1024  # bytes; no template is larger
_UTF16 = (b"\xff\xfe", b"\xfe\xff")  # what PowerShell's > writes
_CONTINUED = re.compile(r"\\\r?\n")
_COMMAND = re.compile(  # with the prompt of a shell, which may be [user@host folder]$
    r"^[ \t]*(?:(?:\[[^\]\n]{1,99}\]|\S*)[$%>][ \t]+)?aws[ \t].*\bgreengrass\b", re.MULTILINE
)
_ANSWER = re.compile(r"^(?:\{|\[$)", re.MULTILINE)  # how JSON of AWS's CLI begins
_SPACE = re.compile(r"\s*")
_WRAPPED = {  # AWS CLI, aws greengrass create-...-definition-version: options that are lists
    "--connectors": "Connectors",
    "--subscriptions": "Subscriptions",
    "--resources": "Resources",
    "--functions": "Functions",
}
_SHORT = ("Ref", "Condition")  # CloudFormation: these have no Fn:: before their names
_OPTIONS = ("--initial-version", "--cli-input-json", *_WRAPPED)

Document = tuple[str, Any]  # where it stands, and the JSON value


def documents_of(path: Path) -> list[Document]:
    """Read a file. Raises CallboxError with its name, the place and what was expected."""
    text = _text(path)
    if not text.strip():
        raise CallboxError(f"{path}: it is empty; {KINDS}.")
    return documents_in(text, str(path))


def documents_in(text: str, place: str) -> list[Document]:
    """Give the JSON values in a text; `place` is named in errors. Raises CallboxError."""
    try:
        begins, typed = text.lstrip()[:1], _COMMAND.search(_CONTINUED.sub(" ", text))
        if begins == "{" or (begins == "[" and not typed):
            return [(place, value) for value in _json(text, place)]
        if typed:
            return list(_in_commands(text, place) or _answers(text, place))
        return [(place, value) for value in _yaml(text, place)]
    except RecursionError:
        raise CallboxError(f"{place}: it is nested too deeply; {KINDS}.") from None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise CallboxError(f"{path}: it is larger than 1 MiB; {KINDS}.")
        text = content.decode("utf-16" if content.startswith(_UTF16) else "utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise CallboxError(f"{path}: cannot read it ({reason}); {KINDS}.") from None
    if "\0" in text:
        raise CallboxError(f"{path}: cannot read it (it is not text); {KINDS}.")
    return text


class _TwiceError(ValueError):
    """A key stands twice in one object."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _TwiceError
    return found


# Numbers matter only as what is no text, and a long integer is an error to Python.
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=float)


def _json(text: str, place: str) -> Iterator[Any]:
    """Give each of the JSON values that stand one after another."""
    at = _after_space(text, 0)
    while at < len(text):
        value, at = _value(text, at, place)
        yield value
        at = _after_space(text, at)


def _value(text: str, at: int, place: str) -> tuple[Any, int]:
    """Give the JSON value that begins `at` an index, and the index of its end."""
    try:
        return _DECODER.raw_decode(text, at)
    except _TwiceError:
        raise CallboxError(
            f"{place}: an object has the same key twice; expected each key once."
        ) from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        problem = error.msg[:1].lower() + error.msg[1:]
        raise CallboxError(
            f"{place}, {where}: it is not JSON ({problem}); expected JSON with double "
            "quotation marks, no comma after the last entry, and its end."
        ) from None


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _in_commands(text: str, place: str) -> list[Document]:
    """Give the definitions that commands were given; none if they asked for them."""
    try:
        words = shlex.split(_CONTINUED.sub(" ", text), comments=True)
    except ValueError:
        if _ANSWER.search(text):  # it has an apostrophe
            return []
        raise CallboxError(
            f"{place}: a quotation mark of the command is never closed; expected the whole command."
        ) from None
    return [document for option, value in _options(words) for document in _in(option, value, place)]


def _answers(text: str, place: str) -> Iterator[Document]:
    """Give the JSON that stands below commands, as a terminal showed it."""
    at = 0
    while found := _ANSWER.search(text, at):
        value, at = _value(text, found.start(), place)
        yield place, value
    if not at:
        expected = " or ".join((", ".join(_OPTIONS[:-1]), _OPTIONS[-1]))
        raise CallboxError(
            f"{place}: the command has no definition; expected {expected}, or below it the JSON "
            "that it gave."
        )


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    for word, following in zip(words, [*words[1:], ""], strict=True):
        option, equals, value = word.partition("=")
        if option in _OPTIONS:
            yield option, value if equals else following


def _in(option: str, value: str, place: str) -> Iterator[Document]:
    where = f"{place}, {option}"
    if value.startswith("file://"):
        raise CallboxError(
            f"{where}: the definition is in another file; expected that file itself: "
            "name it instead of this one."
        )
    for each in _json(value, where):
        yield (where, {_WRAPPED[option]: each} if option in _WRAPPED else each)


def _yaml(text: str, place: str) -> list[Any]:
    import yaml  # noqa: PLC0415 - only for templates

    try:
        values = list(yaml.load_all(text, Loader=_loader()))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = str(getattr(error, "problem", None) or "it has a forbidden character")
        told = re.sub(r"'[^'<]*'", "something", problem)  # it may be part of a secret
        raise CallboxError(
            f"{place}{where}: it is neither JSON nor YAML ({told}); {KINDS}."
        ) from None
    if not all(isinstance(value, dict | list) for value in values):
        raise CallboxError(f"{place}: it is neither JSON nor YAML of objects; {KINDS}.")
    return values


def _loader() -> "type[yaml.BaseLoader]":
    """Give a reader to which values are text and `!Sub x` is `{"Fn::Sub": x}`, as in JSON."""
    import yaml  # noqa: PLC0415 - see _yaml

    class Loader(yaml.BaseLoader):
        def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
            if self.check_event(yaml.AliasEvent):  # CloudFormation refuses them too
                raise _marked("an alias stands there", self.peek_event())  # type: ignore[no-untyped-call]
            return super().compose_node(parent, index)

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            found: dict[Any, Any] = super().construct_mapping(node, deep=deep)
            if len(found) < len(node.value):
                raise _marked("a mapping has the same key twice", node)
            return found

    Loader.add_multi_constructor("!", _function)
    return Loader


def _marked(problem: str, where: Any) -> "yaml.MarkedYAMLError":  # noqa: ANN401 - event or node
    import yaml  # noqa: PLC0415 - see _yaml

    return yaml.MarkedYAMLError(problem=problem, problem_mark=where.start_mark)


def _function(loader: Any, name: str, node: Any) -> dict[str, Any]:  # noqa: ANN401 - PyYAML's own
    """Give the long form of a function of CloudFormation."""
    readers = {"mapping": loader.construct_mapping, "sequence": loader.construct_sequence}
    if node.id in readers:
        value = readers[node.id](node, deep=True)
    else:
        value = loader.construct_scalar(node)
    return {name if name in _SHORT else f"Fn::{name}": value}
