"""The broker is absent, restarted, strict or encrypted; the gateway says so and carries on."""

import json
import ssl
import subprocess
from itertools import groupby
from pathlib import Path

import pytest
from paho.mqtt.client import MQTTv5, MQTTv311

from harness import Cable, Gateway, Nursery, Site, judge, number, text, until
from harness.cable import CONNECT, SUBACK, untouched
from harness.certificates import Authority

CONNECTIONS = "SELECT connection FROM session"


async def test_it_starts_without_a_broker_and_serves_when_there_is_one(
    nursery: Nursery, tmp_path: Path
) -> None:
    async with Site(nursery, tmp_path) as site:
        gateway = site.gateway()
        gateway.start()
        await until(lambda: gateway.lines("WARNING Broker: ", "cannot be reached"), "it is said")
        assert gateway.alive
        await site.broker.start()
        device = await site.device()
        await gateway.online(device)
        device.publish("txt", text("1", number(1), "x"))
        await device.status("1")
        assert await gateway.stop() == 0


async def test_it_comes_back_after_a_restart_of_the_broker_and_gets_what_waited(
    site: Site,
) -> None:
    gateway, device = await site.running()
    await site.broker.stop()
    await until(lambda: gateway.lines("WARNING Broker: "), "the loss is said")
    await site.broker.start()
    await until(lambda: device.connected, "the device is back")
    device.publish("txt", text("meanwhile", number(1), "x"))
    await device.status("meanwhile")
    await until(lambda: gateway.lines("Broker: well again"), "the end is said")


async def test_what_is_published_while_the_gateway_is_away_waits_at_the_broker(site: Site) -> None:
    gateway, device = await site.running()
    assert await gateway.stop() == 0
    await device.offline()
    device.publish("txt", text("away", number(1), "x"))
    await device.flushed()
    gateway.start()
    await device.status("away")


async def test_online_is_said_once_requests_are_taken_and_offline_at_every_end(site: Site) -> None:
    gateway, device = await site.running()
    device.publish("txt", text("at once", number(1), "x"), qos=0)
    await device.status("at once")
    assert await gateway.stop() == 0
    await device.offline()
    gateway.start()
    await gateway.online(device)
    await gateway.kill()
    await device.offline()
    states = [state for state, _ in groupby(e.payload for e in device.heard("bridge/state"))]
    assert states == [b"online", b"offline", b"online", b"offline"]
    late = await site.device(topics=("twilio/bridge/state",))
    await until(lambda: late.state == "offline", "the state is retained")


def login(folder: Path, user: str, password: str) -> dict[str, str]:
    """Give mosquitto's lines that let one user in."""
    file = folder / "passwords"
    file.touch(mode=0o600)
    subprocess.run(["mosquitto_passwd", "-b", str(file), user, password], check=True)
    return {"allow_anonymous": "false", "password_file": str(file)}


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_a_wrong_password_is_said_in_a_sentence_and_mended_without_a_restart(
    nursery: Nursery, tmp_path: Path, version: str
) -> None:
    async with Site(nursery, tmp_path) as site:
        site.broker.access = login(tmp_path, "callbox", "another")
        await site.broker.start()
        gateway = site.gateway(
            mqtt={"username": "callbox", "password": "right", "version": version}
        )
        gateway.start()
        said = "WARNING Broker: The broker refuses the connection: Not authorized"
        remedy = "check mqtt.username and mqtt.password"
        await until(lambda: gateway.lines(said, remedy), "it is said")
        assert "Traceback" not in gateway.log
        site.broker.access = login(tmp_path, "callbox", "right")
        await site.broker.stop()
        await site.broker.start()
        device = await site.device(login=("callbox", "right"))
        await gateway.online(device)
        assert await gateway.stop() == 0


async def test_a_refused_subscription_is_said_with_the_topic_and_what_the_acl_needs(
    site: Site,
) -> None:
    async with Cable(site.broker.port) as cable:
        gateway = site.gateway(mqtt={"url": cable.url, "version": "5"})
        device = await site.device()
        cable.down = _refusing
        gateway.start()
        said = "The broker refuses the topic twilio/bridge/state: Not authorized (its ACL must"
        await until(lambda: gateway.lines(said), "it is said")
        assert device.state is None
        cable.down = untouched
        await gateway.online(device)


