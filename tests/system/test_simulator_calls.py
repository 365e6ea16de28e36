"""The simulator lives calls through; Twilio's own SDK asks for them and builds their TwiML."""

import asyncio
import io
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from aiohttp import ClientSession, web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twilio.base.exceptions import TwilioRestException
from twilio.twiml.voice_response import Dial, Gather, Say, VoiceResponse

from callbox.simulator import BadOrder, Settings, Simulator, start
from callbox.simulator.records import trial
from callbox.simulator.records.call import Call
from callbox.simulator.records.recording import Recording
from callbox.simulator.telephony.line import Line
from callbox.simulator.telephony.underway import APOLOGY
from harness import until
from harness.listener import BASIC, TOKEN, Listener
from harness.sdk import ACCOUNT, ask
from harness.waiting import stays

OURS, ADA, BOB = "+15005550006", "+12065550100", "+12025550101"
PACE = 0.01
EVENTS = ["initiated", "ringing", "answered", "completed"]


@asynccontextmanager
async def simulator(**more: Any) -> AsyncIterator[Simulator]:  # noqa: ANN401
    asked = {"pace": PACE, "account_sid": ACCOUNT, "auth_token": TOKEN, "scripts": True, **more}
    async with await start(settings=Settings(**asked)) as sim:
        yield sim


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with simulator() as sim:
        yield sim


def response(inside: str) -> str:
    return f"<Response>{inside}</Response>"


async def dial(sim: Simulator, script: str = "", **more: Any) -> Call:  # noqa: ANN401
    """Have the SDK call Ada; a script that is no URL is inline."""
    asked = {"to": ADA, "from_": OURS, **more}
    asked |= {"url" if script.startswith("http") else "twiml": script} if script else {}
    created = await ask(sim, lambda client: client.calls.create(**asked), secret=TOKEN)
    return next(call for call in sim.calls if call.sid == created.sid)


async def break_down(_scene: object) -> None:
    """Fail as nothing should."""
    raise RuntimeError("broken")


async def over(call: Call) -> Call:
    await until(lambda: call.ended, "the call is over")
    return call


async def lived(sim: Simulator, script: str, **more: Any) -> Call:  # noqa: ANN401
    return await over(await dial(sim, script, **more))


async def update(sim: Simulator, call: Call, **form: str) -> Any:  # noqa: ANN401
    return await ask(sim, lambda client: client.calls(call.sid).update(**form), secret=TOKEN)


async def fetched(sim: Simulator, call: Call) -> Any:  # noqa: ANN401
    return await ask(sim, lambda client: client.calls(call.sid).fetch(), secret=TOKEN)


def story(call: Call, *who: str) -> list[str]:
    """What was heard and pressed between answering and the end."""
    told = [f"{entry.who} {entry.kind} {entry.text}".strip() for entry in call.transcript]
    begun = [*told, "person answer"].index("person answer") + 1
    return [each for each in told[begun:] if not who or each.startswith(who)]


# -- what a script says and does

TABLE = [
    # Say: attributes, words within SSML, loops
    ('<Say voice="Polly.Joanna" language="en-US">Hello\n  there</Say>', ["voice say Hello there"]),
    ("<Say>At <break/><say-as interpret-as='time'>4 am</say-as>, <emphasis>now</emphasis>!</Say>",
     ["voice say At 4 am, now!"]),
    ('<Say loop="2">Fire</Say>', ["voice say Fire", "voice say Fire"]),
    ("<Say> </Say>", ["line error 13520: <Say> has nothing to say."]),
    # Play and Pause
    ('<Play>https://a.org/a.mp3</Play><Pause/><Pause length="3"/><Play digits="1w2"/>',
     ["voice play https://a.org/a.mp3", "line pause 1 s", "line pause 3 s",
      "voice play tones 1w2"]),
    ('<Play loop="2">https://a.org/a.mp3</Play>', ["voice play https://a.org/a.mp3"] * 2),
    # Hangup ends it; what comes behind is never said
    ("<Say>Bye</Say><Hangup/><Say>Never</Say>", ["voice say Bye", "voice hangup"]),
    ("", []),
    # Gather without keys goes on with what follows
    ('<Gather timeout="2"><Say>Press</Say><Pause/><Play>x</Play></Gather><Say>Bye</Say>',
     ["line gather dtmf", "voice say Press", "line pause 1 s", "voice play x", "voice say Bye"]),
    # Dial falls through without an action
    ("<Dial>+12125550199</Dial><Say>Bye</Say>", ["line dial +12125550199", "voice say Bye"]),
    ("<Dial><Number>+12125550199</Number><Number>+12125550198</Number></Dial>",
     ["line dial +12125550199, +12125550198"]),
    ("<Dial>soon</Dial><Say>Bye</Say>",
     ["line dial soon", 'line error 13223: <Dial> cannot dial "soon".', "voice say Bye"]),
    ("<Dial/>", ["line error 12200: <Dial> has nobody to dial."]),
    ("<Dial><Conference>Room</Conference></Dial>", ["line note <Conference> is not simulated."]),
    # Record of somebody who says nothing goes on with what follows
    ('<Record action="http://a.org/x"/><Say>Bye</Say>', ["line beep", "voice say Bye"]),
    ('<Record action="http://a.org/x" playBeep="false"/>', []),
    # verbs of Twilio that are not simulated
    ("<Enqueue>support</Enqueue><Say>Bye</Say>",
     ["line note <Enqueue> is not simulated.", "voice say Bye"]),
    ('<Connect><Stream url="wss://a.org"/></Connect>', ["line note <Connect> is not simulated."]),
    # what is not simulated of a verb that is
    ('<Dial record="true"><Number url="http://a.org/x">+12125550199</Number></Dial>',
     ['line note The "record" of <Dial> is not simulated.',
      'line note The "url" of <Number> is not simulated.', "line dial +12125550199"]),
    ('<Dial record="do-not-record">+12125550199</Dial>', ["line dial +12125550199"]),
    ('<Record transcribe="false"/>', ["line beep"]),
    # what Twilio's schema does not know: error 12200, left out
    ("<Shout>Fire</Shout><Say>Bye</Say>",
     ["line error 12200: <Shout> is not known in a <Response>.", "voice say Bye"]),
    ("<say>Fire</say>", ["line error 12200: <say> is not known in a <Response>."]),
    ("<Message>Fire</Message>", ["line error 12200: <Message> is not known in a <Response>."]),
    ("<Gather><Hangup/></Gather>",
     ["line error 12200: <Hangup> is not known in a <Gather>.", "line gather dtmf"]),
    ('<Say volume="9">Hello</Say>',
     ['line error 12200: <Say> has no attribute "volume".', "voice say Hello"]),
    # values that do not fit: their own codes, and the default takes their place
    ('<Pause length="long"/>',
     ['line error 13910: The "length" of <Pause> cannot be "long".', "line pause 1 s"]),
    ('<Gather numDigits="0"/>',
     ['line error 13314: The "numDigits" of <Gather> cannot be "0".', "line gather dtmf"]),
    ('<Dial timeout="-1">+12125550199</Dial>',
     ['line error 13212: The "timeout" of <Dial> cannot be "-1".', "line dial +12125550199"]),
    # what stands where it does not belong
    ("<Reject/><Say>Never</Say>", ["line reject rejected"]),
]  # fmt: skip


@pytest.mark.parametrize(("inside", "told"), TABLE, ids=[inside[:40] for inside, _ in TABLE])
async def test_a_script_is_done_verb_by_verb(sim: Simulator, inside: str, told: list[str]) -> None:
    call = await lived(sim, response(inside))
    assert story(call) == told
    assert call.ended == "completed"


