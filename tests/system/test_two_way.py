"""Both ways, everything real but Twilio: what people text and call, what became of texts."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from callbox.simulator.manner import Manner
from harness import FROM, Device, Gateway, Site, number, stays, text, until
from harness.phone import Phones, phones
from harness.ports import free_port

DARLA, STRANGER = "+12345000001", "+12345000009"
GATE = {
    "name": "gate",
    "from": ["Darla"],
    "exact": "gate open",
    "pin": "4711",
    "topic": "home/gate/set",
    "payload": "OPEN by {{ name }}",
    "reply": "The gate opens, {{ name }}.",
}
STATUS = {"from": "anyone", "contains": "status", "reply": "All is well."}


@dataclass
class House:
    """A gateway that Twilio reaches, a device, and everybody's phones."""

    site: Site
    phone: Phones
    device: Device
    base: str
    gateway: Gateway

    async def starts(self, **sections: dict[str, Any]) -> None:
        """Start the gateway; sections of its configuration are added."""
        for name, section in sections.items():
            self.gateway.sections[name] = {**self.gateway.sections.get(name, {}), **section}
        self.gateway.start()
        await self.gateway.online(self.device)

    def received(self) -> list[Any]:
        return [each.document for each in self.device.heard("message/received")]

    def fates(self, request_id: str) -> list[Any]:
        """Give every `message/delivery` of a request."""
        documents = [each.document for each in self.device.heard("message/delivery")]
        return [document for document in documents if document["id"] == request_id]

    async def becomes(self, request_id: str, state: str) -> Any:  # noqa: ANN401 - a document
        """Wait for a state of a request; give the document that tells of it."""

        def last() -> Any:  # noqa: ANN401 - see above
            fates = self.fates(request_id)
            return fates[-1] if fates and fates[-1]["state"] == state else None

        return await until(last, f"{request_id} is {state}")


@pytest.fixture
async def house(site: Site) -> AsyncIterator[House]:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    gateway = site.gateway(
        http={"port": port, "public_url": base},
        inbound={"polling": "off"},
        contacts={"Darla": DARLA},
    )
    ours = site.simulator.number(FROM)
    ours.sms_url = f"{base}/twilio/sms#rc=2&rp=all"
    ours.voice_url = f"{base}/twilio/voice"
    ours.status_callback = f"{base}/twilio/status"
    async with phones(site.simulator) as phone:
        yield House(site, phone, await site.device(topics=["twilio/#", "home/#"]), base, gateway)


async def test_who_texts_status_is_told_that_all_is_well(house: House) -> None:
    await house.starts(inbound={"rules": [STATUS]})
    await house.phone(STRANGER).texts("Status, please?")
    await house.phone(STRANGER).expects("All is well.")
    (document,) = await house.device.hears("message/received")
    assert document.document["messageText"] == "Status, please?"
    assert document.document["name"] is None
    assert await house.gateway.stop() == 0


async def test_darla_opens_the_gate_with_her_pin_and_nobody_learns_it(house: House) -> None:
    await house.starts(inbound={"rules": [GATE]})
    await house.phone(DARLA).texts("Gate open 4711")
    await house.phone(DARLA).expects("The gate opens, Darla.")
    await until(lambda: house.device.heard_on("home/gate/set"), "the gate hears of it")
    assert house.device.heard_on("home/gate/set")[0].payload == b"OPEN by Darla"
    assert [each["messageText"] for each in house.received()] == ["Gate open"]
    assert await house.gateway.stop() == 0
    assert "4711" not in house.gateway.log
    assert DARLA not in house.gateway.log
    assert b"4711" not in house.gateway.store.read_bytes()


async def test_without_the_pin_or_as_a_stranger_nobody_opens_the_gate(house: House) -> None:
    await house.starts(inbound={"rules": [GATE]})
    await house.phone(DARLA).texts("gate open")
    await house.phone(DARLA).texts("gate open 1234")
    await house.phone(STRANGER).texts("gate open 4711")
    await until(lambda: len(house.received()) == 3, "all are told")
    await stays(lambda: not house.device.heard_on("home/gate/set"), "the gate is closed", 0.3)
    bodies = [each["messageText"] for each in house.received()]
    assert bodies == ["gate open", "gate open", "gate open"], "no PIN, right or wrong, is told"


async def test_a_text_that_twilio_repeats_is_told_and_answered_once(house: House) -> None:
    house.site.simulator.number(FROM).sms_url = f"{house.base}/twilio/sms#rc=5&rp=all&rt=100"
    await house.starts(inbound={"rules": [STATUS], "polling": "on"})
    await house.phone(DARLA).texts("status")
    await house.phone(DARLA).expects("All is well.")
    await until(lambda: house.site.simulator.requests.count("list-messages") >= 3, "it polls too")
    assert len(house.received()) == 1


