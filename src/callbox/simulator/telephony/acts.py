"""What each verb of a script does in a call.

Attributes and defaults are those of Twilio's documentation of the verbs; what does not fit was left
out before. A new verb needs an act in ACTS, and its element in grammar.py; a verb of Twilio's
without an act is not simulated, which the transcript says.
"""

import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from callbox.simulator.records import address
from callbox.simulator.records.recording import Recording
from callbox.simulator.records.sid import new_sid
from callbox.simulator.records.twiml import Verb
from callbox.simulator.telephony.grammar import Flaw
from callbox.simulator.telephony.person import Person
from callbox.simulator.telephony.scene import Over, Ready, Scene, never
from callbox.simulator.telephony.text_form import Form

ENDLESS = 1000
"""How often `loop="0"` repeats."""
PLAYED = 3.0
"""Seconds that a sound is taken to last; it is not fetched."""
TONE = 0.5
"""Seconds of a tone, or of a `w` between tones."""
TALK = 10
"""Seconds that a connection to whoever is dialled lasts, unless their outcome says."""
BUSY_TONE = 2.0
NOBODY, NOT_A_NUMBER = 12200, 13223
NOTHING_TO_SAY, NOTHING_TO_PLAY = 13520, 12200
CONFIDENCE = "0.9"
"""How sure Twilio says to be of what was spoken."""

Act = Callable[[Scene, Verb], Awaitable[None]]


async def perform(scene: Scene) -> None:
    """Do the script, verb by verb, and whatever script it leads to."""
    while scene.script:
        verb = scene.script.pop(0)
        if scene.call.inbound and verb.name != "Reject" and not scene.answered:
            scene.answer()
        scene.check()
        await ACTS.get(verb.name, _not_simulated)(scene, verb)


async def _not_simulated(scene: Scene, verb: Verb) -> None:
    scene.hear("line", "note", f"<{verb.name}> is not simulated.")
    await scene.wait(0)


async def _say(scene: Scene, verb: Verb, ready: Ready = never) -> None:
    text = " ".join(verb.text.split())
    if not text:
        scene.note(Flaw(NOTHING_TO_SAY, "<Say> has nothing to say."))
    else:
        for _ in range(_count(verb, "loop", 1) or ENDLESS):
            await scene.say(text, ready)
            if ready():
                break


async def _play(scene: Scene, verb: Verb, ready: Ready = never) -> None:
    tones = verb.attributes.get("digits", "")
    if tones:
        scene.hear("voice", "play", f"tones {tones}")
        await scene.wait(len(tones) * TONE, ready)
    elif verb.text:
        await _play_sound(scene, verb, ready)
    else:
        scene.note(Flaw(NOTHING_TO_PLAY, "<Play> has nothing to play."))


async def _play_sound(scene: Scene, verb: Verb, ready: Ready) -> None:
    for _ in range(_count(verb, "loop", 1) or ENDLESS):
        scene.hear("voice", "play", verb.text)
        await scene.wait(PLAYED, ready)
        if ready():
            break


async def _pause(scene: Scene, verb: Verb, ready: Ready = never) -> None:
    seconds = _count(verb, "length", 1)
    scene.hear("line", "pause", f"{seconds} s")
    await scene.wait(seconds, ready)


PROMPTS = {"Say": _say, "Play": _play, "Pause": _pause}


