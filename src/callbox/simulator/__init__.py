"""A Twilio look-alike server: REST API 2010-04-01, runs of Studio flows, webhooks.

It has faults on demand and keeps a log of it all. It shares no code with the gateway, so that each
checks the other.
"""

from callbox.simulator.limits import TWILIOS, Limits
from callbox.simulator.manner import Manner
from callbox.simulator.order import BadOrder
from callbox.simulator.own_number import OwnNumber
from callbox.simulator.scenario.scenario import Scenario, scenario
from callbox.simulator.service import Service
from callbox.simulator.settings import LIFELIKE, Settings
from callbox.simulator.simulator import Simulator, start

__all__ = [
    "LIFELIKE",
    "TWILIOS",
    "BadOrder",
    "Limits",
    "Manner",
    "OwnNumber",
    "Scenario",
    "Service",
    "Settings",
    "Simulator",
    "scenario",
    "start",
]
