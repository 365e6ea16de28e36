"""Record: keeps what is spoken."""

import math

from callbox.simulator.records.recording import COMPLETED, Wish
from callbox.simulator.records.twiml import Verb
from callbox.simulator.telephony.acts.onward import conclude
from callbox.simulator.telephony.grammar import Flaw
from callbox.simulator.telephony.recordings import completed, keep
from callbox.simulator.telephony.scene import Broken, Over, Scene

LONGEST, SILENCE = 3600, 5
"""Seconds of `maxLength` and `timeout`, unless the script says."""
HANGUP = "hangup"
"""What ends a recording in place of a key."""
EVENT = "recordingStatusCallbackEvent"
NO_CALLBACK = 13256


async def record(scene: Scene, verb: Verb) -> None:
    """Record, tell of it and go on; if nothing was said, the script goes on."""
    with scene.listening("speech"):
        if verb.attributes.get("playBeep", "true").lower() == "true":
            scene.hear("line", "beep")
        try:
            key = await _recorded(scene, verb)
        except Over:
            key = HANGUP
        seconds = _spoken(scene, verb.count("maxLength", LONGEST))
    if not seconds:
        scene.check()
        return
    scene.hear("line", "record", f"{seconds} s")
    scene.recording = keep(scene.board, scene.call, seconds)
    _tell(scene, verb)
    form = {**scene.recording, "Digits": key}
    await conclude(scene, verb, form, verb.attributes.get("action", ""))


async def _recorded(scene: Scene, verb: Verb) -> str:
    """Let somebody speak until silence or a key; return the key, HANGUP if they hung up."""
    line, person = scene.line, scene.person
    longest = verb.count("maxLength", LONGEST)
    if person.recorded:
        scene.hear("person", "speak", f"{person.recorded} s")
        await scene.wait(min(person.recorded, longest))
        if person.recorded > longest:
            return ""
        line.hang_up()
        return HANGUP
    if person.speech and not line.words:
        line.speak(person.speech)
        await scene.wait(len(person.speech.split()) * scene.word)
    return await _until_silence(scene, verb, longest)


async def _until_silence(scene: Scene, verb: Verb, longest: int) -> str:
    """Listen so long at most; return the key that ended it, empty if none did."""
    line, until = scene.line, scene.elapsed + longest
    finish = verb.attributes.get("finishOnKey", "1234567890*#")
    while scene.elapsed < until:
        said, typed = len(line.words), len(line.keys)
        await scene.wait(
            min(verb.count("timeout", SILENCE), until - scene.elapsed),
            lambda: len(line.words) > said or len(line.keys) > typed,  # noqa: B023 - at once
        )
        for key in line.keys[typed:]:
            if key in finish:
                return key
        if len(line.words) == said and len(line.keys) == typed:
            break
    return ""


def _spoken(scene: Scene, longest: int) -> int:
    words = len(" ".join(scene.line.words).split())
    return min(scene.person.recorded or math.ceil(words * scene.word), longest)


def _tell(scene: Scene, verb: Verb) -> None:
    """Tell whoever wants to know of the recording that was kept."""
    url = verb.attributes.get("recordingStatusCallback")
    if not url or COMPLETED not in verb.attributes.get(EVENT, COMPLETED).split():
        return
    try:
        hook = scene.hook(url, verb.attributes.get("recordingStatusCallbackMethod", "POST"))
    except Broken:
        scene.note(Flaw(NO_CALLBACK, f'Nobody is told of the recording: "{url[:200]}" is no URL.'))
        return
    wish = Wish(source="RecordVerb", hook=hook, track="inbound")
    form = completed(scene.call, wish, scene.recording, scene.board.clock())
    scene.chores.begin(scene.proxy.call(hook, form, voice=True))
