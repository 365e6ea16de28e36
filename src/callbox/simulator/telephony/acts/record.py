"""Record: keeps what is spoken."""

import math

from callbox.simulator.records.recording import Recording
from callbox.simulator.records.sid import new_sid
from callbox.simulator.records.twiml import Verb
from callbox.simulator.telephony.acts.onward import conclude
from callbox.simulator.telephony.scene import Over, Scene
from callbox.simulator.telephony.text_form import Form

LONGEST, SILENCE = 3600, 5
"""Seconds of `maxLength` and `timeout`, unless the script says."""
HANGUP = "hangup"
"""What ends a recording in place of a key."""


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
    form = _keep(scene, seconds)
    _tell(scene, verb)
    await conclude(scene, verb, {**form, "Digits": key}, verb.attributes.get("action", ""))


async def _recorded(scene: Scene, verb: Verb) -> str:
    """Let somebody speak until silence or a key; return the key, HANGUP if they hung up."""
    line, person = scene.line, scene.person
    longest = verb.count("maxLength", LONGEST)
    if person.recorded:
        scene.hear("person", "speak", f"{person.recorded} s")
        await scene.wait(min(person.recorded, longest))
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


def _keep(scene: Scene, seconds: int) -> Form:
    """Keep a recording; return what every webhook tells of it."""
    board = scene.board
    recording = Recording(sid=new_sid("RE"), account_sid=scene.call.account_sid, seconds=seconds)
    board.recordings[recording.sid] = recording
    scene.hear("line", "record", f"{seconds} s")
    scene.recording = {
        "RecordingUrl": f"{board.url}{recording.path}",
        "RecordingSid": recording.sid,
        "RecordingDuration": str(seconds),
    }
    return scene.recording


def _tell(scene: Scene, verb: Verb) -> None:
    """Tell whoever wants to know of the recording that was kept."""
    wanted = verb.attributes.get("recordingStatusCallback")
    if not wanted:
        return
    hook = scene.hook(wanted, verb.attributes.get("recordingStatusCallbackMethod", "POST"))
    form = {
        "AccountSid": scene.call.account_sid,
        "CallSid": scene.call.sid,
        **scene.recording,
        "RecordingStatus": "completed",
        "RecordingChannels": "1",
        "RecordingSource": "RecordVerb",
        "ErrorCode": "0",
    }
    scene.chores.begin(scene.proxy.call(hook, form, voice=True))