async def test_what_comes_with_pictures_and_on_whatsapp_says_so(house: House) -> None:
    await house.starts()
    picture = {"content": "aGVsbG8=", "content_type": "image/jpeg"}
    await house.phone(DARLA).texts("Look", media=[picture])
    await house.phone(DARLA).texts("Hi", whatsapp=True)
    await until(lambda: len(house.received()) == 2, "both are told")
    look, hello = house.received()
    assert [each["content_type"] for each in look["media"]] == ["image/jpeg"]
    assert (hello["channel"], hello["messageFrom"], hello["media"]) == ("whatsapp", DARLA, [])


async def test_callbacks_tell_what_became_of_a_text_in_order_and_once(house: House) -> None:
    house.site.simulator.callbacks.manner = Manner(copies=2, reverse=True)
    await house.starts()
    house.device.publish("txt", text("r1", number(1), "Hello"))
    await house.phone(number(1)).expects("Hello")
    delivered = await house.becomes("r1", "delivered")
    assert delivered["sid"] == house.site.simulator.messages[0].sid
    states = [each["state"] for each in house.fates("r1")]
    assert states == ["accepted", "delivered"], "what comes late is not told"
    assert len(list(house.device.statuses("r1"))) == 1


async def test_an_undelivered_text_is_told_with_code_reason_and_remedy(house: House) -> None:
    house.site.simulator.outcome(number(1), "undelivered", error_code=30003)
    await house.starts()
    house.device.publish("txt", text("r1", number(1), "Hello"))
    fate = await house.becomes("r1", "undelivered")
    assert fate["error_code"] == 30003
    assert fate["error_message"]
    assert fate["remedy"]


async def test_a_busy_call_is_undelivered_and_an_answered_one_says_by_whom(house: House) -> None:
    house.site.simulator.outcome(number(1), "busy")
    house.site.simulator.outcome(number(2), "completed", answered_by="human", duration=12)
    await house.starts()
    for place in (1, 2):
        recipient = {
            "name": "Darla",
            "phone_number": number(place),
            "voice_message_text": "Fire",
            "machine_detection": True,
        }
        house.device.publish("call", {"request": {"recipient": recipient}, "id": f"c{place}"})
    busy = await house.becomes("c1", "undelivered")
    assert busy["call_status"] == "busy"
    answered = await house.becomes("c2", "delivered")
    assert (answered["call_status"], answered["answered_by"], answered["duration"]) == (
        "completed",
        "human",
        12,
    )


async def test_a_callback_settles_what_twilio_did_not_answer(house: House) -> None:
    house.site.simulator.faults.set([{"on": "create", "drop": "after"}])
    await house.starts(delivery={"lookup_delays": [20, 30, 40]})
    house.device.publish("txt", text("r1", number(1), "Hello"))
    await house.phone(number(1)).expects("Hello")
    await house.becomes("r1", "delivered")
    assert len(house.site.simulator.messages) == 1
    assert json.loads(next(iter(house.device.statuses("r1"))))["response"]["status"] == "success"
    rows = house.gateway.rows("SELECT evidence FROM delivery")
    assert rows == [("callback",)]


async def test_a_callback_url_that_twilio_refuses_stops_no_text(house: House) -> None:
    house.site.simulator.faults.set([{"on": "create", "status": 400, "code": 21609, "times": 1}])
    await house.starts()
    house.device.publish("txt", text("r1", number(1), "Hello"))
    await house.phone(number(1)).expects("Hello")
    await house.becomes("r1", "delivered")
    assert [message.status_callback for message in house.site.simulator.messages] == [None]
    await until(lambda: house.gateway.lines("WARNING", "Callbacks", "21609"), "it is told")


async def test_a_text_to_who_opted_out_fails_at_once_until_start(house: House) -> None:
    await house.starts()
    await house.phone(DARLA).texts("STOP")
    await house.phone(DARLA).expects(containing="successfully been unsubscribed")
    house.device.publish("txt", text("r1", DARLA, "Hello"))
    assert (await house.becomes("r1", "failed"))["error_code"] == 21610
    asked = house.site.simulator.requests.count("create")
    house.device.publish("txt", text("r2", DARLA, "Hello"))
    fate = await house.becomes("r2", "failed")
    assert "START" in fate["remedy"]
    assert house.site.simulator.requests.count("create") == asked, "it cost no request"
    await house.phone(DARLA).texts("START")
    await house.phone(DARLA).expects(containing="successfully been re-subscribed")
    house.device.publish("txt", text("r3", DARLA, "Welcome back"))
    await house.phone(DARLA).expects("Welcome back")
    assert [each["opt_out"] for each in house.received()] == ["STOP", "START"]


