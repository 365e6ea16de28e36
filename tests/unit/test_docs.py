"""What the documentation says exists, and what exists is in the documentation."""

import ast
import importlib.util
import inspect
import json
import re
import shlex
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.main import get_command

from callbox.cli import app
from callbox.cli.examples import EXAMPLES
from callbox.config import KEYS
from callbox.config.sources import CONFIG_VARIABLE, variable_of
from callbox.demo import TXT
from callbox.domain.delivery import NEXT, Delivery, State
from callbox.domain.notification import Channel, Kind, Notification
from callbox.domain.received import Medium, Ring, Text
from callbox.hosts import bridge
from callbox.hosts.mqtt import _REQUESTS
from callbox.inbox import Counted
from callbox.ports import Arrival, Figures
from callbox.service import Gateway
from callbox.twilio.refusals import Reason
from callbox.twilio.webhooks import Counters
from callbox.wire import _TITLES, JsonDocuments

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))
}


def commands(group: Any = None, path: str = "") -> dict[str, Any]:  # noqa: ANN401 - click's
    """Give every command by the words that call it."""
    found: dict[str, Any] = {}
    for name, command in _members(group or get_command(app)).items():
        words = f"{path} {name}".strip()
        found |= commands(command, words) if hasattr(command, "commands") else {words: command}
    return found


def _members(group: Any) -> dict[str, Any]:  # noqa: ANN401 - click's
    members: dict[str, Any] = group.commands
    return members


COMMANDS = commands()


def typed(text: str) -> list[list[str]]:
    """Give the arguments of each `callbox ...` line in a shell block, without comments."""
    lines = re.findall(r"(?:^|[/ ;])callbox ((?:[a-z]).*)$", text, re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]


def options(words: list[str]) -> set[str]:
    return {word.partition("=")[0] for word in words if word.startswith("--")}


def command_of(words: list[str]) -> Any:  # noqa: ANN401 - click's
    return COMMANDS.get(" ".join(words[:2])) or COMMANDS[words[0]]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for line in lines])
def test_examples_of_help_use_what_there_is(line: str) -> None:
    (words,) = typed(line)
    known = {option for parameter in command_of(words).params for option in parameter.opts}
    assert options(words) <= known


def test_every_command_has_an_example_of_itself() -> None:
    assert set(EXAMPLES) == set(COMMANDS)
    for name, lines in EXAMPLES.items():
        assert all(f"callbox {name}" in line for line in lines)


def test_shell_lines_of_the_readme_use_what_there_is() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    lines = [words for block in blocks for words in typed(block)]
    assert len(lines) >= 3
    for words in lines:
        known = {option for parameter in command_of(words).params for option in parameter.opts}
        assert options(words) <= known, words


def test_every_command_is_in_the_readme() -> None:
    for name in COMMANDS:
        assert name.split()[-1] in README


@pytest.mark.parametrize("page", sorted(PAGES))
def test_pages_mention_only_keys_and_variables_that_there_are(page: str) -> None:
    text = PAGES[page]
    sections = "|".join({key.partition(".")[0] for key in KEYS if "." in key})
    keys = set(re.findall(rf"`((?:{sections})\.[a-z_]+)\b(?!\.|/)", text))
    assert keys - {"store.accept", "store.apply", "store.owed"} <= set(KEYS)
    variables = set(re.findall(r"\bCALLBOX_[A-Z_]+[A-Z]\b", text))
    assert variables <= {CONFIG_VARIABLE, *map(variable_of, KEYS)}


@pytest.mark.parametrize("page", sorted(PAGES))
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGES[page]):
        if not target.startswith("https://"):
            assert (ROOT / page).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_make_targets_that_are_mentioned_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    mentioned = set(re.findall(r"(?:^ {4}|`)make ([a-z]+)", PAGES[page], re.MULTILINE))
    assert mentioned
    assert mentioned <= targets


def test_the_capture_of_the_demo_is_what_goes_in_and_comes_out() -> None:
    cells = [line.split("│") for line in README.splitlines() if line.startswith("│")]
    request, status = ("\n".join(row[column] for row in cells) for column in (1, 2))
    assert json.loads(request) == TXT
    assert json.loads(status) == {
        "response": {
            "status": "success",
            "payload": {
                "from_number": "+19999999999",
                "messages": {
                    "message_status": "queued",
                    "to_number": "+12345000000",
                    "name": "Darla",
                },
            },
        },
        "id": "request123",
    }


def test_the_recommended_broker_is_the_same_in_the_readme_and_the_example() -> None:
    example = (ROOT / "examples" / "mosquitto.conf").read_text()
    settings = {line for line in example.splitlines() if line and not line.startswith("#")}
    (block,) = re.findall(r"```\n(listener .*?)```", README, re.DOTALL)
    assert {line for line in block.splitlines() if line} == settings


def test_every_dependency_has_its_page_of_reasons() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    needed = [*project["dependencies"], *(each for extra in extras for each in extra)]
    names = {re.split(r"[<>=]", each)[0].lower() for each in needed}
    pages = {path.stem for path in (ROOT / "docs" / "decisions").glob("*.md")}
    assert names | {"sqlite", "indigo-requirements"} == pages
    for page in pages:
        assert f"decisions/{page}.md" in PAGES["docs/architecture.md"]


