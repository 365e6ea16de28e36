"""The templates in rules: Jinja2, sandboxed, with named fields and nothing else to reach for.

What is filled into a template that may begin like a JSON object or list is escaped for a JSON
string, so that no text can add a key to a document. Jinja2 is imported by whoever has a template
only.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any

from callbox.rules import RuleFault

if TYPE_CHECKING:
    import jinja2
    from jinja2 import nodes

_UNUSABLE = (SyntaxError, RecursionError, ValueError, OverflowError, MemoryError)


class _Json(str):
    """JSON already: it is filled in as it is."""

    __slots__ = ()


class Filled:
    """A template, compiled."""

    def __init__(self, compiled: "jinja2.Template") -> None:
        self._compiled = compiled

    def render(self, fields: Mapping[str, object]) -> str:
        """Fill in the fields; raises RuleFault if that cannot be done."""
        try:
            filled = self._compiled.render(fields)
            filled.encode()  # half an emoji cannot be sent
        except Exception as error:  # noqa: BLE001 - a template raises whatever Python can
            kind = type(error).__name__
            raise RuleFault(f"a template cannot be filled in for this text ({kind})") from None
        return filled


def compiled(source: str, fields: Collection[str] | None, is_json: bool = False) -> Filled:
    """Compile a template that may name these fields; None: they are not known.

    `is_json`: it gives JSON, however it begins. Raises ValueError with what was expected.
    """
    from jinja2 import TemplateError, TemplateSyntaxError  # noqa: PLC0415 - see above

    try:
        tree = _environment(is_json=is_json).parse(source)
        faults = list(_faults(tree, fields))
        environment = _environment(is_json=is_json or not {"{", "["}.isdisjoint(_begins(tree.body)))
        filled = None if faults else Filled(environment.from_string(tree))
    except TemplateSyntaxError as error:
        message = (error.message or "").rstrip(".")
        raise ValueError(f"it is no template: {message}, line {error.lineno}") from None
    except (TemplateError, *_UNUSABLE):
        raise ValueError("it is no template that can be used; make it simpler") from None
    if filled is None:
        raise ValueError("; ".join(dict.fromkeys(faults)))
    return filled


def _faults(tree: "nodes.Template", fields: Collection[str] | None) -> Iterator[str]:
    from jinja2 import meta, nodes  # noqa: PLC0415 - see above

    if list(meta.find_referenced_templates(tree)):
        yield "a template in a rule stands alone; expected none that it includes or imports"
    for node in tree.find_all((nodes.Getattr, nodes.Getitem)):
        if str(_reached(node)).startswith("_"):
            yield "it reaches into the program; expected fields only"
    unknown = meta.find_undeclared_variables(tree).difference(fields or ())
    for name in sorted(unknown if fields is not None else ()):
        near = get_close_matches(name, fields or (), n=1)
        meant = f"; did you mean {near[0]}?" if near else f"; expected {', '.join(fields or ())}"
        yield f"{name} is not a field{meant}"


def _begins(body: "Iterable[nodes.Node]") -> Iterator[str]:
    """Give the literal characters that what is filled in may begin with."""
    from jinja2 import nodes  # noqa: PLC0415 - see above

    for node in body:
        for part in ("body", "elif_", "else_"):
            yield from _begins(getattr(node, part, None) or ())
        for child in node.nodes if isinstance(node, nodes.Output) else ():
            if not isinstance(child, nodes.TemplateData):
                return
            if child.data.strip():
                yield child.data.strip()[0]
                return


def _reached(node: Any) -> object:  # noqa: ANN401 - either of two kinds
    return getattr(node, "attr", None) or getattr(getattr(node, "arg", None), "value", None)


@cache
def _environment(*, is_json: bool) -> "jinja2.Environment":
    from jinja2 import StrictUndefined  # noqa: PLC0415 - see above
    from jinja2.sandbox import SandboxedEnvironment  # noqa: PLC0415 - see above

    environment = SandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,
        finalize=_escaped if is_json else None,
    )
    environment.globals.clear()
    environment.filters.pop("attr")
    environment.filters["tojson"] = _to_json
    return environment


def _escaped(value: object) -> str:
    if isinstance(value, _Json):
        return value
    return json.dumps(str(value), ensure_ascii=False)[1:-1]


def _to_json(value: object) -> _Json:
    return _Json(json.dumps(value, ensure_ascii=False))
