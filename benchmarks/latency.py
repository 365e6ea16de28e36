"""Twilio answers after 100 ms: creates a second with 100 requests in flight, against the ideal.

The ideal is 100 in flight / 0.1 s = 1,000 a second. Measured between the arrival at Twilio of the
message after the ramp (the gateway begins with few requests at once) and of the last.
"""

from itertools import pairwise

from benchmarks.burst import warm_up
from benchmarks.device import Device, Observer, publish_packet
from benchmarks.report import Report, percentile, say
from benchmarks.stage import EVENTS, document, stage

MESSAGES = 8000
_LATENCY = 0.1
_AT_ONCE = 100
_RAMP = 1000
_PATIENCE = 60.0


def run() -> Report:
    """Measure."""
    report = Report("latency")
    say("mosquitto as recommended")
    ours = _measure(report)
    say("mosquitto that keeps everything in memory")
    free = _measure(report, autosave_on_changes="false", max_inflight_messages="0")
    ideal = _AT_ONCE / _LATENCY
    report.add("creates, mosquitto as recommended", ours, "1/s")
    report.add("creates, mosquitto in memory", free, "1/s")
    report.add("of the ideal, mosquitto as recommended", 100 * ours / ideal, "%")
    report.add("of the ideal, the better of the two", 100 * max(ours, free) / ideal, "%", least=95)
    return report


def _measure(report: Report, **settings: str) -> float:
    with stage() as made:
        broker, simulator = made.broker(**settings), made.simulator("--latency", str(_LATENCY))
        gateway = made.gateway(broker, simulator.url)
        gateway.start(broker)
        warm_up(broker, len(EVENTS), 1000)
        simulator.control("DELETE", "log")
        simulator.control("DELETE", "requests")
        packets = [publish_packet("twilio/txt", document(n), n + 1) for n in range(MESSAGES)]
        with Observer(broker.port, EVENTS) as observer, Device(broker.port, "device") as device:
            before = gateway.process.cpu_seconds()
            device.publish(packets)
            seen = observer.wait(len(EVENTS) * MESSAGES, _PATIENCE)
            spent = gateway.process.cpu_seconds() - before
        arrived = sorted(entry["arrived_at"] for entry in simulator.created())
        most = simulator.control("GET", "requests")["max_concurrent_creates"]
    report.add("lost or doubled", abs(len(arrived) - MESSAGES), "messages", most=0)
    report.add("events missing", len(EVENTS) * MESSAGES - len(seen), "events", most=0)
    _blame(report, arrived, most, spent)
    measured = arrived[_RAMP:]
    return (len(measured) - 1) / float(measured[-1] - measured[0])


def _blame(report: Report, arrived: list[float], most: int, spent: float) -> None:
    measured = arrived[_RAMP:]
    gaps = [1000 * (b - a) for a, b in pairwise(measured)]
    report.blame.append(
        f"at most {most} in flight; between two creates p50 {percentile(gaps, 0.5):.2f} ms, "
        f"p99 {percentile(gaps, 0.99):.2f} ms; the gateway used "
        f"{100 * spent / (arrived[-1] - arrived[0]):.0f} % of one core, "
        f"{1000 * spent / MESSAGES:.2f} ms a message"
    )
