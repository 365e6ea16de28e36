"""A broker like AWS IoT Core: it knows its clients by their certificates, and has limits."""

import asyncio
import contextlib
import json
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import MQTTv5, MQTTv311

from callbox.errors import HostError
from callbox.hosts.address import Address
from callbox.hosts.connection import Connection, Granted, Session
from callbox.hosts.tls import tls_context
from harness import FROM, Cable, Device, Gateway, Nursery, Site, call, number, phones, text, until
from harness.cable import CONNECT, PUBLISH
from harness.certificates import Authority, Identity
from harness.gateway import Sections
from harness.ports import free_port

ROOT = Path(__file__).parents[2]
POLICY = json.loads((ROOT / "examples" / "aws-iot-policy.json").read_text())
THING = "callbox-plant-4"
ENDPOINT = "a1b2c3-ats.iot.eu-central-1.amazonaws.com"
ALPN = "x-amzn-mqtt-ca"
CONNACK, SUBSCRIBE = 2, 8


@dataclass(frozen=True)
class People:
    """Everybody's certificates."""

    authority: Authority
    broker: Identity
    late_broker: Identity
    far_broker: Identity
    thing: Identity
    device: Identity
    expired: Identity
    stranger: Identity
    strangers: Authority

    def context(self, who: Identity) -> ssl.SSLContext:
        return tls_context(self.authority.ca, *who, ())


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    folder = tmp_path_factory.mktemp("people")
    authority, strangers = Authority(folder / "ours"), Authority(folder / "theirs", "theirs")
    return People(
        authority,
        authority.sign("broker", "IP:127.0.0.1,DNS:localhost"),
        authority.expired("late"),
        authority.sign("far", "DNS:far.example.com"),
        authority.sign(THING),
        authority.sign("device"),
        authority.expired("expired"),
        strangers.sign("stranger"),
        strangers,
    )


def granted(*actions: str) -> set[str]:
    """Give the resources that the policy allows for any of the actions, without the ARN."""
    found = set()
    for statement in POLICY["Statement"]:
        allowed = statement["Action"]
        if not set(actions).isdisjoint([allowed] if isinstance(allowed, str) else allowed):
            found |= {resource.split(":", 5)[5] for resource in statement["Resource"]}
    return found


def topics(*actions: str) -> set[str]:
    return {resource.partition("/")[2] for resource in granted(*actions)}


def acl() -> str:
    """Give the policy in mosquitto's words; `device` may do everything."""
    reads, writes = topics("iot:Receive"), topics("iot:Publish")
    lines = [f"topic read {topic}" for topic in reads] + [f"topic write {each}" for each in writes]
    allowed = "\n".join(lines).replace("/*", "/+")
    return f"user {THING}\n{allowed}\nuser device\ntopic readwrite #\n"


@dataclass
class Cloud:
    """A site whose broker lets in certificates only, with what the policy allows them."""

    site: Site
    people: People
    sections: Sections = field(default_factory=dict)

    async def starts(self, **changes: str) -> None:
        """Start the broker."""
        rules = self.site.folder / "acl"
        rules.write_text(acl())
        rules.chmod(0o600)
        broker = self.people.broker
        self.site.broker.options |= {
            "certfile": str(broker.cert),
            "keyfile": str(broker.key),
            "cafile": str(self.people.authority.ca),
            "require_certificate": "true",
            "use_identity_as_username": "true",
            "acl_file": str(rules),
            "log_type": "all",
            **changes,
        }
        await self.site.broker.start()

    def gateway(self, name: str = "gateway", **mqtt: object) -> Gateway:
        """Give a gateway that is the thing."""
        cert, key = self.people.thing
        usual = {
            "url": f"mqtts://localhost:{self.site.broker.port}",
            "ca": str(self.people.authority.ca),
            "cert": str(cert),
            "key": str(key),
            "client_id": THING,
        }
        settings = {key: value for key, value in {**usual, **mqtt}.items() if value is not None}
        return self.site.gateway(name, **{**self.sections, "mqtt": settings})

    async def device(self) -> Device:
        tls = self.people.context(self.people.device)
        return await self.site.device(tls=tls, topics=("twilio/#",))

    @property
    def log(self) -> str:
        return self.site.broker.log


