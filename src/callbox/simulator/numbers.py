"""The IncomingPhoneNumbers resource."""

import re
from itertools import dropwhile, islice

from callbox.simulator.answer import Answer, document
from callbox.simulator.ask import Ask
from callbox.simulator.listing import Listing
from callbox.simulator.number import Number
from callbox.simulator.refusal import Refusal
from callbox.simulator.switchboard import Switchboard


def _all(board: Switchboard, ask: Ask) -> list[Number]:
    numbers = board.settings.own_numbers
    return [Number(ask.account_sid, number, board.opened_at) for number in numbers]


def _found(board: Switchboard, ask: Ask) -> Number:
    for number in _all(board, ask):
        if number.sid == ask.sid:
            return number
    raise Refusal(20404, path=ask.path)


def fetch(board: Switchboard, ask: Ask) -> Answer:
    """GET IncomingPhoneNumbers/PN….json."""
    return document(200, _found(board, ask).document())


def find(board: Switchboard, ask: Ask) -> Answer:
    """GET IncomingPhoneNumbers.json; part of a number will do, `*` is any digit."""
    listing = Listing(ask, ("PhoneNumber", "FriendlyName"))
    wanted = re.compile(re.escape(ask.text("PhoneNumber")).replace(r"\*", r"\d"))
    name = ask.maybe("FriendlyName")
    found = [
        number
        for number in _all(board, ask)
        if wanted.search(number.number) and name in {None, number.document()["friendly_name"]}
    ]
    after = listing.after(_found, board)
    if after is not None:
        found = list(islice(dropwhile(lambda number: number != after, found), 1, None))
    return listing.page("incoming_phone_numbers", found, Number.document)
