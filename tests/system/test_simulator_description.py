"""All that Twilio's own description knows is served as it says: these tests are made from it."""

import re
from collections.abc import AsyncIterator, Iterable
from urllib.parse import parse_qsl, urlsplit

import pytest
from aiohttp import ClientResponse, ClientSession

from callbox.simulator import Simulator
from harness import description
from harness.description import BASE as ACCOUNTS
from harness.description import Description, Operation, Spec
from harness.sdk import ACCOUNT, session

API = description.load()
BASE = f"{ACCOUNTS}/{ACCOUNT}"
TEXT = {"To": "+15551234567", "From": "+15557654321", "Body": "The tank is full"}
CALL = {"To": "+15551234567", "From": "+15557654321", "Url": "https://example.org/say.xml"}
NEW_NUMBER = {"PhoneNumber": "+14155550123"}
FORMS = {
    "CreateMessage": TEXT,
    "CreateCall": CALL,
    "UpdateCall": {"Url": "https://example.org/next.xml"},
    "CreateIncomingPhoneNumber": NEW_NUMBER,
    "CreateIncomingPhoneNumberLocal": NEW_NUMBER,
    "CreateIncomingPhoneNumberMobile": NEW_NUMBER,
    "CreateIncomingPhoneNumberTollFree": {"PhoneNumber": "+18335550123"},
}
"""What is asked with, at the least, by operation."""
SAMPLES: dict[str, tuple[str, ...]] = {
    "To": ("+15551234567",),
    "From": ("+15557654321",),
    "PhoneNumber": ("+14155550124",),
    "AreaCode": ("415",),
    "AccountSid": (ACCOUNT,),
    "ApiVersion": ("2010-04-01", "2008-08-01"),
    "FriendlyName": ("Boiler room",),
    "CreateMessage.Body": ("The tank is empty",),
    "UpdateMessage.Body": ("",),
    "MediaUrl": ("https://example.org/a.jpg",),
    "PersistentAction": ("mailto:test@example.com",),
    "StatusCallbackEvent": ("initiated", "ringing", "answered", "completed"),
    "Origin": ("twilio", "hosted"),
    "RecordingStatusCallback": ("https://example.org/recorded",),
    "RecordingStatusCallbackEvent": ("in-progress", "completed", "absent"),
    "SendDigits": ("W1234#", "0*w"),
    "Timeout": ("1", "60", "600"),
    "ValidityPeriod": ("1", "36000"),
    "MachineDetection": ("Enable", "DetectMessageEnd", "enable"),
    "MachineDetectionTimeout": ("15",),
    "MachineDetectionSpeechThreshold": ("3000",),
    "MachineDetectionSpeechEndThreshold": ("3000",),
    "MachineDetectionSilenceTimeout": ("3000",),
    "ContentVariables": ('{"1": "tank"}',),
    "MaxPrice": ("0.05",),
    "Twiml": ("<Response><Hangup/></Response>",),
    "PageToken": (),
}
"""What may be sent, by parameter; of any other the description says enough."""
WITH = {
    "ScheduleType": {"SendAt": "2026-09-22T12:00:00Z", "MessagingServiceSid": "MG" + "c" * 32},
    "ContentVariables": {"ContentSid": "HX" + "c" * 32},
}
"""What a parameter cannot be sent without."""
DATES = (
    "2008-01-02",
    "2026-09-21T14:13:20Z",
    "2019-06-11 22:05:25.000",
    "06/11/2019 22:05:25 MST",
    "Wed, 19 Jun 2019 22:04:00 -0000",
)
BY_TYPE = {"date-time": DATES, "boolean": ("true", "false"), "uri": ("https://example.org/x",)}
REQUIRED = {
    ("CreateMessage", "To"): 21604,
    ("CreateCall", "To"): 21201,
    ("CreateCall", "From"): 21213,
    ("CreateIncomingPhoneNumberLocal", "PhoneNumber"): 21421,
    ("CreateIncomingPhoneNumberMobile", "PhoneNumber"): 21421,
    ("CreateIncomingPhoneNumberTollFree", "PhoneNumber"): 21421,
}
WRONG_WORDS = {
    ("Call", "ApplicationSid"): 21218,
    ("Call", "Method"): 21209,
    ("IncomingPhoneNumber", "AccountSid"): 21470,
    ("IncomingPhoneNumber", "Method"): 21403,
    ("Message", "AddressRetention"): 30030,
    ("Message", "ApplicationSid"): 21218,
    ("Message", "ContentRetention"): 30029,
    ("Message", "ContentSid"): 21655,
    ("Message", "MessagingServiceSid"): 21705,
    ("Message", "ScheduleType"): 35126,
    ("UpdateAccount", "Status"): 21475,
}
"""Twilio's code for a word that is none of the described, by the ends of operation and parameter;
every other is 20001."""
BROKEN_FORMS: dict[tuple[str, str], Spec] = {
    ("CreateMessage", "create"): {"To": "+14155552344"},
    ("CreateMessage", "createWoService"): {"To": "+14155552344"},
    ("CreateMessage", "createWithQueuedStatus"): {"To": "+14155552344"},
    ("CreateMessage", "createScheduledMessageSms"): WITH["ScheduleType"],
    ("CreateMessage", "createScheduledMessageMms"): WITH["ScheduleType"],
    ("CreateMessage", "createScheduledMessageWhatsapp"): {
        "To": "whatsapp:+15558675310",
        **WITH["ScheduleType"],
    },
    ("CreateCall", "create"): {"To": "+12345678900", "SendDigits": "1234"},
    ("CreateCall", "createWithTwiml"): {"To": "+12345678900", "SendDigits": "1234"},
}
"""Twilio's examples that Twilio itself would refuse (to oneself, a number that is too short,
`send_digits` for digits, no date), and what makes them good."""
BROKEN_ANSWERS = {
    ("FetchIncomingPhoneNumber", "fetch"),
    ("UpdateIncomingPhoneNumber", "update"),
    ("ListIncomingPhoneNumber", "readFull"),
    ("ListIncomingPhoneNumberLocal", "readFull"),
    ("ListIncomingPhoneNumberMobile", "readFull"),
    ("ListIncomingPhoneNumberTollFree", "readFull"),
}
"""Twilio's examples that do not fit its own description: their application SIDs are empty."""


