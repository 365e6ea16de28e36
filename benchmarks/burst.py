"""A burst: 5,000 texts to distinct numbers at QoS 1, until the last of their events is published.

Against a bare pipeline in the same run: paho in, three commits, the SDK, one status out.
"""

import os
import time
from dataclasses import dataclass

from benchmarks.bare import BARE_PIPELINE
from benchmarks.device import Device, Observer, publish_packet
from benchmarks.process import Process
from benchmarks.report import Report, say
from benchmarks.stage import EVENTS, Broker, Gateway, Simulator, document, stage

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "5000"))
_PATIENCE = 60.0

# What is added to mosquitto's recommended configuration.
BROKERS = {
    "as recommended": {},
    "max_inflight_messages 0": {"max_inflight_messages": "0"},
    "max_inflight_messages 0, autosave_interval 100": {
        "max_inflight_messages": "0",
        "autosave_interval": "100",
    },
    "max_inflight_messages 0, saved once a second": {
        "max_inflight_messages": "0",
        "autosave_on_changes": "false",
    },
}


@dataclass(frozen=True, slots=True)
class Run:
    """One burst: how long it took, what came of it, and who used the processors."""

    seconds: float
    events: int
    created: int
    cpu: dict[str, float]
    threads: dict[str, float]

    @property
    def rate(self) -> float:
        """Messages a second."""
        return MESSAGES / self.seconds

    @property
    def cpu_ms(self) -> float:
        """The gateway's CPU time a message."""
        return self.cpu["gateway"] * 1000 / MESSAGES


def run() -> Report:
    """Measure."""
    report = Report("burst")
    pairs = {name: _both(name, settings) for name, settings in BROKERS.items()}
    for name, (ours, bare) in pairs.items():
        report.add(f"mosquitto {name}", ours.rate, "msg/s")
        report.add("    against the bare pipeline", ours.rate / bare.rate, "ratio")
    name, (ours, bare) = max(pairs.items(), key=lambda pair: pair[1][0].rate)
    report.notes.append(f"The figures from here on are those with mosquitto {name}.")
    report.add("the fastest of these", ours.rate, "msg/s", least=2000)
    report.add("CPU of the gateway", ours.cpu_ms, "ms/msg", most=0.5)
    report.add("CPU of the gateway", ours.cpu["gateway"] * 1000 / ours.events, "ms/event")
    report.add("bare pipeline, one event each", bare.rate, "msg/s")
    report.add("bare pipeline, CPU", bare.cpu_ms, "ms/msg")
    for each, _ in pairs.values():
        report.add("lost or doubled", abs(each.created - MESSAGES), "messages", most=0)
        report.add("events missing", 3 * MESSAGES - each.events, "events", most=0)
    report.notes += [_shares("gateway", ours), _shares("bare pipeline", bare)]
    report.blame.append(_threads(ours))
    return report


def _both(name: str, settings: dict[str, str]) -> tuple[Run, Run]:
    say(f"the gateway, then the bare pipeline; mosquitto {name}")
    return burst(3, None, **settings), burst(1, BARE_PIPELINE, **settings)


def burst(events: int, command: list[str] | None = None, **settings: str) -> Run:
    """Publish the burst; every message owes so many events."""
    with stage() as made:
        broker, simulator = made.broker(**settings), made.simulator()
        gateway = made.gateway(broker, simulator.url, command)
        gateway.start(broker)
        warm_up(broker, events)
        return _measure(broker, simulator, gateway, events)


def warm_up(broker: Broker, events: int, messages: int = 200) -> None:
    """Send some texts first, so that connections are open and code is loaded."""
    numbers = range(9_000_000, 9_000_000 + messages)
    packets = [publish_packet("twilio/txt", document(n), n % 60_000 + 1) for n in numbers]
    with Observer(broker.port, EVENTS, "warmer") as observer, Device(broker.port, "d0") as device:
        device.publish(packets)
        observer.wait(events * messages, _PATIENCE)
    time.sleep(0.5)


def _measure(broker: Broker, simulator: Simulator, gateway: Gateway, events: int) -> Run:
    simulator.control("DELETE", "log")
    packets = [publish_packet("twilio/txt", document(n), n + 1) for n in range(MESSAGES)]
    players = {"mosquitto": broker.process, "simulator": simulator.process}
    players["gateway"] = gateway.process
    with Observer(broker.port, EVENTS) as observer, Device(broker.port, "device") as device:
        before = {name: player.cpu_seconds() for name, player in players.items()}
        threads, own, began = gateway.process.cpu_by_thread(), time.process_time(), time.time()
        device.publish(packets)
        seen = observer.wait(events * MESSAGES, _PATIENCE)
        cpu = {name: player.cpu_seconds() - before[name] for name, player in players.items()}
        cpu["device and observer"] = time.process_time() - own
        spent = _difference(gateway.process, threads)
    if events > 1:
        gateway.wait_until_told()
    ended = seen[-1].at if seen else time.time()
    return Run(ended - began, len(seen), len(simulator.created()), cpu, spent)


def _difference(process: Process, before: dict[str, float]) -> dict[str, float]:
    return {
        name: seconds - before.get(name, 0.0) for name, seconds in process.cpu_by_thread().items()
    }


def _shares(title: str, run_: Run) -> str:
    cores = os.cpu_count() or 1
    parts = [f"{name} {100 * spent / run_.seconds:.0f} %" for name, spent in run_.cpu.items()]
    used = sum(run_.cpu.values()) / run_.seconds / cores
    return f"{title}: of one core: {', '.join(parts)}; of all {cores}: {100 * used:.0f} %"


def _threads(run_: Run) -> str:
    parts = sorted(run_.threads.items(), key=lambda item: -item[1])[:4]
    spent = ", ".join(f"{name} {1000 * s / MESSAGES:.3f}" for name, s in parts)
    return f"gateway's threads, ms CPU a message: {spent}"
