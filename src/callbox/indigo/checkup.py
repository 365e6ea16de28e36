"""Check set-up: what is wrong, in sentences for the Event Log, and what to do about it."""

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from callbox.domain.phone import is_e164, mask
from callbox.indigo.mistake import Mistake
from callbox.indigo.people import People
from callbox.indigo.preferences import Preferences
from callbox.indigo.triggers import Trigger, changes_after_upgrade
from callbox.indigo.web import PINGS, RECEIVE
from callbox.service import Gateway
from callbox.twilio.account import Finding
from callbox.twilio.numbers import NotTold, Number, Numbers

_OF_ACCOUNT = {"Twilio", "Lists"}  # troubles that the account's own finding explains
_LOCKED_OUT = Finding("Numbers: not looked at while the account is not well", unsure=True)
_KEYS = ("api-key", "api_key")  # as Indigo's web server wants one of them in the query


@dataclass(frozen=True, slots=True)
class OwnNumber:
    """A number device; `number` is as it is written where it is none."""

    device_id: int
    name: str
    number: str
    enabled: bool = True

    @property
    def shown(self) -> str:
        """Say which one it is."""
        return f"Number {self.name} ({mask(self.number)})"

    @property
    def fault(self) -> Finding | None:
        """Tell what is wrong with what stands in the device."""
        if not self.number.strip():
            sentence = f"Number {self.name}: has no phone number; enter it in the device"
        elif not is_e164(self.number):
            sentence = f"{self.shown}: is no phone number; correct it in the device"
        else:
            return None
        return Finding(sentence, wrong=True)


@dataclass(frozen=True, slots=True)
class Home:
    """What is looked at.

    `hears` is the device that texts to a number go to, by number; `members` are the ids of contacts
    by the id of their group; `upgraded`: the Twilio plugin was here before.
    """

    preferences: Preferences
    numbers: tuple[OwnNumber, ...] = ()
    receive_url: str | None = field(default=None, repr=False)  # may have a key in its query
    triggers: tuple[Trigger, ...] = ()
    hears: Mapping[str, int] = field(default_factory=dict)
    people: People = field(default_factory=People)
    members: Mapping[str, Sequence[str]] = field(default_factory=dict)
    upgraded: bool = False

    @property
    def asks(self) -> bool:
        """Whether Twilio is asked for texts regularly."""
        return self.preferences.poll_minutes > 0


def changes(triggers: Iterable[Trigger], devices: Collection[int]) -> Iterator[Finding]:
    """Tell of each trigger that does something else than with the Twilio plugin.

    `devices` are the ids of all number devices.
    """
    for trigger in triggers:
        change = changes_after_upgrade(trigger)
        if _is_lost(trigger, devices):
            yield _lost(trigger)
        elif change is not None:
            yield Finding(f"Trigger {change}", unsure=True)


async def findings(home: Home, gateway: Gateway) -> AsyncIterator[Finding]:
    """Look at everything, Twilio's side too; never raises for what Twilio answers or does not."""
    for finding in of_home(home):
        yield finding
    locked_out = False
    if home.preferences.dry_run:  # a simulator takes any credentials
        yield Finding("Account and numbers: not looked at in a dry run", unsure=True)
    else:
        async for finding in _of_twilio(home, gateway):
            locked_out = locked_out or finding is _LOCKED_OUT
            yield finding
    for name, trouble in gateway.troubles.now.items():
        if not (locked_out and name in _OF_ACCOUNT):
            yield Finding(f"{name}: {trouble}", wrong=True)
    for finding in _of_triggers(home):
        yield finding


def of_home(home: Home) -> Iterator[Finding]:
    """Look at what is set and at the devices, without asking anybody."""
    yield from _of_preferences(home)
    yield from _of_devices(home)
    yield from _of_people(home)


