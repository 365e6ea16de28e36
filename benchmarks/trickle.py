"""A trickle of 20 messages a second: from publish to the request's arrival at Twilio.

Against the shortest script that does the job, paho and the official SDK in 30 lines, which keeps
nothing and loses what it is doing when it stops. Both run at once, in turns of one message.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.device import Device, publish_packet
from benchmarks.process import python, wait_for
from benchmarks.report import Report, percentile, say
from benchmarks.stage import Broker, Simulator, Stage, document, stage

MESSAGES = 400
_EVERY = 0.05
_WARM = 40
_BARE_FROM = 1_000_000  # the script's recipients


def run() -> Report:
    """Measure."""
    report = Report("trickle")
    with stage() as made, _both(made) as (broker, simulator):
        published = _publish(broker)
        wait_for(lambda: len(simulator.created()) >= 2 * MESSAGES, "all to arrive", 30, 0.2)
        arrived = {entry["to"]: entry["arrived_at"] for entry in simulator.created()}
        commit = _commit_ms(made)
    waits = {to: 1000 * (arrived[to] - at) for to, at in published.items()}
    ours = [wait for to, wait in waits.items() if not _is_bare(to)][_WARM:]
    bare = [wait for to, wait in waits.items() if _is_bare(to)][_WARM:]
    p50, bare_p50 = percentile(ours, 0.5), percentile(bare, 0.5)
    report.add("gateway, p50", p50, "ms")
    report.add("gateway, p99", percentile(ours, 0.99), "ms")
    report.add("bare script, p50", bare_p50, "ms")
    report.add("bare script, p99", percentile(bare, 0.99), "ms")
    report.add("slower than the script, p50", p50 - bare_p50, "ms", most=1.5)
    report.blame.append(f"one commit with fsync on this disk: p50 {commit:.2f} ms; the gateway "
                        "makes one before the request leaves")  # fmt: skip
    return report


@contextmanager
def _both(made: Stage) -> Iterator[tuple[Broker, Simulator]]:
    broker, simulator = made.broker(), made.simulator()
    made.gateway(broker, simulator.url).start(broker)
    script = made.run(python("benchmarks.script", str(broker.port), simulator.url), "script")
    script.read("script")
    yield broker, simulator


def _publish(broker: Broker) -> dict[str, float]:
    """Publish in turns to the gateway and to the script; give when, by recipient."""
    say(f"{MESSAGES} messages each, one every {_EVERY * 1000:.0f} ms")
    published = {}
    with Device(broker.port, "device") as device:
        for number in range(MESSAGES):
            for topic, recipient in (("twilio/txt", number), ("bare/txt", _BARE_FROM + number)):
                packet = publish_packet(topic, document(recipient), number + 1)
                published[f"+1234{recipient:07d}"] = time.time()
                device.publish([packet])
                time.sleep(_EVERY / 2)
    return published


def _is_bare(recipient: str) -> bool:
    return int(recipient.removeprefix("+1234")) >= _BARE_FROM


def _commit_ms(made: Stage) -> float:
    db = sqlite3.connect(made.folder / "commit.sqlite3", isolation_level=None)
    db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (x)")
    spent = []
    for _ in range(200):
        began = time.perf_counter()
        db.execute("INSERT INTO t VALUES (1)")
        spent.append(time.perf_counter() - began)
    return 1000 * percentile(spent, 0.5)
