"""What keys mean for each other: combinations that cannot be used, and ones that are doubtful.

To add a rule, add a row. A fault names the keys it depends on, the one to be changed first: the
rule is not asked while one of them is at fault by itself.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from pydantic import SecretStr

from callbox.config import iotcore
from callbox.config.identity import Flaw, flaw_of, has_certificates, has_expired
from callbox.config.rulebook import is_request

if TYPE_CHECKING:
    from callbox.config.sections import Config


_SHORT_PASSWORD = 16
_HTTPS = 443
_LONGEST_CLIENT_ID = 65_535  # bytes, in MQTT
_DEEPEST_BASE = iotcore.MOST_SLASHES - iotcore.LONGEST_TOPIC.count("/") - 1
_LONGEST_BASE = iotcore.MOST_TOPIC - len(iotcore.LONGEST_TOPIC) - 1
_LEAST_KEEPALIVE, _MOST_KEEPALIVE = iotcore.KEEPALIVES


class Rule(NamedTuple):
    """A combination of keys that cannot be used; `sentence` is what was expected."""

    keys: tuple[str, ...]
    broken: Callable[["Config"], object]
    sentence: str


class Doubt(NamedTuple):
    """Something that works and is probably not what was meant."""

    holds: Callable[["Config"], object]
    sentence: str


def _of_aws(config: "Config") -> bool:
    return iotcore.is_iot_core(config.mqtt.host)


def _logs_in_by_name(config: "Config") -> bool:
    """Tell whether one of AWS's custom authorizers lets the gateway in, without a certificate."""
    return bool(config.mqtt.username) and iotcore.CUSTOM_LOGIN in config.mqtt.alpn


def _is_too_deep(base_topic: str) -> bool:
    return base_topic.count("/") > _DEEPEST_BASE or len(base_topic.encode()) > _LONGEST_BASE


def _flaw(config: "Config") -> Flaw | None:
    mqtt = config.mqtt
    return flaw_of(mqtt.cert, mqtt.key) if mqtt.tls and mqtt.cert and mqtt.key else None


def _has(flaw: Flaw, config: "Config") -> bool:
    return _flaw(config) is flaw


def _has_expired(config: "Config") -> bool:
    mqtt = config.mqtt
    if not (mqtt.tls and mqtt.cert and mqtt.key) or _flaw(config):
        return False
    return has_expired(mqtt.cert, mqtt.key)


def _looks_wrapped(token: SecretStr | None) -> bool:
    """Tell whether a token still has what a file or a secret had around it."""
    return token is not None and re.search(r"[\s{}\[\]\"']", token.get_secret_value()) is not None


_CERT_FIRST = ("mqtt.cert", "mqtt.key", "mqtt.url")
_KEY_FIRST = ("mqtt.key", "mqtt.cert", "mqtt.url")

_FLAWS = (
    (
        Flaw.SWAPPED,
        _CERT_FIRST,
        "it has a private key, and mqtt.key has a certificate; exchange the two",
    ),
    (
        Flaw.NO_CERTIFICATE,
        _CERT_FIRST,
        (
            "it has no certificate that can be read; expected a PEM file with "
            "-----BEGIN CERTIFICATE-----"
        ),
    ),
    (
        Flaw.NO_KEY,
        _KEY_FIRST,
        (
            "it has no private key that can be read; expected a PEM file with "
            "-----BEGIN PRIVATE KEY-----"
        ),
    ),
    (
        Flaw.LOCKED,
        _KEY_FIRST,
        (
            "it is locked by a pass phrase, which nobody is asked for; make an open copy that only "
            "the gateway can read, with: openssl pkey -in locked.key -out open.key"
        ),
    ),
    (
        Flaw.NOT_OF_ONE_PAIR,
        _KEY_FIRST,
        (
            "it does not belong to the certificate in mqtt.cert; expected the key that was made "
            "with it"
        ),
    ),
    (
        Flaw.WEAK,
        _CERT_FIRST,
        (
            "OpenSSL refuses it as too weak; expected one with an RSA key of 2048 bits or an EC "
            "key, signed with SHA-256"
        ),
    ),
)

