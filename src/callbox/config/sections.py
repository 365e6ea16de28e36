"""The sections of the configuration; `callbox.example.yaml` tells what each key means.

Fields bear the shipped values. Each is checked by itself here; what keys mean for each other is
in rules.py. Times are seconds.
"""

import os
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from callbox.config.contacts import Contacts
from callbox.config.places import default_store
from callbox.config.rulebook import Rules, rulebook
from callbox.config.rules import DOUBTS
from callbox.config.values import (
    DEFAULT_PORTS,
    E164,
    Ascending,
    Count,
    MqttUrl,
    OwnNumbers,
    PemFile,
    PublicUrl,
    Rate,
    Seconds,
    Sender,
    ServiceSid,
    Spoken,
    StoreUrl,
    Text,
    Texts,
    Times,
    Topic,
    Upper,
    UserName,
    Way,
    WebUrl,
    Whole,
    WholeSeconds,
    YesNo,
    scheme_of,
)
from callbox.domain.phone import is_e164, mask
from callbox.rules import Rulebook

_MASKED = "***"
_NO_TOPIC = "isolation_mode"
_SAFETY_NET = 60.0  # seconds between looks at Twilio where webhooks tell of texts
_LONGEST_RECORDING = 14_400  # seconds that Twilio records
_NEVER_TOLD = {
    "mqtt": ("username", "password"),
    "twilio": ("auth_token", "auth_token_secondary", "api_key_sid", "api_key_secret"),
    "http": ("token", "webhook_username", "webhook_password"),
}


class Section(BaseModel):
    """One section: unchangeable, and never quoting a value in an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Mqtt(Section):
    """The broker that requests come from and statuses go to."""

    url: MqttUrl = "mqtt://127.0.0.1:1883"
    base_topic: Topic = "twilio"
    client_id: Text | None = None
    username: Text | None = None
    password: SecretStr | None = None
    ca: PemFile | None = None
    cert: PemFile | None = None
    key: PemFile | None = None
    alpn: Texts = ()
    version: Literal["auto", "3.1.1", "5"] = "auto"
    session_expiry: WholeSeconds = 604_800
    keepalive: Annotated[WholeSeconds, Field(le=65_535)] = 30
    window: Annotated[Whole, Field(ge=1, le=65_535)] = 200

    @property
    def scheme(self) -> str:
        """`mqtt`, `mqtts` or `embedded`."""
        return scheme_of(self.url)

    @property
    def host(self) -> str:
        """The broker's host name or address, an IPv6 one without brackets."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The broker's port, by default the scheme's."""
        return urlsplit(self.url).port or DEFAULT_PORTS[self.scheme]

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.scheme == "mqtts"

    @property
    def embedded(self) -> bool:
        """Whether the broker is to run in this process."""
        return self.scheme == "embedded"

    @property
    def loopback(self) -> bool:
        """Whether the broker's address is of this machine only."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class Twilio(Section):
    """The account, its sender, and how fast Twilio is asked."""

    account_sid: Text = ""
    auth_token: SecretStr | None = None
    auth_token_secondary: SecretStr | None = None
    api_key_sid: Text | None = None
    api_key_secret: SecretStr | None = None
    default_from_number: Sender | None = Field(default=None, repr=False)
    messaging_service_sid: ServiceSid | None = None
    base_url: WebUrl | None = None
    max_concurrency: Annotated[Whole, Field(ge=1, le=10_000)] = 100
    calls_per_second: Rate = 1.0
    connect_timeout: Seconds = 10.0
    read_timeout: Seconds = 40.0

    @property
    def really_twilio(self) -> bool:
        """Whether requests reach Twilio itself; if not, nothing is really sent."""
        host = urlsplit(self.base_url or "https://api.twilio.com").hostname or ""
        return host.endswith(".twilio.com")

    @property
    def login(self) -> tuple[str, SecretStr]:
        """User and password of a request: the API key's where there is one, else the account's."""
        if self.api_key_sid and self.api_key_secret:
            return self.api_key_sid, self.api_key_secret
        return self.account_sid, self.auth_token or SecretStr("")


class Store(Section):
    """Where requests are kept, and for how long after they are finished."""

    url: StoreUrl = Field(default_factory=lambda: default_store(os.environ))
    keep_for: Seconds = 2_592_000.0

    @property
    def path(self) -> Path:
        """The SQLite file, absolute."""
        return Path("/" + unquote(self.url.removeprefix("sqlite://")).lstrip("/"))


class Http(Section):
    """The web server for requests over HTTP and for Twilio's callbacks."""

    host: Annotated[Text, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[Whole, Field(ge=0, le=65_535)] = 8099
    public_url: PublicUrl | None = None
    token: SecretStr | None = None
    webhook_auth: Literal["signature", "basic"] = "signature"
    webhook_username: UserName | None = None
    webhook_password: SecretStr | None = None


class Inbound(Section):
    """Which texts are fetched from Twilio, and what they set off."""

    numbers: OwnNumbers = Field(default=(), repr=False)
    polling: Literal["auto", "on", "off"] = "auto"
    idle_interval: Seconds = 30.0
    since: Seconds | None = None
    max_age: Seconds = 300.0
    delete: YesNo = False
    delete_from: OwnNumbers = Field(default=(), repr=False)
    rules: Rules = Field(default=(), repr=False)


class Calls(Section):
    """What is done with a call to one of our numbers."""

    answer: Literal["reject", "say", "forward", "voicemail"] = "reject"
    text: Spoken | None = None
    voice: Text | None = None
    language: Text | None = None
    forward_to: E164 | None = Field(default=None, repr=False)
    longest: Annotated[WholeSeconds, Field(le=_LONGEST_RECORDING)] = 120


Ways = Annotated[Literal["pubsub", "iotcore", "both", "off"], Way]


class Greengrass(Section):
    """By which ways of AWS IoT Greengrass each topic travels."""

    txt: Ways = "pubsub"
    call: Ways = "pubsub"
    status: Ways = "iotcore"
    delivery: Ways = "pubsub"
    sent: Ways = "pubsub"
    received: Ways = "pubsub"
    rules: Ways = "pubsub"
    bridge: Ways = "pubsub"
    isolation_mode: Literal["GreengrassContainer", "NoContainer"] = "GreengrassContainer"

    @property
    def ways(self) -> dict[str, Ways]:
        """Each topic's ways, by its key."""
        return {key: getattr(self, key) for key in type(self).model_fields if key != _NO_TOPIC}


class Delivery(Section):
    """When a request is sent again, looked up and given up."""

    retry_delays: Annotated[Times, Field(min_length=1)] = (2.0, 10.0, 30.0, 120.0, 600.0, 1_800.0)
    default_retries: Count | None = None
    expires_after: Seconds = 172_800.0
    on_unknown: Literal["hold", "resend"] = "hold"
    lookup_delays: Annotated[Ascending, Field(min_length=2)] = (5.0, 20.0, 60.0)
    dedup_window: Seconds = 86_400.0
    final_after: Seconds = 43_200.0
    probe_first: Seconds = 1.0
    probe_longest: Seconds = 60.0


class Limits(Section):
    """How much may be asked for; 0 is no limit."""

    per_recipient_hour: Count = 60
    per_day: Count = 1_000
    waiting: Count = 100_000
    max_document_bytes: Count = 131_072


class Log(Section):
    """What is logged, and for whom."""

    level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], Upper] = "INFO"
    format: Literal["human", "json"] = "human"


