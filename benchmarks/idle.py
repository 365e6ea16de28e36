"""Idle: memory, CPU, how long a start takes, and what each import costs."""

import re
import subprocess
import time

from benchmarks.device import Device, Observer, publish_packet
from benchmarks.process import python
from benchmarks.report import Report, say
from benchmarks.stage import Broker, Gateway, Simulator, document, stage

_SECONDS = 20.0
_SETTLE = 3.0
_BIGGEST = 12
_IMPORT = re.compile(r"import time: +(\d+) \| +(\d+) \| ( *)(\S+)")


def run() -> Report:
    """Measure."""
    report = Report("idle")
    with stage() as made:
        broker, simulator = made.broker(), made.simulator()
        gateway = made.gateway(broker, simulator.url)
        began = time.time()
        gateway.start(broker)
        report.add("start to bridge/state online", time.time() - began, "s")
        arrived = _first_message(broker, simulator)
        report.add("start to the first message at Twilio", arrived - began, "s", most=1.0)
        _watch(report, gateway)
    for module in ("callbox.cli", "callbox.service"):
        report.notes += _imports(module)
    return report


def _first_message(broker: Broker, simulator: Simulator) -> float:
    with Observer(broker.port, ["twilio/message/status"]) as observer:
        with Device(broker.port, "device") as device:
            device.publish([publish_packet("twilio/txt", document(1), 1)])
        observer.wait(1, 10)
    return float(simulator.created()[0]["arrived_at"])


def _watch(report: Report, gateway: Gateway) -> None:
    say(f"idle for {_SECONDS:.0f} s")
    time.sleep(_SETTLE)
    before, threads = gateway.process.cpu_seconds(), gateway.process.cpu_by_thread()
    time.sleep(_SECONDS)
    spent = gateway.process.cpu_seconds() - before
    rss, pss = gateway.process.memory_megabytes()
    report.add("memory (RSS)", rss, "MB", most=80)
    report.add("memory, shared parts divided (PSS)", pss, "MB")
    report.add("memory (RSS), the aim", rss, "MB", most=64)
    report.add("CPU", 100 * spent / _SECONDS, "% of a core", most=1)
    used = {name: s - threads.get(name, 0) for name, s in gateway.process.cpu_by_thread().items()}
    report.blame.append(f"CPU seconds by thread in {_SECONDS:.0f} s: {used}")


def _imports(module: str) -> list[str]:
    """Give the most expensive imports of a module, with what they import in turn."""
    command = [python("")[0], "-X", "importtime", "-c", f"import {module}"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    found = [(int(total), int(own), name) for own, total, _, name in _IMPORT.findall(text)]
    total = next((ms for ms, _, name in reversed(found) if name == module), 0)
    lines = [f"import {module}: {total / 1000:.0f} ms; with what they import in turn:"]
    packages = _packages(found)
    return lines + [f"    {ms / 1000:6.1f} ms  {name}" for name, ms in packages[:_BIGGEST]]


def _packages(found: list[tuple[int, int, str]]) -> list[tuple[str, float]]:
    """Add the own time of every module to its top package."""
    spent: dict[str, float] = {}
    for _, own, name in found:
        package = name.partition(".")[0]
        spent[package] = spent.get(package, 0) + own
    return sorted(spent.items(), key=lambda item: -item[1])
