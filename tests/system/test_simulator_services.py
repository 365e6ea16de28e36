"""Messaging services as declared: who sends, which webhook hears, what is told."""

from collections import Counter

import pytest

from callbox.simulator import TWILIOS, Limits, OwnNumber, Service, Simulator
from harness import until
from harness.asking import (
    ADA,
    BERLIN,
    LONDON,
    LONG,
    SERVICE,
    TOLL_FREE,
    Begin,
    message,
    refused,
    text,
)
from harness.listener import TOKEN, Listener
from harness.sdk import Ask, Clock, ask

OTHER, BRITISH = "+15550000002", "+447700900123"
PICTURE = "https://example.org/a.jpg"
STRANGER = "MG" + "d" * 32


def through(to: str = ADA, body: str = "The tank is full", **more: object) -> Ask:
    return text(to, body, messaging_service_sid=SERVICE, **more)


async def senders(sim: Simulator, clock: Clock, *recipients: str, media: str = "") -> list[str]:
    """Give who texts each."""
    urls = [media] if media else []
    sids = [(await ask(sim, through(to, media_url=urls))).sid for to in recipients]
    clock.now += 10
    return [(await message(sim, sid)).from_ for sid in sids]


async def test_a_service_that_is_not_declared_is_refused_once_one_is(begin: Begin) -> None:
    async with begin(services={SERVICE: Service(senders=(LONG,))}) as sim:
        assert (await ask(sim, through())).status == "accepted"
        reason = await refused(sim, text(messaging_service_sid=STRANGER))
        assert (reason.status, reason.code) == (400, 21705)
        assert STRANGER in reason.msg


async def test_a_service_without_senders_is_refused(begin: Begin) -> None:
    async with begin(services={SERVICE: Service(senders=())}) as sim:
        assert (await refused(sim, through())).code == 21704


async def test_the_same_recipient_is_texted_by_the_same_sender_and_others_by_each_in_turn(
    begin: Begin, clock: Clock
) -> None:
    async with begin(services={SERVICE: Service(senders=(LONG, OTHER))}) as sim:
        recipients = [f"+1555111{number:04}" for number in range(10)]
        first = await senders(sim, clock, *recipients)
        assert Counter(first) == {LONG: 5, OTHER: 5}
        assert await senders(sim, clock, *reversed(recipients)) == first[::-1]


async def test_without_sticky_sender_one_recipient_is_texted_by_each_in_turn(
    begin: Begin, clock: Clock
) -> None:
    service = Service(senders=(LONG, OTHER), sticky_sender=False)
    async with begin(services={SERVICE: service}) as sim:
        assert Counter(await senders(sim, clock, *[ADA] * 10)) == {LONG: 5, OTHER: 5}


async def test_the_recipients_country_is_preferred_and_then_north_america(
    begin: Begin, clock: Clock
) -> None:
    async with begin(services={SERVICE: Service(senders=(BRITISH, LONG))}) as sim:
        assert await senders(sim, clock, ADA, LONDON, BERLIN) == [LONG, BRITISH, LONG]


async def test_whatsapp_is_sent_by_the_services_whatsapp_sender(begin: Begin, clock: Clock) -> None:
    pool = (LONG, f"whatsapp:{OTHER}")
    async with begin(services={SERVICE: Service(senders=pool)}) as sim:
        found = await senders(sim, clock, ADA, f"whatsapp:{ADA}")
        assert found == [LONG, f"whatsapp:{OTHER}"]


async def test_a_picture_is_sent_by_who_can_and_fails_if_nobody_can(
    begin: Begin, clock: Clock
) -> None:
    numbers = {LONG: OwnNumber(mms=False), OTHER: OwnNumber()}
    both = {SERVICE: Service(senders=(LONG, OTHER))}
    async with begin(numbers=numbers, services=both) as sim:
        assert await senders(sim, clock, *[ADA] * 4, media=PICTURE) == [OTHER] * 4
    alone = {SERVICE: Service(senders=(LONG,))}
    limits = Limits(rates={"long-code": 1, "name": 1}, queue=1)
    async with begin(numbers=numbers, services=alone, limits=limits) as sim:
        taken = [await ask(sim, through(media_url=[PICTURE])) for _ in range(2)]
        assert {each.status for each in taken} == {"accepted"}
        clock.now += 10
        for each in taken:
            failed = await message(sim, each.sid)
            assert (failed.status, failed.error_code, failed.from_) == ("failed", 21703, None)


