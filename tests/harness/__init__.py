"""What the system tests are made of: real processes, and conditions to wait for.

    Site      one test's installation: hands out the others and ends them
    Broker    a real mosquitto: start, stop, kill, start again on the same port and folder
    Gateway   a real gateway process: start, stop, kill; its log and its store
    Device    publishes at QoS 1 and waits for acknowledgements; keeps all that it hears
    Cable     between gateway and broker: loses acknowledgements, breaks
    phones    people's phones at the simulator: they text, call and expect
    Simulator callbox.simulator, in the test's own process: its log decides what was really sent

Only loopback addresses and free ports; every process is ended by its own id. Nothing sleeps:
`until` waits for a condition, `stays` watches that one holds.
"""

from harness.broker import Broker
from harness.cable import Cable
from harness.device import Device, Received
from harness.documents import call, number, text
from harness.gateway import ACCOUNT, AUTH_TOKEN, FROM, Gateway
from harness.nursery import Nursery
from harness.oracle import Verdict, judge, sent
from harness.phone import Phone, Phones, phones
from harness.site import Site
from harness.waiting import PATIENCE, stays, until

__all__ = [
    "ACCOUNT",
    "AUTH_TOKEN",
    "FROM",
    "PATIENCE",
    "Broker",
    "Cable",
    "Device",
    "Gateway",
    "Nursery",
    "Phone",
    "Phones",
    "Received",
    "Site",
    "Verdict",
    "call",
    "judge",
    "number",
    "phones",
    "sent",
    "stays",
    "text",
    "until",
]
