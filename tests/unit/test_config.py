import json
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, TypeAdapter, ValidationError

from callbox.config import KEYS, TIMES, Config, Contacts, Mqtt, load_config, time_in_words
from callbox.config.places import default_store
from callbox.config.sources import SECRET_FILES, SECRETS, variable_of
from callbox.config.values import Seconds
from callbox.errors import ConfigError

MANUAL = Path(__file__).parents[2] / "callbox.example.yaml"
SID = "AC" + "0" * 32
ACCOUNT = {"TWILIO_ACCOUNT_SID": SID, "TWILIO_AUTH_TOKEN": "hunter2", "HOME": "/home/me"}
WITHOUT_DEFAULT = {
    "inbound.delete_from",
    *("mqtt.client_id", "mqtt.username", "mqtt.password", "mqtt.ca", "mqtt.cert", "mqtt.key"),
    *("twilio.account_sid", "twilio.auth_token", "twilio.api_key_sid", "twilio.api_key_secret"),
    *("twilio.default_from_number", "twilio.messaging_service_sid", "twilio.base_url"),
    *("store.url", "http.public_url", "http.token", "delivery.default_retries", "contacts"),
    *("twilio.auth_token_secondary", "http.webhook_username", "http.webhook_password"),
    *("inbound.numbers", "inbound.since", "inbound.rules"),
    *("calls.text", "calls.voice", "calls.language", "calls.forward_to"),
}

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(text: str) -> Path:
        path = tmp_path / "callbox.yaml"
        path.write_text(text)
        return path

    return _write


def variables(**values: str) -> dict[str, str]:
    return ACCOUNT | {f"CALLBOX_{name}": value for name, value in values.items()}


def load(**values: str) -> Config:
    return load_config(None, variables(**values))


def faults(path: Path | None = None, /, **values: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(path, variables(**values))
    return caught.value.faults


def fault(path: Path | None = None, /, **values: str) -> str:
    (only,) = faults(path, **values)
    assert re.fullmatch(r"[^\n]+[.?]", only)
    return only


# --- where values come from -----------------------------------------------------------------------


def test_an_account_in_the_environment_is_enough() -> None:
    config = load_config(None, ACCOUNT)
    assert config.mqtt.url == "mqtt://127.0.0.1:1883"
    assert config.twilio.login == (SID, SecretStr("hunter2"))


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "mqtt:\nstore: null\n"])
def test_an_empty_file_is_all_shipped_values(write: Write, text: str) -> None:
    assert load_config(write(text), ACCOUNT) == load_config(None, ACCOUNT)


def test_our_variables_count_more_than_the_file_and_that_more_than_twilios(write: Write) -> None:
    path = write("twilio: {account_sid: from-file, auth_token: from-file}\nmqtt: {window: 7}\n")
    config = load_config(path, variables(TWILIO__ACCOUNT_SID="ours", MQTT__KEEPALIVE="9"))
    assert config.twilio.account_sid == "ours"
    assert config.twilio.login[1].get_secret_value() == "from-file"
    assert (config.mqtt.window, config.mqtt.keepalive) == (7, 9)


def test_every_twilio_variable_is_read() -> None:
    key = {"TWILIO_API_KEY": "SK1", "TWILIO_API_SECRET": "s3cret"}
    config = load_config(None, ACCOUNT | key)
    assert config.twilio.login == ("SK1", SecretStr("s3cret"))
    assert config.twilio.auth_token == SecretStr("hunter2")


def test_a_variable_names_the_file_and_an_argument_counts_more(write: Write) -> None:
    path = write("mqtt: {window: 7}")
    assert load(CONFIG=str(path)).mqtt.window == 7
    assert load_config(path, variables(CONFIG="/nowhere")).mqtt.window == 7


@pytest.mark.parametrize("value", ["", " "])
def test_an_empty_value_is_not_set(write: Write, value: str) -> None:
    path = write(f"twilio: {{account_sid: '{value}', default_from_number: ''}}\n")
    config = load_config(path, variables(MQTT__URL=value))
    assert config.mqtt.url == "mqtt://127.0.0.1:1883"
    assert config.twilio.default_from_number is None
    assert config.twilio.account_sid == SID


def test_values_of_the_file_need_no_quotes(write: Write) -> None:
    path = write(
        "mqtt: {base_topic: on, username: 0123, password: 007, version: 5}\n"
        "twilio: {default_from_number: +12345000000}\n"
        "contacts: {no: +4712345678, 112: +12345000000}\n"
    )
    config = load_config(path, ACCOUNT)
    assert (config.mqtt.base_topic, config.mqtt.username, config.mqtt.version) == (
        "on",
        "0123",
        "5",
    )
    assert config.mqtt.password == SecretStr("007")
    assert config.twilio.default_from_number == "+12345000000"
    assert config.contacts.numbers("no") == [("no", "+4712345678")]
    assert config.contacts.numbers("112") == [("112", "+12345000000")]


@pytest.mark.parametrize("value", ["[1, 2.5, 10 s]", '["1s", 2.5, "10 s"]', "1, 2500 ms ,10s"])
def test_a_list_is_json_or_commas_in_a_variable(value: str) -> None:
    json_like = value if '"' in value else value.strip("[]")
    assert load(DELIVERY__RETRY_DELAYS=json_like).delivery.retry_delays == (1, 2.5, 10)