async def test_a_service_has_its_own_validity_period(begin: Begin, clock: Clock) -> None:
    service = Service(senders=(LONG,), validity_period=5)
    async with begin(services={SERVICE: service}, limits=TWILIOS) as sim:
        sids = [(await ask(sim, through(body=f"{number}"))).sid for number in range(8)]
        patient = await ask(sim, through(validity_period=30))
        clock.now += 60
        ends = [(await message(sim, sid)).error_code for sid in sids]
        assert ends == [None] * 6 + [30036] * 2
        assert (await message(sim, patient.sid)).status == "delivered"


async def test_a_services_status_callback_is_used_unless_the_request_has_one(
    begin: Begin, listener: Listener
) -> None:
    service = Service(senders=(LONG,), status_callback=f"{listener.url}/service")
    async with begin(services={SERVICE: service}, pace=0.01) as sim:
        await ask(sim, through())
        await until(lambda: len(listener.at("/service")) == 3, "each later status was told")
        assert [heard.form["MessageStatus"] for heard in listener.heard] == [
            "queued",
            "sent",
            "delivered",
        ]
        await ask(sim, through(status_callback=f"{listener.url}/own"))
        await until(lambda: len(listener.at("/own")) == 3, "each later status was told")
        assert len(listener.at("/service")) == 3


async def test_texts_to_a_member_go_to_the_services_webhook_and_name_the_service(
    begin: Begin, listener: Listener
) -> None:
    numbers = {
        LONG: OwnNumber(sms_url=f"{listener.url}/number"),
        OTHER: OwnNumber(sms_url=f"{listener.url}/number"),
    }
    service = Service(senders=(LONG,), inbound_url=f"{listener.url}/service")
    settings = {"numbers": numbers, "services": {SERVICE: service}, "auth_token": TOKEN}
    listener.answer("/service", "<Response><Message>All is well</Message></Response>")
    async with begin(**settings) as sim:
        await sim.receive(ADA, LONG, "status?")
        (heard,) = listener.heard
        assert sim.messages[-1].messaging_service_sid == SERVICE, "the reply is the service's too"
        assert (heard.path, heard.form["MessagingServiceSid"]) == ("/service", SERVICE)
        assert heard.signed()
        await sim.receive(ADA, OTHER, "status?")
        assert listener.heard[-1].path == "/number"
        assert "MessagingServiceSid" not in listener.heard[-1].form


async def test_a_service_may_leave_texts_to_the_webhook_of_the_number(
    begin: Begin, listener: Listener
) -> None:
    numbers = {LONG: OwnNumber(sms_url=f"{listener.url}/number")}
    left = Service(senders=(LONG,), use_inbound_webhook_on_number=True)
    async with begin(numbers=numbers, services={SERVICE: left}) as sim:
        await sim.receive(ADA, LONG, "status?")
        assert [heard.path for heard in listener.heard] == ["/number"]
    async with begin(numbers=numbers, services={SERVICE: Service(senders=(LONG,))}) as sim:
        await sim.receive(ADA, LONG, "status?")
        assert len(listener.heard) == 1, "a service without a webhook drops it"


async def test_who_stops_one_member_is_texted_by_none_of_the_service(begin: Begin) -> None:
    services = {SERVICE: Service(senders=(LONG, OTHER))}
    async with begin(services=services) as sim:
        await sim.phone(ADA).texts("stop", LONG)
        for question in (through(), text(from_=OTHER), text(from_=LONG)):
            assert (await refused(sim, question)).code == 21610
        assert await ask(sim, text(from_="+15550000003")), "another number is not of the service"
        await sim.phone(ADA).texts("Start", OTHER)
        assert await ask(sim, through())


@pytest.mark.parametrize("advanced", [True, False])
async def test_only_advanced_opt_out_tells_the_webhook_what_a_word_meant(
    begin: Begin, listener: Listener, advanced: bool
) -> None:
    service = Service(senders=(LONG,), inbound_url=f"{listener.url}/sms", advanced_opt_out=advanced)
    async with begin(services={SERVICE: service}) as sim:
        for body in ("unsubscribe", "UNSTOP", "info", "hello"):
            await sim.phone(ADA).texts(body, LONG)
    told = [heard.form.get("OptOutType") for heard in listener.heard]
    assert told == (["STOP", "START", "HELP", None] if advanced else [None] * 4)


async def test_the_members_of_a_service_are_numbers_of_the_account(begin: Begin) -> None:
    async with begin(
        numbers=(LONG,), services={SERVICE: Service(senders=(LONG, TOLL_FREE))}
    ) as sim:
        assert await ask(sim, text(from_=TOLL_FREE))
        found = await ask(sim, lambda client: client.incoming_phone_numbers.list())
        assert [number.phone_number for number in found] == [LONG, TOLL_FREE]
