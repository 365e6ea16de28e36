"""`callbox webhooks`: point the account's numbers at this gateway, back, and see that it works."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from callbox.cli.configuration import ConfigFile, load
from callbox.cli.examples import example
from callbox.cli.finding import line
from callbox.cli.numbers import HERE, PARTS, goes_to, look, place_of, refusing, tell, way

if TYPE_CHECKING:
    from callbox.config import Config
    from callbox.twilio.account import Finding
    from callbox.twilio.numbers import Change, Number, Place
    from callbox.twilio.originals import Originals

app = typer.Typer(
    name="webhooks",
    help="Have Twilio bring texts and calls to this gateway.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_FAILED, _USAGE = 1, 2
_SEPARATORS = str.maketrans("", "", " -.()/")
_TITLES = {
    "sms_url": "texts go",
    "sms_method": "texts, by",
    "voice_url": "calls go",
    "voice_method": "calls, by",
    "status_callback": "news of calls go",
    "status_callback_method": "news of calls, by",
}
_NO_URL = (
    "http.public_url: not set, so Twilio cannot call this gateway and it asks Twilio regularly "
    "instead; {why}set it to the https:// address under which http.port can be reached from "
    "outside"
)
_UNVERIFIABLE = (
    "twilio.auth_token: not set, and by it alone Twilio's webhooks can be verified; set it to the "
    "Auth Token that console.twilio.com shows, also beside an API key"
)
_NO_NUMBERS = (
    "No number is configured: name one, like `callbox webhooks {command} +12345000000`, or set "
    "inbound.numbers; `callbox numbers` lists the account's"
)
_TAKE_OFF = "take it off the number at console.twilio.com (Phone Numbers, Active numbers)"
_DEFER = (
    "at console.twilio.com (Messaging, Services, Integration) choose to defer to the sender's "
    "webhook, or enter {url} as the service's own; --anyway sets the number's all the same"
)
_PUBLIC = "http.public_url"
_PERHAPS = f"if that is the right address, correct {_PUBLIC}"
_ONCE_OK = "once the above is ok,"
_MENDS = {True: "mends it", False: "says what to do"}
_LEAVE = {"texts": "--no-sms", "calls": "--no-voice"}

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NUMBER", show_default=False, help="Not the configured ones."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Change them without being asked.")]


@app.command("set", epilog=example("webhooks set"))
def point_here(
    numbers: Names = None,
    yes: Yes = False,
    no_sms: Annotated[bool, typer.Option("--no-sms", help="Leave texts alone.")] = False,
    no_voice: Annotated[bool, typer.Option("--no-voice", help="Leave calls alone.")] = False,
    anyway: Annotated[
        bool,
        typer.Option(
            "--anyway", help="Change a number even if a messaging service has its texts for now."
        ),
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Point numbers at this gateway, after showing the change.

    What they pointed at is remembered for `callbox webhooks restore`. Exit code 0 if they point
    here now, 1 if they do not, 2 if nobody can be asked or something is not configured.
    """
    settings = load(config)
    place = _place(settings)
    wanted = _wanted(numbers, settings, "set")
    left = {"texts": no_sms, "calls": no_voice}
    parts = [part for part, leave in left.items() if not leave]
    originals = _originals(settings)
    with refusing():
        found, doubts = asyncio.run(look(settings))
    tell(doubts)
    chosen = _chosen(wanted, found)
    _refuse(_obstacle(number, part, place, anyway=anyway) for number in chosen for part in parts)
    changes = _changes(chosen, parts, place)
    if _agreed(changes, "points here", yes=yes):
        originals.remember(changes)
        _make(settings, changes, lambda _: None)
        print("`callbox webhooks test` proves the round trip.")