def of(operations: Iterable[Operation]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("operation", list(operations), ids=str)


def parameters(*, where: str) -> list[tuple[Operation, str]]:
    return [
        (operation, name)
        for operation in API.operations
        for name in (operation.form if where == "form" else operation.query)
    ]


def of_each(cases: Iterable[tuple[Operation, str]]) -> pytest.MarkDecorator:
    known = list(cases)
    return pytest.mark.parametrize(
        ("operation", "name"), known, ids=[f"{operation}-{name}" for operation, name in known]
    )


@pytest.fixture
async def http(sim: Simulator) -> AsyncIterator[ClientSession]:
    async with session(sim) as client:
        yield client


async def place(http: ClientSession, sim: Simulator, operation: Operation) -> str:
    """Make what an operation is about, and give its path."""
    sids = {"AccountSid": ACCOUNT}
    if "/Messages/" in operation.path:
        form = {**TEXT, "MediaUrl": "https://example.org/a.jpg"}
        await http.post(f"{BASE}/Messages.json", data=form)
        message = sim.messages[-1]
        whole = "{MessageSid}" in operation.path
        if operation.method == "delete":
            await http.post(f"{message.path}.json", data={"Status": "canceled"})
        sids |= {"MessageSid": message.sid}
        sids["Sid"] = message.attachments[0].sid if whole else message.sid
    elif "/Calls/" in operation.path:
        await http.post(f"{BASE}/Calls.json", data=CALL)
        sids["Sid"] = sim.calls[-1].sid
    elif "/IncomingPhoneNumbers/{" in operation.path:
        sids["Sid"] = sim.number("+15557654321").sid
    elif "/Accounts/{Sid}" in operation.path:
        made = await http.post(f"{ACCOUNTS}.json", data={})
        sids["Sid"] = (await made.json())["sid"]
    return re.sub(r"\{(\w+)\}", lambda name: sids[name[1]], operation.path)


async def perform(
    http: ClientSession, sim: Simulator, operation: Operation, **more: str
) -> ClientResponse:
    path = await place(http, sim, operation)
    if operation.method == "post":
        return await http.post(path, data={**FORMS.get(str(operation), {}), **more})
    return await http.request(operation.method, path, params=more)


def values(operation: Operation, name: str) -> tuple[str, ...]:
    """Give what a parameter may hold."""
    schema = API.schema((operation.form | operation.query)[name])
    if "enum" in schema:
        return tuple(schema["enum"])
    samples = SAMPLES.get(f"{operation}.{name}", SAMPLES.get(name))
    if samples is not None:
        return samples
    if "pattern" in schema:
        return (schema["pattern"][1:3] + "a" * 32,)
    ends = tuple(str(schema[end]) for end in ("minimum", "maximum") if end in schema)
    return ends or BY_TYPE.get(str(schema.get("format", schema["type"])), ("1",))


async def described(answer: ClientResponse, operation: Operation, api: Description = API) -> Spec:
    """Check an answer against the description, and give its document."""
    told = await answer.text()
    assert str(answer.status) in operation.content["responses"], told
    if answer.status == 204:
        assert told == ""
        return {}
    document: Spec = await answer.json()
    assert api.faults(document, operation.path, operation.method, answer.status) == []
    return document


async def code(answer: ClientResponse) -> int:
    assert answer.status == 400, await answer.text()
    return int((await answer.json())["code"])


def test_the_description_has_the_fifteen_paths_that_are_served() -> None:
    assert sorted(API.spec["paths"]) == sorted(description.SERVED)
    assert len(API.operations) == 30


@of(API.operations)
async def test_every_operation_answers_as_described(
    sim: Simulator, http: ClientSession, operation: Operation
) -> None:
    await described(await perform(http, sim, operation), operation)


@of_each(parameters(where="form"))
async def test_every_parameter_of_a_form_is_accepted(
    sim: Simulator, http: ClientSession, operation: Operation, name: str
) -> None:
    for value in values(operation, name):
        asked = {name: value, **WITH.get(name, {})}
        await described(await perform(http, sim, operation, **asked), operation)
        bought = set(sim._board.numbers) - set(sim.settings.own_numbers)
        for number in bought:
            sim._board.release(sim.number(number))


@of_each(parameters(where="query"))
async def test_every_parameter_of_a_query_is_accepted(
    sim: Simulator, http: ClientSession, operation: Operation, name: str
) -> None:
    for value in values(operation, name):
        shown = await described(await perform(http, sim, operation, **{name: value}), operation)
        asked = dict(parse_qsl(urlsplit(shown["uri"]).query))
        assert asked[name] == value


@of_each((operation, name) for operation in API.operations for name in operation.required)
async def test_a_parameter_that_is_required_is_asked_for_with_twilios_code(
    sim: Simulator, http: ClientSession, operation: Operation, name: str
) -> None:
    form = {key: value for key, value in FORMS[str(operation)].items() if key != name}
    path = await place(http, sim, operation)
    for sent in (form, {**form, name: ""}):
        answer = await http.post(path, data=sent)
        assert await code(answer) == REQUIRED[str(operation), name]


def wrong(operation: Operation, name: str) -> int:
    kind = re.sub("^(Create|Update|List)|(Local|Mobile|TollFree)$", "", str(operation))
    if operation.method == "get":
        return 20001
    short = "Method" if name.endswith("Method") else name
    return WRONG_WORDS.get((kind, short), WRONG_WORDS.get((str(operation), short), 20001))


def has_words(schema: Spec) -> bool:
    known = API.schema(schema)
    return "enum" in known or "pattern" in known


@of_each(
    (operation, name)
    for operation in API.operations
    for name, schema in (operation.form | operation.query).items()
    if has_words(schema)
)
async def test_a_word_that_is_none_of_the_described_is_refused_with_twilios_code(
    sim: Simulator, http: ClientSession, operation: Operation, name: str
) -> None:
    answer = await perform(http, sim, operation, **{name: "zebra"})
    assert await code(answer) == wrong(operation, name)


@of(operation for operation in API.operations if operation.method != "delete")
async def test_a_parameter_that_nobody_knows_is_ignored(
    sim: Simulator, http: ClientSession, operation: Operation
) -> None:
    shown = await described(await perform(http, sim, operation, Zebra="striped"), operation)
    assert "Zebra" not in shown.get("uri", "")


NUMBER_FORMS = [
    (operation, name)
    for operation, name in parameters(where="form")
    if "IncomingPhoneNumber" in str(operation) and name != "AreaCode"
]


@of_each(NUMBER_FORMS)
async def test_what_a_number_is_given_it_shows(
    sim: Simulator, http: ClientSession, operation: Operation, name: str
) -> None:
    value = values(operation, name)[-1]
    shown = await described(await perform(http, sim, operation, **{name: value}), operation)
    field = re.sub("(?<!^)(?=[A-Z])", "_", name).lower()
    assert shown[field] == (value == "true" if value in {"true", "false"} else value)


@pytest.mark.parametrize(
    ("operation", "example"),
    [(operation, name) for operation in API.operations for name in operation.request_examples],
    ids=str,
)
async def test_the_forms_that_twilio_publishes_are_honoured(
    sim: Simulator, http: ClientSession, operation: Operation, example: str
) -> None:
    form = operation.request_examples[example] | BROKEN_FORMS.get((str(operation), example), {})
    form = {name: ACCOUNT if name == "AccountSid" else value for name, value in form.items()}
    answer = await http.post(await place(http, sim, operation), data=form)
    shown = await described(answer, operation)
    for name, value in form.items():
        field = re.sub("(?<!^)(?=[A-Z])", "_", name).lower()
        if field in shown and field not in {"status", "direction"}:
            assert str(shown[field]).lower() == str(value).lower(), name


@of_each((operation, name) for operation in API.operations for name in operation.response_examples)
async def test_the_answers_that_twilio_publishes_have_our_fields(
    sim: Simulator, http: ClientSession, operation: Operation, name: str
) -> None:
    ours = await described(await perform(http, sim, operation), operation)
    theirs = operation.response_examples[name]
    assert set(theirs) <= set(ours)
    status = (
        201 if str(operation).startswith("Create") and "Feedback" not in str(operation) else 200
    )
    faults = API.faults(theirs, operation.path, operation.method, status, strict=False)
    assert bool(faults) == ((str(operation), name) in BROKEN_ANSWERS), faults
    assert all("application_sid" in fault for fault in faults)


@of_each(
    (operation, name)
    for operation in API.operations
    for name, example in operation.response_examples.items()
    if "page_size" in example
)
async def test_the_lists_that_twilio_publishes_can_be_asked_for(
    sim: Simulator, http: ClientSession, operation: Operation, name: str
) -> None:
    uri = urlsplit(operation.response_examples[name]["uri"])
    asked = dict(parse_qsl(uri.query))
    asked.pop("PageToken", None)  # it names what is not there
    shown = await described(await perform(http, sim, operation, **asked), operation)
    assert dict(parse_qsl(urlsplit(shown["uri"]).query)) == asked
    assert shown["page_size"] == int(asked["PageSize"])
