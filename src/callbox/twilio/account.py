"""What is asked of Twilio at start: whose account it is, and what its sender can do.

Nothing depends on the answers: they are told, each fault with its remedy, and work goes on. An API
key may be forbidden to read the account and still send.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from twilio.base.exceptions import TwilioException
from twilio.rest import Client

from callbox.domain.phone import is_e164, mask, mask_numbers
from callbox.twilio.codes import lookup
from callbox.twilio.transport import Answer, NoAnswer, NotSent

UNREADABLE = (ValueError, TypeError, AttributeError, KeyError, TwilioException)
_MOST_SHOWN = 5

# By Twilio's name of what a number can do: ours, and what it means where it is missing.
_ABILITIES = {
    "sms": ("SMS", "texts from it are refused"),
    "mms": ("MMS", "texts with media_urls are refused or sent as links"),
    "voice": ("voice", "calls from it are refused"),
}
_TRIAL = (
    "a trial: it reaches only numbers verified at console.twilio.com (Phone Numbers, Verified "
    "Caller IDs), and Twilio puts a notice before each text"
)
IMPOSTOR = (
    "Something else answers in Twilio's place: a proxy, a login page of the network, or a wrong "
    "twilio.base_url"
)
_CLOSED = "nothing is sent until it is active again: see console.twilio.com"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found out, in a sentence; `wrong` if somebody has to do something about it."""

    sentence: str
    wrong: bool = False
    unsure: bool = False  # neither well nor wrong: not looked at, or depending on something wrong


_AUTHENTICATE = 20003
_REFUSED_TOKEN = Finding(
    f"Auth Token: Twilio refuses twilio.auth_token (code {_AUTHENTICATE}), so it signs webhooks "
    "with another: copy the account's PRIMARY token from console.twilio.com",
    wrong=True,
)


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Asks with the credentials that will send; `sender` and `service` as configured.

    `shown` writes the account's own numbers: masked for a log, whole for whoever has to type them.
    """

    client: Client
    account_sid: str
    sender: str | None
    service: str | None
    shown: Callable[[str], str] = mask

    async def findings(self) -> list[Finding]:
        """Ask everything; never raises for what Twilio answers or does not."""
        account = await _asked(self._account)
        if account.wrong:
            return [account]
        found = [account]
        if self.service:
            found.append(Finding(f"Sender: messaging service {self.service}, for texts"))
        if self.sender:
            found.append(await _asked(self._sender))
        return found

    async def login(self) -> Finding | None:
        """Log in with the Auth Token; None where something else than the token keeps from it."""
        try:
            await self.client.api.v2010.accounts(self.account_sid).fetch_async()
        except Answer as refusal:
            return _REFUSED_TOKEN if refusal.code == _AUTHENTICATE else None
        except (NotSent, NoAnswer, *UNREADABLE):
            return None
        return Finding("Auth Token: Twilio takes it")

    async def _account(self) -> Finding:
        name = f"Twilio account: {self.account_sid}"
        try:
            account = await self.client.api.v2010.accounts(self.account_sid).fetch_async()
        except Answer as refusal:
            return await self._key(name, refusal)
        if account.status != "active":
            return Finding(f"{name} is {account.status}: {_CLOSED}", wrong=True)
        return Finding(f"{name}, active" + (f", {_TRIAL}" if account.type == "Trial" else ""))

    async def _key(self, name: str, refusal: Answer) -> Finding:
        """Ask for what a key may see where it may not read the account."""
        try:
            await self.client.incoming_phone_numbers.page_async(page_size=1)
        except Answer:
            raise refusal from None
        return Finding(f"{name}, active (the API key may not read more of it)")

    async def _sender(self) -> Finding:
        sender = self.sender or ""
        if not is_e164(sender):
            kind = "a short code" if sender.isdecimal() else "a name, which nobody can answer"
            return Finding(f"Sender: {sender}, {kind}: for texts only, calls need a number")
        numbers = self.client.incoming_phone_numbers
        own = [
            number
            for number in await numbers.list_async(phone_number=sender, limit=20)
            if number.phone_number == sender
        ]
        if own:
            return _abilities(self.shown(sender), own[0].capabilities)
        others = await numbers.list_async(limit=_MOST_SHOWN)
        own_ones = [self.shown(str(number.phone_number)) for number in others]
        return _stranger(self.shown(sender), own_ones)


def _abilities(sender: str, capabilities: dict[str, Any]) -> Finding:
    able = [name for key, (name, _) in _ABILITIES.items() if capabilities.get(key)]
    lacks = [
        f"no {name}: {meaning}"
        for key, (name, meaning) in _ABILITIES.items()
        if not capabilities.get(key)
    ]
    sentence = "; ".join([", ".join(able) or "it can do nothing", *lacks])
    return Finding(f"Sender: {sender}, {sentence}", wrong=not capabilities.get("sms"))


def _stranger(sender: str, others: list[str]) -> Finding:
    remedy = "buy one at console.twilio.com (Phone Numbers)"
    if others:
        remedy = f"set twilio.default_from_number to one of its own: {', '.join(others)}"
    return Finding(
        f"Sender: {sender} is no number of this account, so Twilio may refuse it; {remedy}",
        wrong=True,
    )


async def _asked(question: Callable[[], Awaitable[Finding]]) -> Finding:
    """Turn whatever goes wrong into a finding."""
    try:
        return await question()
    except (NotSent, NoAnswer) as fault:
        return Finding(f"{fault}: requests are kept until Twilio answers", wrong=True)
    except Answer as answer:
        return refusal_of(answer)
    except UNREADABLE:
        return Finding(IMPOSTOR, wrong=True)


def refusal_of(answer: Answer) -> Finding:
    """Say what Twilio, or something in its place, refuses, with the remedy."""
    if answer.code is None:
        return Finding(f"{IMPOSTOR} (HTTP status {answer.status})", wrong=True)
    code = lookup(answer.code)
    remedy = f": {code.remedy}" if code else ""
    text = mask_numbers(answer.message)[:200].removesuffix(".")
    return Finding(
        f"Twilio refuses: {text} (code {answer.code}, HTTP status {answer.status}){remedy}",
        wrong=True,
    )
