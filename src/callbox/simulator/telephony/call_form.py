"""The parameters of the webhooks that tell of calls."""

import math

from callbox.simulator.records.call import Call
from callbox.simulator.records.date import rfc2822
from callbox.simulator.records.geography import parameters
from callbox.simulator.telephony.text_form import API_VERSION, Form

MINUTE = 60
SIP_CODES = {"completed": 200, "busy": 486, "no-answer": 487, "canceled": 487, "failed": 500}


def told(call: Call, status: str) -> Form:
    """Tell what every webhook about a call tells."""
    sender = call.sender
    return {
        "CallSid": call.sid,
        "AccountSid": call.account_sid,
        "ApiVersion": API_VERSION,
        "From": sender,
        "Caller": sender,
        "To": call.to,
        "Called": call.to,
        "CallStatus": status,
        "Direction": call.direction,
        **parameters("From", sender),
        **parameters("Caller", sender),
        **parameters("To", call.to),
        **parameters("Called", call.to),
    }


def progress(call: Call, status: str, sequence: int, now: float) -> Form:
    """Tell of a new status; of the last one, how long it took and who was there too."""
    return {
        **told(call, status),
        "Timestamp": rfc2822(now) or "",
        "CallbackSource": "call-progress-events",
        "SequenceNumber": str(sequence),
        **(_end(call, status) if status in SIP_CODES else {}),
    }


def _end(call: Call, status: str) -> Form:
    seconds = call.duration() or 0
    form = {
        "CallDuration": str(seconds),
        "Duration": str(math.ceil(seconds / MINUTE)),
        "SipResponseCode": str(SIP_CODES[status]),
    }
    if call.machine_detection and call.answered_by and status == "completed":
        form["AnsweredBy"] = call.answered_by
    return {**form, **call.recording}