@pytest.fixture
async def cloud(nursery: Nursery, tmp_path: Path, people: People) -> AsyncIterator[Cloud]:
    async with Site(nursery, tmp_path) as site:
        yield Cloud(site, people)


# --- the policy -----------------------------------------------------------------------------------


def documented(section: str) -> dict[str, bool]:
    """Give the topics of a table in docs/topics.md, and whether they are retained."""
    page = (ROOT / "docs" / "topics.md").read_text()
    table = page.partition(f"\n{section}: what ")[2].partition("\n\n|")[2].partition("\n\n")[0]
    rows = [line.split("|") for line in table.splitlines()]
    names = re.compile(r"`(twilio/[a-z/_]+)(<command>)?`")
    found = [(names.search(row[1]), row[3].strip()) for row in rows if len(row) > 3]
    return {hit[1] + ("*" if hit[2] else ""): kept == "yes" for hit, kept in found if hit}


def test_the_policy_allows_every_documented_topic_and_no_other() -> None:
    incoming, outgoing = documented("In"), documented("Out")
    assert len(incoming) == 3
    assert topics("iot:Publish") == set(outgoing)
    assert topics("iot:RetainPublish") == {name for name, kept in outgoing.items() if kept}
    own = {"twilio/bridge/state", "twilio/bridge/info"}  # by which two gateways see each other
    assert topics("iot:Receive") == set(incoming) | own
    assert granted("iot:Receive", "iot:Publish", "iot:RetainPublish") == {
        f"topic/{name}" for name in {*incoming, *outgoing}
    }
    filters = {f"topicfilter/{name.replace('*', '+')}" for name in topics("iot:Receive")}
    assert granted("iot:Subscribe") == filters
    assert granted("iot:Connect") == {f"client/{THING}", f"client/{THING}-*"}


def test_the_policy_has_no_other_action_and_allows_a_last_will_and_a_lasting_session() -> None:
    known = {f"iot:{verb}" for verb in ("Connect", "Subscribe", "Receive", "Publish")}
    asked: set[str] = set()
    for statement in POLICY["Statement"]:
        actions = statement["Action"]
        asked |= {actions} if isinstance(actions, str) else set(actions)
        assert statement["Effect"] == "Allow"
        assert all(each.startswith("arn:aws:iot:") for each in statement["Resource"])
    assert asked == known | {"iot:RetainPublish"}
    gateway = POLICY["Statement"][0]
    attributes = gateway["Condition"]["ForAllValues:StringEquals"]["iot:ConnectAttributes"]
    assert set(attributes) == {"PersistentConnect", "LastWill"}


async def test_a_gateway_does_everything_with_the_policy_and_asks_for_nothing_more(
    cloud: Cloud,
) -> None:
    site, port = cloud.site, free_port()
    base = f"http://127.0.0.1:{port}"
    cloud.sections = {
        "http": {"port": port, "public_url": base},
        "inbound": {"polling": "off"},
    }
    ours = site.simulator.number(FROM)
    ours.sms_url, ours.voice_url = f"{base}/twilio/sms", f"{base}/twilio/voice"
    ours.status_callback = f"{base}/twilio/status"
    await cloud.starts()
    device, gateway = await cloud.device(), cloud.gateway()
    gateway.start()
    await gateway.online(device)
    device.publish("txt", text("a text", number(1), "x"))
    device.publish("call", call("a call", number(2), "https://example.com/call.xml"))
    await device.status("a text")
    await device.status("a call")
    await device.hears("message/delivery", 2)
    await device.hears("message/sent")
    async with phones(site.simulator) as phone:
        await phone(number(1)).expects("x")
        await phone(number(3)).texts("hello")
        await phone(number(3)).calls()
    await device.hears("message/received")
    await device.hears("call/received")
    assert (await device.health())["wrong"] == []
    await device.hears("bridge/health")
    assert await gateway.stop() == 0
    await device.offline()
    assert "Denied" not in cloud.log
    assert used(cloud.log, "PUBLISH") == covered("iot:Publish")
    assert used(cloud.log, "PUBLISH", ", r1") == covered("iot:RetainPublish")
    assert subscriptions(cloud.log) == {
        name.removeprefix("topicfilter/") for name in granted("iot:Subscribe")
    }


