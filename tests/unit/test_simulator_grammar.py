"""The grammar of TwiML, against the builder of Twilio's own SDK."""

import inspect

import pytest
from twilio.twiml.voice_response import Connect, Dial, Gather, VoiceResponse

from callbox.simulator.records.twiml import verbs
from callbox.simulator.telephony.grammar import ELEMENTS, SCHEMA, VERBS, checked

CONTENT = {
    "message", "number", "name", "phone_number", "identity", "sip_url", "sim_sid",
    "application_sid",
}  # fmt: skip
"""What the builder takes as text between the tags, as it does the URL of Play and Redirect."""
BUILDERS = {
    **{
        name: (VoiceResponse, name)
        for name in ("connect", "dial", "echo", "enqueue", "gather", "hangup", "leave", "pause",
                     "pay", "play", "prompt", "queue", "record", "redirect", "refer", "reject",
                     "say", "sms", "start", "stop")
    },
    **{
        f"dial {name}": (Dial, name)
        for name in ("application", "client", "conference", "number", "queue", "sim", "sip",
                     "whats_app")
    },
}  # fmt: skip


def camel(name: str) -> str:
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(word.title() for word in rest)


@pytest.mark.parametrize("built", BUILDERS, ids=str)
def test_every_attribute_that_the_sdk_writes_is_known(built: str) -> None:
    kind, method = BUILDERS[built]
    name = camel(method)[0].upper() + camel(method)[1:]
    within = {"url"} if method in {"play", "redirect"} else set()
    asked = inspect.signature(getattr(kind, method)).parameters
    written = set(asked) - {"self", "kwargs"} - CONTENT - within
    assert [each for each in written if not ELEMENTS[name].knows(camel(each))] == []
    assert name in VERBS or kind is Dial


def test_what_the_sdk_nests_is_known() -> None:
    gather = Gather()
    gather.say("x")
    gather.play("https://a.org/a.mp3")
    gather.pause()
    dial = Dial()
    dial.number("+12125550199")
    dial.client("ada").parameter(name="a", value="b")
    dial.sip("sip:ada@a.org")
    dial.conference("room")
    dial.queue("q")
    dial.sim("DE1")
    dial.application("AP1").parameter(name="a", value="b")
    dial.whats_app("+12125550199")
    connect = Connect()
    connect.stream(url="wss://a.org").parameter(name="a", value="b")
    built = VoiceResponse()
    for verb in (gather, dial, connect):
        built.append(verb)
    built.reject(reason="busy").parameter(name="a", value="b")
    built.enqueue("q").task("{}")
    script, flaws = checked(verbs(str(built)))
    assert flaws == []
    assert [len(verb.children) for verb in script] == [3, 8, 1, 1, 1]


@pytest.mark.parametrize(
    ("inside", "code"),
    [
        ('<Say loop="many">x</Say>', 13510),
        ('<Play loop="-1">x</Play>', 13410),
        ('<Play digits="12x"/>', 13430),
        ('<Pause length="1.5"/>', 13910),
        ('<Gather finishOnKey="##"/>', 13310),
        ('<Gather method="PUT"/>', 13312),
        ('<Gather timeout="soon"/>', 13313),
        ('<Gather input="fax"/>', 13326),
        ('<Gather actionOnEmptyResult="1"/>', 13338),
        ('<Gather speechTimeout="soon"/>', 13327),
        ('<Gather maxSpeechTime="0"/>', 13328),
        ('<Gather partialResultCallbackMethod="PUT"/>', 13329),
        ('<Gather bargeIn="1"/>', 13332),
        ('<Gather profanityFilter="no"/>', 13333),
        ('<Dial method="PUT">+12125550199</Dial>', 13210),
        ('<Dial record="always">+12125550199</Dial>', 13217),
        ('<Dial sequential="1">+12125550199</Dial>', 13218),
        ('<Dial answerOnBridge="1">+12125550199</Dial>', 13219),
        ('<Dial timeLimit="0">+12125550199</Dial>', 13216),
        ('<Dial hangupOnStar="yes">+12125550199</Dial>', 13213),
        ('<Dial callerId="me">+12125550199</Dial>', 13214),
        ('<Dial><Number sendDigits="x">+12125550199</Number></Dial>', 13222),
        ('<Record maxLength="0"/>', 13612),
        ('<Record finishOnKey="x"/>', 13613),
        ('<Record playBeep="loud"/>', 13616),
        ('<Record trim="all"/>', 13699),
        ('<Record recordingStatusCallbackEvent="completed,absent"/>', 13621),
        ('<Dial recordingStatusCallbackEvent="done">+12125550199</Dial>', 13621),
        ('<Redirect method="DELETE">x</Redirect>', 13710),
        ('<Reject reason="asleep"/>', 13810),
        ("<Gather><Dial>+12125550199</Dial></Gather>", SCHEMA),
        ('<Hangup now="true"/>', SCHEMA),
    ],
)
def test_a_value_that_does_not_fit_has_a_code_of_its_own_and_is_left_out(
    inside: str, code: int
) -> None:
    (verb,), flaws = checked(verbs(f"<Response>{inside}</Response>"))
    assert [flaw.code for flaw in flaws] == [code]
    if "<Number" not in inside:
        assert (verb.attributes, verb.children) == ({}, ())
