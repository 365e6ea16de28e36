"""The Account and Balance resources."""

from callbox.simulator.api.answer import Answer, document
from callbox.simulator.api.ask import Ask
from callbox.simulator.records.date import rfc2822
from callbox.simulator.records.switchboard import Switchboard

SUBRESOURCES = {
    "addresses": "Addresses",
    "applications": "Applications",
    "authorized_connect_apps": "AuthorizedConnectApps",
    "available_phone_numbers": "AvailablePhoneNumbers",
    "balance": "Balance",
    "calls": "Calls",
    "conferences": "Conferences",
    "connect_apps": "ConnectApps",
    "incoming_phone_numbers": "IncomingPhoneNumbers",
    "keys": "Keys",
    "messages": "Messages",
    "notifications": "Notifications",
    "outgoing_caller_ids": "OutgoingCallerIds",
    "queues": "Queues",
    "recordings": "Recordings",
    "short_codes": "SMS/ShortCodes",
    "signing_keys": "SigningKeys",
    "sip": "SIP",
    "transcriptions": "Transcriptions",
    "usage": "Usage",
}


def fetch(board: Switchboard, ask: Ask) -> Answer:
    """GET Accounts/AC….json."""
    path = f"/2010-04-01/Accounts/{ask.account_sid}"
    opened = rfc2822(board.opened_at)
    return document(
        200,
        {
            "sid": ask.account_sid,
            "owner_account_sid": ask.account_sid,
            "friendly_name": "Simulated account",
            "status": "active",
            "type": "Trial" if board.settings.trial else "Full",
            "auth_token": "[Redacted]",
            "date_created": opened,
            "date_updated": opened,
            "uri": f"{path}.json",
            "subresource_uris": {name: f"{path}/{uri}.json" for name, uri in SUBRESOURCES.items()},
        },
    )


def balance(board: Switchboard, ask: Ask) -> Answer:
    """GET Balance.json."""
    return document(
        200,
        {
            "account_sid": ask.account_sid,
            "balance": board.settings.balance,
            "currency": "USD",
        },
    )