def test_a_list_is_either_form_in_the_file(write: Write) -> None:
    path = write("delivery: {retry_delays: [1s, 2 min]}\nmqtt:\n  alpn: a, b\n")
    config = load_config(path, ACCOUNT)
    assert config.delivery.retry_delays == (1, 120)
    assert config.mqtt.alpn == ("a", "b")


@pytest.mark.parametrize(
    "value",
    [
        "Darla=+12345000000, Bob = +12345000001",
        '{"Darla": "+12345000000", "Bob": ["+12345000001"]}',
    ],
)
def test_contacts_are_json_or_commas_in_a_variable(value: str) -> None:
    contacts = load(CONTACTS=value).contacts
    assert len(contacts) == 2
    assert contacts.numbers("Bob") == [("Bob", "+12345000001")]


# --- what is refused ------------------------------------------------------------------------------


def test_every_fault_is_told_at_once(write: Write) -> None:
    path = write(
        "mqtt: {ulr: x, window: 0, url: 'ftp://x'}\n"
        "limits: 3\n"
        "contacts: {Bob: nobody}\n"
        "twilio: {api_key_sid: SK1, auth_token_file: missing}\n"
    )
    told = faults(path, MQT__URL="x", LOG__LEVEL="loud")
    assert [each.split(":")[0].split(" (")[0] for each in told] == [
        "mqtt.ulr",
        "limits",
        "CALLBOX_MQT__URL",
        "twilio.auth_token_file",
        "mqtt.url",
        "mqtt.window",
        "log.level",
        "twilio.api_key_secret",
        "contacts.Bob",
    ]


