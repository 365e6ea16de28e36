"""Other people's tests with the simulator: the pytest plugin, as its page shows it."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from twilio.base.exceptions import TwilioRestException

from callbox.config import load_config
from callbox.simulator import BadOrder
from callbox.simulator.twin import SimulatedTwilio, simulated_twilio

DARLA = "+12065550100"
PAGE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()
CONFTEST, THEIRS = re.findall(r"```python\n(# conftest.py\n.*?|def test_.*?)```", PAGE, re.DOTALL)
TRIAL = """
import dataclasses
import pytest
from callbox.simulator.twin import QUICK

@pytest.fixture
def twilio_settings():
    return dataclasses.replace(QUICK, trial=True)

def test_a_trial_account_says_so(twilio_simulator):
    client = twilio_simulator.client()
    client.messages.create(to="+12065550100", from_=twilio_simulator.number, body="Full")
    assert twilio_simulator.texts() == ["Sent from your Twilio trial account - Full"]
"""


async def test_the_plugin_serves_somebody_elses_tests_as_its_page_shows(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_theirs.py").write_text(THEIRS)
    (tmp_path / "test_trial.py").write_text(TRIAL)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:asyncio"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    assert b"4 passed" in out


class Webhook(BaseHTTPRequestHandler):
    """A program that is told of texts."""

    told: ClassVar[list[dict[str, str]]] = []

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        self.told.append(dict(parse_qsl(self.rfile.read(size).decode())))
        answer = b"<Response><Message>Fine</Message></Response>"
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_text_reaches_the_webhook_and_its_answer_the_phone() -> None:
    with HTTPServer(("127.0.0.1", 0), Webhook) as server, simulated_twilio() as twilio:
        Thread(target=server.serve_forever, daemon=True).start()
        twilio.webhook(texts=f"http://127.0.0.1:{server.server_port}/sms")
        message = twilio.text(DARLA, "Is the tank full?")
        server.shutdown()
        assert (message["status"], message["direction"]) == ("received", "inbound")
        assert Webhook.told[-1]["Body"] == "Is the tank full?"
        assert twilio.texts(DARLA) == ["Fine"]
        assert [each["status"] for each in twilio.webhooks()] == [200]


def test_a_call_is_told_where_calls_are_told() -> None:
    with HTTPServer(("127.0.0.1", 0), Webhook) as server, simulated_twilio() as twilio:
        Thread(target=server.serve_forever, daemon=True).start()
        twilio.webhook(calls=f"http://127.0.0.1:{server.server_port}/voice")
        call = twilio.call(DARLA)
        server.shutdown()
        assert (call["direction"], Webhook.told[-1]["CallSid"]) == ("inbound", call["sid"])


def test_a_region_of_twilios_in_the_environment_leads_no_test_to_the_real_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TWILIO_EDGE", "dublin")
    monkeypatch.setenv("TWILIO_REGION", "ie1")
    with simulated_twilio() as twilio:
        _send(twilio)
        assert twilio.texts(DARLA) == ["Full"]


def _send(twilio: SimulatedTwilio) -> None:
    twilio.client().messages.create(to=DARLA, from_=twilio.number, body="Full")


def test_faults_and_outcomes_are_dialled_by_a_line_each() -> None:
    with simulated_twilio() as twilio:
        twilio.faults({"on": "create", "status": 503})
        with pytest.raises(TwilioRestException, match="503"):
            _send(twilio)
        twilio.faults()
        twilio.outcome(DARLA, status="undelivered", error_code=30003)
        _send(twilio)
        [sent] = twilio.sent()
        message = twilio.client().messages(sent["sid"]).fetch()
        assert (message.status, message.error_code) == ("undelivered", 30003)
        with pytest.raises(BadOrder, match="status"):
            twilio.outcome(DARLA, status="lost in the post")


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (lambda twilio: twilio.text("Darla", "Hi"), '"from" must be a phone number, not'),
        (lambda twilio: twilio.text(DARLA, "Hi", mood=3), '"mood" is unknown; known are from, to'),
        (lambda twilio: twilio.call(DARLA, digit="1"), '"digit" is unknown; known are from, to'),
        (lambda twilio: twilio.outcome(DARLA, stauts="busy"), '"stauts" is unknown; known are'),
        (lambda twilio: twilio.outcome(DARLA, error_code="30003"), '"error_code" must be a whole'),
        (
            lambda twilio: twilio.webhook(texts="http://127.0.0.1:9/", number="+19995550100"),
            "\"number\" must be a number of the account, not '+19995550100'.",
        ),
    ],
)
def test_a_slip_in_a_test_is_told_in_one_sentence(
    order: Callable[[SimulatedTwilio], object], said: str
) -> None:
    with simulated_twilio() as twilio, pytest.raises(BadOrder) as caught:
        order(twilio)
    assert str(caught.value).startswith(said)


async def test_an_asynchronous_test_serves_the_webhook_itself() -> None:
    async def sms(_: web.Request) -> web.Response:
        answer = "<Response><Message>Hello yourself</Message></Response>"
        return web.Response(text=answer, content_type="text/xml")

    application = web.Application()
    application.router.add_post("/sms", sms)
    async with TestServer(application) as server:
        with simulated_twilio() as twilio:
            twilio.webhook(texts=str(server.make_url("/sms")))
            await asyncio.to_thread(twilio.text, DARLA, "Hello")
            assert twilio.texts(DARLA) == ["Hello yourself"]


def test_whoever_uses_the_simulator_without_pytest_does_not_load_it() -> None:
    look = "import sys, callbox.simulator.twin, callbox.service; print('pytest' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", look], text=True) == "False\n"


def test_its_environment_is_what_a_gateway_needs(tmp_path: Path) -> None:
    with simulated_twilio() as twilio:
        config = load_config(None, {**twilio.environment, "XDG_STATE_HOME": str(tmp_path)})
    assert config.twilio.base_url == twilio.url
    assert not config.twilio.really_twilio
