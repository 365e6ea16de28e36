"""Whatever is sent to the simulator, it answers as Twilio would: never with a fault of its own."""

import asyncio
import base64
import io
import logging
from collections.abc import AsyncIterator
from urllib.parse import quote_from_bytes, urlencode

import pytest
from aiohttp import ClientSession
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from callbox.simulator import Simulator
from callbox.simulator.api.parameters import CALL, MESSAGE
from harness.sdk import ACCOUNT, session

BASE = f"/2010-04-01/Accounts/{ACCOUNT}"
DOCS = "https://www.twilio.com/docs/errors"
TEXT = {"To": "+15551234567", "From": "+15005550006", "Body": "The tank is full"}
CALL_FORM = {"To": "+15551234567", "From": "+15005550006", "Url": "https://example.org/say.xml"}
WRONG = "Your AccountSid or AuthToken was incorrect."


@pytest.fixture
async def http(sim: Simulator) -> AsyncIterator[ClientSession]:
    async with session(sim) as client:
        yield client


REAL_BODIES = [
    (
        {"To": "+15005550001"},
        400,
        21211,
        "The 'To' number +15005550001 is not a valid phone number.",
    ),
    ({"To": "+15005550004"}, 400, 21610, "The message From/To pair violates a blacklist rule."),
    ({"To": "+15005550009"}, 400, 21614, "To number: +15005550009, is not a mobile number"),
]


@pytest.mark.parametrize(("asked", "status", "code", "message"), REAL_BODIES)
async def test_error_bodies_are_those_that_were_recorded_from_twilio(
    http: ClientSession, asked: dict[str, str], status: int, code: int, message: str
) -> None:
    answer = await http.post(f"{BASE}/Messages.json", data=TEXT | asked)
    assert (answer.status, answer.content_type) == (status, "application/json")
    assert await answer.json() == {
        "code": code,
        "message": message,
        "more_info": f"{DOCS}/{code}",
        "status": status,
    }


async def test_a_resource_that_is_not_there_is_named(http: ClientSession) -> None:
    path = f"{BASE}/Messages/SM{'0' * 32}.json"
    answer = await http.get(path)
    assert await answer.json() == {
        "code": 20404,
        "message": f"The requested resource {path} was not found",
        "more_info": f"{DOCS}/20404",
        "status": 404,
    }


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("AvailablePhoneNumbers/US/Local.json", ": AvailablePhoneNumbers is not simulated"),
        ("SMS/Messages.json", ": SMS is not simulated"),
        ("Pigeons.json", ": Pigeons is not simulated"),
        ("Messages/SM123.json", ""),
        ("Messages/SM123/Media.json", ""),
    ],
)
async def test_what_is_not_simulated_is_told_from_what_is_not_there(
    http: ClientSession, path: str, hint: str
) -> None:
    answer = await http.get(f"{BASE}/{path}")
    message = f"The requested resource {BASE}/{path} was not found{hint}"
    assert (answer.status, (await answer.json())["message"]) == (404, message)


async def test_wrong_credentials_have_a_detail(sim: Simulator) -> None:
    async with session(sim, user="AC" + "d" * 32) as http:
        answer = await http.get(f"{BASE}.json")
        assert await answer.json() == {
            "code": 20003,
            "detail": WRONG,
            "message": "Authenticate",
            "more_info": f"{DOCS}/20003",
            "status": 401,
        }


async def test_a_malformed_account_is_not_found_and_a_foreign_one_not_opened(
    http: ClientSession,
) -> None:
    for account, status in (("abcd12345xyz", 404), ("AC" + "d" * 32, 401)):
        answer = await http.get(f"/2010-04-01/Accounts/{account}/Messages.json")
        assert answer.status == status


WRONG_VALUES = [
    ("Messages", "MaxPrice", "dear", 21627),
    ("Messages", "ContentVariables", "{", 21656),
    ("Messages", "ContentVariables", "[1]", 21656),
    ("Messages", "ContentVariables", "[" * 9999, 21656),
    ("Messages", "ContentVariables", '{"1": "full"}', 21654),
    ("Messages", "ValidityPeriod", "0", 21624),
    ("Messages", "ValidityPeriod", "36001", 21624),
    ("Messages", "ValidityPeriod", "9" * 5000, 21624),
    ("Messages", "ValidityPeriod", "soon", 21624),
    ("Messages", "StatusCallback", "nowhere", 21609),
    ("Messages", "MediaUrl", "https://example.org/\x00", 21620),
    ("Calls", "Timeout", "0", 21208),
    ("Calls", "Timeout", "601", 21208),
    ("Calls", "Timeout", "-1", 21208),
    ("Calls", "Timeout", "long", 21208),
    ("Calls", "Timeout", "9" * 5000, 21208),
    ("Calls", "SendDigits", "12E", 21206),
    ("Calls", "SendDigits", "1" * 33, 21206),
    ("Calls", "StatusCallbackMethod", "PUT", 21209),
    ("Calls", "FallbackMethod", "PUT", 21209),
    ("Calls", "FallbackUrl", "nowhere", 21205),
    ("Calls", "RecordingStatusCallback", "nowhere", 21205),
    ("Calls", "MachineDetection", "maybe", 21234),
    ("Calls", "MachineDetectionTimeout", "2", 21234),
    ("Calls", "MachineDetectionSpeechThreshold", "999", 21234),
    ("Calls", "MachineDetectionSpeechEndThreshold", "5001", 21234),
    ("Calls", "MachineDetectionSilenceTimeout", "1999", 21234),
    ("Calls", "SipAuthUsername", "x" * 256, 21221),
    ("Calls", "SipAuthPassword", "x" * 256, 21223),
    ("Calls", "TimeLimit", "0", 20001),
]


