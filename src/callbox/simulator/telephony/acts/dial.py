"""Dial: connects with somebody else."""

from callbox.simulator.records import address
from callbox.simulator.records.sid import new_sid
from callbox.simulator.records.twiml import Verb
from callbox.simulator.telephony.acts.onward import conclude
from callbox.simulator.telephony.grammar import Flaw
from callbox.simulator.telephony.scene import Over, Scene

TALK = 10
"""Seconds that a connection to whoever is dialled lasts, unless their outcome says."""
BUSY_TONE = 2.0
NOBODY, NOT_A_NUMBER = 12200, 13223
DIALLED = {"Number", "Client", "Sip", "WhatsApp", "Sim"}
"""What is dialled like a number; other things are not simulated."""


async def dial(scene: Scene, verb: Verb) -> None:
    """Connect, and tell the action what became of it."""
    status, seconds = await _connect(scene, verb)
    if "action" in verb.attributes:
        form = {"DialCallSid": new_sid("CA"), "DialCallStatus": status}
        form |= {"DialCallDuration": str(max(seconds, 1))} if status == "completed" else {}
        await conclude(scene, verb, form, verb.attributes["action"])
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
        await scene.wait(verb.count("timeout", 30) if status == "no-answer" else BUSY_TONE)
        return status
    seconds = TALK if outcome.duration is None else outcome.duration
    line, star = scene.line, verb.truth("hangupOnStar")
    with scene.listening("digits" if star else ""):
        await scene.wait(
            min(seconds, verb.count("timeLimit", 14_400)), lambda: star and "*" in line.keys
        )
    return status
