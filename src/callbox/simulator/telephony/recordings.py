"""What is recorded of a call: kept, and told to whoever wants to know."""

from callbox.simulator.records.call import Call
from callbox.simulator.records.date import rfc2822
from callbox.simulator.records.recording import COMPLETED, Recording, Wish
from callbox.simulator.records.sid import new_sid
from callbox.simulator.records.switchboard import Switchboard
from callbox.simulator.telephony.text_form import Form


def keep(board: Switchboard, call: Call, seconds: int) -> Form:
    """Keep a recording; return what is told of it wherever it is mentioned."""
    recording = Recording(sid=new_sid("RE"), account_sid=call.account_sid, seconds=seconds)
    board.recordings[recording.sid] = recording
    return {
        "RecordingUrl": f"{board.url}{recording.path}",
        "RecordingSid": recording.sid,
        "RecordingDuration": str(seconds),
    }


def completed(call: Call, wish: Wish, recording: Form, now: float) -> Form:
    """Tell the recording status callback of a recording that ends now."""
    return {
        "AccountSid": call.account_sid,
        "CallSid": call.sid,
        **recording,
        "RecordingStatus": COMPLETED,
        "RecordingChannels": str(wish.channels),
        "RecordingStartTime": rfc2822(now - int(recording["RecordingDuration"])) or "",
        "RecordingSource": wish.source,
        "RecordingTrack": wish.track,
        "ErrorCode": "0",
    }