async def _gather(scene: Scene, verb: Verb) -> None:
    takes = verb.attributes.get("input", "dtmf")
    waits_for = "digits" if "dtmf" in takes else "speech"
    with _listening(scene, waits_for):
        scene.hear("line", "gather", takes)
        line = scene.line

        def ready() -> object:
            return ("dtmf" in takes and line.keys) or ("speech" in takes and line.words)

        await _prompt(scene, verb, ready)
        if not ready():
            _respond(scene, takes)
        digits = await _entered(scene, verb, takes) if "dtmf" in takes else ""
        if takes == "speech" and not line.words:
            await scene.wait(_count(verb, "timeout", 5), ready)
        words = " ".join(line.words) if "speech" in takes and not digits else ""
    heard: Form = {"SpeechResult": words, "Confidence": CONFIDENCE} if words else {"Digits": digits}
    if digits or words or _truth(verb, "actionOnEmptyResult"):
        await _go_on(scene, verb, verb.attributes.get("action", ""), heard)


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
    """Take keys until there are enough, the last key comes, or nothing comes for a while."""
    line, timeout = scene.line, _count(verb, "timeout", 5)
    finish, most = verb.attributes.get("finishOnKey", "#"), _count(verb, "numDigits", 0)
    while True:
        keys, ended, _ = line.keys.partition(finish) if finish else (line.keys, "", "")
        if most and len(keys) >= most:
            return keys[:most]
        if ended or ("speech" in takes and line.words and not keys):
            return keys
        seen = len(line.keys)
        await scene.wait(timeout, lambda: len(line.keys) > seen or line.words)  # noqa: B023 - at once
        if len(line.keys) == seen and not (line.words and "speech" in takes):
            return keys


async def _record(scene: Scene, verb: Verb) -> None:
    with _listening(scene, "speech"):
        if verb.attributes.get("playBeep", "true").lower() == "true":
            scene.hear("line", "beep")
        try:
            key = await _recorded(scene, verb)
        except Over:
            key = "hangup"
        seconds = _spoken(scene, _count(verb, "maxLength", 3600))
    if not seconds:
        scene.check()
        return
    form = _keep(scene, verb, seconds)
    await _conclude(scene, verb, {**form, "Digits": key}, verb.attributes.get("action", ""))


async def _recorded(scene: Scene, verb: Verb) -> str:
    """Let somebody speak until silence or a key; return the key, "hangup" if they hung up."""
    line, person = scene.line, scene.person
    finish = verb.attributes.get("finishOnKey", "1234567890*#")
    longest, timeout = _count(verb, "maxLength", 3600), _count(verb, "timeout", 5)
    if person.recorded:
        scene.hear("person", "speak", f"{person.recorded} s")
        await scene.wait(min(person.recorded, longest))
        line.hang_up()
        return "hangup"
    if person.speech and not line.words:
        line.speak(person.speech)
        await scene.wait(len(person.speech.split()) * scene.word)
    until = scene.elapsed + longest
    while scene.elapsed < until:
        said, typed = len(line.words), len(line.keys)
        await scene.wait(
            min(timeout, until - scene.elapsed),
            lambda: len(line.words) > said or len(line.keys) > typed,  # noqa: B023 - at once
        )
        for key in line.keys[typed:]:
            if key in finish:
                return key
        if len(line.words) == said and len(line.keys) == typed:
            break
    return ""


def _spoken(scene: Scene, longest: int) -> int:
    person: Person = scene.person
    words = len(" ".join(scene.line.words).split())
    return min(person.recorded or math.ceil(words * scene.word), longest)


def _keep(scene: Scene, verb: Verb, seconds: int) -> Form:
    """Keep a recording, and tell whoever wants to know; return what is told of it."""
    board, call = scene.board, scene.call
    recording = Recording(sid=new_sid("RE"), account_sid=call.account_sid, seconds=seconds)
    board.recordings[recording.sid] = recording
    scene.recording = {
        "RecordingUrl": f"{board.url}{recording.path}",
        "RecordingSid": recording.sid,
        "RecordingDuration": str(seconds),
    }
    scene.hear("line", "record", f"{seconds} s")
    wanted = verb.attributes.get("recordingStatusCallback")
    if wanted:
        hook = scene.hook(wanted, verb.attributes.get("recordingStatusCallbackMethod", "POST"))
        more = {
            "AccountSid": call.account_sid,
            "CallSid": call.sid,
            **scene.recording,
            "RecordingStatus": "completed",
            "RecordingChannels": "1",
            "RecordingSource": "RecordVerb",
            "ErrorCode": "0",
        }
        scene.chores.begin(scene.proxy.call(hook, more, voice=True))
    return scene.recording


