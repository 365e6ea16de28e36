"""scripts/setup where it cannot do its work: one sentence with the remedy."""

import subprocess
from pathlib import Path

import pytest

SETUP = Path(__file__).parents[2] / "scripts" / "setup"

# A Python that answers what the script asks: which version it is, whether it can make a venv.
FAKE = """#!/bin/sh
case "$2" in
  *"%d.%d"*) echo {minor} ;;
  *platform*) echo {version} ;;
  *version_info*) exit {too_old} ;;
  *ensurepip*) exit {no_venv} ;;
esac
"""


def set_up(folder: Path, **python: object) -> subprocess.CompletedProcess[str]:
    """Run the script in an empty checkout, with one Python and no right to install."""
    scripts = folder / "scripts"
    scripts.mkdir()
    (scripts / "setup").write_text(SETUP.read_text())
    (folder / "pyproject.toml").touch()
    (folder / "id").write_text("#!/bin/sh\necho 1000\n")
    (folder / "python").write_text(FAKE.format(**python))
    for name in ("id", "python"):
        (folder / name).chmod(0o755)
    return subprocess.run(
        ["bash", str(scripts / "setup")],
        env={"PATH": f"{folder}:/usr/bin:/bin", "PYTHON": str(folder / "python")},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


@pytest.mark.parametrize(
    ("python", "words"),
    [
        ({"minor": "3.9", "version": "3.9.2", "too_old": 1, "no_venv": 0}, "this is 3.9.2"),
        ({"minor": "3.12", "version": "3.12.1", "too_old": 0, "no_venv": 1}, "no venv module"),
    ],
)
def test_a_python_that_will_not_do_is_one_sentence_with_the_remedy(
    tmp_path: Path, python: dict[str, object], words: str
) -> None:
    ended = set_up(tmp_path, **python)
    assert ended.returncode == 1
    assert words in ended.stderr
    assert "install it with" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert not (tmp_path / ".venv").exists()
