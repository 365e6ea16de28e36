"""A phone number that the account owns."""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from callbox.simulator.address import formatted
from callbox.simulator.date import rfc2822

CAPABILITIES = {"voice": True, "sms": True, "mms": True, "fax": False}
WEBHOOKS: dict[str, object] = {
    "sms_application_sid": None,
    "sms_fallback_method": "POST",
    "sms_fallback_url": "",
    "sms_method": "POST",
    "sms_url": "",
    "status_callback": "",
    "status_callback_method": "POST",
    "trunk_sid": None,
    "voice_application_sid": None,
    "voice_caller_id_lookup": False,
    "voice_fallback_method": "POST",
    "voice_fallback_url": None,
    "voice_method": "POST",
    "voice_receive_mode": "voice",
    "voice_url": None,
}
ADDRESSES: dict[str, object] = {
    "address_requirements": "none",
    "address_sid": None,
    "bundle_sid": None,
    "emergency_address_sid": None,
    "emergency_address_status": "unregistered",
    "emergency_status": "Active",
    "identity_sid": None,
}


@lru_cache(maxsize=1024)
def number_sid(number: str) -> str:
    """Return the same SID for the same number, always."""
    return f"PN{blake2b(number.encode(), digest_size=16).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Number:
    """One IncomingPhoneNumber, as bought, without webhooks."""

    account_sid: str
    number: str
    bought_at: float

    @property
    def sid(self) -> str:
        """Its SID."""
        return number_sid(self.number)

    def document(self) -> dict[str, object]:
        """Return the fields of the IncomingPhoneNumber resource."""
        path = f"/2010-04-01/Accounts/{self.account_sid}/IncomingPhoneNumbers/{self.sid}"
        return {
            "sid": self.sid,
            "account_sid": self.account_sid,
            "friendly_name": formatted(self.number),
            "phone_number": self.number,
            "capabilities": CAPABILITIES,
            "status": "in-use",
            "type": "local",
            "origin": "twilio",
            "beta": False,
            "api_version": "2010-04-01",
            "date_created": rfc2822(self.bought_at),
            "date_updated": rfc2822(self.bought_at),
            "uri": f"{path}.json",
            **WEBHOOKS,
            **ADDRESSES,
        }