@app.command(epilog=example("webhooks restore"))
def restore(
    numbers: Names = None,
    yes: Yes = False,
    anyway: Annotated[
        bool,
        typer.Option(
            "--anyway",
            help="Put back also what somebody else changed since, and forget numbers that the "
            "account no longer has.",
        ),
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Put numbers back to what they pointed at before `callbox webhooks set`.

    Exit code 0 if they are as they were, 1 if they are not, 2 if nobody can be asked.
    """
    settings = load(config)
    originals = _originals(settings)
    wanted = [_bare(number) for number in numbers or originals.numbers]
    _refuse(
        f"Nothing is remembered of {number}: `callbox webhooks set` did not change it, or with "
        "another store.url"
        for number in wanted
        if number not in originals.numbers
    )
    if not wanted:
        print("Nothing is remembered: no number was changed by `callbox webhooks set`.")
        return
    with refusing():
        found, _ = asyncio.run(look(settings))
    own = {number.phone_number for number in found}
    chosen = _chosen([each for each in wanted if each in own or not anyway], found)
    if not anyway:
        _refuse(_foreign(number, originals) for number in chosen)
    changes = _restoring(chosen, originals)
    if _agreed(changes, "is as it was", yes=yes):
        _make(settings, changes, originals.forget)
    for number in wanted:
        originals.forget(number)


@app.command("test", epilog=example("webhooks test"))
def prove(config: ConfigFile = None) -> None:
    """Do what Twilio does, and say what is wrong on the way.

    Exit code 1 if anything is, 2 if something is not configured.
    """
    settings = load(config)
    place = _place(settings, "there is nothing to test; ")
    fine = asyncio.run(_test(settings, place))
    raise typer.Exit(0 if fine else _FAILED)


# what to change


def _place(settings: "Config", why: str = "") -> "Place":
    from callbox.errors import ConfigError  # noqa: PLC0415 - `--help` does without

    place = place_of(settings)
    faults = [] if place else [_NO_URL.format(why=why)]
    if settings.twilio.auth_token is None and settings.http.webhook_auth == "signature":
        faults.append(_UNVERIFIABLE)
    if place is None or faults:
        raise ConfigError(faults)
    return place


def _originals(settings: "Config") -> "Originals":
    from callbox.twilio.originals import Originals  # noqa: PLC0415 - see _place

    return Originals(settings.store.path)


def _wanted(named: list[str] | None, settings: "Config", command: str) -> list[str]:
    """Give the numbers named, or those configured."""
    wanted = list(dict.fromkeys(map(_bare, named or _configured(settings))))
    if not wanted:
        tell([_NO_NUMBERS.format(command=command)])
        raise typer.Exit(_USAGE)
    return wanted


def _configured(settings: "Config") -> list[str]:
    """Give the phone numbers that texts come from and to; WhatsApp's have no webhooks here."""
    from callbox.domain.phone import is_e164  # noqa: PLC0415 - see _place

    senders = (settings.twilio.default_from_number, *settings.inbound.numbers)
    return list(dict.fromkeys(each for each in senders if each and is_e164(each)))


def _bare(number: str) -> str:
    """Give a number without the spaces and brackets that people write."""
    return number.translate(_SEPARATORS)


def _chosen(wanted: list[str], found: "list[Number]") -> "list[Number]":
    own = {number.phone_number: number for number in found}
    others = ", ".join(own) or "none"
    _refuse(
        f"{number} is no number of this account; its own: {others}"
        for number in wanted
        if number not in own
    )
    return [own[number] for number in wanted]


def _refuse(sentences: Iterable[str]) -> None:
    """Change nothing at all if one thing stands against it; empty sentences do not."""
    reasons = [sentence for sentence in sentences if sentence]
    if reasons:
        tell([*reasons, "Nothing was changed"])
        raise typer.Exit(_FAILED)


def _obstacle(number: "Number", part: str, place: "Place", *, anyway: bool) -> str:
    """Say who has the number's texts or calls, so that its own webhook would have no effect."""
    from callbox.twilio.numbers import masked  # noqa: PLC0415 - see _place

    owner = number.owner(part)
    service = part not in number.owners
    if owner is None or (service and anyway):
        return ""
    url = masked(place.values(part)[PARTS[part]])
    remedy = (_DEFER if service else _TAKE_OFF).format(url=url)
    return (
        f"{number.phone_number}: {owner} has its {part}, so Twilio ignores the number's own "
        f"webhook: {remedy}, or leave its {part} alone with {_LEAVE[part]}"
    )


def _changes(chosen: "list[Number]", parts: list[str], place: "Place") -> "list[Change]":
    from callbox.twilio.numbers import Change  # noqa: PLC0415 - see _place

    wanted = {part: place.values(part) for part in parts}
    return [
        Change.to(
            number,
            {
                name: new
                for part in parts
                if number.able(part)
                for name, new in wanted[part].items()
            },
        )
        for number in chosen
    ]


def _restoring(chosen: "list[Number]", originals: "Originals") -> "list[Change]":
    from callbox.twilio.numbers import Change  # noqa: PLC0415 - see _place

    return [Change.to(number, originals.before(number.phone_number)) for number in chosen]


def _foreign(number: "Number", originals: "Originals") -> str:
    """Say what is neither what we made of it nor what it was."""
    before, ours = originals.before(number.phone_number), originals.ours(number.phone_number)
    changed = [
        f"{_TITLES[name]} {_value(name, number.values[name])}"
        for name in before
        if number.values[name] not in {before[name], ours[name]}
    ]
    if not changed:
        return ""
    return (
        f"{number.phone_number} was changed since by somebody else: {', '.join(changed)}; put it "
        "back with --anyway, or leave it"
    )


# changing it


def _agreed(changes: "list[Change]", settled: str, *, yes: bool) -> bool:
    """Show the change and ask; whether there is anything to do."""
    numbers = [change.number.phone_number for change in changes if not change.values]
    if len(numbers) == len(changes):
        told = "; ".join(f"{each} {settled} already" for each in numbers)
        print(f"Nothing to change: {told or 'no number is left'}.")
        return False
    _print_changes(changes)
    if yes:
        return True
    if not sys.stdin.isatty():
        tell(["Nothing was changed: there is no terminal to ask on; add --yes if this is meant"])
        raise typer.Exit(_USAGE)
    if not typer.confirm("Change this at Twilio?"):
        tell(["Nothing was changed"])
        raise typer.Exit(_FAILED)
    return True


def _print_changes(changes: "list[Change]") -> None:
    """Show the changes, each URL on a line of its own, so that it can be read and copied."""
    from callbox.twilio.numbers import RETRIES  # noqa: PLC0415 - see _place

    for change in changes:
        if change.values:
            print(change.number.phone_number)
        for name, new in change.values.items():
            print(f"  {_TITLES[name]}")
            print(f"    now      {_value(name, change.number.values[name])}")
            print(f"    will be  {_value(name, new)}")
    shown = [
        (change.number.values[name], new)
        for change in changes
        for name, new in change.values.items()
    ]
    if any(RETRIES in url for pair in shown for url in pair):
        print(f"\n#{RETRIES} at the end of a URL: Twilio tries again twice, whatever went wrong.")


def _value(name: str, value: str) -> str:
    from callbox.twilio.numbers import PATHS, masked  # noqa: PLC0415 - see _place

    if name not in PATHS:
        return value or "-"
    return f"to {masked(value)}" if value else "nowhere"


def _make(settings: "Config", changes: "list[Change]", done: Callable[[str], None]) -> None:
    """Make the changes, one after the other; the first that fails ends it."""
    with refusing():
        asyncio.run(_make_all(settings, [change for change in changes if change.values], done))


async def _make_all(
    settings: "Config", changes: "list[Change]", done: Callable[[str], None]
) -> None:
    from callbox.service import inquiry  # noqa: PLC0415 - see _place
    from callbox.twilio.numbers import NotTold, Numbers  # noqa: PLC0415 - see _place

    async with inquiry(settings) as asking:
        asked = Numbers(asking.client, settings.twilio.base_url)
        for change in changes:
            number = change.number.phone_number
            try:
                await asked.change(change)
            except NotTold as refusal:
                raise NotTold(f"{number} and what follows it is not changed. {refusal}") from None
            done(number)
            print(f"Changed: {number}")


# seeing that it works


async def _test(settings: "Config", place: "Place") -> bool:
    """Tell each step as it is done; whether all is well."""
    fine = True
    async for finding in _findings(settings, place):
        print(line(finding), flush=True)
        fine &= not finding.wrong
    return fine


async def _findings(settings: "Config", place: "Place") -> "AsyncIterator[Finding]":
    from callbox.twilio.account import Finding  # noqa: PLC0415 - see _place
    from callbox.twilio.numbers import NotTold  # noqa: PLC0415 - see _place
    from callbox.twilio.roundtrip import RoundTrip  # noqa: PLC0415 - see _place

    twilio = settings.twilio
    signed = settings.http.webhook_auth == "signature" and twilio.auth_token
    token = signed.get_secret_value() if signed else None
    trip = RoundTrip(place, twilio.account_sid, token, strict=twilio.really_twilio)
    async for finding in trip.findings():
        yield finding
    if token and (refused := await _login(settings)):
        yield refused
    try:
        found, doubts = await look(settings)
    except NotTold as refusal:
        yield Finding(f"Numbers: {refusal}", wrong=True)
        return
    for doubt in doubts:
        yield Finding(f"Numbers: {doubt}")
    for finding in _pointing(settings, place, found, reached=trip.reached):
        yield finding


async def _login(settings: "Config") -> "Finding | None":
    """Log in with the Auth Token, though an API key may be configured besides."""
    from callbox.service import inquiry  # noqa: PLC0415 - see _place

    keyless = settings.twilio.model_copy(update={"api_key_sid": None, "api_key_secret": None})
    async with inquiry(settings.model_copy(update={"twilio": keyless})) as asking:
        return await asking.login()


def _pointing(
    settings: "Config", place: "Place", found: "list[Number]", *, reached: bool
) -> "list[Finding]":
    """Tell where the configured numbers' texts and calls go."""
    from callbox.twilio.account import Finding  # noqa: PLC0415 - see _place

    own = {number.phone_number: number for number in found}
    wanted = _configured(settings)
    if not wanted:
        return [Finding(_NO_NUMBERS.format(command="set"), wrong=True)]
    originals = _originals(settings)
    return [
        _points(own[number], place, originals, reached=reached)
        if number in own
        else Finding(f"Numbers: {number} is no number of this account", wrong=True)
        for number in wanted
    ]


def _points(
    number: "Number", place: "Place", originals: "Originals", *, reached: bool
) -> "Finding":
    """Tell one number's ways; texts have to come here, and what `callbox webhooks set` changed.

    Where the public URL did not lead here, one that points elsewhere may be right.
    """
    from callbox.twilio.account import Finding  # noqa: PLC0415 - see _place

    ours = originals.ours(number.phone_number)
    told, wrong, strange, mendable = [], False, False, True
    for part, address in PARTS.items():
        whose, url = goes_to(number, part, place)
        here, owned = whose == HERE, number.owner(part) is not None
        fault = place.fault(number.values, part) if here and not owned else ""
        told.append(" ".join(filter(None, (f"{part} go", _whither(whose, url, place), fault))))
        expected = address in ours if ours else part == "texts"
        if fault or (expected and not here):
            wrong, mendable = True, mendable and not owned
            strange |= bool(url) and not here
    if wrong:
        told += _remedies(number.phone_number, reached, strange=strange, mendable=mendable)
    sentence = f"Number {number.phone_number}: {'; '.join(told)}"
    return Finding(sentence, wrong=wrong and reached, unsure=wrong and not reached)


def _whither(whose: str, url: str, place: "Place") -> str:
    if whose == "nowhere":
        return whose
    if whose != "elsewhere":
        return f"to {way(whose, url)}"
    return f"to {url}, which is {'a wrong path' if place.is_above(url) else 'not'} under {_PUBLIC}"


def _remedies(number: str, reached: bool, *, strange: bool, mendable: bool) -> list[str]:
    command = f"`callbox webhooks set {number}` {_MENDS[mendable]}"
    if reached:
        return [command]
    return [_PERHAPS, f"else, {_ONCE_OK} {command}"] if strange else [f"{_ONCE_OK} {command}"]
