"""What the configuration means to each part of a gateway. Values and adapters only, no work."""

import hashlib
import os
import ssl
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import time

from paho.mqtt.client import MQTTv5, MQTTv311
from pydantic import SecretStr

from callbox.config import Config
from callbox.domain.pace import Pace
from callbox.domain.policy import Rules
from callbox.hosts.address import Address
from callbox.hosts.greengrass import Routes
from callbox.hosts.mqtt import Settings
from callbox.hosts.tls import tls_context
from callbox.inbox import Habits
from callbox.intake import Terms
from callbox.ports import Limits
from callbox.rounds import Plan
from callbox.twilio.account import Inquiry
from callbox.twilio.answers import Answering
from callbox.twilio.client import Credentials, TwilioProvider
from callbox.twilio.door import Settings as DoorSettings
from callbox.twilio.transport import Transport

_LOOKUP_CONNECTIONS = 16
_LONGEST_SOCKET_PATH = 100  # sun_path holds 104 bytes on macOS, 108 on Linux
_VERSIONS = {"auto": (MQTTv5, MQTTv311), "5": (MQTTv5,), "3.1.1": (MQTTv311,)}


def limits_of(config: Config) -> Limits:
    """Give how much may be asked for."""
    limits = config.limits
    return Limits(
        limits.per_recipient_hour, limits.per_day, limits.waiting, config.delivery.dedup_window
    )


def rules_of(config: Config) -> Rules:
    """Give when a delivery is sent again, looked up, and given up."""
    delivery = config.delivery
    return Rules(delivery.retry_delays, delivery.lookup_delays, delivery.final_after)


def transport_of(config: Config, now: Callable[[], float] = time) -> Transport:
    """Give connections to Twilio."""
    twilio = config.twilio
    return Transport(
        connect_timeout=twilio.connect_timeout,
        read_timeout=twilio.read_timeout,
        most=twilio.max_concurrency + _LOOKUP_CONNECTIONS,
        now=now,
    )


def provider_of(config: Config, transport: Transport) -> TwilioProvider:
    """Give Twilio, with the status webhook that it is to call."""
    username, password = config.twilio.login
    credentials = Credentials(config.twilio.account_sid, username, password.get_secret_value())
    return TwilioProvider(transport, credentials, config.twilio.base_url, _callback(config))


def inquiry_of(config: Config, provider: TwilioProvider) -> Inquiry:
    """Give who asks Twilio about the account."""
    twilio = config.twilio
    return Inquiry(
        provider.client,
        twilio.account_sid,
        twilio.default_from_number,
        twilio.messaging_service_sid,
    )


def terms_of(config: Config) -> Terms:
    """Give what holds where a request is silent."""
    return Terms(
        config.twilio.default_from_number,
        config.twilio.messaging_service_sid,
        config.delivery.default_retries,
        config.delivery.expires_after,
        config.delivery.on_unknown,
        config.contacts.numbers,
    )


def habits_of(config: Config) -> Habits:
    """Give how texts are received."""
    inbound = config.inbound
    everyone = None if inbound.delete else frozenset(inbound.delete_from)
    return Habits(inbound.max_age, config.twilio.messaging_service_sid, everyone)


def plan_of(config: Config) -> Plan:
    """Give when Twilio is asked for texts."""
    inbound = config.inbound
    return Plan(
        config.numbers,
        config.polls_every,
        eager=inbound.polling == "on" or not config.http.public_url,
        since=inbound.since or 0.0,
        delete=inbound.delete or bool(inbound.delete_from),
        remembered=config.store.keep_for,
    )


def door_of(config: Config) -> DoorSettings:
    """Give who may call the webhooks."""
    http, twilio = config.http, config.twilio
    tokens = (_open(twilio.auth_token), _open(twilio.auth_token_secondary))
    return DoorSettings(
        http.public_url,
        tuple(token for token in tokens if token),
        http.webhook_username,
        _open(http.webhook_password),
        http.webhook_auth == "basic",
        _open(http.token),
    )


def answering_of(config: Config) -> Answering:
    """Give what callers of our numbers get."""
    calls = config.calls
    return Answering(
        calls.answer,
        calls.text or "",
        calls.voice,
        calls.language,
        calls.forward_to or "",
        int(calls.longest),
    )


def pace_of(config: Config) -> Pace:
    """Give how fast Twilio is asked."""
    return Pace(
        config.twilio.max_concurrency,
        config.twilio.calls_per_second,
        config.delivery.probe_first,
        config.delivery.probe_longest,
    )


def mqtt_of(config: Config, instance: str, *, takeover: bool) -> Settings:
    """Give how the broker is served."""
    mqtt = config.mqtt
    return Settings(
        Address(
            mqtt.host,
            mqtt.port,
            mqtt.username,
            _open(mqtt.password),
            _tls(config),
            certified=mqtt.cert is not None,
        ),
        mqtt.base_topic,
        mqtt.client_id or f"callbox-{instance}",
        (MQTTv311,) if mqtt.embedded else _VERSIONS[mqtt.version],
        int(mqtt.session_expiry),
        int(mqtt.keepalive),
        mqtt.window,
        takeover,
        outlives=not mqtt.embedded,
    )


def routes_of(config: Config) -> Routes:
    """Give by which ways of Greengrass each topic travels."""
    return Routes(config.mqtt.base_topic, config.greengrass.ways)


def names_of(config: Config) -> Callable[[str], str | None]:
    """Give who looks a number up in the contacts."""
    names: dict[str, str] = {}
    for name, members in config.contacts.root.items():
        for member in members:
            names.setdefault(member, name)
    return names.get


def control_path(store: Path) -> Path:
    """Give the control socket's path: beside the store, or short enough for a socket elsewhere."""
    beside = store.with_name(store.name + ".sock")
    if len(str(beside)) <= _LONGEST_SOCKET_PATH:
        return beside
    name = hashlib.sha256(str(store).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"callbox-{os.getuid()}-{name}.sock"


def _callback(config: Config) -> str | None:
    """Give the status webhook, if callbacks would be let in."""
    door = door_of(config)
    comes_in = config.http.port and (door.tokens or door.basic_alone)
    return f"{door.base}/twilio/status" if door.base and comes_in else None


def _open(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def _tls(config: Config) -> ssl.SSLContext | None:
    mqtt = config.mqtt
    return tls_context(mqtt.ca, mqtt.cert, mqtt.key, mqtt.alpn) if mqtt.tls else None
