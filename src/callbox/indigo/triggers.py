"""The owner's triggers: which of them fire for a text, and which for news of something sent."""

import operator
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from callbox.indigo.mistake import Mistake
from callbox.indigo.people import Level

ANY_DEVICE = "ANYDEVICE"  # the choice that means: whichever number
MESSAGE_RECEIVED, PATTERN_MATCH = "messageReceived", "patternMatch"
UNDELIVERED, FAILED, UNANSWERED = "textUndelivered", "messageFailed", "callUnanswered"

_OF_TEXTS = (MESSAGE_RECEIVED, PATTERN_MATCH)
_REGEX = "regexMatch"
_TIME_TO_MATCH = 0.1  # seconds
_NOWHERE = 0  # the id of no device
_TOO_MUCH = (TimeoutError, MemoryError, RecursionError)

Matcher = Callable[[str], str | None]  # gives the match result, None where nothing matches

# Who may set a trigger off; what is no word of the menu lets nobody but the most trusted.
_LEAST: Mapping[str, Level | None] = {
    "": None,
    "anyone": None,
    "limited": Level.LIMITED,
    "trusted": Level.TRUSTED,
    "unlimited": Level.UNLIMITED,
}


@dataclass(frozen=True, slots=True)
class Heard:
    """A text that came. `level` is what its sender may, None for a stranger."""

    device_id: int | None  # of the number that it came to; None: no device has that number
    sender: str
    recipient: str
    text: str = field(repr=False)
    level: Level | None


class IndigoTrigger(Protocol):
    """A trigger as Indigo hands it over."""

    @property
    def id(self) -> int:
        """Indigo's id."""

    @property
    def name(self) -> str:
        """What the owner calls it."""

    @property
    def pluginTypeId(self) -> str:  # noqa: N802 - Indigo's name for it
        """The id in Events.xml."""

    @property
    def pluginProps(self) -> Mapping[str, Any]:  # noqa: N802 - Indigo's name for it
        """What its dialog holds."""


_PARTS: Mapping[str, Callable[[Heard], str]] = {
    "messageText": operator.attrgetter("text"),
    "messageTo": operator.attrgetter("recipient"),
    "messageFrom": operator.attrgetter("sender"),
}


def _containing(pattern: str) -> Matcher:
    return lambda text: pattern if pattern in text else None


def _being(pattern: str) -> Matcher:
    return lambda text: pattern if pattern == text else None


def _finding(pattern: str) -> Matcher:
    """Compile a regular expression, or raise Mistake that tells where it is wrong."""
    import regex  # noqa: PLC0415 - only a home with such a trigger pays for it

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a later regex may read differently
            compiled = regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError, MemoryError) as error:
        raise Mistake(_no_regex(error)) from None

    def find(text: str) -> str | None:
        found = compiled.search(text, timeout=_TIME_TO_MATCH)
        return found[0] if found else None

    return find


def _no_regex(error: BaseException) -> str:
    why = getattr(error, "msg", None) or "too large"
    place = getattr(error, "pos", None)
    where = "" if place is None else f" at character {place + 1}"
    return f"The pattern is not a regular expression ({why}{where}); expected one like gate|door"


_MATCHERS: Mapping[str, Callable[[str], Matcher]] = {
    "simpleMatch": _containing,
    "exactMatch": _being,
    _REGEX: _finding,
}


@dataclass(frozen=True, slots=True)
class Trigger:
    """One trigger; `Trigger.read` makes it. With a `fault`, a sentence, it never fires."""

    id: int
    name: str
    type_id: str
    device_id: int | None = None  # of the only number that it is for; None: any
    least: Level | None = None  # None: anyone
    match_type: str = ""
    match: Callable[[Heard], str | None] | None = field(default=None, compare=False, repr=False)
    fault: str = ""

    @classmethod
    def read(cls, trigger: IndigoTrigger) -> Self:
        """Read a trigger of Indigo; whatever it holds, no error is raised."""
        props = trigger.pluginProps
        fault, match = "", None
        match_type = ""
        if trigger.pluginTypeId == PATTERN_MATCH:
            match_type = str(props.get("matchType", ""))
            try:
                match = _match(props)
            except Mistake as mistake:
                fault = f"{trigger.name}: {mistake}"
        return cls(
            trigger.id,
            trigger.name,
            trigger.pluginTypeId,
            _device_id(props.get("twilioNumber")),
            _LEAST.get(str(props.get("leastLevel", "")).lower(), Level.UNLIMITED),
            match_type,
            match,
            fault,
        )

    def is_for(self, device_id: int | None) -> bool:
        """Tell whether it is for this number."""
        return self.device_id in {None, device_id}

    def fits(self, heard: Heard, asks_level: bool) -> str | None:
        """Give the match result of a text that sets it off, None for any other text.

        That is the pattern, or what a regular expression found; "" where nothing is matched.
        `asks_level`: access levels are heeded. Raises Mistake if matching takes too long.
        """
        if self.type_id not in _OF_TEXTS or self.fault or not self.is_for(heard.device_id):
            return None
        if asks_level and not self._allows(heard.level):
            return None
        if self.match is None:
            return ""
        try:
            return self.match(heard)
        except _TOO_MUCH:
            raise Mistake(
                f"{self.name}: Its regular expression took too long for a text; "
                "expected a simpler one",
                "matchString",
            ) from None

    def _allows(self, level: Level | None) -> bool:
        return self.least is None or (level is not None and level >= self.least)