def test_a_fault_names_key_place_and_what_was_expected(write: Write) -> None:
    path = write("mqtt: {window: many}")
    assert fault(path) == f"mqtt.window ({path}): expected a whole number."
    assert fault(MQTT__WINDOW="0") == "mqtt.window (CALLBOX_MQTT__WINDOW): expected at least 1."
    assert fault(DELIVERY__RETRY_DELAYS="1s,soon") == (
        "delivery.retry_delays, entry 2 (CALLBOX_DELIVERY__RETRY_DELAYS): expected a time: "
        "seconds, or a number with a unit like 2s, 10 min, 48h or 30 days."
    )


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("mqtt: {ulr: x}", "mqtt.url"),
        ("mqtt: {URL: x}", "mqtt.url"),
        ("mqqt: {url: x}", "mqtt"),
        ("keep_for: 3", "store.keep_for"),
        ("twilio: {auth_token_fil: x}", "twilio.auth_token_file"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known(
    write: Write, text: str, meant: str
) -> None:
    assert fault(write(text)).endswith(f"it is not a key that Callbox knows; did you mean {meant}?")


def test_a_key_like_no_other_is_refused_without_a_guess(write: Write) -> None:
    assert fault(write("xyzzy: 1")).endswith("it is not a key that Callbox knows.")


@pytest.mark.parametrize(
    ("name", "meant"),
    [("MQTT__ULR", "MQTT__URL"), ("MQTT_URL", "MQTT__URL"), ("CONTACT", "CONTACTS")],
)
def test_an_unknown_variable_is_refused_with_the_nearest_known(name: str, meant: str) -> None:
    assert fault(**{name: ""}) == (
        f"CALLBOX_{name}: it is not a variable that Callbox knows; did you mean CALLBOX_{meant}?"
    )


BAD_VALUES = [
    ("MQTT__URL", "127.0.0.1:1883", "expected mqtt://"),
    ("MQTT__URL", "ws://host", "expected mqtt://"),
    ("MQTT__URL", "mqtt://", "expected mqtt://"),
    ("MQTT__URL", "mqtt://host:0", "expected mqtt://"),
    ("MQTT__URL", "mqtt://host:99999", "expected mqtt://"),
    ("MQTT__URL", "mqtt://host:port", "expected mqtt://"),
    ("MQTT__URL", "mqtt://[::1", "expected mqtt://"),
    ("MQTT__URL", "mqtt://host/topic", "nothing may follow the port"),
    ("MQTT__URL", "mqtt://ho st", "expected mqtt://"),
    ("MQTT__BASE_TOPIC", "a/+", "expected a topic"),
    ("MQTT__BASE_TOPIC", "a/#", "expected a topic"),
    ("MQTT__BASE_TOPIC", "/a", "expected a topic"),
    ("MQTT__BASE_TOPIC", "a/", "expected a topic"),
    ("MQTT__BASE_TOPIC", "$aws", "expected a topic"),
    ("MQTT__BASE_TOPIC", "a\tb", "control character"),
    ("MQTT__VERSION", "4", "expected 'auto', '3.1.1' or '5'"),
    ("MQTT__KEEPALIVE", "1 day", "expected at most 65535"),
    ("MQTT__KEEPALIVE", "500 ms", "expected a whole number"),
    ("MQTT__SESSION_EXPIRY", "0", "expected more than 0"),
    ("MQTT__ALPN", "[x", "begins like JSON"),
    ("MQTT__USERNAME", "\udcff", "expected valid UTF-8 text"),
    ("TWILIO__BASE_URL", "api.twilio.com", "expected a URL"),
    ("TWILIO__BASE_URL", "https://api.twilio.com?x=1", "expected a URL"),
    ("TWILIO__BASE_URL", "http://api.twilio.com", "expected https://"),
    ("TWILIO__DEFAULT_FROM_NUMBER", "+1 234", "expected a phone number"),
    ("TWILIO__MESSAGING_SERVICE_SID", "MG123", "expected MG and 32"),
    ("TWILIO__CALLS_PER_SECOND", "0", "expected more than 0"),
    ("TWILIO__CALLS_PER_SECOND", "nan", "expected"),
    ("TWILIO__MAX_CONCURRENCY", "1.5", "expected a whole number"),
    ("TWILIO__READ_TIMEOUT", "-1", "expected a time"),
    ("TWILIO__READ_TIMEOUT", "1 fortnight", "expected a time"),
    ("TWILIO__READ_TIMEOUT", "1" * 400, "expected"),
    ("STORE__URL", "postgresql://me:hunter3@db/callbox", "is not there yet"),
    ("STORE__URL", "postgres://db", "is not there yet"),
    ("STORE__URL", "sqlite://file", "expected sqlite:///absolute"),
    ("STORE__URL", "/var/lib/callbox.sqlite3", "expected sqlite:///absolute"),
    ("STORE__URL", "sqlite:///var/lib/", "expected sqlite:///absolute"),
    ("HTTP__PORT", "65536", "expected at most 65535"),
    ("HTTP__PORT", "-1", "expected at least 0"),
    ("HTTP__PUBLIC_URL", "http://callbox.example.com", "expected an https:// URL"),
    ("HTTP__PUBLIC_URL", "https://callbox.example.com/?a=b", "expected a URL"),
    ("HTTP__PUBLIC_URL", "https://call_box.example.com", "underscore"),
    ("HTTP__PUBLIC_URL", "https://me:hunter3@callbox.example.com", "user or password"),
    ("DELIVERY__RETRY_DELAYS", "[]", "expected at least 1"),
    ("DELIVERY__RETRY_DELAYS", "0", "expected more than 0"),
    ("DELIVERY__LOOKUP_DELAYS", "5", "expected at least 2"),
    ("DELIVERY__LOOKUP_DELAYS", "5, 5, 60", "ascend"),
    ("DELIVERY__DEFAULT_RETRIES", "-1", "expected at least 0"),
    ("DELIVERY__ON_UNKNOWN", "drop", "expected 'hold' or 'resend'"),
    ("DELIVERY__PROBE_LONGEST", "500 ms", "at least delivery.probe_first"),
    ("LIMITS__PER_DAY", "-1", "expected at least 0"),
    ("LIMITS__WAITING", "9" * 5000, "expected a smaller number"),
    ("HTTP__WEBHOOK_AUTH", "none", "expected 'signature' or 'basic'"),
    ("HTTP__WEBHOOK_AUTH", "basic", "set both, or use signature"),
    ("HTTP__WEBHOOK_USERNAME", "a:b", "a name without one"),
    ("INBOUND__NUMBERS", "sms:+12345000000", "whatsapp:+12345000000"),
    ("INBOUND__POLLING", "yes", "expected 'auto', 'on' or 'off'"),
    ("INBOUND__IDLE_INTERVAL", "0", "expected more than 0"),
    ("INBOUND__SINCE", "yesterday", "expected a time"),
    ("INBOUND__DELETE", "maybe", "expected true or false"),
    ("INBOUND__RULES", "gate", "expected a list of rules"),
    ("INBOUND__RULES", "[x", "begins like JSON"),
    ("CALLS__ANSWER", "hang up", "expected 'reject', 'say', 'forward' or 'voicemail'"),
    ("CALLS__ANSWER", "voicemial", "'voicemail'; did you mean voicemail?"),
    ("LOG__LEVEL", "warn", "'ERROR'; did you mean WARNING?"),
    ("CALLS__TEXT", "x" * 5000, "expected at most 4096 characters"),
    ("CALLS__FORWARD_TO", "Bob", "expected a phone number"),
    ("CALLS__LONGEST", "1 day", "expected at most 14400"),
    ("LOG__FORMAT", "xml", "expected 'human' or 'json'"),
    ("CONTACTS", "[]", "expected names with their numbers"),
    ("CONTACTS", '{"Bob": 3}', "expected a list"),
    ("CONTACTS", "{Bob", "begins like JSON"),
]


@pytest.mark.parametrize(("name", "value", "expected"), BAD_VALUES)
def test_a_bad_value_is_refused_with_what_was_expected(
    name: str, value: str, expected: str
) -> None:
    told = fault(**{name: value})
    assert f"CALLBOX_{name}" in told
    assert expected in told
    assert "hunter" not in told
    assert len(told) < 300


def test_a_mistyped_key_of_a_rule_is_refused_with_the_one_that_was_meant() -> None:
    told = fault(INBOUND__RULES='[{"contains": "gate", "repyl": "Done."}]')
    assert "did you mean reply?" in told
    assert "did you mean" not in fault(INBOUND__RULES='[{"contains": "gate", "xyz": "Done."}]')


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (604_800, "7 days"),
        (86_400.0, "1 day"),
        (43_200, "12 h"),
        (5_400, "90 min"),
        (61, "61 s"),
        (0.25, "0.25 s"),
        (0, "0 s"),
    ],
)
def test_a_time_is_written_as_people_do_and_as_a_file_may(seconds: float, words: str) -> None:
    assert time_in_words(seconds) == words
    if seconds:
        assert TypeAdapter(Seconds).validate_python(words) == seconds