class Config(Section):
    """The whole configuration of one gateway; `load_config` makes it."""

    mqtt: Mqtt = Field(default_factory=Mqtt)
    twilio: Twilio = Field(default_factory=Twilio)
    store: Store = Field(default_factory=Store)
    http: Http = Field(default_factory=Http)
    inbound: Inbound = Field(default_factory=Inbound)
    calls: Calls = Field(default_factory=Calls)
    greengrass: Greengrass = Field(default_factory=Greengrass)
    delivery: Delivery = Field(default_factory=Delivery)
    limits: Limits = Field(default_factory=Limits)
    contacts: Contacts = Field(default_factory=Contacts)
    log: Log = Field(default_factory=Log)

    @property
    def numbers(self) -> tuple[str, ...]:
        """The numbers whose texts are fetched from Twilio, `whatsapp:` before those of WhatsApp."""
        default = self.twilio.default_from_number or ""
        return self.inbound.numbers or ((default,) if is_e164(default) else ())

    @property
    def polls_every(self) -> float | None:
        """The seconds between looks at Twilio for new texts; None: it is never asked."""
        if self.inbound.polling == "off" or not self.numbers:
            return None
        if self.inbound.polling == "auto" and self.http.public_url:
            return max(_SAFETY_NET, self.inbound.idle_interval)
        return self.inbound.idle_interval

    def rulebook(self, own_numbers: Iterable[str] = ()) -> Rulebook:
        """Give the rules for inbound texts; `own_numbers` are further ones of the account."""
        default = self.twilio.default_from_number
        own = {*own_numbers, *self.numbers, *((default,) if default else ())}
        plain = (number.removeprefix("whatsapp:") for number in own)
        return rulebook(self.inbound.rules, self.contacts, plain)

    def warnings(self) -> list[str]:
        """Give a sentence for each thing that works and is probably not what was meant."""
        return [doubt.sentence for doubt in DOUBTS if doubt.holds(self)]

    def public(self) -> dict[str, Any]:
        """Give the configuration for everyone to read (`bridge/info`), ready for JSON.

        Secrets and users are `***` where set, numbers masked, contacts and rules a count.
        """
        hidden: dict[str, Any] = {"contacts": True, "inbound": {"rules"}}
        shown: dict[str, Any] = self.model_dump(mode="json", exclude=hidden)
        for section, keys in _NEVER_TOLD.items():
            for key in keys:
                if shown[section][key] is not None:
                    shown[section][key] = _MASKED
        for section, key in (("twilio", "default_from_number"), ("calls", "forward_to")):
            if number := shown[section][key]:
                shown[section][key] = mask(number)
        for key in ("numbers", "delete_from"):
            shown["inbound"][key] = [mask(number) for number in getattr(self.inbound, key)]
        shown["inbound"]["rules"] = len(self.inbound.rules)
        return shown | {"contacts": len(self.contacts)}
