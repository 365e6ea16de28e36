"""The Account and Balance resources."""

from callbox.simulator.api.answer import Answer, document
from callbox.simulator.api.ask import Ask
from callbox.simulator.api.listing import Listing, following
from callbox.simulator.api.parameters import FRIENDLY_NAME, LIST_ACCOUNTS, check
from callbox.simulator.api.refusal import Refusal
from callbox.simulator.records.account import MOST_SUBACCOUNTS, Account
from callbox.simulator.records.switchboard import Switchboard

STATUSES = {"active": "active", "suspended": "suspended", "closed": "closed", "1": "active"}
"""What Status may be; Twilio's own examples have the number 1 for `active`."""


def _shown(board: Switchboard, account: Account) -> dict[str, object]:
    return account.document(trial=board.settings.trial)


def fetch(board: Switchboard, ask: Ask) -> Answer:
    """GET Accounts/AC….json."""
    return document(200, _shown(board, board.accounts.get(ask.account_sid)))


def create(board: Switchboard, ask: Ask) -> Answer:
    """POST Accounts.json: a subaccount, which can have none of its own [its code is a guess]."""
    check(ask, FRIENDLY_NAME)
    owner = board.accounts.get(ask.account_sid)
    if owner.is_subaccount:
        raise Refusal(20006)
    if len(board.accounts.of(owner.sid)) > MOST_SUBACCOUNTS:
        raise Refusal(21480)
    made = board.accounts.add(owner.sid, ask.text("FriendlyName"), board.clock())
    return document(201, _shown(board, made))


def update(board: Switchboard, ask: Ask) -> Answer:
    """POST Accounts/AC….json: its name, or suspend, close and reopen a subaccount."""
    check(ask, FRIENDLY_NAME)
    account = board.accounts.get(ask.account_sid)
    status = _wanted_status(account, ask)
    name = ask.text("FriendlyName") or account.friendly_name
    board.accounts.change(account, status, name, board.clock())
    if status == "closed":
        board.release_all(account.sid)
    return document(200, _shown(board, account))


def _wanted_status(account: Account, ask: Ask) -> str:
    text = ask.text("Status")
    status = STATUSES.get(text) if text else account.status
    if status is None:
        raise Refusal(21475)
    if status != account.status and not account.is_subaccount:
        raise Refusal(21477)
    if status != account.status and account.status == "closed":
        raise Refusal(21479)
    return status


def find(board: Switchboard, ask: Ask) -> Answer:
    """GET Accounts.json: the account and its subaccounts, newest first."""
    check(ask, LIST_ACCOUNTS)
    listing = Listing(ask, ("FriendlyName", "Status"))
    name, status = ask.maybe("FriendlyName"), ask.maybe("Status")
    found = [
        account
        for account in board.accounts.of(ask.account_sid)
        if name in {None, account.friendly_name} and status in {None, account.status}
    ]
    shown = following(found, listing.after(_listed, board))
    return listing.page("accounts", shown, lambda account: _shown(board, account))


def _listed(board: Switchboard, ask: Ask) -> Account:
    for account in board.accounts.of(ask.account_sid):
        if account.sid == ask.sid:
            return account
    raise Refusal(20404, path=ask.path)


def balance(board: Switchboard, ask: Ask) -> Answer:
    """GET Balance.json; subaccounts share that of their owner and have none."""
    if board.accounts.subaccount(ask.account_sid):
        raise Refusal(20404, path=ask.path)
    return document(
        200,
        {
            "account_sid": ask.account_sid,
            "balance": board.settings.balance,
            "currency": "USD",
        },
    )