def test_the_keys_that_are_times_are_known() -> None:
    assert {"delivery.retry_delays", "inbound.since", "mqtt.session_expiry"} <= TIMES
    assert not {"limits.per_day", "twilio.calls_per_second", "http.port"} & TIMES


def test_a_boolean_is_no_number() -> None:
    with pytest.raises(ValidationError):
        Mqtt.model_validate({"window": True})
    with pytest.raises(ValidationError):
        Mqtt.model_validate({"keepalive": True})


def test_a_user_in_the_broker_url_is_refused_with_the_remedy() -> None:
    told = fault(MQTT__URL="mqtt://me:hunter3@host")
    assert "set mqtt.username and mqtt.password instead" in told
    assert "hunter3" not in told
    assert "hunter#4" not in fault(MQTT__URL="mqtt://me:hunter#4@host")


# --- the file -------------------------------------------------------------------------------------

BROKEN_FILES = [
    ("mqtt: {url: x", "line 1, column 14"),
    ("mqtt:\n\turl: x\n", "line 2, column 1: a tab stands there; expected spaces."),
    ("mqtt:\n  url: a: b\n", "line 2, column 9"),
    ("- mqtt\n- twilio\n", "expected sections like mqtt: and twilio: at the top level."),
    ("just words\n", "expected sections like mqtt: and twilio: at the top level."),
    ("a: 1\n---\nb: 2\n", "expected a single document"),
    ("mqtt:\n  url: a\n  url: b\n", "line 3: url stands there a second time"),
    ("mqtt:\n  window: 1\nmqtt:\n  window: 2\n", "line 3: mqtt stands there a second time"),
    ("mqtt: {password: *hunter2}\n", "line 1, column 18"),
    ("mqtt: {password: !hunter2 x}\n", "line 1, column 18"),
    ("mqtt: {password: \x01}\n", "a character that YAML forbids"),
    ("[" * 3000, "nested too deeply"),
]


@pytest.mark.parametrize(("text", "expected"), BROKEN_FILES)
def test_a_file_that_is_no_configuration_is_one_sentence(
    write: Write, text: str, expected: str
) -> None:
    path = write(text)
    told = fault(path)
    assert told.startswith(str(path))
    assert expected in told
    assert "hunter2" not in told


def test_a_missing_file_is_one_sentence_with_the_remedy(tmp_path: Path) -> None:
    told = fault(tmp_path / "none.yaml")
    assert "there is no such file" in told
    assert "callbox.example.yaml" in told


def test_a_folder_and_a_file_of_bytes_are_one_sentence_each(tmp_path: Path) -> None:
    assert "cannot read it" in fault(tmp_path)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    assert "not UTF-8" in fault(tmp_path / "bytes")


def test_an_unreadable_file_does_not_hide_the_faults_of_variables(tmp_path: Path) -> None:
    told = faults(tmp_path / "none.yaml", MQTT__WINDOW="0", MQTT__ULR="x")
    assert len(told) == 3


def test_a_byte_order_mark_is_no_fault(write: Write) -> None:
    assert load_config(write("\ufeffmqtt: {window: 7}"), ACCOUNT).mqtt.window == 7


def told(path: Path | None, environ: dict[str, str]) -> list[str]:
    try:
        load_config(path, environ)
    except ConfigError as error:
        return error.faults
    return ["It is a configuration."]


def in_section(key: str) -> st.SearchStrategy[str]:
    section, _, name = key.rpartition(".")
    return YAML.map(
        lambda value: f"{section}: {{{name}: {value}}}" if section else f"{key}: {value}"
    )


YAML = st.recursive(
    st.sampled_from(
        ["", "~", "x", "2s", "+12345000000", "*a", "&a x", "[", "!t x", "{}", "'", "\t"]
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda each: f"[{', '.join(each)}]"),
        st.dictionaries(
            st.sampled_from(
                [*{key.rpartition(".")[2] for key in KEYS}, "mqtt", "?", "[]", "1", "~"]
            ),
            inner,
            max_size=3,
        ).map(lambda each: "{" + ", ".join(f"{key}: {value}" for key, value in each.items()) + "}"),
    ),
    max_leaves=8,
)


