"""The rules for inbound texts: who may have what done by which words.

A text is read first, which cuts the PINs out of it, and only then stored, published and judged.
Nothing here does I/O or knows the time; `config` builds the rules.
"""

import hmac
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import regex

LONGEST_REPLY = 1_600  # characters that Twilio takes as one text
LARGEST_PAYLOAD = 131_072  # bytes

_SPARE_WORDS = 2  # words that look like its PIN, beside it; a text with more of them is guessing
_TIME_TO_MATCH = 0.1  # seconds for one regular expression
_ELLIPSIS = "..."
_EDGES = ".,;:!?\"'()[]<>"  # stand around a word without being of it

Groups = Mapping[str, str]
Match = Callable[[str], Groups | None]  # the groups it found, None: the text does not fit


class RuleFault(Exception):  # noqa: N818 - reads as the sentence it is
    """A rule cannot be asked, or cannot do what it is to do; never with the text's own words."""


class Template(Protocol):
    """Text with fields in it."""

    def render(self, fields: Mapping[str, object]) -> str:
        """Fill in the fields; raises RuleFault if that cannot be done."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What one kind of text does.

    `senders` are phone numbers, None is anyone. `payload` None with a topic: the document of the
    text itself. `goes_on`: the rules after it are asked too.
    """

    name: str
    senders: frozenset[str] | None
    match: Match
    pin: str | None = field(default=None, repr=False)
    topic: str | None = None
    payload: Template | None = None
    reply: Template | None = None
    goes_on: bool = False

    def is_open_to(self, sender: str) -> bool:
        """Tell whether the sender may use it."""
        return self.senders is None or sender in self.senders

    def fits(self, body: str) -> bool:
        """Tell whether a text without its PIN is meant for this rule."""
        try:
            return self.match(body) is not None
        except RuleFault:
            return False


@dataclass(frozen=True, slots=True)
class Reading:
    """A text without the PINs: this alone may be stored, published, logged and judged.

    `right` are the positions of the rules whose PIN was given and is believed; `wrong`: something
    else was given for the PIN of a rule that the text is meant for.
    """

    body: str
    right: frozenset[int] = frozenset()
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What templates may show of a text besides its body, which the reading has.

    Numbers carry no channel prefix; `name` is the contact's, empty for a stranger; `received_at`
    is ISO 8601; `media` are URLs.
    """

    sender: str
    to: str
    name: str = ""
    sid: str = ""
    channel: str = "sms"
    received_at: str = ""
    media: tuple[str, ...] = ()


FIELDS = ("text", *(each.name for each in fields(Facts)))  # what every template may name


class Publish(NamedTuple):
    """Something to publish; payload None is the document of the text itself."""

    topic: str
    payload: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a text sets off; `fired` are names of rules, `faults` sentences for the log."""

    publishes: tuple[Publish, ...] = ()
    replies: tuple[str, ...] = ()
    fired: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    def __add__(self, other: "Verdict") -> "Verdict":
        """Give what both set off."""
        return Verdict(
            self.publishes + other.publishes,
            self.replies + other.replies,
            self.fired + other.fired,
            self.faults + other.faults,
        )


class Rulebook:
    """The rules in their order, and our own numbers, whose texts set nothing off."""

    def __init__(self, rules: Iterable[Rule] = (), own_numbers: Iterable[str] = ()) -> None:
        self._rules = tuple(rules)
        self._own = frozenset(own_numbers)
        pins = {rule.pin for rule in self._rules if rule.pin}
        self._pins = sorted(pins, key=len, reverse=True)

    def __len__(self) -> int:
        return len(self._rules)

    def read(self, body: str, sender: str, locked: bool = False) -> Reading:
        """Cut every PIN out of a text, whoever sent it, and tell which rules they open.

        A wrong PIN for a rule that the sender may use and the text is meant for is cut as well.
        `locked`: the sender gave too many wrong ones lately, and none is believed.
        """
        rest, given = _cut(body, self._pins)
        asked = self._asking_for_a_pin(sender)
        right = {
            position
            for position, rule in asked.items()
            if rule.pin in given and len(_lookalikes(rule.pin, body)) <= _SPARE_WORDS
        }
        good = {asked[each].pin for each in right if asked[each].fits(rest)}
        wrong = {
            word
            for position, rule in asked.items()
            if position not in right
            for word in _wrong_words(rule, body, rest)
            if not any(_same(word, pin) for pin in good if pin)
        }
        rest, _ = _cut(rest, [*self._pins, *wrong])  # with one gone, another may stand by itself
        return Reading(rest, frozenset() if locked else frozenset(right), bool(wrong))

    def judge(self, facts: Facts, reading: Reading) -> Verdict:
        """Give what a text sets off: by the first rule that fits, and by more if that goes on."""
        verdict = Verdict()
        for position, rule in enumerate(self._rules):
            if not self._may(position, rule, facts.sender, reading):
                continue
            try:
                groups = rule.match(reading.body)
            except RuleFault as fault:
                verdict += Verdict(faults=(f"{rule.name}: {fault}",))
                continue
            if groups is not None:
                verdict += _effect(rule, _fields(facts, reading, groups))
                if not rule.goes_on:
                    break
        return verdict

    def _asking_for_a_pin(self, sender: str) -> dict[int, Rule]:
        return {
            position: rule
            for position, rule in enumerate(self._rules)
            if rule.pin and rule.is_open_to(sender) and sender not in self._own
        }

    def _may(self, position: int, rule: Rule, sender: str, reading: Reading) -> bool:
        if sender in self._own or not rule.is_open_to(sender):
            return False
        return rule.pin is None or position in reading.right


