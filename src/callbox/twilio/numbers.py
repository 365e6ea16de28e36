"""The account's phone numbers: where their webhooks point, and pointing them here and back.

Facts: IncomingPhoneNumbers of api.twilio.com. Twilio ignores a number's own URLs where a TwiML
application, a trunk or a messaging service has the number; the last is not visible in the number.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from twilio.rest import Client

from callbox.twilio.account import IMPOSTOR, UNREADABLE, refusal_of
from callbox.twilio.transport import Answer, NoAnswer, NotSent

# What a number does, by our name; the field with its address first.
FIELDS = {
    "texts": ("sms_url", "sms_method"),
    "calls": ("voice_url", "voice_method", "status_callback", "status_callback_method"),
}
PATHS = {
    "sms_url": "/twilio/sms",
    "voice_url": "/twilio/voice",
    "status_callback": "/twilio/status",
}
_ALL_FIELDS = tuple(name for fields in FIELDS.values() for name in fields)

# Who can have a number's texts or calls instead of its URL: Twilio's field, and what it is called.
_OWNERS = {
    "texts": {"sms_application_sid": "TwiML application"},
    "calls": {"trunk_sid": "trunk", "voice_application_sid": "TwiML application"},
}
_ABILITIES = {"sms": "SMS", "mms": "MMS", "voice": "voice"}
_NEEDED = {"texts": "SMS", "calls": "voice"}

# Twilio's connection overrides: it tries twice more, whatever went wrong. Neither sent nor signed.
RETRIES = "rc=2&rp=all"
_PAGE_SIZE = 1000
_PASSWORD = re.compile(r"(://[^/?#:@]*:)[^/?#]*(?=@)")
PORTS = {"http": 80, "https": 443}

Values = Mapping[str, str]


class NotTold(Exception):  # noqa: N818 - reads as the sentence it is
    """Twilio refuses to tell or to change something, or does not answer."""


@asynccontextmanager
async def told() -> AsyncIterator[None]:
    """Turn whatever Twilio answers instead into NotTold with a sentence."""
    try:
        yield
    except (NotSent, NoAnswer) as fault:
        raise NotTold(f"{fault}: try again when it does") from fault
    except Answer as answer:
        raise NotTold(refusal_of(answer).sentence.removesuffix(".")) from answer
    except UNREADABLE as fault:
        raise NotTold(IMPOSTOR) from fault


@dataclass(frozen=True, slots=True)
class Place:
    """Where this gateway is called: its public URL, and the user and password asked for there."""

    public_url: str
    login: tuple[str, str] | None = field(default=None, repr=False)

    def values(self, part: str) -> dict[str, str]:
        """Give what the number's fields for texts or for calls are to be."""
        return {name: self._url(PATHS[name]) if name in PATHS else "POST" for name in FIELDS[part]}

    def is_at(self, url: str, name: str) -> bool:
        """Tell whether a URL leads to this gateway, with whatever user and overrides."""
        return _bare(url) == _bare(self.public_url + PATHS[name])

    def is_above(self, url: str) -> bool:
        """Tell whether a URL is under the public one, wherever there."""
        (*here, path), (*there, longer) = _bare(self.public_url), _bare(url)
        return here == there and longer.startswith(f"{path}/")

    def fault(self, values: Values, part: str) -> str:
        """Say what keeps Twilio's requests from being taken though they come here, or nothing."""
        address, method = FIELDS[part][:2]
        if urlsplit(values[address]).netloc.rpartition("@")[0] != self._userinfo:
            return "not with http.webhook_username and http.webhook_password"
        return "" if values[method] == "POST" else f"by {values[method]}, not POST"

    @property
    def _userinfo(self) -> str:
        return ":".join(quote(each, safe="") for each in self.login) if self.login else ""

    def _url(self, path: str) -> str:
        parts = urlsplit(self.public_url + path)
        host = f"{self._userinfo}@{parts.netloc}" if self.login else parts.netloc
        return urlunsplit((parts.scheme, host, parts.path, "", RETRIES))