def test_every_file_of_the_layers_exists() -> None:
    (tree,) = re.findall(r"```\nsrc/callbox/\n(.*?)```", PAGES["docs/architecture.md"], re.DOTALL)
    names = set(re.findall(r"\b([a-z]+\.py)\b", tree))
    assert names <= {path.name for path in (ROOT / "src").rglob("*.py")}


def test_the_state_diagram_is_the_state_table() -> None:
    page = PAGES["docs/architecture.md"]
    assert script("state_diagram").with_diagram(page) == page, "run `make docs`"


def test_contributing_is_one_screen() -> None:
    assert len(PAGES["CONTRIBUTING.md"].splitlines()) <= 45


# --- docs/topics.md -------------------------------------------------------------------------------

TOPICS = PAGES["docs/topics.md"]


def topics_of_the_code() -> set[str]:
    """Give the topics below the base topic that stand in the source, and those of requests."""
    source = "\n".join(
        path.read_text()
        for path in (ROOT / "src" / "callbox").rglob("*.py")
        if "simulator" not in path.parts
    )
    written = re.findall(r"[\"']((?:message|bridge|call)/[a-z]+)(?=[\"'/])", source)
    return {*written, *_REQUESTS}


def section(title: str) -> str:
    """Give what stands below a heading."""
    (text,) = re.findall(
        rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", TOPICS, re.DOTALL | re.MULTILINE
    )
    return str(text)


def named(text: str) -> set[str]:
    return set(re.findall(r"[`\"](\w+)[`\"]", text))


def keys(document: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    if isinstance(document, dict):
        yield from document
        document = list(document.values())
    for value in document if isinstance(document, list) else ():
        yield from keys(value)


def keys_written_in(function: Any) -> set[str]:  # noqa: ANN401 - a function
    """Give the keys of every document that a function writes out."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    found = [key for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys]
    return {str(key.value) for key in found if isinstance(key, ast.Constant)}


def documents() -> dict[str, list[bytes]]:
    """Give one or more of each document that is published, by topic."""
    write = JsonDocuments()
    text, call = (
        Delivery("d", "r", Notification(kind, channel, "Darla", "+1", "+2", "Hi"), 1, None, "hold",
                 0.0, 1.0, expires_fixed=False)
        for kind, channel in ((Kind.TXT, Channel.SMS), (Kind.CALL, Channel.VOICE))
    )  # fmt: skip
    came = Text("SM", "+1", "+2", "Hi", media=(Medium("https://example.com", "image/png"),))
    return {
        "message/status": [
            write.answer(write.accepted(text), "r"),
            write.answer(write.failed("Expired", "It expired"), "r"),
        ],
        "message/delivery": [write.delivery(State.SENT, each, None) for each in (text, call)],
        "message/sent": [write.sent(text)],
        "message/received": [write.received(came, None, Arrival("Darla", stale=False, at=0.0))],
        "call/received": [
            write.ring(Ring("CA", "+1", "+2", "completed", "https://example.com", 3), None, 0.0)
        ],
    }


def test_every_topic_is_in_the_table_and_no_other() -> None:
    told = re.findall(r"^\| `twilio/([a-z]+(?:/[a-z]+)?)(?:/<command>)?` \|", TOPICS, re.MULTILINE)
    assert sorted(told) == sorted(topics_of_the_code())


@pytest.mark.parametrize("topic", documents())
def test_every_key_of_a_document_is_explained(topic: str) -> None:
    written = {key for document in documents()[topic] for key in keys(json.loads(document))}
    assert written <= named(section(topic))


def test_every_document_that_is_written_is_one_of_those() -> None:
    writers = {name for name in vars(JsonDocuments) if not name.startswith("_")}
    assert writers == {
        "answer",
        "accepted",
        "failed",
        "delivery",
        "sent",
        "time",
        "received",
        "ring",
    }


def test_every_key_of_a_request_is_explained() -> None:
    assert set(_TITLES) <= named(section("txt and call"))


def test_every_key_of_bridge_documents_is_explained() -> None:
    assert keys_written_in(Gateway.info) <= named(section("bridge/info"))
    counted = {each.name for kind in (Figures, Counted, Counters) for each in fields(kind)}
    health = keys_written_in(Gateway.health) | counted | set(Reason)
    assert health <= named(section("bridge/health"))
    answered = keys_written_in(bridge)
    assert answered - {*bridge.COMMANDS} >= {"status", "data", "error", "transaction", "checking"}
    assert answered <= named(section("bridge/request/..."))


def test_the_states_and_which_are_final_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| `([a-z]+)` \| (yes|no|until [a-z ]+) \|", TOPICS, re.MULTILINE)
    assert {name for name, _ in rows} == set(State) - {State.QUEUED, State.SENDING}
    final = {state for state in State if NEXT[state] <= {State.READ}}
    assert {name for name, how in rows if how == "yes"} == final


def test_every_order_of_the_simulator_is_on_its_pages() -> None:
    pages = "".join(text for name, text in PAGES.items() if name.startswith("docs/simulator"))
    source = (ROOT / "src" / "callbox" / "simulator" / "control.py").read_text()
    orders = set(re.findall(r'\("(?:GET|PUT|POST|DELETE)", "(\w+)', source))
    assert len(orders) > 10
    assert {order for order in orders if order not in pages} == set()
