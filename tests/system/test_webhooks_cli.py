"""`callbox numbers` and `callbox webhooks` as typed, and the round trip past what can be wrong."""

import asyncio
import json
import os
import pty
import socket
import ssl
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from callbox.simulator import Settings, Simulator, start
from callbox.twilio.account import Finding
from callbox.twilio.door import Settings as Doorplate
from callbox.twilio.numbers import Place
from callbox.twilio.roundtrip import RoundTrip
from callbox.twilio.webhooks import Webhooks
from harness.certificates import Authority
from harness.ports import free_port

ACCOUNT = "AC" + "0123456789abcdef" * 2
TOKEN = "correct-horse-battery"
PHONE, OTHER = "+15005550006", "+15557654321"
PUBLIC = "http://callbox.example.com"
LOGIN = ("indigo", "a:b/c@d")
PATIENCE = 30.0

Handler = Callable[[web.Request], Awaitable[web.Response]]


# the commands


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where commands are typed; `stdin` is what is typed when they ask, None for no terminal."""

    folder: Path
    twilio: Simulator

    def configure(self, **sections: dict[str, object]) -> None:
        twilio = {
            "account_sid": ACCOUNT,
            "auth_token": TOKEN,
            "default_from_number": PHONE,
            "base_url": self.twilio.url,
        }
        rest: dict[str, dict[str, object]] = {
            "http": {"public_url": PUBLIC},
            "store": {"url": f"sqlite://{self.folder / 'callbox.sqlite3'}"},
        }
        rest |= sections
        rest["twilio"] = twilio | rest.get("twilio", {})
        (self.folder / "callbox.yaml").write_text(json.dumps(rest))

    async def type(self, *words: str, answer: str | None = None) -> Ended:
        outside = ("CALLBOX_", "TWILIO_")
        kept = {name: os.environ[name] for name in os.environ if not name.startswith(outside)}
        main, terminal = pty.openpty()
        try:
            if answer is not None:
                os.write(main, f"{answer}\n".encode())
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "callbox", *words),
                cwd=self.folder,
                env=kept,
                stdin=asyncio.subprocess.DEVNULL if answer is None else terminal,
                stdout=PIPE,
                stderr=PIPE,
            )
            out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
        finally:
            os.close(main)
            os.close(terminal)
        assert b"Traceback" not in out + err, err.decode()
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())

    async def documents(self) -> dict[str, dict[str, Any]]:
        listed = await self.type("numbers", "--json")
        assert listed.code == 0
        return {each["phone_number"]: each for each in json.loads(listed.out)}

    async def urls(self, phone: str = PHONE) -> tuple[str | None, str | None]:
        found = (await self.documents())[phone]
        return found["texts"]["url"], found["calls"]["url"]

    def set_up(self, phone: str = PHONE, **values: object) -> None:
        """Change a number behind the gateway's back."""
        number = self.twilio._board.numbers[phone]
        for name, value in values.items():
            setattr(number, name, value)


@pytest.fixture
async def terminal(tmp_path: Path) -> AsyncIterator[Terminal]:
    async with await start(settings=Settings()) as simulator:
        terminal = Terminal(tmp_path, simulator)
        terminal.configure()
        yield terminal


async def test_numbers_are_listed_with_what_they_can_and_where_they_point(
    terminal: Terminal,
) -> None:
    terminal.set_up(sms_url="https://u:secret@elsewhere.example.com/sms")
    terminal.set_up(OTHER, sms_url=f"{PUBLIC}/twilio/sms", voice_application_sid="AP" + "1" * 32)
    ended = await terminal.type("numbers")
    assert (ended.code, ended.err) == (0, "")
    first, second = ended.out.splitlines()[1:]
    assert first.split(maxsplit=4)[:4] == [PHONE, "SMS,", "MMS,", "voice"]
    assert "elsewhere: https://u:***@elsewhere.example.com/sms" in first
    assert first.rstrip().endswith("nowhere")
    assert "this gateway" in second
    assert f"TwiML application AP{'1' * 32}" in second
    assert "\x1b" not in ended.out
    documents = await terminal.documents()
    assert documents[OTHER]["texts"] == {"go_to": "this gateway", "url": f"{PUBLIC}/twilio/sms"}
    assert documents[PHONE]["calls"] == {"go_to": "nowhere", "url": None}


