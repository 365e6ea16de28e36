"""The Twilio token on a Greengrass core: from AWS Secrets Manager, a file or the environment."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from callbox.errors import ConfigError, HostError
from callbox.greengrass.component import Component as InProcess
from callbox.hosts.ipc import Nucleus
from callbox.service import Gateway
from callbox.simulator import Settings
from harness import ACCOUNT, AUTH_TOKEN, PATIENCE, Nursery, judge, number, text, until
from harness.core import ACCESS, ARN, NAME, Core

DARLA = "+12345000000"
NEW_TOKEN = "another-secret-auth-token"
REFUSED = [{"on": "any", "status": 401, "code": 20003}]


async def sends(core: Core) -> None:
    """See that a text is sent and told."""
    await core.nucleus.publish("twilio/txt", text("a", DARLA, "x"))
    assert (await core.component.status("a"))["status"] == "success"
    assert judge(core.simulator, [(DARLA, "x")]).clean


def public(core: Core) -> str:
    """Give all that others may read: the log, and everything that was published."""
    said = [each.payload.decode() for each in (*core.nucleus.published, *core.nucleus.in_cloud)]
    return "\n".join([core.component.log, *said])


@pytest.fixture
async def strict(nursery: Nursery, tmp_path: Path) -> AsyncIterator[Core]:
    """A core whose Twilio believes in the one token only."""
    settings = Settings(credentials={ACCOUNT: AUTH_TOKEN}, account_sid=ACCOUNT)
    async with Core(nursery, tmp_path, settings=settings) as core:
        yield core
        core.check()


@pytest.fixture
async def observed(nursery: Nursery, tmp_path: Path) -> AsyncIterator[Core]:
    """A core whose Twilio takes any token, and remembers who logged in last."""
    async with Core(nursery, tmp_path, settings=Settings(account_sid=ACCOUNT)) as core:
        yield core
        core.check()


def last_token(core: Core) -> str:
    """Give the token of the last login at Twilio."""
    return core.simulator.holder.auth_token


@pytest.mark.parametrize("value", [AUTH_TOKEN, AUTH_TOKEN.encode()], ids=["string", "binary"])
async def test_a_token_alone_in_the_secret_is_used_without_a_word(
    strict: Core, value: str | bytes
) -> None:
    strict.nucleus.secrets[ARN] = value
    await strict.component.serving()
    await sends(strict)
    assert strict.component.lines("Plaintext") == []
    assert await strict.component.stop() == 0
    assert AUTH_TOKEN not in public(strict)


@pytest.mark.parametrize(
    "value",
    [f'"{AUTH_TOKEN}"', json.dumps({"token": AUTH_TOKEN}), f"{AUTH_TOKEN}\n"],
    ids=["quoted", "JSON", "newline"],
)
async def test_a_token_that_is_nearly_alone_is_used_with_a_warning(
    strict: Core, value: str
) -> None:
    strict.nucleus.secrets[ARN] = value
    await strict.component.serving()
    await sends(strict)
    (warning,) = strict.component.lines("WARNING", "Plaintext tab")
    assert "secret:greengrass-TwilioAuthToken-a1B2c3" in warning
    assert await strict.component.stop() == 0
    assert AUTH_TOKEN not in public(strict)


class Attempt:
    """A component in this process, whose first start does not wait long for the secret."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def run(self) -> int:
        """Run it to its end."""
        component = self._core.component
        component.folder.mkdir(parents=True)
        environ = self._core.nucleus.admit(NAME, component.access, component.configuration)
        nucleus = Nucleus(environ)
        await nucleus.open()
        try:
            serving = InProcess(nucleus, environ, component.folder, _nothing, first_secret=0.1)
            return await asyncio.wait_for(serving.run(), PATIENCE)
        finally:
            await nucleus.close()


async def _nothing(_gateway: Gateway) -> None:
    """Have nothing to do beside the gateway."""


def _forbidden(core: Core) -> None:
    core.component.access = {key: ACCESS[key] for key in ACCESS if "Secret" not in key}


def _missing(core: Core) -> None:
    core.nucleus.secrets.clear()


def _lite(core: Core) -> None:
    core.nucleus.lite = True


