"""A phone number that the account owns."""

from dataclasses import dataclass, field, fields
from functools import lru_cache
from hashlib import blake2b

from callbox.simulator.own_number import USUAL_NUMBER, OwnNumber
from callbox.simulator.records import address
from callbox.simulator.records.date import rfc2822
from callbox.simulator.records.webhook import Webhook


def usual_kind(number: str) -> str:
    """Return what a number is by its looks: mobile numbers look like local ones."""
    looks = address.kind(number)
    return "local" if looks == "long-code" else looks


@lru_cache(maxsize=1024)
def number_sid(number: str) -> str:
    """Return the same SID for the same number, always."""
    return f"PN{blake2b(number.encode(), digest_size=16).hexdigest()}"


@dataclass(slots=True, eq=False)
class Number:
    """One IncomingPhoneNumber, as bought, without webhooks; these may be set."""

    phone_number: str
    bought_at: float
    updated_at: float
    friendly_name: str = ""
    sms_url: str = ""
    sms_method: str = "POST"
    sms_fallback_url: str = ""
    sms_fallback_method: str = "POST"
    sms_application_sid: str | None = None
    voice_url: str | None = None
    voice_method: str = "POST"
    voice_fallback_url: str | None = None
    voice_fallback_method: str = "POST"
    voice_application_sid: str | None = None
    trunk_sid: str | None = None
    status_callback: str = ""
    status_callback_method: str = "POST"
    api_version: str = "2010-04-01"
    voice_caller_id_lookup: bool = False
    voice_receive_mode: str = "voice"
    emergency_status: str = "Active"
    emergency_address_sid: str | None = None
    address_sid: str | None = None
    bundle_sid: str | None = None
    identity_sid: str | None = None
    owner: str = field(default="", kw_only=True)
    """The account that it was bought for; empty: whichever main account asks."""
    kind: str = field(default="", kw_only=True)
    """`local`, `mobile` or `toll-free`; empty: as it looks."""

    declared: OwnNumber = field(default=USUAL_NUMBER, kw_only=True)
    """What it can do."""

    def __post_init__(self) -> None:
        self.friendly_name = self.friendly_name or address.formatted(self.phone_number)
        self.kind = self.kind or self.declared.kind or usual_kind(self.phone_number)
        self.sms_url = self.sms_url or self.declared.sms_url
        self.voice_url = self.voice_url or self.declared.voice_url or None

    @property
    def sid(self) -> str:
        """Its SID."""
        return number_sid(self.phone_number)

    @property
    def text_webhook(self) -> Webhook | None:
        """What is called for a text; an application takes its place."""
        if self.sms_application_sid or not self.sms_url:
            return None
        return Webhook(
            self.sms_url, self.sms_method, self.sms_fallback_url, self.sms_fallback_method
        )

    @property
    def call_webhook(self) -> Webhook | None:
        """What is called for a call; an application or a trunk takes its place."""
        if self.voice_application_sid or self.trunk_sid or not self.voice_url:
            return None
        return Webhook(
            self.voice_url, self.voice_method, self.voice_fallback_url, self.voice_fallback_method
        )

    @property
    def status_webhook(self) -> Webhook | None:
        """What is called when a call ends."""
        if not self.status_callback:
            return None
        return Webhook(self.status_callback, self.status_callback_method)

    def document(self, account_sid: str) -> dict[str, object]:
        """Return the fields of the IncomingPhoneNumber resource."""
        path = f"/2010-04-01/Accounts/{account_sid}/IncomingPhoneNumbers/{self.sid}"
        return {
            "sid": self.sid,
            "account_sid": account_sid,
            "capabilities": {
                "voice": self.declared.voice,
                "sms": self.declared.sms,
                "mms": self.declared.mms,
                "fax": False,
            },
            "status": "in-use",
            "type": self.kind,
            "origin": "twilio",
            "beta": False,
            "address_requirements": "none",
            "emergency_address_status": (
                "registered" if self.emergency_address_sid else "unregistered"
            ),
            "date_created": rfc2822(self.bought_at),
            "date_updated": rfc2822(self.updated_at),
            "uri": f"{path}.json",
            **{name: getattr(self, name) for name in SHOWN},
        }


SHOWN = tuple(
    each.name
    for each in fields(Number)
    if each.name not in {"bought_at", "updated_at", "owner", "kind", "declared"}
)
"""The fields that Twilio shows under the same names."""
