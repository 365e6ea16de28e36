"""What a script asks for that Twilio would do and nobody does here: the transcript says so."""

from collections.abc import Iterator

from callbox.simulator.records.twiml import Verb

UNDONE = {
    "Gather": "partialResultCallback",
    "Record": "transcribe transcribeCallback",
    "Dial": "record referUrl",
    "Number": "url statusCallback machineDetection",
    "Client": "url statusCallback",
    "Sip": "url statusCallback machineDetection",
    "WhatsApp": "url statusCallback",
}
"""The attributes by element, with what would be noticed if it were done."""
NOTHING = {"", "false", "do-not-record"}
"""Values by which nothing is asked for."""


def undone(verb: Verb) -> Iterator[str]:
    """Yield what is not done of a verb and of what is in it, as a reader would write it."""
    for name in UNDONE.get(verb.name, "").split():
        if verb.attributes.get(name, "") not in NOTHING:
            yield f'"{name}" of <{verb.name}>'
    for child in verb.children:
        yield from undone(child)