@pytest.mark.parametrize(("resource", "name", "value", "code"), WRONG_VALUES)
async def test_a_value_that_cannot_be_is_refused_with_twilios_code(
    sim: Simulator, http: ClientSession, resource: str, name: str, value: str, code: int
) -> None:
    form = (TEXT if resource == "Messages" else CALL_FORM) | {name: value}
    answer = await http.post(f"{BASE}/{resource}.json", data=form)
    assert (answer.status, (await answer.json())["code"]) == (400, code)
    assert len(sim.log) == 0


async def test_every_parameter_with_a_rule_has_a_value_that_breaks_it(http: ClientSession) -> None:
    for resource, rules, form in (("Messages", MESSAGE, TEXT), ("Calls", CALL, CALL_FORM)):
        for name, (_, code) in rules.items():
            value = "\x00" * 300
            answer = await http.post(f"{BASE}/{resource}.json", data=form | {name: value})
            assert (answer.status, (await answer.json())["code"]) == (400, code), name


LISTS = ("Messages", "Calls", "IncomingPhoneNumbers", "IncomingPhoneNumbers/Local")


@pytest.mark.parametrize("resource", LISTS)
async def test_a_page_can_be_too_large(http: ClientSession, resource: str) -> None:
    for size, status in ((1000, 200), (1001, 400)):
        answer = await http.get(f"{BASE}/{resource}.json?PageSize={size}")
        assert answer.status == status
    assert (await answer.json())["code"] == 20007


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/Messages.json"),
        ("PATCH", "/Calls.json"),
        ("DELETE", "/Messages.json"),
        ("DELETE", "/Balance.json"),
        ("POST", "/Balance.json"),
        ("GET", f"/Messages/SM{'0' * 32}/Feedback.json"),
        ("PUT", ".json"),
    ],
)
async def test_a_method_that_is_not_served_is_not_allowed(
    http: ClientSession, method: str, path: str
) -> None:
    answer = await http.request(method, BASE + path)
    assert (answer.status, (await answer.json())["code"]) == (405, 20004)


async def test_what_may_be_asked_is_told_to_whoever_asks_before_logging_in(
    sim: Simulator,
) -> None:
    async with ClientSession(sim.url) as nobody:
        answer = await nobody.options(f"{BASE}/Messages.json")
        assert (answer.status, await answer.read()) == (204, b"")
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST, DELETE, OPTIONS"


async def test_a_head_has_the_headers_of_the_get_and_no_body(http: ClientSession) -> None:
    answer = await http.head(f"{BASE}/Messages.json")
    assert (answer.status, await answer.read()) == (200, b"")
    assert answer.headers["Twilio-Request-Id"].startswith("RQ")


@pytest.mark.parametrize("path", ["", "/Messages", "/Calls", "/Balance"])
async def test_without_json_at_the_end_the_answer_says_what_to_ask_for(
    http: ClientSession, path: str
) -> None:
    answer = await http.get(BASE + path)
    document = await answer.json()
    assert (answer.status, document["code"]) == (404, 20404)
    assert f"ask for {BASE}{path}.json" in document["message"]


@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", "multipart/form-data; boundary=x", "zebra"]
)
async def test_a_body_that_is_no_form_has_no_parameters(
    sim: Simulator, http: ClientSession, content_type: str
) -> None:
    headers = {"Content-Type": content_type}
    body = "To=%2B15551234567&From=%2B15005550006&Body=x"
    answer = await http.post(f"{BASE}/Messages.json", data=body, headers=headers)
    assert (answer.status, (await answer.json())["code"]) == (400, 21604)
    assert len(sim.messages) == 0


async def test_a_body_that_is_too_large_is_refused_and_the_next_one_taken(
    http: ClientSession,
) -> None:
    large = io.BytesIO(b"Body=" + b"x" * 2_000_000)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await http.post(f"{BASE}/Messages.json", data=large, headers=headers)
    assert (answer.status, (await answer.json())["status"]) == (413, 413)
    answer = await http.post(f"{BASE}/Messages.json", data=TEXT)
    assert answer.status == 201