@given(st.one_of(st.text(), YAML, st.sampled_from(sorted(KEYS)).flatmap(in_section)))
def test_whatever_is_in_a_file_there_is_a_configuration_or_sentences(text: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "callbox.yaml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        sentences = told(path, ACCOUNT)
    assert sentences
    assert all(re.fullmatch(r"[^\n]+[.?]", each) for each in sentences)


@given(st.sampled_from(sorted({*KEYS} - {*SECRET_FILES})), st.text())
def test_whatever_is_in_a_variable_there_is_a_configuration_or_sentences(
    key: str, value: str
) -> None:
    sentences = told(None, ACCOUNT | {variable_of(key): value})
    assert sentences
    assert all(re.fullmatch(r"[^\n]+[.?]", each) for each in sentences)


# --- secrets --------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", SECRETS)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_is_read_from_a_file_without_its_last_newline(
    tmp_path: Path, key: str, end: str
) -> None:
    (tmp_path / "secret").write_bytes(f" s3 cret\n{end}".encode())
    others = {"TWILIO_API_KEY": "SK1", "TWILIO_API_SECRET": "x", "CALLBOX_MQTT__USERNAME": "me"}
    if key == "http.webhook_password":
        others |= {"CALLBOX_HTTP__WEBHOOK_USERNAME": "twilio"}
    variable = {variable_of(f"{key}_file"): str(tmp_path / "secret")}
    config = load_config(None, ACCOUNT | others | variable)
    section, name = key.split(".")
    expected = " s3 cret\n" if end else " s3 cret"
    assert getattr(getattr(config, section), name).get_secret_value() == expected


def test_a_file_of_a_secret_counts_from_the_folder_of_the_file(write: Write) -> None:
    path = write("twilio: {auth_token_file: secrets/token}")
    (path.parent / "secrets").mkdir()
    (path.parent / "secrets" / "token").write_text("from-a-file\n")
    assert load_config(path, ACCOUNT).twilio.auth_token == SecretStr("from-a-file")


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"", "is empty"), (b"\n", "is empty"), (b"\xff", "is not UTF-8"), (None, "cannot read")],
)
def test_a_useless_file_of_a_secret_is_a_fault_naming_it(
    tmp_path: Path, content: bytes | None, expected: str
) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    told = fault(TWILIO__AUTH_TOKEN_FILE=str(path))
    assert f"{path}" in told
    assert expected in told
    assert "CALLBOX_TWILIO__AUTH_TOKEN_FILE" in told


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_of_a_secret_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.touch(stat.S_IWUSR)
    assert "Permission denied" in fault(TWILIO__AUTH_TOKEN_FILE=str(path))


def test_a_secret_given_twice_in_one_place_is_a_fault(write: Write) -> None:
    path = write("http: {token: hunter3, token_file: somewhere}")
    told = fault(path)
    assert "http.token is given as well as the file" in told
    assert str(path.parent / "somewhere") in told
    assert "hunter3" not in told


def test_a_secret_in_a_variable_counts_more_than_its_file_in_the_file(write: Write) -> None:
    path = write("http: {token_file: /nowhere}")
    assert load_config(path, variables(HTTP__TOKEN="ours")).http.token == SecretStr("ours")


def test_no_secret_and_no_whole_number_is_shown() -> None:
    config = load(
        MQTT__USERNAME="hunter1",
        MQTT__PASSWORD="hunter3",
        HTTP__TOKEN="hunter4",
        TWILIO__API_KEY_SID="hunter5",
        TWILIO__API_KEY_SECRET="hunter6",
        TWILIO__DEFAULT_FROM_NUMBER="+12345000123",
        CONTACTS="Darla=+12345000456",
    )
    public = json.dumps(config.public())
    for secret in ("hunter2", "hunter3", "hunter4", "hunter6", "+12345000123", "+12345000456"):
        assert secret not in f"{config} {config!r} {public}"
    assert "hunter" not in public
    assert "Darla" not in public


def test_what_is_public_is_the_whole_rest() -> None:
    public = load(TWILIO__DEFAULT_FROM_NUMBER="+12345000123", CONTACTS="D=+12345000456").public()
    assert public["twilio"]["default_from_number"] == "+1\N{HORIZONTAL ELLIPSIS}0123"
    assert public["twilio"]["auth_token"] == "***"
    assert public["mqtt"]["password"] is None
    assert public["contacts"] == 1
    assert public["delivery"]["lookup_delays"] == [5, 20, 60]
    assert set(public) == set(Config.model_fields)


# --- the broker -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("mqtt://127.0.0.1", ("mqtt", "127.0.0.1", 1883, False)),
        ("mqtts://broker.example.com", ("mqtts", "broker.example.com", 8883, True)),
        ("mqtts://broker:443/", ("mqtts", "broker", 443, True)),
        ("MQTT://[::1]:1884", ("mqtt", "::1", 1884, False)),
        ("embedded://localhost", ("embedded", "localhost", 1883, False)),
    ],
)
def test_a_broker_url_is_taken_apart(url: str, parts: tuple[str, str, int, bool]) -> None:
    mqtt = load(MQTT__URL=url).mqtt
    assert (mqtt.scheme, mqtt.host, mqtt.port, mqtt.tls) == parts
    assert mqtt.embedded is (parts[0] == "embedded")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "gateway.local", "[::]"])
def test_an_embedded_broker_open_to_others_needs_a_user_and_password(host: str) -> None:
    told = fault(MQTT__URL=f"embedded://{host}", MQTT__USERNAME="me")
    assert "needs mqtt.username and mqtt.password" in told
    mqtt = load(MQTT__URL=f"embedded://{host}", MQTT__USERNAME="me", MQTT__PASSWORD="x").mqtt
    assert not mqtt.loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.1.2.3"])
