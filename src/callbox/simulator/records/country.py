"""The calling code at the beginning of a number: the country, or the few that share one.

Every code has one, two or three digits, and none is the beginning of another: the short ones are
listed, what is not listed has three. The International Telecommunication Union assigns them
(E.164); a new one has had three digits for decades.
"""

import re

from callbox.simulator.records.address import phone_of

ONE_DIGIT = "[17]"
TWO_DIGITS = "2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"
CODE = re.compile(rf"\+({ONE_DIGIT}|{TWO_DIGITS}|\d{{3}})")


def calling_code(address: str) -> str:
    """Return `44` for `+447911123456`; empty for short codes and names, which have none."""
    found = CODE.match(phone_of(address))
    return found[1] if found else ""
