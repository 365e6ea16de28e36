"""A day with the plugin: a home owner's set-up, an alarm, an answer, a restart in the middle."""

from pathlib import Path

from harness.home import ANY, DARLA, OURS, REFLECTOR, Home


async def test_a_home_sends_and_hears(tmp_path: Path) -> None:
    async with Home(tmp_path) as home:
        number = await home.number()
        darla = await home.contact()
        await home.trigger("messageReceived", "Somebody texted", twilioNumber=ANY)
        result = await home.act(
            "sendSMS", number, twilioContact=str(darla), smsMessage="Water in the cellar"
        )
        assert result["success"]
        await home.indigo.until(lambda: home.bodies() == ["Water in the cellar"])
        webhook = f"{REFLECTOR}/message/{home.indigo.bundle.id}/receive?api-key=a-secret-api-key"
        home.simulator.number(OURS).sms_url = webhook
        await home.simulator.receive(DARLA, OURS, "On my way")
        await home.indigo.until(lambda: home.indigo.executed)
        states = home.indigo.executed[0].states[number]
        assert states["messageText"] == "On my way"
        assert states["messageName"] == "Darla"
        assert home.indigo.uncaught == []
