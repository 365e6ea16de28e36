"""Phone numbers and senders: which are well formed, and how a log may show them."""

import re

_E164 = re.compile(r"\+[1-9][0-9]{1,14}")
_ALPHANUMERIC = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 &+_-]{1,11}")
_SHORT_CODE = re.compile(r"[0-9]{3,8}")
_SENDERS = (_E164, _ALPHANUMERIC, _SHORT_CODE)

_SEPARATOR = r"(?:[ .-]|[ .-]?\(|\)[ .-]?)?"
_NUMBER = re.compile(
    rf"""
      (?P<account>arn:aws[\w-]*:[a-z]+:[\w-]*:[0-9]{{12}}:)  # of an account at AWS: no phone
    | (?:\+|%2B)\(?[1-9][0-9]{{7,14}}(?![0-9])    # international, as Twilio writes it
    | (?:\+|%2B)\(?[1-9](?:{_SEPARATOR}[0-9])+    # international, as people write it
    | (?<![\w.-])\(?[0-9]{{3}}\)?[ .-][0-9]{{3}}[ .-][0-9]{{4}}(?![\w-])  # (234) 500-0123
    | (?<![\w.-])[0-9]{{7,15}}(?![\w-])           # the plus sign forgotten
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_LONGEST_OPEN = 6  # so many digits without a plus sign are a short code or a figure
_SHOWN = ((8, 4), (5, 2), (0, 0))  # from so many digits on, so many last ones are shown


def is_e164(text: str) -> bool:
    """Tell whether it is a phone number as Twilio wants it: `+`, then 2-15 digits, no 0 first."""
    return _E164.fullmatch(text) is not None


def is_sender(text: str) -> bool:
    """Tell whether a text may come from it.

    That is a phone number, an alphanumeric sender (1-11 characters, a letter among them) or a
    short code (3-8 digits). Calls come from phone numbers only: `is_e164`.
    """
    return any(form.fullmatch(text) for form in _SENDERS)


def mask(text: str) -> str:
    """Give an address as logs show it: `+12345000123` becomes `+1…0123`.

    A channel (`whatsapp:`), an alphanumeric sender and a short code of up to six digits stay.
    """
    channel, colon, address = text.rpartition(":")
    digits = "".join(filter(str.isdigit, address))
    is_number = address.lstrip().startswith("+") or len(digits) > _LONGEST_OPEN
    if is_number and not any(map(str.isalpha, address)):
        return f"{channel}{colon}{_masked(address)}"
    return mask_numbers(text)


def mask_numbers(text: str) -> str:
    """Give a sentence with every phone number in it masked, a forgotten `+` or not."""
    return _NUMBER.sub(lambda found: found["account"] or _masked(found[0]), text)


def _masked(number: str) -> str:
    plus = "+" if "+" in number or number[:3].upper() == "%2B" else ""
    digits = "".join(filter(str.isdigit, number.removeprefix("%2B").removeprefix("%2b")))
    last = next(shown for least, shown in _SHOWN if len(digits) >= least)
    first = digits[:1] if plus and last else ""
    return f"{plus}{first}…{digits[len(digits) - last :]}"
