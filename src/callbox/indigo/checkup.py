"""Check set-up: what is wrong, in sentences for the Event Log, and what to do about it."""

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from callbox.domain.phone import mask
from callbox.indigo.preferences import Preferences
from callbox.indigo.triggers import Trigger, changes_after_upgrade
from callbox.service import Gateway
from callbox.twilio.account import Finding
from callbox.twilio.numbers import NotTold, Number, Numbers


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
    for finding in await gateway.inquire():
        yield finding
    try:
        own = await Numbers(gateway.provider.client, gateway.config.twilio.base_url).every()
    except NotTold as refusal:
        yield Finding(f"Numbers: {refusal}", wrong=True)
    else:
        known = {number.phone_number: number for number in own}
        for number, in_service in home.numbers.items():
            yield _of_number(home, number, known.get(number), in_service=in_service)
    for trouble in gateway.troubles.now.items():
        yield Finding(": ".join(trouble), wrong=True)
    for finding in changes(home.triggers):
        yield finding


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
            "Texts: Twilio is never asked for them, so only its webhook brings them", unsure=True
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
    if not _leads_here(url, home.receive_url):
        host = urlsplit(url).hostname
        return Finding(f"{shown}: Twilio's webhook leads elsewhere, to {host}", unsure=True)
    if own.values["sms_method"] != "POST":
        return Finding(f"{shown}: Twilio's webhook is by GET; set it to HTTP POST", wrong=True)
    return Finding(f"{shown}: Twilio's webhook comes here")


def _leads_here(url: str, receive_url: str | None) -> bool:
    if not receive_url:
        return False
    there, here = urlsplit(url), urlsplit(receive_url)
    return (there.hostname, there.path) == (here.hostname, here.path)
