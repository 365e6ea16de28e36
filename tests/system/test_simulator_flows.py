"""Studio by the official Twilio SDK, unmodified: runs of flows, their list, what is refused."""

from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import ClientSession
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.rest import Client

from callbox.simulator import Settings, Simulator, start
from harness.sdk import ACCOUNT, Ask, Clock, ask, login, session

OTHER_ACCOUNT = "AC" + "d" * 32
KEY = "SK" + "b" * 32
FLOW = "FW" + "c" * 32
OURS, THEIRS = "+15557654321", "+15551234567"
PATH = f"/v2/Flows/{FLOW}/Executions"


async def refused(sim: Simulator, question: Ask, **credentials: str) -> tuple[int, int, str]:
    """Give HTTP status, Twilio's code and text."""
    with pytest.raises(TwilioRestException) as caught:
        await ask(sim, question, **credentials)
    return caught.value.status, caught.value.code, caught.value.msg


def executions(client: Client, flow: str = FLOW) -> Any:  # noqa: ANN401 - the SDK's
    return client.studio.v2.flows(flow).executions


def started(flow: str = FLOW, **more: object) -> Ask:
    asked = {"to": THEIRS, "from_": OURS, **more}
    return lambda client: executions(client, flow).create(**asked)


async def test_a_run_is_active_and_ends_as_time_goes_by(sim: Simulator, clock: Clock) -> None:
    created = await ask(sim, started(parameters={"message": "Ümläut & 🚒"}))
    assert (created.status, created.flow_sid, created.account_sid) == ("active", FLOW, ACCOUNT)
    assert (created.sid[:2], created.contact_channel_address) == ("FN", THEIRS)
    assert created.date_created == datetime.fromtimestamp(1_790_000_000, UTC)
    assert created.initiated_by.startswith("RQ")
    clock.now += 1
    fetched = await ask(sim, lambda client: executions(client)(created.sid).fetch())
    assert (fetched.sid, fetched.status) == (created.sid, "ended")
    assert fetched.url == f"{sim.url}{PATH}/{created.sid}"


async def test_what_a_flow_was_told_is_in_the_log(sim: Simulator) -> None:
    created = await ask(sim, started(parameters='{"message": "Fire"}'))
    (entry,) = (record.entry() for record in sim.log)
    assert (entry["kind"], entry["sid"], entry["answered"]) == ("flow", created.sid, 201)
    assert (entry["to"], entry["from"]) == (THEIRS, OURS)
    assert (entry["flow_sid"], entry["parameters"]) == (FLOW, {"message": "Fire"})
    assert sim.requests.document()["endpoints"] == {"create-execution": {"201": 1}}


async def test_a_flow_may_be_told_nothing_and_sent_by_a_messaging_service(sim: Simulator) -> None:
    await ask(sim, started(from_="MG" + "e" * 32))
    (run,) = sim.executions
    assert (run.parameters, run.sender) == ({}, "MG" + "e" * 32)


async def test_a_list_is_cut_into_pages_newest_first_and_knows_one_flow(sim: Simulator) -> None:
    created = [(await ask(sim, started(to=f"+1555123{n:04}"))).sid for n in range(7)]
    await ask(sim, started("FW" + "e" * 32))
    listed = await ask(sim, lambda client: executions(client).list(page_size=3))
    assert [run.sid for run in listed] == created[::-1]
    assert sim.requests.count("list-executions", 200) == 3


async def test_a_page_has_the_meta_data_of_the_newer_products(sim: Simulator) -> None:
    for n in range(3):
        await ask(sim, started(to=f"+1555123{n:04}"))
    async with session(sim) as http:
        first = await (await http.get(f"{PATH}?PageSize=2")).json()
        second = await (await http.get(first["meta"]["next_page_url"])).json()
    url = f"{sim.url}{PATH}?PageSize=2"
    assert set(first) == {"meta", "executions"}
    assert first["meta"] == {
        "page": 0,
        "page_size": 2,
        "first_page_url": f"{url}&Page=0",
        "previous_page_url": None,
        "url": f"{url}&Page=0",
        "next_page_url": f"{url}&Page=1&PageToken=PA{first['executions'][-1]['sid']}",
        "key": "executions",
    }
    assert len(second["executions"]) == 1
    assert second["meta"]["next_page_url"] is None
    assert set(second["executions"][0]) == {
        *("sid", "account_sid", "flow_sid", "contact_sid", "contact_channel_address"),
        *("flow_version", "context", "status", "date_created", "date_updated"),
        *("initiated_by", "url", "links"),
    }


