"""Where a script leads: to another one (Redirect, every `action`), or to the end of the call."""

from callbox.simulator.records.twiml import Verb
from callbox.simulator.telephony.scene import Over, Scene
from callbox.simulator.telephony.text_form import Form

REJECTED = {"rejected": "no-answer", "busy": "busy"}
"""The status of a call that a Reject ends, by its reason."""


async def go_on(scene: Scene, verb: Verb, url: str, more: Form) -> None:
    """Go on with the script that a verb names, told so much more than every webhook is."""
    await scene.fetch(scene.hook(url, verb.attributes.get("method", "POST")), more)


async def conclude(scene: Scene, verb: Verb, more: Form, url: str) -> None:
    """Go on; if whoever was on the phone has hung up, that is told, but nobody is left to hear."""
    if scene.line.gone and not scene.call.ended:
        scene.board.end(scene.call, "completed")
    await go_on(scene, verb, url, more)


async def redirect(scene: Scene, verb: Verb) -> None:
    """Go on with another script."""
    scene.hear("line", "redirect", verb.text)
    await go_on(scene, verb, verb.text, {})


async def hang_up(scene: Scene, _verb: Verb) -> None:
    """End the call."""
    scene.hear("voice", "hangup")
    scene.board.end(scene.call, "completed")
    raise Over


async def reject(scene: Scene, verb: Verb) -> None:
    """Do not take the call; one that was answered already is over.

    Twilio's documentation says "busy or no-answer, depending on the reason".
    """
    reason = verb.attributes.get("reason", "rejected")
    scene.hear("line", "reject", reason)
    scene.board.end(scene.call, "completed" if scene.answered else REJECTED[reason])
    raise Over
