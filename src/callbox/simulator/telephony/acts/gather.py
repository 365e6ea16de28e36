"""Gather: asks for keys or words."""

from callbox.simulator.records.twiml import Verb
from callbox.simulator.telephony.acts.onward import go_on
from callbox.simulator.telephony.acts.prompts import PROMPTS
from callbox.simulator.telephony.scene import Ready, Scene
from callbox.simulator.telephony.text_form import Form

CONFIDENCE = "0.9"
"""How sure Twilio says to be of what was spoken."""


async def gather(scene: Scene, verb: Verb) -> None:
    """Prompt, take keys or words, and go on with them; without any, the script goes on."""
    takes = verb.attributes.get("input", "dtmf")
    with scene.listening("digits" if "dtmf" in takes else "speech"):
        scene.hear("line", "gather", takes)
        line = scene.line

        def ready() -> object:
            return ("dtmf" in takes and line.keys) or ("speech" in takes and line.words)

        await _prompt(scene, verb, ready)
        if not ready():
            _respond(scene, takes)
        digits = await _entered(scene, verb, takes) if "dtmf" in takes else ""
        if takes == "speech" and not line.words:
            await scene.wait(verb.count("timeout", 5), ready)
        words = " ".join(line.words) if "speech" in takes and not digits else ""
    heard: Form = {"SpeechResult": words, "Confidence": CONFIDENCE} if words else {"Digits": digits}
    if digits or words or verb.truth("actionOnEmptyResult"):
        await go_on(scene, verb, verb.attributes.get("action", ""), heard)


async def _prompt(scene: Scene, verb: Verb, ready: Ready) -> None:
    for child in verb.children:
        await PROMPTS[child.name](scene, child, ready)
        if ready():
            break


def _respond(scene: Scene, takes: str) -> None:
    """Have a person who is only simulated do what is asked."""
    keys = next(scene.person.keys, "") if "dtmf" in takes else ""
    if keys:
        scene.line.press(keys)
    elif "speech" in takes and scene.person.speech:
        scene.line.speak(scene.person.speech)


async def _entered(scene: Scene, verb: Verb, takes: str) -> str:
    """Take keys until there are enough, the last key comes, or nothing comes for a while.

    The last key ends nothing before there is another, says Twilio; that it is lost then is a guess.
    """
    line, timeout = scene.line, verb.count("timeout", 5)
    finish, most = verb.attributes.get("finishOnKey", "#"), verb.count("numDigits", 0)
    while True:
        typed = line.keys.lstrip(finish) if finish else line.keys
        keys, ended, _ = typed.partition(finish) if finish else (typed, "", "")
        if most and len(keys) >= most:
            return keys[:most]
        words = line.words if "speech" in takes and not keys else []
        if ended or words:
            return keys
        seen = len(line.keys)
        await scene.wait(timeout, lambda: len(line.keys) > seen or words)  # noqa: B023 - at once
        if len(line.keys) == seen and not words:
            return keys
