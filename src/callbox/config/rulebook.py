"""The rules for inbound texts as they are written, and the rulebook that is made of them.

Each key is checked by itself, then what keys of one rule mean for each other; what names and
topics mean for the rest of the configuration is in `faults`.
"""

import warnings
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from callbox.config.contacts import Contacts
from callbox.config.sources import read_secret
from callbox.config.templates import Filled, compiled
from callbox.config.values import Label, Texts, Topic, YesNo, parsed_json
from callbox.domain.phone import is_e164, mask_numbers
from callbox.rules import (
    FIELDS,
    Being,
    Containing,
    Finding,
    Match,
    Rule,
    Rulebook,
    anything,
    folded,
)

ANYONE = "anyone"

_PIN_LENGTHS = (4, 32)
_MOST_RULES = 100
_LIST = "expected a list of rules, in a variable as JSON; each has keys like contains and reply"
_RESERVED = ("bridge", "message", "call")  # what Callbox publishes itself is beneath
_REQUESTS = ("txt", "call")


def _pin(secret: SecretStr) -> SecretStr:
    pin = secret.get_secret_value()
    least, most = _PIN_LENGTHS
    forms = folded(pin), folded(pin).upper()
    if not least <= len(forms[0]) <= most or not all(map(str.isalnum, forms)):
        raise ValueError(f"expected {least} to {most} letters or digits")
    return secret


def _pin_in(path: object) -> object:
    return read_secret(path)


def _phrase(text: str) -> str:
    if not text.split():
        raise ValueError("expected at least one character")
    return text


def _pattern(value: object) -> Finding:
    import regex  # noqa: PLC0415 - only a gateway with such a rule pays for it

    if not isinstance(value, str):
        raise ValueError("expected text")  # noqa: TRY004 - pydantic collects ValueErrors
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a later regex may read differently
            found = Finding(regex.compile(value, regex.IGNORECASE))
    except (regex.error, RecursionError, OverflowError, MemoryError) as error:
        why = getattr(error, "msg", "") or "too large"
        raise ValueError(f"it is no regular expression ({why})") from None
    if taken := set(found.names).intersection(FIELDS):
        raise ValueError(f"{min(taken)} is a field already; expected another name for the group")
    return found


def _flat_topic(topic: str) -> str:
    if "{{" in topic or "{%" in topic:
        raise ValueError("a topic has no fields; expected the topic itself, and fields in payload")
    return topic


def _rules(value: object) -> object:
    if isinstance(value, str) and value.lstrip().startswith("["):
        return parsed_json(value)
    if not isinstance(value, list | tuple):
        raise ValueError(_LIST)  # noqa: TRY004 - pydantic collects ValueErrors
    return value


_Pin = Annotated[SecretStr, AfterValidator(_pin)]
_Phrase = Annotated[str, AfterValidator(_phrase)]


