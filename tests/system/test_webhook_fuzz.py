"""Ten thousand requests of strangers, among Twilio's own: not one changes anything it may not."""

import asyncio
import contextlib
import gc
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast
from urllib.parse import urlencode

import psutil  # type: ignore[import-untyped]
import pytest

from callbox.domain.news import News
from callbox.domain.received import Ring, Text
from callbox.hosts.http import HttpHost
from callbox.twilio.door import Settings
from callbox.twilio.webhooks import Webhooks
from harness.signing import signature_of

REQUESTS = 10_000
WORKERS = 16
TOKEN = "0123456789abcdef0123456789abcdef"
PUBLIC = "https://alarm.example.com"
MOST_GROWTH = 6 * 2**20

Pair = tuple[str, str]


@dataclass
class Kept:
    """What reached the use cases."""

    sids: set[str] = field(default_factory=set)
    pings: int = 0

    async def receive(self, text: Text) -> bool:
        return self._keep(text.sid)

    async def ring(self, ring: Ring) -> bool:
        return self._keep(ring.sid)

    async def hear(self, news: News) -> bool:
        return self._keep(news.sid)

    def _keep(self, sid: str) -> bool:
        sid.encode()
        new = sid not in self.sids
        self.sids.add(sid)
        return new

    def ping(self) -> None:
        self.pings += 1


@dataclass(frozen=True)
class Case:
    """One request, in parts that a mutation replaces; `raw` is sent instead of the parts."""

    path: str
    form: tuple[Pair, ...]
    sid: str
    method: str = "POST"
    query: str = ""
    body: bytes | None = None
    signature: bytes | None = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: bytes = b"application/x-www-form-urlencoded"
    framing: bytes | None = None
    chopped: bool = False
    raw: bytes | None = None

    @property
    def signed(self) -> "Case":
        form = () if self.method == "GET" else self.form
        signature = signature_of(f"{PUBLIC}{self.path}{self.query}", form, TOKEN)
        return replace(self, signature=signature.encode())

    @property
    def wire(self) -> bytes:
        if self.raw is not None:
            return self.raw
        body = urlencode(self.form).encode() if self.body is None else self.body
        body = b"" if self.method == "GET" else body
        framing = b"Content-Length: %d" % len(body) if self.framing is None else self.framing
        lines = [
            f"{self.method} {self.path}{self.query} HTTP/1.1".encode("utf-8", "surrogateescape"),
            b"Host: 127.0.0.1",
            b"Content-Type: " + self.content_type,
            framing,
            *([] if self.signature is None else [b"X-Twilio-Signature: " + self.signature]),
            *(name + b": " + value for name, value in self.headers),
        ]
        return b"\r\n".join(filter(None, lines)) + b"\r\n\r\n" + body