async def test_a_body_that_cannot_be_read_is_refused_not_stumbled_over(http: ClientSession) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"}
    answer = await http.post(f"{BASE}/Messages.json", data=b"To=%2B1", headers=headers)
    assert (answer.status, (await answer.json())["status"]) == (400, 400)


@pytest.mark.parametrize("request_line", [b"FOO / HTTP/1.1", b"GET /" + b"x" * 9000, b"\xff\x00"])
async def test_what_is_no_http_is_refused_without_an_outcry(
    sim: Simulator, caplog: pytest.LogCaptureFixture, request_line: bytes
) -> None:
    host = URL(sim.url)
    for again in (b"", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        reader, writer = await asyncio.open_connection(host.host, host.port)
        writer.write(again + request_line + b"\r\n\r\n")
        assert b" 400 " in await reader.read()
        writer.close()
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("resource", LISTS)
async def test_a_page_far_behind_the_end_is_empty(http: ClientSession, resource: str) -> None:
    answer = await http.get(f"{BASE}/{resource}.json?Page={'9' * 15}&PageSize=1000")
    shown = await answer.json()
    assert (answer.status, shown["page"], shown["next_page_uri"]) == (200, 10**15 - 1, None)
    answer = await http.get(f"{BASE}/{resource}.json?Page={'9' * 18}&PageSize=1000")
    assert (answer.status, (await answer.json())["page"]) == (200, 0)


Body = dict[str, str] | bytes
NAMES = sorted(
    {
        *("To", "From", "Body", "MediaUrl", "Url", "Twiml", "ValidityPeriod", "StatusCallback"),
        *("PageSize", "Page", "PageToken", "DateSent", "DateSent<", "StartTime>", "DateCreated"),
        *("PhoneNumber", "AreaCode", "AccountSid", "FriendlyName", "Status", "Outcome", "Beta"),
        *MESSAGE,
        *CALL,
    }
)
VALUES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "",
            "0",
            "-1",
            "9" * 15,
            "9" * 18,
            "9" * 20,
            "true",
            "canceled",
            "2026-09-21",
            "0001-01-01",
        ]
    ),
    st.sampled_from(
        ["+15551234567", "+15005550006", "whatsapp:", "sip:x", "client:", "9999-12-31"]
    ),
    st.from_regex(r"(AC|SM|PA|PASM|MG|AP)[0-9a-f]{32}", fullmatch=True),
)
PATHS = st.sampled_from(
    [
        "/2010-04-01/Accounts.json",
        f"{BASE}.json",
        *(f"{BASE}/{name}.json" for name in (*LISTS, "Balance", "Messages/{sid}", "Calls/{sid}")),
        *(f"{BASE}/Messages/{{sid}}/{name}" for name in ("Media.json", "Feedback.json", "Media")),
        f"{BASE}/IncomingPhoneNumbers/{{number}}.json",
        "/v2/Flows/FW" + "0" * 32 + "/Executions",
        "/%00/..//Accounts",
    ]
)
FORMS = st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=9)), VALUES, max_size=9)
BODIES = st.one_of(FORMS, FORMS.map(lambda form: TEXT | form), st.binary(max_size=99))
TYPES = st.sampled_from([None, "application/x-www-form-urlencoded", "application/json", "x", ""])
METHODS = st.sampled_from(["GET", "POST", "POST", "DELETE", "HEAD", "PUT", "OPTIONS"])


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(method=METHODS, path=PATHS, body=BODIES, content_type=TYPES)
async def test_no_request_whatever_makes_the_simulator_fail(
    sim: Simulator, method: str, path: str, body: Body, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    sid = sim.messages[-1].sid if sim.messages else "SM" + "0" * 32
    number = next((each.sid for each in sim._board.numbers.values()), sid)
    path = path.format(sid=sid, number=number)
    written = body if isinstance(body, bytes) else urlencode(body).encode()
    if method != "POST":
        path, written = f"{path}?{quote_from_bytes(written, safe='=&%+')}", b""
    async with session(sim) as http:
        url = URL(sim.url + path, encoded=True)
        answer = await http.request(method, url, headers=headers, data=written)
        assert answer.status < 500, await answer.text()


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(credentials=st.one_of(st.binary(max_size=60), st.just(f"{ACCOUNT}:token".encode())))
async def test_no_login_whatever_makes_the_simulator_fail(
    sim: Simulator, credentials: bytes
) -> None:
    headers = {"Authorization": f"Basic {base64.b64encode(credentials).decode()}"}
    async with ClientSession(sim.url, headers=headers) as http:
        for path in (f"{BASE}.json", "/2010-04-01/Accounts.json"):
            answer = await http.get(path)
            assert answer.status in {200, 401}
