"""The kinds of values in the configuration: how each is read, and the words for one it is not.

A reader takes what a file, a variable or a program gives, and raises ValueError with what was
expected. It never repeats the value, which may be a secret in the wrong place.
"""

import json
import re
from collections.abc import Iterable
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Annotated, get_args
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from callbox.domain.phone import is_e164, is_sender

_UNITS = {
    word: size
    for size, words in (
        (0.001, "ms millisecond milliseconds"),
        (1.0, "s sec secs second seconds"),
        (60.0, "m min mins minute minutes"),
        (3_600.0, "h hour hours"),
        (86_400.0, "d day days"),
        (604_800.0, "w week weeks"),
    )
    for word in words.split()
} | {"": 1.0}
_TIME = "expected a time: seconds, or a number with a unit like 2s, 10 min, 48h or 30 days"
_SHOWN_UNITS = {"day": 86_400, "h": 3_600, "min": 60, "s": 1}
_TEN_YEARS = 315_360_000
_MQTT_URL = "expected mqtt://host:port, mqtts://host:port or embedded://127.0.0.1:1883"
_WEB_URL = "expected a URL like https://callbox.example.com, without ? and #"

_YES_NO = {"true": True, "yes": True, "false": False, "no": False}

DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883, "embedded": 1883}


def _seconds(value: object) -> object:
    if isinstance(value, str):
        found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)\s*", value.lower())
        if found and found[2] in _UNITS:
            return round(float(found[1]) * _UNITS[found[2]], 6)
    elif isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
        return value
    raise ValueError(_TIME)


def tells_time(kind: object, readers: Iterable[object] = ()) -> bool:
    """Tell whether the values of a type, or of what it consists of, are times."""
    readers = (*readers, *getattr(kind, "__metadata__", ()))
    return _IN_SECONDS in readers or any(map(tells_time, get_args(kind)))


def time_in_words(seconds: float) -> str:
    """Write a time as people and configuration files do, in the largest unit that is exact."""
    sizes = ((size, word) for word, size in _SHOWN_UNITS.items() if not seconds % size)
    size, word = next(sizes, (1, "s")) if seconds else (1, "s")
    count = seconds / size
    return f"{count:g} {word}{'s' if word == 'day' and count != 1 else ''}"


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("expected a number")  # noqa: TRY004 - pydantic collects ValueErrors
    return value


def _yes_no(value: object) -> object:
    if isinstance(value, str) and value.strip().lower() in _YES_NO:
        return _YES_NO[value.strip().lower()]
    if isinstance(value, bool):
        return value
    raise ValueError("expected true or false")


