"""Which triggers a step of a delivery fires."""

import pytest

from callbox.indigo.teller import _happened

SID = "SM" + "0" * 32


def told(before: str, state: str, channel: str = "sms", sid: str | None = SID) -> dict[str, object]:
    return {"previous_state": before, "state": state, "channel": channel, "sid": sid}


@pytest.mark.parametrize(
    ("document", "trigger"),
    [
        (told("sent", "undelivered"), "textUndelivered"),
        (told("accepted", "failed"), "textUndelivered"),
        (told("sent", "undelivered", "voice"), "callUnanswered"),
        (told("sending", "failed", sid=None), "messageFailed"),
        (told("queued", "expired", sid=None), "messageFailed"),
        (told("sending", "unknown", sid=None), "messageFailed"),
        (told("queued", "cancelled", sid=None), None),
        (told("sent", "delivered"), None),
        (told("undelivered", "undelivered"), None),
        (told("undelivered", "undelivered", "voice"), None),
    ],
)
def test_a_step_of_a_delivery_fires_its_trigger_once(
    document: dict[str, object], trigger: str | None
) -> None:
    assert _happened(document) == trigger
