"""V1's own sample documents, from a device over a real broker to Twilio and back."""

import time
from typing import Any

import pytest
from paho.mqtt.client import MQTTv5, MQTTv311

from harness import FROM, Device, Gateway, Site, call, judge, number, stays, text, until
from harness.ports import free_port, listens

TEXT = {
    "request": {
        "recipient": {
            "name": "Darla",
            "phone_number": "+12345000000",
            "message": "Hello from the edge",
        },
        "from_number": "+19999999999",
    },
    "id": "request123",
}
CALL = {
    "request": {
        "recipient": {
            "name": "Darla",
            "phone_number": "+12345000000",
            "voice_message_location": "https://some-public-TwiML",
        },
        "from_number": "+19999999999",
    },
    "id": "request123",
}
STATUS = (
    b'{"response":{"status":"success","payload":{"from_number":"+19999999999","messages":'
    b'{"message_status":"queued","to_number":"+12345000000","name":"Darla"}}},"id":"request123"}'
)


async def started(site: Site, version: str = "auto", **sections: Any) -> tuple[Gateway, Device]:  # noqa: ANN401 - sections of a configuration
    gateway = site.gateway(mqtt={"version": version}, **sections)
    device = await site.device(version=MQTTv311 if version == "3.1.1" else MQTTv5)
    gateway.start()
    await gateway.online(device)
    return gateway, device


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_v1s_sample_text_is_sent_and_answered_in_v1s_document(
    site: Site, version: str
) -> None:
    gateway, device = await started(site, version)
    device.publish("txt", TEXT)
    await device.status("request123")
    assert device.statuses("request123") == [STATUS]
    (sent,) = site.simulator.messages
    assert (sent.to, sent.sender, sent.body) == (
        "+12345000000",
        "+19999999999",
        "Hello from the edge",
    )
    delivery = (await device.hears("message/delivery"))[0].document
    assert delivery["state"] == "accepted"
    assert delivery["previous_state"] == "sending"
    assert (delivery["id"], delivery["sid"]) == ("request123", sent.sid)
    assert (delivery["segments"], delivery["attempt"], delivery["remedy"]) == (1, 1, None)
    assert (await device.hears("message/sent"))[0].document == {
        "messageFrom": "+19999999999",
        "messageTo": "+12345000000",
        "messageText": "Hello from the edge",
    }
    assert await gateway.stop() == 0


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_v1s_sample_call_is_placed_with_its_location_byte_for_byte(
    site: Site, version: str
) -> None:
    gateway, device = await started(site, version)
    device.publish("call", CALL)
    await device.status("request123")
    assert device.statuses("request123") == [STATUS]
    (placed,) = site.simulator.calls
    assert placed.entry()["url"] == "https://some-public-TwiML"
    delivery = (await device.hears("message/delivery"))[0].document
    assert (delivery["channel"], delivery["call_status"]) == ("voice", "queued")
    assert not device.heard("message/sent")
    assert await gateway.stop() == 0


@pytest.mark.parametrize("login", [None, ("thing", "a password")])
async def test_the_embedded_broker_carries_the_same_round_trip(
    site: Site, login: tuple[str, str] | None
) -> None:
    port = free_port()
    account = {} if login is None else {"username": login[0], "password": login[1]}
    gateway = site.gateway(mqtt={"url": f"embedded://127.0.0.1:{port}", **account})
    gateway.start()
    await until(lambda: listens(port), "the embedded broker listens")
    device = await site.device(port=port, version=MQTTv311, login=login)
    await gateway.online(device)
    device.publish("txt", TEXT)
    await device.status("request123")
    assert device.statuses("request123") == [STATUS]
    assert await gateway.stop() == 0
    assert "Traceback" not in gateway.log


async def test_a_response_topic_gets_the_status_as_well_with_its_correlation(site: Site) -> None:
    gateway, device = await started(site)
    own = await site.device(topics=("things/7/#",))
    device.publish("txt", TEXT, reply_to=("things/7/answers", b"\x00corr"))
    await until(lambda: own.heard_on("things/7/answers"), "the answer comes")
    (answer,) = own.heard_on("things/7/answers")
    assert (answer.payload, answer.correlation) == (STATUS, b"\x00corr")
    await device.status("request123")
    refused = text("bad", "555", "x")
    device.publish("txt", refused, reply_to=("things/7/refusals", b"2"))
    await until(lambda: own.heard_on("things/7/refusals"), "a refusal comes there too")
    assert await gateway.stop() == 0


@pytest.mark.parametrize("topic", ["things/+", "things/#", "twilio/txt", "twilio/bridge/state"])
async def test_a_response_topic_with_wildcards_or_of_our_own_is_ignored(
    site: Site, topic: str
) -> None:
    gateway, device = await started(site)
    device.publish("txt", TEXT, reply_to=(topic, b"1"))
    await device.status("request123")
    await stays(lambda: device.state == "online", "the state is not overwritten", 0.3)
    assert len(site.simulator.messages) == 1
    assert gateway.rows("SELECT count(*) FROM delivery") == [(1,)]


