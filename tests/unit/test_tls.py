"""Certificates, keys and AWS IoT Core's limits: judged before anybody is called."""

import re
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from callbox.config import Config, load_config
from callbox.device import Device
from callbox.errors import ConfigError
from callbox.hosts.bridge import COMMANDS
from callbox.hosts.tls import tls_context, why_refused
from harness.certificates import Authority, Identity

ACCOUNT = {"TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "TWILIO_AUTH_TOKEN": "token", "HOME": "/home/me"}
AWS = "mqtts://a1b2c3-ats.iot.eu-central-1.amazonaws.com"
ROOT = Path(__file__).parents[2]


class Files(NamedTuple):
    """PEM files, good and bad."""

    ca: Path
    good: Identity
    other: Identity
    expired: Identity
    locked: Identity
    weak: Identity
    empty: Path
    rubbish: Path


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("pem")
    authority = Authority(folder / "authority")
    good = authority.sign("good")
    empty, rubbish = folder / "empty.pem", folder / "rubbish.pem"
    empty.touch()
    rubbish.write_text(
        "".join(
            f"-----BEGIN {kind}-----\nbm9uZQ==\n-----END {kind}-----\n"
            for kind in ("CERTIFICATE", "PRIVATE KEY")
        )
    )
    return Files(
        authority.ca,
        good,
        authority.sign("other"),
        authority.expired("expired"),
        authority.locked(good),
        authority.sign("weak", bits=512),
        empty,
        rubbish,
    )


def load(**values: object) -> Config:
    """Read a configuration of these keys of the section mqtt."""
    variables = {f"CALLBOX_MQTT__{key.upper()}": str(value) for key, value in values.items()}
    return load_config(None, {**ACCOUNT, **variables})


def faults(**values: object) -> list[str]:
    """Give what is told of a configuration that cannot be used."""
    with pytest.raises(ConfigError) as caught:
        load(**values)
    return caught.value.faults


def at_aws(pem: Files, **values: object) -> dict[str, object]:
    """Give a configuration for AWS, changed."""
    usual = {"url": AWS, "cert": pem.good.cert, "key": pem.good.key, "client_id": "plant-4"}
    return {**usual, **values}


Pair = Callable[[Files], tuple[Path, Path]]
CERT, KEY = "mqtt.cert (CALLBOX_MQTT__CERT): ", "mqtt.key (CALLBOX_MQTT__KEY): "
NO_CERT = f"{CERT}it has no certificate that can be read; expected a PEM file with -----BEGIN CER"
NO_KEY = f"{KEY}it has no private key that can be read; expected a PEM file with -----BEGIN PRIVA"
BROKEN_PAIRS: dict[str, tuple[Pair, str]] = {
    "swapped": (
        lambda pem: (pem.good.key, pem.good.cert),
        f"{CERT}it has a private key, and mqtt.key has a certificate; exchange the two.",
    ),
    "empty certificate": (lambda pem: (pem.empty, pem.good.key), NO_CERT),
    "spoilt certificate": (lambda pem: (pem.rubbish, pem.good.key), NO_CERT),
    "empty key": (lambda pem: (pem.good.cert, pem.empty), NO_KEY),
    "spoilt key": (lambda pem: (pem.good.cert, pem.rubbish), NO_KEY),
    "locked key": (lambda pem: pem.locked, f"{KEY}it is locked by a pass phrase, which nobody is"),
    "key of another": (
        lambda pem: (pem.good.cert, pem.other.key),
        f"{KEY}it does not belong to the certificate in mqtt.cert; expected the key that",
    ),
    "weak": (lambda pem: pem.weak, f"{CERT}OpenSSL refuses it as too weak; expected one with an"),
}


@pytest.mark.parametrize("which", BROKEN_PAIRS)
def test_a_pair_that_cannot_be_shown_is_one_fault_that_names_the_key(
    pem: Files, which: str
) -> None:
    pair, begins = BROKEN_PAIRS[which]
    cert, key = pair(pem)
    (told,) = faults(url="mqtts://broker", cert=cert, key=key)
    assert told.startswith(begins)


def test_an_expired_pair_is_a_warning_as_what_waits_can_be_sent_all_the_same(pem: Files) -> None:
    expired = load(url="mqtts://broker", cert=pem.expired.cert, key=pem.expired.key)
    assert any("mqtt.cert has expired" in warning for warning in expired.warnings())
    good = load(url="mqtts://broker", cert=pem.good.cert, key=pem.good.key)
    assert not any("expired" in warning for warning in good.warnings())


def test_a_good_pair_is_taken_also_from_one_file(pem: Files, tmp_path: Path) -> None:
    assert load(url="mqtts://broker", ca=pem.ca, cert=pem.good.cert, key=pem.good.key).mqtt.tls
    both = tmp_path / "both.pem"
    both.write_bytes(pem.good.key.read_bytes() + pem.good.cert.read_bytes())
    assert load(url="mqtts://broker", cert=both, key=both).mqtt.cert == both


def test_an_authority_without_a_certificate_is_a_fault(pem: Files) -> None:
    for ca in (pem.empty, pem.good.key, pem.rubbish):
        (told,) = faults(url="mqtts://broker", ca=ca)
        assert told.startswith("mqtt.ca (CALLBOX_MQTT__CA): it has no certificate; expected a PEM")


def test_nobody_is_asked_for_a_pass_phrase_on_the_terminal(pem: Files) -> None:
    """A terminal is given, and left alone; OpenSSL would print a prompt there and wait."""
    on_a_terminal = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"
    calls = f"""
from pathlib import Path
from callbox.hosts.tls import tls_context
tls_context(None, Path({str(pem.locked.cert)!r}), Path({str(pem.locked.key)!r}), ())
"""
    ended = subprocess.run(
        [sys.executable, "-c", on_a_terminal, sys.executable, "-c", calls],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 1
    assert b"ConfigError" in ended.stdout
    assert b"locked by a pass phrase" in ended.stdout
    assert b"Enter PEM" not in ended.stdout


def test_tls_is_1_2_or_newer_and_every_authority_s_certificate_is_checked(pem: Files) -> None:
    context = tls_context(pem.ca, *pem.good, ("x-amzn-mqtt-ca",))
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.parametrize("reason", ["SSLV3_ALERT_HANDSHAKE_FAILURE", "SSLV3_ALERT_BAD_CERTIFICATE"])
def test_a_refused_handshake_means_a_missing_certificate_where_none_is_shown(reason: str) -> None:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    wanted = "refuses TLS: it asks for a client certificate; set mqtt.cert and mqtt.key"
    assert why_refused(error, certified=False) == wanted
    assert "does not accept the certificate" in why_refused(error, certified=True)


# --- AWS IoT Core ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"url": AWS.replace("mqtts", "mqtt")}, "mqtt.url (CALLBOX_MQTT__URL): AWS IoT Core is re"),
        ({"cert": "", "key": ""}, "mqtt.cert: AWS IoT Core knows a client by its certificate; set"),
        ({"url": f"{AWS}:443"}, "mqtt.alpn: AWS IoT Core speaks MQTT on port 443 only to who off"),
        ({"client_id": "ä" * 65}, "mqtt.client_id (CALLBOX_MQTT__CLIENT_ID): AWS IoT Core takes a"),
        ({"keepalive": 29}, "mqtt.keepalive (CALLBOX_MQTT__KEEPALIVE): AWS IoT Core takes 30 to 1"),
        ({"keepalive": 1201}, "mqtt.keepalive (CALLBOX_MQTT__KEEPALIVE): AWS IoT Core takes 30 t"),
        ({"base_topic": "a/b/c/d/e/f"}, "mqtt.base_topic (CALLBOX_MQTT__BASE_TOPIC): AWS IoT Core"),
        ({"base_topic": "x" * 226}, "mqtt.base_topic (CALLBOX_MQTT__BASE_TOPIC): AWS IoT Core tak"),
    ],
)
def test_what_aws_refuses_is_a_fault_there_and_nowhere_else(
    pem: Files, changed: dict[str, object], told: str
) -> None:
    values = at_aws(pem, **changed)
    (sentence,) = faults(**values)
    assert sentence.startswith(told)
    elsewhere = str(values["url"]).replace("amazonaws.com", "example.com")
    assert load(**{**values, "url": elsewhere}).mqtt.url == elsewhere


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"url": f"{AWS}:443", "alpn": "x-amzn-mqtt-ca"},
        {"client_id": "ä" * 64, "keepalive": 30},
        {"keepalive": 1200},
        {"base_topic": "a/b/c/d/e"},
        {"base_topic": "x" * 225},
        {"url": "mqtts://a1b2c3.ats.iot.cn-north-1.amazonaws.com.cn"},
        {"cert": "", "key": "", "username": "me", "alpn": "mqtt", "url": f"{AWS}:443"},
    ],
)
def test_what_aws_takes_is_taken_without_a_warning(pem: Files, changed: dict[str, object]) -> None:
    warnings = load(**at_aws(pem, **changed)).warnings()
    assert not [warning for warning in warnings if "mqtt" in warning]


