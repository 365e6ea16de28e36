"""Nobody answers in Twilio's place: the line is cut, and later it is there again."""

from callbox.simulator import Simulator


async def unplug(simulator: Simulator) -> None:
    """Refuse connections from now on, and end those that there are."""
    assert simulator._server._listener is not None
    simulator._server._listener.close()
    await simulator._server._web.shutdown(0)


async def plug_in(simulator: Simulator) -> None:
    """Answer again, at the same address."""
    await simulator.listen("127.0.0.1", int(simulator.url.rpartition(":")[2]))