def _refusing(packet: bytes) -> bytes:
    """Answer every subscription with 0x87, not authorized."""
    if packet[0] >> 4 != SUBACK:
        return packet
    codes = len(packet) - 5  # kind, length, packet id, no properties
    return packet[:5] + b"\x87" * codes


async def test_a_topic_that_takes_no_events_is_said_and_they_are_told_when_the_acl_allows_it(
    nursery: Nursery, tmp_path: Path
) -> None:
    async with Site(nursery, tmp_path) as site:
        acl = tmp_path / "acl"
        acl.write_text(
            "topic readwrite twilio/bridge/#\ntopic readwrite twilio/txt\n"
            "topic read twilio/message/#\n"
        )
        acl.chmod(0o600)
        site.broker.options["acl_file"] = str(acl)
        await site.broker.start()
        gateway, device = await site.running(mqtt={"version": "5"})
        device.publish("txt", text("1", number(1), "x"))
        said = "the broker refuses events on message/"
        await until(lambda: gateway.lines("WARNING Broker: ", said, "Not authorized"), "it is said")
        assert len(site.simulator.messages) == 1
        assert gateway.rows("SELECT count(*) FROM event") == [(3,)], "a refusal is no receipt"
        acl.write_text("topic readwrite twilio/#\n")
        await site.broker.stop()
        await site.broker.start()
        await until(lambda: device.connected, "the device is back")
        await until(lambda: gateway.rows("SELECT count(*) FROM event") == [(0,)], "all is told")
        await until(lambda: gateway.lines("Broker: well again"), "the end is said")
        assert (await device.health())["wrong"] == []


async def tls_site(site: Site, folder: Path, *, clients: bool) -> Authority:
    """Start a broker that speaks TLS only, and wants certificates of `clients`."""
    authority = Authority(folder / "authority")
    cert, key = authority.sign("broker")
    site.broker.options |= {"certfile": str(cert), "keyfile": str(key), "cafile": str(authority.ca)}
    if clients:
        site.broker.options["require_certificate"] = "true"
    await site.broker.start()
    return authority


def client_context(authority: Authority, names: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.ca))
    context.load_cert_chain(*names)
    return context


async def test_tls_with_a_client_certificate_and_alpn(nursery: Nursery, tmp_path: Path) -> None:
    async with Site(nursery, tmp_path) as site:
        authority = await tls_site(site, tmp_path, clients=True)
        cert, key = authority.sign("gateway")
        device = await site.device(tls=client_context(authority, (cert, key)))
        gateway = site.gateway(
            mqtt={
                "url": f"mqtts://127.0.0.1:{site.broker.port}",
                "ca": str(authority.ca),
                "cert": str(cert),
                "key": str(key),
                "alpn": ["x-amzn-mqtt-ca"],
            }
        )
        gateway.start()
        await gateway.online(device)
        device.publish("txt", text("1", number(1), "x"))
        await device.status("1")
        assert await gateway.stop() == 0


async def _said_about_tls(gateway: Gateway) -> str:
    gateway.start()
    await until(lambda: gateway.lines("WARNING Broker: "), "it is said")
    assert await gateway.stop() == 0
    assert "Traceback" not in gateway.log
    return gateway.lines("WARNING Broker: ")[0]


async def test_tls_that_cannot_be_agreed_on_is_said_in_a_sentence(
    nursery: Nursery, tmp_path: Path
) -> None:
    async with Site(nursery, tmp_path) as site:
        authority = await tls_site(site, tmp_path, clients=True)
        url = f"mqtts://127.0.0.1:{site.broker.port}"
        other = Authority(tmp_path / "other")
        untrusted = site.gateway("a", mqtt={"url": url, "ca": str(other.ca)})
        assert "shows a certificate that is not trusted: " in await _said_about_tls(untrusted)
        nameless = site.gateway("b", mqtt={"url": url, "ca": str(authority.ca)})
        said = await _said_about_tls(nameless)
        assert "refuses TLS" in said or "closed the connection" in said, said
        plain = site.gateway("c")
        assert "The broker" in await _said_about_tls(plain)


