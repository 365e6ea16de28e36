"""The sound of what was recorded of calls."""

from callbox.simulator.api.answer import Answer
from callbox.simulator.api.ask import Ask
from callbox.simulator.api.refusal import Refusal
from callbox.simulator.records.switchboard import Switchboard


def content(board: Switchboard, ask: Ask) -> Answer:
    """GET Recordings/RE…, with `.wav` or nothing behind it: a WAV file."""
    recording = board.recordings.get(ask.sid)
    if recording is None or recording.account_sid != ask.account_sid:
        raise Refusal(20404, path=ask.path)
    return Answer(200, recording.sound(), {"Content-Type": "audio/x-wav"})
