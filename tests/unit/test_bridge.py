"""The requests that the gateway takes on bridge/request, and what it answers."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callbox.hosts.bridge import answer

KNOWN = "expected cancel, check_messages, health_check"


class FrontDesk:
    """Answers from what it was given, and remembers what was asked."""

    def __init__(self, waiting: dict[str, tuple[list[str], list[str]]] | None = None) -> None:
        self.waiting = waiting or {}
        self.asked: list[str] = []
        self.checks = 0
        self.numbers = True

    def check_messages(self) -> bool:
        self.checks += 1
        return self.numbers

    def info(self) -> dict[str, Any]:
        return {}

    async def health(self) -> dict[str, Any]:
        return {"uptime": 7, "wrong": []}

    async def cancel(self, request_id: str) -> tuple[list[str], list[str]]:
        self.asked.append(request_id)
        return self.waiting.get(request_id, ([], []))


async def ask(command: str, payload: bytes = b"", desk: FrontDesk | None = None) -> dict[str, Any]:
    """Give the answer, which has the contract's keys whatever was asked."""
    payload = await answer(desk or FrontDesk(), command, payload)
    document = json.loads(payload, parse_constant=pytest.fail)
    assert set(document) == {"status", "data", "error", "transaction"}
    assert (document["status"] == "ok") is (document["error"] is None)
    assert document["error"] is None or len(document["error"]) < 300
    found: dict[str, Any] = document
    return found


@pytest.mark.parametrize("payload", [b"", b"{}", b'{"transaction": null}', b'{"more": [1]}'])
async def test_health_is_given_for_nothing_or_an_object(payload: bytes) -> None:
    assert await ask("health_check", payload) == {
        "status": "ok",
        "data": {"uptime": 7, "wrong": []},
        "error": None,
        "transaction": None,
    }


@pytest.mark.parametrize(
    "transaction", ["t1", "", 7, 1.5, True, None, ["a", {"b": 1}], {"nested": {"x": "ü🚒"}}]
)
async def test_the_transaction_is_echoed_whatever_it_is(transaction: object) -> None:
    payload = json.dumps({"transaction": transaction}).encode()
    for command in ("health_check", "cancel", "check_messages", "make_coffee"):
        assert (await ask(command, payload))["transaction"] == transaction


@pytest.mark.parametrize("command", ["make_coffee", "", "Cancel", "health_check/now", "ü"])
async def test_an_unknown_command_is_an_error_that_names_the_known_ones(command: str) -> None:
    found = await ask(command)
    assert (found["status"], found["data"]) == ("error", None)
    assert found["error"] == f"Command {command!r} is unknown: {KNOWN}"


async def test_a_very_long_command_is_answered_briefly() -> None:
    assert (await ask("x" * 60_000))["status"] == "error"


async def test_what_waits_under_an_id_is_cancelled_and_what_is_too_late_is_told() -> None:
    desk = FrontDesk({"r1": (["d1", "d2"], ["d3"])})
    found = await ask("cancel", b'{"id": "r1"}', desk)
    assert found["data"] == {"cancelled": ["d1", "d2"], "too_late": ["d3"]}
    assert desk.asked == ["r1"]


async def test_nothing_waiting_under_an_id_is_an_error() -> None:
    found = await ask("cancel", b'{"id": "r2"}')
    assert (found["status"], found["error"]) == ("error", "Nothing is waiting under this id")


@pytest.mark.parametrize("payload", [b"", b"{}", b'{"id": ""}', b'{"id": 5}', b'{"id": ["r1"]}'])
async def test_a_cancel_needs_an_id(payload: bytes) -> None:
    desk = FrontDesk()
    found = await ask("cancel", payload, desk)
    assert found["error"] == 'Id is missing: expected {"id": "<the request\'s id>"}'
    assert desk.asked == []


async def test_checking_for_messages_is_begun_at_once() -> None:
    desk = FrontDesk()
    found = json.loads(await answer(desk, "check_messages", b'{"transaction": "t1"}'))
    assert (found["status"], found["data"], found["transaction"]) == (
        "ok",
        {"checking": True},
        "t1",
    )
    assert desk.checks == 1


async def test_without_a_number_there_is_nothing_to_check_and_the_answer_says_why() -> None:
    desk = FrontDesk()
    desk.numbers = False
    found = json.loads(await answer(desk, "check_messages", b""))
    assert found["status"] == "error"
    assert "inbound.numbers" in found["error"]


BROKEN = {
    "words": b"hello",
    "cut off": b'{"id": "r1"',
    "invalid UTF-8": b'{"id": "\xff"}',
    "NaN": b'{"transaction": NaN}',
    "Infinity": b'{"transaction": -Infinity}',
    "lone surrogate": b'{"transaction": "\\ud83d"}',
    "too deep": b'{"transaction": ' + b"[" * 60_000 + b"]" * 60_000 + b"}",
    "deep": b'{"transaction": ' + b"[" * 400 + b"]" * 400 + b"}",
    "5,000 digits": b'{"transaction": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("payload", BROKEN.values(), ids=BROKEN)
async def test_what_is_not_json_is_an_error(payload: bytes) -> None:
    found = await ask("health_check", payload)
    assert found["error"] == "Request is not JSON: expected an object or nothing"
    assert found["transaction"] is None


@pytest.mark.parametrize("payload", [b"[]", b"5", b'"cancel"', b"null", b"true"])
async def test_what_is_no_object_is_an_error(payload: bytes) -> None:
    found = await ask("health_check", payload)
    assert found["error"] == "Request is not an object: expected one, or nothing"


async def test_a_number_beyond_a_float_is_answered() -> None:
    found = await ask("health_check", b'{"transaction": 1e999}')
    assert (found["status"], found["transaction"]) == ("ok", None)


@settings(max_examples=200)
@given(
    st.sampled_from(["cancel", "health_check", "check_messages", "x"]),
    st.binary(max_size=50)
    | st.recursive(
        st.none() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["id", "transaction"]), inner)
        ),
        max_leaves=5,
    ).map(lambda value: json.dumps(value).encode()),
)
async def test_whatever_comes_is_answered(command: str, payload: bytes) -> None:
    await ask(command, payload)
