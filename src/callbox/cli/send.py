"""`callbox send` and `callbox call`: publish a request as a device does, and show its status."""

import os
import secrets
import shlex
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from callbox.cli.configuration import ConfigFile, load

if TYPE_CHECKING:
    from callbox.config import Config, Mqtt

FAILED = 1
_WAIT = 60.0
_PRIORITIES = ("low", "normal", "high", "critical")
_NOBODY = {"CALLBOX_TWILIO__ACCOUNT_SID": "-", "CALLBOX_TWILIO__AUTH_TOKEN": "-"}
_SEPARATORS = str.maketrans("", "", " -.()/")

Recipient = Annotated[
    str,
    typer.Argument(
        metavar="NUMBER|NAME", help="A phone number like +12345000000, or a contact's name."
    ),
]
Sender = Annotated[
    str | None,
    typer.Option("--from", metavar="NUMBER", help="The sender, if not the configured one."),
]
Priority = Annotated[str, typer.Option(help=f"One of {', '.join(_PRIORITIES)}.")]
RequestId = Annotated[
    str | None, typer.Option("--id", help="The request's id, which its status repeats.")
]
Broker = Annotated[
    str | None,
    typer.Option("--broker", metavar="URL", help="mqtt://host:port, instead of any configuration."),
]
Wait = Annotated[float, typer.Option(metavar="SECONDS", min=1, help="How long to wait.")]


def send(
    to: Recipient,
    text: Annotated[str, typer.Argument(help="What to send; may be empty with --media.")] = "",
    sender: Sender = None,
    media: Annotated[
        list[str] | None, typer.Option("--media", metavar="URL", help="Send this picture, too.")
    ] = None,
    whatsapp: Annotated[bool, typer.Option("--whatsapp", help="By WhatsApp, not SMS.")] = False,
    priority: Priority = "normal",
    request_id: RequestId = None,
    config: ConfigFile = None,
    broker: Broker = None,
    wait: Wait = _WAIT,
) -> None:
    """Send a text through the running gateway.

    Waits for its status: exit code 0 if Twilio has it, 1 if not or if no gateway is online.
    """
    if not text and not media:
        raise typer.BadParameter("say what to send: a text, or --media URL")
    content: dict[str, Any] = {"channel": "whatsapp" if whatsapp else "sms"}
    content |= {"message": text} if text else {}
    content |= {"media_urls": media} if media else {}
    request = _request(to, content, sender, priority, request_id)
    raise typer.Exit(_deliver("txt", request, config, broker, wait))


def call(
    to: Recipient,
    say: Annotated[str | None, typer.Option("--say", metavar="TEXT", help="Speak this.")] = None,
    twiml_url: Annotated[
        str | None, typer.Option("--twiml-url", metavar="URL", help="Follow the TwiML there.")
    ] = None,
    sender: Sender = None,
    priority: Priority = "normal",
    request_id: RequestId = None,
    config: ConfigFile = None,
    broker: Broker = None,
    wait: Wait = _WAIT,
) -> None:
    """Place a phone call through the running gateway.

    Waits for its status: exit code 0 if Twilio has it, 1 if not or if no gateway is online.
    """
    if (say is None) == (twiml_url is None):
        raise typer.BadParameter("say what to do: either --say TEXT or --twiml-url URL")
    content = {"voice_message_text": say} if say else {"voice_message_location": twiml_url}
    request = _request(to, content, sender, priority, request_id)
    raise typer.Exit(_deliver("call", request, config, broker, wait))


def _request(
    to: str, content: dict[str, Any], sender: str | None, priority: str, request_id: str | None
) -> dict[str, Any]:
    """Make the document. Its dedup_key is new each time: run again, it is a new request."""
    if priority not in _PRIORITIES:
        raise typer.BadParameter(f"--priority is one of {', '.join(_PRIORITIES)}")
    key = secrets.token_hex(8)
    request = {
        "recipient": {"name": to} | _number(to) | content,
        "priority": priority,
        "dedup_key": f"send-{key}",
    }
    if sender:
        request["from_number"] = sender
    return {"request": request, "id": request_id or f"send-{key}"}


