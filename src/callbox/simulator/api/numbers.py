"""The IncomingPhoneNumbers resource."""

import re
from itertools import dropwhile, islice

from callbox.simulator.api.answer import Answer, document
from callbox.simulator.api.ask import Ask
from callbox.simulator.api.listing import Listing
from callbox.simulator.api.number_rules import changes
from callbox.simulator.api.refusal import Refusal
from callbox.simulator.records.number import Number
from callbox.simulator.records.switchboard import Switchboard


def _found(board: Switchboard, ask: Ask) -> Number:
    for number in board.numbers.values():
        if number.sid == ask.sid:
            return number
    raise Refusal(20404, path=ask.path)


def fetch(board: Switchboard, ask: Ask) -> Answer:
    """GET IncomingPhoneNumbers/PN….json."""
    return document(200, _found(board, ask).document(ask.account_sid))


def update(board: Switchboard, ask: Ask) -> Answer:
    """POST IncomingPhoneNumbers/PN….json: all that was asked for, or nothing."""
    number = _found(board, ask)
    for field, value in changes(ask).items():
        setattr(number, field, value)
    number.updated_at = board.clock()
    return document(200, number.document(ask.account_sid))


def find(board: Switchboard, ask: Ask) -> Answer:
    """GET IncomingPhoneNumbers.json; part of a number will do, `*` is any digit."""
    listing = Listing(ask, ("PhoneNumber", "FriendlyName"))
    wanted = re.compile(re.escape(ask.text("PhoneNumber")).replace(r"\*", r"\d"))
    name = ask.maybe("FriendlyName")
    found = [
        number
        for number in board.numbers.values()
        if wanted.search(number.phone_number) and name in {None, number.friendly_name}
    ]
    after = listing.after(_found, board)
    if after is not None:
        found = list(islice(dropwhile(lambda number: number is not after, found), 1, None))
    return listing.page(
        "incoming_phone_numbers", found, lambda number: number.document(ask.account_sid)
    )