async def test_the_expiry_of_the_message_expires_the_request(site: Site) -> None:
    site.simulator.faults.set([{"on": "any", "status": 401, "code": 20003}])
    _, device = await started(site)
    device.publish("txt", text("short", number(1), "x", expires_in=3600), expiry=1)
    begun = time.monotonic()
    status = await device.status("short")
    assert status["response"]["error"] == "Expired"
    assert time.monotonic() - begun < 30
    assert not site.simulator.log


async def test_the_seconds_left_bind_twilio_too(site: Site) -> None:
    _, device = await started(site)
    device.publish("txt", text("1", number(1), "x", expires_in=120))
    device.publish("txt", text("2", number(2), "x"))
    await until(lambda: len(site.simulator.messages) == 2, "both are sent")
    periods = {m.to: m.validity_period for m in site.simulator.messages}
    assert periods[number(1)] in {118, 119, 120}
    assert periods[number(2)] is None


async def test_several_recipients_and_groups_get_one_each_and_one_status_each(site: Site) -> None:
    contacts = {"Ann": number(1), "Bob": [number(2), number(3)], "Night shift": ["Ann", "Bob"]}
    _, device = await started(site, contacts=contacts)
    recipient = {"name": "Night shift", "message": "x"}
    device.publish("txt", {"request": {"recipient": recipient}, "id": "group"})
    await until(lambda: len(device.statuses("group")) == 3, "one status each")
    recipients = [
        {"name": "Ann", "message": "y"},
        {"name": "Eve", "phone_number": number(4), "message": "z"},
    ]
    device.publish("txt", {"request": {"recipients": recipients}, "id": "several"})
    await until(lambda: len(device.statuses("several")) == 2, "one status each")
    wanted = [(number(place), "x") for place in (1, 2, 3)]
    assert judge(site.simulator, [*wanted, (number(1), "y"), (number(4), "z")]).clean


async def test_qos_0_is_taken_too(site: Site) -> None:
    _, device = await started(site)
    for place in range(20):
        device.publish("txt", text(str(place), number(place), "x"), qos=0)
    await until(lambda: len(device.answered) == 20, "all have a status")
    assert judge(site.simulator, [(number(place), "x") for place in range(20)]).clean


async def test_a_dedup_key_makes_a_publishers_own_repeat_the_same_request(site: Site) -> None:
    _, device = await started(site)
    for place in range(3):
        device.publish("txt", text(f"try {place}", number(1), "x", dedup_key="alarm-1"))
    await until(lambda: device.answered >= {"try 0", "try 1", "try 2"}, "each try is answered")
    assert judge(site.simulator, [(number(1), "x")]).clean


@pytest.mark.parametrize(
    ("payload", "request_id"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", None),
        (b"\xff\xfe", None),
        (b'{"id": "n", "request": NaN}', "n"),
        (b'{"id": "nul \\u0000", "request": {}}', "nul \0"),
        (b'{"id": "deep", "request": ' + b"[" * 100_000, None),
        (b'{"id": "big", "request": "' + b"x" * 1_000_000 + b'"}', "big"),
        (b'{"id": 7, "request": {}}', None),
        (b'{"id": "empty"}', "empty"),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_broken_input_gets_a_failed_status_and_stops_nothing(
    site: Site, payload: bytes, request_id: str | None
) -> None:
    gateway, device = await started(site)
    device.publish("txt", payload)
    device.publish("txt", text("good", number(1), "x", from_number=FROM))
    status = await device.status(request_id)
    assert status["response"]["error"] == "InvalidParameter"
    assert status["response"]["payload"] is None
    assert 0 < len(status["response"]["error_message"]) < 300
    await device.status("good")
    assert "Traceback" not in gateway.log


async def test_a_call_speaks_text_and_whatsapp_and_media_have_their_addresses(site: Site) -> None:
    _, device = await started(site)
    spoken = call("spoken", number(1), "")
    recipient = spoken["request"]["recipient"]
    del recipient["voice_message_location"]
    recipient["voice_message_text"] = "Fire & <smoke>"
    device.publish("call", spoken)
    whatsapp = text("whatsapp", number(2), "x", from_number="+15005550006")
    whatsapp["request"]["recipient"]["channel"] = "whatsapp"
    device.publish("txt", whatsapp)
    media = text("media", number(3), "look")
    media["request"]["recipient"]["media_urls"] = ["https://example.com/a.jpg"]
    device.publish("txt", media)
    await until(lambda: device.answered >= {"spoken", "whatsapp", "media"}, "all have a status")
    (placed,) = site.simulator.calls
    assert "Fire &amp; &lt;smoke&gt;" in str(placed.entry()["twiml"])
    by_id = {event.document["id"]: event.document for event in device.heard("message/status")}
    assert by_id["whatsapp"]["response"]["payload"]["messages"]["to_number"] == number(2)
    assert {m.to for m in site.simulator.messages} == {f"whatsapp:{number(2)}", number(3)}
    assert [m.media for m in site.simulator.messages if m.media] == [("https://example.com/a.jpg",)]