def _number(to: str) -> dict[str, str]:
    """Give the number, if it is one; people write them with spaces and brackets."""
    from callbox.domain.phone import is_e164  # noqa: PLC0415 - `--help` does without

    number = to.translate(_SEPARATORS)
    if is_e164(number):
        return {"phone_number": number}
    if number.lstrip("+").isdecimal():
        raise typer.BadParameter(
            f"{to} is not a phone number in international form: expected + and the country code "
            "first, like +12345000000"
        )
    return {}


def _deliver(
    kind: str, request: dict[str, Any], config: Path | None, broker: str | None, wait: float
) -> int:
    """Publish, wait and show; gives the exit code."""
    from callbox.device import Device  # noqa: PLC0415 - `--help` does without
    from callbox.errors import HostError  # noqa: PLC0415 - `--help` does without

    mqtt, settings = _place(config, broker)
    recipient = request["request"]["recipient"]
    expected = max(1, len(settings.contacts.numbers(recipient["name"]))) if settings else 1
    try:
        with Device(mqtt) as device:
            if not device.sees_gateway():
                return _no_gateway(mqtt)
            device.listen(["message/status"])
            device.publish(kind, request)
            print(_more(request["id"], config, broker), flush=True)
            statuses = device.statuses(request["id"], wait)
            code = _show(statuses, expected, wait, _who(settings))
    except HostError as fault:
        return _tell(f"{fault}. Nothing was sent; --broker URL names another broker")
    if code and settings and "phone_number" not in recipient:
        _hint(recipient["name"], settings)
    return code


def _more(request_id: str, config: Path | None, broker: str | None) -> str:
    """Tell the request's id, and how to see more where the store is known."""
    if broker:
        return f"Request {request_id}"
    words = ["callbox", "queue", "show", request_id, *(("-c", str(config)) if config else ())]
    return f"Request {request_id}: `{shlex.join(words)}` shows more"


def _who(settings: "Config | None") -> str:
    """Name whom the gateway sends to, as far as that is known."""
    return "Twilio" if settings is None or settings.twilio.really_twilio else "The simulator"


def _hint(name: str, settings: "Config") -> None:
    """Say that a name is unknown, and which one was probably meant."""
    contacts = settings.contacts
    if not contacts.numbers(name):
        near = get_close_matches(name, contacts.root, n=1)
        known = f"did you mean {near[0]}?" if near else "add it, or give a phone number."
        sys.stderr.write(f"{name} is not in contacts; {known}\n")


def _place(config: Path | None, broker: str | None) -> "tuple[Mqtt, Config | None]":
    """Give the broker, and the gateway's configuration if it is known."""
    from callbox.config import load_config  # noqa: PLC0415 - see _deliver
    from callbox.errors import ConfigError  # noqa: PLC0415 - see _deliver

    if broker is None:
        settings = load(config)
        return settings.mqtt, settings
    mine = {name: os.environ[name] for name in os.environ if name.startswith("CALLBOX_MQTT__")}
    try:
        return load_config(None, mine | _NOBODY | {"CALLBOX_MQTT__URL": broker}).mqtt, None
    except ConfigError as error:
        raise typer.BadParameter("; ".join(error.faults)) from None


def _show(statuses: Iterable[dict[str, Any]], expected: int, wait: float, who: str) -> int:
    """Print statuses as they come, one per recipient."""
    code = 0
    for status in islice(statuses, expected):
        response = status["response"]
        expected -= 1
        if response["status"] == "success":
            print(_success(response["payload"], who))
        else:
            code = _tell(f"Failed: {response['error_message']} ({response['error']})")
    if expected:
        code = _tell(
            f"The gateway has it, and there is no status after {wait:.0f} s: it keeps trying. "
            "`callbox queue list` shows how it stands"
        )
    return code


def _success(payload: dict[str, Any], who: str) -> str:
    sent = payload["messages"]
    return (
        f"{who} has it: {sent['message_status']}, to {sent['to_number']}, "
        f"from {payload['from_number']}"
    )


def _no_gateway(mqtt: "Mqtt") -> int:
    topic = f"{mqtt.base_topic}/bridge/state"
    return _tell(
        f"No gateway is online at {mqtt.host}:{mqtt.port} ({topic} does not say online). Nothing "
        "was sent: start one with `callbox run`"
    )


def _tell(sentence: str) -> int:
    sys.stderr.write(f"{sentence}.\n")
    return FAILED
