"""The component's configuration at the nucleus becomes a `Config`.

It has the parameters of the V1 connector under their names and the sections of callbox.yaml under
theirs, in one JSON object, beside what other parts of the component read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callbox.config import Config, Found, read_config
from callbox.errors import ConfigError
from callbox.greengrass import parameters
from callbox.greengrass.parameters import ACCOUNT_SID, PARAMETERS, SECRET_ARN, is_set

SOURCE = "component configuration"

_OTHERS = frozenset({"accessControl", "PythonPath", "RequireIsolation"})  # read by other parts
# What a fault of callbox.yaml is called here, by how it begins.
_IN_V1S_WORDS = {
    "twilio.account_sid: no Twilio account": f"{ACCOUNT_SID.name} ({SOURCE}): it is not set; "
    f"expected {ACCOUNT_SID.expected}.",
    "twilio.auth_token: there is nothing to log in": f"{SECRET_ARN.name} ({SOURCE}): it is not "
    "set; expected the ARN of the secret that holds the Twilio auth token, or "
    "twilio.auth_token_file.",
}


@dataclass(frozen=True, slots=True)
class Setup:
    """What a gateway is to be. `secret`: the ARN or name of the secret that its token is in.

    Two are equal if their `values` are: a rule that was read equals only itself.
    """

    config: Config = field(compare=False)
    secret: str | None
    broker: bool
    values: Any = field(repr=False)


def setup_of(
    document: Mapping[str, Any], environ: Mapping[str, str], folder: Path, token: str
) -> Setup:
    """Read the component's configuration; `token` is the one in the secret.

    The store is in `folder` unless it says otherwise. Raises ConfigError with every fault.
    """
    document = {key: _as_text(value) for key, value in document.items()}
    faults = parameters.faults(document)
    secret = document.get(SECRET_ARN.name)
    secret = secret if is_set(secret) else None
    theirs = {each.name for each in PARAMETERS} | _OTHERS
    ours = {key: value for key, value in document.items() if key not in theirs}
    try:
        config = read_config(
            ours, SOURCE, folder, environ, _otherwise(document, folder, secret and token)
        )
    except ConfigError as error:
        raise ConfigError([*faults, *map(_in_v1s_words, error.faults)]) from None
    if faults:
        raise ConfigError(faults)
    held = config.twilio.auth_token
    needs = held is not None and held.get_secret_value() == token
    broker = is_set((ours.get("mqtt") or {}).get("url")) or "CALLBOX_MQTT__URL" in environ
    values = config.model_dump(exclude={"inbound": {"rules"}}), ours.get("inbound")
    return Setup(config, secret if needs else None, broker, values)


def _otherwise(document: Mapping[str, Any], folder: Path, token: str | None) -> dict[str, Found]:
    """Give what the parameters say, each named by its own name in a fault."""
    found = {
        each.key: Found(document[each.name], each.name)
        for each in PARAMETERS
        if each.key
        and is_set(document.get(each.name))
        and not parameters.fault(each, document[each.name])
    }
    if token:
        found["twilio.auth_token"] = Found(token, SECRET_ARN.name)
    return found | {"store.url": Found(f"sqlite://{folder / 'callbox.sqlite3'}", "")}


def _in_v1s_words(fault: str) -> str:
    ours = (said for begin, said in _IN_V1S_WORDS.items() if fault.startswith(begin))
    return next(ours, fault)


def _as_text(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Give every number as text, as a file has it: the nucleus may make 60.0 of 60."""
    match value:
        case bool():
            return str(value).lower()
        case float() if value.is_integer():
            return str(int(value))
        case int() | float():
            return str(value)
        case dict():
            return {str(key): _as_text(each) for key, each in value.items()}
        case list():
            return [_as_text(each) for each in value]
    return value