def _match(props: Mapping[str, Any]) -> Callable[[Heard], str | None]:
    part = _PARTS.get(str(props.get("matchField")))
    matcher = _MATCHERS.get(str(props.get("matchType")))
    if part is None or matcher is None or "matchString" not in props:
        raise Mistake("It does not say what to match; expected it to be edited and saved again")
    match = matcher(str(props["matchString"]))
    return lambda heard: match(part(heard))


def _device_id(choice: object) -> int | None:
    text = str(choice or ANY_DEVICE)
    if text == ANY_DEVICE:
        return None
    return int(text) if text.isdecimal() else _NOWHERE


@dataclass(slots=True)
class Triggers:
    """The triggers that Indigo has started, in ascending id, as the old plugin asked them.

    They may be changed while a text is judged, which goes on with those that there were.
    """

    _all: tuple[Trigger, ...] = ()
    _untold: dict[int, str] = field(default_factory=dict)

    def add(self, trigger: Trigger) -> None:
        """Start a trigger, or replace what was known of it."""
        self.remove(trigger.id)
        self._all = tuple(sorted((*self._all, trigger), key=lambda each: each.id))
        if trigger.fault:
            self._untold[trigger.id] = trigger.fault

    def remove(self, trigger_id: int) -> None:
        """Stop a trigger."""
        self._untold.pop(trigger_id, None)
        self._all = tuple(each for each in self._all if each.id != trigger_id)

    def __iter__(self) -> Iterator[Trigger]:
        return iter(self._all)

    def for_text(self, heard: Heard, asks_level: bool) -> Iterator[tuple[Trigger, str]]:
        """Give each trigger that a text sets off, with its match result.

        Each is judged when it is asked for. One that cannot be judged is told by `faults`.
        """
        for trigger in self:
            try:
                result = trigger.fits(heard, asks_level)
            except Mistake as mistake:
                self._untold[trigger.id] = mistake.sentence
                continue
            if result is not None:
                yield trigger, result

    def for_delivery(self, type_id: str, device_id: int | None) -> list[Trigger]:
        """Give the triggers of a type of news (UNDELIVERED, ...) about what a number sent."""
        return [each for each in self if each.type_id == type_id and each.is_for(device_id)]

    def faults(self) -> list[str]:
        """Give a sentence for each trigger that could not be judged, in ascending id, once.

        One that can never work is told after it was added; `Trigger.fault` still has it.
        """
        untold, self._untold = self._untold, {}
        return [untold[each] for each in sorted(untold)]


def changes_after_upgrade(trigger: Trigger) -> str | None:
    """Say what a trigger does that it did not do with the Twilio plugin 2024.0.1, if anything.

    One with a fault does nothing; `Trigger.fault` says why.
    """
    if trigger.fault:
        return None
    if trigger.match_type == _REGEX:
        return f"{trigger.name}: Its regular expression never worked before; it fires from now on"
    if trigger.type_id in _OF_TEXTS and trigger.device_id is not None:
        return (
            f"{trigger.name}: It fired for texts to every number before; "
            "it fires for its own number only from now on"
        )
    return None


def event_faults(
    type_id: str, values: Mapping[str, Any], known_numbers: Collection[int]
) -> dict[str, str]:
    """Give a sentence by field for each mistake in a trigger's dialog.

    `known_numbers` are the ids of all number devices.
    """
    faults: dict[str, str] = {}
    choice = str(values.get("twilioNumber", ""))
    if not choice:
        faults["twilioNumber"] = "No number is chosen; expected one from the list, or Any"
    elif choice != ANY_DEVICE and _device_id(choice) not in known_numbers:
        faults["twilioNumber"] = "This number's device is gone; expected one from the list, or Any"
    if type_id == PATTERN_MATCH and (fault := _pattern_fault(values)):
        faults["matchString"] = fault
    return faults


def _pattern_fault(values: Mapping[str, Any]) -> str:
    if not values.get("matchString"):
        return "There is no pattern; expected what to look for"
    try:
        _match(values)
    except Mistake as mistake:
        return mistake.sentence
    return ""
