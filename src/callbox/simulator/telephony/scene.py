"""A call under way: who is on the line, what is still to be done, and how time passes in it.

Seconds are counted as life would take them, for the duration and for whoever hangs up after so
long; they are only waited for if a word takes time, or somebody real is on the phone.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urljoin

from callbox.simulator.api.url import is_url
from callbox.simulator.records.call import Call
from callbox.simulator.records.switchboard import Switchboard
from callbox.simulator.records.twiml import BadTwiml, Verb, verbs
from callbox.simulator.records.webhook import Webhook, concealed
from callbox.simulator.settings import WORD
from callbox.simulator.telephony.call_form import told
from callbox.simulator.telephony.chores import Chores
from callbox.simulator.telephony.grammar import Flaw, checked
from callbox.simulator.telephony.line import Line
from callbox.simulator.telephony.person import Person
from callbox.simulator.telephony.proxy import Proxy
from callbox.simulator.telephony.script import fetched
from callbox.simulator.telephony.text_form import Form

MOST_SCRIPTS = 100
"""Scripts after one another, after which a call is given up."""
RETRIEVAL, BAD_URL = 11200, 11100
TRIAL_LIMIT = 600
"""Seconds after which Twilio ends a call of a trial account (its warning 13805)."""

Ready = Callable[[], object]


class Over(Exception):  # noqa: N818 - no error: the call has come to its end
    """Somebody hung up, or the call was ended."""


class Moved(Exception):  # noqa: N818 - no error: another script is to be done
    """The call was updated: it goes on with another script."""


class Broken(Exception):  # noqa: N818 - it reads as the sentence it is
    """An application error: the script cannot be had or done."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def never() -> bool:
    """Nothing is waited for but time."""
    return False


