"""A Twilio look-alike server: REST API 2010-04-01, faults on demand, a log of all it created.

It shares no code with the gateway, so that each checks the other.
"""

from callbox.simulator.fault import BadFaults
from callbox.simulator.server import Simulator, start
from callbox.simulator.settings import Settings

__all__ = ["BadFaults", "Settings", "Simulator", "start"]
