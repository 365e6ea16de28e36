"""The account's numbers: whose their webhooks are, what is changed, and what is remembered."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from callbox.errors import StoreError
from callbox.twilio.client import Credentials, TwilioProvider
from callbox.twilio.numbers import (
    Change,
    NotTold,
    Number,
    Numbers,
    Place,
    masked,
)
from callbox.twilio.originals import Originals
from callbox.twilio.transport import Transport

ACCOUNT = "AC" + "a" * 32
SERVICE = "MG" + "c" * 32
PHONE = "+15005550006"
HERE = Place("https://callbox.example.com")
SECRET = Place("https://callbox.example.com", ("indigo", "a:b/c@d"))
BLANK = {
    "sms_url": "",
    "sms_method": "POST",
    "voice_url": "",
    "voice_method": "POST",
    "status_callback": "",
    "status_callback_method": "POST",
}


def number(**values: str) -> Number:
    return Number("PN1", PHONE, ("SMS", "voice"), BLANK | values, {})


def document(**fields: object) -> dict[str, object]:
    return {
        "sid": "PN" + "1" * 32,
        "phone_number": PHONE,
        "capabilities": {"sms": True, "mms": False, "voice": True},
        **BLANK,
        **fields,
    }


@asynccontextmanager
async def twilio(answers: dict[str, Any]) -> AsyncIterator[Numbers]:
    """Be Twilio as far as the end of a path says; a number is an HTTP status without a body."""

    async def answer(request: web.Request) -> web.Response:
        found = next((each for end, each in answers.items() if request.path.endswith(end)), 404)
        if isinstance(found, int):
            return web.json_response({"code": 20404, "message": "Not found"}, status=found)
        return web.json_response(found)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    transport = Transport(connect_timeout=5, read_timeout=5, most=5)
    provider = TwilioProvider(transport, Credentials(ACCOUNT, ACCOUNT, "token"), url)
    try:
        yield Numbers(provider.client, url)
    finally:
        await transport.close()
        await runner.cleanup()


def service(*, defers: bool) -> dict[str, Any]:
    member = {"phone_number": PHONE, "sid": "PN" + "1" * 32}
    return {
        SERVICE: {
            "sid": SERVICE,
            "inbound_request_url": "https://elsewhere.example.com/sms",
            "use_inbound_webhook_on_number": defers,
        },
        f"{SERVICE}/PhoneNumbers": {
            "phone_numbers": [member],
            "meta": {"key": "phone_numbers", "next_page_url": None},
        },
    }


# where it points


def test_both_texts_and_calls_come_here_with_retries() -> None:
    assert HERE.values("texts") == {
        "sms_url": "https://callbox.example.com/twilio/sms#rc=2&rp=all",
        "sms_method": "POST",
    }
    assert HERE.values("calls") == {
        "voice_url": "https://callbox.example.com/twilio/voice#rc=2&rp=all",
        "voice_method": "POST",
        "status_callback": "https://callbox.example.com/twilio/status#rc=2&rp=all",
        "status_callback_method": "POST",
    }


def test_user_and_password_are_quoted_and_shown_without_the_password() -> None:
    url = SECRET.values("texts")["sms_url"]
    assert url == "https://indigo:a%3Ab%2Fc%40d@callbox.example.com/twilio/sms#rc=2&rp=all"
    assert masked(url) == "https://indigo:***@callbox.example.com/twilio/sms#rc=2&rp=all"
    assert "a:b" not in repr(SECRET)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:p@ss@example.com/x", "https://u:***@example.com/x"),
        ("https://u:@example.com", "https://u:***@example.com"),
        ("https://example.com:8443/a@b", "https://example.com:8443/a@b"),
        ("https://[::1:x", "https://[::1:x"),
        ("", ""),
    ],
)
def test_only_passwords_are_masked(url: str, shown: str) -> None:
    assert masked(url) == shown


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("https://callbox.example.com/twilio/sms", True),
        ("https://CALLBOX.example.com:443/twilio/sms#rc=5", True),
        ("https://u:p@callbox.example.com/twilio/sms", True),
        ("http://callbox.example.com/twilio/sms", False),
        ("https://callbox.example.com/twilio/voice", False),
        ("https://callbox.example.com:8443/twilio/sms", False),
        ("https://elsewhere.example.com/twilio/sms", False),
        ("https://[::1:x/twilio/sms", False),
        ("", False),
    ],
)
def test_what_leads_to_this_gateway(url: str, here: bool) -> None:
    assert HERE.is_at(url, "sms_url") is here


def test_what_leads_here_and_would_be_refused_is_a_fault() -> None:
    right = SECRET.values("texts")
    assert SECRET.fault(right, "texts") == ""
    assert "webhook_password" in SECRET.fault(HERE.values("texts"), "texts")
    assert "by GET" in SECRET.fault(right | {"sms_method": "GET"}, "texts")


def test_only_what_differs_is_changed() -> None:
    change = Change.to(number(sms_method="GET", voice_url="x"), HERE.values("texts"))
    assert change.values == HERE.values("texts")
    assert Change.to(number(**HERE.values("texts")), HERE.values("texts")).values == {}
    assert Change.to(number(), {"sms_method": "", "sms_url": ""}).values == {}


# what Twilio says


async def test_a_number_is_read_with_who_has_its_texts_and_calls() -> None:
    listed = [
        document(),
        document(sms_application_sid="AP1", voice_application_sid="AP2", trunk_sid="TK1"),
        document(voice_application_sid="AP2", voice_url=None),
    ]
    async with twilio({"Numbers.json": {"incoming_phone_numbers": listed}}) as numbers:
        plain, owned, application = await numbers.every()
    assert plain.abilities == ("SMS", "voice")
    assert plain.owner("texts") is None
    assert owned.owner("texts") == "TwiML application AP1"
    assert owned.owner("calls") == "trunk TK1"
    assert application.owner("calls") == "TwiML application AP2"
    assert application.values["voice_url"] == ""


async def test_a_change_that_twilio_takes_and_does_not_make_is_told() -> None:
    change = Change.to(number(), HERE.values("texts"))
    async with twilio({".json": document()}) as numbers:
        with pytest.raises(NotTold, match="did not make it"):
            await numbers.change(change)
    async with twilio({".json": document(**HERE.values("texts"))}) as numbers:
        await numbers.change(change)


async def test_a_messaging_service_has_the_texts_of_its_numbers() -> None:
    async with twilio(service(defers=False)) as numbers:
        found = await numbers.service(SERVICE)
    assert found.members == {PHONE}
    owned = replace(number(sms_url="https://callbox.example.com/twilio/sms"), service=found)
    assert owned.owner("texts") == f"messaging service {SERVICE}"
    assert owned.owner("calls") is None
    assert owned.url("texts") == "https://elsewhere.example.com/sms"


async def test_a_messaging_service_that_defers_to_its_numbers_has_none() -> None:
    async with twilio(service(defers=True)) as numbers:
        assert (await numbers.service(SERVICE)).members == frozenset()


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({}, "code 20404"),
        ({".json": [1]}, "Something else answers"),
        ({".json": {"incoming_phone_numbers": [{}]}}, "Something else answers"),
    ],
)
async def test_whatever_answers_instead_is_a_sentence(answers: dict[str, Any], words: str) -> None:
    async with twilio(answers) as numbers:
        with pytest.raises(NotTold, match=words):
            await numbers.every()


# what is remembered


def test_the_oldest_value_is_remembered_until_it_is_put_back(tmp_path: Path) -> None:
    store = tmp_path / "new" / "callbox.sqlite3"
    Originals(store).remember([Change.to(number(sms_url="https://first"), HERE.values("texts"))])
    ours = HERE.values("texts") | {"voice_url": "https://second"}
    Originals(store).remember([Change.to(number(**ours), SECRET.values("texts"))])
    Originals(store).remember([Change.to(number(**ours), HERE.values("calls"))])
    kept = Originals(store)
    assert kept.before(PHONE)["sms_url"] == "https://first"
    assert kept.before(PHONE)["voice_url"] == "https://second"
    assert kept.ours(PHONE)["sms_url"] == SECRET.values("texts")["sms_url"]
    kept.forget(PHONE)
    assert Originals(store).numbers == ()


def test_the_file_is_for_this_user_only(tmp_path: Path) -> None:
    store = tmp_path / "callbox.sqlite3"
    originals = Originals(store)
    originals.remember([Change.to(number(), SECRET.values("texts"))])
    assert originals.path == tmp_path / "callbox.sqlite3.webhooks.json"
    assert originals.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [originals.path.name]


@pytest.mark.parametrize("text", ["", "[]", "7", json.dumps({PHONE: {"before": {}}})])
def test_a_broken_file_is_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.webhooks.json").write_text(text)
    with pytest.raises(StoreError, match="repair it"):
        Originals(tmp_path / "s")


def test_a_disk_that_does_not_take_it_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        Originals(tmp_path / "file" / "store")
