"""The plugin's preferences: what its dialog may hold, and the configuration made of them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlsplit

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from callbox.config import Config, Http
from callbox.indigo.mistake import Mistake

_SHORTEST_CREDENTIAL = 30  # characters, as in the Twilio plugin
_TEN_YEARS = 315_360_000.0  # seconds, the longest time of a configuration
_SHORTEST_ROUND = 1.0  # seconds
_NOBODY, _NO_TOKEN = "AC" + "0" * 32, "nothing is sent"  # the simulator's account
_LEVELS = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "ERROR"}
_YES_NO = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}

# As shipped; the keys are the fields of PluginConfig.xml.
_SHIPPED: Mapping[str, str | bool] = {
    "accountSID": "",
    "authToken": "",
    "pollFrequency": "10",
    "logLevel": "20",
    "checkAccess": False,
    "maxAge": "60",
    "receiveUrl": "",
    "dryRun": False,
    "mqttUrl": "",
    "mqttUser": "",
    "mqttPassword": "",
}
# What is new for an installation of the Twilio plugin, which must behave as before.
_ADDED = {
    "checkAccess": False,
    "maxAge": "0",
    "receiveUrl": "",
    "dryRun": False,
    "mqttUrl": "",
    "mqttUser": "",
    "mqttPassword": "",
}


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the owner has set; `Preferences.read` makes it."""

    account_sid: str
    auth_token: str = field(repr=False)
    poll_minutes: float  # 0: never
    log_level: int  # as of logging
    check_access: bool
    max_age_minutes: float  # 0: texts of any age fire triggers
    receive_url: str = field(repr=False)  # has a key in its query
    dry_run: bool
    mqtt_url: str  # "": no broker
    mqtt_user: str = field(repr=False)
    mqtt_password: str = field(repr=False)

    @classmethod
    def read(cls, prefs: Mapping[str, Any]) -> Self:
        """Read preferences as Indigo keeps them; what is missing or bad is as shipped.

        Never raises; `faults` tells what is bad.
        """
        return cls(
            account_sid=_value(prefs, "accountSID"),
            auth_token=_value(prefs, "authToken"),
            poll_minutes=_value(prefs, "pollFrequency"),
            log_level=_value(prefs, "logLevel"),
            check_access=_value(prefs, "checkAccess"),
            max_age_minutes=_value(prefs, "maxAge"),
            receive_url=_value(prefs, "receiveUrl"),
            dry_run=_value(prefs, "dryRun"),
            mqtt_url=_value(prefs, "mqttUrl"),
            mqtt_user=_value(prefs, "mqttUser"),
            mqtt_password=_value(prefs, "mqttPassword"),
        )


# --- what is in the fields ------------------------------------------------------------------------


def _account_sid(value: object) -> str:
    text = _text(value)
    if text and not (len(text) >= _SHORTEST_CREDENTIAL and text.startswith("AC")):
        raise Mistake("This is not an Account SID; expected AC and 32 characters, from Twilio")
    return text


def _auth_token(value: object) -> str:
    text = _text(value)
    if text and len(text) < _SHORTEST_CREDENTIAL:
        raise Mistake("This is not an Auth Token; expected 32 characters, from Twilio")
    return text


def _minutes(value: object) -> float:
    try:
        minutes = float(_text(value))
    except ValueError:
        minutes = -1.0
    if not 0 <= minutes <= _TEN_YEARS / 60:
        raise Mistake("This is not a time; expected minutes, 0 or more")
    return minutes


def _log_level(value: object) -> int:
    text = _text(value)
    if text not in map(str, _LEVELS):
        raise Mistake("This is not a level; expected a choice of the menu")
    return int(text)


def _yes_no(value: object) -> bool:
    found = _YES_NO.get(_text(value).lower())
    if found is None:
        raise Mistake("This is neither on nor off; expected a tick or none")
    return found


def _receive_url(value: object) -> str:
    text = _text(value)
    if text and not (_is_url(text, {"https"}) and _can_be_called(text)):
        raise Mistake(
            "This is not an address for Twilio; expected https:// and nothing with @, or no address"
        )
    return text


def _can_be_called(url: str) -> bool:
    """Tell whether the configuration takes it, which has it without the query."""
    try:
        Http.model_validate({"public_url": url.partition("?")[0]})
    except ValidationError:
        return False
    return True


def _mqtt_url(value: object) -> str:
    text = _text(value)
    bare = not re.search(r"[?#]|//[^/]*/.", text)
    if text and not (bare and _is_url(text, {"mqtt", "mqtts"})):
        raise Mistake(
            "This is not a broker's address; expected mqtt://host:port or mqtts://host:port, "
            "with user and password in their own fields"
        )
    return text


def _is_url(text: str, schemes: set[str]) -> bool:
    try:
        parts = urlsplit(text)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return usable and parts.scheme in schemes and "@" not in parts.netloc and " " not in text


def _text(value: object) -> str:
    return str(value).strip()


