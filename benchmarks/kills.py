"""Kills: the gateway, and mosquitto, end by SIGKILL anywhere in a burst of 1,000.

Look-up delays are shorter by configuration; nothing else differs from a shipped gateway.
"""

import random
import threading
import time

from benchmarks.device import Device, publish_packet
from benchmarks.process import wait_for
from benchmarks.report import Report, say
from benchmarks.stage import Broker, Gateway, Simulator, document, stage
from benchmarks.verdict import Verdict, judge

MESSAGES = 1000
_ROUNDS = 10
_BURST_SECONDS = 1.5  # where a kill may fall
_DELIVERY = {"lookup_delays": [0.5, 1.0, 2.0]}
_UNSETTLED = "delivery WHERE state IN ('queued', 'sending') OR due_at IS NOT NULL"
_NEVER = {"autosave_on_changes": "false", "autosave_interval": "3600"}


def run() -> Report:
    """Measure."""
    report = Report("kills")
    verdict, doubtful = _kill_gateways(20261121)
    report.add(f"gateway killed {_ROUNDS} times: lost", verdict.lost, "messages", most=0)
    report.add(f"gateway killed {_ROUNDS} times: doubled", verdict.doubled, "messages", most=0)
    report.add("of these in doubt at a kill, and settled", doubtful, "messages")
    for name, settings in (("as recommended", {}), ("before its autosave", _NEVER)):
        verdict = _kill_brokers(1, settings)
        report.add(f"mosquitto killed {name}: forgotten by it", verdict.lost, "messages")
        report.add(f"mosquitto killed {name}: sent twice", verdict.doubled, "messages", most=0)
    return report


def _kill_gateways(seed: int) -> tuple[Verdict, int]:
    draw = random.Random(seed)
    with stage() as made:
        broker, simulator = made.broker(), made.simulator()
        gateway = made.gateway(broker, simulator.url, delivery=_DELIVERY)
        gateway.start(broker)
        for number in range(_ROUNDS):
            wait = draw.random() * _BURST_SECONDS
            say(f"gateway, kill {number + 1} of {_ROUNDS}, after {wait:.2f} s")
            publishing = threading.Thread(target=_publish, args=[broker, number])
            publishing.start()
            time.sleep(wait)
            gateway.process.kill()
            gateway.start(broker)
            publishing.join()
            _settle(gateway, (number + 1) * MESSAGES)
        doubtful = gateway.count("delivery WHERE doubt_since IS NOT NULL")
        return judge(simulator, range(_ROUNDS * MESSAGES)), doubtful


def _kill_brokers(seed: int, settings: dict[str, str]) -> Verdict:
    draw = random.Random(seed)
    forgotten = doubled = 0
    for number in range(3):
        wait = 0.1 + draw.random() * _BURST_SECONDS / 2
        say(f"mosquitto, kill {number + 1} of 3, {wait:.2f} s after the last was acknowledged")
        with stage() as made:
            broker, simulator = made.broker(**settings), made.simulator()
            gateway = made.gateway(broker, simulator.url, delivery=_DELIVERY)
            gateway.start(broker)
            _publish(broker, 0)
            time.sleep(wait)
            verdict = _kill_broker(broker, simulator, gateway)
            forgotten, doubled = forgotten + verdict.lost, doubled + verdict.doubled
    return Verdict(forgotten, doubled)


def _kill_broker(broker: Broker, simulator: Simulator, gateway: Gateway) -> Verdict:
    broker.process.kill()
    broker.start()
    time.sleep(5.0)  # the gateway comes back within two, and is given what waits
    wait_for(lambda: gateway.count(_UNSETTLED) == 0, "all to be settled", 60)
    return judge(simulator, range(MESSAGES))


def _publish(broker: Broker, number: int) -> None:
    first = number * MESSAGES
    packets = [publish_packet("twilio/txt", document(first + n), n + 1) for n in range(MESSAGES)]
    with Device(broker.port, f"device{number}") as device:
        device.publish(packets)


def _settle(gateway: Gateway, kept: int) -> None:
    wait_for(lambda: gateway.count("delivery") >= kept, "all to be kept", 60)
    wait_for(lambda: gateway.count(_UNSETTLED) == 0, "all to be settled", 60)
    gateway.wait_until_told()
