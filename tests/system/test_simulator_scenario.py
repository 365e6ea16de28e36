"""A scenario is played in time: faults, callbacks, texts and calls; at its end is a summary."""

from typing import Any

from aiohttp import ClientSession, ServerDisconnectedError

from callbox.simulator import Settings, scenario, start
from harness.sdk import MESSAGES, ask, session
from harness.terminal import Terminal, read_until
from harness.waiting import until

OURS, DARLA, BOB = "+15005550006", "+12065550100", "+12065550101"
TEXT = {"to": DARLA, "from_": OURS, "body": "The tank is full"}


async def test_a_day_passes_in_less_than_a_second() -> None:
    script = scenario(
        {
            "lasts": "24h",
            "speed": 200_000,
            "texts": [{"at": "23h", "from": DARLA, "body": "Still there?"}],
            "calls": [{"at": "12h", "from": DARLA}],
        }
    )
    async with await start(settings=script.settled(Settings())) as sim:
        player = sim.play(script)
        player.begin()
        await player.over()
        assert player.elapsed >= 86_400
        [text], [call] = sim.messages, sim.calls
        assert text.created_at - (player.began_at or 0) > 82_700
        assert text.created_at > call.created_at
        assert sim.tally().received == 2


async def test_an_outage_lasts_from_its_first_to_its_last_second() -> None:
    script = scenario(
        {"speed": 30, "faults": [{"on": "create", "from": 20, "until": 60, "status": 503}]}
    )
    answers = set()
    async with await start(settings=script.settled(Settings())) as sim:
        player = sim.play(script)
        player.begin()
        for moment in (1, 40, 80):
            await player.until(moment)
            async with session(sim) as http:
                answers.add((moment, await _text(http)))
    assert answers == {(1, 201), (40, 503), (80, 201)}


async def _text(http: ClientSession) -> int:
    form = {"To": DARLA, "From": OURS, "Body": "The tank is full"}
    async with http.post(MESSAGES, data=form) as answer:
        return answer.status


async def test_what_was_ordered_before_a_scenario_without_faults_begins_goes_on() -> None:
    async with await start() as sim, session(sim) as http:
        player = sim.play(scenario({"settings": {"pace": 0}}))
        sim.faults.set([{"on": "create", "status": 503, "times": 2}])
        answers = [await _text(http)]
        player.begin()
        answers += [await _text(http), await _text(http)]
    assert answers == [503, 503, 201]


async def test_people_are_as_the_scenario_says_from_their_moment_on() -> None:
    script = scenario(
        {
            "speed": 100,
            "settings": {"pace": 0},
            "people": [
                {"to": BOB, "status": "undelivered", "error_code": 30003},
                {"to": DARLA, "status": "failed", "error_code": 30008, "at": 50},
            ],
        }
    )
    async with await start(settings=script.settled(Settings())) as sim, session(sim) as http:
        player = sim.play(script)
        player.begin()  # the SDK may take half a second to begin, which is the 50 on a busy machine
        await _text(http)
        (early,) = sim.messages
        await player.until(60)
        late = await ask(sim, lambda client: client.messages.create(**TEXT))
        off = await ask(sim, lambda client: client.messages.create(**{**TEXT, "to": BOB}))
        found = await ask(
            sim,
            lambda client: [
                (each.status, each.error_code)
                for each in (client.messages(one.sid).fetch() for one in (early, late, off))
            ],
        )
        assert found == [("delivered", None), ("failed", 30008), ("undelivered", 30003)]
        assert (sim.tally().delivered, sim.tally().failed) == (1, 2)


async def test_callbacks_are_as_the_scenario_says_between_two_moments() -> None:
    script = scenario(
        {"speed": 25, "callbacks": [{"from": 10, "until": 30, "delay": "20s", "copies": 2}]}
    )
    async with await start(settings=script.settled(Settings())) as sim:
        player = sim.play(script)
        player.begin()
        manners = []
        for moment in (1, 20, 40):
            await player.until(moment)
            manners.append((sim.callbacks.manner.delay, sim.callbacks.manner.copies))
    assert manners == [(0, 1), (20, 2), (0, 1)]


async def test_what_is_sent_again_after_a_lost_answer_without_looking_is_doubled() -> None:
    script = scenario({"faults": [{"on": "create", "times": 1, "drop": "after"}]})
    async with await start() as sim, session(sim) as http:
        sim.play(script).begin()
        try:
            await _text(http)
        except ServerDisconnectedError:
            assert sim.tally().doubled == 0
        await _text(http)
        assert sim.tally().doubled == 1
        summary: dict[str, Any] = await (await http.get("/_simulator/summary")).json()
        assert (summary["accepted"], summary["doubled"]) == (2, 1)


