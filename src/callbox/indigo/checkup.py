"""Check set-up: what is wrong, in sentences for the Event Log, and what to do about it."""

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from callbox.domain.phone import mask
from callbox.indigo.preferences import Preferences
from callbox.indigo.triggers import Trigger, changes_after_upgrade
from callbox.indigo.web import PINGS, RECEIVE
from callbox.service import Gateway
from callbox.twilio.account import Finding
from callbox.twilio.numbers import NotTold, Number, Numbers

_OF_ACCOUNT = {"Twilio", "Lists"}  # troubles that the account's own finding explains


@dataclass(frozen=True, slots=True)
class Home:
    """What is looked at: numbers by whether their device is in service, and the webhook's URL."""

    preferences: Preferences
    numbers: dict[str, bool]
    receive_url: str | None
    triggers: tuple[Trigger, ...]


def changes(triggers: Iterable[Trigger]) -> Iterator[Finding]:
    """Tell of each trigger that does something else than with the Twilio plugin."""
    for trigger in triggers:
        change = changes_after_upgrade(trigger)
        if change is not None:
            yield Finding(f"Trigger {change}", unsure=True)


async def findings(home: Home, gateway: Gateway) -> AsyncIterator[Finding]:
    """Look at everything, Twilio's side too; never raises for what Twilio answers or does not."""
    for finding in _of_preferences(home):
        yield finding
    account = await gateway.inquire()
    for finding in account:
        yield finding
    locked_out = any(finding.wrong for finding in account)
    if locked_out:
        yield Finding("Numbers: not looked at while the account is not well", unsure=True)
    else:
        async for finding in _of_numbers(home, gateway):
            yield finding
    for name, trouble in gateway.troubles.now.items():
        if not (locked_out and name in _OF_ACCOUNT):
            yield Finding(f"{name}: {trouble}", wrong=True)
    for finding in changes(home.triggers):
        yield finding


async def _of_numbers(home: Home, gateway: Gateway) -> AsyncIterator[Finding]:
    try:
        own = await Numbers(gateway.provider.client, gateway.config.twilio.base_url).every()
    except NotTold as refusal:
        yield Finding(f"Numbers: {refusal}", wrong=True)
    else:
        known = {number.phone_number: number for number in own}
        for number, in_service in home.numbers.items():
            yield _of_number(home, number, known.get(number), in_service=in_service)


def _of_preferences(home: Home) -> Iterator[Finding]:
    preferences = home.preferences
    if preferences.dry_run:
        yield Finding("Dry run: nothing is really sent, a simulator answers", unsure=True)
    if not home.numbers:
        yield Finding("Numbers: there is none; create a Twilio Number device", wrong=True)
    if preferences.poll_minutes:
        yield Finding(f"Texts: Twilio is asked for them every {preferences.poll_minutes:g} min")
    else:
        yield Finding(
            "Texts: Twilio is not asked for them regularly, so its webhook has to bring them",
            unsure=True,
        )
    if not home.receive_url:
        yield Finding(
            "Webhook: Indigo has no reflector and no URL is set, so texts come by asking only",
            unsure=True,
        )
    levels = [each.name for each in home.triggers if each.least is not None]
    if levels and not preferences.check_access:
        yield Finding(
            f"Access levels: not asked for, so anyone fires {', '.join(levels)}; tick Access "
            "levels in the plugin's settings",
            wrong=True,
        )


def _of_number(home: Home, number: str, own: Number | None, *, in_service: bool) -> Finding:
    shown = f"Number {mask(number)}"
    if own is None:
        return Finding(f"{shown}: it is not in this Twilio account", wrong=True)
    if not in_service:
        return Finding(f"{shown}: its device is disabled, so it gets no texts", unsure=True)
    return _of_webhook(home, shown, own)


def _of_webhook(home: Home, shown: str, own: Number) -> Finding:
    owner, url = own.owner("texts"), own.url("texts")
    if owner:
        return Finding(f"{shown}: its texts go to the {owner} at Twilio", unsure=True)
    if not url:
        return Finding(f"{shown}: Twilio calls no webhook; texts come by asking", unsure=True)
    if _only_pings(url, home.receive_url):
        return Finding(
            f"{shown}: Twilio's webhook only has Indigo ask for texts; with .../receive they come "
            "at once",
            unsure=True,
        )
    if not _leads_here(url, home.receive_url):
        host = urlsplit(url).hostname
        return Finding(f"{shown}: Twilio's webhook leads elsewhere, to {host}", unsure=True)
    if own.values["sms_method"] != "POST":
        return Finding(f"{shown}: Twilio's webhook is by GET; set it to HTTP POST", wrong=True)
    return Finding(f"{shown}: Twilio's webhook comes here")


def _only_pings(url: str, receive_url: str | None) -> bool:
    """Tell whether it is the address of the Twilio plugin, which goes on working."""
    path, _, action = urlsplit(url).path.rpartition("/")
    receives = urlsplit(url)._replace(path=f"{path}/{RECEIVE}", query="").geturl()
    return action in PINGS and _leads_here(receives, (receive_url or "").partition("?")[0])


def _leads_here(url: str, receive_url: str | None) -> bool:
    """Tell whether Twilio signs what comes here; the key is known only where the URL is set."""
    there, here = urlsplit(url), urlsplit(receive_url or "")
    same_key = not here.query or here.query == there.query
    return same_key and there[:3] == here[:3]