@pytest.mark.parametrize("words", [("numbers",), ("webhooks", "set", "--yes")])
async def test_what_twilio_refuses_is_a_sentence(
    terminal: Terminal, words: tuple[str, ...]
) -> None:
    terminal.twilio.faults.set([{"on": "any", "status": 503}])
    ended = await terminal.type(*words)
    assert (ended.code, ended.out) == (1, "")
    assert "503" in ended.err


async def test_set_shows_the_change_remembers_and_restore_puts_it_back(terminal: Terminal) -> None:
    terminal.configure(
        http={
            "public_url": PUBLIC,
            "webhook_username": LOGIN[0],
            "webhook_password": LOGIN[1],
        }
    )
    terminal.set_up(sms_url="https://first.example.com/sms", sms_method="GET")
    ended = await terminal.type("webhooks", "set", "--yes")
    assert (ended.code, ended.err) == (0, "")
    for words in ("https://first.example.com/sms", "http://indigo:***@callbox", "GET", "nowhere"):
        assert words in ended.out
    assert (
        "    will be  to http://indigo:***@callbox.example.com/twilio/sms#rc=2&rp=all" in ended.out
    )
    assert "tries again twice" in ended.out
    number = terminal.twilio._board.numbers[PHONE]
    at = "http://indigo:a%3Ab%2Fc%40d@callbox.example.com/twilio"
    assert number.sms_url == f"{at}/sms#rc=2&rp=all"
    assert number.voice_url == f"{at}/voice#rc=2&rp=all"
    assert number.status_callback == f"{at}/status#rc=2&rp=all"
    assert number.sms_method == "POST"
    assert await terminal.urls(OTHER) == (None, None)
    shown = (await terminal.urls())[0]
    assert shown == "http://indigo:***@callbox.example.com/twilio/sms#rc=2&rp=all"
    again = await terminal.type("webhooks", "set", "--yes")
    assert (again.code, again.out) == (0, f"Nothing to change: {PHONE} points here already.\n")
    terminal.configure(http={"public_url": "http://second.example.com"})
    assert (await terminal.type("webhooks", "set", "--yes")).code == 0
    restored = await terminal.type("webhooks", "restore", "--yes")
    assert (restored.code, restored.err) == (0, "")
    assert number.sms_url == "https://first.example.com/sms"
    assert (number.sms_method, number.voice_url, number.status_callback) == ("GET", "", "")
    nothing = await terminal.type("webhooks", "restore", "--yes")
    assert (nothing.code, nothing.out.startswith("Nothing is remembered")) == (0, True)
    assert (await terminal.type("webhooks", "restore", PHONE)).code == 1


async def test_set_asks_on_a_terminal_and_needs_yes_without_one(terminal: Terminal) -> None:
    ended = await terminal.type("webhooks", "set")
    assert ended.code == 2
    assert "--yes" in ended.err
    assert (await terminal.type("webhooks", "set", answer="n")).code == 1
    assert await terminal.urls() == (None, None)
    assert not list(terminal.folder.glob("*.webhooks.json"))
    assert (await terminal.type("webhooks", "set", answer="y")).code == 0
    assert None not in await terminal.urls()


