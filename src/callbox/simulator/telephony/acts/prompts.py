"""Say, Play and Pause: what a script has to be heard, by themselves or in a Gather."""

from collections.abc import Awaitable, Callable

from callbox.simulator.records.twiml import Verb
from callbox.simulator.telephony.grammar import Flaw
from callbox.simulator.telephony.scene import Ready, Scene, never

ENDLESS = 1000
"""How often `loop="0"` repeats."""
PLAYED = 3.0
"""Seconds that a sound is taken to last; it is not fetched."""
TONE = 0.5
"""Seconds of a tone, or of a `w` between tones."""
NOTHING_TO_SAY, NOTHING_TO_PLAY = 13520, 12200


async def say(scene: Scene, verb: Verb, ready: Ready = never) -> None:
    """Speak a text."""
    text = " ".join(verb.text.split())
    if not text:
        scene.note(Flaw(NOTHING_TO_SAY, "<Say> has nothing to say."))
    else:
        for _ in range(verb.count("loop", 1) or ENDLESS):
            await scene.say(text, ready)
            if ready():
                break


async def play(scene: Scene, verb: Verb, ready: Ready = never) -> None:
    """Play tones or a sound."""
    tones = verb.attributes.get("digits", "")
    if tones:
        scene.hear("voice", "play", f"tones {tones}")
        await scene.wait(len(tones) * TONE, ready)
    elif verb.text:
        await _play_sound(scene, verb, ready)
    else:
        scene.note(Flaw(NOTHING_TO_PLAY, "<Play> has nothing to play."))


async def _play_sound(scene: Scene, verb: Verb, ready: Ready) -> None:
    for _ in range(verb.count("loop", 1) or ENDLESS):
        scene.hear("voice", "play", verb.text)
        await scene.wait(PLAYED, ready)
        if ready():
            break


async def pause(scene: Scene, verb: Verb, ready: Ready = never) -> None:
    """Be silent."""
    seconds = verb.count("length", 1)
    scene.hear("line", "pause", f"{seconds} s")
    await scene.wait(seconds, ready)


Prompt = Callable[[Scene, Verb, Ready], Awaitable[None]]
PROMPTS: dict[str, Prompt] = {"Say": say, "Play": play, "Pause": pause}