def test_an_embedded_broker_for_this_machine_needs_neither(host: str) -> None:
    assert load(MQTT__URL=f"embedded://{host}").mqtt.loopback


def test_an_embedded_broker_does_not_speak_mqtt_5() -> None:
    assert "3.1.1" in fault(MQTT__URL="embedded://127.0.0.1", MQTT__VERSION="5")


def test_certificate_and_key_must_exist_and_come_together(tmp_path: Path) -> None:
    pem = tmp_path / "some.pem"
    told = fault(MQTT__CA=str(pem))
    assert str(pem) in told
    assert "No such file" in told
    pem.touch()
    assert "needs its private key" in fault(MQTT__CERT=str(pem))
    assert "needs its client certificate" in fault(MQTT__KEY=str(pem))
    config = load(MQTT__CERT=str(pem), MQTT__KEY=str(pem))
    assert (config.mqtt.cert, config.mqtt.key) == (pem, pem)


# --- the account ----------------------------------------------------------------------------------


def test_no_account_is_a_fault_with_the_remedy() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(None, {"HOME": "/home/me"})
    account, login = caught.value.faults
    assert account.startswith("twilio.account_sid: no Twilio account is set; set it")
    assert login.startswith("twilio.auth_token: there is nothing to log in to Twilio with; set")


def test_half_an_api_key_is_a_fault() -> None:
    assert "needs its secret" in fault(TWILIO__API_KEY_SID="SK1")
    assert "needs the key's SID" in fault(TWILIO__API_KEY_SECRET="x")


@pytest.mark.parametrize(
    ("url", "really"),
    [
        ("", True),
        ("https://api.twilio.com", True),
        ("https://api.dublin.ie1.twilio.com/", True),
        ("http://127.0.0.1:8081", False),
        ("https://api.twilio.com.evil.example", False),
        ("https://nottwilio.com", False),
    ],
)
def test_a_base_url_is_twilio_or_a_rehearsal(url: str, really: bool) -> None:
    assert load(TWILIO__BASE_URL=url).twilio.really_twilio is really


def test_a_rehearsal_may_have_a_plain_public_url() -> None:
    config = load(TWILIO__BASE_URL="http://127.0.0.1:1", HTTP__PUBLIC_URL="http://127.0.0.1:2/")
    assert config.http.public_url == "http://127.0.0.1:2"


DOUBTS = [
    ({"TWILIO__ACCOUNT_SID": "abcd12345xyz"}, "twilio.account_sid is not AC"),
    ({"TWILIO__API_KEY_SID": "x", "TWILIO__API_KEY_SECRET": "y"}, "twilio.api_key_sid is not SK"),
    ({"TWILIO__DEFAULT_FROM_NUMBER": ""}, "no sender is configured"),
    ({"MQTT__ALPN": "x"}, "have no effect"),
    ({"MQTT__PASSWORD": "x"}, "without mqtt.username"),
    (
        {
            "HTTP__PUBLIC_URL": "https://x.example",
            "HTTP__PORT": "0",
            "TWILIO__DEFAULT_FROM_NUMBER": "+12345000000",
        },
        "will find nobody",
    ),
    ({"HTTP__PUBLIC_URL": "https://x.example"}, "is never fetched"),
    (
        {
            "HTTP__WEBHOOK_AUTH": "basic",
            "HTTP__WEBHOOK_USERNAME": "twilio",
            "HTTP__WEBHOOK_PASSWORD": "x" * 16,
        },
        "signature is safer",
    ),
    ({"CALLS__ANSWER": "say", "CALLS__TEXT": "x"}, "no effect without http.public_url"),
    ({"INBOUND__POLLING": "on"}, "no number to ask Twilio about"),
    (
        {"INBOUND__RULES": '[{"from": "anyone", "reply": "x"}]'},
        "texts that never arrive",
    ),
    (
        {"INBOUND__RULES": '[{"reply": "x"}]', "TWILIO__DEFAULT_FROM_NUMBER": "+12345000000"},
        "nobody can use it",
    ),
    (
        {
            "INBOUND__RULES": '[{"from": "anyone", "topic": "twilio/txt", "payload": "{}"}]',
            "TWILIO__DEFAULT_FROM_NUMBER": "+12345000000",
        },
        "at your expense",
    ),
]


@pytest.mark.parametrize(("values", "expected"), DOUBTS)
def test_a_doubtful_value_is_a_warning(values: dict[str, str], expected: str) -> None:
    (warning,) = load(**({"TWILIO__DEFAULT_FROM_NUMBER": "ACME"} | values)).warnings()
    assert expected in warning
    assert warning.endswith(".")


def test_the_other_token_alone_is_a_warning() -> None:
    key = {"TWILIO_ACCOUNT_SID": SID, "TWILIO_API_KEY": "SK" + "0" * 32, "TWILIO_API_SECRET": "x"}
    other = {"CALLBOX_TWILIO__AUTH_TOKEN_SECONDARY": "x"}
    warnings = load_config(None, key | other).warnings()
    assert any("during a rotation" in each for each in warnings)


def test_callbacks_without_an_auth_token_are_a_warning() -> None:
    key = {"TWILIO_ACCOUNT_SID": SID, "TWILIO_API_KEY": "SK" + "0" * 32, "TWILIO_API_SECRET": "x"}
    url = {"CALLBOX_HTTP__PUBLIC_URL": "https://x.example"}
    warnings = load_config(None, key | url).warnings()
    assert any("by which alone Twilio's callbacks" in each for each in warnings)