async def test_set_leaves_alone_what_is_asked_to_be(terminal: Terminal) -> None:
    terminal.configure(inbound={"numbers": [OTHER, f"whatsapp:{OTHER}"]})
    assert (await terminal.type("webhooks", "set", "--yes", "--no-sms")).code == 0
    for phone in (PHONE, OTHER):
        texts, calls = await terminal.urls(phone)
        assert texts is None
        assert calls is not None
    assert (await terminal.type("webhooks", "set", "+1 (555) 765-4321", "--yes")).code == 0
    assert (await terminal.urls())[0] is None
    assert (await terminal.urls(OTHER))[0] is not None


@pytest.mark.parametrize(
    ("field", "sid", "leave"),
    [
        ("sms_application_sid", "AP", "--no-sms"),
        ("voice_application_sid", "AP", "--no-voice"),
        ("trunk_sid", "TK", "--no-voice"),
    ],
)
async def test_set_refuses_what_others_have_and_changes_nothing_else(
    terminal: Terminal, field: str, sid: str, leave: str
) -> None:
    owner = sid + "1" * 32
    terminal.set_up(OTHER, **{field: owner})
    ended = await terminal.type("webhooks", "set", PHONE, OTHER, "--yes", "--anyway")
    assert (ended.code, ended.out) == (1, "")
    for words in (OTHER, owner, leave, "Nothing was changed"):
        assert words in ended.err
    assert await terminal.urls() == (None, None)
    assert (await terminal.type("webhooks", "set", PHONE, OTHER, "--yes", leave)).code == 0


async def test_set_says_when_a_messaging_service_cannot_be_read(terminal: Terminal) -> None:
    sid = "MG" + "d" * 32
    terminal.configure(twilio={"messaging_service_sid": sid})
    ended = await terminal.type("webhooks", "set", "--yes")
    assert ended.code == 0
    assert f"messaging service {sid} has is not known" in ended.err


@asynccontextmanager
async def with_service(url: str) -> AsyncIterator[str]:
    """Be Twilio with a number for texts in a messaging service; the simulator knows no services."""

    async def service(request: web.Request) -> web.Response:
        if request.path.endswith("PhoneNumbers"):
            members = [{"phone_number": PHONE}]
            return web.json_response({"phone_numbers": members, "meta": {"key": "phone_numbers"}})
        return web.json_response({"sid": request.match_info["sid"], "inbound_request_url": url})

    async def numbers(request: web.Request) -> web.Response:
        values = dict.fromkeys(("sms_url", "voice_url", "status_callback"), "")
        number = {"sid": "PN" + "1" * 32, "phone_number": PHONE, **values}
        number |= dict.fromkeys(("sms_method", "voice_method"), "POST")
        number |= {"status_callback_method": "POST"}
        capable = {"capabilities": {"sms": True, "voice": False}}
        if request.method == "POST":
            form = await request.post()
            number["sms_url"] = str(form.get("SmsUrl", ""))
            return web.json_response(number | capable)
        return web.json_response({"incoming_phone_numbers": [number | capable]})

    app = web.Application()
    app.router.add_get("/v1/Services/{sid}", service)
    app.router.add_get("/v1/Services/{sid}/PhoneNumbers", service)
    app.router.add_route("*", "/{path:.*}", numbers)
    async with serving_app(app) as at:
        yield at


async def test_set_refuses_the_texts_of_a_messaging_service(terminal: Terminal) -> None:
    sid = "MG" + "d" * 32
    async with with_service("https://elsewhere.example.com") as url:
        terminal.configure(twilio={"messaging_service_sid": sid, "base_url": url})
        refused = await terminal.type("webhooks", "set", "--yes")
        assert (refused.code, refused.out) == (1, "")
        for words in (sid, "--anyway", "--no-sms", f"{PUBLIC}/twilio/sms", "Integration"):
            assert words in refused.err
        allowed = await terminal.type("webhooks", "set", "--yes", "--anyway")
        assert (allowed.code, allowed.err) == (0, "")
        assert "calls go" not in allowed.out  # it can do texts only
        listed = await terminal.type("numbers")
        assert f"messaging service {sid}: https://elsewhere.example.com" in listed.out
    async with with_service(f"{PUBLIC}/twilio/sms") as url:
        terminal.configure(twilio={"messaging_service_sid": sid, "base_url": url})
        assert "this gateway" in (await terminal.type("numbers")).out


