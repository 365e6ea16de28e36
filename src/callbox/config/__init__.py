"""The configuration: a file and the environment become one frozen `Config`, or all their faults.

`callbox.example.yaml` is the manual of every key. A value is taken from the first of these that
has it: a `CALLBOX_…` variable, the file, Twilio's own variables, the shipped value. Whatever is
empty is not set there. To add a key, add a field to sections.py and its lines to the manual; a
test compares the two.

    values.py    how one value is read        rules.py     what keys mean for each other
    contacts.py  names, numbers, groups       sources.py   file, variables, files of secrets
    sections.py  every key, shipped values    places.py    the state folder
    rulebook.py  the rules for inbound texts  templates.py what they fill in
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from callbox.config.contacts import Contacts
from callbox.config.places import default_store
from callbox.config.rulebook import RULE_KEYS, sender_faults, topic_faults
from callbox.config.rules import RULES
from callbox.config.sections import (
    Calls,
    Config,
    Delivery,
    Greengrass,
    Http,
    Inbound,
    Limits,
    Log,
    Mqtt,
    Section,
    Store,
    Twilio,
)
from callbox.config.sources import (
    CONFIG_VARIABLE,
    SECRET_FILES,
    Faults,
    Found,
    Layer,
    from_document,
    from_environment,
    from_file,
    from_twilio_environment,
    merged,
)
from callbox.config.values import tells_time, time_in_words
from callbox.domain.phone import mask_numbers
from callbox.errors import ConfigError

__all__ = [
    "KEYS",
    "TIMES",
    "Calls",
    "Config",
    "Contacts",
    "Delivery",
    "Found",
    "Greengrass",
    "Http",
    "Inbound",
    "Limits",
    "Log",
    "Mqtt",
    "Store",
    "Twilio",
    "load_config",
    "read_config",
    "time_in_words",
]


def _fields() -> Iterator[tuple[str, FieldInfo]]:
    for name, field in Config.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from ((f"{name}.{key}", each) for key, each in kind.model_fields.items())
        else:
            yield name, field


KEYS = (*dict(_fields()), *SECRET_FILES)  # every key there is, in the order of the manual
TIMES = frozenset(
    key for key, field in _fields() if tells_time(field.annotation, field.metadata)
)  # the keys whose values are seconds

_EXPECTED = {
    "dict_type": "expected names with their numbers, like Darla: +12345000000",
    "extra_forbidden": f"it is not a key of a rule; expected {', '.join(RULE_KEYS)}",
    "float_parsing": "expected a number",
    "float_type": "expected a number",
    "greater_than": "expected more than {gt}",
    "greater_than_equal": "expected at least {ge}",
    "int_from_float": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_parsing_size": "expected a smaller number",
    "int_type": "expected a whole number",
    "less_than": "expected less than {lt}",
    "less_than_equal": "expected at most {le}",
    "literal_error": "expected {expected}",
    "model_type": "expected a rule: keys like contains: and reply:",
    "path_type": "expected the name of a file",
    "string_too_long": "expected at most {max_length} characters",
    "string_type": "expected text",
    "string_unicode": "expected valid UTF-8 text",
    "too_long": "expected at most {max_length} of them",
    "too_short": "expected at least {min_length} of them",
    "tuple_type": "expected a list, or values separated by commas",
    "value_error": "{error}",
}


def load_config(path: Path | None, environ: Mapping[str, str]) -> Config:
    """Read the configuration from a file, if there is one, and from the environment.

    Without `path`, `CALLBOX_CONFIG` names the file; without either there is none. Reads the
    files of secrets that are named. Raises ConfigError with a sentence for every fault at once.
    """
    faults = Faults()
    named = path or environ.get(CONFIG_VARIABLE)
    try:
        file = from_file(Path(named), KEYS, faults) if named else {}
    except ConfigError as unreadable:
        faults.sentences.extend(unreadable.faults)
        _checked(_merged({}, environ, faults), faults)
        raise ConfigError(faults.sentences) from None
    return _ruled(_merged(file, environ, faults), faults)


def read_config(
    document: Mapping[str, Any],
    source: str,
    folder: Path,
    environ: Mapping[str, str],
    otherwise: Layer,
) -> Config:
    """Read the configuration from a document as a file has it, and from the environment.

    `source` names it in faults, names of files count from `folder`, and `otherwise` has what
    holds where nothing else says. Raises ConfigError with a sentence for every fault at once.
    """
    faults = Faults()
    layer = from_document(document, source, folder, KEYS, faults)
    return _ruled(_merged(layer, environ, faults, otherwise), faults)


def _ruled(found: Layer, faults: Faults) -> Config:
    config = _checked(found, faults)
    _apply_rules(config, found, faults)
    if faults.sentences:
        raise ConfigError(faults.sentences)
    return config


def _merged(
    file: Layer, environ: Mapping[str, str], faults: Faults, otherwise: Layer | None = None
) -> Layer:
    shipped = {"store.url": Found(default_store(environ), "")} | (otherwise or {})
    ours = from_environment(environ, KEYS, faults)
    return merged((ours, file, from_twilio_environment(environ), shipped), faults)


def _checked(found: Layer, faults: Faults) -> Config:
    """Give the configuration with every value that is good, and tell of the others."""
    try:
        return Config.model_validate(_nested(found))
    except ValidationError as error:
        bad = {_tell(each, found, faults) for each in error.errors()}
    return Config.model_validate(_nested({key: found[key] for key in found if key not in bad}))


def _nested(found: Layer) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, (value, _) in found.items():
        section, dot, name = key.partition(".")
        if value is not None and dot:
            nested.setdefault(section, {})[name] = value
        elif value is not None:
            nested[section] = value
    return nested


def _tell(error: ErrorDetails, found: Layer, faults: Faults) -> str:
    """Tell of one bad value, and give its key."""
    first, *rest = map(str, error["loc"])
    key = first if first in KEYS else f"{first}.{rest.pop(0)}"
    where = mask_numbers(key + "".join(map(_part, rest)))
    expected = _EXPECTED.get(error["type"], "it cannot be used as it is")
    sentence = expected.format(**error.get("ctx", {})) + _near(error)
    faults.tell(where, found[key].source, sentence, about=key)
    return key


def _near(error: ErrorDetails) -> str:
    """Ask for the word that was probably meant, never repeating what stands there."""
    if error["type"] == "extra_forbidden":
        written, words = error["loc"][-1], list(RULE_KEYS)
    elif error["type"] == "literal_error":
        written, words = error["input"], re.findall("'([^']*)'", error["ctx"]["expected"])
    else:
        return ""
    meant = {word.lower(): word for word in words}
    near = get_close_matches(str(written).lower(), meant, n=1)
    return f"; did you mean {meant[near[0]]}?" if near else ""


def _part(part: str) -> str:
    return f", entry {int(part) + 1}" if part.isdecimal() else f".{part}"


def _apply_rules(config: Config, found: Layer, faults: Faults) -> None:
    for rule in RULES:
        if faults.keys.isdisjoint(rule.keys) and rule.broken(config):
            key = rule.keys[0]
            faults.tell(key, found[key].source if key in found else "", rule.sentence)
    for where, sentence in config.contacts.faults():
        faults.tell(where, found["contacts"].source, sentence)
    for where, sentence in _faults_of_texts(config, faults):
        faults.tell(where, found["inbound.rules"].source, sentence)


def _faults_of_texts(config: Config, faults: Faults) -> Iterator[tuple[str, str]]:
    rules = config.inbound.rules
    if "contacts" not in faults.keys:
        yield from sender_faults(rules, config.contacts)
    if "mqtt.base_topic" not in faults.keys:
        yield from topic_faults(rules, config.mqtt.base_topic)
