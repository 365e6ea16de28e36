"""What a deployment changes is taken by the component that runs, and nothing is lost meanwhile."""

import json
import socket
from collections.abc import AsyncIterator, Callable
from copy import deepcopy
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from harness import FROM, Nursery, number, stays, text, until
from harness.core import ACCESS, NAME, Core

pytestmark = pytest.mark.asyncio(loop_scope="module")

DARLA, OTHER = "+12345000000", "+15557654321"
_AHEAD = 30  # requests
OPENED = "opening anew"
RULE = {"from": "anyone", "contains": "status", "reply": "All is well."}


class Deployments:
    """A core whose component runs, and what was deployed on it since the test began."""

    def __init__(self, core: Core) -> None:
        self.core, self.component = core, core.component
        self.pid = core.component.pid
        self._sent = len(core.simulator.messages)
        self._statuses = len(core.component.told("message/status"))

    def deploy(self, **changes: Any) -> None:  # noqa: ANN401 - a configuration
        """Merge changes into the component's configuration."""
        self.core.nucleus.configure(NAME, changes)

    async def begins(self, **changes: Any) -> None:  # noqa: ANN401 - a configuration
        """Deploy changes and wait until the component begins to go by them."""
        opened = self.opened
        self.deploy(**changes)
        await until(lambda: self.opened > opened, "the change is noticed")

    async def taken(self, **changes: Any) -> None:  # noqa: ANN401 - a configuration
        """Deploy changes and wait until the component goes by them."""
        states = len(self.component.said("bridge/state"))
        await self.begins(**changes)
        await until(lambda: len(self.component.said("bridge/state")) >= states + 2, "it is back")
        assert self.component.said("bridge/state")[-1] == b"online"

    @property
    def opened(self) -> int:
        """How often the component opened anew."""
        return len(self.component.lines(OPENED))

    async def ask_for(self, document: Any, topic: str = "twilio/txt") -> None:  # noqa: ANN401 - JSON
        """Publish a request on local pubsub."""
        await self.core.nucleus.publish(topic, document)

    async def sends(self) -> Any:  # noqa: ANN401 - the simulator's Message
        """See that a text is sent, and give it."""
        before = len(self.core.simulator.messages)
        await self.ask_for(text("probe", DARLA, "x"))
        await until(lambda: len(self.core.simulator.messages) > before, "a text is sent")
        return self.core.simulator.messages[-1]

    def sent(self) -> list[tuple[str, str]]:
        """Give recipient and body of what Twilio was asked for."""
        return [(m.to, m.body) for m in self.core.simulator.messages[self._sent :]]

    async def keeps_up(self, asked: int) -> None:
        """Wait until no more than some of so many requests are not sent yet."""
        await until(lambda: len(self.sent()) > asked - _AHEAD, "it keeps up")

    def statuses(self) -> list[str]:
        """Give the ids of the statuses that AWS IoT Core got, in order."""
        return [
            json.loads(s)["id"] for s in self.component.told("message/status")[self._statuses :]
        ]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(
    nursery: Nursery, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Core]:
    """A core whose component runs as long as the module."""
    configuration = {"inbound": {"idle_interval": 0.2, "rules": [RULE]}}
    async with Core(
        nursery, tmp_path_factory.mktemp("core"), configuration=configuration, floats=True
    ) as core:
        await core.component.serving()
        yield core
        assert await core.component.stop() == 0
        core.check()


@pytest_asyncio.fixture(loop_scope="module")
async def deployments(running: Core) -> AsyncIterator[Deployments]:
    """The shared core; every test ends with the process that it began with."""
    deployments = Deployments(running)
    yield deployments
    assert running.component.alive
    assert running.component.pid == deployments.pid


async def test_200_requests_during_three_updates_are_sent_once_and_in_order(
    deployments: Deployments,
) -> None:
    changes = iter([{"per_day": 5000}, {"per_day": 6000}, {"per_day": 7000}])
    for place in range(200):
        if place % 50 == 10 and (limits := next(changes, None)):
            await deployments.begins(limits=limits)
        await deployments.ask_for(text(str(place), number(1), str(place)))
    wanted = [str(place) for place in range(200)]
    await until(lambda: len(set(deployments.statuses())) == 200, "each has a status")
    assert deployments.sent() == [(number(1), each) for each in wanted]
    assert deployments.statuses() == wanted