@pytest.mark.parametrize("without", [_missing, _forbidden, _lite])
async def test_a_first_start_without_the_secret_fails_with_every_remedy(
    core: Core, without: Callable[[Core], None]
) -> None:
    without(core)
    with pytest.raises(HostError) as caught:
        await Attempt(core).run()
    for remedy in ("cloudSecrets", "accessControl", "twilio.auth_token_file", "role"):
        assert remedy in str(caught.value)
    assert not core.component.store.exists(), "the next start is a first one, too"


async def test_a_first_start_with_two_tokens_in_the_secret_fails_with_a_sentence(
    core: Core,
) -> None:
    core.nucleus.secrets[ARN] = json.dumps({"sid": ACCOUNT, "token": AUTH_TOKEN})
    with pytest.raises(ConfigError, match="Plaintext tab") as caught:
        await Attempt(core).run()
    assert AUTH_TOKEN not in str(caught.value)


async def test_a_first_start_waits_a_little_for_the_secret(core: Core) -> None:
    core.nucleus.secrets.clear()
    core.component.start()
    await until(lambda: core.nucleus.secret_requests, "it asks")
    core.nucleus.secrets[ARN] = AUTH_TOKEN
    await until(lambda: core.component.said("bridge/state"), "it serves")
    await sends(core)
    assert await core.component.stop() == 0


@pytest.mark.parametrize("inbound", [{}, {"rules": [{"from": "anyone", "reply": "Hello"}]}])
async def test_a_later_start_without_the_secret_keeps_requests_until_it_is_there(
    strict: Core, inbound: dict[str, object]
) -> None:
    component = strict.component
    component.configuration["inbound"] = inbound
    await component.serving()
    assert await component.stop() == 0
    strict.nucleus.secrets.clear()
    await component.serving()
    asked = [(number(place), "x") for place in range(20)]
    for place in range(20):
        await strict.nucleus.publish("twilio/txt", text(str(place), number(place), "x"))
    trouble = await component.troubled("cloudSecrets")
    assert ARN in trouble
    assert strict.simulator.messages == []
    strict.nucleus.secrets[ARN] = AUTH_TOKEN
    await until(lambda: len(component.told("message/status")) == 20, "all are sent")
    await until(lambda: not component.wrong, "all is well")
    assert judge(strict.simulator, asked).clean
    assert len(component.lines("opening anew")) == 1
    assert await component.stop() == 0


async def test_a_token_that_was_rotated_is_fetched_from_aws_and_each_text_is_sent_once(
    observed: Core,
) -> None:
    component, pid = observed.component, 0
    await component.serving()
    pid = component.pid
    observed.simulator.faults.set(REFUSED)
    asked = [(number(place), "x") for place in range(50)]
    for place in range(50):
        await observed.nucleus.publish("twilio/txt", text(str(place), number(place), "x"))
    asked_aws = len(observed.nucleus.secret_requests)
    await until(lambda: len(observed.nucleus.secret_requests) > asked_aws, "AWS is asked")
    assert not component.lines("opening anew"), "the token is the same"
    observed.nucleus.secrets_in_aws[ARN] = NEW_TOKEN
    await until(lambda: component.lines("opening anew"), "the new token is taken")
    observed.simulator.faults.clear()
    await until(lambda: len(component.told("message/status")) == 50, "all are sent")
    assert last_token(observed) == NEW_TOKEN
    assert judge(observed.simulator, asked).clean
    await until(lambda: not component.wrong, "all is well")
    assert component.pid == pid
    assert await component.stop() == 0
    assert NEW_TOKEN not in public(observed)


async def test_the_cores_copy_will_do_while_aws_cannot_be_asked(observed: Core) -> None:
    await observed.component.serving()
    observed.simulator.faults.set(REFUSED)
    await observed.nucleus.publish("twilio/txt", text("a", DARLA, "x"))
    await observed.component.troubled("20003")
    observed.nucleus.secrets[ARN] = NEW_TOKEN
    await until(lambda: observed.component.lines("opening anew"), "the new token is taken")
    observed.simulator.faults.clear()
    assert (await observed.component.status("a"))["status"] == "success"
    assert last_token(observed) == NEW_TOKEN
    assert await observed.component.stop() == 0