RULES = (
    Rule(
        ("mqtt.client_id",),
        lambda config: len((config.mqtt.client_id or "").encode()) > _LONGEST_CLIENT_ID,
        f"MQTT has room for {_LONGEST_CLIENT_ID} bytes; expected a shorter one",
    ),
    Rule(
        ("mqtt.ca", "mqtt.url"),
        lambda config: config.mqtt.tls and config.mqtt.ca and not has_certificates(config.mqtt.ca),
        "it has no certificate; expected a PEM file with -----BEGIN CERTIFICATE-----, that of the "
        "authority which signed the broker's",
    ),
    *(Rule(keys, partial(_has, flaw), sentence) for flaw, keys, sentence in _FLAWS),
    Rule(
        ("mqtt.url",),
        lambda config: _of_aws(config) and not config.mqtt.tls,
        "AWS IoT Core is reached by TLS only; expected mqtts://",
    ),
    Rule(
        ("mqtt.cert", "mqtt.url", "mqtt.key", "mqtt.username", "mqtt.alpn"),
        lambda config: _of_aws(config) and not config.mqtt.cert and not _logs_in_by_name(config),
        "AWS IoT Core knows a client by its certificate; set mqtt.cert and mqtt.key to the files "
        "that it gave for the thing",
    ),
    Rule(
        ("mqtt.alpn", "mqtt.url"),
        lambda config: _of_aws(config) and config.mqtt.port == _HTTPS and not config.mqtt.alpn,
        f"AWS IoT Core speaks MQTT on port {_HTTPS} only to who offers it; expected "
        f"{iotcore.CERTIFICATE_OVER_443}",
    ),
    Rule(
        ("mqtt.client_id", "mqtt.url"),
        lambda config: (
            _of_aws(config) and len((config.mqtt.client_id or "").encode()) > iotcore.MOST_CLIENT_ID
        ),
        f"AWS IoT Core takes at most {iotcore.MOST_CLIENT_ID} bytes; expected the thing's name",
    ),
    Rule(
        ("mqtt.keepalive", "mqtt.url"),
        lambda config: (
            _of_aws(config) and not _LEAST_KEEPALIVE <= config.mqtt.keepalive <= _MOST_KEEPALIVE
        ),
        f"AWS IoT Core takes {_LEAST_KEEPALIVE} to {_MOST_KEEPALIVE} seconds; expected one of "
        "these",
    ),
    Rule(
        ("mqtt.base_topic", "mqtt.url"),
        lambda config: _of_aws(config) and _is_too_deep(config.mqtt.base_topic),
        f"AWS IoT Core takes topics with {iotcore.MOST_SLASHES} slashes and {iotcore.MOST_TOPIC} "
        f"bytes at most, and what Callbox adds counts; expected at most {_DEEPEST_BASE} slashes "
        f"and {_LONGEST_BASE} bytes",
    ),
    Rule(
        ("inbound.rules", "mqtt.url"),
        lambda config: (
            _of_aws(config)
            and any(
                (rule.topic or "").count("/") > iotcore.MOST_SLASHES
                for rule in config.inbound.rules
            )
        ),
        f"a rule's topic is too deep for AWS IoT Core; expected at most {iotcore.MOST_SLASHES} "
        "slashes",
    ),
    Rule(
        ("mqtt.cert", "mqtt.key"),
        lambda config: config.mqtt.cert and not config.mqtt.key,
        "a client certificate needs its private key; set mqtt.key too",
    ),
    Rule(
        ("mqtt.key", "mqtt.cert"),
        lambda config: config.mqtt.key and not config.mqtt.cert,
        "a private key needs its client certificate; set mqtt.cert too",
    ),
    Rule(
        ("mqtt.url", "mqtt.username", "mqtt.password"),
        lambda config: (
            config.mqtt.embedded
            and not config.mqtt.loopback
            and not (config.mqtt.username and config.mqtt.password)
        ),
        "a broker open to other machines needs mqtt.username and mqtt.password; "
        "set both, or use embedded://127.0.0.1",
    ),
    Rule(
        ("mqtt.version", "mqtt.url"),
        lambda config: config.mqtt.embedded and config.mqtt.version == "5",
        "the embedded broker speaks MQTT 3.1.1 only; expected auto or 3.1.1",
    ),
    Rule(
        ("twilio.account_sid",),
        lambda config: not config.twilio.account_sid,
        "no Twilio account is set; set it in the file, in CALLBOX_TWILIO__ACCOUNT_SID or in "
        "TWILIO_ACCOUNT_SID, to the Account SID that console.twilio.com shows",
    ),
    Rule(
        ("twilio.auth_token", "twilio.api_key_sid", "twilio.api_key_secret"),
        lambda config: (
            not (
                config.twilio.auth_token
                or config.twilio.api_key_sid
                or config.twilio.api_key_secret
            )
        ),
        "there is nothing to log in to Twilio with; set it, auth_token_file or TWILIO_AUTH_TOKEN "
        "to the Auth Token that console.twilio.com shows, or set api_key_sid and api_key_secret",
    ),
    Rule(
        ("twilio.api_key_secret", "twilio.api_key_sid"),
        lambda config: config.twilio.api_key_sid and not config.twilio.api_key_secret,
        "twilio.api_key_sid needs its secret; set it, api_key_secret_file or TWILIO_API_SECRET",
    ),
    Rule(
        ("twilio.api_key_sid", "twilio.api_key_secret"),
        lambda config: config.twilio.api_key_secret and not config.twilio.api_key_sid,
        "twilio.api_key_secret needs the key's SID; set it or TWILIO_API_KEY to SK and 32 digits",
    ),
    Rule(
        ("twilio.base_url",),
        lambda config: (
            config.twilio.really_twilio and (config.twilio.base_url or "").startswith("http://")
        ),
        "Twilio is reached by https only; expected https://",
    ),
    Rule(
        ("http.public_url", "twilio.base_url"),
        lambda config: (
            config.twilio.really_twilio and (config.http.public_url or "").startswith("http://")
        ),
        "Twilio's callbacks carry phone numbers; expected an https:// URL",
    ),
    Rule(
        ("http.webhook_username", "http.webhook_password"),
        lambda config: config.http.webhook_password and not config.http.webhook_username,
        "http.webhook_password needs its user; set it too",
    ),
    Rule(
        ("http.webhook_password", "http.webhook_username"),
        lambda config: config.http.webhook_username and not config.http.webhook_password,
        "http.webhook_username needs its password; set it or webhook_password_file",
    ),
    Rule(
        ("http.webhook_auth", "http.webhook_username", "http.webhook_password"),
        lambda config: (
            config.http.webhook_auth == "basic"
            and not (config.http.webhook_username or config.http.webhook_password)
        ),
        "basic needs http.webhook_username and http.webhook_password; set both, or use signature",
    ),
    Rule(
        ("calls.text", "calls.answer"),
        lambda config: config.calls.answer in {"say", "voicemail"} and not config.calls.text,
        "calls.answer needs what is said to the caller; set it, or set calls.answer to reject",
    ),
    Rule(
        ("calls.forward_to", "calls.answer"),
        lambda config: config.calls.answer == "forward" and not config.calls.forward_to,
        "calls.answer needs the number to forward to; set it, or set calls.answer to reject",
    ),
    Rule(
        ("delivery.probe_longest", "delivery.probe_first"),
        lambda config: config.delivery.probe_longest < config.delivery.probe_first,
        "expected at least delivery.probe_first",
    ),
)

