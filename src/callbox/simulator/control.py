"""What tests and the page ask of the simulator itself, under /_simulator/."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from callbox.simulator.api.answer import NOTHING, Answer, document
from callbox.simulator.api.ask import Ask, params
from callbox.simulator.faults.journal import Journal
from callbox.simulator.faults.rules import Faults
from callbox.simulator.faults.traffic import Traffic
from callbox.simulator.manner import Manner
from callbox.simulator.order import BadOrder, parse, read
from callbox.simulator.page.audience import MOST_PHONES, Audience
from callbox.simulator.records.address import phone
from callbox.simulator.records.call import Call
from callbox.simulator.records.newest import Newest
from callbox.simulator.records.outcome import Outcome
from callbox.simulator.records.webhook import concealed
from callbox.simulator.scenario.tally import Tally
from callbox.simulator.telephony.exchange import Exchange
from callbox.simulator.telephony.incoming import NO_WEBHOOK
from callbox.simulator.telephony.line import Line
from callbox.simulator.telephony.network import Network
from callbox.simulator.telephony.phone import Phone
from callbox.simulator.telephony.ring import Ring
from callbox.simulator.telephony.text import Text

PREFIX = "/_simulator/"
USUAL_LIMIT = 10_000
LONGEST_NAME = 60
Action = Callable[[Ask, bytes], Answer | Awaitable[Answer]]
PERSON: dict[str, Callable[[Line, Any], None]] = {
    "answer": lambda line, _asked: line.answer(),
    "decline": lambda line, _asked: line.decline(),
    "press": lambda line, asked: line.press(_string(asked, "digits")),
    "hangup": lambda line, _asked: line.hang_up(),
    "speak": lambda line, asked: line.speak(_string(asked, "text")),
}
"""What a person at a phone does in a call."""


class Control:
    """Faults, texts and calls in; faults, log, counters, webhooks and what phones got out."""

    def __init__(
        self,
        network: Network,
        faults: Faults,
        traffic: Traffic,
        journal: Journal,
        audience: Audience,
        tally: Callable[[], Tally],
    ) -> None:
        self._network = network
        self._journal = journal
        self._audience = audience
        self._board = network.board
        self._faults = faults
        self._traffic = traffic
        self._tally = tally
        self._actions = self._table()

    def _table(self) -> dict[tuple[str, str], Action]:
        """Return what can be asked: method and path, and what is done then."""
        return {
            ("GET", "faults"): lambda _ask, _body: document(200, self._faults.document()),
            ("PUT", "faults"): lambda _ask, body: self._set_faults(body),
            ("DELETE", "faults"): lambda _ask, _body: _done(self._faults.clear),
            ("GET", "log"): lambda ask, _body: self._log(ask),
            ("DELETE", "log"): lambda _ask, _body: _done(self._board.log.clear),
            ("GET", "summary"): lambda _ask, _body: document(200, self._tally().document()),
            ("GET", "requests"): lambda _ask, _body: document(200, self._traffic.document()),
            ("DELETE", "requests"): lambda _ask, _body: _done(self._traffic.clear),
            ("GET", "journal"): lambda ask, _body: self._entries(ask),
            ("DELETE", "journal"): lambda _ask, _body: _done(self._journal.clear),
            ("GET", "phones"): lambda _ask, _body: self._phones(),
            ("POST", "phones"): lambda _ask, body: self._add_phone(parse(body)),
            ("PUT", "pages/{sid}"): lambda ask, body: self._attend(ask.sid, parse(body)),
            ("POST", "texts"): lambda _ask, body: self._text(parse(body)),
            ("GET", "texts"): lambda ask, _body: self._texts(ask),
            ("DELETE", "texts"): lambda _ask, _body: _done(self._board.arrived.clear),
            ("POST", "calls"): lambda _ask, body: self._call(parse(body)),
            ("GET", "calls"): lambda _ask, _body: self._calls(),
            **{
                ("POST", f"calls/{{sid}}/{name}"): self._of_call(perform)
                for name, perform in PERSON.items()
            },
            ("POST", "outcomes"): lambda _ask, body: self._outcome(parse(body)),
            ("DELETE", "outcomes"): lambda _ask, _body: _done(self._board.outcomes.clear),
            ("POST", "callbacks"): lambda _ask, body: self._callbacks(parse(body)),
            ("GET", "webhooks"): lambda ask, _body: self._webhooks(ask),
            ("DELETE", "webhooks"): lambda _ask, _body: _done(self._exchanges.clear),
            ("PUT", "tunnels"): lambda _ask, body: self._tunnels(parse(body)),
        }

    @property
    def _exchanges(self) -> Newest[Exchange]:
        return self._network.proxy.exchanges

    async def answer(self, method: str, path: str, query: str, body: bytes) -> Answer:
        """Do what is asked, or say what can be asked; without the passwords in URLs."""
        name, sid = _named(path.removeprefix(PREFIX))
        action = self._actions.get((method, name))
        if action is None:
            known = ", ".join(f"{verb} {PREFIX}{name}" for verb, name in self._actions)
            return document(404, {"error": f"{method} {path} is not known; known are {known}."})
        try:
            done = action(Ask("", "", sid, params(query), 0.0), body)
            answer = await done if inspect.isawaitable(done) else done
        except BadOrder as reason:
            answer = document(400, {"error": str(reason)})
        return answer._replace(body=concealed(answer.body.decode()).encode())

    def _set_faults(self, body: bytes) -> Answer:
        self._faults.set(parse(body))
        return document(200, self._faults.document())

    def _log(self, ask: Ask) -> Answer:
        log = self._board.log
        since, limit = ask.count("since", 0), ask.count("limit", USUAL_LIMIT)
        entries = log[since : since + limit]
        shown = [record.entry() for record in entries]
        return document(200, {"entries": shown, "next": since + len(entries), "total": len(log)})

    async def _text(self, asked: Any) -> Answer:  # noqa: ANN401 - whatever JSON can hold
        wait, asked = _waiting(asked)
        text = read(Text, {"to": self._board.first_number, **asked})
        message, exchange = await self._network.text(text, wait=wait)
        told = exchange.document() if exchange else None
        shown = message.document(self._board.clock())
        return document(201, {"message": shown, "webhook": told})

    def _texts(self, ask: Ask) -> Answer:
        asked = ask.text("to").strip()  # a plus that was not escaped came as a space
        texts = Phone(self._network, asked).received if asked else self._board.arrived
        got = [
            {
                "sid": message.sid,
                "to": message.to,
                "from": message.sender or message.picked_sender,
                "body": message.prefix + message.body,
                "media": list(message.media),
                "direction": message.direction,
            }
            for message in texts
        ]
        return document(200, {"texts": got})

    async def _call(self, asked: Any) -> Answer:  # noqa: ANN401 - whatever JSON can hold
        wait, asked = _waiting(asked)
        ring = read(Ring, {"to": self._board.first_number, **asked})
        call = await self._network.ring(ring, wait=wait)
        shown = call.document(self._board.clock())
        number = self._board.numbers.get(call.to)
        why = {} if number is None or number.call_webhook else {"why": NO_WEBHOOK}
        return document(201, {"call": shown, "transcript": _transcript(call), **why})

    def _calls(self) -> Answer:
        return document(200, {"calls": list(map(self._shown, self._board.calls.records))})

    def _shown(self, call: Call) -> dict[str, object]:
        shown = call.document(self._board.clock())
        return {"call": shown, "transcript": _transcript(call), "waits_for": call.waits_for}

    def _of_call(self, perform: Callable[[Line, Any], None]) -> Action:
        def act(ask: Ask, body: bytes) -> Answer:
            line = self._network.lines.get(ask.sid)
            if line is None:
                raise BadOrder(f"The call {ask.sid} is not under way.")
            perform(line, parse(body) if body else {})
            return document(200, self._shown(line.call))

        return act

    def _entries(self, ask: Ask) -> Answer:
        since, limit = ask.count("since", 0), ask.count("limit", USUAL_LIMIT)
        entries = [entry for entry in self._journal if entry.number > since][:limit]
        shown = [entry.document() for entry in entries]
        return document(200, {"requests": shown, "total": self._journal.count})

    def _phones(self) -> Answer:
        named = self._board.phones.items()
        return document(
            200, {"phones": [{"number": number, "name": name} for number, name in named]}
        )

    def _add_phone(self, asked: Any) -> Answer:  # noqa: ANN401 - whatever JSON can hold
        number, name = _string(asked, "number"), _string(asked, "name", "")
        known = phone(number)
        if known is None:
            raise BadOrder(
                f'"number" must be a phone number, such as +12065550100, not {number!r}.'
            )
        if len(name) > LONGEST_NAME:
            raise BadOrder(f'"name" must have at most {LONGEST_NAME} characters.')
        if known not in self._board.phones and len(self._board.phones) >= MOST_PHONES:
            raise BadOrder(f"There are {MOST_PHONES} phones already.")
        self._board.phones[known] = name.strip()
        return document(201, {"number": known, "name": name.strip()})

    def _attend(self, page: str, asked: Any) -> Answer:  # noqa: ANN401 - whatever JSON can hold
        said = asked if isinstance(asked, dict) else {}
        self._audience.attend(page, said.get("phones"), said.get("spare", 0))
        return NOTHING

    def _outcome(self, asked: Any) -> Answer:  # noqa: ANN401 - whatever JSON can hold
        if not isinstance(asked, dict) or not isinstance(asked.get("to"), str):
            raise BadOrder('The document must say "to": a phone number.')
        rest = {name: value for name, value in asked.items() if name != "to"}
        outcome = read(Outcome, rest)
        self._board.outcomes.choose(asked["to"], outcome)
        return document(200, {"to": asked["to"], **asdict(outcome)})

    def _callbacks(self, asked: Any) -> Answer:  # noqa: ANN401 - whatever JSON can hold
        manner = read(Manner, asked)
        self._network.callbacks.manner = manner
        return document(200, asdict(manner))

    def _webhooks(self, ask: Ask) -> Answer:
        since = ask.count("since", 0)
        shown = [exchange.document() for exchange in self._exchanges[since:]]
        return document(200, {"webhooks": shown, "next": len(self._exchanges)})

    def _tunnels(self, asked: Any) -> Answer:  # noqa: ANN401 - whatever JSON can hold
        if not isinstance(asked, dict) or not all(isinstance(v, str) for v in asked.values()):
            raise BadOrder("The document must be an object of URLs: outside to inside.")
        tunnels = self._network.proxy.tunnels
        tunnels.clear()
        tunnels.update(asked)
        return document(200, asked)


def _named(path: str) -> tuple[str, str]:
    """Return the name of an action in the table, and the SID that stands in the path."""
    whole, *rest = path.split("/", 2)
    if not rest:
        return path, ""
    return "/".join((whole, "{sid}", *rest[1:])), rest[0]


def _string(asked: Any, name: str, default: str | None = None) -> str:  # noqa: ANN401 - JSON
    value = asked.get(name, default) if isinstance(asked, dict) else None
    if not isinstance(value, str):
        raise BadOrder(f'The document must say "{name}": text.')
    return value


def _done(work: Callable[[], None]) -> Answer:
    work()
    return NOTHING


def _transcript(call: Call) -> list[dict[str, object]]:
    return [heard.document() for heard in call.transcript]


def _waiting(asked: Any) -> tuple[bool, Any]:  # noqa: ANN401 - whatever JSON can hold
    if not isinstance(asked, dict):
        raise BadOrder("The document must be an object.")
    wait = asked.get("wait", True)
    if not isinstance(wait, bool):
        raise BadOrder('"wait" must be true or false.')
    return wait, {name: value for name, value in asked.items() if name != "wait"}
