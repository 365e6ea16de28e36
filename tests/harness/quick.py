"""A Python that makes virtual environments in no time, for what installs itself into one."""

import os
import shutil
import sys
import sysconfig
from pathlib import Path


def _link(there: Path, here: Path) -> None:
    """Have the same files here: in a box where /tmp is empty a symbolic link would lead nowhere."""
    if there.is_dir():
        shutil.copytree(there, here, copy_function=_same)
    else:
        _same(there, here)


def _same(there: str | Path, here: str | Path) -> None:
    try:
        os.link(there, here)
    except OSError:  # another file system
        shutil.copy2(there, here)


def quick_python(folder: Path) -> Path:
    """Give this Python; in its environments are pip and all libraries of this one, but not Callbox.

    What it needs is in `folder`. With HANG in the environment it stays when it made one, as if pip
    took long.
    """
    (libraries := folder / "libraries").mkdir()
    for each in Path(sysconfig.get_path("purelib")).iterdir():
        if "callbox" not in each.name:
            _link(each, libraries / each.name)
    path = folder / "python-quick"
    path.write_text(
        f"""#!/bin/sh
case "$*" in
  *"-m venv "*)
    for venv; do :; done
    "{sys.executable}" "$@" --without-pip
    for site in "$venv"/lib/python3.*/site-packages; do echo "{libraries}" >"$site/more.pth"; done
    [ -z "${{HANG:-}}" ] || exec sleep 60 ;;
  *) exec "{sys.executable}" "$@" ;;
esac
"""
    )
    path.chmod(0o755)
    return path
