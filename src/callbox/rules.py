"""The rules for inbound texts: who may have what done by which words.

A text is read first, which cuts the PINs out of it, and only then stored, published and judged.
Nothing here does I/O or knows the time; `config` builds the rules.
"""

import re
import secrets
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import regex

LONGEST_REPLY = 1_600  # characters that Twilio takes as one text
LARGEST_PAYLOAD = 131_072  # bytes

_MOST_GUESSES = 2  # words like a PIN in one text; with more of them none is believed or answered
_MOST_SINGLE = 3  # words like a PIN that are tried one by one
_TIME_TO_MATCH = 0.1  # seconds for one regular expression
_ELLIPSIS = "..."
_EDGES = (
    " .,;:!?\"'()[]<>\N{HORIZONTAL ELLIPSIS}\N{INVERTED EXCLAMATION MARK}\N{INVERTED QUESTION MARK}"
)

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
    text itself. `goes_on`: the rules after it are asked too. `words` stand in texts that are meant
    for it, and are no guesses at a PIN.
    """

    name: str
    senders: frozenset[str] | None
    match: Match
    pin: str | None = field(default=None, repr=False)
    topic: str | None = None
    payload: Template | None = None
    reply: Template | None = None
    goes_on: bool = False
    words: str = ""

    @property
    def answers(self) -> bool:
        """Whether somebody may learn from what it does what the text was: it replies or sends."""
        return self.reply is not None or (self.topic or "").endswith(("/txt", "/call"))

    def is_open_to(self, sender: str) -> bool:
        """Tell whether the sender may use it."""
        return self.senders is None or sender in self.senders


@dataclass(frozen=True, slots=True)
class Reading:
    """A text without the PINs: this alone may be stored, published, logged and judged.

    `right` are the positions of the rules whose PIN was given and is believed; `wrong`: how many
    things were given in vain for the PIN of a rule that the text is meant for. `bare` is the text
    for rules that answer, if it is another: without every word that is like a PIN, as an answer
    must not tell which of them is one.
    """

    body: str
    right: frozenset[int] = frozenset()
    wrong: int = 0
    bare: str | None = field(default=None, compare=False)

    def seen_by(self, rule: Rule) -> str:
        """Give the text as a rule sees it."""
        return self.body if self.bare is None or not rule.answers else self.bare


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
        self._pins = {at: _Pin(rule.pin) for at, rule in enumerate(self._rules) if rule.pin}
        words = folded(" ".join(rule.words for rule in self._rules))
        ordinary = map(_digest, (*_WORD.findall(words), *_NUMBER.findall(words)))
        self._ordinary = frozenset(ordinary) - {pin.digest for pin in self._pins.values()}

    def __len__(self) -> int:
        return len(self._rules)

    def read(self, body: str, sender: str, locked: bool = False) -> Reading:
        """Cut every PIN out of a text, whoever sent it, and tell which rules they open.

        A wrong PIN for a rule that the sender may use and the text is meant for is cut as well.
        `locked`: the sender gave too many wrong ones lately, and none is believed.
        """
        if not self._pins:
            return Reading(body)
        text = _Text(body, self._pins.values(), self._ordinary)
        asked = self._asking_for_a_pin(sender)
        right = {at for at, rule in asked.items() if text.opens(rule, self._pins[at])}
        opened = {self._pins[at].digest for at in right}
        wrong: frozenset[bytes] = frozenset().union(
            *(
                text.wrong_for(rule, self._pins[at].shape, opened)
                for at, rule in asked.items()
                if at not in right
            )
        )
        rest = text.without(wrong).text
        believed = frozenset() if locked else frozenset(right)
        return Reading(rest, believed, len(wrong), None if believed else text.bare())

    def judge(self, facts: Facts, reading: Reading) -> Verdict:
        """Give what a text sets off: by the first rule that fits, and by more if that goes on."""
        verdict = Verdict()
        for position, rule in enumerate(self._rules):
            if not self._may(position, rule, facts.sender, reading):
                continue
            body = reading.seen_by(rule)
            try:
                groups = rule.match(body)
            except RuleFault as fault:
                verdict += Verdict(faults=(f"{rule.name}: {fault}",))
                continue
            if groups is not None:
                verdict += _effect(rule, _fields(facts, body, groups))
                if not rule.goes_on:
                    break
        return verdict

    def _asking_for_a_pin(self, sender: str) -> dict[int, Rule]:
        if sender in self._own:
            return {}
        return {at: self._rules[at] for at in self._pins if self._rules[at].is_open_to(sender)}

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
    """Fits a text that is the phrase and nothing else.

    Capitals, white space and the punctuation around the text do not matter.
    """

    phrase: str

    def __call__(self, text: str) -> Groups | None:
        """Match."""
        said = _plain(text)
        return {} if _plain(self.phrase) in {said, said.strip(_EDGES)} else None


class Finding:
    """Fits a text in which the regular expression finds something, within a tenth of a second.

    `names` are those of its groups, `words` all that it has besides escapes.
    """

    def __init__(self, pattern: "regex.Pattern[str]") -> None:
        self._pattern = pattern
        self.words = re.sub(r"\\.", " ", pattern.pattern)
        self.names = tuple(pattern.groupindex)

    def __call__(self, text: str) -> Groups | None:
        """Match; a group that took no part is empty."""
        try:
            found = self._pattern.search(text, timeout=_TIME_TO_MATCH)
        except TimeoutError:
            raise RuleFault("its regex took too long for this text; make it simpler") from None
        return found.groupdict(default="") if found else None


def _plain(text: str) -> str:
    return " ".join(folded(text).split())


# --- PINs -----------------------------------------------------------------------------------------
# A PIN, and what is given for one, is a word: all letters and digits that stand together, or all
# digits if the PIN has only digits, as in `gate4711`. Words are compared as keyed digests, so that
# no time tells how much of one is right.

_CHUNK = re.compile(r"(\S+)(\s*)")
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\d+")
_KEY = secrets.token_bytes(32)

_Shape = tuple[bool, int]  # whether it is a number, and how long it is


def folded(text: str) -> str:
    """Give a text as texts are compared: whatever its capitals and its form in Unicode."""
    return _nfc(_nfc(text).casefold())


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _digest(word: str) -> bytes:
    return blake2b(word.encode(errors="surrogatepass"), key=_KEY, digest_size=16).digest()


class _Pin:
    """A PIN as it is looked for."""

    def __init__(self, pin: str) -> None:
        word = folded(pin)
        self.shape: _Shape = (word.isdecimal(), len(word))
        self.digest = _digest(word)


class _Scan:
    """A text without the unwanted words.

    `words` are those it had of each shape of a PIN, without the ordinary ones.
    """

    def __init__(
        self,
        text: str,
        shapes: Iterable[_Shape],
        unwanted: Collection[bytes],
        ordinary: Collection[bytes],
    ) -> None:
        self.words: dict[_Shape, set[bytes]] = {shape: set() for shape in shapes}
        self._unwanted = unwanted
        self._ordinary = ordinary
        self.text = text
        rest = _nfc(text)
        while (less := _CHUNK.sub(self._rest_of_chunk, rest)) != rest:
            self.text = rest = less.strip()  # where a number is gone, a word may stand by itself

    def _rest_of_chunk(self, found: re.Match[str]) -> str:
        rest = _WORD.sub(self._rest_of_word, found[1])
        if rest == found[1]:
            return found[0]
        return " ".join(rest.split()) + found[2] if _WORD.search(rest) else ""

    def _rest_of_word(self, found: re.Match[str]) -> str:
        if self._is_unwanted(found[0], is_number=False):
            return " "
        return _NUMBER.sub(self._rest_of_number, found[0])

    def _rest_of_number(self, found: re.Match[str]) -> str:
        return " " if self._is_unwanted(found[0], is_number=True) else found[0]

    def _is_unwanted(self, written: str, *, is_number: bool) -> bool:
        word = folded(written)
        alike = self.words.get((is_number, len(word)))
        if alike is None:
            return False
        digest = _digest(word)
        if digest not in self._ordinary:
            alike.add(digest)
        return digest in self._unwanted


class _Text:
    """A text that is being read: what becomes of it with these and those words gone."""

    def __init__(self, body: str, pins: Collection[_Pin], ordinary: Collection[bytes]) -> None:
        self._body = body
        self._ordinary = ordinary
        self._shapes = {pin.shape for pin in pins}
        self._pins = {pin.digest for pin in pins}
        self._scans: dict[frozenset[bytes], _Scan] = {}

    def without(self, words: frozenset[bytes] = frozenset()) -> _Scan:
        """Give the text without any PIN and without these words."""
        if words not in self._scans:
            unwanted = self._pins | words
            self._scans[words] = _Scan(self._body, self._shapes, unwanted, self._ordinary)
        return self._scans[words]

    def bare(self) -> str:
        """Give the text without any word that is like a PIN."""
        return self.without(frozenset().union(*self.without().words.values())).text

    def opens(self, rule: Rule, pin: _Pin) -> bool:
        """Tell whether the PIN is given and believed, and the text is meant for the rule.

        A match that takes too long counts, since `judge` tells of it and lets nothing happen.
        """
        rest = self.without()
        alike = rest.words[pin.shape]
        if pin.digest not in alike or len(alike) > _MOST_GUESSES:
            return False
        try:
            return rule.match(rest.text) is not None
        except RuleFault:
            return True

    def wrong_for(self, rule: Rule, shape: _Shape, opened: Collection[bytes]) -> frozenset[bytes]:
        """Give what was tried in vain for the rule's PIN: without it, the text fits the rule."""
        guesses = self.without().words[shape].difference(opened)
        single = guesses if len(guesses) <= _MOST_SINGLE else ()
        try:
            if guesses and rule.match(self.without(frozenset(guesses)).text) is not None:
                return frozenset(guesses)
            return frozenset(
                each
                for each in single
                if rule.match(self.without(frozenset({each})).text) is not None
            )
        except RuleFault:
            return frozenset()


# --- what a rule does -----------------------------------------------------------------------------


def _fields(facts: Facts, body: str, groups: Groups) -> dict[str, object]:
    shown = {each.name: getattr(facts, each.name) for each in fields(facts)}
    return {**groups, **shown, "text": body}


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
