"""Where values come from: Callbox's variables, the file, Twilio's variables, files of secrets.

Everything found is a key like `mqtt.url` with its value and the place it came from, so that a
fault can name both. Nothing here knows what a value means.
"""

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from callbox.errors import ConfigError

if TYPE_CHECKING:
    import yaml

CONFIG_VARIABLE = "CALLBOX_CONFIG"
SECRETS = (
    *("mqtt.password", "http.token", "http.webhook_password"),
    *("twilio.auth_token", "twilio.auth_token_secondary", "twilio.api_key_secret"),
)
SECRET_FILES = tuple(f"{key}_file" for key in SECRETS)

_PREFIX = "CALLBOX_"
_TWILIO_VARIABLES = {
    "TWILIO_ACCOUNT_SID": "twilio.account_sid",
    "TWILIO_AUTH_TOKEN": "twilio.auth_token",
    "TWILIO_API_KEY": "twilio.api_key_sid",
    "TWILIO_API_SECRET": "twilio.api_key_secret",
}
_RULES, _PIN_FILE = "inbound.rules", "pin_file"  # each rule may have one
_FILES = {"mqtt.ca", "mqtt.cert", "mqtt.key", _PIN_FILE, *SECRET_FILES}
_TYPED_BY_YAML = {"tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"}
_DEPTH = 4  # section, rules, a rule, its keys: keys are that deep in the file


class Found(NamedTuple):
    """A value, None for one that could not be read, and the file or variable it came from."""

    value: Any
    source: str


Layer = dict[str, Found]


class Faults:
    """The sentences for the user, and the keys they are about."""

    def __init__(self) -> None:
        self.sentences: list[str] = []
        self.keys: set[str] = set()

    def tell(self, key: str, source: str, sentence: str, about: str | None = None) -> None:
        """Add a fault: where, what, what was expected; `about` is its key if `key` is longer."""
        where = f"{key} ({source})" if source else key
        stop = "" if sentence.endswith("?") else "."
        self.sentences.append(" ".join(f"{where}: {sentence}{stop}".splitlines()))
        self.keys.add(about or key)


def variable_of(key: str) -> str:
    """Give the name of a key's environment variable."""
    return _PREFIX + key.upper().replace(".", "__")


def from_environment(environ: Mapping[str, str], keys: Iterable[str], faults: Faults) -> Layer:
    """Give what `CALLBOX_…` variables set; one that belongs to no key is a fault."""
    known = {variable_of(key): key for key in keys}
    named = {name for name in environ if name.startswith(_PREFIX)} - {CONFIG_VARIABLE}
    for name in sorted(named - set(known)):
        faults.tell(name, "", f"it is not a variable that Callbox knows{_meant(name, known)}")
    return {
        known[name]: Found(environ[name], name)
        for name in sorted(named & set(known))
        if environ[name].strip()
    }


def from_twilio_environment(environ: Mapping[str, str]) -> Layer:
    """Give what Twilio's own variables set."""
    return {
        key: Found(environ[name], name)
        for name, key in _TWILIO_VARIABLES.items()
        if environ.get(name, "").strip()
    }


def from_file(path: Path, keys: Collection[str], faults: Faults) -> Layer:
    """Give what the YAML file sets; a key that Callbox does not know is a fault.

    Names of files in it count from the folder it is in. Raises ConfigError if it cannot be read.
    """
    return from_document(_document(path), str(path), path.parent, keys, faults)


def from_document(
    document: Mapping[Any, Any], source: str, folder: Path, keys: Collection[str], faults: Faults
) -> Layer:
    """Give what a document sets that is laid out like the file; see `from_file`."""
    sections = {key.partition(".")[0] for key in keys if "." in key}
    layer: Layer = {}
    for key, value in _leaves(document, sections):
        if key in sections:
            faults.tell(key, source, "expected keys below it, one on each indented line")
        elif key not in keys:
            hint = _meant(key, (*sections, *keys))
            faults.tell(key, source, f"it is not a key that Callbox knows{hint}")
        elif not _is_empty(value):
            layer[key] = Found(_located(key, value, folder), source)
    return layer


def merged(layers: Iterable[Layer], faults: Faults) -> Layer:
    """Give each key's value from the first layer that has it, secrets read from their files."""
    chosen: Layer = {}
    for layer in layers:
        plain = {key: found for key, found in layer.items() if key not in SECRET_FILES}
        chosen = plain | _read_secrets(layer, set(chosen), faults) | chosen
    return chosen