async def test_contacts_and_limits_and_the_default_number_hold_at_once(
    deployments: Deployments,
) -> None:
    await deployments.taken(
        contacts={"Ann": number(2)},
        DefaultFromPhoneNumber=OTHER,
        limits={"per_recipient_hour": 1},
    )
    document = text("by name", "", "x")
    document["request"]["recipient"] = {"name": "Ann", "message": "Hello"}
    await deployments.ask_for(document)
    await deployments.ask_for(document | {"id": "too many"})
    await until(lambda: len(deployments.statuses()) == 2, "both have a status")
    assert deployments.sent() == [(number(2), "Hello")]
    assert deployments.core.simulator.messages[-1].sender == OTHER
    assert deployments.component.statuses("too many")[0]["error"] == "LimitReached"
    await deployments.taken(DefaultFromPhoneNumber=FROM, limits={"per_recipient_hour": 0})
    assert (await deployments.sends()).sender == FROM


async def test_a_rule_holds_at_once(deployments: Deployments) -> None:
    await deployments.taken(inbound={"rules": [RULE | {"reply": "All is better."}]})
    await deployments.core.simulator.receive(DARLA, FROM, "status?", webhook=False)
    await until(lambda: (DARLA, "All is better.") in deployments.sent(), "the new reply is sent")


async def test_the_ways_of_statuses_change_at_once(deployments: Deployments) -> None:
    component = deployments.component

    def counts() -> tuple[int, int]:
        return len(component.said("message/status")), len(component.told("message/status"))

    for way, more in (("pubsub", (1, 0)), ("both", (1, 1)), ("iotcore", (0, 1))):
        await deployments.taken(greengrass={"status": way})
        before = counts()
        wanted = (before[0] + more[0], before[1] + more[1])
        await deployments.sends()
        await until(partial(_are, counts, wanted), f"the status goes by {way}")
    await stays(partial(_are, counts, wanted), "each way has it once", 0.2)


def _are(counts: Callable[[], tuple[int, int]], wanted: tuple[int, int]) -> bool:
    return counts() == wanted


async def test_the_ways_of_requests_change_at_once(deployments: Deployments) -> None:
    nucleus, topic = deployments.core.nucleus, "twilio/txt"
    await deployments.taken(greengrass={"txt": "iotcore"})
    assert await nucleus.publish(topic, text("unheard", DARLA, "x")) == 0
    assert await nucleus.from_cloud(topic, json.dumps(text("heard", DARLA, "y")).encode()) == 1
    await deployments.component.status("heard")
    await deployments.taken(greengrass={"txt": "pubsub"})
    assert deployments.sent() == [(DARLA, "y")]
    await deployments.sends()


async def test_a_faulty_update_is_told_with_every_fault_and_not_taken_until_it_is_mended(
    deployments: Deployments,
) -> None:
    component, opened = deployments.component, deployments.opened
    deployments.deploy(
        limits={"per_day": "many"}, IsolationMode="Docker", contacts={"Eve": "nobody"}
    )
    trouble = await component.troubled("per_day")
    assert "IsolationMode" in trouble
    assert "Eve" in trouble
    assert component.lines("ERROR", "per_day")
    await deployments.sends()
    assert deployments.opened == opened
    await deployments.taken(
        limits={"per_day": 8000}, IsolationMode="NoContainer", contacts={"Eve": number(3)}
    )
    await until(lambda: not component.wrong, "all is well")
    info = json.loads(component.said("bridge/info")[-1])
    assert info["config"]["greengrass"]["isolation_mode"] == "NoContainer"
    assert info["config"]["limits"]["per_day"] == 8000


