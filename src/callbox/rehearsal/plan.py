"""What is rehearsed where nobody says otherwise: everybody is texted and called, rules are tried.

Pure: a configuration in, a scenario out.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from callbox.config import Config
from callbox.config.rulebook import ANYONE, WrittenRule
from callbox.domain.phone import is_e164
from callbox.simulator import Scenario, scenario

SPEED = 30.0
"""Seconds of the rehearsal in one of yours."""
STRANGER = "+12065550199"
"""Who uses rules that are for anyone, and who is texted where there are no contacts."""
MESSAGE = "This is a rehearsal for {name}."
TEXT = "{from: +12065550100, body: what fits}"
HOW_TO_TRY = f"put {TEXT} into the texts of the scenario to try it."
WHY_NOT = "a rule before it takes the same text, or who texts is a number of yours."
MOST = 20
"""Contacts and rules that are tried; more take a scenario."""
FIRST, CALLS_AFTER, BETWEEN = 5.0, 20.0, 60.0
"""Seconds: before anything happens, before calls, from one text that comes in to the next."""


@dataclass(slots=True)
class Plan:
    """A scenario, and what it leaves out, in sentences.

    `tried`: the names of the rules that it has a text for; None: nobody knows.
    """

    scenario: Scenario
    left_out: list[str] = field(default_factory=list)
    tried: list[str] | None = None


def plan_of(config: Config) -> Plan:
    """Suggest a rehearsal."""
    names = list(config.contacts.root)[:MOST]
    left_out = _beyond(config)
    requests = [*_texts_to(names), *_calls_to(config, names, left_out)]
    texts = dict(_texts_from(config, left_out))
    document = {
        "name": "Everybody and every rule",
        "speed": SPEED,
        "requests": requests,
        "texts": list(texts.values()),
    }
    return Plan(scenario(document), left_out, list(texts))


def rules_left(plan: Plan, config: Config, fired: Collection[str]) -> Iterator[str]:
    """Say which rules no text set off; `fired` are the names of the others."""
    known = [_called(rule, place) for place, rule in enumerate(config.inbound.rules, 1)]
    idle = [name for name in (known if plan.tried is None else plan.tried) if name not in fired]
    if idle:
        more = f" and {len(idle) - MOST} more" if len(idle) > MOST else ""
        remedy = HOW_TO_TRY if plan.tried is None else WHY_NOT
        yield f"No text set off {', '.join(idle[:MOST])}{more}: {remedy}"


def _called(rule: WrittenRule, place: int) -> str:
    return rule.name or f"rule {place}"


def _beyond(config: Config) -> list[str]:
    groups = {"contacts": len(config.contacts), "rules": len(config.inbound.rules)}
    found = [
        f"Of {count} {name} the first {MOST} are tried: a --scenario tries any."
        for name, count in groups.items()
        if count > MOST
    ]
    if not config.twilio.default_from_number and not config.twilio.messaging_service_sid:
        found.append("Nothing can be sent: set twilio.default_from_number.")
    if not config.contacts:
        found.append("There are no contacts, so somebody is made up.")
    return found


def _request(topic: str, at: float, recipient: dict[str, str]) -> dict[str, Any]:
    return {
        "at": at,
        "topic": topic,
        "document": {"request": {"recipient": recipient}, "id": f"rehearsal-{topic}-{at:g}"},
    }


def _texts_to(names: list[str]) -> Iterator[dict[str, Any]]:
    people: list[dict[str, str]] = [{"name": name} for name in names]
    for place, who in enumerate(people or [{"name": "Somebody", "phone_number": STRANGER}]):
        yield _request("txt", FIRST + place, {**who, "message": MESSAGE.format(name=who["name"])})


def _calls_to(config: Config, names: list[str], left_out: list[str]) -> Iterator[dict[str, Any]]:
    if not is_e164(config.twilio.default_from_number or ""):
        left_out.append("Nobody is called: that needs a number in twilio.default_from_number.")
        return
    people = [name for name in names if any(map(is_e164, config.contacts.root[name]))]
    for place, name in enumerate(people):
        at = FIRST + len(names) + CALLS_AFTER + place
        yield _request("call", at, {"name": name, "voice_message_text": MESSAGE.format(name=name)})


def _texts_from(config: Config, left_out: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Try rules by name, one after another; say which cannot be tried."""
    at = FIRST + CALLS_AFTER + 2 * min(len(config.contacts), MOST) + BETWEEN
    to = next((number for number in config.numbers), None)
    for place, rule in enumerate(config.inbound.rules[:MOST], 1):
        sender, words = _sender(config, rule), _words(rule)
        name = _called(rule, place)
        if to is None:
            left_out.append(f"Not tried, {name}: no number of yours is known, see inbound.numbers.")
        elif sender is None:
            left_out.append(f"Not tried, {name}: nobody may use it.")
        elif words is None:
            left_out.append(
                f"Not tried, {name}: for its regex, put {TEXT} into the texts of a --scenario."
            )
        else:
            yield name, {"at": at, "from": sender, "to": to, "body": words} | _channel(to)
            at += BETWEEN


def _channel(to: str) -> dict[str, bool]:
    return {"whatsapp": True} if to.startswith("whatsapp:") else {}


def _sender(config: Config, rule: WrittenRule) -> str | None:
    if ANYONE in rule.senders:
        return STRANGER
    for each in rule.senders or config.contacts.root:
        if is_e164(each):
            return each
        for _, number in config.contacts.numbers(each):
            return number
    return None


def _words(rule: WrittenRule) -> str | None:
    if rule.regex is not None:
        return None
    pin = rule.pin or rule.pin_file
    words = [rule.exact or rule.contains or "", pin.get_secret_value() if pin else ""]
    return " ".join(filter(None, words)) or "Hello"
