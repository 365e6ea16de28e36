"""What an account may do: regions, what its numbers can, a trial; seen by Twilio's SDK."""

from callbox.simulator import OwnNumber
from harness.asking import (
    ADA,
    BERLIN,
    LONDON,
    LONG,
    TOLL_FREE,
    Begin,
    call,
    refused,
    text,
)
from harness.listener import Listener
from harness.sdk import ask


async def test_only_the_chosen_regions_are_texted_and_called(begin: Begin) -> None:
    async with begin(regions=("+1", "44")) as sim:
        for to in (ADA, LONDON):
            assert await ask(sim, text(to=to))
            assert await ask(sim, call(to=to))
        texted, called = await refused(sim, text(to=BERLIN)), await refused(sim, call(to=BERLIN))
        assert (texted.code, called.code) == (21408, 21215)
        assert BERLIN in texted.msg


async def test_a_number_does_only_what_it_can_and_says_so(begin: Begin) -> None:
    picture = text(media_url=["https://example.org/a.jpg"])
    numbers = {
        LONG: OwnNumber(mms=False, sms_url="http://127.0.0.1:9/sms"),
        TOLL_FREE: OwnNumber(sms=False, voice_url="http://127.0.0.1:9/voice"),
        "+447700900123": OwnNumber(voice=False, kind="mobile"),
    }
    async with begin(numbers=numbers) as sim:
        assert await ask(sim, text())
        assert (await refused(sim, picture)).code == 21621
        assert (await refused(sim, text(send_as_mms=True))).code == 21621
        on_whatsapp = {"to": f"whatsapp:{ADA}", "from_": f"whatsapp:{LONG}"}
        assert await ask(sim, text(media_url=["https://example.org/a.jpg"], **on_whatsapp))
        assert (await refused(sim, text(from_=TOLL_FREE))).code == 21606
        assert await ask(sim, call(sender=TOLL_FREE))
        assert (await refused(sim, call(sender="+447700900123"))).code == 21210
        found = await ask(sim, lambda client: client.incoming_phone_numbers.list())
        assert [number.capabilities for number in found] == [
            {"voice": True, "sms": True, "mms": False, "fax": False},
            {"voice": True, "sms": False, "mms": True, "fax": False},
            {"voice": False, "sms": True, "mms": True, "fax": False},
        ]
        assert found[0].sms_url == "http://127.0.0.1:9/sms"
        assert found[1].voice_url == "http://127.0.0.1:9/voice"


async def test_verified_numbers_may_be_written_as_people_write_them(begin: Begin) -> None:
    async with begin(trial=True, verified=("(555) 123-4567",)) as sim:
        assert await ask(sim, text())
        assert (await refused(sim, text(to=LONDON))).code == 21608


async def test_a_trial_account_prefixes_its_replies_but_twilio_not_its_own(
    begin: Begin, listener: Listener
) -> None:
    listener.answer("/sms", "<Response><Message>All is well</Message></Response>")
    numbers = {LONG: OwnNumber(sms_url=f"{listener.url}/sms")}
    async with begin(trial=True, numbers=numbers, pace=0.0) as sim:
        await sim.phone(ADA).texts("status?")
        await sim.phone(ADA).texts("help")
        bodies = [got.prefix + got.body for got in sim.phone(ADA).received]
        assert bodies == [
            "Sent from your Twilio trial account - All is well",
            "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
            "Sent from your Twilio trial account - All is well",
        ]


async def test_the_prefix_of_a_trial_account_counts_into_the_segments(begin: Begin) -> None:
    async with begin(trial=True) as sim:
        assert (await ask(sim, text(body="x" * 122))).num_segments == "1"
        assert (await ask(sim, text(body="x" * 123))).num_segments == "2"
