"""A small AWS IoT Greengrass V2 core: the nucleus in the test's loop, components beside it.

server         Nucleus: who is let in, what is said where; start reading there
connection     one component's connection: handshake, streams, answers, protocol errors
operations     what a component may ask, and what it is answered
frames         the event-stream wire format, with its CRCs
policy         accessControl: which component may do what
configuration  a component's configuration: merge, look up, tell what changed
recipe         a recipe file: manifest, default configuration, lifecycle steps
runner         a component's processes: folders, variables, install, run, restarts
"""

from nucleus.server import Nucleus, Spoken

__all__ = ["Nucleus", "Spoken"]
