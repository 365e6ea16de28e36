"""What an action asks for: its properties become a request, or a mistake that says why not.

To add an action that sends something, add a row to `_FORMS`.
"""

import json
import re
import secrets
import string
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from callbox.domain.notification import Channel, Flow, Kind, Voice
from callbox.domain.phone import is_e164
from callbox.domain.received import OptOut, opt_out_of
from callbox.domain.request import Fault, Recipient, Request
from callbox.indigo.mistake import Mistake
from callbox.indigo.people import CHOICE, OTHER, Device, People, number_of
from callbox.indigo.questions import words_of
from callbox.twilio.music import tracks
from callbox.twilio.voice import MOST_CHARACTERS, spoken

_LONGEST_TEXT = 1_600  # characters, as Twilio takes them
_MOST_PICTURES = 10
_LONGEST_QUESTION = 10_080.0  # minutes: a week
_AUTH_LENGTH = 16
_AUTH_LETTERS = string.ascii_letters + string.digits
_FLOW_SID = re.compile(r"FW[0-9a-fA-F]{32}")
_MARKUP = re.compile(r"%%\w+:.*?%%")

# What a property is that an action lacks: one from a script, or from before the field was there.
_DEFAULTS = {
    "bucket": "com.twilio.music.ambient",
    "timeout": "10",
    "yesWords": "yes, y",
    "noWords": "no, n",
}


@dataclass(frozen=True, slots=True)
class Order:
    """An action that is carried out now.

    `ours` is the number of the device that it is carried out with, `last_sender` who texted to it
    last; `substitute` fills in Indigo's variables and states.
    """

    action_id: str
    props: Mapping[str, Any] = field(repr=False)
    device_name: str
    ours: str
    people: People = field(repr=False)
    substitute: Callable[[str], str]
    request_id: str
    last_sender: str = ""

    def text(self, name: str) -> str:
        """Give a property with everything substituted; a missing one is its default."""
        filled = self.substitute(_written(self.props, name))
        try:
            filled.encode()
        except UnicodeEncodeError:
            raise Mistake("There is half a character in it; expected whole ones", name) from None
        if "\0" in filled:
            raise Mistake("There is a NUL character in it; expected text without it", name)
        return filled


# --- what is in the fields ------------------------------------------------------------------------


def _body(text: str) -> str:
    if not text.strip():
        raise Mistake("There is no text; expected what to send")
    return _short(text)


def _short(text: str) -> str:
    if len(text) > _LONGEST_TEXT:
        raise Mistake(f"The text has {len(text):,} characters; expected at most {_LONGEST_TEXT:,}")
    return text


def _pictures(text: str) -> tuple[str, ...]:
    urls = _media(text)
    if not urls:
        raise Mistake("There is no address of a picture; expected 1 to 10, separated by commas")
    return urls


def _media(text: str) -> tuple[str, ...]:
    urls = tuple(each.strip() for each in text.split(",") if each.strip())
    if len(urls) > _MOST_PICTURES:
        raise Mistake(f"There are {len(urls)} pictures; expected at most {_MOST_PICTURES}")
    for place, url in enumerate(urls, 1):
        if not _is_url(url):
            raise Mistake(
                f"Address {place} of {len(urls)} is not valid; expected http:// or https://, "
                "and %2C for a comma within an address"
            )
    return urls


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return usable and parts.scheme in {"http", "https"} and not re.search(r"\s", url)


def _music(bucket: str) -> Voice:
    try:
        return Voice(play=tracks(bucket))
    except ValueError:
        raise Mistake("This music is not known; expected a choice of the menu") from None


def _speech(text: str) -> Voice:
    if not text.strip():
        raise Mistake("There is no text; expected what to say")
    voice = Voice(text=text)
    if (size := len(spoken(voice))) > MOST_CHARACTERS:
        raise Mistake(
            f"The text makes {size:,} characters of TwiML; expected at most {MOST_CHARACTERS:,}"
        )
    return voice


def _flow_sid(text: str) -> str:
    sid = text.strip()
    if not _FLOW_SID.fullmatch(sid):
        raise Mistake("This is not the SID of a flow; expected FW and 32 hexadecimal digits")
    return sid


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes <= _LONGEST_QUESTION:
        raise Mistake(
            "This is not how long to wait; "
            f"expected minutes, more than 0 and at most {_LONGEST_QUESTION:,.0f}"
        )
    return minutes


def _words(text: str) -> frozenset[str]:
    words = frozenset(word.casefold() for word in words_of(text))
    if not words:
        raise Mistake("There is no word to answer with; expected one or more, separated by commas")
    for word in sorted(words):
        if opt_out_of(word) is OptOut.STOP:
            raise Mistake(f"Who answers '{word}' gets no more texts; expected another word")
    return words


# --- what is made of them -------------------------------------------------------------------------


def _text(body: str, media: tuple[str, ...] = ()) -> Recipient:
    return Recipient("", None, Channel.SMS, body, media)


def _reply(body: str, media: tuple[str, ...]) -> Recipient:
    if not media:
        _at("smsMessage", _body, body)
    return _text(body, media)


def _call(voice: Voice) -> Recipient:
    return Recipient("", None, Channel.VOICE, voice=voice)


def _flow(sid: str, message: str) -> Recipient:
    auth = "".join(secrets.choice(_AUTH_LETTERS) for _ in range(_AUTH_LENGTH))
    parameters = json.dumps({"auth": auth, "message": message})
    return Recipient("", None, Channel.FLOW, flow=Flow(sid, parameters))