@pytest.mark.parametrize(
    ("asked", "code", "text"),
    [
        ({"to": ""}, 20001, "Missing required parameter To in the post body"),
        ({"from_": ""}, 20001, "Missing required parameter From in the post body"),
        ({"to": "mum"}, 20001, "Invalid parameter: To"),
        ({"from_": "Plant 4"}, 20001, "Invalid parameter: From"),
        ({"parameters": "{"}, 84004, "Error while creating execution via REST API."),
        ({"parameters": "[1]"}, 84004, "Error while creating execution via REST API."),
    ],
)
async def test_what_is_wrong_is_refused_and_nothing_runs(
    sim: Simulator, asked: dict[str, str], code: int, text: str
) -> None:
    status, found, message = await refused(sim, started(**asked))
    assert (status, found) == (400, code)
    assert message.endswith(text)
    assert len(sim.executions) == 0


async def test_two_numbers_have_one_active_run_at_a_time(sim: Simulator, clock: Clock) -> None:
    first = await ask(sim, started())
    status, code, message = await refused(sim, started("FW" + "e" * 32))
    assert (status, code) == (409, 20409)
    assert message.endswith(f"Execution {first.sid} is already active for this contact")
    await ask(sim, started(to="+15551234568"))
    await ask(sim, started(from_="+15557654322"))
    clock.now += 1
    await ask(sim, started())
    assert len(sim.executions) == 4


async def test_where_flows_are_declared_there_are_no_others() -> None:
    async with await start(settings=Settings(flows=[FLOW])) as sim:
        await ask(sim, started())
        status, code, message = await refused(sim, started("FW" + "e" * 32))
        path = f"/v2/Flows/FW{'e' * 32}/Executions"
        assert (status, code) == (404, 20404)
        assert message.endswith(f"The requested resource {path} was not found")
        with pytest.raises(TwilioException, match="404"):
            await ask(sim, lambda client: executions(client, "FW" + "e" * 32).list())
        assert len(sim.executions) == 1


@pytest.mark.parametrize(
    "path",
    [
        PATH.replace(FLOW, "FW1"),
        f"{PATH}/FN1",
        f"{PATH}/FN{'a' * 32}",
        f"{PATH}.json",
        "/v2/Flows",
        "/v1/Flows/" + FLOW + "/Executions",
    ],
)
async def test_an_unknown_path_of_studio_is_not_found(sim: Simulator, path: str) -> None:
    async with session(sim) as http:
        answer = await http.get(path)
        assert (answer.status, (await answer.json())["code"]) == (404, 20404)


async def test_a_run_of_another_flow_or_account_is_not_found(sim: Simulator) -> None:
    sid = (await ask(sim, started())).sid
    elsewhere: Ask = lambda client: executions(client, "FW" + "e" * 32)(sid).fetch()  # noqa: E731
    assert (await refused(sim, elsewhere))[:2] == (404, 20404)
    stranger: Ask = lambda client: executions(client)(sid).fetch()  # noqa: E731
    assert (await refused(sim, stranger, user=OTHER_ACCOUNT))[:2] == (404, 20404)


async def test_an_api_key_runs_flows_of_the_account_it_is_for() -> None:
    pinned = {ACCOUNT: "token", KEY: "secret"}
    async with await start(settings=Settings(credentials=pinned)) as sim:
        created = await ask(sim, started(), user=KEY, secret="secret")
        assert created.account_sid == ACCOUNT
        fetched = await ask(sim, lambda client: executions(client)(created.sid).fetch())
        assert fetched.sid == created.sid
        assert (await refused(sim, started(), user=KEY, secret="other"))[:2] == (401, 20003)


@pytest.mark.parametrize("headers", [{}, login("me", "secret"), login(ACCOUNT, "")])
async def test_without_good_credentials_nothing_runs(
    sim: Simulator, headers: dict[str, str]
) -> None:
    async with ClientSession(sim.url, headers=headers) as http:
        answer = await http.post(PATH, data={"To": THEIRS, "From": OURS})
        assert (answer.status, (await answer.json())["code"]) == (401, 20003)
    assert len(sim.executions) == 0


@pytest.mark.parametrize(
    ("fault", "created"),
    [
        ({"drop": "before"}, 0),
        ({"drop": "after"}, 1),
        ({"status": 503}, 0),
        ({"status": 503, "created": True}, 1),
        ({"html": True}, 0),
    ],
)
@pytest.mark.parametrize("on", ["create", "create-execution", "any"])
async def test_faults_of_creates_are_faults_of_flows_too(
    sim: Simulator, on: str, fault: dict[str, object], created: int
) -> None:
    sim.faults.set([{"on": on, "times": 1, **fault}])
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the SDK makes of it
        await ask(sim, started())
    assert len(sim.executions) == created
    assert sim.faults.document()["hits"] == [1]


async def test_a_list_may_lag_behind(sim: Simulator, clock: Clock) -> None:
    sim.faults.set([{"on": "list", "lag": 2}])
    sid = (await ask(sim, started())).sid
    assert await ask(sim, lambda client: executions(client).list()) == []
    clock.now += 2
    assert [run.sid for run in await ask(sim, lambda client: executions(client).list())] == [sid]