def covered(action: str) -> set[str]:
    """Give topics of an action, with the one command that the test above has asked for."""
    return {name.replace("*", "health_check") for name in topics(action)}


def used(log: str, kind: str, words: str = "") -> set[str]:
    """Give the topics that the gateway has published on, as mosquitto saw it."""
    lines = [line for line in log.splitlines() if f"Received {kind} from {THING} " in line]
    return {line.split("'")[1] for line in lines if words in line}


def subscriptions(log: str) -> set[str]:
    """Give what the gateway has subscribed to; mosquitto has a line for each, client first."""
    return set(re.findall(rf"{THING} [01] (twilio/\S+)", log))


async def test_what_the_policy_does_not_name_is_denied(cloud: Cloud) -> None:
    await cloud.starts()
    device = await cloud.device()
    gateway = cloud.gateway(base_topic="other")
    gateway.start()
    denied = f"Denied PUBLISH from {THING} (d0, q1, r1, m"
    await until(lambda: denied in cloud.log, "the broker denies it")
    assert "'other/bridge/info'" in cloud.log.partition(denied)[2].partition("\n")[0]
    assert device.state is None


# --- days -----------------------------------------------------------------------------------------


async def test_a_day_with_restarts_on_both_sides_sends_two_hundred_requests_once(
    cloud: Cloud,
) -> None:
    await cloud.starts()
    device, gateway = await cloud.device(), cloud.gateway()
    gateway.start()
    await gateway.online(device)
    asked = [f"request {place}" for place in range(200)]
    await tells(device, asked[:80])
    assert await gateway.stop() == 0
    await device.offline()
    await tells(device, asked[80:120])
    gateway.start()
    await gateway.online(device)
    await cloud.site.broker.stop()
    await until(lambda: gateway.lines("WARNING Broker: "), "the loss is said")
    await cloud.site.broker.start()
    await until(lambda: device.connected, "the device is back")
    await tells(device, asked[120:])
    await until(lambda: device.answered == set(asked), "every request has a status")
    await until(lambda: told(device) == set(asked), "what became of each is told")
    sent = [message.body for message in cloud.site.simulator.messages]
    assert sorted(sent) == sorted(asked), "each is sent, and once"
    await until(lambda: gateway.lines("Broker: well again"), "the broker is well again")
    assert (await device.health())["wrong"] == []
    assert await gateway.stop() == 0
    assert "Traceback" not in gateway.log


async def tells(device: Device, asked: list[str]) -> None:
    """Publish a request for each, and wait until the broker has them."""
    for place, request_id in enumerate(asked):
        device.publish("txt", text(request_id, number(place), request_id))
    await device.flushed()


def told(device: Device) -> set[str]:
    """Give the requests of which a `message/delivery` has told."""
    return {each.document["id"] for each in device.heard("message/delivery")}


# --- certificates ---------------------------------------------------------------------------------

UNTRUSTED = "shows a certificate that is not trusted: "

# What is wrong: how the broker is, what the gateway's section mqtt says, what is said of it.
TROUBLES: dict[str, tuple[Callable[[People], dict[str, str]], Callable[[People], Any], str]] = {
    "the broker's authority is unknown": (
        lambda _: {},
        lambda people: {"ca": str(people.strangers.ca)},
        f"{UNTRUSTED}nobody trusted here has signed it; set mqtt.ca to the PEM file of the author",
    ),
    "the broker's certificate has expired": (
        lambda people: pair(people.late_broker),
        lambda _: {},
        f"{UNTRUSTED}it has expired; have the broker's certificate renewed",
    ),
    "the broker's certificate is another host's": (
        lambda people: pair(people.far_broker),
        lambda _: {},
        f"{UNTRUSTED}it is for another host name; write a name in mqtt.url that the certificate",
    ),
    "the broker wants a certificate and there is none": (
        lambda _: {},
        lambda _: {"cert": None, "key": None},
        "set mqtt.cert and mqtt.key",
    ),
    "the certificate has expired": (
        lambda _: {},
        lambda people: dict(zip(("cert", "key"), map(str, people.expired), strict=True)),
        "certificate in mqtt.cert has expired; renew",
    ),
    "the certificate is of an authority that the broker does not know": (
        lambda _: {},
        lambda people: dict(zip(("cert", "key"), map(str, people.stranger), strict=True)),
        "refuses TLS: it does not know the authority that signed mqtt.cert; take a certificate of",
    ),
}