class Corpus:
    """Cases by one seed: every tenth is Twilio's."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.valid: set[str] = set()
        self.mutations = [
            self._signature, self._signature, self._body, self._body, self._query, self._path,
            self._method, self._type, self._encoding, self._framing, self._header, self._junk,
            self._malformed,
        ]  # fmt: skip

    def next(self) -> tuple[Case, bool]:
        """Give a case, and whether it is Twilio's."""
        case = self._case()
        if self.random.random() < 0.1:
            self.valid.add(case.sid)
            return case, True
        return self.random.choice(self.mutations)(case), False

    def _case(self) -> Case:
        choice, digits = self.random.choice, f"{self.random.getrandbits(128):032x}"
        path = choice(["sms", "voice", "status", "ping"])
        call = path == "voice"
        sid = ("CA" if call else choice(["SM", "MM"])) + digits
        word = {"sms": "received", "ping": "received", "status": choice(["sent", "new"])}
        form = [
            ("CallSid" if call else "MessageSid", sid),
            ("CallStatus" if call else "SmsStatus", word.get(path, "ringing")),
            ("From", choice(["+12345000001", "whatsapp:+12345000001"])),
            ("To", "+12345000123"),
            ("Body", choice(["", "hi", "Ünï 👍", "a'b c+d%", "x" * 1600])),
            ("FromCity", ""),
        ]
        self.random.shuffle(form)
        if choice([False, False, False, True]):
            query = "?" + urlencode(form)
            return Case(f"/twilio/{path}", (), sid, "GET", query).signed
        return Case(f"/twilio/{path}", tuple(form), sid).signed

    def _signature(self, case: Case) -> Case:
        right = case.signature or b""
        place = self.random.randrange(len(right) - 2)
        flipped = right[:place] + bytes([right[place] ^ 1]) + right[place + 1 :]
        form = list(case.form)
        others = [
            signature_of(PUBLIC + case.path + case.query, form, token).encode()
            for token in ("", "x", TOKEN[:-1])
        ]
        elsewhere = signature_of(f"{PUBLIC}/twilio/other{case.query}", form, TOKEN).encode()
        return replace(
            case,
            signature=self.random.choice(
                [None, b"", b"=", right[:-1], right + b"=", right.swapcase(), flipped, elsewhere,
                 b"\xff\xfe", "ü".encode(), right * 200, right + b", " + right, *others]
            ),
        )  # fmt: skip

    def _body(self, case: Case) -> Case:
        if case.method == "GET":
            return self._signature(case)
        body = urlencode(case.form).encode()
        changed = self.random.choice(
            [body + b"&Body=more", body + b"&x=%ff", body + b"&%00=%00", body + b"\xff\xfe",
             body + b"&=x", body[:-7] + b"x", self.random.randbytes(200), body + b"&Body=%ud83d",
             b"&" * 1500, b"a=b&" * 1001, b"x" * 70_000, b"x=" + b"%f0" * 20_000,
             body.replace(b"12345", b"54321") or b"x", body + b"&x=" + "ü".encode("latin-1")]
        )  # fmt: skip
        return replace(case, method="POST", body=changed)

    def _query(self, case: Case) -> Case:
        return replace(
            case,
            query=case.query
            + self.random.choice(
                ["?x", "?", "?bodySHA256=0", "?a=%ff", "?a=\udcff", "?a='", "?" + "a=b&" * 1200,
                 "?" + "x" * 40_000, "&Body=more", "#x?y", "?From=%2B1&MessageSid=SM1"]
            ),
        )  # fmt: skip

    def _path(self, case: Case) -> Case:
        path = self.random.choice(
            ["/twilio/{}/", "/TWILIO/{}", "//twilio/{}", "/twilio/{}%00", "/x/../twilio/x{}", "*",
             "/twilio", "/", "/twilio/{}x", "http://[::1/twilio/{}", "/twilio/%2e%2e/{}", "/%"]
        ).format(case.path[8:])  # fmt: skip
        return replace(case, path=path)

    def _method(self, case: Case) -> Case:
        method = self.random.choice(
            ["PUT", "HEAD", "DELETE", "TRACE", "OPTIONS", "PATCH", "CONNECT", "X", "", "P\0ST"]
        )  # fmt: skip
        return replace(case, method=method, chopped=True)

    def _type(self, case: Case) -> Case:
        content_type = self.random.choice(
            [b"application/json", b"multipart/form-data; boundary=x", b"", b"text/plain", b"\xff",
             b"application/x-www-form-urlencodedx", b"/", b";;;=" * 50]
        )  # fmt: skip
        return replace(case, method="POST", body=b'{"a":1}', content_type=content_type)

    def _encoding(self, case: Case) -> Case:
        encoding = self.random.choice([b"gzip", b"deflate", b"br", b"zstd", b"x, gzip", b"\xff"])
        header = (b"Content-Encoding", encoding)
        return replace(case, method="POST", body=b"\x1f\x8b\x08junk", headers=(header,))

    def _framing(self, case: Case) -> Case:
        framing, body = self.random.choice(
            [(b"Transfer-Encoding: chunked", b"zz\r\nBody=x\r\n0\r\n\r\n"),
             (b"Transfer-Encoding: chunked", b"5\r\nBody=x\r\n0\r\n\r\n"),
             (b"Transfer-Encoding: chunked", b"5\r\nBo"),
             (b"Transfer-Encoding: chunked", b"ffffffffffffffffff\r\nx"),
             (b"Transfer-Encoding: chunked", b"-1\r\nx\r\n0\r\n\r\n"),
             (b"Transfer-Encoding: chunked\r\nContent-Length: 3", b"3\r\na=b\r\n0\r\n\r\n"),
             (b"Transfer-Encoding: gzip", b"x"), (b"Transfer-Encoding: \xff", b"x"),
             (b"Content-Length: 10\r\nContent-Length: 3", b"a=b"), (b"Content-Length: -1", b"x"),
             (b"Content-Length: 100", b"a=b"), (b"Content-Length: 1e3", b"a=b"),
             (b"Content-Length: " + b"9" * 40, b"a=b"), (b"", b"a=b"),
             (b"Transfer-Encoding: chunked", b"10001\r\n" + b"x" * 65537 + b"\r\n0\r\n\r\n")]
        )  # fmt: skip
        # What is signed without a form is as good by POST, where the framing leaves no body.
        signature = None if case.method == "GET" else case.signature
        case = replace(case, method="POST", signature=signature)
        return replace(case, framing=framing, body=body, chopped=True)

    def _header(self, case: Case) -> Case:
        headers = self.random.choice(
            [((b"A\0", b"x"),), ((b"", b"x"),), ((b"A", b"x" * 9000),), ((b"A b", b"x"),),
             ((b"A", b"x\0y"),), ((b"A", b"x\r\n y"),), ((b"A", b"x\ny: z"),), ((b"B", b"\r"),),
             tuple((b"H%d" % n, b"x") for n in range(200)), ((b"Expect", b"100-continue"),),
             ((b"Upgrade", b"h2c"), (b"Connection", b"Upgrade")), ((b"Host", b"evil"),),
             ((b"X-Twilio-Signature", b"x"),), ((b"Authorization", b"Basic \xff"),),
             ((b"Cookie", b"a=b;" * 500),), ((b"X-HTTP-Method-Override", b"PUT"),)]
        )  # fmt: skip
        return replace(case, signature=None, headers=headers, chopped=True)

    def _junk(self, case: Case) -> Case:
        raw = self.random.choice(
            [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
             self.random.randbytes(300), b"GET /twilio/sms\r\n\r\n", b"\r\n" * 50, b"\0" * 100,
             b"POST /twilio/sms HTTP/9.9\r\n\r\n", b"POST /twilio/sms HTTP/1.1\nHost: x\n\n",
             case.wire[: self.random.randrange(1, 200)]]
        )  # fmt: skip
        return replace(case, raw=raw, chopped=True)

    def _malformed(self, case: Case) -> Case:
        """Make a request that Twilio would sign, but nobody can use."""
        form = tuple(
            (name, "SM1" if name.endswith("Sid") else value) for name, value in case.form
        ) or (("MessageSid", "SM\n"),)  # fmt: skip
        path = self.random.choice(["/twilio/sms", "/twilio/voice", "/twilio/status"])
        return replace(case, path=path, form=form, method="POST", query="").signed


