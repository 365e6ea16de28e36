"""The log says what a person needs, an outage is a few lines, and secrets are in nothing."""

import json
import re
from pathlib import Path

import pytest

from harness import AUTH_TOKEN, Device, Gateway, Site, number, text, until

OPEN = "SELECT count(*) FROM delivery WHERE state IN ('queued', 'sending') OR due_at IS NOT NULL"
FINISHED = re.compile(r"(Text|Call) to \S+ is \w+ \(request ")
WHOLE_NUMBER = re.compile(r"\+?\d{10,15}")
EXAMPLE = "like +12345000000"
SECRETS = {
    "mqtt": "a-broker-password",
    "twilio": AUTH_TOKEN,
    "http": "an-http-token-of-ours",
}


async def test_an_outage_of_a_thousand_texts_is_a_line_at_its_begin_and_one_at_its_end(
    site: Site,
) -> None:
    site.simulator.faults.set([{"on": "any", "status": 503}])
    gateway, device = await site.running(log={"level": "INFO"})
    for place in range(1000):
        device.publish("txt", text(str(place), number(place), "x"))
    await until(lambda: gateway.rows("SELECT count(*) FROM delivery") == [(1000,)], "all are kept")
    await until(lambda: gateway.lines("WARNING Twilio: "), "the begin is said")
    await until(lambda: site.simulator.requests.count("list", 503) >= 6, "it is probed")
    site.simulator.faults.clear()
    await until(lambda: len(device.answered) == 1000, "all are sent", 60)
    await until(lambda: gateway.lines("Twilio: well again"), "the end is said")
    await until(lambda: len(gateway.lines(" is delivered ")) == 1000, "all are finished", 60)
    said = [line for line in gateway.log.splitlines() if not FINISHED.search(line)]
    assert len(gateway.log.splitlines()) - len(said) == 1000, "one line a delivery"
    troubles = gateway.lines("WARNING Twilio: Service Unavailable")
    # Whether a look falls between the first answer and the rest is chance; the other lines are not.
    assert len([line for line in troubles if "answers again" not in line]) == 1, said
    assert len(gateway.lines("WARNING Twilio: well again")) == 1, said
    assert len(said) < 20, "nothing else is said about it: " + "\n".join(said)
    assert not gateway.lines("ERROR")
    assert "Traceback" not in gateway.log


async def _all_kinds_of_trouble(site: Site, device: Device) -> None:
    simulator = site.simulator
    device.publish("txt", text("good", number(1), "the secret of the message"))
    device.publish("txt", text("invalid", "+15005550001", "x"))
    device.publish("txt", text("spaces", "+1 555 000 0001", "x"))
    device.publish("txt", text("sender", number(2), "x", from_number="+15005550007"))
    device.publish("txt", b"{")
    device.publish("txt", b"x" * 200_000)
    device.publish("bridge/request/health_check", {"transaction": AUTH_TOKEN[:3]})
    device.publish("bridge/request/cancel", {"id": "nothing"})
    await until(lambda: device.answered >= {"good", "invalid", "spaces", "sender", None}, "told")
    for fault in ({"html": True}, {"status": 503, "created": True}, {"drop": "after"}):
        simulator.faults.set([{"on": "create", "times": 1, **fault}])
        device.publish("txt", text(str(fault), number(3), str(fault)))
        await device.status(str(fault))


def _written(gateway: Gateway, device: Device) -> dict[str, str]:
    """Give all texts that must not contain secrets, by what they are."""
    errors = [
        str(json.loads(payload)["response"].get("error_message"))
        for request_id in device.answered
        for payload in device.statuses(request_id)
    ]
    errors += [str(event.document["error_message"]) for event in device.heard("message/delivery")]
    return {
        "log": gateway.log,
        "errors": "\n".join(errors),
        "bridge/info": device.heard("bridge/info")[-1].payload.decode(),
        "bridge/health": device.heard("bridge/health")[-1].payload.decode(),
        "stored errors": str(gateway.rows("SELECT error_message FROM delivery")),
    }


@pytest.mark.parametrize("form", ["human", "json"])
async def test_no_secret_and_no_whole_number_is_in_any_log_error_or_info(
    site: Site, tmp_path: Path, form: str
) -> None:
    token_file = tmp_path / "token"
    token_file.write_text(SECRETS["http"] + "\n")
    gateway = site.gateway(
        mqtt={"username": "gateway-user", "password": SECRETS["mqtt"]},
        http={"token_file": str(token_file)},
        log={"level": "DEBUG", "format": form},
        contacts={"Darla": number(7)},
    )
    device = await site.device()
    gateway.start()
    await gateway.online(device)
    await _all_kinds_of_trouble(site, device)
    await device.hears("bridge/health")
    await site.broker.kill()
    await site.broker.start()
    await until(lambda: gateway.rows("SELECT connection FROM session") == [(2,)], "it is back")
    assert await gateway.stop() == 0
    for name, written in _written(gateway, device).items():
        for secret in (*SECRETS.values(), "gateway-user", "the secret of the message"):
            assert secret not in written, f"{name} has {secret}"
        for line in written.replace(EXAMPLE, "").splitlines():
            found = WHOLE_NUMBER.findall(_without_ids(line))
            assert not found, f"{name} has {found}: {line}"
    if form == "json":
        assert all(json.loads(line)["message"] for line in gateway.log.splitlines())


def _without_ids(line: str) -> str:
    """Drop hexadecimal names (SIDs, instances, paths) and times: no phone numbers."""
    line = re.sub(r"\b(AC|SM|RQ)?[0-9a-f]{12,32}\b", "", line)
    return re.sub(r"/tmp/\S+", "", line)
