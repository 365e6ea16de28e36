"""Who can send and receive: E.164 numbers, short codes, names, and channels such as WhatsApp."""

import re

PHONE = re.compile(r"\+(?:1\d{10}|[2-9]\d{6,14})", re.ASCII)
SHORT_CODE = re.compile(r"\d{3,8}", re.ASCII)
SENDER_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 +\-_&]{1,11}")
CHANNEL_ADDRESS = {
    "whatsapp": PHONE,
    "rcs": re.compile(r"\+?\w[\w.\-]*"),
    "messenger": re.compile(r"\w[\w.\-]*"),
}
CALL_SCHEMES = ("sip:", "client:")
TOLL_FREE = re.compile(r"\+18(?:00|33|44|55|66|77|88)\d{7}")
PUNCTUATION = str.maketrans("", "", " ().-")
NATIONAL_LENGTH = 10


def phone(text: str) -> str | None:
    """Return the number in E.164, as Twilio reads what people write; None if it cannot be one."""
    if PHONE.fullmatch(text):
        return text
    digits = text.translate(PUNCTUATION)
    if not digits.startswith("+"):
        digits = f"+1{digits}" if len(digits) == NATIONAL_LENGTH else f"+{digits}"
    return digits if PHONE.fullmatch(digits) else None


def recipient(text: str) -> str | None:
    """Whom a message can go to: a number, or an address on a channel."""
    channel, colon, rest = text.partition(":")
    if not colon:
        return phone(text)
    pattern = CHANNEL_ADDRESS.get(channel)
    known = phone(rest) or rest
    return f"{channel}:{known}" if pattern and pattern.fullmatch(known) else None


def sender(text: str) -> str | None:
    """Whom a message can come from: a recipient's forms, a short code, or a name."""
    if SHORT_CODE.fullmatch(text):
        return text
    found = recipient(text)
    return found or (text if SENDER_NAME.fullmatch(text) else None)


def callee(text: str) -> str | None:
    """Whom a call can go to: a number, a SIP address or a Twilio client."""
    return text if text.startswith(CALL_SCHEMES) else phone(text)


def channel(address: str) -> str:
    """Return the channel that an address is on; plain text messages have the empty one."""
    return address.partition(":")[0] if ":" in address else ""


def is_name(address: str) -> bool:
    """Whether a sender is alphanumeric."""
    return not channel(address) and not address.removeprefix("+").isdecimal()


def kind(address: str) -> str:
    """Return which kind of sender it is: a channel, name, short-code, toll-free or long-code."""
    found = channel(address)
    if found:
        return found
    if is_name(address):
        return "name"
    if SHORT_CODE.fullmatch(address):
        return "short-code"
    return "toll-free" if TOLL_FREE.fullmatch(address) else "long-code"


def formatted(address: str) -> str:
    """North American numbers as people write them, everything else as it is."""
    if not address.startswith("+1"):
        return address
    return f"({address[2:5]}) {address[5:8]}-{address[8:]}"


def masked(address: str) -> str:
    """Return a number as Twilio's own error texts show it."""
    return f"{address[:-4]}XXXX"


def phone_of(address: str) -> str:
    """Return who has it, whatever the channel."""
    return address.rpartition(":")[2]