async def _of_twilio(home: Home, gateway: Gateway) -> AsyncIterator[Finding]:
    account = await gateway.inquire()
    for finding in account:
        yield finding
    if any(finding.wrong for finding in account):
        yield _LOCKED_OUT
        return
    try:
        own = await Numbers(gateway.provider.client, gateway.config.twilio.base_url).every()
    except NotTold as refusal:
        yield Finding(f"Numbers: {refusal}", wrong=True)
        return
    known = {number.phone_number: number for number in own}
    for device in home.numbers:
        heard_by = home.hears.get(device.number, device.device_id)
        is_deaf_twin = device.enabled and heard_by != device.device_id
        if device.fault is None and not is_deaf_twin:
            yield of_number(home, device, known.get(device.number))


def _of_preferences(home: Home) -> Iterator[Finding]:
    if home.preferences.dry_run:
        yield Finding("Dry run: nothing is really sent, a simulator answers", unsure=True)
    yield from _of_ways(home)
    levels = [each.name for each in home.triggers if each.least is not None]
    if levels and not home.preferences.check_access:
        yield Finding(
            f"Access levels: not asked for, so anyone fires {', '.join(levels)}; tick Access "
            "levels in the plugin's settings",
            wrong=True,
        )


def _of_ways(home: Home) -> Iterator[Finding]:
    """Tell how texts come in: by asking Twilio, by a webhook, by both or not at all."""
    if not home.asks and not home.receive_url:
        yield Finding(
            "Texts: none come in: set minutes, such as 10, or a webhook",
            wrong=True,
        )
    elif not home.asks:
        yield Finding(
            "Texts: Twilio is not asked for them regularly, so its webhook has to bring them",
            unsure=True,
        )
    else:
        yield Finding(
            f"Texts: Twilio is asked for them every {home.preferences.poll_minutes:g} min"
        )
    if home.asks and not home.receive_url:
        yield Finding(
            "Webhook: Indigo has no reflector and no URL is set, so texts come by asking only",
            unsure=True,
        )


# --- devices and triggers -------------------------------------------------------------------------


def _of_devices(home: Home) -> Iterator[Finding]:
    if not home.numbers:
        yield Finding("Numbers: there is none; create a Twilio Number device", wrong=True)
    alike: dict[str, list[OwnNumber]] = {}
    for device in home.numbers:
        if device.fault is not None:
            yield device.fault
        else:
            alike.setdefault(device.number, []).append(device)
    for number, devices in alike.items():
        if len(devices) > 1:
            yield _twins(devices, home.hears.get(number))


def _twins(devices: Sequence[OwnNumber], hears: int | None) -> Finding:
    names = " and ".join(each.name for each in devices)
    hearer = next((each.name for each in devices if each.device_id == hears), None)
    sentence = f"{names} have one number; only {hearer} hears it: delete one"
    if hearer is None:
        sentence = f"{names} have one number: delete one"
    return Finding(sentence, wrong=True)


def _of_people(home: Home) -> Iterator[Finding]:
    contacts = [key for key, _ in home.people.choices(groups=False)]
    faults = {key: fault for key in contacts if (fault := _contact_fault(home, key))}
    for fault in faults.values():
        yield Finding(f"Contact {fault}", wrong=True)
    for key, name in home.people.choices():
        if key in home.members:
            yield from _of_group(name, home.members[key], contacts, faults)


def _contact_fault(home: Home, key: str) -> str:
    try:
        home.people.resolve(key, "", "", "")
    except Mistake as mistake:
        return mistake.sentence
    return ""


def _of_group(
    name: str, members: Sequence[str], contacts: Collection[str], faults: Collection[str]
) -> Iterator[Finding]:
    there = [each for each in members if each in contacts]
    gone = len(members) - len(there)
    if all(each in faults for each in there):
        yield Finding(f"Group {name}: nobody in it can be reached; choose its members", wrong=True)
    elif gone:
        members_are = "a member is" if gone == 1 else f"{gone} members are"
        yield Finding(
            f"Group {name}: {members_are} gone; open its settings and save them", unsure=True
        )


