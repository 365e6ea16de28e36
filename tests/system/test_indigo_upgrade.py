"""The first minutes after Callbox took the Twilio plugin's place, and the way back."""

from pathlib import Path
from typing import Any

from harness.home import ANY, DARLA, JOE, OLD_PREFS, OTHER, OURS, REFLECTOR, Home
from harness.waiting import until

OLD_STATES = dict.fromkeys(
    ("messageFrom", "messageTo", "messageText", "matchResult", "numberStatus", "last_auth"),
    "String",
)
NEW_STATES = {
    "messageSid",
    "messageName",
    "messageMedia",
    "deliveryState",
    "deliveryTo",
    "deliveryReason",
    "deliveryId",
}
OLD_TEXTS = 500
OLD_NUMBER = {"twilioNumber": OURS, "delete": True}
OLD_OTHER = {"twilioNumber": OTHER, "delete": False}
OLD_CONTACT = {"contactNumber": DARLA, "accessLevel": "none"}
OWN = "It fired for texts to every number before; it fires for its own number only from now on"
REGEX = "Its regular expression never worked before; it"
CHANGED = [
    f"Trigger Mine: {OWN}",
    f"Trigger Theirs: {OWN}",
    f"Trigger Regex: {REGEX} fires from now on",
]


class OldHome:
    """A home as the Twilio plugin has left it, its texts still at Twilio."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.indigo = home.indigo

    async def furnish(self, texts: int = 0) -> None:
        """Make devices, triggers and texts as they are before the first start."""
        self.number = await self._device("twilioNumber", "Our number", OLD_NUMBER)
        self.other = await self._device("twilioNumber", "Other number", OLD_OTHER)
        self.contact = await self._device("twilioContact", "Darla", OLD_CONTACT)
        states = {"messageText": "Good night", "messageFrom": JOE, "numberStatus": "Success"}
        self.indigo.db.devices[self.number].states.update(states)
        for name, props in self.triggers().items():
            kind = "patternMatch" if "matchType" in props else "messageReceived"
            await self.indigo.create_trigger(kind, name, props)
        for place in range(texts):
            age = 0.0 if place > texts - 10 else (texts - place) * 3600.0
            date = self.home.simulator._board.clock() - age
            await self.home.simulator.receive(
                JOE, (OURS, OTHER)[place % 2], f"Old {place}", webhook=False, date=date
            )

    async def _device(self, type_id: str, name: str, props: dict[str, Any]) -> int:
        states = OLD_STATES if type_id == "twilioNumber" else {"contactStatus": "String"}
        return await self.indigo.create_device(type_id, name, props, states=states)

    def triggers(self) -> dict[str, dict[str, str]]:
        """Give the twelve triggers; what each of them is for is in its name."""
        return {
            "Any": {"twilioNumber": ANY},
            "Any again": {"twilioNumber": ANY},
            "Mine": {"twilioNumber": str(self.number)},
            "Theirs": {"twilioNumber": str(self.other)},
            "Simple": _pattern("simpleMatch", "gate"),
            "Simple elsewhere": _pattern("simpleMatch", "garage"),
            "Exact": _pattern("exactMatch", "Open the gate"),
            "Not exact": _pattern("exactMatch", "open the gate"),
            "From Darla": _pattern("exactMatch", DARLA, "messageFrom"),
            "To us": _pattern("simpleMatch", OURS, "messageTo"),
            "Regex": _pattern("regexMatch", "[Oo]pen|[Cc]lose"),
            "Bad regex": _pattern("regexMatch", "(gate"),
        }

    async def start(self) -> None:
        """Install Callbox: start the server with it."""
        assert await self.indigo.start()
        self.home.simulator.tunnels[REFLECTOR] = self.indigo.web_url

    async def text(self) -> None:
        """Have Darla text, once Twilio was asked for the first time."""
        lists = self.home.simulator.requests
        await until(lambda: lists.count("list-messages", 200) >= 2, "both lists were read")
        await self.home.simulator.receive(DARLA, OURS, "Open the gate", webhook=False)
        await self.indigo.menu("checkMessages")
        await self.indigo.until(lambda: self.indigo.broadcasts)


def _pattern(kind: str, pattern: str, part: str = "messageText") -> dict[str, str]:
    return {
        "twilioNumber": ANY,
        "matchType": kind,
        "matchField": part,
        "matchString": pattern,
    }


async def test_the_first_minute_of_an_upgrade_fires_nothing_that_was_received_before(
    tmp_path: Path,
) -> None:
    async with Home(tmp_path, prefs=OLD_PREFS, started=False) as home:
        old, indigo = OldHome(home), home.indigo
        await old.furnish(OLD_TEXTS)
        await old.start()
        assert indigo.executed == []
        states = indigo.states(old.number)
        assert (states["messageText"], states["numberStatus"]) == ("Good night", "Success")
        assert states.keys() == OLD_STATES.keys() | NEW_STATES
        await old.text()
        assert [each.data["messageText"] for each in indigo.broadcasts] == ["Open the gate"]
        assert [each.name for each in indigo.executed] == [
            "Any",
            "Any again",
            "Mine",
            "Simple",
            "Exact",
            "From Darla",
            "To us",
            "Regex",
        ]
        assert indigo.executed[-1].states[old.number]["matchResult"] == "Open"
        await until(
            lambda: all(m.body != "Open the gate" for m in home.simulator.messages), "it is deleted"
        )
        assert len(home.simulator.messages) == OLD_TEXTS
        assert indigo.uncaught == []


async def test_changed_triggers_are_listed_at_the_first_start_only(tmp_path: Path) -> None:
    async with Home(tmp_path, prefs=OLD_PREFS, started=False) as home:
        old = OldHome(home)
        await old.furnish()
        await old.start()
        assert home.indigo.lines("before; it") == CHANGED
        assert home.indigo.lines("Bad regex: The pattern is not a regular expression")
        home._started = True
        await home.restart(power_cut=True)
        assert home.indigo.lines("before; it") == []
        home.indigo.event_log.clear()
        await home.indigo.menu("checkSetup")
        await home.indigo.until(lambda: home.indigo.lines("Check set-up:"))
        assert home.indigo.lines("before; it") == CHANGED


async def test_only_what_still_counts_is_told_at_the_first_start(tmp_path: Path) -> None:
    async with Home(tmp_path, prefs=OLD_PREFS, started=False) as home:
        old, indigo = OldHome(home), home.indigo
        await old.furnish()
        mine, theirs = (
            next(key for key, each in indigo.db.triggers.items() if each.name == name)
            for name in ("Mine", "Theirs")
        )
        await indigo.enable(mine, on=False)
        indigo.db.triggers[theirs].props["twilioNumber"] = "7"
        await old.start()
        assert home.indigo.lines("before; it") == CHANGED[2:]
        assert indigo.lines("Trigger Theirs: its number's device is gone, so it never fires")


async def test_a_new_home_is_not_told_of_an_upgrade(tmp_path: Path) -> None:
    prefs = {key: value for key, value in OLD_PREFS.items() if key != "lastMessageStamp"}
    async with Home(tmp_path, prefs=prefs, started=False) as home:
        old = OldHome(home)
        await old.furnish()
        await old.start()
        await home.indigo.menu("checkSetup")
        await home.indigo.until(lambda: home.indigo.lines("Check set-up:"))
        assert home.indigo.lines("before; it") == []
        assert home.indigo.lines("takes the place") == []


async def test_the_way_back_stays_open(tmp_path: Path) -> None:
    async with Home(tmp_path, prefs=OLD_PREFS, started=False) as home:
        old, indigo = OldHome(home), home.indigo
        await old.furnish()
        before = {key: dict(each.props) for key, each in indigo.db.triggers.items()}
        await old.start()
        await old.text()
        await indigo.stop_plugin()
        assert OLD_PREFS.items() <= indigo.prefs.items()
        assert (indigo.prefs["maxAge"], indigo.prefs["checkAccess"]) == ("0", False)
        kept = {"address": OURS, "devVersCount": 2, **OLD_NUMBER}
        assert kept.items() == indigo.db.devices[old.number].props.items()
        assert OLD_CONTACT.items() <= indigo.db.devices[old.contact].props.items()
        assert {key: dict(each.props) for key, each in indigo.db.triggers.items()} == before


async def test_old_preferences_that_are_no_numbers_are_told_by_name(tmp_path: Path) -> None:
    async with Home(tmp_path, prefs={**OLD_PREFS, "pollFrequency": "often"}) as home:
        assert home.indigo.lines("Not set up: Check for new messages (minutes): This is not a time")
        assert home.indigo.plugin_state == "running"
        assert home.indigo.uncaught == []
