"""Holds gateway and simulator against Twilio's own material; exit code 1 at the first difference.

    .venv/bin/python scripts/fidelity.py

Prism stands between them with Twilio's description of its API, and Twilio's calculator counts the
parts of texts. Node.js and npm are needed; what npm installs stays in build/fidelity.
"""

import asyncio
import itertools
import sys
import tempfile
from collections.abc import Iterable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from callbox.domain import segments as gateway_segments
from callbox.simulator import Settings
from callbox.simulator.records import segments as simulator_segments
from callbox.simulator.records.smart_encoding import smart
from harness import (
    Device,
    Gateway,
    Nursery,
    Site,
    call,
    description,
    npm,
    number,
    prism,
    text,
    until,
)
from harness.ports import free_port
from harness.prism import Prism
from harness.sdk import Ask, Sdk, either
from harness.texts import MEASURED, generated

CALCULATOR = {"sms-segments-calculator": "1.3.0"}
COUNT = """
const {SegmentedMessage} = require("sms-segments-calculator");
const {texts, smart} = JSON.parse(require("fs").readFileSync(0));
const count = text => new SegmentedMessage(text, "auto", smart).segmentsCount;
console.log(JSON.stringify(texts.map(count)));
"""
TEXTS = 2000
MOST_SHOWN = 20
EXCUSED = (
    "Not counted: links that are relative and URLs that are empty, as in Twilio's own examples."
)
OURS, THEIRS = "+15005550006", "+15551234567"
SERVICE = "MG" + "0123456789abcdef" * 2
LOST = [{"on": "create", "drop": "after", "times": 1}]

Row = tuple[str, int, str, list[str]]
"""What was compared, how much of what, and what was wrong."""
console, progress = Console(), Console(stderr=True)


def _smart_segments(text: str) -> int:
    return simulator_segments.segments(smart(text))


def parts() -> list[Row]:
    """Compare the counts of parts with the calculator's."""
    texts = [*(text for text, _ in MEASURED), *generated(TEXTS)]
    rows: list[Row] = []
    for name, count, is_smart in (
        ("gateway", gateway_segments.segments, False),
        ("simulator", simulator_segments.segments, False),
        ("simulator, Smart Encoding", _smart_segments, True),
    ):
        told = npm.evaluate(COUNT, {"texts": texts, "smart": is_smart})
        wrong = [
            f"{text!a}: {count(text)}, and the calculator says {said}"
            for text, said in zip(texts, told, strict=True)
            if count(text) != said
        ]
        rows.append((f"Parts of texts, {name}", len(texts), "texts", wrong))
    return rows


async def _wishes(device: Device) -> None:
    """Publish whatever the gateway can send."""
    wish = text("whatsapp", number(1), "The tank is full")
    wish["request"]["recipient"]["channel"] = "whatsapp"
    media = text("media", number(2), "Look")
    media["request"]["recipient"]["media_urls"] = [
        f"https://example.com/{place}.jpg" for place in range(3)
    ]
    for document in (
        text("text", number(3), "ünï & çødé 🔥\r\n+1 = 100 %"),
        text("name", number(4), "x", from_number="Plant 4"),
        wish,
        media,
    ):
        device.publish("txt", document)
    device.publish("call", call("call", number(5), "https://example.com/say?x=1&y=2"))
    for name in ("text", "name", "whatsapp", "media", "call"):
        _taken(name, await device.status(name))


def _taken(name: str, status: dict[str, Any]) -> None:
    assert status["response"]["status"] == "success", f"{name} was not sent: {status}"


async def _looked_up(site: Site, device: Device) -> None:
    """Have the answer to a text and to a call lost, so that the gateway looks them up."""
    for topic, name, document in (
        ("txt", "lost text", text("lost text", number(6), "Is it there?")),
        ("call", "lost call", call("lost call", number(7), "https://example.com/say")),
    ):
        site.simulator.faults.set(LOST)
        device.publish(topic, document)
        _taken(name, await device.status(name))


