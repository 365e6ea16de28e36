"""Bursts, kills, power cuts, sleep and a gateway that cannot open: nothing is lost, nothing twice.

KILL_SEED draws other moments.
"""

import logging
import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from callbox.simulator.records.message import Message
from callbox.store.lock import Lock
from harness.disk import SmallDisk
from harness.home import DARLA, OURS
from harness.letterbox import Letterbox, side_by_side
from harness.waiting import until
from indigo_host.quirks import Quirks
from indigo_host.server import IndigoServer

log = logging.getLogger(__name__)

SEED = int(os.environ.get("KILL_SEED", "1"))
BURST = 1_000
CALLS = ("write_log", "execute_trigger", "take_broadcast")


@dataclass
class Burst:
    """Many texts at once, and the triggers that they fired on whichever server."""

    box: Letterbox
    made: list[Message] = field(default_factory=list)
    kills: int = 0
    _servers: list[IndigoServer] = field(default_factory=list)

    async def listed(self, count: int) -> None:
        """Have texts come in that Twilio lists and tells nobody of."""
        for place in range(count):
            text = await self.box.home.simulator.receive(DARLA, OURS, f"{place}", webhook=False)
            self.made.append(text)
        await self.box.look()

    async def called(self, place: int) -> None:
        """Have a text come in by webhook."""
        self.made.append(await self.box.home.simulator.receive(DARLA, OURS, f"{place}"))

    def bodies(self) -> list[str]:
        """Give the texts that fired the trigger, in order, repeats and all."""
        number = self.box.number
        return [each.states[number]["messageText"] for s in self.servers for each in s.executed]

    @property
    def servers(self) -> list[IndigoServer]:
        """All that ran, one after the other."""
        return [*self._servers, self.box.home.indigo]

    def fired(self) -> int:
        """Count how often the trigger ran."""
        return sum(len(each.executed) for each in self.servers)

    async def some(self, more: int) -> None:
        """Wait until so many more have fired."""
        wanted = min(self.fired() + more, len(self.made))
        await self.box.home.indigo.until(lambda: self.fired() >= wanted, 30)

    async def killed(self, rng: random.Random, farthest: int) -> None:
        """Kill the plugin at a moment of its telling, and start it again."""
        self.box.kill_at(rng.choice(CALLS), rng.randrange(1, farthest))
        await self.box.killed()
        self.kills += 1
        await self.box.home.indigo.start_plugin()

    async def restarted(self, *, power_cut: bool) -> None:
        """Restart the whole machine, in order or not."""
        self._servers.append(self.box.home.indigo)
        await self.box.home.restart(power_cut=power_cut)
        self.kills += power_cut

    async def over(self) -> None:
        """Wait until all was told."""
        await until(lambda: self.fired() >= len(self.made), "all that came has fired")
        await self.box.told(*self.made)


