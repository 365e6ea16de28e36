"""What is published to be said is heard on the phone, everything real but Twilio."""

from pathlib import Path

from callbox.simulator import Settings
from harness import FROM, Nursery, Site, number, until
from harness.ports import free_port


async def test_a_call_published_on_mqtt_speaks_to_whoever_answers_and_is_told_to_its_end(
    nursery: Nursery, tmp_path: Path
) -> None:
    port, darla = free_port(), number(1)
    settings = Settings(scripts=True, pace=0.05, numbers=(FROM,))
    async with Site(nursery, tmp_path, settings) as site:
        await site.broker.start()
        url = f"http://127.0.0.1:{port}"
        gateway = site.gateway(http={"port": port, "public_url": url}, inbound={"polling": "off"})
        device = await site.device(topics=["twilio/#"])
        gateway.start()
        await gateway.online(device)
        recipient = {
            "name": "Darla",
            "phone_number": darla,
            "voice_message_text": "Fire & <smoke>",
        }
        device.publish("call", {"request": {"recipient": recipient}, "id": "c1"})

        def fates() -> list[object]:
            return [each.document["state"] for each in device.heard("message/delivery")]

        await until(lambda: "delivered" in fates(), "the end of the call is told")
        (call,) = site.simulator.calls
        told = [(entry.who, entry.kind, entry.text) for entry in call.transcript]
        assert told == [
            ("line", "ring", ""),
            ("person", "answer", ""),
            ("voice", "say", "Fire & <smoke>"),
        ]
        last = device.heard("message/delivery")[-1].document
        assert (last["call_status"], last["duration"]) == ("completed", call.duration())