async def _dial(scene: Scene, verb: Verb) -> None:
    status, seconds = await _connect(scene, verb)
    if "action" in verb.attributes:
        form = {"DialCallSid": new_sid("CA"), "DialCallStatus": status}
        form |= {"DialCallDuration": str(max(seconds, 1))} if status == "completed" else {}
        await _conclude(scene, verb, form, verb.attributes["action"])
    scene.check()


async def _connect(scene: Scene, verb: Verb) -> tuple[str, int]:
    """Dial; return what became of it, and the seconds that it lasted."""
    dialled = [verb.text, *(child.text for child in verb.children if child.name in DIALLED)]
    whom = [text for text in dialled if text]
    for child in verb.children:
        if child.name not in DIALLED:
            scene.hear("line", "note", f"<{child.name}> is not simulated.")
            return "completed", 0
    if not whom:
        scene.note(Flaw(NOBODY, "<Dial> has nobody to dial."))
        return "failed", 0
    scene.hear("line", "dial", ", ".join(whom))
    begun = scene.elapsed
    try:
        status = await _talk(scene, verb, whom)
    except Over:
        status = "completed"
    return status, int(scene.elapsed - begun)


async def _talk(scene: Scene, verb: Verb, whom: list[str]) -> str:
    number = address.callee(whom[0])
    if number is None:
        scene.note(Flaw(NOT_A_NUMBER, f'<Dial> cannot dial "{whom[0][:40]}".'))
        return "failed"
    outcome = scene.board.outcomes.of(number)
    status = scene.person.dial_status or outcome.call_course[-1]
    if status != "completed":
        await scene.wait(_count(verb, "timeout", 30) if status == "no-answer" else BUSY_TONE)
        return status
    seconds = TALK if outcome.duration is None else outcome.duration
    with _listening(scene, "digits" if _truth(verb, "hangupOnStar") else ""):
        line = scene.line
        await scene.wait(
            min(seconds, _count(verb, "timeLimit", 14_400)),
            lambda: _truth(verb, "hangupOnStar") and "*" in line.keys,
        )
    return status


async def _redirect(scene: Scene, verb: Verb) -> None:
    scene.hear("line", "redirect", verb.text)
    await _go_on(scene, verb, verb.text, {})


async def _hang_up(scene: Scene, _verb: Verb) -> None:
    scene.hear("voice", "hangup")
    scene.board.end(scene.call, "completed")
    raise Over


async def _reject(scene: Scene, verb: Verb) -> None:
    scene.hear("line", "reject", verb.attributes.get("reason", "rejected"))
    scene.board.end(scene.call, "completed" if scene.answered else "busy")
    raise Over


ACTS: dict[str, Act] = {
    "Say": _say,
    "Play": _play,
    "Pause": _pause,
    "Gather": _gather,
    "Record": _record,
    "Dial": _dial,
    "Redirect": _redirect,
    "Hangup": _hang_up,
    "Reject": _reject,
}
DIALLED = {"Number", "Client", "Sip", "WhatsApp", "Sim"}
"""What is dialled like a number; other things are not simulated."""


async def _go_on(scene: Scene, verb: Verb, url: str, more: Form) -> None:
    await scene.fetch(scene.hook(url, verb.attributes.get("method", "POST")), more)


async def _conclude(scene: Scene, verb: Verb, more: Form, url: str) -> None:
    """Go on; if whoever was on the phone has hung up, that is told, but nobody is left to hear."""
    if scene.line.gone and not scene.call.ended:
        scene.board.end(scene.call, "completed")
    await _go_on(scene, verb, url, more)


@contextmanager
def _listening(scene: Scene, waits_for: str) -> Iterator[None]:
    """Have keys and words taken meanwhile; those before and after are lost."""
    line, call = scene.line, scene.call
    line.listening, call.waits_for = True, waits_for
    try:
        yield
    finally:
        line.listening, call.waits_for = False, ""
        line.keys, line.words = "", []


def _count(verb: Verb, name: str, usual: int) -> int:
    return int(verb.attributes.get(name, usual))


def _truth(verb: Verb, name: str) -> bool:
    return verb.attributes.get(name, "false").lower() == "true"
