"""A phone number that the account owns."""

from dataclasses import dataclass, fields
from functools import lru_cache
from hashlib import blake2b

from callbox.simulator.own_number import USUAL_NUMBER, OwnNumber
from callbox.simulator.records.address import formatted, kind
from callbox.simulator.records.date import rfc2822
from callbox.simulator.records.webhook import Webhook

ADDRESSES: dict[str, object] = {
    "address_requirements": "none",
    "address_sid": None,
    "bundle_sid": None,
    "emergency_address_sid": None,
    "emergency_address_status": "unregistered",
    "emergency_status": "Active",
    "identity_sid": None,
    "voice_caller_id_lookup": False,
    "voice_receive_mode": "voice",
}


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
    declared: OwnNumber = USUAL_NUMBER
    """What it can do."""

    def __post_init__(self) -> None:
        self.friendly_name = self.friendly_name or formatted(self.phone_number)
        self.sms_url = self.sms_url or self.declared.sms_url
        self.voice_url = self.voice_url or self.declared.voice_url or None

    @property
    def sid(self) -> str:
        """Its SID."""
        return number_sid(self.phone_number)

    @property
    def _type(self) -> str:
        looks = kind(self.phone_number)
        return self.declared.kind or ("local" if looks == "long-code" else looks)

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
            "type": self._type,
            "origin": "twilio",
            "beta": False,
            "api_version": "2010-04-01",
            "date_created": rfc2822(self.bought_at),
            "date_updated": rfc2822(self.updated_at),
            "uri": f"{path}.json",
            **{name: getattr(self, name) for name in SHOWN},
            **ADDRESSES,
        }


SHOWN = tuple(
    field.name
    for field in fields(Number)
    if not field.name.endswith("_at") and field.name != "declared"
)
"""The fields that Twilio shows under the same names."""
