"""The IncomingPhoneNumbers resource, and its Local, Mobile and TollFree parts."""

import re
from collections.abc import Iterator

from callbox.simulator.api import magic
from callbox.simulator.api.answer import NOTHING, Answer, document
from callbox.simulator.api.ask import Ask
from callbox.simulator.api.listing import Listing, following
from callbox.simulator.api.number_rules import Value, changes, owner
from callbox.simulator.api.parameters import LIST_NUMBERS, check
from callbox.simulator.api.refusal import Refusal
from callbox.simulator.records.address import phone
from callbox.simulator.records.number import Number
from callbox.simulator.records.switchboard import Switchboard

FILTERS = ("Beta", "FriendlyName", "PhoneNumber", "Origin")
AREA_CODE = re.compile(r"[2-9]\d\d")
EXCHANGES = ("555", "556")
"""What follows the area code of numbers that are bought by it alone."""


def _found(board: Switchboard, ask: Ask) -> Number:
    for number in board.numbers_of(ask.account_sid):
        if number.sid == ask.sid:
            return number
    raise Refusal(20404, path=ask.path)


def fetch(board: Switchboard, ask: Ask) -> Answer:
    """GET IncomingPhoneNumbers/PN….json."""
    return document(200, _found(board, ask).document(ask.account_sid))


def update(board: Switchboard, ask: Ask) -> Answer:
    """POST IncomingPhoneNumbers/PN….json: all that was asked for, or nothing."""
    number = _found(board, ask)
    asked, whose = changes(ask), owner(board, ask)
    _change(number, asked)
    number.owner, number.updated_at = whose or number.owner, board.clock()
    return document(200, number.document(number.owner or ask.account_sid))


def _change(number: Number, asked: dict[str, Value]) -> None:
    for field, value in asked.items():
        setattr(number, field, value)


def delete(board: Switchboard, ask: Ask) -> Answer:
    """DELETE IncomingPhoneNumbers/PN….json: nobody can text or call it any more."""
    board.release(_found(board, ask))
    return NOTHING


def create(board: Switchboard, ask: Ask, kind: str = "") -> Answer:
    """POST IncomingPhoneNumbers.json: buy a number, or one in an area code.

    A kind other than the number looks like is taken on trust, as in Twilio's own examples.
    """
    now, asked = board.clock(), changes(ask)
    number = Number(_wanted(board, ask, kind), now, now, owner=ask.account_sid, kind=kind)
    _change(number, asked)
    if number.phone_number not in board.numbers and not board.settings.test_credentials:
        board.buy(number)
    return document(201, _of_kind(number.document(ask.account_sid), kind))


def _wanted(board: Switchboard, ask: Ask, kind: str) -> str:
    text = ask.text("PhoneNumber")
    if not text and not kind and ask.text("AreaCode"):
        return _in_area(board, ask.text("AreaCode"))
    number = phone(text)
    code = magic.NUMBERS.get(number or "", None if number else 21421)
    if not code and number != magic.GOOD:
        code = 21422 if number in board.numbers or board.settings.test_credentials else None
    if code:
        raise Refusal(code, number=text)
    return number or ""


def _in_area(board: Switchboard, area: str) -> str:
    if area in magic.AREA_CODES or board.settings.test_credentials:
        free = magic.AREA_CODES.get(area)
    elif AREA_CODE.fullmatch(area):
        free = next(_free(board, area), None)
    else:
        raise Refusal(21451, area=area)
    if not free:
        raise Refusal(21452, area=area)
    return free


def _free(board: Switchboard, area: str) -> Iterator[str]:
    for exchange in EXCHANGES:
        for line in range(10_000):
            number = f"+1{area}{exchange}{line:04}"
            if number not in board.numbers:
                yield number


def _of_kind(shown: dict[str, object], kind: str) -> dict[str, object]:
    """Leave out what Local, Mobile and TollFree do not show."""
    return {name: value for name, value in shown.items() if not kind or name != "type"}


def find(board: Switchboard, ask: Ask, kind: str = "") -> Answer:
    """GET IncomingPhoneNumbers.json; part of a number will do, `*` is any digit."""
    check(ask, LIST_NUMBERS)
    listing = Listing(ask, FILTERS)
    wanted = re.compile(re.escape(ask.text("PhoneNumber")).replace(r"\*", r"\d"))
    name, hosted = ask.maybe("FriendlyName"), ask.text("Origin") == "hosted"
    found = [
        number
        for number in board.numbers_of(ask.account_sid)
        if wanted.search(number.phone_number)
        and name in {None, number.friendly_name}
        and kind in {"", number.kind}
        and not hosted
    ]
    return listing.page(
        "incoming_phone_numbers",
        following(found, listing.after(_found, board)),
        lambda number: _of_kind(number.document(ask.account_sid), kind),
    )