async def test_what_is_sent_again_after_an_error_with_which_it_was_done_is_doubled() -> None:
    async with await start() as sim, session(sim) as http:
        sim.faults.set([{"on": "create", "times": 1, "status": 503, "created": True}])
        assert [await _text(http) for _ in range(2)] == [503, 201]
        assert sim.tally().doubled == 1


async def test_texts_that_come_in_are_billed_and_webhooks_that_fail_are_counted() -> None:
    async with await start() as sim:
        sim.number(OURS).sms_url = "http://127.0.0.1:9/sms"
        await sim.receive(DARLA, OURS, "Hello")
        tally = sim.tally()
        assert (tally.received, tally.cost) == (1, 0.0075)
        assert tally.webhooks_failed == tally.webhooks > 0


async def test_people_of_a_scenario_have_their_names_on_the_page() -> None:
    async with await start() as sim, session(sim) as http:
        sim.play(scenario({"people": [{"to": BOB, "name": "Inês"}, {"to": DARLA}]}))
        phones = await (await http.get("/_simulator/phones")).json()
    assert "Inês" in str(phones)


async def test_the_same_text_twice_on_purpose_is_not_doubled() -> None:
    async with await start() as sim, session(sim) as http:
        assert [await _text(http) for _ in range(2)] == [201, 201]
        assert (sim.tally().accepted, sim.tally().doubled) == (2, 0)


async def test_what_is_over_is_billed_before_its_price_is_told() -> None:
    settings = Settings(pace=0, price_after=180)
    async with await start(settings=settings) as sim, session(sim.url) as http:
        await _text(http)
        await until(lambda: sim.tally().delivered, "it is over")
        assert sim.messages[0].document(sim.now())["price"] is None
        assert sim.tally().cost == 0.0075
    async with await start(settings=Settings(pace=60)) as sim, session(sim.url) as http:
        await _text(http)
        assert sim.tally().cost == 0


async def test_a_text_to_nobody_is_a_trouble_and_the_rest_goes_on() -> None:
    script = scenario(
        {"texts": [{"from": DARLA, "to": "+12065559999"}, {"from": DARLA, "body": "Hello"}]}
    )
    async with await start() as sim:
        player = sim.play(script)
        player.begin()
        await until(lambda: bool(sim.messages and player.troubles), "both were played")
        assert [message.body for message in sim.messages] == ["Hello"]
        assert player.troubles == [
            'At 0 s: "to" must be a number of the account, not +12065559999.'
        ]


async def test_the_command_plays_from_the_first_request_and_tells_what_came_of_it(
    terminal: Terminal,
) -> None:
    (terminal.folder / "short.yaml").write_text(
        "name: A short storm\nlasts: 5 min\nspeed: 100\n"
        "faults: [{on: create, times: 1, drop: after}]\n"
    )
    process = await terminal.begin("simulate", "--port", "0", "--scenario", "short.yaml")
    said = await read_until(process.stdout, "begins with the first request")
    url = said.partition("Open ")[2].partition(" and pick up")[0]
    async with session(url) as http:
        lost = 0
        while not lost:
            try:
                await _text(http)
            except ServerDisconnectedError:
                lost += 1
        await _text(http)
    out, err = await process.communicate()
    told = out.decode()
    assert "What Twilio would say" in told
    assert err == b""
    assert process.returncode == 1, told


async def test_a_scenario_that_cannot_be_played_ends_the_command_at_once(
    terminal: Terminal,
) -> None:
    (terminal.folder / "bad.yaml").write_text("faults: [{on: everything, status: 503}]\n")
    ended = await terminal.type("simulate", "--port", "0", "--scenario", "bad.yaml")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith('bad.yaml: faults, entry 1: "on" must be one of')
    assert ended.err.count("\n") == 1


async def test_a_scenario_whose_text_cannot_be_played_is_no_success(terminal: Terminal) -> None:
    (terminal.folder / "wrong.yaml").write_text(
        "lasts: 10\nspeed: 100\ntexts: [{from: +12065550100, to: +12065559999, body: Hi}]\n"
    )
    process = await terminal.begin("simulate", "--port", "0", "--scenario", "wrong.yaml")
    said = await read_until(process.stdout, "begins with the first request")
    url = said.partition("Open ")[2].partition(" and pick up")[0]
    async with session(url) as http:
        await _text(http)
    out, _ = await process.communicate()
    assert b"must be a number of the account, not +12065559999." in out
    assert process.returncode == 1
