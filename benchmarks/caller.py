"""What Twilio does to a webhook: signed requests over several connections, each timed."""

import asyncio
import base64
import hashlib
import hmac
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

SENDER, OURS = "+12345000000", "+15005550006"


@dataclass(slots=True)
class Calls:
    """What came of them: seconds in all, milliseconds each, and the HTTP statuses."""

    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.waits) / self.seconds


def text(url: str, port: int, token: str, number: int) -> bytes:
    """Give the whole HTTP request that tells of the number-th text."""
    sid = f"SM{number:032x}"
    told = {
        "ToCountry": "US", "ToState": "", "SmsMessageSid": sid, "NumMedia": "0", "ToCity": "",
        "FromZip": "", "SmsSid": sid, "FromState": "", "SmsStatus": "received", "FromCity": "",
        "Body": f"Is the tank full? {number}", "FromCountry": "US", "To": OURS, "ToZip": "",
        "NumSegments": "1", "MessageSid": sid, "AccountSid": "AC" + "0" * 32, "From": SENDER,
        "ApiVersion": "2010-04-01",
    }  # fmt: skip
    signed = url + "".join(name + told[name] for name in sorted(told))
    digest = hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()
    body = urlencode(told).encode()
    head = (
        f"POST /twilio/sms HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nUser-Agent: TwilioProxy/1.1\r\n"
        f"X-Twilio-Signature: {base64.b64encode(digest).decode()}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def call(port: int, requests: Sequence[bytes], connections: int) -> Calls:
    """Send all requests, each connection the next one as soon as it was answered."""
    return asyncio.run(_call(port, requests, connections))


async def _call(port: int, requests: Sequence[bytes], connections: int) -> Calls:
    calls, waiting = Calls(), iter(requests)
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(connections)]
    began = time.perf_counter()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for request in waiting:
            sent = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(_length(head))
            calls.waits.append(1000 * (time.perf_counter() - sent))
            calls.statuses[int(head[9:12])] += 1

    await asyncio.gather(*(one(*stream) for stream in streams))
    calls.seconds = time.perf_counter() - began
    for _, writer in streams:
        writer.close()
    return calls


def _length(head: bytes) -> int:
    lower = head.lower()
    at = lower.index(b"content-length:") + 15
    return int(lower[at : lower.index(b"\r\n", at)])
