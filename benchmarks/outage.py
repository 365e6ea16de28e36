"""An outage: Twilio answers 503 and creates a third all the same; then, cut connections.

Every text is asked for twice, on purpose, equal in every word. `--scaled` shortens the outages and
the look-up delays by configuration: a minute instead of ten.
"""

import time

from benchmarks.burst import warm_up
from benchmarks.device import Device, publish_packet
from benchmarks.process import wait_for
from benchmarks.report import Report, say
from benchmarks.stage import EVENTS, SCALED, Broker, Gateway, Simulator, document, stage
from benchmarks.verdict import judge

_OUTAGES = (10.0, 30.0) if SCALED else (20.0, 300.0)
_DELIVERY = (
    {"lookup_delays": [1.0, 2.0, 4.0], "probe_first": 0.5, "probe_longest": 5.0} if SCALED else {}
)
_RECIPIENTS = 150
_A_SECOND = 30
_CUT = 20
_PATIENCE = 200.0
_UNSETTLED = "delivery WHERE state IN ('queued', 'sending') OR due_at IS NOT NULL"
_ENDED_UNKNOWN = "delivery WHERE state = 'unknown' AND due_at IS NULL"


def run() -> Report:
    """Measure."""
    report = Report("outage, scaled" if SCALED else "outage")
    for seconds in _OUTAGES:
        rule = {"on": "any", "status": 503, "created": 1 / 3, "until": seconds}
        _play(report, f"503 for {seconds:.0f} s", [rule], seconds, each=2)
    rule = {"on": "create", "drop": "after", "times": _CUT}
    _play(report, f"{_CUT} connections cut", [rule], 0.0, each=1)
    return report


def _play(
    report: Report, name: str, rules: list[dict[str, object]], seconds: float, each: int
) -> None:
    say(name)
    recipients = _RECIPIENTS if each > 1 else _CUT
    with stage() as made:
        broker, simulator = made.broker(), made.simulator("--seed", "7")
        gateway = made.gateway(broker, simulator.url, delivery=_DELIVERY)
        gateway.start(broker)
        if not seconds:
            warm_up(broker, len(EVENTS))  # many may be in flight now
            simulator.control("DELETE", "log")
        simulator.control("PUT", "faults", rules)
        _publish(broker, recipients, each)
        time.sleep(max(0.0, seconds - recipients * each / _A_SECOND))
        ended = time.monotonic()
        _settle(gateway, recipients * each)
        _tell(report, name, simulator, gateway, recipients, each)
        report.add(f"{name}: all settled after its end", time.monotonic() - ended, "s")
        report.add(f"{name}: lines in the log", _lines(gateway), "lines")


def _publish(broker: Broker, recipients: int, each: int) -> None:
    with Device(broker.port, "device") as device:
        for number in range(recipients):
            device.publish(
                [publish_packet("twilio/txt", document(number), n + 1) for n in range(each)]
            )
            if each > 1:
                time.sleep(each / _A_SECOND)


def _settle(gateway: Gateway, messages: int) -> None:
    asked = "delivery WHERE recipient < '+12349'"  # not the warm-up
    wait_for(lambda: gateway.count(asked) >= messages, "all to be kept", _PATIENCE)
    wait_for(lambda: gateway.count(_UNSETTLED) == 0, "all to be settled", _PATIENCE, 0.1)
    gateway.wait_until_told()


def _tell(
    report: Report, name: str, simulator: Simulator, gateway: Gateway, recipients: int, each: int
) -> None:
    verdict = judge(simulator, range(recipients), each)
    doubtful = gateway.count("delivery WHERE doubt_since IS NOT NULL")
    unknown = gateway.count(_ENDED_UNKNOWN)
    report.add(f"{name}: messages", recipients * each, "messages")
    report.add(f"{name}: lost", verdict.lost, "messages", most=0)
    report.add(f"{name}: doubled", verdict.doubled, "messages", most=0)
    report.add(f"{name}: ever in doubt", doubtful, "messages", most=_CUT if each == 1 else 10)
    report.add(f"{name}: ended unknown", unknown, "messages", most=0)


def _lines(gateway: Gateway) -> int:
    return len(gateway.process.log.read_text().splitlines())