async def test_a_thousand_texts_by_webhook_fire_a_thousand_triggers_in_order(
    tmp_path: Path,
) -> None:
    async with Letterbox(tmp_path) as box:
        await box.trigger("messageReceived", "Any")
        burst = Burst(box)
        began = time.monotonic()
        for first in range(0, BURST, 50):
            await side_by_side(*(burst.called(place) for place in range(first, first + 50)))
        answered = time.monotonic() - began
        await burst.some(BURST)
        told = time.monotonic() - began
        log.info("%d texts by webhook: %.1f s, told %.1f s", BURST, answered, told)
        await burst.over()
        batches = [int(body) // 50 for body in burst.bodies()]
        assert batches == sorted(batches), "a text that came after another was answered"
        assert Counter(burst.bodies()) == {f"{place}": 1 for place in range(BURST)}
        assert {each.status for each in box.home.simulator.webhooks} == {200}


async def test_kills_power_cuts_and_stops_in_a_burst_lose_and_repeat_nothing(
    tmp_path: Path,
) -> None:
    rng = random.Random(f"burst/{SEED}")
    async with Letterbox(tmp_path, quirks=Quirks(log_survives=True)) as box:
        await box.trigger("messageReceived", "Any")
        burst = Burst(box)
        await burst.listed(BURST)
        for _ in range(3):
            await burst.killed(rng, 200)
        await burst.some(rng.randrange(1, 100))
        await burst.restarted(power_cut=True)
        await burst.some(rng.randrange(1, 100))
        await burst.restarted(power_cut=False)
        await burst.over()
        assert burst.bodies() == [f"{place}" for place in range(BURST)]


async def test_kills_while_twilio_calls_lose_and_repeat_nothing(tmp_path: Path) -> None:
    rng = random.Random(f"calls/{SEED}")
    async with Letterbox(tmp_path) as box:
        for name in ("1", "2", "3"):
            await box.trigger("messageReceived", name)
        burst = Burst(box)
        for first in (0, 40, 80):
            box.kill_at(rng.choice(CALLS), rng.randrange(1, 60))
            await side_by_side(*(burst.called(place) for place in range(first, first + 40)))
            await box.killed()
            await box.home.indigo.start_plugin()
        await burst.over()
        assert Counter(box.fired) == {"1": 120, "2": 120, "3": 120}
        assert box.fired == ["1", "2", "3"] * 120
        assert box.bodies()[::3] == box.bodies()[1::3] == box.bodies()[2::3]


UNSEEN = {
    "the log cannot be read": Quirks(log_readable=False),
    "triggers are not logged": Quirks(suppress_trigger_lines=True),
    "the log is lost with the power": Quirks(),
}


@pytest.mark.parametrize("why", UNSEEN)
async def test_where_indigo_does_not_tell_what_ran_a_kill_repeats_one_text_at_most(
    tmp_path: Path, why: str
) -> None:
    rng = random.Random(f"{why}/{SEED}")
    async with Letterbox(tmp_path, quirks=UNSEEN[why]) as box:
        await box.trigger("messageReceived", "Any")
        burst = Burst(box)
        await burst.listed(60)
        if "power" in why:
            await burst.some(rng.randrange(1, 20))
            await burst.restarted(power_cut=True)
        else:
            for _ in range(2):
                await burst.killed(rng, 20)
        await burst.over()
        await until(lambda: len(set(burst.bodies())) == 60, "none is lost")
        wanted = [f"{place}" for place in range(60)]
        assert list(dict.fromkeys(burst.bodies())) == wanted
        repeated = Counter(burst.bodies()) - Counter(wanted)
        assert sum(repeated.values()) <= burst.kills


async def test_a_busy_log_does_not_hide_what_ran_before_the_kill(tmp_path: Path) -> None:
    """Other plugins wrote thousands of lines between the kill and the new start."""
    async with Letterbox(tmp_path) as box:
        indigo = box.home.indigo
        for name in ("1", "2"):
            await box.trigger("messageReceived", name)
        box.kill_at("execute_trigger")
        message = await box.home.simulator.receive(DARLA, OURS, "Once", wait=False)
        await box.killed()
        for place in range(3_000):
            indigo.write_log(f"line {place}", "Other plugin")
        await indigo.start_plugin()
        await box.told(message)
        assert box.fired == ["1", "2"]


async def test_triggers_of_one_name_each_run_once_after_a_kill(tmp_path: Path) -> None:
    async with Letterbox(tmp_path) as box:
        indigo = box.home.indigo
        twins = [await box.trigger("messageReceived", name) for name in ("Twin", "Other", "Third")]
        for twin in twins:
            indigo.db.triggers[twin].name = "Twin"
        await indigo.restart_plugin()
        box.kill_at("execute_trigger", 2)
        message = await box.home.simulator.receive(DARLA, OURS, "Once", wait=False)
        await box.killed()
        await indigo.start_plugin()
        await box.told(message)
        assert [each.trigger_id for each in indigo.executed] == twins


async def test_kill_after_kill_in_one_text_repeats_nothing(tmp_path: Path) -> None:
    """The log has lines of ours about other things in between."""
    async with Letterbox(tmp_path) as box:
        indigo = box.home.indigo
        for name in ("1", "2", "3"):
            await box.trigger("messageReceived", name)
        box.kill_at("execute_trigger")
        message = await box.home.simulator.receive(DARLA, OURS, "Once", wait=False)
        for _ in range(2):
            await box.killed()
            indigo.write_log("No answer from Darla (question-1)")
            box.kill_at("execute_trigger")
            await indigo.start_plugin()
        await box.killed()
        await indigo.start_plugin()
        await box.told(message)
        assert box.fired == ["1", "2", "3"]


async def test_a_fault_of_indigo_in_the_middle_of_a_text_repeats_no_trigger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Letterbox(tmp_path, quirks=Quirks(log_readable=False)) as box:
        indigo = box.home.indigo
        for name in ("1", "2"):
            await box.trigger("messageReceived", name)
        faults = [RuntimeError("the server is busy")]
        tell = indigo.take_broadcast

        def busy(name: str, data: object) -> None:
            if faults:
                raise faults.pop()
            tell(name, data)

        monkeypatch.setattr(indigo, "take_broadcast", busy)
        await box.text("Once")
        assert box.fired == ["1", "2"]
        assert [each["messageText"] for each in box.heard] == ["Once"]


async def test_a_stop_waits_for_no_look_at_twilio_that_goes_on(tmp_path: Path) -> None:
    async with Letterbox(tmp_path) as box:
        asked = box.home.simulator.requests.in_flight
        box.home.simulator.faults.set([{"on": "list", "stall": 60}])
        await box.look()
        await until(lambda: box.home.simulator.requests.in_flight > asked, "Twilio is asked")
        began = time.monotonic()
        await box.home.indigo.stop_plugin()
        assert time.monotonic() - began < 30
        assert box.home.indigo.errors() == []


async def test_what_comes_while_the_mac_sleeps_is_told_after_it_wakes(tmp_path: Path) -> None:
    async with Letterbox(tmp_path) as box:
        indigo = box.home.indigo
        await box.trigger("messageReceived", "Any")
        props = await box.home.action(
            "sendSMS", box.number, twilioContact=str(box.darla), smsMessage="Good night"
        )
        for _ in range(3):
            await indigo.run_action("sendSMS", device=box.number, props=props, wait=False)
        await indigo.mac_sleeps()
        os.kill(indigo.plugin_pid, signal.SIGSTOP)
        texts = [
            await box.home.simulator.receive(DARLA, OURS, f"{n}", webhook=False) for n in range(3)
        ]
        os.kill(indigo.plugin_pid, signal.SIGCONT)
        await indigo.mac_wakes()
        await box.told(*texts)
        assert box.bodies() == ["0", "1", "2"]
        await until(lambda: len(box.home.bodies()) == 3, "each is sent")
        await box.text("End")
        assert box.home.bodies() == ["Good night"] * 3
        assert indigo.errors() == []


async def test_a_database_that_another_holds_is_told_and_is_opened_once_it_is_free(
    tmp_path: Path,
) -> None:
    async with Letterbox(tmp_path) as box:
        indigo = box.home.indigo
        await box.trigger("messageReceived", "Any")
        await indigo.stop_plugin()
        lock = Lock(next(indigo.db.install_folder.rglob("callbox.sqlite")))
        lock.take()
        await indigo.start_plugin()
        await indigo.until(lambda: indigo.lines("in use by process"))
        began = time.monotonic()
        result = await box.home.act("sendSMS", box.number, smsTo=DARLA, smsMessage="Hello")
        assert not result["success"]
        assert "in use" in result["failures"][0]
        assert time.monotonic() - began < 8, "nobody waits for what is not going to be"
        lock.release()
        await box.set(logLevel="20")  # the owner presses OK
        await box.text("Hello again")
        assert box.bodies() == ["Hello again"]


async def test_a_full_disk_does_not_keep_the_plugin_from_stopping(tmp_path: Path) -> None:
    plugins = tmp_path / "home" / "Indigo 2025.2" / "Preferences" / "Plugins"
    plugins.mkdir(parents=True)
    with SmallDisk(plugins / "com.flyingdiver.indigoplugin.twilio") as disk:
        async with Letterbox(tmp_path) as box:
            indigo = box.home.indigo
            await box.trigger("messageReceived", "Any")
            props = await box.home.action("sendSMS", box.number, smsTo=DARLA, smsMessage="Later")
            disk.fill()
            await indigo.run_action("sendSMS", device=box.number, props=props, wait=False)
            form = {"MessageSid": "SM" + "5" * 32, "From": DARLA, "To": OURS, "Body": "Hello"}
            assert (await box.post(form))[0] == 503
            await indigo.stop_plugin()
            assert indigo.lines("killed") == [], "it stopped by itself"
            disk.empty()
            await indigo.start_plugin()
            await box.text("There is room")
            assert box.bodies() == ["There is room"]


async def test_settings_saved_in_a_burst_lose_and_repeat_nothing(tmp_path: Path) -> None:
    async with Letterbox(tmp_path) as box:
        await box.trigger("messageReceived", "Any")
        burst = Burst(box)
        await burst.listed(150)
        for frequency in ("5", "6", "7"):
            await burst.some(10)
            await box.set(pollFrequency=frequency)
            assert (await box.home.act("sendSMS", box.number, smsTo=DARLA, smsMessage=frequency))[
                "success"
            ]
        await burst.over()
        assert burst.bodies() == [f"{place}" for place in range(150)]
        await until(lambda: len(box.home.bodies()) == 3, "what was asked for meanwhile is sent")
        assert box.home.indigo.errors() == []