def test_a_usual_configuration_has_no_warning() -> None:
    assert load(TWILIO__DEFAULT_FROM_NUMBER="+12345000000").warnings() == []


# --- texts and calls from people ------------------------------------------------------------------

OURS = "+12345000000"
URL = "https://x.example"


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        ({}, ()),
        ({"TWILIO__DEFAULT_FROM_NUMBER": "ACME"}, ()),
        ({"TWILIO__DEFAULT_FROM_NUMBER": OURS}, (OURS,)),
        (
            {"TWILIO__DEFAULT_FROM_NUMBER": OURS, "INBOUND__NUMBERS": "whatsapp:+12345000001"},
            ("whatsapp:+12345000001",),
        ),
    ],
)
def test_texts_are_fetched_for_the_numbers_named_or_else_the_sender(
    values: dict[str, str], numbers: tuple[str, ...]
) -> None:
    assert load(**values).numbers == numbers


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ({"INBOUND__NUMBERS": OURS}, 30),
        ({"INBOUND__NUMBERS": OURS, "INBOUND__IDLE_INTERVAL": "5s"}, 5),
        ({"INBOUND__NUMBERS": OURS, "HTTP__PUBLIC_URL": URL}, 60),
        ({"INBOUND__NUMBERS": OURS, "HTTP__PUBLIC_URL": URL, "INBOUND__POLLING": "on"}, 30),
        ({"INBOUND__NUMBERS": OURS, "INBOUND__POLLING": "off"}, None),
        ({"INBOUND__POLLING": "on"}, None),
    ],
)
def test_twilio_is_asked_seldom_where_webhooks_tell(
    values: dict[str, str], seconds: float | None
) -> None:
    assert load(**values).polls_every == seconds


@pytest.mark.parametrize(("word", "value"), [("yes", True), ("No", False), ("true", True)])
def test_a_switch_is_true_or_false_in_plain_words(write: Write, word: str, value: bool) -> None:
    assert load_config(write(f"inbound: {{delete: {word}}}"), ACCOUNT).inbound.delete is value


def test_a_user_and_a_password_of_webhooks_come_together() -> None:
    assert "needs its user" in fault(HTTP__WEBHOOK_PASSWORD="x")
    assert "needs its password" in fault(HTTP__WEBHOOK_USERNAME="x")


def test_an_answer_to_calls_needs_its_text_or_number() -> None:
    assert "what is said" in fault(CALLS__ANSWER="say")
    assert "what is said" in fault(CALLS__ANSWER="voicemail")
    assert "the number to forward to" in fault(CALLS__ANSWER="forward")


def test_numbers_rules_and_pins_are_not_public(tmp_path: Path) -> None:
    (tmp_path / "pin").write_text("hunter9")
    rules = [
        {"from": OURS, "pin": "hunter8", "reply": "hunter7"},
        {"from": OURS, "pin_file": str(tmp_path / "pin"), "topic": "x"},
    ]
    config = load(
        INBOUND__NUMBERS=f"whatsapp:{OURS}",
        INBOUND__RULES=json.dumps(rules),
        CALLS__FORWARD_TO=OURS,
        TWILIO__AUTH_TOKEN_SECONDARY="hunter3",
        HTTP__WEBHOOK_USERNAME="hunter4",
        HTTP__WEBHOOK_PASSWORD="hunter5",
    )
    public = config.public()
    assert public["inbound"]["rules"] == 2
    assert public["inbound"]["numbers"] == ["whatsapp:+1\N{HORIZONTAL ELLIPSIS}0000"]
    assert "hunter" not in json.dumps(public)
    for secret in ("hunter3", "hunter5", "hunter8", "hunter9", OURS):
        assert secret not in f"{json.dumps(public)} {config!r} {config.inbound.rules!r}"
        assert secret not in repr(config.rulebook())


# --- times, the store -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2", 2),
        ("0.5", 0.5),
        ("2s", 2),
        ("5 ms", 0.005),
        ("10 min", 600),
        ("10m", 600),
        ("1 hour", 3_600),
        ("48h", 172_800),
        ("30 days", 2_592_000),
        ("1.5 Days", 129_600),
        ("2 weeks", 1_209_600),
    ],
)
def test_a_time_is_seconds_or_a_number_with_a_unit(text: str, seconds: float) -> None:
    assert load(STORE__KEEP_FOR=text).store.keep_for == seconds


@pytest.mark.parametrize(
    ("environ", "platform", "path"),
    [
        ({"HOME": "/home/me"}, "linux", "/home/me/.local/state/callbox/callbox.sqlite3"),
        ({"HOME": "/h", "XDG_STATE_HOME": "/s"}, "linux", "/s/callbox/callbox.sqlite3"),
        ({"HOME": "/h", "XDG_STATE_HOME": "s"}, "linux", "/h/.local/state/callbox/callbox.sqlite3"),
        (
            {"HOME": "/Users/me", "XDG_STATE_HOME": "/s"},
            "darwin",
            "/Users/me/Library/Application Support/Callbox/callbox.sqlite3",
        ),
    ],
)
def test_the_store_is_in_the_users_state_folder(
    environ: dict[str, str], platform: str, path: str
) -> None:
    assert load(STORE__URL=default_store(environ, platform)).store.path == Path(path)