async def test_a_broker_without_mqtt_5_is_spoken_to_in_3_1_1(site: Site) -> None:
    async with Cable(site.broker.port) as cable:
        cable.up = _without_mqtt_5
        gateway = site.gateway(mqtt={"url": cable.url})
        device = await site.device(version=MQTTv311)
        gateway.start()
        await gateway.online(device)
        device.publish("txt", text("1", number(1), "x"))
        await device.status("1")
        assert "as callbox-" in site.broker.log
        assert "(p2, c0, k30)" in site.broker.log


def _without_mqtt_5(packet: bytes) -> bytes:
    """Make a version of CONNECT that no broker knows of MQTT 5."""
    if packet[0] >> 4 == CONNECT and packet[8] == MQTTv5:
        return packet[:8] + b"\x09" + packet[9:]
    return packet


async def test_a_request_with_properties_that_cannot_be_read_holds_none_up(site: Site) -> None:
    gateway, device = await site.running()
    device.publish("txt", text("marked", number(1), "x"), reply_to=("\ufeffanswers", b"1"))
    device.publish("txt", text("behind", number(2), "x"))
    await until(lambda: device.answered == {"marked", "behind"}, "both are sent and told")
    assert gateway.lines("WARNING", "MQTT 5 properties that cannot be read", "using MQTT 3.1.1")
    assert judge(site.simulator, [(number(1), "x"), (number(2), "x")]).clean
    assert await gateway.stop() == 0


async def test_bridge_requests_are_answered_with_the_transaction_echoed(site: Site) -> None:
    gateway, device = await site.running()
    health = await device.ask("health_check", {"transaction": "t-1"})
    assert (health["status"], health["error"], health["transaction"]) == ("ok", None, "t-1")
    assert health["data"]["mqtt"]["connected"] is True
    assert health["data"]["wrong"] == []
    unknown = await device.ask("make_coffee", {"transaction": 7})
    assert (unknown["status"], unknown["data"], unknown["transaction"]) == ("error", None, 7)
    assert "make_coffee" in unknown["error"]
    for broken in (b"{", b"[1]", b"\xff", b'{"transaction": "' + b"x" * 1_000_000):
        answer = await device.ask("health_check", broken)
        assert (answer["status"], answer["transaction"]) == ("error", None)
    assert (await device.ask("health_check"))["status"] == "ok"
    assert "Traceback" not in gateway.log


async def test_cancel_withdraws_what_waits_and_says_what_is_too_late(site: Site) -> None:
    gateway, device = await site.running()
    site.simulator.faults.set([{"on": "any", "status": 401, "code": 20003}])
    device.publish("txt", text("first", number(1), "x"))
    await until(lambda: gateway.lines("WARNING Twilio: "), "sending pauses")
    device.publish("txt", text("second", number(2), "y"))
    await until(lambda: gateway.rows("SELECT count(*) FROM delivery") == [(2,)], "both are kept")
    answer = await device.ask("cancel", {"id": "second", "transaction": "t"})
    assert (answer["status"], answer["transaction"]) == ("ok", "t")
    assert len(answer["data"]["cancelled"]) == 1
    assert (await device.status("second"))["response"]["error"] == "Cancelled"
    site.simulator.faults.clear()
    await device.status("first")
    assert [message.to for message in site.simulator.messages] == [number(1)]
    assert (await device.ask("cancel", {"id": "second"}))["status"] == "error"
    assert (await device.ask("cancel", {}))["status"] == "error"


async def test_info_tells_version_host_configuration_and_rehearsal(site: Site) -> None:
    _gateway, device = await site.running()
    info = json.loads((await device.hears("bridge/info"))[-1].payload)
    assert info["rehearsal"] is True
    assert info["config"]["twilio"]["auth_token"] == "***"
    assert info["instance"]
    late = await site.device(topics=("twilio/bridge/#",))
    await late.hears("bridge/info")
    await late.hears("bridge/health")
    assert late.heard("bridge/info")[0].retain