def _list(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return parsed_json(value)
    return [each.strip() for each in value.split(",") if each.strip()]


def _mapping(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith(("{", "[")):
        return parsed_json(value)
    pairs = (each.partition("=") for each in value.split(",") if each.strip())
    return {name.strip(): member.strip() for name, _, member in pairs}


def parsed_json(text: str) -> object:
    """Parse a value that begins like JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("it begins like JSON and is none; expected JSON, or commas") from None


def _way(value: object) -> object:
    """Take `PubSub` for `pubsub`; and `false`, which YAML tools make of `off`."""
    text = value.lower() if isinstance(value, str) else value
    return "off" if text in (False, "false") else text


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _printable(text: str) -> str:
    if any(character < " " or character == "\x7f" for character in text):
        raise ValueError("it has a control character; expected printable text")
    return text


def _ascending(times: tuple[float, ...]) -> tuple[float, ...]:
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise ValueError("expected times that ascend, like 5, 20, 60")
    return times


def _readable(path: Path) -> Path:
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise ValueError(f"cannot read {path} ({error.strerror}); expected a PEM file") from None


def _topic(text: str) -> str:
    wild = "+" in text or "#" in text
    if wild or not text or text.startswith(("$", "/")) or text.endswith("/"):
        raise ValueError(
            "expected a topic like twilio or site/twilio, "
            "without + and #, not beginning with $, without / at either end"
        )
    return text


def _sender(text: str) -> str:
    if not is_sender(text):
        raise ValueError(
            "expected a phone number like +12345000000, a name of up to 11 letters and digits, "
            "or a short code of 3 to 8 digits"
        )
    return text


def _e164(text: str) -> str:
    if not is_e164(text):
        raise ValueError("expected a phone number like +12345000000")
    return text


def _own_number(text: str) -> str:
    if not is_e164(text.removeprefix("whatsapp:")):
        raise ValueError("expected a phone number like +12345000000, or whatsapp:+12345000000")
    return text


def _user_name(text: str) -> str:
    if ":" in text:
        raise ValueError("a colon ends the user's name in HTTP; expected a name without one")
    return text


def _service_sid(text: str) -> str:
    if not re.fullmatch(r"MG[0-9a-fA-F]{32}", text):
        raise ValueError("expected MG and 32 hexadecimal digits, as in the Twilio Console")
    return text


def scheme_of(url: str) -> str:
    """Give the scheme of a URL, however broken the rest of it is; empty without one."""
    return url.partition("://")[0].lower() if "://" in url else ""


def _split(url: str, expected: str, instead: str = "") -> SplitResult:
    if "@" in url:
        raise ValueError(f"a user or password in the URL is not accepted; {instead or expected}")
    try:
        parts = urlsplit(url)
        usable = parts.hostname and parts.port != 0
    except ValueError:
        raise ValueError(expected) from None
    if not usable or " " in url or "?" in url or "#" in url:
        raise ValueError(expected)
    return parts


def _mqtt_url(url: str) -> str:
    if scheme_of(url) not in DEFAULT_PORTS:
        raise ValueError(_MQTT_URL)
    parts = _split(url, _MQTT_URL, instead="set mqtt.username and mqtt.password instead")
    if parts.path.strip("/"):
        raise ValueError(f"nothing may follow the port; {_MQTT_URL}")
    return url


def _web_url(url: str) -> str:
    if scheme_of(url) not in {"http", "https"}:
        raise ValueError(_WEB_URL)
    _split(url, _WEB_URL)
    return url.rstrip("/")


def _public_url(url: str) -> str:
    if "_" in (urlsplit(url).hostname or ""):
        raise ValueError("Twilio refuses a host name with an underscore; expected one without")
    return url


def _store_url(url: str) -> str:
    if scheme_of(url) in {"postgres", "postgresql"}:
        raise ValueError("PostgreSQL is not there yet; expected sqlite:///absolute/path")
    if not url.startswith("sqlite:///") or url.endswith("/"):
        raise ValueError("expected sqlite:///absolute/path/of/a/file")
    return url


Text = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_printable)]
Label = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=100), AfterValidator(_printable)
]
Spoken = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=4_096), AfterValidator(_printable)
]  # no longer than what Twilio reads out
_IN_SECONDS = BeforeValidator(_seconds)
Seconds = Annotated[float, _IN_SECONDS, Field(gt=0, le=_TEN_YEARS)]
WholeSeconds = Annotated[int, _IN_SECONDS, Field(gt=0, le=_TEN_YEARS)]
Times = Annotated[tuple[Seconds, ...], BeforeValidator(_list)]
Ascending = Annotated[Times, AfterValidator(_ascending)]
Whole = Annotated[int, BeforeValidator(_number)]
Count = Annotated[Whole, Field(ge=0, le=1_000_000_000)]
Rate = Annotated[float, BeforeValidator(_number), Field(gt=0, le=1_000)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_list)]
Groups = Annotated[dict[Text, Texts], BeforeValidator(_mapping)]
YesNo = Annotated[bool, BeforeValidator(_yes_no)]
E164 = Annotated[Text, AfterValidator(_e164)]
OwnNumber = Annotated[Text, AfterValidator(_own_number)]
OwnNumbers = Annotated[tuple[OwnNumber, ...], BeforeValidator(_list)]
UserName = Annotated[Text, AfterValidator(_user_name)]
Upper = BeforeValidator(_upper)
Way = BeforeValidator(_way)
PemFile = Annotated[Path, AfterValidator(_readable)]
Topic = Annotated[Text, AfterValidator(_topic)]
Sender = Annotated[Text, AfterValidator(_sender)]
ServiceSid = Annotated[Text, AfterValidator(_service_sid)]
MqttUrl = Annotated[Text, AfterValidator(_mqtt_url)]
WebUrl = Annotated[Text, AfterValidator(_web_url)]
PublicUrl = Annotated[WebUrl, AfterValidator(_public_url)]
StoreUrl = Annotated[Text, AfterValidator(_store_url)]