def pair(who: Identity) -> dict[str, str]:
    return {"certfile": str(who.cert), "keyfile": str(who.key)}


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_a_certificate_that_is_not_accepted_is_said_with_what_to_do(
    cloud: Cloud, nursery: Nursery, trouble: str
) -> None:
    broker, mqtt, sentence = TROUBLES[trouble]
    await cloud.starts(**broker(cloud.people))
    gateway = cloud.gateway(**mqtt(cloud.people))
    await is_said(gateway, sentence)
    code, found = await checked(nursery, gateway)
    assert code == 1
    (wrong,) = [line for line in found.splitlines() if line.startswith("WRONG Broker: ")]
    assert sentence in wrong


async def is_said(gateway: Gateway, sentence: str) -> None:
    """Start a gateway and see that it tells of the trouble and lives on."""
    gateway.start()
    await until(lambda: gateway.lines("WARNING Broker: "), "it is said")
    assert sentence in gateway.lines("WARNING Broker: ")[0]
    assert await gateway.stop() == 0
    assert "Traceback" not in gateway.log


async def checked(nursery: Nursery, gateway: Gateway, *options: str) -> tuple[int, str]:
    """Run `callbox check --online` with a gateway's configuration; exit code and what it said."""
    config, said = gateway.folder / "callbox.yaml", gateway.folder / "check.log"
    argv = ["check", "--config", str(config), *(options or ("--online",))]
    pid = nursery.fork(argv, said, {})
    await until(lambda: nursery.code(pid) is not None, "the check ends")
    found = said.read_text()
    assert "Traceback" not in found
    return nursery.code(pid) or 0, found


async def test_speaking_tls_where_there_is_none_and_the_reverse_is_said(
    cloud: Cloud, nursery: Nursery, tmp_path: Path
) -> None:
    await cloud.starts()
    plain = cloud.site.gateway("plain")
    await is_said(plain, "if it speaks TLS there, write mqtts:// in mqtt.url")
    async with Site(nursery, tmp_path / "other") as other:
        await other.broker.start()
        encrypted = cloud.gateway("encrypted", url=f"mqtts://localhost:{other.broker.port}")
        await is_said(encrypted, "it seems not to speak TLS on this port; correct mqtt.url")


LOCAL: dict[str, tuple[Callable[[People], tuple[Path, Path]], str, str]] = {
    "swapped": (lambda people: (people.thing.key, people.thing.cert), "mqtt.cert (", "exchange"),
    "a key of another": (
        lambda people: (people.thing.cert, people.device.key),
        "mqtt.key (",
        "does not belong to the certificate",
    ),
    "locked": (
        lambda people: people.authority.locked(people.thing),
        "mqtt.key (",
        "locked by a pass phrase",
    ),
}


@pytest.mark.parametrize("what", LOCAL)
async def test_what_can_be_known_here_ends_the_start_with_a_sentence(
    cloud: Cloud, nursery: Nursery, what: str
) -> None:
    files, key, sentence = LOCAL[what]
    cert, private = files(cloud.people)
    gateway = cloud.gateway(cert=str(cert), key=str(private))
    gateway.start()
    assert await gateway.ended() == 2
    (line,) = gateway.log.splitlines()
    assert key in line
    assert sentence in line
    code, found = await checked(nursery, gateway, "--all")
    assert (code, found.splitlines()[0]) == (2, line)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_certificate_that_expires_while_it_is_in_use_is_said_by_every_tls(
    cloud: Cloud, version: ssl.TLSVersion
) -> None:
    await cloud.starts()
    tls = cloud.people.context(cloud.people.expired)
    tls.maximum_version = version
    address = Address("localhost", cloud.site.broker.port, tls=tls, certified=True)
    with pytest.raises(HostError, match=r"certificate in mqtt\.cert has expired; renew"):
        await connected(address)


