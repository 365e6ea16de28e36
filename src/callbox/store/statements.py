"""The SQL of the store: named statements and numbered migrations, kept as SQL in `sql/`."""

import re
from functools import cache
from importlib.resources import files

_FOLDER = files("callbox.store") / "sql"


@cache
def statements() -> dict[str, str]:
    """Give every statement by its name; `{columns}` stands for the one named so."""
    text = (_FOLDER / "queries.sql").read_text()
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
    named = {name: sql.strip() for name, sql in zip(parts[::2], parts[1::2], strict=True)}
    columns = named.pop("columns")
    return {name: sql.replace("{columns}", columns) for name, sql in named.items()}


@cache
def migrations() -> list[str]:
    """Give the migrations in order; the n-th leads to schema version n."""
    names = sorted(entry.name for entry in _FOLDER.iterdir() if re.match(r"\d{4}_", entry.name))
    return [(_FOLDER / name).read_text() for name in names]
