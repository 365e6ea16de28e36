"""What tests ask Twilio for by its SDK: texts and calls, who sends and gets them."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException

from callbox.simulator import Simulator
from harness.sdk import Ask, ask

LONG, TOLL_FREE, SHORT = "+15557654321", "+18005550199", "12345"
ADA, LONDON, BERLIN = "+15551234567", "+447911123456", "+4915112345678"
SERVICE = "MG" + "c" * 32
TWIML = "<Response><Say>Hello</Say></Response>"

Begin = Callable[..., AbstractAsyncContextManager[Simulator]]
"""Starts a simulator with settings, whose time the test moves."""


def text(to: str = ADA, body: str = "The tank is full", **more: object) -> Ask:
    """Have a text sent, by LONG unless a sender or a service is named."""
    asked: dict[str, Any] = {"to": to, "body": body, **more}
    if "messaging_service_sid" not in asked:
        asked.setdefault("from_", LONG)
    return lambda client: client.messages.create(**asked)


def call(to: str = ADA, sender: str = LONG) -> Ask:
    """Have somebody called."""
    return lambda client: client.calls.create(to=to, from_=sender, twiml=TWIML)


async def message(sim: Simulator, sid: str) -> Any:  # noqa: ANN401 - the SDK has no types
    """Fetch a message."""
    return await ask(sim, lambda client: client.messages(sid).fetch())


async def statuses(sim: Simulator, sids: list[str]) -> list[str]:
    """Fetch how far some messages are."""
    return [(await message(sim, sid)).status for sid in sids]


async def refused(sim: Simulator, question: Ask) -> TwilioRestException:
    """Give the error that something is refused with; it must not have been done."""
    before = len(sim.log)
    with pytest.raises(TwilioRestException) as caught:
        await ask(sim, question)
    assert len(sim.log) == before, "what is refused is not done"
    return caught.value