async def test_a_port_that_is_taken_leaves_what_there_was_and_is_told(
    deployments: Deployments,
) -> None:
    component = deployments.component
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        opened = deployments.opened
        deployments.deploy(http={"port": port})
        await component.troubled(str(port))
        await deployments.sends()
        deployments.core.simulator.faults.set([{"on": "any", "status": 401, "code": 20003}])
        await deployments.ask_for(text("meanwhile", DARLA, "x"))
        await component.troubled("20003")  # the token is looked at again
        await stays(lambda: deployments.opened <= opened + 1, "it is tried once", 2.5)
        deployments.core.simulator.faults.clear()
        await component.status("meanwhile")
        assert any(str(port) in each for each in component.wrong)
    await deployments.taken(http={"port": 0}, limits={"per_day": 8001})
    await until(lambda: not component.wrong, "all is well")


async def test_a_topic_that_is_refused_leaves_what_there_was_with_no_gap(
    deployments: Deployments,
) -> None:
    nucleus, component = deployments.core.nucleus, deployments.component

    def told() -> bool:
        assert ("pubsub", "twilio/txt") in nucleus.subscriptions(NAME), "a request would be lost"
        return any("accessControl" in each for each in component.wrong)

    deployments.deploy(mqtt={"base_topic": "site/twilio"})
    await until(told, "the refusal is told")
    assert "site/twilio" in await component.troubled("accessControl")
    await deployments.sends()


def elsewhere(access: dict[str, Any]) -> dict[str, Any]:
    """Give an accessControl that has every topic below `site/`, too."""
    wider = deepcopy(access)
    for service, policies in wider.items():
        if "ipc" in service:
            for policy in policies.values():
                policy["resources"] += [f"site/{each}" for each in policy["resources"]]
    return wider


async def test_the_base_topic_changes_as_soon_as_the_policy_is_there_and_nothing_is_lost(
    deployments: Deployments,
) -> None:
    nucleus, component = deployments.core.nucleus, deployments.component
    deployments.deploy(accessControl=elsewhere(ACCESS))
    place = heard = 0
    while ("pubsub", "site/twilio/txt") not in nucleus.subscriptions(NAME) or place - heard < 20:
        document = text(str(place), number(5), str(place))
        there = await nucleus.publish("site/twilio/txt", document)
        here = 0 if there else await nucleus.publish("twilio/txt", document)
        heard += here
        place += here or there
        await deployments.keeps_up(place)
    wanted = [(number(5), str(each)) for each in range(place)]
    await until(lambda: len(deployments.sent()) >= place, "all are sent")
    assert sorted(deployments.sent()) == sorted(wanted)
    told = {(each.topic, each.payload) for each in nucleus.published}
    assert ("site/twilio/bridge/state", b"online") in told
    states = len(component.said("bridge/state"))
    deployments.deploy(mqtt={"base_topic": "twilio"})
    await until(lambda: component.said("bridge/state")[states:] == [b"online"], "it is back")
    await deployments.sends()
    assert (await component.health())["wrong"] == []


async def test_what_is_not_for_the_gateway_changes_nothing(deployments: Deployments) -> None:
    opened = deployments.opened
    deployments.deploy(accessControl=ACCESS, PythonPath="/usr/bin/python3.13")
    await stays(lambda: deployments.opened == opened, "it goes on", 1.0)


async def test_many_changes_at_once_are_taken_once(deployments: Deployments) -> None:
    opened = deployments.opened
    for place in range(20):
        deployments.deploy(contacts={f"Somebody {place}": number(place)})
        await deployments.component.health()
    await until(lambda: deployments.opened > opened, "the change is noticed")
    await stays(lambda: deployments.opened == opened + 1, "it is taken once", 1.0)


async def test_the_level_of_the_log_changes_at_once(deployments: Deployments) -> None:
    component = deployments.component
    await deployments.sends()
    await until(lambda: component.lines("DEBUG", "request probe"), "it is talkative")
    await deployments.taken(log={"level": "WARNING"})
    before = len(component.lines("DEBUG"))
    await deployments.sends()
    assert len(component.lines("DEBUG")) == before
    deployments.deploy(log={"level": "DEBUG"})
    await until(lambda: component.lines("INFO", "Store:")[-1:], "it is talkative again")