async def test_a_file_counts_more_than_the_secret_and_is_read_again_when_twilio_refuses_it(
    observed: Core, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text(AUTH_TOKEN + "\n")
    observed.nucleus.lite = True
    observed.component.configuration["twilio"]["auth_token_file"] = str(token)
    await observed.component.serving()
    await sends(observed)
    observed.simulator.faults.set(REFUSED)
    await observed.nucleus.publish("twilio/txt", text("b", DARLA, "y"))
    await observed.component.troubled("20003")
    token.write_text(NEW_TOKEN)
    await until(lambda: observed.component.lines("opening anew"), "the new token is taken")
    observed.simulator.faults.clear()
    assert (await observed.component.status("b"))["status"] == "success"
    assert last_token(observed) == NEW_TOKEN
    assert observed.nucleus.secret_requests == []
    assert await observed.component.stop() == 0
    assert NEW_TOKEN not in public(observed)


@pytest.mark.parametrize("name", ["TWILIO_AUTH_TOKEN", "CALLBOX_TWILIO__AUTH_TOKEN"])
async def test_the_token_may_come_from_the_environment(strict: Core, name: str) -> None:
    strict.nucleus.lite = True
    strict.component.configuration["TwilioAuthTokenSecretArn"] = ""
    strict.component.env = {name: AUTH_TOKEN}
    await strict.component.serving()
    await sends(strict)
    assert strict.nucleus.secret_requests == []
    assert await strict.component.stop() == 0
    assert AUTH_TOKEN not in public(strict)


async def test_without_any_token_it_ends_with_what_to_set(core: Core) -> None:
    core.component.configuration["TwilioAuthTokenSecretArn"] = ""
    core.component.start()
    assert await core.component.ended() == 2
    assert "TwilioAuthTokenSecretArn" in core.component.log
    assert "auth_token_file" in core.component.log


async def test_every_fault_of_the_first_configuration_is_told_at_once(core: Core) -> None:
    configuration = core.component.configuration
    configuration |= {"IsolationMode": "Docker", "limits": {"per_day": "many"}, "nonsense": 1}
    core.component.start()
    assert await core.component.ended() == 2
    for word in ("IsolationMode", "limits.per_day", "nonsense"):
        assert len(core.component.lines(word)) == 1


async def test_an_update_to_a_secret_that_is_not_there_waits_for_it(observed: Core) -> None:
    component, other = observed.component, ARN.replace("Token-a1B2c3", "Other-a1B2c3")
    component.access = json.loads(json.dumps(ACCESS).replace(ARN, "*"))
    await component.serving()
    observed.nucleus.configure(NAME, {"TwilioAuthTokenSecretArn": other})
    await component.troubled(other)
    await sends(observed)
    observed.nucleus.secrets[other] = NEW_TOKEN
    await until(lambda: not component.wrong, "all is well")
    await observed.nucleus.publish("twilio/txt", text("b", DARLA, "y"))
    await component.status("b")
    assert last_token(observed) == NEW_TOKEN
    assert await component.stop() == 0


async def test_a_token_rotated_while_nothing_is_sent_is_noticed_when_texts_are_asked_for(
    observed: Core,
) -> None:
    component = observed.component
    component.configuration["inbound"] = {"idle_interval": 0.2}
    await component.serving()
    observed.nucleus.secrets_in_aws[ARN] = NEW_TOKEN
    observed.simulator.faults.set(REFUSED)
    await until(lambda: component.lines("opening anew"), "the new token is taken")
    observed.simulator.faults.clear()
    await until(lambda: last_token(observed) == NEW_TOKEN, "it is used")
    assert await component.stop() == 0


async def test_a_mended_configuration_does_not_hide_that_the_secret_is_still_missing(
    strict: Core,
) -> None:
    component = strict.component
    await component.serving()
    assert await component.stop() == 0
    strict.nucleus.secrets.clear()
    await component.serving()
    await component.troubled("cloudSecrets")
    assert not component.lines("core's copy")
    strict.nucleus.configure(NAME, {"limits": {"per_day": "many"}})
    await component.troubled("The new configuration is not taken")
    strict.nucleus.configure(NAME, {"limits": {"per_day": "5"}})
    await until(lambda: len(component.lines("opening anew")) == 1, "it is taken")
    await component.troubled("cloudSecrets")
    strict.nucleus.secrets[ARN] = AUTH_TOKEN
    await sends(strict)
    await until(lambda: not component.wrong, "all is well")
    assert await component.stop() == 0
