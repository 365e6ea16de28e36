"""An archive whose bytes follow from what is in it: no time, mode or order of this machine."""

import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

FIRST = 315532800
"""Seconds since 1970: the first date that a ZIP can hold, and so a wheel."""


def pack(files: Mapping[str, bytes], target: Path, when: int = FIRST) -> Path:
    """Write a ZIP; the same files give the same bytes. Shell scripts can be executed.

    Files are stored as they are: what a compressor makes of them differs from one version of zlib
    to the next.

    Args:
        files: by their names in the ZIP.
        target: the ZIP.
        when: the date of all files, in seconds since 1970.

    """
    year, month, day, hour, minute, second, *_ = time.gmtime(max(FIRST, when))
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, (year, month, day, hour, minute, second))
            entry.create_system = 3  # Unix, wherever it is built
            entry.external_attr = (0o100755 if name.endswith(".sh") else 0o100644) << 16
            archive.writestr(entry, content)
    return target
