"""Twilio's webhooks: signed texts over 32 connections, stored and repeated, and one at a time."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from benchmarks.caller import Calls, call, text
from benchmarks.device import Observer
from benchmarks.process import wait_for
from benchmarks.report import Report, percentile, say
from benchmarks.stage import Broker, Gateway, Stage, free_port, stage

CONNECTIONS = 32
STORED, REPEATED, SINGLE, FOLLOWED = 8_000, 20_000, 1_000, 300
_KNOWN = 5_000  # of the last stored ones, which the gateway remembers
_TOKEN = "secret"


def run() -> Report:
    """Measure."""
    report = Report("webhooks")
    with stage() as made, _called(made) as (broker, gateway, url):
        stored = _calls(gateway, url, range(STORED), CONNECTIONS, "stored")
        gateway.wait_until_told(120)
        known = [STORED - 1 - number % _KNOWN for number in range(REPEATED)]
        repeated = _calls(gateway, url, known, CONNECTIONS, "repeated")
        singles = range(STORED, STORED + SINGLE)
        single = _calls(gateway, url, singles, 1, "stored, one connection")
        gateway.wait_until_told(60)
        through = _followed(broker, gateway, url)
        kept = gateway.count("received")
    report.add("stored, 32 connections", stored.rate, "requests/s", least=2_000)
    report.add("repeated, known from memory", repeated.rate, "requests/s", least=4_000)
    report.add("one at a time, stored, p50", percentile(single.waits, 0.5), "ms")
    report.add("one at a time, stored, p99", percentile(single.waits, 0.99), "ms", most=20)
    report.add("text in to MQTT out, p50", percentile(through, 0.5), "ms", most=5)
    report.add("text in to MQTT out, p99", percentile(through, 0.99), "ms")
    expected = STORED + SINGLE + FOLLOWED
    report.add("lost or kept twice", abs(expected - kept), "texts", most=0)
    answers = stored.statuses + repeated.statuses + single.statuses
    report.add("answers other than 200", answers.total() - answers[200], "requests", most=0)
    return report


@contextmanager
def _called(made: Stage) -> Iterator[tuple[Broker, Gateway, str]]:
    """Give a gateway that is called at a public URL, and the URL."""
    broker, simulator = made.broker(), made.simulator()
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    web = {"port": port, "public_url": base}
    gateway = made.gateway(broker, simulator.url, http=web, inbound={"polling": "off"})
    gateway.port = port
    gateway.start(broker)
    yield broker, gateway, f"{base}/twilio/sms"


def _calls(
    gateway: Gateway, url: str, numbers: Iterable[int], connections: int, what: str
) -> Calls:
    requests = [text(url, gateway.port, _TOKEN, number) for number in numbers]
    say(f"{len(requests):,} requests, {connections} connections: {what}")
    return call(gateway.port, requests, connections)


def _followed(broker: Broker, gateway: Gateway, url: str) -> list[float]:
    """Send texts one by one; give milliseconds from sending each to its arrival on MQTT."""
    say(f"{FOLLOWED} texts followed to MQTT")
    waits = []
    with Observer(broker.port, ["twilio/message/received"], "follower") as observer:
        for number in range(FOLLOWED):
            request = text(url, gateway.port, _TOKEN, STORED + SINGLE + number)
            sent = time.time()
            call(gateway.port, [request], 1)
            wait_for(lambda: len(observer.seen()) > number, "the text", 5.0, 0.002)  # noqa: B023
            waits.append(1000 * (observer.seen()[-1].at - sent))
    return waits