async def test_a_caller_hears_what_is_configured_and_devices_hear_of_the_call(
    house: House,
) -> None:
    await house.starts(calls={"answer": "say", "text": "Text us & wait <please>", "voice": "alice"})
    call = await house.phone(DARLA).calls()
    said = [each["text"] for each in call["transcript"] if each["kind"] == "say"]
    assert said == ["Text us & wait <please>"]
    await until(lambda: len(house.device.heard("call/received")) == 2, "begin and end are told")
    told = [each.document for each in house.device.heard("call/received")]
    assert [each["call_status"] for each in told] == ["ringing", "completed"]
    assert {each["name"] for each in told} == {"Darla"}


async def test_a_voicemail_is_told_with_its_address(house: House) -> None:
    await house.starts(calls={"answer": "voicemail", "text": "After the tone"})
    await house.phone(DARLA).calls(recording={"duration": 7})

    def recorded() -> list[Any]:
        documents = [each.document for each in house.device.heard("call/received")]
        return [document for document in documents if document.get("recording_url")]

    (voicemail,) = await until(recorded, "the recording is told")
    assert "/Recordings/RE" in voicemail["recording_url"]
    assert voicemail["duration"] == 7


async def test_the_indigo_readmes_way_is_kept_a_ping_with_user_and_password(house: House) -> None:
    port = house.base.rpartition(":")[2]
    ours = house.site.simulator.number(FROM)
    ours.sms_url = f"http://indigo:secret@127.0.0.1:{port}/twilio/ping"
    ours.sms_method = "GET"
    await house.starts(
        http={
            "webhook_auth": "basic",
            "webhook_username": "indigo",
            "webhook_password": "secret",
            "public_url": None,
        },
    )
    await house.phone(DARLA).texts("Hello")
    await until(lambda: len(house.received()) == 1, "it is told")
    statuses = [exchange.status for exchange in house.site.simulator.webhooks]
    assert statuses == [401, 200], "Twilio is asked for the password first"


async def test_a_ping_has_texts_looked_for_that_are_listed_late(house: House) -> None:
    await house.starts(inbound={"polling": "on", "idle_interval": "1h"})
    await until(lambda: house.gateway.rows("SELECT * FROM mailbox"), "the list was read once")
    await house.phone(DARLA).texts("Late", webhook=False, lag=1.5)
    house.device.publish("bridge/request/check_messages", {"transaction": 1})
    await until(lambda: house.device.heard("bridge/response/check_messages"), "it is answered")
    answer = house.device.heard("bridge/response/check_messages")[0].document
    assert (answer["status"], answer["data"]) == ("ok", {"checking": True})
    await until(lambda: len(house.received()) == 1, "it is told")


async def test_health_counts_what_came_in_and_what_was_refused(house: House) -> None:
    await house.starts()
    await until(lambda: house.gateway.rows("SELECT * FROM mailbox"), "the list was read once")
    await house.phone(DARLA).texts("Hello")
    elsewhere = house.base.replace("127.0.0.1", "localhost")
    house.site.simulator.number(FROM).sms_url = f"{elsewhere}/twilio/sms"
    await house.phone(DARLA).texts("Not signed for this address")
    house.device.publish("bridge/request/health_check", {})
    await until(lambda: house.device.heard("bridge/response/health_check"), "it is answered")
    health = house.device.heard("bridge/response/health_check")[0].document["data"]
    assert health["received"]["texts"] == 1
    assert health["webhooks"]["wrong"] == 1
    assert len(house.received()) == 1


async def test_what_a_rule_had_for_a_broker_that_was_away_too_long_is_dropped(house: House) -> None:
    gate = {key: value for key, value in GATE.items() if key not in {"pin", "reply"}}
    await house.starts(inbound={"rules": [gate], "max_age": "1s"})
    await house.site.broker.kill()
    await house.phone(DARLA).texts("gate open")
    await until(lambda: house.gateway.rows("SELECT count(*) FROM event") == [(2,)], "both are owed")
    now = "(julianday('now') - 2440587.5) * 86400"
    late = f"SELECT count(*) FROM event WHERE expires_at < {now}"
    await until(lambda: house.gateway.rows(late) == [(1,)], "the gate's is too old")
    await house.site.broker.start()
    await until(lambda: len(house.received()) == 1, "the text is told all the same")
    await until(lambda: house.gateway.rows("SELECT count(*) FROM event") == [(0,)], "none is owed")
    assert not house.device.heard_on("home/gate/set")
    assert house.gateway.lines("WARNING", "home/gate/set", "inbound.max_age")