def _meant(name: str, known: Iterable[str]) -> str:
    """Give a question for the nearest known name or, failing that, the nearest last part of one."""
    by_name = {each.lower(): each for each in known}
    by_last_part = {each.rpartition(".")[2]: by_name[each] for each in reversed(by_name)}
    for text, names in (
        (name.lower(), by_name),
        (name.lower().rpartition(".")[2], by_last_part),
    ):
        if near := get_close_matches(text, names, n=1):
            return f"; did you mean {names[near[0]]}?"
    return ""


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _located(key: str, value: object, folder: Path) -> object:
    """Give a value with the names of files in it counted from a folder."""
    if key in _FILES and isinstance(value, str):
        return str(folder / os.path.expanduser(value))  # noqa: PTH111 - Path's raises
    if key == _RULES and isinstance(value, list):
        return [_located(_RULES, each, folder) for each in value]
    if key == _RULES and isinstance(value, dict) and _PIN_FILE in value:
        return value | {_PIN_FILE: _located(_PIN_FILE, value[_PIN_FILE], folder)}
    return value


def _read_secrets(layer: Layer, chosen: set[str], faults: Faults) -> Layer:
    secrets: Layer = {}
    for key, pointer in zip(SECRETS, SECRET_FILES, strict=True):
        if pointer not in layer or key in chosen:
            continue
        path, source = layer[pointer]
        secrets[key] = Found(None, source)
        if key in layer:
            both = f"{key} is given as well as the file {path}; expected one of them"
            faults.tell(pointer, source, both, about=key)
            continue
        try:
            secrets[key] = Found(read_secret(path), source)
        except ValueError as fault:
            faults.tell(pointer, source, str(fault), about=key)
    return secrets


def read_secret(path: object) -> str:
    """Read a file that holds a secret alone; raises ValueError with what was expected."""
    if not isinstance(path, str):
        raise ValueError("expected the name of a file")  # noqa: TRY004 - told like the others
    try:
        text = Path(path).read_bytes().decode()
    except OSError as error:
        raise ValueError(f"cannot read {path} ({error.strerror}); expected a file") from None
    except ValueError:
        raise ValueError(f"{path} is not UTF-8 text; expected the secret alone in it") from None
    secret = text.removesuffix("\n").removesuffix("\r")
    if not secret:
        raise ValueError(f"{path} is empty; expected the secret alone in it")
    return secret


def _leaves(document: Mapping[Any, Any], sections: set[str]) -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if name not in sections or not (isinstance(value, dict) or _is_empty(value)):
            yield str(name), value
        else:
            yield from ((f"{name}.{key}", each) for key, each in (value or {}).items())


def _document(path: Path) -> dict[object, Any]:
    import yaml  # noqa: PLC0415 - only a gateway with a file pays for it

    try:
        text = path.read_bytes().decode("utf-8-sig")
        return _parsed(text, path)
    except OSError as error:
        raise _unreadable(path, error) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: it is not UTF-8 text; expected a YAML file."]) from None
    except RecursionError:
        raise ConfigError([f"{path}: it is nested too deeply; expected two levels."]) from None
    except yaml.YAMLError as error:
        raise ConfigError([f"{path}{_yaml_fault(error)}"]) from None


def _unreadable(path: Path, error: OSError) -> ConfigError:
    if isinstance(error, FileNotFoundError):
        remedy = "copy callbox.example.yaml there, or name another file with --config"
        return ConfigError([f"{path}: there is no such file; {remedy} or {CONFIG_VARIABLE}."])
    return ConfigError([f"{path}: cannot read it ({error.strerror}); expected a readable file."])


def _parsed(text: str, path: Path) -> dict[object, Any]:
    loader = _loader(text)
    try:
        node = loader.get_single_node()
        faults = list(_twice(node, _DEPTH))
        value = None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()
    if faults:
        raise ConfigError([f"{path}, {fault}" for fault in faults])
    if not isinstance(value, dict | None):
        raise ConfigError([f"{path}: expected sections like mqtt: and twilio: at the top level."])
    return value or {}


def _loader(text: str) -> "yaml.SafeLoader":
    """Give a YAML reader to which every value is text: types are the models' business."""
    import yaml  # noqa: PLC0415 - see _document

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = {  # noqa: RUF012 - it is PyYAML's own name
            first: [(tag, form) for tag, form in forms if tag in _TYPED_BY_YAML]
            for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    return Loader(text)


def _twice(node: object, depth: int) -> Iterator[str]:
    kind = getattr(node, "id", "") if depth else ""
    if kind == "sequence":
        for each in getattr(node, "value", ()):
            yield from _twice(each, depth - 1)
    if kind != "mapping":
        return
    seen: set[str] = set()
    for key, value in getattr(node, "value", ()):
        if str(key.value) in seen:
            line = key.start_mark.line + 1
            yield f"line {line}: {key.value} stands there a second time; expected each key once."
        seen.add(str(key.value))
        yield from _twice(value, depth - 1)


def _yaml_fault(error: "yaml.YAMLError") -> str:
    mark = getattr(error, "problem_mark", None)
    parts = (getattr(error, "context", None), getattr(error, "problem", None))
    problem = ", ".join(filter(None, parts)) or "it has a character that YAML forbids"
    where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    if "'\\t'" in problem:
        return f"{where}: a tab stands there; expected spaces."
    quoted = re.sub(r"'[^'<]*'", "something", problem)  # it may be part of a secret
    return f"{where}: {quoted}; expected YAML, with quotes around a value of special characters."