async def test_a_number_of_somebody_else_is_refused_with_the_own_ones(terminal: Terminal) -> None:
    ended = await terminal.type("webhooks", "set", "+19999999999", "--yes")
    assert ended.code == 1
    assert f"its own: {PHONE}, {OTHER}" in ended.err


async def test_restore_leaves_what_somebody_changed_since(terminal: Terminal) -> None:
    await terminal.type("webhooks", "set", "--yes")
    terminal.set_up(sms_url="https://somebody.example.com")
    ended = await terminal.type("webhooks", "restore", "--yes")
    assert (ended.code, ended.out) == (1, "")
    assert "https://somebody.example.com" in ended.err
    assert (await terminal.urls())[1] is not None
    assert (await terminal.type("webhooks", "restore", "--yes", "--anyway")).code == 0
    assert await terminal.urls() == (None, None)


async def test_restore_forgets_a_number_that_the_account_lost_if_told_to(
    terminal: Terminal,
) -> None:
    await terminal.type("webhooks", "set", PHONE, OTHER, "--yes")
    del terminal.twilio._board.numbers[OTHER]
    refused = await terminal.type("webhooks", "restore", "--yes")
    assert (refused.code, refused.out) == (1, "")
    assert f"{OTHER} is no number of this account" in refused.err
    assert (await terminal.type("webhooks", "restore", "--yes", "--anyway")).code == 0
    assert await terminal.urls() == (None, None)
    assert "Nothing is remembered" in (await terminal.type("webhooks", "restore")).out


async def test_a_change_that_fails_says_so_and_can_be_restored(terminal: Terminal) -> None:
    await terminal.type("webhooks", "set", "--yes")
    terminal.twilio.faults.set([{"on": "update-number", "status": 500}])
    ended = await terminal.type("webhooks", "set", PHONE, OTHER, "--yes")
    terminal.twilio.faults.set([])
    assert ended.code == 1
    assert f"{OTHER} and what follows it is not changed" in ended.err
    assert PHONE not in ended.err
    assert (await terminal.type("webhooks", "restore", "--yes")).code == 0
    assert await terminal.urls() == await terminal.urls(OTHER) == (None, None)
    assert "Nothing is remembered" in (await terminal.type("webhooks", "restore", "--yes")).out


@pytest.mark.parametrize("command", ["set", "test"])
async def test_without_a_public_url_there_is_nothing_to_do(
    terminal: Terminal, command: str
) -> None:
    terminal.configure(http={})
    ended = await terminal.type("webhooks", command)
    assert (ended.code, ended.out) == (2, "")
    assert "http.public_url" in ended.err
    assert "asks Twilio regularly" in ended.err


async def test_without_a_configured_number_one_has_to_be_named(terminal: Terminal) -> None:
    terminal.configure(twilio={"default_from_number": "Tank 7"})
    ended = await terminal.type("webhooks", "set", "--yes")
    assert (ended.code, ended.out) == (2, "")
    assert "callbox webhooks set +" in ended.err


# the round trip