def test_the_longest_base_topic_leaves_room_for_every_topic(pem: Files) -> None:
    longest = max((f"bridge/response/{command}" for command in COMMANDS), key=len)
    deepest = load(**at_aws(pem, base_topic="a/b/c/d/e")).mqtt.base_topic
    assert f"{deepest}/{longest}".count("/") == 7
    assert len(f"{'x' * 225}/{longest}") == 256


def test_an_endpoint_of_the_old_kind_and_an_id_made_up_are_doubted(pem: Files) -> None:
    old = load(**at_aws(pem, url=AWS.replace("-ats", ""))).warnings()
    assert any("--endpoint-type iot:Data-ATS" in warning for warning in old)
    nameless = load(**at_aws(pem, client_id="")).warnings()
    assert any("mqtt.client_id is not set: AWS IoT Core" in warning for warning in nameless)


def test_who_checks_comes_to_aws_under_the_thing_s_name_and_is_not_the_gateway(pem: Files) -> None:
    """The policy lets in `<client id>-*`; the gateway's own id would end its connection."""
    assert re.fullmatch("plant-4-[0-9a-f]{12}", Device(load(**at_aws(pem)).mqtt).session)
    elsewhere = load(client_id="plant-4").mqtt
    assert Device(elsewhere).session.startswith("callbox-")