@pytest.mark.parametrize(
    "url", ["sqlite:///a b/c.db", "sqlite:////a b/c.db", "sqlite:///a%20b/c.db"]
)
def test_a_store_url_is_an_absolute_path(url: str) -> None:
    assert load(STORE__URL=url).store.path == Path("/a b/c.db")


# --- contacts -------------------------------------------------------------------------------------


def test_a_group_is_everyone_in_it_once() -> None:
    contacts = Contacts.model_validate(
        {
            "Darla": "+12345000000",
            "Bob": ["+12345000001", "+12345000002"],
            "Night shift": ["Darla", "Bob"],
            "Everyone": ["Night shift", "Darla", "+12345000003", "+12345000000"],
        }
    )
    assert contacts.numbers("Darla") == [("Darla", "+12345000000")]
    assert contacts.numbers("Everyone") == [
        ("Darla", "+12345000000"),
        ("Bob", "+12345000001"),
        ("Bob", "+12345000002"),
        ("Everyone", "+12345000003"),
    ]
    assert contacts.numbers("nobody") == []


@pytest.mark.parametrize(
    ("contacts", "expected"),
    [
        (
            {"Bob": "Dalra", "Darla": "+12345000000"},
            "nor the name of a contact (did you mean Darla",
        ),
        ({"Bob": "12345000001"}, "'\N{HORIZONTAL ELLIPSIS}0001' is neither a phone number"),
        ({"Bob": "whatsapp:+12345000001"}, "is neither a phone number"),
        ({"Bob": []}, "expected a phone number, or a list"),
        ({"+12345000001": "+12345000001"}, "not a phone number"),
        ({"": "+12345000001"}, "expected a name"),
        ({"Bob": "Bob"}, "contains itself"),
    ],
)
def test_a_contact_that_reaches_nobody_is_a_fault(
    contacts: dict[str, object], expected: str
) -> None:
    told = fault(CONTACTS=json.dumps(contacts))
    assert expected in told
    assert "2345000001" not in told


def test_every_contact_of_a_circle_is_told(write: Write) -> None:
    path = write("contacts: {A: [B], B: [C], C: [A], D: [A, +12345000000]}")
    assert [each.split(" ")[0] for each in faults(path)] == [
        "contacts.A",
        "contacts.B",
        "contacts.C",
    ]


# --- the manual -----------------------------------------------------------------------------------


def uncommented() -> str:
    return re.sub(r"^( *)#(?=[^\s#])", r"\1", MANUAL.read_text(), flags=re.MULTILINE)


def keys_in(text: str) -> list[str]:
    keys, section = [], ""
    for line in text.splitlines():
        if found := re.match(r"( {0,2})(\w[\w ]*):(.*)", line):
            section = section if found[1] else found[2]
            keys.append(f"{section}.{found[2]}" if found[1] else section)
    sections = {key.partition(".")[0] for key in KEYS} - {"contacts"}
    return [key for key in keys if key not in sections and not key.startswith("contacts.")]


def test_the_manual_as_it_is_changes_nothing() -> None:
    assert load_config(MANUAL, ACCOUNT) == load_config(None, ACCOUNT)


def test_the_manual_has_every_key_once_and_no_other() -> None:
    assert sorted(keys_in(uncommented())) == sorted(set(KEYS) - set(SECRET_FILES))


def test_a_key_is_set_in_the_manual_exactly_if_it_ships_with_a_value() -> None:
    assert set(KEYS) - set(SECRET_FILES) - set(keys_in(MANUAL.read_text())) == WITHOUT_DEFAULT
    for key in WITHOUT_DEFAULT - {"store.url", "contacts"}:
        section, name = key.split(".")
        assert not getattr(getattr(Config(), section), name)


def test_the_manual_names_every_file_of_a_secret_and_every_variable_of_twilio() -> None:
    text = MANUAL.read_text()
    for name in (*(each.rpartition(".")[2] for each in SECRET_FILES), "TWILIO_ACCOUNT_SID"):
        assert name in text


def test_the_examples_in_the_manual_are_valid(tmp_path: Path) -> None:
    for name in ("ca.pem", "client.pem", "client.key"):
        (tmp_path / name).touch()
    path = tmp_path / "callbox.yaml"
    path.write_text(uncommented().replace("/etc/callbox/", f"{tmp_path}/"))
    config = load_config(path, {"HOME": "/home/me"})
    assert len(config.contacts.numbers("Night shift")) == 3
    assert config.delivery.default_retries == 3
    assert [rule.name for rule in config.inbound.rules] == ["gate", None, None]
    assert len(config.rulebook()) == 3


def test_every_key_of_the_manual_has_its_meaning_above_it() -> None:
    for paragraph in re.split(r"\n\s*\n", MANUAL.read_text()):
        lines = [line.strip() for line in paragraph.splitlines()]
        if any(re.match(r"#?\w+: \S", line) for line in lines):
            assert any(line.startswith("# ") and not line.startswith("# ---") for line in lines)