class WrittenRule(BaseModel):
    """One rule, as the configuration has it."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True
    )

    name: Label | None = None
    senders: Texts = Field(default=(), alias="from", repr=False)
    contains: _Phrase | None = None
    exact: _Phrase | None = None
    regex: Annotated[Finding, PlainValidator(_pattern)] | None = None
    pin: _Pin | None = None
    pin_file: Annotated[_Pin, BeforeValidator(_pin_in)] | None = None
    topic: Annotated[Topic, AfterValidator(_flat_topic)] | None = None
    payload: Filled | None = None
    reply: Filled | None = None
    goes_on: YesNo = Field(default=False, alias="continue")

    @model_validator(mode="before")
    @classmethod
    def _without_empty_values(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {
            str(key): each
            for key, each in value.items()
            if each is not None and (not isinstance(each, str) or each.strip())
        }

    @field_validator("payload", "reply", mode="plain")
    @classmethod
    def _compiled(cls, value: object, info: ValidationInfo) -> Filled:
        if not isinstance(value, str):
            raise ValueError("expected text; put quotes around JSON, like '{\"open\": true}'")  # noqa: TRY004 - pydantic collects ValueErrors
        asks = info.field_name == "payload" and _may_be_request(info.data.get("topic"))
        if "regex" not in info.data:
            return compiled(value, None, asks)
        pattern = info.data["regex"]
        return compiled(value, (*FIELDS, *(pattern.names if pattern else ())), asks)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if sentences := [sentence for broken, sentence in _SENSE if broken(self)]:
            raise ValueError("; ".join(sentences))
        return self

    @property
    def secret(self) -> str | None:
        """The PIN."""
        pin = self.pin or self.pin_file
        return pin.get_secret_value() if pin else None

    @property
    def match(self) -> Match:
        """What a text is matched with."""
        if self.contains:
            return Containing(self.contains)
        if self.exact:
            return Being(self.exact)
        return self.regex or anything

    @property
    def words(self) -> str:
        """Words that stand in texts that are meant for it."""
        return self.contains or self.exact or (self.regex.words if self.regex else "")

    @property
    def for_anyone(self) -> bool:
        """Whether strangers may use it."""
        return ANYONE in self.senders


# What the keys of one rule mean for each other.
_SENSE: tuple[tuple[Any, str], ...] = (
    (
        lambda rule: not (rule.topic or rule.reply),
        "a rule does something; expected topic, reply or both",
    ),
    (
        lambda rule: rule.payload and not rule.topic,
        "payload needs a topic to be published on",
    ),
    (
        lambda rule: len([each for each in (rule.contains, rule.exact, rule.regex) if each]) > 1,
        "expected only one of contains, exact and regex",
    ),
    (
        lambda rule: rule.pin and rule.pin_file,
        "pin is given as well as pin_file; expected one of them",
    ),
)

RULE_KEYS = tuple(each.alias or name for name, each in WrittenRule.model_fields.items())
Rules = Annotated[tuple[WrittenRule, ...], BeforeValidator(_rules), Field(max_length=_MOST_RULES)]


def rulebook(rules: Iterable[WrittenRule], contacts: Contacts, own: Iterable[str]) -> Rulebook:
    """Give the rules with names resolved to numbers; `own` are the numbers of the account."""
    return Rulebook(
        (
            Rule(
                name=rule.name or f"rule {number}",
                senders=None if rule.for_anyone else _numbers(rule, contacts),
                match=rule.match,
                pin=rule.secret,
                topic=rule.topic,
                payload=rule.payload,
                reply=rule.reply,
                goes_on=rule.goes_on,
                words=rule.words,
            )
            for number, rule in enumerate(rules, start=1)
        ),
        own,
    )


def _numbers(rule: WrittenRule, contacts: Contacts) -> frozenset[str]:
    names = rule.senders or tuple(contacts.root)
    plain = (name for name in names if is_e164(name))
    return frozenset((*plain, *(number for name in names for _, number in contacts.numbers(name))))


def sender_faults(rules: Iterable[WrittenRule], contacts: Contacts) -> Iterator[tuple[str, str]]:
    """Give (place, sentence) of each sender that is nobody."""
    for number, rule in enumerate(rules, start=1):
        for name in rule.senders:
            if fault := _no_sender(name, contacts):
                yield f"inbound.rules, entry {number}.from", fault


def topic_faults(rules: Iterable[WrittenRule], base_topic: str) -> Iterator[tuple[str, str]]:
    """Give (place, sentence) of each topic that is Callbox's own."""
    for number, rule in enumerate(rules, start=1):
        place = f"inbound.rules, entry {number}"
        asks = is_request(rule, base_topic)
        own = tuple(f"{base_topic}/{name}" for name in _RESERVED)
        topic = rule.topic or ""
        if f"{topic}/".startswith(tuple(f"{each}/" for each in own)) and not asks:
            yield f"{place}.topic", "Callbox publishes there itself; expected a topic of yours"
        if asks and not rule.payload:
            yield f"{place}.payload", f"{topic} takes requests; expected the JSON of one"


def is_request(rule: WrittenRule, base_topic: str) -> bool:
    """Tell whether a rule sends a text or places a call."""
    return rule.topic in {f"{base_topic}/{name}" for name in _REQUESTS}


def _may_be_request(topic: str | None) -> bool:
    return (topic or "").rpartition("/")[2] in _REQUESTS  # the base topic is not known yet


def _no_sender(name: str, contacts: Contacts) -> str | None:
    if name == ANYONE:
        taken = "a contact has the name anyone, which means everybody here; rename the contact"
        return taken if name in contacts.root else None
    if is_e164(name) or name in contacts.root:
        return None
    near = get_close_matches(name, contacts.root, n=1)
    hint = f" (did you mean {mask_numbers(near[0])}?)" if near else ""
    return (
        f"{mask_numbers(name)!r} is neither a contact{hint} nor a phone number like +12345000000, "
        "nor anyone"
    )