@dataclass(frozen=True, slots=True)
class Service:
    """A messaging service: the numbers whose texts it has, and where it sends them."""

    sid: str
    members: frozenset[str]
    url: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the account. `service`: the messaging service that has its texts, if known."""

    sid: str
    phone_number: str
    abilities: tuple[str, ...]
    values: Values
    owners: Mapping[str, str]
    service: Service | None = None

    def owner(self, part: str) -> str | None:
        """Name who has its texts or calls instead of its own URL."""
        if part in self.owners:
            return self.owners[part]
        service = self.service if part == "texts" else None
        return f"messaging service {service.sid}" if service else None

    def url(self, part: str) -> str:
        """Give where its texts or calls go; empty for nowhere, and for where an owner has them."""
        if part in self.owners:
            return ""
        if self.service and part == "texts":
            return self.service.url
        return self.values[FIELDS[part][0]]

    def able(self, part: str) -> bool:
        """Tell whether it gets texts or calls at all."""
        return _NEEDED[part] in self.abilities


@dataclass(frozen=True, slots=True)
class Change:
    """New values for a number; only those that differ from what they are."""

    number: Number
    values: Values

    @classmethod
    def to(cls, number: Number, wanted: Values) -> "Change":
        """Give what has to be changed."""
        differing = {
            name: new
            for name, new in wanted.items()
            if number.values[name] != new and (new or name in PATHS)  # no method means Twilio's own
        }
        return cls(number, differing)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Asks with the credentials that send. Everything raises NotTold with a sentence."""

    client: Client
    base_url: str | None = None

    async def every(self) -> list[Number]:
        """Give the account's numbers."""
        async with told():
            found = await self.client.incoming_phone_numbers.list_async(page_size=_PAGE_SIZE)
            return [_number(each) for each in found]

    async def change(self, change: Change) -> None:
        """Have Twilio change a number, and see that it did."""
        async with told():
            number = self.client.incoming_phone_numbers(change.number.sid)
            now = _number(await number.update_async(**change.values)).values
        ignored = [name for name, new in change.values.items() if now[name] != new]
        if ignored:
            raise NotTold(f"Twilio took the change and did not make it ({', '.join(ignored)})")

    async def service(self, sid: str) -> Service:
        """Give a messaging service; it has no numbers if it defers to their own webhooks."""
        self.client.messaging.base_url = _messaging_url(self.base_url)
        service = self.client.messaging.v1.services(sid)
        async with told():
            found = await service.fetch_async()
            url = str(found.inbound_request_url or "")
            if found.use_inbound_webhook_on_number:
                return Service(sid, frozenset(), url)
            members = await service.phone_numbers.list_async(page_size=_PAGE_SIZE)
            return Service(sid, frozenset(str(each.phone_number) for each in members), url)


def masked(url: str) -> str:
    """Give a URL as it may be shown: with `***` for the password in it."""
    return _PASSWORD.sub(r"\1***", url)


def _number(found: Any) -> Number:  # noqa: ANN401 - the SDK has no types
    owners = {
        part: f"{name} {getattr(found, key)}"
        for part, fields in _OWNERS.items()
        for key, name in reversed(fields.items())
        if getattr(found, key)
    }
    return Number(
        str(found.sid),
        str(found.phone_number),
        tuple(name for key, name in _ABILITIES.items() if found.capabilities.get(key)),
        {name: str(getattr(found, name) or "") for name in _ALL_FIELDS},
        owners,
    )


def _messaging_url(base_url: str | None) -> str:
    """Give the host of messaging services that goes with the one of messages."""
    if base_url is None:
        return "https://messaging.twilio.com"
    return base_url.rstrip("/").replace("://api.", "://messaging.", 1)


def _bare(url: str) -> tuple[str, str | None, int | None, str]:
    """Give what decides where a URL leads; for one that is none, something that leads nowhere."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return url, None, None, ""
    return parts.scheme, parts.hostname, port, parts.path
