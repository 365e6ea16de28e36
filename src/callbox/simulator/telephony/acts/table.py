"""Which act does which verb."""

from collections.abc import Awaitable, Callable

from callbox.simulator.records.twiml import Verb
from callbox.simulator.telephony.acts.dial import dial
from callbox.simulator.telephony.acts.gather import gather
from callbox.simulator.telephony.acts.onward import hang_up, redirect, reject
from callbox.simulator.telephony.acts.prompts import pause, play, say
from callbox.simulator.telephony.acts.record import record
from callbox.simulator.telephony.acts.undone import undone
from callbox.simulator.telephony.scene import Scene

Act = Callable[[Scene, Verb], Awaitable[None]]

ACTS: dict[str, Act] = {
    "Say": say,
    "Play": play,
    "Pause": pause,
    "Gather": gather,
    "Record": record,
    "Dial": dial,
    "Redirect": redirect,
    "Hangup": hang_up,
    "Reject": reject,
}


async def perform(scene: Scene) -> None:
    """Do the script, verb by verb, and whatever script it leads to."""
    while scene.script:
        verb = scene.script.pop(0)
        if scene.call.inbound and verb.name != "Reject" and not scene.answered:
            scene.answer()
        scene.check()
        for what in undone(verb):
            scene.hear("line", "note", f"The {what} is not simulated.")
        await ACTS.get(verb.name, _not_simulated)(scene, verb)


async def _not_simulated(scene: Scene, verb: Verb) -> None:
    scene.hear("line", "note", f"<{verb.name}> is not simulated.")
    await scene.wait(0)