DOUBTS = (
    Doubt(
        lambda config: not re.fullmatch(r"AC[0-9a-fA-F]{32}", config.twilio.account_sid),
        "twilio.account_sid is not AC and 32 hexadecimal digits as Twilio's are: "
        "copy the Account SID from console.twilio.com.",
    ),
    Doubt(
        lambda config: (
            config.twilio.api_key_sid
            and not re.fullmatch(r"SK[0-9a-fA-F]{32}", config.twilio.api_key_sid)
        ),
        "twilio.api_key_sid is not SK and 32 hexadecimal digits as Twilio's are: "
        "copy it from console.twilio.com, API keys.",
    ),
    Doubt(
        lambda config: (
            not (config.twilio.default_from_number or config.twilio.messaging_service_sid)
        ),
        "no sender is configured: only requests that bring a from_number can be sent; "
        "set twilio.default_from_number or twilio.messaging_service_sid.",
    ),
    Doubt(
        lambda config: (
            config.http.public_url
            and config.http.webhook_auth == "signature"
            and not config.twilio.auth_token
        ),
        "http.public_url is set without twilio.auth_token, by which alone Twilio's callbacks can "
        "be verified: they will be refused.",
    ),
    Doubt(
        lambda config: config.twilio.auth_token_secondary and not config.twilio.auth_token,
        "twilio.auth_token_secondary is set without twilio.auth_token: during a rotation set both.",
    ),
    Doubt(
        lambda config: config.http.webhook_auth == "basic",
        "http.webhook_auth is basic: who learns the password can forge texts and statuses; "
        "signature is safer.",
    ),
    Doubt(
        lambda config: config.calls.answer != "reject" and not config.http.public_url,
        "calls.answer has no effect without http.public_url, by which Twilio asks what to do with "
        "a call.",
    ),
    Doubt(
        lambda config: (
            config.inbound.polling == "on" and not (config.numbers or config.http.public_url)
        ),
        "inbound.polling is on and there is no number to ask Twilio about: set inbound.numbers.",
    ),
    Doubt(
        lambda config: config.inbound.rules and not (config.polls_every or config.http.public_url),
        "inbound.rules has rules for texts that never arrive: set inbound.numbers and leave "
        "inbound.polling at auto, or set http.public_url.",
    ),
    Doubt(
        lambda config: (
            any(not rule.senders for rule in config.inbound.rules) and not len(config.contacts)
        ),
        "inbound.rules has a rule without from, which is for contacts, and there are no contacts: "
        "nobody can use it.",
    ),
    Doubt(
        lambda config: any(
            rule.for_anyone and not rule.secret and is_request(rule, config.mqtt.base_topic)
            for rule in config.inbound.rules
        ),
        "inbound.rules has a rule by which anyone can send texts or place calls at your expense: "
        "give it a pin, or say from whom.",
    ),
    Doubt(
        lambda config: (
            config.http.webhook_auth == "basic"
            and config.http.webhook_password
            and len(config.http.webhook_password.get_secret_value()) < _SHORT_PASSWORD
        ),
        "http.webhook_password is all that keeps strangers out and can be guessed; "
        f"take {_SHORT_PASSWORD} characters or more.",
    ),
    Doubt(
        lambda config: (
            config.http.public_url and config.inbound.polling != "off" and not config.numbers
        ),
        "no number's texts are asked for: what Twilio cannot bring while this gateway is away is "
        "never fetched; set inbound.numbers.",
    ),
    Doubt(
        lambda config: config.http.public_url and not config.http.port,
        "http.public_url is set and http.port is 0: Twilio's callbacks will find nobody.",
    ),
    Doubt(
        lambda config: (
            not config.mqtt.tls and (config.mqtt.ca or config.mqtt.cert or config.mqtt.alpn)
        ),
        "mqtt.ca, cert, key and alpn have no effect: mqtt.url does not begin with mqtts://.",
    ),
    Doubt(
        lambda config: _looks_wrapped(config.twilio.auth_token),
        "twilio.auth_token has more in it than a token, a space, a quotation mark or a bracket: "
        "it is to be the Auth Token alone.",
    ),
    Doubt(
        # No fault: what waits in the store is sent all the same, and a clock may be wrong.
        _has_expired,
        "mqtt.cert has expired, by this machine's clock: the broker will refuse it; take a valid "
        "one.",
    ),
    Doubt(
        lambda config: iotcore.is_of_verisign(config.mqtt.host),
        "mqtt.url is an endpoint of the old kind, whose certificate by VeriSign is not trusted any "
        "more: take the one that `aws iot describe-endpoint --endpoint-type iot:Data-ATS` shows.",
    ),
    Doubt(
        lambda config: _of_aws(config) and not config.mqtt.client_id,
        "mqtt.client_id is not set: AWS IoT Core lets in only the ids that the certificate's "
        "policy names; set it to the thing's name.",
    ),
    Doubt(
        lambda config: config.mqtt.password and not config.mqtt.username,
        "mqtt.password is set without mqtt.username, which MQTT 3.1.1 brokers refuse.",
    ),
)