@asynccontextmanager
async def serving_app(
    app: web.Application, tls: ssl.SSLContext | None = None, port: int = 0
) -> AsyncIterator[str]:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def answering(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with serving_app(app) as url:
        yield url


class Nobody:
    """Keeps nothing: nothing may come in."""

    async def receive(self, text: object) -> bool:
        raise AssertionError(text)

    async def ring(self, ring: object) -> bool:
        raise AssertionError(ring)


async def _no_news(news: object) -> bool:
    raise AssertionError(news)


@asynccontextmanager
async def gateway(
    tls: ssl.SSLContext | None = None,
    login: tuple[str, str] | None = None,
    path: str = "",
    *,
    basic_alone: bool = False,
) -> AsyncIterator[str]:
    """Serve the gateway's own webhooks."""
    port = free_port()
    public = f"http{'s' if tls else ''}://127.0.0.1:{port}{path}"
    user, password = login or (None, None)
    plate = Doorplate(public, (TOKEN,), user, password, basic_alone)
    app = web.Application()
    app.add_routes(Webhooks(plate, Nobody(), _no_news, lambda: None, "1a2b3c").routes())
    outer = app
    if path:
        outer = web.Application()
        outer.add_subapp(path, app)
    async with serving_app(outer, tls, port):
        yield public


async def trip(
    url: str,
    login: tuple[str, str] | None = None,
    token: str | None = TOKEN,
    *,
    strict: bool = False,
    **within: float,
) -> list[Finding]:
    place = Place(url, login)
    tripping = RoundTrip(place, ACCOUNT, token, strict=strict, **within)
    return [finding async for finding in tripping.findings()]


def kinds(findings: list[Finding]) -> list[str]:
    return [finding.sentence.partition(":")[0] for finding in findings if not finding.wrong]


def fault(findings: list[Finding]) -> str:
    """Give the only fault, which is the last that was found."""
    assert [finding.wrong for finding in findings] == [False] * (len(findings) - 1) + [True]
    return findings[-1].sentence


def says(text: str, status: int = 200, **headers: str) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text, status=status, headers=headers, content_type="text/html")

    return answer


async def test_the_right_gateway_passes_every_step() -> None:
    async with gateway() as url:
        found = await trip(url)
    assert not any(finding.wrong for finding in found), found
    assert kinds(found) == ["DNS", "Connection", "Answer", "Signature", "Time", "Forgery"]
    assert "Callbox 1a2b3c" in found[2].sentence


async def test_user_and_password_are_given_when_asked_for() -> None:
    async with gateway(login=LOGIN) as url:
        found = await trip(url, LOGIN)
        assert not any(finding.wrong for finding in found), found
        assert "Password" in kinds(found)
        for other in (("indigo", "wrong"), None):
            assert "http.webhook_username" in fault(await trip(url, other))


async def test_a_gateway_that_does_not_ask_for_the_password_is_told() -> None:
    async with gateway() as url:
        found = await trip(url, LOGIN)
    (wrong,) = (finding.sentence for finding in found if finding.wrong)
    assert wrong.startswith("Password: ")
    assert "restart" in wrong


async def test_the_password_alone_can_be_the_proof() -> None:
    async with gateway(login=LOGIN, basic_alone=True) as url:
        found = await trip(url, LOGIN, None)
    assert not any(finding.wrong for finding in found), found
    assert "without the password is refused" in found[-1].sentence


async def test_a_path_before_twilio_is_part_of_the_address() -> None:
    async with gateway(path="/callbox") as url:
        found = await trip(url.removesuffix("/callbox"))
        assert "nothing is there (HTTP status 404)" in fault(found)


async def test_another_token_or_public_url_names_both() -> None:
    async with gateway() as url:
        words = fault(await trip(url, token="another"))
        assert "http.public_url" in words
        assert "twilio.auth_token" in words
        assert url in words
        assert "Signature: refused" in fault(await trip(url.replace("127.0.0.1", "localhost")))