# --- what a text can be matched with --------------------------------------------------------------


def anything(text: str) -> Groups | None:  # noqa: ARG001 - one of the matches
    """Fit every text."""
    return {}


@dataclass(frozen=True, slots=True)
class Containing:
    """Fits a text that has the phrase in it; capitals and white space do not matter."""

    phrase: str

    def __call__(self, text: str) -> Groups | None:
        """Match."""
        return {} if _plain(self.phrase) in _plain(text) else None


@dataclass(frozen=True, slots=True)
class Being:
    """Fits a text that is the phrase and nothing else; capitals and white space do not matter."""

    phrase: str

    def __call__(self, text: str) -> Groups | None:
        """Match."""
        return {} if _plain(self.phrase) == _plain(text) else None


class Finding:
    """Fits a text in which the regular expression finds something, within a tenth of a second.

    `names` are those of its groups.
    """

    def __init__(self, pattern: "regex.Pattern[str]") -> None:
        self._pattern = pattern
        self.names = tuple(pattern.groupindex)

    def __call__(self, text: str) -> Groups | None:
        """Match; a group that took no part is empty."""
        try:
            found = self._pattern.search(text, timeout=_TIME_TO_MATCH)
        except TimeoutError:
            raise RuleFault("its regex took too long for this text; make it simpler") from None
        return found.groupdict(default="") if found else None


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


# --- PINs -----------------------------------------------------------------------------------------


def _same(one: str, other: str) -> bool:
    first, second = (each.casefold().encode(errors="surrogatepass") for each in (one, other))
    return hmac.compare_digest(first, second)


def _cut(text: str, words: Collection[str]) -> tuple[str, set[str]]:
    """Give the text without the words, wherever they stand by themselves, and those found."""
    found: set[str] = set()
    longest = max(map(len, words), default=0)
    start = 0
    while start < len(text):
        word = next((each for each in words if _stands(each, text, start)), None)
        if word is None:
            start += 1
            continue
        found.add(word)
        before, after = _around(text, start, start + len(word))
        text = f"{before} {after}" if before and after else before or after
        start = max(0, len(before) - longest)
    return text, found


def _around(text: str, start: int, end: int) -> tuple[str, str]:
    """Give what stands before and after a word, without the punctuation that it leaves alone."""
    head, tail = text[:start], text[end:]
    left = re.search(r"\S*$", head)
    right = re.match(r"\S*", tail)
    if left and right and not any(map(str.isalnum, left[0] + right[0])):
        head, tail = head[: left.start()], tail[right.end() :]
    return head.rstrip(), tail.lstrip()


def _stands(word: str, text: str, start: int) -> bool:
    """Tell whether a word stands there: `4711` does in `gate4711!`, and not in `+12345004711`."""
    end = start + len(word)
    return (
        _is_edge(word, text, start) and _is_edge(word, text, end) and _same(word, text[start:end])
    )


def _is_edge(word: str, text: str, at: int) -> bool:
    of_one_kind = str.isdecimal if word.isdecimal() else str.isalnum
    return not (0 < at < len(text) and of_one_kind(text[at - 1]) and of_one_kind(text[at]))


def _lookalikes(pin: str, text: str) -> set[str]:
    """Give the other words of a text that could be meant for a PIN by their shape."""
    if pin.isdecimal():
        words = set(re.findall(rf"(?<!\d)\d{{{len(pin)}}}(?!\d)", text))
    else:
        words = {form for word in text.split() for form in (word, word.strip(_EDGES))}
    same_length = {word.casefold() for word in words if len(word) == len(pin)}
    return {word for word in same_length if not _same(word, pin)}


def _wrong_words(rule: Rule, body: str, rest: str) -> Iterator[str]:
    """Give what was tried for the rule's PIN in a text; `rest` is the text without any PIN."""
    words = _lookalikes(rule.pin or "", body)
    if len(words) > _SPARE_WORDS:
        yield from words if rule.fits(_cut(rest, words)[0]) else ()
    else:
        yield from (word for word in words if rule.fits(_cut(rest, [word])[0]))


# --- what a rule does -----------------------------------------------------------------------------


def _fields(facts: Facts, reading: Reading, groups: Groups) -> dict[str, object]:
    shown = {each.name: getattr(facts, each.name) for each in fields(facts)}
    return {**groups, **shown, "text": reading.body}


def _effect(rule: Rule, shown: Mapping[str, object]) -> Verdict:
    """Give what a rule does with a text that fits: all of it, or nothing and a sentence why."""
    try:
        payload = _payload(rule.payload, shown)
        reply = _reply(rule.reply, shown)
    except RuleFault as fault:
        return Verdict(faults=(f"{rule.name} did nothing: {fault}",))
    publishes = (Publish(rule.topic, payload),) if rule.topic else ()
    return Verdict(publishes, (reply,) if reply else (), (rule.name,))


def _payload(template: Template | None, shown: Mapping[str, object]) -> str | None:
    if template is None:
        return None
    payload = template.render(shown)
    if len(payload.encode(errors="surrogatepass")) > LARGEST_PAYLOAD:
        raise RuleFault(f"its payload has more than {LARGEST_PAYLOAD} bytes")
    return payload


def _reply(template: Template | None, shown: Mapping[str, object]) -> str:
    reply = template.render(shown).strip() if template else ""
    if len(reply) <= LONGEST_REPLY:
        return reply
    return reply[: LONGEST_REPLY - len(_ELLIPSIS)] + _ELLIPSIS
