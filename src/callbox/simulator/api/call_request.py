"""The call that a request asks for."""

from callbox.simulator.api import call_rules, callback, parameters
from callbox.simulator.api.ask import Ask
from callbox.simulator.records.call import LONGEST_CALL, USUAL_DETECTION, USUAL_TIMEOUT, Call
from callbox.simulator.records.recording import COMPLETED, Wish
from callbox.simulator.records.sid import new_sid
from callbox.simulator.records.switchboard import Switchboard
from callbox.simulator.records.webhook import Webhook

LONGEST_TIMEOUT = 600
EVENTS = {"initiated", "ringing", "answered", "completed"}


def compose(board: Switchboard, ask: Ask) -> Call:
    """Return the call that a request asks for; Refusal if Twilio would refuse it."""
    to, sender = call_rules.callee(ask), call_rules.caller(ask)
    parameters.check(ask, parameters.CALL)
    call_rules.check_script(ask)
    call_rules.check_pair(board, to, sender)
    outcome = board.outcomes.draw(to)
    call = Call(
        sid=new_sid("CA"),
        account_sid=ask.account_sid,
        to=to,
        sender=sender,
        status_callback=callback.asked_for(ask),
        created_at=board.clock(),
        arrived_at=ask.arrived_at,
        timeline=board.calling(outcome),
        url=ask.maybe("Url"),
        twiml=ask.maybe("Twiml"),
        status_callback_event=ask.every("StatusCallbackEvent"),
        machine_detection=ask.maybe("MachineDetection"),
        status_callback_method=ask.text("StatusCallbackMethod") or "POST",
        method=ask.text("Method") or "POST",
        fallback_url=ask.maybe("FallbackUrl"),
        fallback_method=ask.text("FallbackMethod") or "POST",
        priced_after=board.settings.price_after,
        outcome=outcome,
        answered_by="" if board.settings.scripts else outcome.answered_by,
        said_duration=outcome.duration,
        lived=board.settings.scripts,
        timeout=min(ask.count("Timeout", USUAL_TIMEOUT), LONGEST_TIMEOUT),
        time_limit=ask.count("TimeLimit", LONGEST_CALL),
        send_digits=ask.maybe("SendDigits"),
        detection_timeout=ask.count("MachineDetectionTimeout", USUAL_DETECTION),
        detects_behind=ask.text("AsyncAmd").lower() == "true",
        detection_callback=_detection_callback(ask),
        wish=_wish(ask),
    )
    _check_events(call)
    return call


def _check_events(call: Call) -> None:
    """Call back for nothing at all if an event is none, as one is that holds several of them.

    Twilio creates the call all the same, with an error in its debugger, as several projects found.
    """
    for event in call.status_callback_event:
        if event not in EVENTS:
            call.status_callback = None
            sentence = (
                f"21626: StatusCallbackEvent cannot be {event[:60]!r}, so none is called back."
            )
            call.hear(call.created_at, "line", "error", sentence)


def _detection_callback(ask: Ask) -> Webhook | None:
    url = ask.text("AsyncAmdStatusCallback")
    return Webhook(url, ask.text("AsyncAmdStatusCallbackMethod") or "POST") if url else None


def _wish(ask: Ask) -> Wish | None:
    if ask.text("Record").lower() != "true":
        return None
    url, events = ask.text("RecordingStatusCallback"), ask.every("RecordingStatusCallbackEvent")
    told = COMPLETED in (" ".join(events) or COMPLETED).split()
    method = ask.text("RecordingStatusCallbackMethod") or "POST"
    return Wish(
        source="OutboundAPI",
        hook=Webhook(url, method) if url and told else None,
        channels=2 if ask.text("RecordingChannels") == "dual" else 1,
        track=ask.text("RecordingTrack") or "both",
    )
