"""The licences of what Callbox stands on, as distributions bring them."""

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution
from pathlib import PurePosixPath
from typing import Any

from verdicts import Refused
from wheels import name_of

WITHOUT_TEXT = {"awsiotsdk": "Apache"}
"""Distributions that bring no text of their licence, and the word for the one of this project."""
_FILE = re.compile(
    r"[^/]+\.dist-info/(?:licen[cs]es/(.+)|((?:licen[cs]e|copying|notice|authors)[^/]*))",
    re.IGNORECASE,
)


def licences(distributions: Iterable[Distribution], head: str, own: bytes) -> dict[str, bytes]:
    """Give the licences of distributions, and an index, by their names in a folder for them.

    Raises Refused if one does not say what its licence is, or brings no text of it.

    Args:
        distributions: each but once.
        head: what the index begins with.
        own: the licence of this project.

    """
    texts: dict[str, bytes] = {}
    index = []
    for each in sorted(distributions, key=lambda each: (name_of(each), each.version)):
        folder = f"{name_of(each)}-{each.version}"
        files = dict(_files(each)) or _without_text(each, own)
        texts |= {f"{folder}/{name}": text for name, text in files.items()}
        index.append(f"{folder}: {_expression(each)}\n    {', '.join(sorted(files))}\n")
    return texts | {"index.txt": "\n".join([head, "", *index]).encode()}


def _files(each: Distribution) -> Iterator[tuple[str, bytes]]:
    for file in each.files or ():
        if not (found := _FILE.fullmatch(file.as_posix())):
            continue
        inside = PurePosixPath(found[1] or found[2])
        text: Any = file.locate()  # of this disk, or within a wheel
        leads_out = inside.is_absolute() or ".." in inside.parts or "\\" in str(inside)
        if leads_out or not text.is_file():
            raise Refused(f"{each.name} {each.version} has the licence {file}, "
                          f"which leads out of its folder, or nowhere.")  # fmt: skip
        yield str(inside), text.read_bytes()


def _without_text(each: Distribution, own: bytes) -> dict[str, bytes]:
    word = WITHOUT_TEXT.get(name_of(each))
    if word is None or word not in _expression(each):
        raise Refused(f"{each.name} {each.version} brings no text of its licence.")
    return {"LICENSE": own}


def _expression(each: Distribution) -> str:
    """Give a licence as the distribution names it."""
    about = each.metadata
    told = about.get_all("License-Expression") or about.get_all("License")
    if told and "\n" not in told[0]:
        return str(told[0]).rpartition(" :: ")[2]
    classes = about.get_all("Classifier") or []
    named = [text.rpartition(" :: ")[2] for text in classes if text.startswith("License :: ")]
    if not named:
        raise Refused(f"{each.name} {each.version} does not say what its licence is.")
    return ", ".join(named)
