"""SIDs: what Twilio names everything by, two letters for the kind and 32 digits."""

from secrets import token_hex


def new_sid(kind: str) -> str:
    """Make a SID that no simulator has given before, whatever its seed."""
    return kind + token_hex(16)