@dataclass
class Stranger:
    """One connection at a time, kept for the next request where it stays open."""

    port: int
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, case: Case) -> int:
        """Give the status of the answer, 0 where none came to what is no whole request."""
        if case.chopped:
            await self.close()
        if self.streams is None:
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        try:
            async with asyncio.timeout(0.3 if case.chopped else 8):
                return await self._exchange(case, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            if not case.chopped:
                raise
            await self.close()
            return 0

    async def _exchange(
        self, case: Case, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> int:
        writer.write(case.wire)
        status = 100
        while status == 100:
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head.split(b" ", 2)[1])
        lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-le")]
        if case.method != "HEAD" and lengths:
            await reader.readexactly(int(lengths[0].split(b":")[1]))
        if case.chopped or b"connection: close" in head.lower() or status == 400:
            await self.close()
        return status

    async def close(self) -> None:
        if self.streams is not None:
            _, writer = self.streams
            self.streams = None
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def _storm(corpus: Corpus, port: int, count: int, told: Callable[[Case, int], None]) -> None:
    left = iter(range(count))

    async def work() -> None:
        stranger = Stranger(port)
        try:
            for _ in left:
                case, twilios = corpus.next()
                status = await stranger.send(case)
                told(case, status)
                assert not twilios or status == 200, case
        finally:
            await stranger.close()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(WORKERS):
            tasks.create_task(work())


def _resident() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


async def test_strangers_change_nothing_break_nothing_and_fill_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    kept, corpus = Kept(), Corpus(20_260_131)
    webhooks = Webhooks(Settings(PUBLIC, (TOKEN,)), kept, kept.hear, kept.ping, "c0ffee")
    unused = cast("Any", None)
    host = HttpHost(unused, unused, unused, "let-me-in", 131_072, 60.0, mounts=webhooks.routes())
    port = await host.listen("127.0.0.1", 0)
    statuses: Counter[int] = Counter()

    def told(case: Case, status: int) -> None:
        statuses[status] += 1
        assert status < 500, (status, case)
        assert status != 200 or case.sid in corpus.valid, case.wire[:2000]

    await _storm(corpus, port, REQUESTS // 2, told)
    before = _resident()
    await _storm(corpus, port, REQUESTS // 2, told)
    grown = _resident() - before
    await host.stop()
    assert statuses.total() == REQUESTS
    assert kept.sids == corpus.valid
    assert {200, 400, 403, 404, 405, 413} <= statuses.keys() <= {0, *range(200, 500)}
    assert statuses[0] < REQUESTS / 20
    assert webhooks._under_way == 0
    assert grown < MOST_GROWTH
    assert len(caplog.records) < 20