@dataclass(slots=True, kw_only=True, eq=False)
class Scene:
    """Use `wait` for all that takes time: it raises Over and Moved, whatever is being done."""

    call: Call
    line: Line
    person: Person
    board: Switchboard
    proxy: Proxy
    chores: Chores
    script: list[Verb] = field(default_factory=list)
    """What is still to do."""
    source: str = ""
    """Where the script came from; empty if it was inline."""
    fallback: Webhook | None = None
    """Whom to ask when a script cannot be had or read."""
    recording: Form = field(default_factory=dict)
    elapsed: float = 0.0
    """Seconds since it was answered, as life would count them."""
    moved: bool = False
    beeped: bool = False
    scripts: int = 0

    @property
    def word(self) -> float:
        """The seconds of a spoken word, as counted; none need pass."""
        return self.board.settings.word or WORD

    @property
    def answered(self) -> bool:
        """Whether somebody took the call."""
        return self.call.started_at(self.board.clock()) is not None

    def hear(self, who: str, kind: str, text: str = "") -> None:
        """Write down what happened; see Heard."""
        self.line.hear(who, kind, text)

    def note(self, flaw: Flaw) -> None:
        """Write down what is wrong with a script that is done all the same."""
        self.hear("line", "error", f"{flaw.code}: {flaw.sentence}")

    def answer(self) -> None:
        """Have it taken up, by whoever is called."""
        self.board.reach(self.call, "in-progress")
        self.hear("line" if self.call.inbound else "person", "answer")

    def check(self) -> None:
        """Raise Over or Moved if it does not go on as it was."""
        if self.call.ended or self.line.gone:
            raise Over
        if self.moved:
            raise Moved

    async def say(self, text: str, ready: Ready = never) -> None:
        """Speak, until something is ready; at once if words take no time."""
        self.hear("voice", "say", text)
        takes_time = bool(self.board.settings.word)
        await self._spend(len(text.split()) * self.word, ready, takes_time)

    async def wait(self, seconds: float, ready: Ready = never) -> None:
        """Let time pass, until something is ready."""
        await self._spend(seconds, ready, bool(self.board.settings.word) or self.line.live)

    async def _spend(self, seconds: float, ready: Ready, takes_time: bool) -> None:
        self.check()
        left = max(min(seconds, self._latest() - self.elapsed), 0.0)
        self._pass(await self._really(left, ready, takes_time))
        if self.elapsed >= self._latest() and not self.call.ended:
            self._reach_limit()
        self.check()

    async def _really(self, seconds: float, ready: Ready, takes_time: bool) -> float:
        board = self.board
        if not takes_time:
            await board.pause(0)
            return 0.0 if ready() else seconds
        began = board.pause.mark()
        if await self.line.wait(seconds, lambda: ready() or self._interrupted()):
            return seconds
        return min((board.pause.mark() - began) * board.settings.speed, seconds)

    @contextmanager
    def listening(self, waits_for: str) -> Iterator[None]:
        """Have keys and words taken meanwhile; those before and after are lost."""
        line, call = self.line, self.call
        line.listening, call.waits_for = True, waits_for
        try:
            yield
        finally:
            line.listening, call.waits_for = False, ""
            line.keys, line.words = "", []

    def _interrupted(self) -> bool:
        return bool(self.call.ended) or self.line.gone or self.moved

    def _latest(self) -> float:
        leaves = self.person.hangup_after
        return min(self._limit(), self._limit() if leaves is None else leaves)

    def _limit(self) -> float:
        limit = self.call.time_limit
        return min(limit, TRIAL_LIMIT) if self.board.settings.trial else limit

    def _pass(self, seconds: float) -> None:
        self.elapsed += seconds
        if self.person.is_machine and not self.beeped and self.elapsed >= self.person.greeting:
            self.beeped = True
            self.hear("person", "beep")

    def _reach_limit(self) -> None:
        self.line.gone = True
        if self.elapsed < self._limit():
            self.hear("person", "hangup")
        else:
            self.hear("line", "hangup", f"The call lasted {self._limit():g} seconds, its limit.")

    def close(self) -> None:
        """Note how long it was, as it ends."""
        call, now = self.call, self.board.clock()
        call.waits_for = ""
        begun = call.started_at(now)
        if begun is not None and call.said_duration is None:
            call.said_duration = max(int(now - begun), int(self.elapsed), 1)
        self.line.stir()

    # what is done

    def read(self, twiml: str) -> None:
        """Do a script that is no document of its own; Broken if it cannot be read."""
        self.source = ""
        try:
            self._take(verbs(twiml))
        except BadTwiml as reason:
            raise Broken(reason.code, "The TwiML of the call cannot be read.") from None

    def hook(self, url: str, method: str) -> Webhook:
        """Return where a script says to go on; Broken if that is no URL."""
        try:
            whole = urljoin(self.source, url.strip())
        except ValueError:
            whole = ""
        if not is_url(whole):
            given = f'"{concealed(url)[:200]}" is no URL' if url.strip() else "There is no action"
            raise Broken(BAD_URL, f"{given}: inline TwiML needs an absolute URL to go on to.")
        spare = self.fallback
        return Webhook(whole, method, spare.url, spare.method) if spare else Webhook(whole, method)

    async def fetch(self, hook: Webhook, more: Form) -> None:
        """Go on with the script at a URL; Broken if it cannot be had or read."""
        self.scripts += 1
        if self.scripts > MOST_SCRIPTS:
            raise Broken(RETRIEVAL, f"The call went on to another script {MOST_SCRIPTS} times.")
        if not (self.board.settings.fetch or self.call.inbound):
            self.hear("line", "note", f"{hook.bare} is not fetched here, and says nothing.")
            self.script = []
            return
        form = {**told(self.call, self.call.status(self.board.clock())), **more}
        exchange, script = await fetched(self.proxy, hook, form, voice=True)
        if script is None:
            sentence = f"{exchange.url} gave no script: {exchange.trouble}."
            raise Broken(exchange.error_code or RETRIEVAL, sentence)
        self.source = exchange.url
        flaws = self._take(script)
        exchange.error_code = flaws[0].code if flaws else None
        self.check()

    def _take(self, script: list[Verb]) -> list[Flaw]:
        self.script, flaws = checked(script)
        for flaw in flaws:
            self.note(flaw)
        return flaws