async def test_a_proxy_that_drops_the_signature_is_named() -> None:
    handler = says("X-Twilio-Signature is missing", 403)
    async with answering(handler) as url:
        assert "pass on every header" in fault(await trip(url))


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (says("<html><title>Log in to Hotel\n WLAN</title>"), "Log in to Hotel WLAN"),
        (says("Reflector Not Found"), "Reflector Not Found"),
        (says("<Response><!-- Callbox x --></Response>", 500), "a fault of its own"),
        (says("", 502), "callbox run"),
        (says("", 504), "callbox run"),
        (says("<title>Attention Required!</title>", 403), "Attention Required!"),
        (says("", 401), "http.webhook_username"),
        (says("", 301, Location="https://u:pw@example.com/x"), "https://u:***@example.com/x"),
        (says("", 405), "HTTP status 405"),
        (says(""), "not Callbox's"),
    ],
)
async def test_somebody_else_who_answers_is_named(handler: Handler, words: str) -> None:
    async with answering(handler) as url:
        found = await trip(url, LOGIN)
        assert words in fault(found)
        assert kinds(found) == ["DNS", "Connection"]


@pytest.mark.parametrize(("status", "words"), [(200, "WITHOUT"), (404, "HTTP status 404")])
async def test_a_forgery_that_is_not_refused_is_told(status: int, words: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path == "/twilio/ping":
            return web.Response(text="<Response><!-- Callbox 1a2b3c --></Response>")
        return web.Response(status=status)

    async with answering(answer) as url:
        assert words in fault(await trip(url))


async def test_a_slow_answer_is_told_with_twilios_patience() -> None:
    async def stall(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with answering(stall) as url:
        assert "none within 0.2 s" in fault(await trip(url, answer_within=0.2))


async def test_a_connection_that_breaks_is_told() -> None:
    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async with answering(hang_up) as url:
        words = fault(await trip(url))
    assert "the connection broke before an answer" in words
    assert "Error" not in words


async def test_something_that_does_not_speak_http_is_told() -> None:
    async def hello(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.com\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(hello, "127.0.0.1", 0) as server:
        words = fault(await trip(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
    assert "something that does not speak HTTP" in words
    assert "Error" not in words


async def test_a_closed_port_is_told() -> None:
    words = fault(await trip(f"http://127.0.0.1:{free_port()}"))
    assert words.startswith("Connection: is `callbox run` running? Nobody listens at 127.0.0.1:")


async def test_an_address_that_does_not_answer_is_told() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:  # until its queue is full
            each.setblocking(False)
            each.connect_ex(address)
        try:
            url = f"http://127.0.0.1:{address[1]}"
            assert "does not answer within 0.3 s" in fault(await trip(url, connect_within=0.3))
        finally:
            for each in waiting:
                each.close()


async def test_a_name_that_is_not_known_is_told() -> None:
    assert "DNS: nowhere.invalid is not found" in fault(await trip("http://nowhere.invalid"))


@pytest.mark.parametrize("host", ["127.0.0.1", "192.168.7.1", "localhost", "[::1]"])
async def test_an_address_of_this_network_is_told_where_twilio_is_real(host: str) -> None:
    words = fault(await trip(f"http://{host}:1", strict=True))
    assert words.startswith("DNS: ")
    assert "in this network only" in words


# TLS


def offering(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    return tls


async def test_a_certificate_that_nobody_knows_is_told(tmp_path: Path) -> None:
    tls = offering(Authority(tmp_path / "ca").sign("server"))
    async with gateway(tls) as url:
        words = fault(await trip(url))
    assert words.startswith("TLS: ")
    assert "11237" in words


async def test_a_certificate_of_a_known_authority_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path / "ca")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
    async with gateway(offering(authority.sign("server", "IP:127.0.0.1"))) as url:
        found = await trip(url)
        assert not any(finding.wrong for finding in found), found
        assert "valid until" in found[2].sentence
        assert "11235" in fault(await trip(url.replace("127.0.0.1", "localhost")))


async def test_a_server_without_encryption_is_told() -> None:
    async with gateway() as url:
        words = fault(await trip(url.replace("http:", "https:")))
    assert "11220" in words
    assert "it speaks plain http there" in words


# webhooks test, as typed


async def test_test_tells_every_step_and_ends_with_0(terminal: Terminal) -> None:
    async with gateway() as url:
        terminal.configure(http={"public_url": url})
        before = await terminal.type("webhooks", "test")
        assert before.code == 1
        assert f"WRONG Number {PHONE}: texts go nowhere" in before.out
        assert f"`callbox webhooks set {PHONE}` mends it" in before.out
        await terminal.type("webhooks", "set", "--yes", "--no-voice")
        after = await terminal.type("webhooks", "test")
        assert (after.code, after.err) == (0, "")
        assert "WRONG" not in after.out
        assert "texts go to this gateway; calls go nowhere" in after.out
        assert "ok    Signature: valid, so the gateway believes twilio.auth_token" in after.out
        assert "ok    Auth Token: Twilio takes it" in after.out
        terminal.set_up(sms_method="GET")
        changed = await terminal.type("webhooks", "test")
        assert changed.code == 1
        assert "by GET, not POST" in changed.out


async def test_test_ends_with_1_and_still_tells_the_numbers(terminal: Terminal) -> None:
    terminal.configure(http={"public_url": f"http://127.0.0.1:{free_port()}"})
    ended = await terminal.type("webhooks", "test")
    assert (ended.code, ended.err) == (1, "")
    assert "WRONG Connection: is `callbox run` running?" in ended.out
    assert f"?     Number {PHONE}: texts go nowhere" in ended.out
    assert f"once the above is ok, `callbox webhooks set {PHONE}`" in ended.out
    assert TOKEN not in ended.out


async def test_test_says_what_calls_missing_means_only_where_they_were_set(
    terminal: Terminal,
) -> None:
    async with gateway() as url:
        terminal.configure(http={"public_url": url})
        await terminal.type("webhooks", "set", "--yes", "--no-sms")
        assert (await terminal.type("webhooks", "test")).code == 0
        terminal.set_up(voice_url="https://somebody.example.com")
        ended = await terminal.type("webhooks", "test")
        assert ended.code == 1
        assert "https://somebody.example.com, which is not under http.public_url" in ended.out
        terminal.set_up(voice_url=f"{url}/twilio/else")
        assert "which is a wrong path under" in (await terminal.type("webhooks", "test")).out


async def test_a_number_that_works_is_not_to_be_pointed_at_a_wrong_public_url(
    terminal: Terminal,
) -> None:
    async with gateway() as url:
        terminal.set_up(sms_url=f"{url}/twilio/sms")
        terminal.configure(http={"public_url": f"http://127.0.0.1:{free_port()}"})
        last = (await terminal.type("webhooks", "test")).out.splitlines()[-1]
    assert last.startswith(
        f"?     Number {PHONE}: texts go to {url}/twilio/sms, which is not under"
    )
    first, then = "correct http.public_url", "else, once the above is ok, `callbox webhooks set"
    assert 0 < last.index(first) < last.index(then)


async def test_an_auth_token_that_twilio_refuses_is_told_beside_an_api_key(
    tmp_path: Path,
) -> None:
    key = "SK" + "1" * 32
    pinned = Settings(credentials={ACCOUNT: "another", key: "x"})
    async with gateway() as url, await start(settings=pinned) as simulator:
        terminal = Terminal(tmp_path, simulator)
        terminal.configure(
            http={"public_url": url}, twilio={"api_key_sid": key, "api_key_secret": "x"}
        )
        ended = await terminal.type("webhooks", "test")
    assert "ok    Signature: valid" in ended.out
    assert "WRONG Auth Token: Twilio refuses twilio.auth_token (code 20003)" in ended.out
    assert f"WRONG Number {PHONE}: texts go nowhere" in ended.out


async def test_a_key_without_the_auth_token_cannot_verify(terminal: Terminal) -> None:
    terminal.configure(
        twilio={"auth_token": None, "api_key_sid": "SK" + "1" * 32, "api_key_secret": "x"}
    )
    ended = await terminal.type("webhooks", "test")
    assert (ended.code, ended.out) == (2, "")
    assert "twilio.auth_token: not set" in ended.err