async def _command(gateway: Gateway, *argv: str) -> None:
    """Run a command of the gateway's; AssertionError if it fails."""
    config = str(gateway.folder / "callbox.yaml")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "callbox", *argv, "--config", config),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, f"callbox {' '.join(argv)}: {said.decode()}"


async def _gateway(site: Site, url: str) -> None:
    """Have a real gateway do all that it asks of Twilio, without webhooks and with them."""
    gateway, device = await site.running(
        twilio={"base_url": url}, inbound={"numbers": [OURS], "idle_interval": 1}
    )
    await _wishes(device)
    await _looked_up(site, device)
    await site.simulator.receive(THEIRS, OURS, "How full is it?")
    await device.hears("message/received")
    await until(lambda: _delivered(device), "the gateway has asked what became of a text")
    assert await gateway.stop() == 0, "the gateway did not stop well"
    port = free_port()
    gateway.sections["http"] = {"port": port, "public_url": f"http://127.0.0.1:{port}"}
    gateway.start()
    await gateway.online(device)
    await _command(gateway, "numbers")
    await _command(gateway, "webhooks", "set", OURS, "--yes")
    await _command(gateway, "check", "--online")
    await _command(gateway, "webhooks", "restore", OURS, "--yes")
    assert await gateway.stop() == 0, "the gateway did not stop well"


def _delivered(device: Device) -> bool:
    told = device.heard("message/delivery")
    return any(each.document["state"] == "delivered" for each in told)


async def _sdk(_site: Site, url: str, *, blocks: bool) -> None:
    """Have the official SDK do every operation that there is."""
    async with either(url, blocks=blocks) as twilio:
        await _messages(twilio)
        await _calls(twilio)
        await _numbers(twilio)
        await _accounts(twilio)


def _one(resource: str, sid: str) -> Ask:
    return lambda client: getattr(client, resource)(sid)


async def _messages(twilio: Sdk) -> None:
    form = {"to": THEIRS, "from_": OURS, "body": "The tank is full"}
    pictures = [f"https://example.org/{name}.jpg" for name in "ab"]
    made = [
        await twilio.do(lambda c: c.messages, "create", **form, media_url=pictures),
        await twilio.do(
            lambda c: c.messages,
            "create",
            to=THEIRS,
            messaging_service_sid=SERVICE,
            body="я" * 99,
            status_callback="https://example.org/told?id=1",
            validity_period=60,
            provide_feedback=True,
        ),
    ]
    await twilio.do(lambda c: c.messages, "list", to=THEIRS, from_=OURS, page_size=1)
    for of, verb, asked in (
        (lambda c: c.messages(made[0].sid), "fetch", {}),
        (lambda c: c.messages(made[1].sid), "update", {"status": "canceled"}),
        (lambda c: c.messages(made[0].sid), "update", {"body": ""}),
        (lambda c: c.messages(made[1].sid).feedback, "create", {"outcome": "confirmed"}),
    ):
        await twilio.do(of, verb, **asked)
    kept = await twilio.do(lambda c: c.messages(made[0].sid).media, "list", page_size=1)
    await twilio.do(lambda c: c.messages(made[0].sid).media(kept[0].sid), "fetch")
    await twilio.do(lambda c: c.messages(made[0].sid).media(kept[0].sid), "delete")
    await twilio.do(_one("messages", made[1].sid), "delete")  # one that is over


async def _calls(twilio: Sdk) -> None:
    said = {"twiml": "<Response><Say>Hello & good-bye</Say></Response>"}
    made = await twilio.do(
        lambda c: c.calls,
        "create",
        to=THEIRS,
        from_=OURS,
        **said,
        status_callback="https://example.org/told?id=1",
        status_callback_event=["initiated", "answered", "completed"],
        machine_detection="Enable",
        timeout=20,
    )
    await twilio.do(lambda c: c.calls, "list", to=THEIRS, status="queued", page_size=1)
    for verb, asked in (("fetch", {}), ("update", said), ("update", {"status": "completed"})):
        await twilio.do(lambda c: c.calls(made.sid), verb, **asked)
    await twilio.do(lambda c: c.calls(made.sid), "delete")


