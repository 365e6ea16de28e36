"""What the code of an Indigo plugin imports, and whether an installed one has it."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from indigo_contents import CODE, is_left_out, name_in, requirements
from packaging.utils import canonicalize_name
from verdicts import Refused

OPTIONAL = {
    "yaml": "read with a configuration file; the plugin has its settings from Indigo",
    "awsiot": "read to serve Greengrass; the plugin serves Indigo",
    "jinja2": "read with a rule that has a template; the plugin's rules are Indigo's triggers",
    "callbox.hosts.embedded": "read for a broker of its own; the plugin has none",
}
"""What may be missing where a function imports it, and why it is never missed."""
DISTRIBUTIONS = {"paho": "paho-mqtt", "pydantic_core": "pydantic", "yarl": "aiohttp"}
"""What brings a module, where it has another name than the module."""
GIVEN = {"indigo"}
"""What the server puts into a plugin."""
GONE = frozenset(
    ("aifc", "asynchat", "asyncore", "audioop", "cgi", "cgitb", "chunk", "crypt", "distutils",
     "imghdr", "imp", "lib2to3", "mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "pipes",
     "smtpd", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib")
)  # fmt: skip
"""Modules of Python 3.11 that Python 3.13 does without."""


def trees(bundle: Path) -> dict[str, ast.Module]:
    """Give every Python file of the bundle, parsed, by its name."""
    paths = sorted((bundle / CODE).rglob("*.py"))
    return {name_in(bundle, path): _tree(bundle, path) for path in paths}


def _tree(bundle: Path, path: Path) -> ast.Module:
    try:
        return _parsed(path.read_bytes())
    except (SyntaxError, ValueError) as error:
        name, line = name_in(bundle, path), getattr(error, "lineno", 1)
        what = getattr(error, "msg", error)
        raise Refused(f"{name}, line {line}: this is not Python 3.11: {what}.") from None


@cache
def _parsed(content: bytes) -> ast.Module:
    return ast.parse(content, feature_version=(3, 11))


@dataclass(frozen=True)
class Import:
    """A module that is imported, or what may be one: `from a import b` gives a and a.b."""

    module: str
    line: int
    late: bool
    """By a function, when it is called."""
    certain: bool
    """A module, and not perhaps something else in one."""


def imports(node: ast.AST, *, late: bool = False) -> Iterator[Import]:
    """Give what is imported, except for what only a type checker reads."""
    within = list(ast.iter_child_nodes(node))
    match node:
        case ast.Import():
            for name in node.names:
                yield Import(name.name, node.lineno, late, certain=True)
        case ast.ImportFrom(module=str(module), level=0):
            yield Import(module, node.lineno, late, certain=True)
            for name in node.names:
                yield Import(f"{module}.{name.name}", node.lineno, late, certain=False)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            late = True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            within = list(node.orelse)
    for each in within:
        if not isinstance(each, ast.expr):
            yield from imports(each, late=late)


@dataclass(frozen=True)
class Allowed:
    """What the code of a bundle can import when it is installed."""

    modules: frozenset[str]
    """In the bundle, in full: callbox.store."""
    distributions: frozenset[str]
    """Required."""

    @classmethod
    def of(cls, bundle: Path) -> "Allowed":
        """Read it off a bundle."""
        return cls(frozenset(modules(bundle)), frozenset(requirements(bundle)))

    def lacks(self, wanted: Import) -> str | None:
        """Give what cannot be imported, as OPTIONAL would name it, or None."""
        top = wanted.module.partition(".")[0]
        if top in self.modules:
            return wanted.module if self._is_absent(wanted) else None
        if top in GIVEN or (top in sys.stdlib_module_names and top not in GONE):
            return None
        bringer = canonicalize_name(DISTRIBUTIONS.get(top, top))
        return None if bringer in self.distributions else top

    def _is_absent(self, wanted: Import) -> bool:
        if wanted.module in self.modules or wanted.certain:
            return wanted.module not in self.modules
        package, _, name = wanted.module.rpartition(".")
        within = f"{package}.".removeprefix("callbox.")
        return package in self.modules and is_left_out(f"{within}{name}")


def modules(bundle: Path) -> Iterator[str]:
    """Give the modules and packages that are in a bundle."""
    for path in sorted((bundle / CODE).rglob("*.py")):
        yield (
            path.relative_to(bundle / CODE)
            .as_posix()
            .removesuffix(".py")
            .removesuffix("/__init__")
            .replace("/", ".")
        )


def distributions(bundle: Path) -> set[str]:
    """Give what the code of a bundle imports beyond Python and itself."""
    tops = {each.module.partition(".")[0] for each in foreign(bundle)}
    return {canonicalize_name(DISTRIBUTIONS.get(top, top)) for top in tops}


def foreign(bundle: Path) -> Iterator[Import]:
    """Give what is imported beyond Python, the bundle and what may be missing."""
    known = {*modules(bundle), *GIVEN, *OPTIONAL, *sys.stdlib_module_names}
    for tree in trees(bundle).values():
        for each in imports(tree):
            if each.module.partition(".")[0] not in known:
                yield each
