"""What docs/home-assistant.md shows works as it stands there."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from jinja2 import Environment

from callbox.config import load_config
from harness import FROM, Site, until

PAGE = (Path(__file__).parents[2] / "docs" / "home-assistant.md").read_text()
BLOCKS: list[Any] = [
    yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
]
LOGIN, CONFIG, SENDING, READING = BLOCKS
DARLA = f"+{CONFIG['contacts']['Darla']}"  # a number to any YAML reader but ours


def rendered(template: str, **fields: Any) -> str:  # noqa: ANN401 - what Home Assistant knows
    """Fill a template in as Home Assistant does."""
    environment = Environment(autoescape=False)
    environment.filters["to_json"] = json.dumps
    return environment.from_string(template).render(**fields)


def flood(at: str) -> dict[str, Any]:
    """Give what an automation is told of a leak that was found then."""
    changed = SimpleNamespace(isoformat=lambda: at)
    return {"trigger": {"to_state": {"last_changed": changed}}}


def test_the_configuration_on_the_page_can_be_used(tmp_path: Path) -> None:
    path = tmp_path / "callbox.yaml"
    path.write_text(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1])
    config = load_config(path, {"HOME": str(tmp_path)})
    assert config.mqtt.username == LOGIN["logins"][0]["username"]
    assert config.http.public_url is None
    assert len(config.inbound.rules) == 1


async def test_the_automation_on_the_page_sends_one_text_a_flood(site: Site) -> None:
    gateway, device = await site.running()
    (action,) = SENDING["actions"]
    data = action["data"]
    assert (data["topic"], data["qos"], data["retain"]) == ("twilio/txt", 1, False)
    for at in ("2026-11-21T08:00:00+00:00", "2026-11-21T08:00:00+00:00"):
        device.publish("txt", rendered(data["payload"], **flood(at)).encode())
    await until(lambda: len(list(device.statuses("cellar-leak"))) == 2, "both are answered")
    (message,) = site.simulator.messages
    assert (message.to, message.body) == (DARLA, "Water in the cellar")
    device.publish("txt", rendered(data["payload"], **flood("2026-11-22T09:00:00+00:00")).encode())
    await until(lambda: len(site.simulator.messages) == 2, "the next flood is another text")
    assert await gateway.stop() == 0


@pytest.mark.parametrize(
    ("body", "sender", "answers"),
    [("Lights off", DARLA, True), ("Lights off", "+12345000009", False), ("Hello", DARLA, False)],
)
async def test_the_automation_on_the_page_reads_what_is_texted(
    site: Site, body: str, sender: str, answers: bool
) -> None:
    gateway, device = await site.running(contacts={"Darla": DARLA})
    await until(lambda: gateway.rows("SELECT * FROM mailbox"), "the list was read once")
    await site.simulator.receive(sender, FROM, body)
    (received,) = await device.hears("message/received")
    (trigger,), (condition,) = READING["triggers"], READING["conditions"]
    assert received.topic == trigger["topic"]
    told = rendered(condition["value_template"], trigger={"payload_json": received.document})
    assert told == str(answers)
    assert await gateway.stop() == 0
