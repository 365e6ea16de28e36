"""The sections of the configuration; `callbox.example.yaml` tells what each key means.

Fields bear the shipped values. Each is checked by itself here; what keys mean for each other is
in rules.py. Times are seconds.
"""

import os
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from callbox.config.contacts import Contacts
from callbox.config.places import default_store
from callbox.config.rules import DOUBTS
from callbox.config.values import (
    DEFAULT_PORTS,
    Ascending,
    Count,
    MqttUrl,
    PemFile,
    PublicUrl,
    Rate,
    Seconds,
    Sender,
    ServiceSid,
    StoreUrl,
    Text,
    Texts,
    Times,
    Topic,
    Upper,
    WebUrl,
    Whole,
    WholeSeconds,
    scheme_of,
)
from callbox.domain.phone import mask

_MASKED = "***"
_NEVER_TOLD = {
    "mqtt": ("username", "password"),
    "twilio": ("auth_token", "api_key_sid", "api_key_secret"),
    "http": ("token",),
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
    delivery: Delivery = Field(default_factory=Delivery)
    limits: Limits = Field(default_factory=Limits)
    contacts: Contacts = Field(default_factory=Contacts)
    log: Log = Field(default_factory=Log)

    def warnings(self) -> list[str]:
        """Give a sentence for each thing that works and is probably not what was meant."""
        return [doubt.sentence for doubt in DOUBTS if doubt.holds(self)]

    def public(self) -> dict[str, Any]:
        """Give the configuration for everyone to read (`bridge/info`), ready for JSON.

        Secrets and users are `***` where set, numbers masked, contacts a count.
        """
        shown: dict[str, Any] = self.model_dump(mode="json", exclude={"contacts"})
        for section, keys in _NEVER_TOLD.items():
            for key in keys:
                if shown[section][key] is not None:
                    shown[section][key] = _MASKED
        if self.twilio.default_from_number:
            shown["twilio"]["default_from_number"] = mask(self.twilio.default_from_number)
        return shown | {"contacts": len(self.contacts)}
