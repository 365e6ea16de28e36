"""What the gateway says of itself on `<base>/bridge/...`, and the requests it takes there."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from pydantic_core import from_json

from callbox.wire import to_document


class Desk(Protocol):
    """Who answers: the service."""

    def info(self) -> dict[str, Any]:
        """Give version, instance, host and the configuration without secrets."""

    async def health(self) -> dict[str, Any]:
        """Give uptime, queue, connections, memory, and what is wrong."""

    async def cancel(self, request_id: str) -> tuple[list[str], list[str]]:
        """Cancel what waits under a request's id: ids cancelled, ids too late for it."""

    def check_messages(self) -> bool:
        """Look for new texts at Twilio now, and again shortly after, as it lists them late.

        False if there is no number of ours to look for.
        """


class _RequestError(Exception):
    """Why a bridge request cannot be served, in one sentence."""


async def answer(desk: Desk, command: str, payload: bytes) -> bytes:
    """Serve `bridge/request/<command>` and give the document for `bridge/response/<command>`."""
    transaction = None
    try:
        data = _read(payload)
        transaction = data.get("transaction")
        serve = COMMANDS.get(command)
        if serve is None:
            raise _RequestError(f"Command {command!r} is unknown: expected {_KNOWN}")
        response = {"status": "ok", "data": await serve(desk, data), "error": None}
    except _RequestError as error:
        response = {"status": "error", "data": None, "error": str(error)[:299]}
    return to_document(response | {"transaction": transaction})


def _read(payload: bytes) -> dict[str, Any]:
    try:
        data = from_json(payload or b"{}", allow_inf_nan=False)
    except ValueError:
        raise _RequestError("Request is not JSON: expected an object or nothing") from None
    if not isinstance(data, dict):
        raise _RequestError("Request is not an object: expected one, or nothing")
    return data


async def _health_check(desk: Desk, _data: dict[str, Any]) -> dict[str, Any]:
    return await desk.health()


async def _cancel(desk: Desk, data: dict[str, Any]) -> dict[str, Any]:
    request_id = data.get("id")
    if not isinstance(request_id, str) or not request_id:
        raise _RequestError('Id is missing: expected {"id": "<the request\'s id>"}')
    cancelled, late = await desk.cancel(request_id)
    if not cancelled and not late:
        raise _RequestError("Nothing is waiting under this id")
    return {"cancelled": cancelled, "too_late": late}


async def _check_messages(desk: Desk, _data: dict[str, Any]) -> dict[str, Any]:
    if not desk.check_messages():
        raise _RequestError("No number's texts are asked for: set inbound.numbers")
    return {"checking": True}


COMMANDS: dict[str, Callable[[Desk, dict[str, Any]], Awaitable[dict[str, Any]]]] = {
    "cancel": _cancel,
    "check_messages": _check_messages,
    "health_check": _health_check,
}
_KNOWN = ", ".join(sorted(COMMANDS))
