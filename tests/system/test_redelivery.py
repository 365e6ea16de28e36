"""What a broker repeats is not a request, and two gateways do not send the same."""

import json

import pytest
from paho.mqtt.client import MQTTv5, MQTTv311

from harness import Cable, Site, judge, number, text, until
from harness.cable import PUBACK, untouched, without

CONNECTIONS = "SELECT connection FROM session"
OPEN = "SELECT count(*) FROM delivery WHERE state IN ('queued', 'sending') OR due_at IS NOT NULL"


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_a_request_whose_acknowledgement_was_lost_is_not_sent_again(
    site: Site, version: str
) -> None:
    async with Cable(site.broker.port) as cable:
        gateway = site.gateway(mqtt={"url": cable.url, "version": version})
        device = await site.device()
        cable.up = without(PUBACK)
        gateway.start()
        await gateway.online(device)
        asked = {str(place): (number(place), "x") for place in range(20)}
        for request_id, wanted in asked.items():
            device.publish("txt", text(request_id, *wanted))
        await until(lambda: device.answered.issuperset(asked), "all is sent and told")
        cable.up = untouched
        cable.cut()
        cable.carried.clear()
        await until(lambda: gateway.rows(CONNECTIONS) == [(2,)], "the gateway is back")
        await until(lambda: cable.carried["up", PUBACK] >= 20, "the repeats are acknowledged")
        health = await device.health()
        assert health["requests"]["redelivered"] == 20
        assert health["requests"]["accepted"] == 20
        assert judge(site.simulator, asked.values()).clean
        assert await gateway.stop() == 0


async def test_an_equal_request_after_a_lost_session_is_a_new_request(site: Site) -> None:
    site.broker.options["persistence"] = "false"
    await site.broker.stop()
    await site.broker.start()
    gateway, device = await site.running()
    again = text("request_1", number(1), "The door is open")
    device.publish("txt", again)
    await device.hears("message/status")
    await site.broker.kill()
    await site.broker.start()
    await until(lambda: gateway.rows(CONNECTIONS) == [(2,)], "the gateway is back")
    await until(lambda: device.connected, "the device is back")
    await gateway.online(device)
    device.publish("txt", again)
    await until(lambda: len(site.simulator.messages) == 2, "it is sent again")
    assert gateway.lines("The broker has forgotten the session")
    assert (await device.health())["mqtt"]["sessions_lost"] == 1


async def test_equal_requests_are_two_requests(site: Site) -> None:
    _gateway, device = await site.running()
    for _ in range(3):
        device.publish("txt", text("request_1", number(1), "The door is open"))
    await until(lambda: len(device.statuses("request_1")) == 3, "each has a status")
    assert judge(site.simulator, [(number(1), "The door is open")] * 3).clean


@pytest.mark.parametrize("version", [MQTTv5, MQTTv311])
async def test_a_retained_request_is_not_sent_at_a_start(site: Site, version: int) -> None:
    device = await site.device()
    device.publish("txt", text("kept", number(1), "x"), retain=True)
    await device.flushed()
    gateway = site.gateway(mqtt={"version": "5" if version == MQTTv5 else "3.1.1"})
    for _ in range(2):
        gateway.start()
        await gateway.online(device)
        device.publish("txt", text("another", number(2), "y"))
        await until(lambda: device.statuses("another"), "another request is sent")
        retained = (await device.health())["mqtt"]["retained_requests"]
        assert await gateway.stop() == 0
        assert retained == (1 if version == MQTTv311 else 0)
    assert not device.statuses("kept")
    assert {message.to for message in site.simulator.messages} == {number(2)}
    told = gateway.lines(
        "A retained request on twilio/txt", "mosquitto_pub", "-t 'twilio/txt' -r -n"
    )
    assert len(told) == (2 if version == MQTTv311 else 0), "once a run; MQTT 5 does not send it"


async def test_a_second_gateway_on_the_same_store_says_who_holds_it(site: Site) -> None:
    first, device = site.gateway(), await site.device()
    first.start()
    await first.online(device)
    second = site.gateway("second", store={"url": f"sqlite://{first.store}"})
    second.start()
    assert await second.ended() == 2
    assert f"is in use by process {first.pid} on " in second.log
    assert "Traceback" not in second.log
    device.publish("txt", text("still", number(1), "x"))
    await device.status("still")