@pytest.mark.parametrize(
    ("twiml", "code"),
    [("<Response><Say>Hello</Response>", 12100), ("<Say>Hello</Say>", 12100), ("Hello", 12100)],
)
async def test_a_script_that_is_no_twiml_is_an_application_error(
    sim: Simulator, twiml: str, code: int
) -> None:
    call = await lived(sim, twiml)
    assert story(call)[0].startswith(f"line error {code}: ")
    assert story(call)[1:] == [f"voice say {APOLOGY}"]
    assert call.ended == "completed"


def every_verb(action: str) -> VoiceResponse:
    """Build one of each verb that a call can do without leaving its script, as the SDK does."""
    built = VoiceResponse()
    say = Say(voice="Polly.Matthew", language="en-GB", loop=1)
    say.append("Water ")
    say.emphasis("everywhere", level="strong")
    say.break_(strength="weak", time="1s")
    say.say_as("12", interpret_as="cardinal")
    built.append(say)
    built.play("https://a.org/siren.mp3", loop=1)
    built.play(digits="12")
    built.pause(length=2)
    gather = Gather(input="dtmf", timeout=1, num_digits=4, finish_on_key="*", action=action)
    gather.say("Enter your code")
    gather.pause(length=1)
    built.append(gather)
    inner = Dial(caller_id=OURS, time_limit=5, timeout=9, hangup_on_star=True)
    inner.number("+12125550199", send_digits="ww1")
    built.append(inner)
    built.record(
        timeout=2, max_length=9, finish_on_key="#", play_beep=True, trim="do-not-trim",
        recording_status_callback=action, recording_status_callback_event="completed",
    )  # fmt: skip
    built.sms("x", to=ADA, from_=OURS)
    built.enqueue("support", wait_url=action)
    built.leave()
    built.echo()
    built.hangup()
    return built


async def test_what_the_sdk_builds_is_understood_without_complaint(sim: Simulator) -> None:
    call = await lived(sim, str(every_verb("https://a.org/never")))
    assert story(call) == [
        "voice say Water everywhere12",
        "voice play https://a.org/siren.mp3",
        "voice play tones 12",
        "line pause 2 s",
        "line gather dtmf",
        "voice say Enter your code",
        "line pause 1 s",
        "line dial +12125550199",
        "line beep",
        *(f"line note <{name}> is not simulated." for name in ("Sms", "Enqueue", "Leave", "Echo")),
        "voice hangup",
    ]


# -- fetched scripts


async def test_a_script_is_fetched_when_somebody_answers_and_leads_to_others(
    sim: Simulator, listener: Listener
) -> None:
    menu = Gather(num_digits=1, action="../pressed?id=3", method="GET")
    menu.say("Press 1")
    built = VoiceResponse()
    built.append(menu)
    listener.answer("/a/menu", str(built))
    built = VoiceResponse()
    built.redirect("/bye", method="POST")
    listener.answer("/pressed", str(built))
    listener.answer("/bye", response("<Say>Thank you</Say>"))
    sim.outcome(ADA, digits="17")
    call = await lived(sim, f"{listener.url}/a/menu", method="GET")
    assert story(call) == [
        "line gather dtmf", "voice say Press 1", "person press 17", "line redirect /bye",
        "voice say Thank you",
    ]  # fmt: skip
    asked, pressed, bye = listener.heard
    assert (asked.method, asked.path, pressed.method) == ("GET", "/a/menu", "GET")
    assert (asked.form["CallStatus"], asked.form["Direction"]) == ("in-progress", "outbound-api")
    assert (pressed.form["Digits"], pressed.form["id"], bye.method) == ("1", "3", "POST")
    assert all(heard.signed() for heard in listener.heard)


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        ("<Response><Say>x</Respons>", "text/xml", 12100),
        ('\n<?xml version="1.0"?><Response/>', "text/xml", 12100),
        ("{}", "application/json", 12300),
        (response(f"<Say>{'x' * 65_536}</Say>"), "text/xml", 11750),
    ],
)
async def test_the_fallback_is_asked_for_a_script_that_cannot_be_read(
    sim: Simulator, listener: Listener, answer: str, kind: str, code: int
) -> None:
    listener.answer("/say", answer, content_type=kind)
    listener.answer("/else", response("<Say>Plan B</Say>"))
    alone = await lived(sim, f"{listener.url}/say")
    assert story(alone)[0].startswith(f"line error {code}: ")
    assert story(alone)[1:] == [f"voice say {APOLOGY}"]
    call = await lived(sim, f"{listener.url}/say", fallback_url=f"{listener.url}/else")
    assert story(call) == ["voice say Plan B"]
    (spare,) = listener.at("/else")
    assert (spare.form["ErrorCode"], spare.form["ErrorUrl"]) == (str(code), f"{listener.url}/say")
    assert spare.signed()
    assert sim.webhooks[-2].error_code == code
    listener.answer("/say", status=500)
    listener.answer("/else", answer, content_type=kind)
    await lived(sim, f"{listener.url}/say", fallback_url=f"{listener.url}/else")
    assert len(listener.at("/else")) == 2


@pytest.mark.parametrize(
    ("answer", "kind", "heard"),
    [
        ("Water in\nthe cellar", "text/plain", "say Water in the cellar"),
        ("ID3...", "audio/mpeg", "play {url}/say"),
        (" ", "text/plain", None),
    ],
)
async def test_plain_text_is_spoken_and_a_sound_is_played(
    sim: Simulator, listener: Listener, answer: str, kind: str, heard: str | None
) -> None:
    listener.answer("/say", answer, content_type=kind)
    call = await lived(sim, f"{listener.url}/say")
    assert story(call) == ([f"voice {heard.format(url=listener.url)}"] if heard else [])
    assert sim.webhooks[-1].error_code is None


async def test_a_script_goes_on_from_where_it_really_came_and_keeps_its_fallback(
    sim: Simulator, listener: Listener
) -> None:
    listener.answer("/say", status=500)
    listener.answer("/b/else", response("<Redirect>next</Redirect>"))
    listener.answer("/b/next", response("<Redirect>gone</Redirect>"))
    listener.answer("/b/gone", status=404)
    spare = {"fallback_url": f"{listener.url}/b/else", "fallback_method": "GET"}
    await lived(sim, f"{listener.url}/say", time_limit=5, **spare)
    asked = [(heard.method, heard.path) for heard in listener.heard]
    first = [("POST", "/say"), ("GET", "/b/else"), ("POST", "/b/next"), ("POST", "/b/gone")]
    assert asked[:5] == [*first, ("GET", "/b/else")]
    assert listener.heard[4].form["ErrorUrl"] == f"{listener.url}/b/gone"


async def test_a_script_that_cannot_be_fetched_is_an_application_error(
    sim: Simulator, listener: Listener
) -> None:
    listener.answer("/say", status=500)
    call = await lived(sim, f"{listener.url}/say")
    assert story(call) == [
        f"line error 11200: {listener.url}/say gave no script: HTTP status 500.",
        f"voice say {APOLOGY}",
    ]
    assert call.ended == "completed"


