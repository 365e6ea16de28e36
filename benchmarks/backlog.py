"""A backlog: 100,000 texts wait while Twilio is out of reach; memory, and ready after a kill."""

import sqlite3
import time
from contextlib import closing

from benchmarks.device import Device, publish_packet
from benchmarks.process import wait_for
from benchmarks.report import Report, say
from benchmarks.stage import Broker, Gateway, document, free_port, stage
from callbox.store.statements import statements

MESSAGES = 100_000
_AT_ONCE = 5000
_PATIENCE = 300.0
_VALUES = {"kind": "txt", "now": 0.0, "most": 100}


def run() -> Report:
    """Measure."""
    report = Report("backlog")
    with stage() as made:
        broker = made.broker(max_inflight_messages="0", autosave_on_changes="false")
        nobody = f"http://127.0.0.1:{free_port()}"
        gateway = made.gateway(broker, nobody)
        gateway.start(broker)
        _fill(broker, gateway)
        taken, _ = gateway.process.memory_megabytes()
        report.add("memory (RSS) after taking them", taken, "MB", most=90)
        gateway.process.kill()
        began = time.monotonic()
        gateway.start(broker)
        report.add("online again after SIGKILL", time.monotonic() - began, "s", most=2.0)
        time.sleep(5.0)
        rss, pss = gateway.process.memory_megabytes()
        report.add("memory (RSS) with the backlog", rss, "MB", most=90)
        report.add("memory (PSS)", pss, "MB")
        report.add("waiting", gateway.count("delivery WHERE state <> 'accepted'"), "messages")
        gateway.process.stop()
        _ask(report, gateway)
    return report


def _fill(broker: Broker, gateway: Gateway) -> None:
    began = time.monotonic()
    with Device(broker.port, "device") as device:
        for first in range(0, MESSAGES, _AT_ONCE):
            numbers = range(first, first + _AT_ONCE)
            device.publish(
                [publish_packet("twilio/txt", document(n), n % 60_000 + 1) for n in numbers]
            )
            wanted = first + _AT_ONCE
            wait_for(lambda w=wanted: gateway.count("delivery") >= w, "them to be kept", _PATIENCE)  # type: ignore[misc]
            if wanted % 20_000 == 0:
                say(f"{wanted:,} kept, {wanted / (time.monotonic() - began):,.0f} a second")


def _ask(report: Report, gateway: Gateway) -> None:
    """Time the claim, and look for queries that read the whole table."""
    with closing(sqlite3.connect(gateway.store)) as db:
        values = _VALUES | {"now": time.time() + 60}
        began = time.perf_counter()
        found = db.execute(statements()["waiting"], values).fetchall()
        report.add("one claim's query", 1000 * (time.perf_counter() - began), "ms")
        report.notes.append(f"the claim found {len(found)} of at most {values['most']}")
        for name in ("waiting", "next_due", "overdue", "doubtful", "figures", "owed"):
            report.notes += _scans(db, name)


def _scans(db: sqlite3.Connection, name: str) -> list[str]:
    sql = statements()[name]
    values = _VALUES if ":" in sql else (0,) * sql.count("?")
    plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    return [f"{name}: {step}" for step in plan if step.startswith("SCAN")]
