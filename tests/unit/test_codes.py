"""Against the table of errors in shared/reference, beside the clone where it is at hand."""

import os
import re
from pathlib import Path

import pytest

from callbox.twilio.codes import CODES, Class, Code, lookup

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "twilio.md"

CLASSES: dict[Class, set[int]] = {
    Class.ACCOUNT: {401, 10001, 20003, 20005, 30002, 90010},
    Class.SENDER: {
        *(
            20006,
            21267,
            20008,
            20403,
            21210,
            21212,
            21218,
            21603,
            21606,
            21659,
            21701,
            21703,
            21704,
            21705,
        ),
        *(30032, 30034, 30035, 63007),
    },
    Class.REQUEST: {
        *(
            20001,
            20404,
            20422,
            21266,
            21201,
            21202,
            21203,
            21205,
            21206,
            21208,
            21209,
            21211,
            21213,
            21214,
        ),
        *(21215, 21216, 21217, 21219, 21408, 21601, 21602, 21604, 21605, 21608, 21609, 21612),
        *(21614, 21617, 21619, 21620, 21621, 21622, 21623, 21624, 21654, 21655, 21656, 35111),
        *(35114, 35118, 63013, 63015, 63016, 63021, 63024, 63028, 63030, 63032, 63040, 90007),
        84004,
    },
    Class.CONSENT: {21610},
    Class.PACING: {429, 20429},
    Class.TEMPORARY: {10004, 20409, 21611, 22005},
    Class.UNKNOWN: {500, 502, 503, 504, 20500, 20503},
    Class.DELIVERY_MAY_RESEND: {
        *(30001, 30003, 30008, 30022, 30023, 30027, 30036, 30410, 30450),
        *(63018, 63019, 63038),
    },
    Class.DELIVERY_FINAL: {30004, 30005, 30006, 30007, 30011, 30019, 63001, 63003, 63005},
    Class.WEBHOOK: {
        *(11200, 11205, 11206, 11210, 11215, 11220, 11235, 11236, 11237, 11750),
        *(12100, 12200, 12300, *range(13221, 13228), 14101, 14103, 14107, 14108),
    },
}


def known(number: int) -> Code:
    code = lookup(number)
    assert code is not None
    return code


def codes_of_the_reference() -> set[int]:
    table = REFERENCE.read_text().split("| class | codes |")[1].split("\n\n")[0]
    table = table.split("Warning 20001")[0]
    numbers = {int(each) for each in re.findall(r"\b(?:\d{5}|\d{3})\b", table)}
    for first, last in re.findall(r"\b(\d{5})\u2013(\d{5})\b", table):
        numbers |= set(range(int(first), int(last) + 1))
    return numbers


@pytest.mark.parametrize(
    ("number", "klass"),
    [(number, klass) for klass, numbers in CLASSES.items() for number in sorted(numbers)],
)
def test_a_code_is_of_its_class(number: int, klass: Class) -> None:
    assert known(number).klass is klass


def test_no_code_is_without_a_row_in_this_table() -> None:
    assert set(CODES) == set().union(*CLASSES.values())


@pytest.mark.skipif(
    not REFERENCE.exists() and "CI" not in os.environ,
    reason=f"{REFERENCE} is not on this machine",
)
def test_every_code_of_the_reference_is_known() -> None:
    numbers = codes_of_the_reference()
    assert len(numbers) > 100
    assert numbers - set(CODES) == set()


@pytest.mark.parametrize("number", CODES)
def test_reason_and_remedy_are_one_short_sentence_each(number: int) -> None:
    code = known(number)
    assert code.number == number
    for sentence in (code.reason, code.remedy):
        assert re.fullmatch(r"[A-Z].{5,198}\.", sentence)
        assert ". " not in sentence


def test_an_unknown_code_and_no_code_are_none() -> None:
    assert lookup(99999) is None
    assert lookup(None) is None


def test_no_code_has_two_rows() -> None:
    source = Path(__file__).parents[2] / "src/callbox/twilio/codes.py"
    rows = re.findall(r"Code\(\n +(\d+),", source.read_text())
    assert len(rows) == len(set(rows)) == len(CODES)


def test_a_code_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        known(20003).reason = "Another."  # type: ignore[misc]