async def _numbers(twilio: Sdk) -> None:
    for kind, bought in (
        ("", "+14155550101"),
        ("local", "+14155550102"),
        ("mobile", "+447700900103"),
        ("toll_free", "+18335550104"),
    ):

        def those(client: Any, kind: str = kind) -> Any:  # noqa: ANN401 - the SDK's
            numbers = client.incoming_phone_numbers
            return getattr(numbers, kind) if kind else numbers

        made = await twilio.do(those, "create", phone_number=bought, sms_url="https://a.org/sms")
        await twilio.do(those, "list", page_size=1)
        asked = {"friendly_name": "Boiler", "voice_caller_id_lookup": True}
        for verb, changed in (("fetch", {}), ("update", asked), ("delete", {})):
            await twilio.do(_one("incoming_phone_numbers", made.sid), verb, **changed)


async def _accounts(twilio: Sdk) -> None:
    made = await twilio.do(lambda c: c.api.v2010.accounts, "create", friendly_name="Greenhouse")
    await twilio.do(lambda c: c.api.v2010.accounts, "list", page_size=1)
    await twilio.do(lambda c: c.api.v2010.accounts(made.sid), "fetch")
    await twilio.do(lambda c: c.api.v2010.accounts(made.sid), "update", status="closed")
    await twilio.do(lambda c: c.balance, "fetch")


async def described(folder: Path) -> list[Row]:
    """Have Prism look at all that the gateway and the SDK ask, and at what they are answered."""
    api = description.load()
    rows: list[Row] = []
    async with AsyncExitStack() as exits:
        nursery = Nursery()
        exits.callback(nursery.close)
        site = await exits.enter_async_context(Site(nursery, folder, Settings()))
        await site.broker.start()
        for name, ask in (
            ("gateway", _gateway),
            ("SDK", partial(_sdk, blocks=True)),
            ("asynchronous SDK", partial(_sdk, blocks=False)),
        ):
            progress.print(f"Prism between the {name} and the simulator")
            place = folder / name.replace(" ", "-")
            async with Prism(api, site.simulator.url, place) as between:
                await between.check()
                await ask(site, between.url)
                assert between.excused, "Prism has not looked at the answers"
                rows += _rows(name, between)
    return rows


def _rows(name: str, between: Prism) -> Iterable[Row]:
    operations = len({each.operation for each in between.seen})
    for side, word in (("request", "requests"), ("response", "answers")):
        wrong = list(dict.fromkeys(between.wrong(side)))
        yield f"{name[0].upper()}{name[1:]}: {word}", operations, "operations", wrong


def _show(rows: Iterable[Row]) -> int:
    table = Table("compared", "", "violations")
    table.columns[1].justify = table.columns[2].justify = "right"
    faults = []
    for what, count, unit, wrong in rows:
        table.add_row(what, f"{count} {unit}", str(len(wrong)))
        faults += wrong
    console.print(table)
    console.print(EXCUSED)
    for fault in itertools.islice(faults, MOST_SHOWN):
        console.print(fault, style="red", markup=False, highlight=False)
    return 1 if faults else 0


def main() -> int:
    """Compare, print a table, give the exit code."""
    packages = prism.PACKAGES | CALCULATOR
    try:
        if lacking := npm.missing(packages):
            with progress.status(f"Installing {', '.join(lacking)} into {npm.FOLDER}"):
                npm.install(packages)
    except npm.NoNpm as reason:
        progress.print(str(reason), style="red", markup=False)
        return 2
    progress.print(f"Counting the parts of {TEXTS} texts")
    rows = parts()
    with tempfile.TemporaryDirectory(prefix="callbox-fidelity-") as folder:
        try:
            rows += asyncio.run(described(Path(folder)))
        except AssertionError as reason:
            progress.print(f"Cut short: {reason}", style="red", markup=False)
            return 1
    return _show(rows)


if __name__ == "__main__":
    sys.exit(main())