async def connected(address: Address, version: int = MQTTv5) -> Granted:
    connection = Connection(address, Session(THING, version, 60, 30, "twilio/bridge/state"))
    granted = await connection.open()
    await connection.close()
    return granted


# --- the endpoint ---------------------------------------------------------------------------------


@dataclass
class Listener:
    """A TLS server that notes what clients offer, and hangs up."""

    context: ssl.SSLContext
    names: list[str | None] = field(default_factory=list)
    protocols: list[str | None] = field(default_factory=list)
    versions: list[str | None] = field(default_factory=list)
    certificates: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.sni_callback = self._named

    def _named(self, _socket: object, name: str | None, _context: object) -> None:
        self.names.append(name)

    async def met(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        found = writer.get_extra_info("ssl_object")
        self.certificates.append(dict(found.getpeercert()["subject"][0])["commonName"])
        self.versions.append(found.version())
        self.protocols.append(found.selected_alpn_protocol())
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def listening(people: People, alpn: str) -> AsyncIterator[tuple[Listener, int]]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=people.authority.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(*people.broker)
    context.set_alpn_protocols([alpn])
    listener = Listener(context)
    server = await asyncio.start_server(listener.met, "127.0.0.1", 0, ssl=context)
    async with server:
        yield listener, server.sockets[0].getsockname()[1]


async def test_the_protocol_of_port_443_the_host_name_and_the_certificate_are_shown(
    cloud: Cloud,
) -> None:
    async with listening(cloud.people, ALPN) as (listener, port):
        gateway = cloud.gateway(url=f"mqtts://localhost:{port}", alpn=["mqtt", ALPN])
        gateway.start()
        await until(lambda: gateway.lines("WARNING Broker: "), "the gateway is refused")
        assert listener.protocols[0] == ALPN
        assert listener.names[0] == "localhost"
        assert listener.certificates[0] == THING
        assert listener.versions[0] in {"TLSv1.2", "TLSv1.3"}
        assert "closed the connection before it answered" in gateway.log
        assert await gateway.stop() == 0


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> str:
    """Give a host name of AWS that leads to this machine."""
    real = socket.getaddrinfo

    def here(host: str, *more: Any, **options: Any) -> Any:  # noqa: ANN401 - socket's
        return real("127.0.0.1" if host == ENDPOINT else host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    return ENDPOINT


async def test_at_aws_a_refusal_names_the_certificate_and_the_policy(
    cloud: Cloud, tmp_path: Path, endpoint: str
) -> None:
    people = cloud.people
    await cloud.starts(**pair(people.authority.sign("aws", f"DNS:{endpoint}")))
    port = cloud.site.broker.port
    there = Address(endpoint, port, tls=people.context(people.thing), certified=True)
    assert (await connected(there)).window == 100
    assert (await connected(there, MQTTv311)).largest == 131_072
    await cloud.site.broker.stop()
    nobody = tmp_path / "nobody"
    nobody.touch(mode=0o600)
    cloud.site.broker.access = {"allow_anonymous": "false", "password_file": str(nobody)}
    del cloud.site.broker.options["use_identity_as_username"]
    await cloud.site.broker.start()
    policy = f"its policy lets client/{THING} connect, with LastWill and PersistentConnect"
    with pytest.raises(HostError, match=policy):
        await connected(there)


async def test_at_aws_a_connection_closed_without_a_word_is_laid_to_the_policy(
    people: People, endpoint: str
) -> None:
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(*people.authority.sign("silent", f"DNS:{endpoint}"))

    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=server_side)
    async with server:
        port = server.sockets[0].getsockname()[1]
        there = Address(endpoint, port, tls=people.context(people.thing), certified=True)
        with pytest.raises(HostError, match=f"its policy lets client/{THING} connect"):
            await connected(there)


# --- limits ---------------------------------------------------------------------------------------


async def test_the_gateway_keeps_to_qos_0_and_1_eight_filters_and_128_kilobytes(site: Site) -> None:
    packets: list[bytes] = []

    def note(packet: bytes) -> bytes:
        packets.append(packet)
        return packet

    async with Cable(site.broker.port) as cable:
        cable.up = note
        gateway = site.gateway(mqtt={"url": cable.url, "version": "5"})
        device = await site.device()
        gateway.start()
        await gateway.online(device)
        device.publish("txt", text("x" * 100_000, number(1), "x"))
        await device.status("x" * 100_000)
        await device.hears("message/delivery")
        assert await gateway.stop() == 0
    (connect,) = (packet for packet in packets if packet[0] >> 4 == CONNECT)
    assert will_qos(connect) == 1
    published = [packet for packet in packets if packet[0] >> 4 == PUBLISH]
    assert len(published) > 4
    assert {packet[0] >> 1 & 3 for packet in published} == {1}
    assert max(map(len, published)) < 131_072
    asked = [filters(packet) for packet in packets if packet[0] >> 4 == SUBSCRIBE]
    assert sum(map(len, asked)) == len(granted("iot:Subscribe"))
    assert max(map(len, asked)) <= 8
    assert all(name.count("/") <= 7 and qos <= 1 for each in asked for name, qos in each)


def will_qos(connect: bytes) -> int:
    flags = connect[connect.index(b"MQTT") + 5]
    return flags >> 3 & 3


def filters(subscribe: bytes) -> list[tuple[str, int]]:
    """Give filters and QoS of a SUBSCRIBE of MQTT 5 of less than 128 bytes, without properties."""
    found, rest = [], subscribe[5:]
    while rest:
        length = int.from_bytes(rest[:2], "big")
        found.append((rest[2 : 2 + length].decode(), rest[2 + length] & 3))
        rest = rest[3 + length :]
    return found


async def test_a_document_too_large_for_the_broker_is_kept_and_said_and_holds_nothing_up(
    nursery: Nursery, tmp_path: Path
) -> None:
    async with Site(nursery, tmp_path) as site:
        site.broker.options["max_packet_size"] = "5000"
        await site.broker.start()
        gateway, device = await site.running(mqtt={"version": "5"})
        long = "x" * 4_550  # its status fits, its message/delivery does not
        device.publish("txt", text(long, number(1), "x"))
        await device.status(long)
        said = "the broker refuses events on message/delivery: it has "
        await until(lambda: gateway.lines("WARNING Broker: ", said), "it is said")
        assert gateway.lines("the broker takes packets of 5000 at most")
        device.publish("txt", text("short", number(2), "y"))
        await device.status("short")
        await until(lambda: "short" in told(device), "others pass")
        health = await device.health()
        assert health["mqtt"]["connections"] == 1
        assert any(said in sentence for sentence in health["wrong"])
        assert health["queue"]["owed_events"] > 0
        await site.broker.stop()
        del site.broker.options["max_packet_size"]
        await site.broker.start()
        await until(lambda: long in told(device), "it is told")


async def test_a_session_kept_shorter_than_asked_for_is_said(site: Site) -> None:
    def an_hour(packet: bytes) -> bytes:
        """Add a Session Expiry Interval of 3600 s to CONNACK."""
        if packet[0] >> 4 != CONNACK:
            return packet
        expiry = b"\x11" + (3_600).to_bytes(4, "big")
        kept = packet[2:4] + bytes([packet[4] + len(expiry)]) + expiry + packet[5:]
        return bytes([packet[0], len(kept)]) + kept

    async with Cable(site.broker.port) as cable:
        cable.down = an_hour
        gateway = site.gateway(mqtt={"url": cable.url, "version": "5"})
        device = await site.device()
        gateway.start()
        await gateway.online(device)
    (said,) = gateway.lines("The broker keeps the session for 3600 s, not 604800")
    assert "a longer absence loses requests" in said
