"""Where Twilio's description is to be had: beside the repository, from npm, or nowhere."""

import shutil
from pathlib import Path

import pytest

from harness import description


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    description.load.cache_clear()
    monkeypatch.setattr(description, "SHARED", tmp_path / "shared.json")
    monkeypatch.setattr(description, "CACHED", tmp_path / "cached.json")
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.delenv("CI", raising=False)
    return monkeypatch


@pytest.fixture(autouse=True)
def forgotten() -> None:
    description.load.cache_clear()


@pytest.mark.usefixtures("nowhere")
def test_without_it_and_without_npm_tests_are_skipped_and_say_why() -> None:
    with pytest.raises(pytest.skip.Exception, match="npm is not installed"):
        description.load()


def test_without_it_they_fail_in_ci(nowhere: pytest.MonkeyPatch) -> None:
    nowhere.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="npm is not installed"):
        description.load()


def test_what_is_kept_of_it_is_what_is_served_and_what_that_refers_to() -> None:
    schemas = {
        "a": {"$ref": "#/components/schemas/b"},
        "b": {"type": "string"},
        "c": {"type": "string"},
    }
    paths = {path: {"get": {"$ref": "#/components/schemas/a"}} for path in description.SERVED}
    spec = {"paths": {**paths, "/elsewhere": {}}, "components": {"schemas": schemas}}
    kept = description.reduced(spec)
    assert set(kept["paths"]) == set(description.SERVED)
    assert set(kept["components"]["schemas"]) == {"a", "b"}