def _question(
    body: str, _minutes: float, yes: frozenset[str], no: frozenset[str], *_replies: str
) -> Recipient:
    if both := yes.intersection(no):
        raise Mistake(
            f"'{min(both)}' means yes as well as no; expected words for no only", "noWords"
        )
    return _text(body)


class _Form(NamedTuple):
    """An action: how each of its fields is read, and what is made of them in that order."""

    kind: Kind
    to: str  # the field of the free number; "" where the last sender gets it
    fields: Mapping[str, Callable[[str], Any]]
    make: Callable[..., Recipient]


_QUESTION = {
    "question": _body,
    "timeout": _minutes,
    "yesWords": _words,
    "noWords": _words,
    "yesReply": _short,
    "noReply": _short,
    "timeoutReply": _short,
}
_FORMS: Mapping[str, _Form] = {
    "sendSMS": _Form(Kind.TXT, "smsTo", {"smsMessage": _body}, _text),
    "sendMMS": _Form(Kind.TXT, "mmsTo", {"mmsMessage": _short, "mmsUrl": _pictures}, _text),
    "voiceCall": _Form(Kind.CALL, "callTo", {"bucket": _music}, _call),
    "voiceMessage": _Form(Kind.CALL, "callTo", {"messageText": _speech}, _call),
    "doFlowAction": _Form(Kind.FLOW, "callTo", {"flowSID": _flow_sid, "flowMessage": str}, _flow),
    "replySMS": _Form(Kind.TXT, "", {"smsMessage": _short, "mmsUrl": _media}, _reply),
    "askQuestion": _Form(Kind.TXT, "smsTo", _QUESTION, _question),
}


def request_of(order: Order) -> Request:
    """Give the request that an action makes; raises Mistake if it cannot be made.

    Where several are to get it and some cannot be reached, those are faults of the request.
    """
    form = _FORMS.get(order.action_id)
    if form is None:
        raise Mistake(f"There is no action {order.action_id}; expected {', '.join(sorted(_FORMS))}")
    if not is_e164(order.ours):
        raise Mistake(
            f"{order.device_name}: Its Twilio number is not valid; "
            "expected + and the country code before the number, in the device's settings"
        )
    content = form.make(*(_read(order, name, read) for name, read in form.fields.items()))
    recipients = tuple(
        part if isinstance(part, Fault) else replace(content, name=part[0], to=part[1])
        for part in _reached(order, form)
    )
    return Request(order.request_id, form.kind, recipients, order.ours)


def auth_of(request: Request) -> str | None:
    """Give the code that a flow bears, which whoever calls back is known by; None without flow."""
    for each in request.recipients:
        if isinstance(each, Recipient) and each.flow is not None:
            return str(json.loads(each.flow.parameters)["auth"])
    return None


def timeout_of(order: Order) -> float:
    """Give how long the answer to a question is waited for, in seconds; raises Mistake."""
    return float(_read(order, "timeout", _minutes)) * 60


def action_faults(
    action_id: str, values: Mapping[str, Any], people: People, device: Device | None
) -> dict[str, str]:
    """Give a sentence by field for each mistake in an action's dialog.

    What Indigo substitutes is known when the action is carried out only: such a field passes.
    `device` is the number device, if one is chosen.
    """
    form = _FORMS.get(action_id)
    if form is None:
        return {}
    read: list[Any] = []
    faults = dict(_field_faults(form, values, read))
    if len(read) == len(form.fields):
        faults.update(_tried(partial(form.make, *read)))
    if form.to:
        ours = "" if device is None else str(device.pluginProps.get("twilioNumber") or "")
        faults.update(_tried(partial(_resolve, values, people, ours, form.to)))
    return faults


def _field_faults(
    form: _Form, values: Mapping[str, Any], read: list[Any]
) -> Iterator[tuple[str, str]]:
    """Read each field into `read`, but those with markup, and tell of the others."""
    for name, reader in form.fields.items():
        text = _written(values, name)
        if _MARKUP.search(text):
            continue
        try:
            read.append(_at(name, reader, text))
        except Mistake as mistake:
            yield name, mistake.sentence


def _tried(check: Callable[[], object]) -> dict[str, str]:
    try:
        check()
    except Mistake as mistake:
        return {mistake.field: mistake.sentence}
    return {}


def _resolve(values: Mapping[str, Any], people: People, ours: str, to: str) -> None:
    choice, free = _written(values, CHOICE), _written(values, to)
    if choice in {"", OTHER} and _MARKUP.search(free):
        return
    people.resolve(choice, free, ours, to)


def _reached(order: Order, form: _Form) -> tuple[tuple[str, str] | Fault, ...]:
    if form.to:
        choice = _written(order.props, CHOICE)
        return order.people.reach(choice, order.text(form.to), order.ours, form.to)
    if not order.last_sender:
        raise Mistake(
            f"{order.device_name}: Nobody has texted to this number; expected a text to reply to"
        )
    number = number_of(order.last_sender, order.ours)
    return ((order.people.name_of(number) or number, number),)


def _read(order: Order, name: str, reader: Callable[[str], Any]) -> Any:  # noqa: ANN401 - as read
    return _at(name, reader, order.text(name))


def _at(name: str, reader: Callable[[str], Any], text: str) -> Any:  # noqa: ANN401 - as read
    try:
        return reader(text)
    except Mistake as mistake:
        raise mistake.at(name) from None


def _written(props: Mapping[str, Any], name: str) -> str:
    found = props.get(name)
    return _DEFAULTS.get(name, "") if found is None else str(found)
