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
BLOCKS: list[str] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def written(words: str) -> str:
    """Give the one block with a line that ends in these words, as it is written."""
    (block,) = (each for each in BLOCKS if any(line.endswith(words) for line in each.splitlines()))
    return block


def block(words: str) -> Any:  # noqa: ANN401 - what is in it
    """Give what the one block with a line that ends in these words says."""
    return yaml.safe_load(written(words))


LOGIN, CONFIG = block("logins:"), block("inbound:")
NOTIFIER = block("- notify:")["mqtt"][0]["notify"]
AUTOMATIONS = {
    found["alias"]: found for found in map(yaml.safe_load, BLOCKS) if "triggers" in found
}
FLOOD = AUTOMATIONS["Text when the cellar floods"]
WASHING = AUTOMATIONS["Text when the washing machine is done"]
GATE = AUTOMATIONS["Open the gate"]
READING = AUTOMATIONS["Answer to a text"]
FAILURE = AUTOMATIONS["Tell of texts that did not arrive"]
AWAY = AUTOMATIONS["Tell when Callbox is away"]

DARLA = f"+{CONFIG['contacts']['Darla']}"  # a number to any YAML reader but ours
CONTACTS = {"Darla": DARLA}


def rendered(template: str, **fields: Any) -> str:  # noqa: ANN401 - what Home Assistant knows
    """Fill a template in as Home Assistant does."""
    environment = Environment(autoescape=False)
    environment.filters["to_json"] = json.dumps
    return environment.from_string(template).render(**fields)


def flood(at: str) -> dict[str, Any]:
    """Give what an automation is told of a leak that was found then."""
    changed = SimpleNamespace(isoformat=lambda: at)
    return {"trigger": {"to_state": {"last_changed": changed}}}


def is_meant(automation: dict[str, Any], document: object) -> bool:
    """Tell whether an automation goes on with a document."""
    (condition,) = automation["conditions"]
    told = rendered(condition["value_template"], trigger={"payload_json": document})
    return {"True": True, "False": False}[told]


def test_the_configuration_on_the_page_can_be_used(tmp_path: Path) -> None:
    path = tmp_path / "callbox.yaml"
    path.write_text(written("inbound:"))
    config = load_config(path, {"HOME": str(tmp_path)})
    assert config.mqtt.username == LOGIN["logins"][0]["username"]
    assert config.http.public_url is None
    assert len(config.inbound.rules) == 1


def test_every_automation_on_the_page_is_whole_and_has_a_test() -> None:
    assert len(AUTOMATIONS) == sum("triggers:" in each for each in BLOCKS) == 6
    for automation in AUTOMATIONS.values():
        assert set(automation) - {"conditions"} == {"alias", "triggers", "actions"}
        assert all("trigger" in each for each in automation["triggers"])
        assert all("action" in each for each in automation["actions"])


async def test_the_automation_on_the_page_sends_one_text_a_flood(site: Site) -> None:
    gateway, device = await site.running(contacts=CONTACTS)
    (action,) = FLOOD["actions"]
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


async def test_the_call_on_the_page_is_the_same_with_another_key(site: Site) -> None:
    gateway, device = await site.running(contacts=CONTACTS)
    (spoken,) = re.findall(r'`("voice_message_text": "[^`]*")`', PAGE)
    payload: str = FLOOD["actions"][0]["data"]["payload"]
    payload = payload.replace('"message": "Water in the cellar"', spoken)
    device.publish("call", rendered(payload, **flood("2026-11-21T08:00:00+00:00")).encode())
    assert (await device.status("cellar-leak"))["response"]["status"] == "success"
    (call,) = site.simulator.calls
    assert call.to == DARLA
    assert await gateway.stop() == 0


async def test_the_notify_entity_on_the_page_texts_what_it_is_given(site: Site) -> None:
    gateway, device = await site.running(contacts=CONTACTS)
    (action,) = WASHING["actions"]
    name = NOTIFIER["name"].lower().replace(" ", "_")
    assert action["target"] == {"entity_id": f"notify.{name}"}
    assert (NOTIFIER["command_topic"], NOTIFIER["qos"]) == ("twilio/txt", 1)
    said = [action["data"]["message"], 'It says "done",\nat 40 °C']
    for message in said:
        device.publish("txt", rendered(NOTIFIER["command_template"], value=message).encode())
    await until(lambda: len(site.simulator.messages) == 2, "both are texts")
    assert {(each.to, each.body) for each in site.simulator.messages} == {
        (DARLA, message) for message in said
    }
    assert await gateway.stop() == 0


async def test_the_gate_on_the_page_hears_what_darla_is_told_to_text(site: Site) -> None:
    gateway, device = await site.running(contacts=CONTACTS, inbound=CONFIG["inbound"])
    home = await site.device(topics=("home/#",))
    await until(lambda: gateway.rows("SELECT * FROM mailbox"), "the list was read once")
    (text,) = re.findall(r"# text: (.*)", written("inbound:"))
    assert f"`{text}`" in PAGE
    await site.simulator.receive(DARLA, FROM, text)
    (trigger,) = GATE["triggers"]
    await until(lambda: home.heard_on(trigger["topic"]), "the gate is told")
    (told,) = home.heard_on(trigger["topic"])
    assert told.payload.decode() == trigger["payload"]
    (received,) = await device.hears("message/received")
    assert received.document["messageText"] == CONFIG["inbound"]["rules"][0]["exact"]
    phone = site.simulator.phone(DARLA)
    await until(lambda: phone.received, "Darla is answered")
    (reply,) = phone.received
    assert reply.body == CONFIG["inbound"]["rules"][0]["reply"]
    assert f'"{reply.body}"' in PAGE
    assert await gateway.stop() == 0


@pytest.mark.parametrize(
    ("body", "sender", "answers"),
    [("Lights off", DARLA, True), ("Lights off", "+12345000009", False), ("Hello", DARLA, False)],
)
async def test_the_automation_on_the_page_reads_what_is_texted(
    site: Site, body: str, sender: str, answers: bool
) -> None:
    gateway, device = await site.running(contacts=CONTACTS)
    await until(lambda: gateway.rows("SELECT * FROM mailbox"), "the list was read once")
    await site.simulator.receive(sender, FROM, body)
    (received,) = await device.hears("message/received")
    (trigger,) = READING["triggers"]
    assert received.topic == trigger["topic"]
    assert is_meant(READING, received.document) is answers
    assert await gateway.stop() == 0


async def test_the_page_tells_of_what_twilio_refuses_and_that_callbox_is_away(site: Site) -> None:
    gateway, device = await site.running(contacts={"Darla": "+15005550004"})
    device.publish("txt", rendered(NOTIFIER["command_template"], value="Hello").encode())
    (told,) = await device.hears("message/delivery")
    assert told.topic == FAILURE["triggers"][0]["topic"]
    assert is_meant(FAILURE, told.document)
    assert not is_meant(FAILURE, told.document | {"state": "delivered"})
    template = FAILURE["actions"][0]["data"]["message"]
    said = rendered(template, trigger={"payload_json": told.document})
    assert said.startswith("To Darla, failed.")
    assert told.document["error_message"] in said
    assert told.document["remedy"] in said
    assert await gateway.stop() == 0
    await device.offline()
    (trigger,) = AWAY["triggers"]
    state = device.heard("bridge/state")[-1]
    assert (state.topic, state.payload.decode()) == (trigger["topic"], trigger["payload"])