@pytest.mark.parametrize("location", ["http://[", "ftp://a.org/x", "http://127.0.0.1:99999/", "x:"])
async def test_a_redirection_to_nowhere_is_an_application_error(
    sim: Simulator, listener: Listener, location: str
) -> None:
    async def move(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": location})

    listener.answers["/say"] = move
    call = await lived(sim, f"{listener.url}/say")
    assert story(call)[0].startswith("line error 11200: ")
    assert story(call)[1:] == [f"voice say {APOLOGY}"]


async def test_a_fetched_script_that_does_not_fit_is_marked_and_done_all_the_same(
    sim: Simulator, listener: Listener
) -> None:
    listener.answer("/say", response("<Shout>x</Shout><Say>Hello</Say>"))
    call = await lived(sim, f"{listener.url}/say")
    assert story(call, "voice") == ["voice say Hello"]
    assert sim.webhooks[-1].error_code == 12200


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/", "http://[", "http://a.org:x/"])
async def test_a_url_that_is_no_place_is_refused(sim: Simulator, url: str) -> None:
    for code, how in ((21205, {"url": url}), (21609, {"twiml": "x", "status_callback": url})):
        with pytest.raises(TwilioRestException) as refusal:
            await dial(sim, **how)
        assert refusal.value.code == code


async def test_an_inline_script_has_4000_characters_at_most(
    sim: Simulator, listener: Listener
) -> None:
    longest = response(f"<Say>{'x' * (4000 - len(response('<Say></Say>')))}</Say>")
    call = await lived(sim, longest)
    for asking in (dial(sim, f"{longest} "), update(sim, call, twiml=f"{longest} ")):
        with pytest.raises(TwilioRestException, match="4000 characters") as refusal:
            await asking
        assert refusal.value.code == 32018
    listener.answer("/say", response("<Say>Fetched</Say>"))
    assert story(await lived(sim, f"{listener.url}/say", twiml=f"{longest} ")) == [
        "voice say Fetched"
    ]


async def test_in_an_inline_script_actions_must_be_absolute(sim: Simulator) -> None:
    sim.outcome(ADA, digits="1")
    call = await lived(sim, response('<Gather action="/pressed"/>'))
    assert story(call)[2].startswith('line error 11100: "/pressed" is no URL')


async def test_a_url_is_not_fetched_where_that_is_not_wanted(listener: Listener) -> None:
    async with simulator(fetch=False) as sim:
        call = await lived(sim, f"{listener.url}/say")
        assert story(call) == [
            f"line note {listener.url}/say is not fetched here, and says nothing."
        ]
        assert call.ended == "completed"
        sim.number(OURS).voice_url = f"{listener.url}/in"
        await sim.ring(ADA, OURS)
    assert [heard.path for heard in listener.heard] == ["/in"]


async def test_a_script_that_redirects_for_ever_comes_to_an_end(
    sim: Simulator, listener: Listener
) -> None:
    listener.answer("/say", response("<Redirect/>"))
    call = await lived(sim, f"{listener.url}/say")
    assert story(call, "voice") == [f"voice say {APOLOGY}"]
    assert len(listener.heard) == 100


async def test_a_script_that_says_the_same_for_ever_reaches_the_limit_of_the_call(
    sim: Simulator,
) -> None:
    call = await lived(sim, response('<Say loop="0">Fire in the hall</Say>'), time_limit=60)
    assert story(call)[-1] == "line hangup The call lasted 60 seconds, its limit."
    assert call.duration() == 60
    call = await lived(sim, response("<Say loop='0'>Fire</Say>" * 9), time_limit=9999)
    assert len(call.transcript) == 1000


# -- keys


@pytest.mark.parametrize(
    ("attributes", "pressed", "digits"),
    [
        ("", "12#34", "12"),
        ("", "##12#", "12"),
        ("", "12", "12"),
        ('numDigits="2"', "1234", "12"),
        ('finishOnKey="*"', "1#2*3", "1#2"),
        ('finishOnKey=""', "1#2*", "1#2*"),
        ('numDigits="3"', "1#", "1"),
    ],
)
async def test_keys_are_taken_as_gather_says(
    sim: Simulator, listener: Listener, attributes: str, pressed: str, digits: str
) -> None:
    listener.answer("/say", response(f'<Gather action="/done" {attributes}/>'))
    sim.outcome(ADA, digits=pressed)
    await lived(sim, f"{listener.url}/say")
    (done,) = listener.at("/done")
    assert done.posted["Digits"] == digits


async def test_no_keys_or_the_last_key_alone_go_on_unless_the_action_wants_to_know(
    sim: Simulator, listener: Listener
) -> None:
    listener.answer("/say", response('<Gather action="/done"/><Say>Nothing</Say>'))
    sim.outcome(ADA, digits=["#"])
    assert story(await lived(sim, f"{listener.url}/say"), "voice") == ["voice say Nothing"]
    assert listener.at("/done") == []
    wants = response('<Gather action="/done" actionOnEmptyResult="true"/><Say>Nothing</Say>')
    listener.answer("/say", wants)
    assert story(await lived(sim, f"{listener.url}/say"), "voice") == []
    (done,) = listener.at("/done")
    assert done.posted["Digits"] == ""


async def test_each_gather_is_answered_by_the_next_of_the_keys(
    sim: Simulator, listener: Listener
) -> None:
    listener.answer("/say", response('<Gather numDigits="1"><Say>?</Say></Gather><Say>Bye</Say>'))
    async with ClientSession(sim.url) as http:
        asked = {"to": ADA, "digits": ["1", "2"]}
        assert (await http.post("/_simulator/outcomes", json=asked)).status == 200
        for bad in ("12a", ["1", 2.5], ["x"]):
            answer = await http.post("/_simulator/outcomes", json={"to": ADA, "digits": bad})
            assert answer.status == 400
    call = await lived(sim, f"{listener.url}/say")
    assert story(call, "person", "voice say Bye") == [
        "person press 1", "person press 2", "voice say Bye",
    ]  # fmt: skip


async def test_what_is_spoken_is_told_where_speech_is_taken(
    sim: Simulator, listener: Listener
) -> None:
    listener.answer("/say", response('<Gather input="speech dtmf" action="/done"/>'))
    sim.outcome(ADA, speech="The garage, please")
    await lived(sim, f"{listener.url}/say")
    (done,) = listener.at("/done")
    assert done.posted["SpeechResult"] == "The garage, please"
    assert 0 < float(done.posted["Confidence"]) <= 1
    assert "Digits" not in done.posted


async def test_speech_is_waited_for_as_long_as_gather_says(sim: Simulator) -> None:
    gather = '<Gather input="speech" timeout="30"/>'
    assert (await lived(sim, response(gather))).duration() == 30


# -- dialling and recording


@pytest.mark.parametrize("status", ["completed", "busy", "no-answer", "failed"])
async def test_the_action_of_a_dial_is_told_what_became_of_it(
    sim: Simulator, listener: Listener, status: str
) -> None:
    built = VoiceResponse()
    built.dial(BOB, action="/dialled")
    built.say("Never")
    listener.answer("/say", str(built))
    sim.outcome(BOB, status, duration=7)
    call = await lived(sim, f"{listener.url}/say")
    assert story(call) == [f"line dial {BOB}"]
    (dialled,) = listener.at("/dialled")
    assert dialled.posted["DialCallStatus"] == status
    assert dialled.posted["DialCallSid"].startswith("CA")
    assert dialled.posted.get("DialCallDuration") == ("7" if status == "completed" else None)


EVE = "+12125550198"


@pytest.mark.parametrize(
    ("attributes", "bob", "eve", "status", "lasted"),
    [
        ("", {"status": "no-answer"}, {"duration": 9}, "completed", 9),
        ("", {"answer_after": 8, "duration": 7}, {"answer_after": 3, "duration": 9},
         "completed", 3 + 9),
        ("", {"answer_after": 31}, {"status": "busy"}, "no-answer", 30),
        ('timeout="40"', {"answer_after": 31, "duration": 7}, {"status": "busy"},
         "completed", 31 + 7),
        ("", {"status": "busy"}, {"status": "busy"}, "busy", 2),
        ('sequential="true"', {"status": "no-answer"}, {"duration": 9}, "completed", 30 + 9),
        ('sequential="true" timeout="5"', {"status": "busy"}, {"status": "no-answer"},
         "no-answer", 2 + 5),
    ],
)  # fmt: skip
async def test_of_several_who_are_dialled_the_first_to_answer_is_connected(
    sim: Simulator, listener: Listener, attributes: str, bob: dict[str, Any], eve: dict[str, Any],
    status: str, lasted: int,
) -> None:  # fmt: skip
    numbers = f"<Number>{BOB}</Number><Number>{EVE}</Number>"
    dialling = f'<Dial action="/dialled" {attributes}>{numbers}</Dial>'
    listener.answer("/say", response(dialling))
    sim.outcome(BOB, **bob)
    sim.outcome(EVE, **eve)
    call = await lived(sim, f"{listener.url}/say")
    (dialled,) = listener.at("/dialled")
    assert dialled.posted["DialCallStatus"] == status
    assert call.duration() == lasted
    talked = (bob if lasted == 38 else eve).get("duration")
    assert dialled.posted.get("DialCallDuration") == (str(talked) if talked else None)


async def test_a_connection_lasts_as_long_as_the_dial_lets_it(
    sim: Simulator, listener: Listener
) -> None:
    listener.answer("/say", response(f'<Dial timeLimit="4">{BOB}</Dial><Pause length="2"/>'))
    sim.outcome(BOB, duration=9)
    assert (await lived(sim, f"{listener.url}/say")).duration() == 4 + 2


async def test_whoever_hangs_up_while_it_rings_has_canceled_the_dial(
    sim: Simulator, listener: Listener
) -> None:
    listener.answer("/say", response(f'<Dial action="/dialled">{BOB}</Dial>'))
    sim.outcome(BOB, "no-answer")
    sim.outcome(ADA, hangup_after=3)
    call = await lived(sim, f"{listener.url}/say")
    await until(lambda: listener.at("/dialled"), "the action is told")
    (dialled,) = listener.at("/dialled")
    assert (dialled.posted["DialCallStatus"], dialled.posted["CallStatus"]) == (
        "canceled", "completed",
    )  # fmt: skip
    assert "DialCallDuration" not in dialled.posted
    assert call.duration() == 3


@pytest.mark.parametrize(
    ("dialling", "flaw"),
    [
        (f'<Dial callerId="+12125550177">{BOB}</Dial>',
         '13214: The "callerId" +12125550177 is no number of the account or the call.'),
        (f'<Dial callerId="{ADA}">{BOB}</Dial>', None),
        (f'<Dial callerId="(500) 555-0006">{BOB}</Dial>', None),
        ("<Dial>+442079460000</Dial>", "13227: The account may not call the country of"),
        (f"<Dial>{EVE}</Dial>", f"21219: A trial account cannot dial {EVE}, which is not"),
        (f"<Dial><Number>{EVE}</Number><Number>{BOB}</Number></Dial>", "21219: "),
        ("<Dial><Client>ada</Client></Dial>", None),
        ("<Dial><Client><Identity>ada</Identity></Client></Dial>", None),
        ("<Dial><Sip>sip:ada@a.org</Sip></Dial>", None),
    ],
)  # fmt: skip
async def test_whom_the_account_may_not_call_is_not_dialled(
    listener: Listener, dialling: str, flaw: str | None
) -> None:
    told = dialling.replace("<Dial", f'<Dial action="{listener.url}/dialled"', 1)
    limits = {"numbers": (OURS,), "regions": ("+1",), "trial": True, "verified": (ADA, BOB)}
    async with simulator(**limits) as sim:
        call = await lived(sim, response(told))
    errors = [entry.text for entry in call.transcript if entry.kind == "error"]
    assert [each.startswith(flaw or "no flaw") for each in errors] == [True] * bool(flaw)
    reached = flaw is None or "<Number>" in dialling
    (dialled,) = listener.at("/dialled")
    assert dialled.posted["DialCallStatus"] == ("completed" if reached else "failed")


async def test_a_recording_is_told_and_can_be_heard(sim: Simulator, listener: Listener) -> None:
    built = VoiceResponse()
    built.record(action="/said", recording_status_callback="/recorded", max_length=30)
    listener.answer("/say", str(built))
    sim.outcome(ADA, speech="There is water in the cellar of the house")
    call = await lived(sim, f"{listener.url}/say")
    await until(lambda: listener.at("/recorded"), "the recording is told")
    (said,), (recorded,) = listener.at("/said"), listener.at("/recorded")
    assert (said.posted["RecordingDuration"], said.posted["Digits"]) == ("4", "")
    assert said.posted["CallStatus"] == "in-progress"
    assert recorded.posted["RecordingStatus"] == "completed"
    assert recorded.posted["CallSid"] == call.sid
    assert recorded.posted["RecordingSource"] == "RecordVerb"
    begun = parsedate_to_datetime(recorded.posted["RecordingStartTime"]).timestamp()
    assert -2 < begun + 4 - call.ended_at < 2
    assert recorded.signed()
    async with ClientSession() as http:
        for url in (said.posted["RecordingUrl"], f"{said.posted['RecordingUrl']}.wav"):
            async with http.get(url) as answer:
                assert answer.content_type == "audio/x-wav"
                with wave.open(io.BytesIO(await answer.read())) as sound:
                    assert sound.getnframes() / sound.getframerate() == 4
        other = said.posted["RecordingUrl"][:-4] + "0000"
        assert (await http.get(other)).status == 404


@pytest.mark.parametrize(
    ("longest", "seconds", "key", "status"),
    [("9", "7", "hangup", "completed"), ("7", "7", "hangup", "completed"),
     ("5", "5", "", "in-progress")],
)  # fmt: skip
async def test_a_recording_is_cut_off_at_its_longest_and_the_call_goes_on(
    sim: Simulator, listener: Listener, longest: str, seconds: str, key: str, status: str
) -> None:
    sim.number(OURS).voice_url = f"{listener.url}/in"
    listener.answer("/in", response(f'<Record action="/said" maxLength="{longest}"/>'))
    call = await sim.ring(ADA, OURS, recording={"duration": 7})
    (said,) = listener.at("/said")
    told = [said.posted[name] for name in ("RecordingDuration", "Digits", "CallStatus")]
    assert told == [seconds, key, status]
    assert call.duration() == int(seconds)


def test_of_a_long_recording_a_minute_can_be_heard() -> None:
    kept = Recording(sid="RE1", account_sid=ACCOUNT, seconds=3600)
    with wave.open(io.BytesIO(kept.sound())) as sound:
        assert sound.getnframes() / sound.getframerate() == 60


async def test_a_recording_is_told_only_where_that_is_wanted_and_can_be_done(
    sim: Simulator, listener: Listener
) -> None:
    sim.outcome(ADA, speech="Water")
    action = f'action="{listener.url}/said"'
    begins = f'{action} recordingStatusCallback="{listener.url}/recorded"'
    await lived(sim, response(f'<Record {begins} recordingStatusCallbackEvent="in-progress"/>'))
    call = await lived(sim, response(f'<Record {action} recordingStatusCallback="/relative"/>'))
    assert 'line error 13256: Nobody is told of the recording: "/relative" is no URL.' in (
        story(call)
    )
    assert [heard.path for heard in listener.heard] == ["/said", "/said"]


async def test_all_of_a_call_is_recorded_where_its_creator_wants_that(
    sim: Simulator, listener: Listener
) -> None:
    told = {"status_callback": f"{listener.url}/status", "record": True}
    recorded = {"recording_status_callback": f"{listener.url}/recorded"}
    script = response('<Pause length="7"/>')
    call = await lived(sim, script, recording_channels="dual", **recorded, **told)
    await until(lambda: len(listener.heard) == 2, "the end and the recording are told")
    (end,), (recording,) = listener.at("/status"), listener.at("/recorded")
    assert end.posted["RecordingDuration"] == recording.posted["RecordingDuration"] == "7"
    assert end.posted["RecordingUrl"] == recording.posted["RecordingUrl"]
    assert recording.posted["CallSid"] == call.sid
    assert recording.posted["RecordingSource"] == "OutboundAPI"
    assert recording.posted["RecordingChannels"] == "2"
    assert recording.signed()
    async with ClientSession() as http, http.get(f"{end.posted['RecordingUrl']}.wav") as answer:
        assert answer.status == 200
    sim.outcome(ADA, "busy")
    await lived(sim, script, **recorded, **told)
    sim.outcome(ADA)
    events = {"recording_status_callback_event": ["in-progress", "absent"]}
    await lived(sim, script, **events, **recorded, **told)
    await until(lambda: len(listener.at("/status")) == 3, "the ends are told")
    busy, quiet = listener.at("/status")[1:]
    assert "RecordingUrl" not in busy.posted
    assert "RecordingUrl" in quiet.posted
    assert len(listener.at("/recorded")) == 1


async def test_every_callback_of_a_call_may_come_by_get(sim: Simulator, listener: Listener) -> None:
    asked = {
        "status_callback": f"{listener.url}/status", "status_callback_method": "GET",
        "record": True, "recording_track": "inbound",
        "recording_status_callback": f"{listener.url}/recorded",
        "recording_status_callback_method": "GET",
        "machine_detection": "Enable", "async_amd": "true",
        "async_amd_status_callback": f"{listener.url}/amd",
        "async_amd_status_callback_method": "GET",
    }  # fmt: skip
    await lived(sim, response('<Pause length="3"/>'), **asked)
    await until(lambda: len(listener.heard) == 3, "all is told")
    assert {heard.path for heard in listener.heard} == {"/status", "/recorded", "/amd"}
    assert all(heard.method == "GET" and heard.signed() for heard in listener.heard)
    assert listener.at("/recorded")[0].form["RecordingTrack"] == "inbound"


# -- who answers


async def test_a_call_is_completed_only_when_its_script_is_over_and_costs_by_the_minute(
    sim: Simulator, listener: Listener
) -> None:
    script = response('<Pause length="60"/><Say>Fire in the hall</Say>')
    told = {"status_callback": f"{listener.url}/status", "status_callback_event": EVENTS}
    call = await lived(sim, script, **told)
    await until(lambda: len(listener.heard) == 4, "all is called back")
    statuses = ["initiated", "ringing", "in-progress", "completed"]
    assert listener.statuses("CallStatus") == statuses
    assert listener.statuses("SequenceNumber") == ["0", "1", "2", "3"]
    last = listener.heard[-1].posted
    assert (last["CallDuration"], last["Duration"]) == ("61", "2")
    shown = await fetched(sim, call)
    assert (shown.status, shown.duration, shown.price) == ("completed", "61", "-0.02600")


async def test_a_slow_callback_holds_back_the_next_but_not_the_call(
    sim: Simulator, listener: Listener
) -> None:
    slow = asyncio.Event()

    async def hesitate(_request: web.Request) -> web.StreamResponse:
        await slow.wait()
        return web.Response(status=204)

    listener.answers["/status"] = hesitate
    told = {"status_callback": f"{listener.url}/status", "status_callback_event": EVENTS}
    await lived(sim, response("<Say>Hello</Say>"), **told)
    assert listener.statuses("CallStatus") == ["initiated"]
    slow.set()
    await until(lambda: len(listener.heard) == 4, "all is called back")
    assert listener.statuses("SequenceNumber") == ["0", "1", "2", "3"]


async def test_callbacks_of_a_lived_call_may_come_in_reverse(
    sim: Simulator, listener: Listener
) -> None:
    sim.callbacks.manner = type(sim.callbacks.manner)(reverse=True)
    told = {"status_callback": f"{listener.url}/status", "status_callback_event": EVENTS}
    await lived(sim, response("<Say>Hello</Say>"), **told)
    await until(lambda: len(listener.heard) == 4, "all is called back")
    assert listener.statuses("SequenceNumber") == ["3", "2", "1", "0"]


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled"])
async def test_nobody_hears_a_call_that_is_not_answered(
    sim: Simulator, listener: Listener, status: str
) -> None:
    sim.outcome(ADA, status)
    call = await lived(
        sim, f"{listener.url}/say", status_callback=f"{listener.url}/status", timeout=30
    )
    await until(lambda: listener.at("/status"), "its end is called back")
    assert listener.statuses("CallStatus") == [status]
    assert listener.at("/say") == []
    assert (call.ended, call.duration(), story(call)) == (status, 0, [])
    assert (await fetched(sim, call)).price is None


async def test_nobody_answers_until_the_timeout_where_time_counts() -> None:
    async with simulator(word=0.4, speed=600.0, pace=1.0) as sim:
        sim.outcome(ADA, "no-answer")
        call = await lived(sim, response("<Say>Hello</Say>"), timeout=120)
        assert call.ended == "no-answer"
        assert call.ended_at - call.created_at >= 120


async def test_somebody_who_takes_too_long_has_not_answered(sim: Simulator) -> None:
    sim.outcome(ADA, answer_after=1.2)
    assert (await lived(sim, response("<Say>Hello</Say>"), timeout=1)).ended == "no-answer"


async def test_whoever_calls_stays_as_long_as_they_want_to(
    sim: Simulator, listener: Listener
) -> None:
    sim.number(OURS).voice_url = f"{listener.url}/in"
    listener.answer("/in", response('<Pause length="2"/>'))
    assert (await sim.ring(ADA, OURS, hangup_after=9)).duration() == 2 + 9


async def test_whoever_hangs_up_hears_no_more(sim: Simulator, listener: Listener) -> None:
    sim.outcome(ADA, hangup_after=2)
    script = response('<Say>Hello</Say><Pause length="10"/><Say>Never</Say>')
    call = await lived(sim, script, status_callback=f"{listener.url}/status")
    assert story(call) == ["voice say Hello", "line pause 10 s", "person hangup"]
    await until(lambda: listener.heard, "its end is called back")
    assert listener.heard[0].posted["CallDuration"] == "2"
    assert (call.ended, call.duration()) == ("completed", 2)


@pytest.mark.parametrize(
    ("mode", "found", "order"),
    [
        ("Enable", "machine_start", ["person speak", "voice say", "person beep"]),
        ("DetectMessageEnd", "machine_end_beep", ["person speak", "person beep", "voice say"]),
    ],
)
async def test_a_machine_is_found_and_hears_the_script(
    sim: Simulator, listener: Listener, mode: str, found: str, order: list[str]
) -> None:
    words = "There is water in the cellar please come home soon"
    listener.answer("/say", response(f"<Say>{words}</Say><Gather><Say>Press</Say></Gather>"))
    sim.outcome(ADA, answered_by="machine", greeting=4, digits="1")
    call = await lived(
        sim, f"{listener.url}/say", machine_detection=mode,
        status_callback=f"{listener.url}/status",
    )  # fmt: skip
    told = [each for each in story(call) if each.startswith(tuple(order))]
    assert [" ".join(each.split()[:2]) for each in told][:3] == order
    assert not any("press" in each.split()[1] for each in story(call))
    (asked,) = listener.at("/say")
    assert asked.posted["AnsweredBy"] == found
    await until(lambda: listener.at("/status"), "its end is called back")
    assert listener.at("/status")[0].posted["AnsweredBy"] == found
    assert (await fetched(sim, call)).answered_by == found


async def test_a_machine_may_be_found_meanwhile(sim: Simulator, listener: Listener) -> None:
    sim.outcome(ADA, answered_by="machine")
    call = await lived(
        sim, f"{listener.url}/say", machine_detection="Enable", async_amd="true",
        async_amd_status_callback=f"{listener.url}/amd",
    )  # fmt: skip
    await until(lambda: listener.at("/amd"), "what was found is told")
    (asked,), (told,) = listener.at("/say"), listener.at("/amd")
    assert "AnsweredBy" not in asked.posted
    assert told.posted == {
        "AccountSid": ACCOUNT, "CallSid": call.sid, "AnsweredBy": "machine_start",
        "MachineDetectionDuration": "2000",
    }  # fmt: skip
    assert told.signed()


async def test_machine_detection_gives_up_after_its_timeout(
    sim: Simulator, listener: Listener
) -> None:
    sim.outcome(ADA, answered_by="machine", greeting=9)
    call = await lived(
        sim, f"{listener.url}/say", machine_detection="DetectMessageEnd",
        machine_detection_timeout=5,
    )  # fmt: skip
    assert listener.at("/say")[0].posted["AnsweredBy"] == "unknown"
    assert ((await fetched(sim, call)).answered_by, call.duration()) == ("unknown", 5)


async def test_who_answered_is_not_known_before_it_was_found(
    attended: Simulator, listener: Listener
) -> None:
    attended.attended.clear()
    attended.outcome(ADA, answered_by="machine", greeting=20)
    call = await dial(
        attended, response('<Pause length="600"/>'), machine_detection="detectmessageend",
        async_amd="true", async_amd_status_callback=f"{listener.url}/amd",
    )  # fmt: skip
    await until(lambda: "line pause 600 s" in story(call), "the script has begun")
    assert (await fetched(attended, call)).answered_by is None
    await until(lambda: listener.at("/amd"), "what was found is told")
    assert (await fetched(attended, call)).answered_by == "machine_end_beep"
    assert listener.at("/amd")[0].posted["MachineDetectionDuration"] == "20000"


async def test_digits_are_dialled_once_somebody_answers_and_no_machine_is_looked_for(
    sim: Simulator, listener: Listener
) -> None:
    script = response("<Say>Hello</Say>")
    told = {"send_digits": "ww12#", "status_callback": f"{listener.url}/status"}
    call = await lived(sim, script, machine_detection="Enable", **told)
    assert story(call) == ["voice press ww12#", "voice say Hello"]
    await until(lambda: listener.at("/status"), "its end is told")
    assert "AnsweredBy" not in listener.at("/status")[0].posted


async def test_a_trial_account_says_so_first(listener: Listener) -> None:
    async with simulator(trial=True) as sim:
        call = await lived(sim, response("<Say>Hello</Say>"))
        assert story(call) == [f"voice say {trial.NOTICE}", "voice say Hello"]
        sim.number(OURS).voice_url = f"{listener.url}/in"
        listener.answer("/in", response("<Say>Welcome</Say>"))
        told = story(await sim.ring(ADA, OURS))
        listener.answer("/in", response("<Reject/>"))
        assert (await sim.ring(ADA, OURS)).ended == "no-answer"
    assert told == []
    call = sim.calls[1]
    assert [entry.text for entry in call.transcript if entry.who == "voice"] == [
        trial.NOTICE, "Welcome",
    ]  # fmt: skip


async def test_a_call_of_a_trial_account_lasts_ten_minutes_at_most() -> None:
    async with simulator(trial=True) as sim:
        call = await lived(sim, response('<Pause length="900"/>'))
    assert call.duration() == 600
    assert story(call)[-1] == "line hangup The call lasted 600 seconds, its limit."


# -- somebody real at the phone


@pytest.fixture
async def attended() -> AsyncIterator[Simulator]:
    """Give a simulator whose time runs a hundred times as fast, with somebody at Ada's phone."""
    async with simulator(word=0.4, speed=100.0, pace=0.1) as sim:
        sim.attended.add(ADA)
        yield sim


async def line_of(sim: Simulator, call: Call) -> Line:
    return await until(lambda: sim.lines.get(call.sid), "the call is under way")


async def waiting(call: Call, what: str) -> None:
    await until(lambda: call.waits_for == what, f"the call waits for {what}")


async def picked_up(sim: Simulator, listener: Listener) -> tuple[Call, Line]:
    """Have Ada answer a call whose script is at /say; give what she holds, too."""
    call = await dial(sim, f"{listener.url}/say")
    await waiting(call, "answer")
    line = sim.lines[call.sid]
    line.answer()
    return call, line


async def test_a_call_rings_until_somebody_answers_presses_and_hears_the_end(
    attended: Simulator, listener: Listener
) -> None:
    sim = attended
    long = "This is a very long warning that nobody needs to hear to its end " * 20
    menu = f'<Gather numDigits="1" action="/pressed"><Say>{long}</Say></Gather>'
    listener.answer("/say", response(menu))
    listener.answer("/pressed", response("<Say>Thank you</Say>"))
    sim.outcome(ADA, "busy")
    call = await dial(
        sim, f"{listener.url}/say", timeout=600,
        status_callback=f"{listener.url}/status", status_callback_event=EVENTS,
    )  # fmt: skip
    await waiting(call, "answer")
    line = sim.lines[call.sid]
    with pytest.raises(BadOrder, match="not answered yet"):
        line.press("1")
    with pytest.raises(BadOrder, match="answer or decline"):
        line.hang_up()
    await until(lambda: len(listener.at("/status")) == 2, "initiated and ringing are told")
    await stays(lambda: call.waits_for == "answer", "it rings", 0.05)
    line.answer()
    await waiting(call, "digits")
    assert listener.statuses("CallStatus")[:2] == ["initiated", "ringing"]
    with pytest.raises(BadOrder, match="does not ring"):
        line.answer()
    with pytest.raises(BadOrder, match='"digits" must be'):
        line.press("one")
    line.press("1")
    await over(call)
    assert story(call)[-2:] == ["person press 1", "voice say Thank you"]
    assert (call.duration() or 0) < 60
    await until(lambda: len(listener.at("/status")) == 4, "its end is told")
    assert listener.statuses("CallStatus")[2:] == ["in-progress", "completed"]
    assert call.sid not in sim.lines
    with pytest.raises(BadOrder, match="The call is over"):
        line.press("1")


async def test_somebody_declines_or_lets_it_ring(attended: Simulator) -> None:
    script = response("<Say>Hello</Say>")
    call = await dial(attended, script)
    await waiting(call, "answer")
    (await line_of(attended, call)).decline()
    assert (await over(call)).ended == "busy"
    call = await dial(attended, script, timeout=5)
    assert (await over(call)).ended == "no-answer"
    assert call.ended_at - call.created_at >= 5


async def test_somebody_hangs_up_in_the_middle(attended: Simulator, listener: Listener) -> None:
    script = response('<Say>Hello</Say><Pause length="600"/><Say>Never</Say>')
    call = await dial(attended, script, status_callback=f"{listener.url}/status")
    await waiting(call, "answer")
    line = await line_of(attended, call)
    line.answer()
    await until(lambda: "line pause 600 s" in story(call), "it pauses")
    line.hang_up()
    with pytest.raises(BadOrder, match="The call is over"):
        line.hang_up()
    await over(call)
    assert story(call) == ["voice say Hello", "line pause 600 s", "person hangup"]
    assert call.ended == "completed"
    await until(lambda: listener.statuses("CallStatus") == ["completed"], "it is told")


@pytest.mark.parametrize("takes", ["dtmf", "speech"])
async def test_keys_and_words_that_nobody_asked_for_are_lost(
    attended: Simulator, takes: str
) -> None:
    gather = f'<Gather input="{takes}" action="http://127.0.0.1:9/x" timeout="1"/>'
    call = await dial(attended, response(f'<Pause length="20"/>{gather}<Say>Nothing</Say>'))
    await waiting(call, "answer")
    line = await line_of(attended, call)
    line.answer()
    await until(lambda: "line pause 20 s" in story(call), "it pauses")
    line.press("5")
    line.speak("Five")
    await over(call)
    assert story(call, "person", "voice") == [
        "person press 5", "person speak Five", "voice say Nothing",
    ]  # fmt: skip


async def test_somebody_calls_from_a_page_presses_and_leaves_a_message(
    attended: Simulator, listener: Listener
) -> None:
    sim = attended
    sim.number(OURS).voice_url = f"{listener.url}/in"
    listener.answer("/in", response('<Gather action="/pressed" timeout="60"/>'))
    listener.answer("/pressed", response('<Record action="/said" timeout="60"/>'))
    call = await sim.ring(BOB, OURS, wait=False)
    await waiting(call, "digits")
    sim.lines[call.sid].press("12#")
    await waiting(call, "speech")
    sim.lines[call.sid].speak("Nobody is at home")
    sim.lines[call.sid].hang_up()
    await over(call)
    await until(lambda: listener.at("/said"), "the message is told")
    (pressed,), (said,) = listener.at("/pressed"), listener.at("/said")
    assert pressed.posted["Digits"] == "12"
    assert (said.posted["Digits"], said.posted["RecordingDuration"]) == ("hangup", "2")
    assert said.posted["CallStatus"] == "completed"


async def test_whoever_hangs_up_before_the_webhook_answers_was_not_answered(
    attended: Simulator, listener: Listener
) -> None:
    slow = asyncio.Event()

    async def hesitate(_request: web.Request) -> web.StreamResponse:
        await slow.wait()
        return web.Response(text=response("<Say>Never</Say>"), content_type="text/xml")

    attended.number(OURS).voice_url = f"{listener.url}/in"
    listener.answers["/in"] = hesitate
    call = await attended.ring(BOB, OURS, wait=False)
    await until(lambda: listener.at("/in"), "the webhook is asked")
    attended.lines[call.sid].hang_up()
    slow.set()
    await over(call)
    assert (call.ended, call.duration()) == ("no-answer", 0)
    assert [entry.kind for entry in call.transcript] == ["ring", "hangup"]


async def test_a_star_ends_a_connection_where_that_is_wanted(attended: Simulator) -> None:
    script = response(f'<Dial hangupOnStar="true">{BOB}</Dial><Say>Back again</Say>')
    attended.outcome(BOB, duration=600)
    call = await dial(attended, script)
    await waiting(call, "answer")
    line = await line_of(attended, call)
    line.answer()
    await waiting(call, "digits")
    line.press("*")
    await over(call)
    assert story(call)[-1] == "voice say Back again"
    assert (call.duration() or 0) < 300


async def test_where_words_take_no_time_somebody_real_still_has_time_for_keys() -> None:
    async with simulator(speed=100.0) as sim:
        sim.attended.add(ADA)
        words = "word " * 350
        gather = f'<Say>{words}</Say><Gather timeout="30"/><Say>{words}</Say>'
        call = await dial(sim, response(gather))
        await waiting(call, "answer")
        sim.lines[call.sid].answer()
        await over(call)
        first, asked, second = (e.at for e in call.transcript if e.kind in {"say", "gather"})
        assert asked - first < 30 <= second - asked


@pytest.mark.parametrize("prompt", ['<Say loop="0">Press</Say>', '<Play loop="0">x</Play>'])
async def test_a_key_ends_a_prompt_that_would_repeat(
    attended: Simulator, listener: Listener, prompt: str
) -> None:
    listener.answer("/say", response(f'<Gather numDigits="1" action="/done">{prompt}</Gather>'))
    call = await dial(attended, f"{listener.url}/say", time_limit=9000)
    await waiting(call, "answer")
    attended.lines[call.sid].answer()
    await until(lambda: len(story(call, "voice")) > 2, "it repeats")
    attended.lines[call.sid].press("1")
    await over(call)
    assert listener.at("/done")[0].posted["Digits"] == "1"
    assert story(call)[-1] == "person press 1"


async def test_keys_count_where_somebody_presses_and_speaks(
    attended: Simulator, listener: Listener
) -> None:
    listener.answer("/say", response('<Gather input="dtmf speech" timeout="9" action="/done"/>'))
    call, line = await picked_up(attended, listener)
    await waiting(call, "digits")
    line.press("1")
    line.speak("The garage")
    await over(call)
    (done,) = listener.at("/done")
    assert (done.posted["Digits"], "SpeechResult" in done.posted) == ("1", False)


async def test_a_recording_ends_by_the_keys_that_it_names(
    attended: Simulator, listener: Listener
) -> None:
    listener.answer("/say", response('<Record finishOnKey="#" timeout="600" action="/said"/>'))
    call, line = await picked_up(attended, listener)
    await waiting(call, "speech")
    line.speak("Water in the cellar")
    line.press("5")
    await stays(lambda: call.waits_for == "speech", "it still records", 0.05)
    line.press("#")
    await over(call)
    assert listener.at("/said")[0].posted["Digits"] == "#"


# -- updates


async def test_a_call_in_progress_is_hung_up_by_an_update(
    attended: Simulator, listener: Listener
) -> None:
    attended.attended.clear()
    script = response('<Say>Hello</Say><Pause length="600"/><Say>Never</Say>')
    call = await dial(attended, script, status_callback=f"{listener.url}/status")
    await until(lambda: "line pause 600 s" in story(call), "it pauses")
    assert (await update(attended, call, status="completed")).status == "completed"
    await until(lambda: call.sid not in attended.lines, "the call is over")
    assert story(call)[-1] == "line pause 600 s"
    await until(lambda: listener.statuses("CallStatus") == ["completed"], "it is told")


async def test_a_call_in_progress_is_not_affected_by_being_canceled(attended: Simulator) -> None:
    attended.attended.clear()
    call = await dial(attended, response('<Pause length="600"/>'))
    await until(lambda: "line pause 600 s" in story(call), "it pauses")
    assert (await update(attended, call, status="canceled")).status == "in-progress"
    assert (await update(attended, call, status="completed")).status == "completed"
    with pytest.raises(TwilioRestException, match="not in-progress"):
        await update(attended, call, status="canceled")


async def test_somebody_who_presses_the_last_key_first_may_still_press_others(
    attended: Simulator, listener: Listener
) -> None:
    listener.answer("/say", response('<Gather action="/done" timeout="600"/>'))
    call, line = await picked_up(attended, listener)
    await waiting(call, "digits")
    line.press("#")
    await stays(lambda: call.waits_for == "digits", "it waits for keys", 0.05)
    line.press("12#")
    await over(call)
    assert listener.at("/done")[0].posted["Digits"] == "12"


async def test_a_call_in_progress_may_be_given_another_limit_and_another_callback(
    attended: Simulator, listener: Listener
) -> None:
    attended.attended.clear()
    call = await dial(attended, response('<Pause length="600"/>' * 9))
    await until(lambda: "line pause 600 s" in story(call), "it pauses")
    told = {"status_callback": f"{listener.url}/status", "status_callback_method": "GET"}
    await update(attended, call, time_limit="900", **told)
    await update(attended, call, twiml=response('<Pause length="3"/><Hangup/>'), **told)
    await over(call)
    await until(lambda: listener.at("/status"), "its end is told")
    assert (listener.heard[0].method, call.time_limit) == ("GET", 900)


async def test_a_call_that_rings_is_canceled_by_an_update(
    attended: Simulator, listener: Listener
) -> None:
    events = {"status_callback": f"{listener.url}/status", "status_callback_event": EVENTS}
    call = await dial(attended, f"{listener.url}/say", **events)
    await waiting(call, "answer")
    assert (await update(attended, call, status="canceled")).status == "canceled"
    await until(lambda: len(listener.heard) == 3, "it is told")
    assert listener.statuses("CallStatus") == ["initiated", "ringing", "canceled"]
    assert listener.statuses("SequenceNumber") == ["0", "1", "2"]
    with pytest.raises(TwilioRestException, match="not in-progress"):
        await update(attended, call, twiml=response("<Say>x</Say>"))


async def test_another_script_takes_the_place_of_what_is_said(
    attended: Simulator, listener: Listener
) -> None:
    attended.attended.clear()
    waits = '<Gather timeout="600"/>'
    call = await dial(attended, response(waits))
    await waiting(call, "digits")
    listener.answer("/next", response(f"<Say>Next</Say>{waits}"))
    await update(attended, call, url=f"{listener.url}/next", method="GET")
    await until(lambda: "voice say Next" in story(call), "the next script is done")
    await waiting(call, "digits")
    await update(attended, call, twiml=response("<Say>Last</Say>"))
    await over(call)
    assert story(call, "voice") == ["voice say Next", "voice say Last"]
    assert listener.at("/next")[0].method == "GET"


async def test_an_inline_script_that_takes_the_place_of_another_has_no_url_either(
    attended: Simulator, listener: Listener
) -> None:
    attended.attended.clear()
    listener.answer("/say", response('<Gather timeout="600"/>'))
    call = await dial(attended, f"{listener.url}/say")
    await waiting(call, "digits")
    await update(attended, call, twiml=response("<Redirect>/next</Redirect>"))
    await over(call)
    assert any(each.startswith("line error 11100: ") for each in story(call))
    assert listener.at("/next") == []


async def test_a_script_changed_while_it_rings_is_the_one_that_is_heard(
    attended: Simulator, listener: Listener
) -> None:
    call = await dial(attended, f"{listener.url}/first", machine_detection="Enable")
    await waiting(call, "answer")
    told = {"status_callback": f"{listener.url}/status", "fallback_url": f"{listener.url}/else"}
    listener.answer("/second", status=404)
    await update(attended, call, url=f"{listener.url}/second", **told)
    attended.lines[call.sid].answer()
    await over(call)
    await until(lambda: listener.at("/status"), "its end is told where the update says")
    assert [heard.path for heard in listener.heard] == ["/second", "/else", "/status"]
    assert listener.at("/second")[0].posted["AnsweredBy"] == "human"


# -- what is shown


async def test_the_transcript_is_shown_with_its_times(sim: Simulator) -> None:
    call = await lived(sim, response("<Say>Hello</Say>"))
    async with ClientSession(sim.url) as http:
        (shown,) = (await (await http.get("/_simulator/calls")).json())["calls"]
    assert [entry["kind"] for entry in shown["transcript"]] == ["ring", "answer", "say"]
    assert shown["transcript"][-1] == {
        "at": call.transcript[-1].at, "who": "voice", "kind": "say", "text": "Hello",
    }  # fmt: skip
    assert shown["waits_for"] == ""


async def test_a_call_takes_as_long_as_its_words() -> None:
    async with simulator(word=0.5, speed=50.0) as sim:
        call = await lived(sim, response("<Say>one two three four</Say><Say>five</Say>"))
        first, second = call.transcript[-2:]
        assert second.at - first.at >= 2.0


@pytest.mark.parametrize(
    ("what", "asked", "sentence"),
    [
        ("outcomes", {"answer_after": -1}, '"answer_after" must be seconds, 0 or more.'),
        ("outcomes", {"speech": "x" * 1601}, '"speech" must be at most 1600 characters.'),
        ("outcomes", {"digits": 1}, '"digits" must be text or a list.'),
        ("calls", {"digits": "1a"}, "\"digits\" must be 1 to 100 digits, * and #, not '1a'."),
        ("calls", {"dial_status": "gone"}, '"dial_status" must be one of completed, busy,'),
        ("calls", {"recording": {"duration": "5"}}, '"recording.duration" must be a whole number.'),
    ],
)
async def test_what_nobody_can_do_on_a_call_is_refused_by_a_sentence(
    sim: Simulator, what: str, asked: dict[str, Any], sentence: str
) -> None:
    who = {"to": ADA} if what == "outcomes" else {"from": ADA, "to": OURS}
    async with ClientSession(sim.url) as http:
        answer = await http.post(f"/_simulator/{what}", json=who | asked)
        assert answer.status == 400
        assert (await answer.json())["error"].startswith(sentence)


# -- whatever comes


NAMES = st.sampled_from(
    ["Say", "Play", "Pause", "Gather", "Dial", "Record", "Redirect", "Hangup", "Reject", "Number",
     "Enqueue", "Response", "x", "Sip"]
)  # fmt: skip
KEYS = st.sampled_from(
    ["loop", "length", "timeout", "numDigits", "finishOnKey", "action", "method", "input", "digits",
     "maxLength", "callerId", "timeLimit", "recordingStatusCallback", "actionOnEmptyResult"]
)  # fmt: skip
VALUES = st.sampled_from(
    ["", "0", "1", "-1", "99999999999", "true", "GET", "PATCH", "#", "http://127.0.0.1:9/x",
     "http://[", "//", "dtmf speech", "x y", "javascript:1", "http://127.0.0.1:99999/"]
)  # fmt: skip


def _element(name: str, attributes: dict[str, str], inside: list[str]) -> str:
    written = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"<{name}{written}>{''.join(inside)}</{name}>"


ELEMENTS = st.recursive(
    st.sampled_from(
        [
            "Hello",
            "+12125550199",
            "http://127.0.0.1:9/x",
            "http://[",
            "",
            "é&amp;👍",
            "/say",
            "http://127.0.0.1:99999/x",
        ]
    ),
    lambda inside: st.builds(
        _element, NAMES, st.dictionaries(KEYS, VALUES, max_size=3), st.lists(inside, max_size=3)
    ),
    max_leaves=12,
)


@given(st.one_of(ELEMENTS.map(response), st.text(max_size=200), ELEMENTS), st.booleans())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_a_script_is_the_call_comes_to_an_end(script: str, fetched: bool) -> None:
    async def live() -> None:
        async with (
            simulator(pace=0.0) as sim,
            Listener() as listener,
            ClientSession(sim.url, headers=BASIC) as http,
        ):
            sim.outcome(ADA, digits=["1", "*2#"], speech="Hello")
            listener.answer("/say", script)
            how = {"Url": f"{listener.url}/say"} if fetched else {"Twiml": script or " "}
            form = {"To": ADA, "From": OURS, "TimeLimit": "100", **how}
            answer = await http.post(f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json", data=form)
            assert answer.status == 201
            await over(sim.calls[-1])
            await until(lambda: not sim.lines, "the line is free")

    asyncio.run(live())


async def test_elements_within_elements_without_end_do_no_harm(
    sim: Simulator, listener: Listener
) -> None:
    deep = 3000
    listener.answer("/say", response(f"{'<Gather>' * deep}{'</Gather>' * deep}<Say>Hello</Say>"))
    call = await lived(sim, f"{listener.url}/say")
    assert story(call, "voice") == ["voice say Hello"]


async def test_a_call_ends_even_if_living_through_it_breaks(
    sim: Simulator, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callbox.simulator.telephony.underway.perform", break_down)
    assert (await over(await dial(sim, response("<Say>Hello</Say>")))).ended == "completed"
    sim.number(OURS).voice_url = f"{listener.url}/in"
    with pytest.raises(RuntimeError):
        await sim.ring(ADA, OURS)
    assert sim.calls[-1].ended == "completed"
    assert not sim.lines


async def test_a_number_may_be_given_back_while_it_is_called(
    sim: Simulator, listener: Listener
) -> None:
    async def release(_request: web.Request) -> web.StreamResponse:
        await ask(sim, lambda client: client.incoming_phone_numbers(number.sid).delete(),
                  secret=TOKEN)  # fmt: skip
        return web.Response(text=response("<Say>Bye</Say>"), content_type="text/xml")

    number = sim.number(OURS)
    number.voice_url = f"{listener.url}/in"
    listener.answers["/in"] = release
    async with (
        ClientSession(sim.url) as session,
        session.post("/_simulator/calls", json={"from": ADA, "to": OURS}) as answer,
    ):
        assert answer.status == 201
        assert (await answer.json())["call"]["status"] == "completed"