def _of_triggers(home: Home) -> Iterator[Finding]:
    devices = {each.device_id for each in home.numbers}
    for trigger in home.triggers:
        if trigger.fault:
            yield Finding(f"Trigger {trigger.fault}", wrong=True)
    if home.upgraded:
        yield from changes(home.triggers, devices)
    else:
        yield from (_lost(each) for each in home.triggers if _is_lost(each, devices))


def _is_lost(trigger: Trigger, devices: Collection[int]) -> bool:
    return trigger.device_id is not None and trigger.device_id not in devices


def _lost(trigger: Trigger) -> Finding:
    return Finding(
        f"Trigger {trigger.name}: its number's device is gone, so it never fires; "
        "choose a number or Any",
        wrong=True,
    )


# --- numbers at Twilio ----------------------------------------------------------------------------


def of_number(home: Home, device: OwnNumber, own: Number | None) -> Finding:
    """Tell how a number's texts get here; `own` is what Twilio has of it."""
    if own is None:
        return Finding(f"{device.shown}: it is not in this Twilio account", wrong=True)
    if not device.enabled:
        return Finding(f"{device.shown}: its device is disabled, so it gets no texts", unsure=True)
    owner, url = own.owner("texts"), own.url("texts")
    if owner:
        return Finding(f"{device.shown}: its texts go to the {owner} at Twilio", unsure=True)
    if not url:
        sentence = "Twilio calls no webhook, so no texts come in"
        if home.asks:
            sentence = "Twilio calls no webhook; texts come by asking"
        return _without_webhook(home, f"{device.shown}: {sentence}")
    if not (_leads_to(RECEIVE, url, home) or _only_pings(url, home)):
        host = urlsplit(url).hostname
        sentence = f"{device.shown}: Twilio's webhook leads elsewhere, to {host}"
        return _without_webhook(home, sentence + _expected(home))
    return _of_webhook(home, device.shown, url, own.values["sms_method"])


def _without_webhook(home: Home, sentence: str) -> Finding:
    """Tell of a number that no webhook brings texts of; that no way is left is told elsewhere."""
    wrong = not home.asks and home.receive_url is not None
    return Finding(sentence, wrong=wrong, unsure=not wrong)


def _expected(home: Home) -> str:
    """Give the address that is expected, without the key."""
    return f"; expected {_bare(home.receive_url)}" if home.receive_url else ""


def _of_webhook(home: Home, shown: str, url: str, method: str) -> Finding:
    """Judge an address that leads to Indigo."""
    here = urlsplit(home.receive_url or "").query
    query = urlsplit(url).query
    if not any(name in parse_qs(query) for name in _KEYS):
        return Finding(
            f"{shown}: Twilio's webhook has no api-key, so Indigo turns it away", wrong=True
        )
    if _only_pings(url, home):
        return Finding(
            f"{shown}: Twilio's webhook only has Indigo ask for texts; with .../receive they come "
            "at once",
            unsure=True,
        )
    if here and here != query:
        return Finding(
            f"{shown}: Twilio's webhook has another key than Webhook URL at Twilio; paste the "
            "whole address there",
            wrong=True,
        )
    if method != "POST":
        return Finding(f"{shown}: Twilio's webhook is by GET; set it to HTTP POST", wrong=True)
    return Finding(f"{shown}: Twilio's webhook comes here")


def _only_pings(url: str, home: Home) -> bool:
    """Tell whether it is the address of the Twilio plugin, which goes on working."""
    return any(_leads_to(action, url, home) for action in PINGS)


def _leads_to(action: str, url: str, home: Home) -> bool:
    """Tell whether it is the address of one of our actions, whatever the key."""
    receive = _bare(home.receive_url or "")
    here = receive if action == RECEIVE else f"{receive.rpartition('/')[0]}/{action}"
    return bool(receive) and urlsplit(url)[:3] == urlsplit(here)[:3]


def _bare(url: str) -> str:
    return url.partition("?")[0]