async def test_a_second_gateway_on_the_same_topics_stands_by_unless_it_is_to_take_over(
    site: Site,
) -> None:
    first, second, device = site.gateway(), site.gateway("second"), await site.device()
    first.start()
    await first.online(device)
    second.start()
    await until(lambda: second.lines("serves twilio/# already", "--takeover"), "it stands by")
    device.publish("txt", text("1", number(1), "x"))
    await device.status("1")
    assert second.rows("SELECT count(*) FROM delivery") == [(0,)]
    assert await second.stop() == 0
    second.start("--takeover")
    await until(lambda: first.lines("serves twilio/# already"), "the first one stands by")
    device.publish("txt", text("2", number(2), "y"))
    await device.status("2")
    assert second.rows("SELECT request_id FROM delivery") == [("2",)]
    assert judge(site.simulator, [(number(1), "x"), (number(2), "y")]).clean


async def test_a_gateway_that_comes_back_stands_by_whatever_its_session_has_kept(
    site: Site,
) -> None:
    site.broker.options["max_inflight_messages"] = "20"
    await site.broker.stop()
    await site.broker.start()
    old, new = site.gateway("old", mqtt={"version": "3.1.1"}), site.gateway("new")
    device = await site.device()
    old.start()
    await old.online(device)
    assert await old.stop() == 0
    await device.offline()
    for place in range(200):  # more than it is handed at once: what follows them waits
        device.publish("txt", text(f"kept {place}", number(9999), "y"))
    await device.flushed()
    new.start()
    await new.online(device)
    asked = {str(place): (number(place), "x") for place in range(50)}
    for request_id, wanted in asked.items():
        device.publish("txt", text(request_id, *wanted))
    await until(lambda: device.answered.issuperset(asked), "all is sent and told")
    old.start()
    await until(lambda: old.lines("serves twilio/# already"), "it stands by")
    assert old.rows("SELECT count(*) FROM delivery") == [(0,)]
    assert judge(site.simulator, asked.values()).clean


async def test_takeover_serves_although_another_gateway_is_said_to(site: Site) -> None:
    device = await site.device()
    device.publish("bridge/state", b"online", retain=True)
    device.publish("bridge/info", {"instance": "gone", "host": "a-dead-machine"}, retain=True)
    await device.flushed()
    gateway = site.gateway()
    gateway.start()
    await until(lambda: gateway.lines("gateway gone on a-dead-machine serves"), "it stands by")
    await gateway.stop()
    gateway.start("--takeover")
    device.publish("txt", text("1", number(1), "x"))
    await until(lambda: gateway.rows("SELECT 1 FROM session") != [], "it is connected")
    await until(
        lambda: json.loads(device.heard("bridge/info")[-1].payload)["instance"] != "gone",
        "it says who it is",
    )
    device.publish("txt", text("2", number(2), "y"))
    await device.status("2")


async def test_a_client_id_used_by_two_is_said_and_not_fought_over(site: Site) -> None:
    gateways = [site.gateway(name, mqtt={"client_id": "same", "base_topic": name}) for name in "ab"]
    for gateway in gateways:
        gateway.start()
    said = "another program uses the client id same"
    await until(lambda: any(gateway.lines(said) for gateway in gateways), "it is said")
    assert site.broker.log.count("as same ") < 12, "they back off"


async def test_a_name_left_by_a_dead_gateway_makes_nobody_stand_by(site: Site) -> None:
    device = await site.device()
    device.publish("bridge/state", b"offline", retain=True)
    device.publish("bridge/info", {"instance": "gone", "host": "a-dead-machine"}, retain=True)
    await device.flushed()
    gateway = site.gateway()
    gateway.start()
    await gateway.online(device)
    device.publish("txt", text("1", number(1), "x"))
    await device.status("1")
    assert (await device.health())["mqtt"]["connections"] == 1
    assert not gateway.lines("a-dead-machine")