def test_a_client_id_longer_than_mqtt_has_room_for_is_a_fault_at_every_broker() -> None:
    (told,) = faults(client_id="x" * 65_536)
    assert told.startswith("mqtt.client_id (CALLBOX_MQTT__CLIENT_ID): MQTT has room for 65535 byt")


def test_a_rule_s_topic_too_deep_for_aws_is_a_fault(pem: Files) -> None:
    rule = '[{"from": "anyone", "contains": "x", "topic": "a/b/c/d/e/f/g/h/i", "payload": "x"}]'
    values = {f"CALLBOX_MQTT__{key.upper()}": str(value) for key, value in at_aws(pem).items()}
    with pytest.raises(ConfigError, match=r"inbound.rules \(.*\): a rule's topic is too deep"):
        load_config(None, {**ACCOUNT, **values, "CALLBOX_INBOUND__RULES": rule})


def test_the_example_for_aws_iot_core_loads_on_both_ports(pem: Files, tmp_path: Path) -> None:
    example = (ROOT / "examples" / "aws-iot-core.yaml").read_text()
    (tmp_path / "AmazonRootCA1.pem").write_bytes(pem.ca.read_bytes())
    (tmp_path / "certificate.pem").write_bytes(pem.good.cert.read_bytes())
    (tmp_path / "private.key").write_bytes(pem.good.key.read_bytes())
    (tmp_path / "auth_token").write_text("token\n")
    file = tmp_path / "callbox.yaml"
    file.write_text(example)
    config = load_config(file, {"HOME": "/home/me"})
    assert (config.mqtt.port, config.mqtt.alpn) == (8883, ())
    assert config.warnings() == []
    lines = [line for line in example.splitlines() if not line.startswith("  url:")]
    uncommented = [re.sub("^  #(url|alpn):", r"  \1:", line) for line in lines]
    file.write_text("\n".join(uncommented))
    config = load_config(file, {"HOME": "/home/me"})
    assert (config.mqtt.port, config.mqtt.alpn) == (443, ("x-amzn-mqtt-ca",))
    assert config.warnings() == []