_READERS: Mapping[str, Callable[[object], Any]] = {
    "accountSID": _account_sid,
    "authToken": _auth_token,
    "pollFrequency": _minutes,
    "logLevel": _log_level,
    "checkAccess": _yes_no,
    "maxAge": _minutes,
    "receiveUrl": _receive_url,
    "dryRun": _yes_no,
    "mqttUrl": _mqtt_url,
    "mqttUser": _text,
    "mqttPassword": str,
}


def faults(values: Mapping[str, Any]) -> dict[str, str]:
    """Give a sentence by field for each mistake in the dialog, or in what Indigo has kept."""
    found: dict[str, str] = {}
    for name, reader in _READERS.items():
        try:
            reader(_given(values, name))
        except Mistake as mistake:
            found[name] = mistake.sentence
    if not _value(values, "dryRun"):
        for name, what in (("accountSID", "Account SID"), ("authToken", "Auth Token")):
            if not _text(_given(values, name)):
                found[name] = f"There is no {what}; expected the one of your Twilio account"
    return found


def migrated(prefs: Mapping[str, Any]) -> dict[str, object]:
    """Give what is to be added to the preferences of the Twilio plugin; {} if they are ours.

    Nothing is changed that it has set, so that the way back stays open.
    """
    if not prefs.get("accountSID") or "maxAge" in prefs:
        return {}
    return {name: value for name, value in _ADDED.items() if name not in prefs}


def _given(values: Mapping[str, Any], name: str) -> object:
    found = values.get(name)
    return _SHIPPED[name] if found is None else found


def _value(prefs: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - as the reader gives it
    try:
        return _READERS[name](_given(prefs, name))
    except Mistake:
        return _READERS[name](_SHIPPED[name])


# --- the configuration ----------------------------------------------------------------------------

# Which field a key of the configuration comes from.
_FIELDS = {
    ("twilio", "account_sid"): "accountSID",
    ("twilio", "auth_token"): "authToken",
    ("http", "public_url"): "receiveUrl",
    ("inbound", "idle_interval"): "pollFrequency",
    ("inbound", "max_age"): "maxAge",
    ("mqtt", "url"): "mqttUrl",
    ("mqtt", "username"): "mqttUser",
    ("mqtt", "password"): "mqttPassword",
    ("log", "level"): "logLevel",
}


def config_of(
    preferences: Preferences,
    numbers: tuple[str, ...],
    store: Path,
    base_url: str | None,
    delete_from: tuple[str, ...] = (),
    public_url: str | None = None,
) -> Config:
    """Give the configuration of the engine; raises Mistake with all that is wrong.

    `numbers` are those of the number devices, `delete_from` those whose texts are deleted at
    Twilio; `store` is an absolute path; `base_url` is the simulator's, None for Twilio;
    `public_url` is where Twilio's webhooks come in, without a query.
    """
    polls = preferences.poll_minutes > 0
    values: dict[str, Any] = {
        "twilio": _twilio(preferences, base_url),
        "store": {"url": f"sqlite://{quote(str(store))}"},
        "http": {"port": 0, "public_url": public_url},
        "inbound": {
            "numbers": numbers,
            "delete_from": delete_from,
            "polling": "on" if polls else "off",
            "max_age": preferences.max_age_minutes * 60 or _TEN_YEARS,
        },
        "log": {"level": _LEVELS[preferences.log_level]},
    }
    if polls:
        interval = max(_SHORTEST_ROUND, preferences.poll_minutes * 60)
        values["inbound"]["idle_interval"] = interval
    if preferences.mqtt_url:
        values["mqtt"] = _mqtt(preferences)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise _mistake(error) from None


def _twilio(preferences: Preferences, base_url: str | None) -> dict[str, Any]:
    login = {"account_sid": preferences.account_sid, "auth_token": preferences.auth_token}
    if preferences.dry_run:
        login = {key: login[key] or other for key, other in _IN_DRY_RUN.items()}
    return login | ({} if base_url is None else {"base_url": base_url})


_IN_DRY_RUN = {"account_sid": _NOBODY, "auth_token": _NO_TOKEN}


def _mqtt(preferences: Preferences) -> dict[str, Any]:
    login = {"username": preferences.mqtt_user, "password": preferences.mqtt_password}
    return {"url": preferences.mqtt_url, **{key: each for key, each in login.items() if each}}


def _mistake(error: ValidationError) -> Mistake:
    found = error.errors(include_url=False, include_input=False)
    field = _FIELDS.get(_place(found[0]), "")
    return Mistake("; ".join(map(_sentence, found)), field)


def _place(error: ErrorDetails) -> tuple[Any, ...]:
    return error["loc"][:2]


def _sentence(error: ErrorDetails) -> str:
    told = error.get("ctx", {}).get("error", error["msg"])
    where = _FIELDS.get(_place(error), ".".join(map(str, error["loc"])))
    return f"{where}: {told}"
