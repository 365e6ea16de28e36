"""The plugin's life: what Indigo tells it of devices, triggers and preferences, and its gateway.

`indigo` is Indigo's own module, and `plugin` the object of the bundle that Indigo calls; what its
methods mean is in docs.indigodomo.com, plugin guide.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from callbox.domain.delivery import Delivery
from callbox.domain.question import Question
from callbox.indigo import checkup
from callbox.indigo.actions import NATIONAL, Actions, send_reply
from callbox.indigo.dialogs import NUMBER, NUMBER_FIELDS, Dialogs, own_number
from callbox.indigo.engine import Engine, Setup
from callbox.indigo.journal import Journal
from callbox.indigo.mistake import Mistake
from callbox.indigo.people import GROUP, People, members_of, number_of
from callbox.indigo.preferences import Preferences, config_of, faults, migrated
from callbox.indigo.questions import Questions
from callbox.indigo.teller import Manner, Teller
from callbox.indigo.triggers import Trigger, Triggers
from callbox.indigo.web import RECEIVE
from callbox.indigo.wording import SETTINGS, InWords
from callbox.service import Gateway
from callbox.twilio.account import Finding

log = logging.getLogger(__name__)

BASE_URL = "CALLBOX_TWILIO__BASE_URL"  # as for every Callbox: who answers in Twilio's place
_STORE, _REHEARSAL = "callbox.sqlite", "rehearsal.sqlite"  # what is rehearsed is nobody's text
_VERSION = 2  # of a number device's properties, as the Twilio plugin counts them
_OF_PEOPLE = ("name", "enabled", "pluginProps")  # what of a device says who somebody is
_LONGEST_WAIT = 1.0  # seconds between two looks for questions that nobody answered
_LONGEST_STEP = 10.0  # seconds for something to be kept
_LONGEST_LOOK = 60.0  # seconds for Twilio to tell of answers that came in time


class Callbox:
    """Everything between Indigo and a gateway."""

    def __init__(self, indigo: Any, plugin: Any) -> None:  # noqa: ANN401 - Indigo's
        self._indigo = indigo
        self._plugin = plugin
        self._known: tuple[int, People] | None = None
        self._changes = 0  # of people
        self._rehearses = False
        self._numbers: dict[int, tuple[str, bool]] = {}  # by device in service: number, delete
        self._triggers = Triggers()
        self._gateway: Gateway | None = None
        self._told = ""  # what is wrong with the preferences, as the log was told
        self._loop: asyncio.AbstractEventLoop | None = None  # of the gateway
        self._prefs: dict[str, Any] = dict(plugin.pluginPrefs)
        self.preferences = Preferences.read(self._prefs)
        self.questions = Questions()
        self.teller = Teller(
            indigo,
            self._triggers,
            self.people,
            Journal(indigo.server, plugin.pluginDisplayName),
            self._reply,
            self._close,
            self.questions,
        )
        self.engine = Engine(self.teller, self._attend)
        self.actions = Actions(
            indigo,
            self.engine,
            self.questions,
            self.people,
            plugin.substitute,
            self._checked,
            self._queued,
            self._refused,
        )
        self.dialogs = Dialogs(indigo, self.people)

    # life

    def startup(self) -> None:
        """Get ready; devices and triggers are started after it."""
        self._send_log()
        added = migrated(self._prefs)
        for device in self._indigo.devices.iter(f"self.{NUMBER}"):
            if device.enabled and device.configured:
                self._add_number(device)
        for trigger in self._indigo.triggers.iter("self"):
            if trigger.enabled:
                self._triggers.add(Trigger.read(trigger))
        self.configure(added)
        if added:
            for name, value in added.items():
                self._plugin.pluginPrefs[name] = value
            self._indigo.server.savePluginPrefs()
            if self._upgraded:
                self._tell_changes()

    def run(self) -> None:
        """Serve, in Indigo's concurrent thread, until `stop`."""
        self.engine.run()

    def stop(self) -> None:
        """End `run`."""
        self.engine.stop()

    def wake_up(self) -> None:
        """Look for what came while the machine slept."""
        if self._numbers:
            self.actions.check(waits=False)

    def configure(self, changed: Mapping[str, Any] | None = None) -> None:
        """Have the gateway be as preferences and devices say now.

        `changed` are preferences that Indigo need not have stored yet.
        """
        self._prefs |= dict(changed or {})
        self.preferences = preferences = Preferences.read(self._prefs)
        self._plugin.indigo_log_handler.setLevel(preferences.log_level)
        self.teller.manner = Manner(preferences.check_access, preferences.max_age_minutes * 60)
        self.teller.numbers = {number: key for key, (number, _) in self._numbers.items()}
        setup = None
        found = faults(self._prefs)
        wrong = "; ".join(f"{SETTINGS[name]}: {fault}" for name, fault in found.items())
        if not wrong:
            try:
                setup = self._setup()
            except Mistake as mistake:
                wrong = mistake.sentence
        if wrong and wrong != self._told:  # each device that starts leads here
            log.error("Not set up: %s. Choose Configure... in the plugin's menu", wrong)
        self._told = wrong
        self.engine.configure(setup, wrong)

    def _setup(self) -> Setup:
        preferences = self.preferences
        url = self.receive_url()
        config = config_of(
            preferences,
            tuple(sorted({number for number, _ in self._numbers.values()})),
            self._folder / (_REHEARSAL if preferences.dry_run else _STORE),
            os.environ.get(BASE_URL),
            tuple(sorted({number for number, delete in self._numbers.values() if delete})),
            url.partition("?")[0] if url else None,
        )
        # A broker would take what is rehearsed for sent, and hand it over again afterwards.
        broker = bool(preferences.mqtt_url) and not preferences.dry_run
        return Setup(config, preferences.dry_run, broker)

    @property
    def _folder(self) -> Path:
        home = Path(self._indigo.server.getInstallFolderPath())
        return home / "Preferences" / "Plugins" / str(self._plugin.pluginId)

    def receive_url(self) -> str | None:
        """Give where Twilio's webhooks come in: as set, or through Indigo's reflector."""
        if self.preferences.receive_url:
            return self.preferences.receive_url
        reflector = str(self._indigo.server.getReflectorURL() or "").rstrip("/")
        return f"{reflector}/message/{self._plugin.pluginId}/{RECEIVE}" if reflector else None

    def receive_query(self) -> str:
        """Give what stands behind the address at Twilio, from its `?` on, where that is known."""
        query = urlsplit(self.preferences.receive_url).query
        return f"?{query}" if query else ""

    def _send_log(self) -> None:
        """Have the package's log go where the plugin's goes."""
        ours = logging.getLogger("callbox")
        ours.setLevel(logging.DEBUG)
        ours.propagate = False
        logging.getLogger("callbox.inbox").setLevel(logging.WARNING)  # the journal tells of texts
        for handler in (self._plugin.indigo_log_handler, self._plugin.plugin_file_handler):
            if handler not in ours.handlers:
                ours.addHandler(handler)
                handler.addFilter(InWords())

    def _tell_changes(self) -> None:
        """At the first start, list the triggers that do something else from now on."""
        log.info("Callbox takes the place of the Twilio plugin; texts from before fire nothing")
        devices = {device.id for device in self._indigo.devices.iter(f"self.{NUMBER}")}
        for finding in checkup.changes(self._triggers, devices):
            log.log(_level(finding), "%s", finding.sentence)

    # devices and triggers

    def device_started(self, device: Any) -> None:  # noqa: ANN401 - Indigo's
        """Put a device in service."""
        self.people_changed()
        device.stateListOrDisplayStateIdChanged()
        field = NUMBER_FIELDS.get(device.deviceTypeId)
        written = str(device.pluginProps.get(field) or "") if field else ""
        if written and device.pluginProps.get("address") != written:
            props = device.pluginProps
            props["address"] = written
            if device.deviceTypeId == NUMBER:
                props["devVersCount"] = _VERSION
            device.replacePluginPropsOnServer(props)
        if device.deviceTypeId == NUMBER:
            self._add_number(device)
            self.configure()
        elif device.deviceTypeId == GROUP:
            members = len(members_of(device.pluginProps))
            device.updateStateOnServer(
                "contactStatus", "1 contact" if members == 1 else f"{members} contacts"
            )

    def device_stopped(self, device: Any) -> None:  # noqa: ANN401 - Indigo's
        """Take a device out of service; not while the plugin ends, when all of them are stopped."""
        self.people_changed()
        if self.engine.stopping or device.id not in self._numbers:
            return
        if not self._stays(device.id):
            del self._numbers[device.id]
            self.configure()

    def _stays(self, device_id: int) -> bool:
        """Tell whether a device is stopped only to be started again, as when it is saved."""
        devices = self._indigo.devices
        return device_id in devices and devices[device_id].enabled

    def _add_number(self, device: Any) -> None:  # noqa: ANN401 - Indigo's
        props = device.pluginProps
        try:
            number = number_of(str(props.get(NUMBER_FIELDS[NUMBER]) or ""), NATIONAL)
        except Mistake as mistake:
            log.error("%s: %s", device.name, mistake)  # noqa: TRY400 - a sentence says it
            self._numbers.pop(device.id, None)
            return
        self._numbers[device.id] = number, bool(props.get("delete", True))

    def device_updated(self, before: Any, after: Any) -> None:  # noqa: ANN401 - Indigo's
        """Note what changed of a device, unless it is its states."""
        if any(getattr(before, name) != getattr(after, name) for name in _OF_PEOPLE):
            self.people_changed()

    def people_changed(self) -> None:
        """Look at contacts and groups anew, the next time they are needed."""
        self._changes += 1

    def people(self) -> People:
        """Give contacts and groups as they are; from any thread."""
        changes, known = self._changes, self._known
        if known is None or known[0] != changes:
            ours = next((number for number, _ in self._numbers.values()), "")
            known = self._known = changes, People.of(self._indigo.devices.iter("self"), ours)
        return known[1]

    def trigger_started(self, trigger: Any) -> None:  # noqa: ANN401 - Indigo's
        """Have a trigger fire from now on."""
        self._triggers.add(Trigger.read(trigger))
        self.teller.tell_faults()

    def trigger_stopped(self, trigger: Any) -> None:  # noqa: ANN401 - Indigo's
        """Have a trigger fire no more, unless the plugin ends: what is being told fires all."""
        if not self.engine.stopping:
            self._triggers.remove(trigger.id)

    # menus and the web server

    def receive(self, props: Mapping[str, Any]) -> Any:  # noqa: ANN401 - Indigo's
        """Take what Twilio tells; not in a dry run, after which it is fetched."""
        if self.preferences.dry_run:
            return self.actions.turn_away()
        return self.actions.receive(props, self.receive_query())

    def check_setup(self) -> None:
        """Write to the Event Log what is wrong, and what to do about it."""
        tells = partial(_tell_findings, self._home())
        self.engine.call(tells).add_done_callback(_end_findings)

    def _home(self) -> checkup.Home:
        """Give what Check set-up looks at."""
        devices = self._indigo.devices
        return checkup.Home(
            self.preferences,
            tuple(
                checkup.OwnNumber(each.id, each.name, own_number(each), each.enabled)
                for each in devices.iter(f"self.{NUMBER}")
            ),
            self.receive_url(),
            tuple(self._triggers),
            dict(self.teller.numbers),
            self.people(),
            {str(each.id): members_of(each.pluginProps) for each in devices.iter(f"self.{GROUP}")},
            self._upgraded,
        )

    @property
    def _upgraded(self) -> bool:
        """Whether the Twilio plugin was here before: it has left when it last asked for texts."""
        return "lastMessageStamp" in self._prefs

    def simulate(self, sender: str, device_id: str, text: str) -> None:
        """Have somebody text to us, in a dry run. Raises Mistake outside of one."""
        if self.engine.simulator is None:
            raise Mistake("This is for a dry run only; tick Dry run in the plugin's settings")
        found = self._numbers.get(int(device_id)) if device_id.isdecimal() else None
        if found is None:
            raise Mistake("This number is not in service; expected another", "twilioNumber")
        came = partial(self._simulated, number_of(sender, found[0]), found[0], text)
        self.engine.call(came).add_done_callback(_tell_fault)

    async def _simulated(self, sender: str, ours: str, text: str, gateway: Gateway) -> None:
        if self.engine.simulator is not None:
            await self.engine.simulator.receive(sender, ours, text)
            gateway.rounds.check()

    # on the gateway's loop

    async def _attend(self, gateway: Gateway) -> Coroutine[Any, Any, None]:
        self._gateway = gateway
        self.questions.load(await gateway.store.questions())
        self._loop = asyncio.get_running_loop()
        await self._loop.run_in_executor(self.teller.thread, self.teller.journal.open)
        rehearses = not gateway.config.twilio.really_twilio
        if rehearses and not self._rehearses:
            log.warning("Dry run: nothing is really sent")
        self._rehearses = rehearses
        return self._go_along(gateway)

    async def _go_along(self, gateway: Gateway) -> None:
        """Look for what came meanwhile where nobody asks for it, and for overdue questions."""
        if gateway.config.polls_every is None:
            gateway.rounds.check()
        while True:
            await asyncio.sleep(self.questions.wait(self.teller.now(), _LONGEST_WAIT))
            if any(self.questions.overdue(self.teller.now())):
                await gateway.spawn(self._time_out(gateway))

    async def _time_out(self, gateway: Gateway) -> None:
        """Do what is due for questions that nobody answered; answers may wait at Twilio."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_LOOK):
                answers = False
                while not answers:
                    gateway.rounds.check()
                    answers = await gateway.rounds.first_look()
                    await asyncio.sleep(0 if answers else _LONGEST_WAIT)
        if gateway.indigo is not None:
            await gateway.indigo.do(self.teller.time_out)

    # in the thread that talks to Indigo

    def _reply(self, question: Question, answer: str) -> None:
        if self._gateway is not None and self._loop is not None:
            _kept(send_reply(self._gateway, question, answer), self._loop)

    def _close(self, question: Question) -> None:
        if self._gateway is not None and self._loop is not None:
            _kept(self._gateway.store.close_question(question.id), self._loop)

    def _queued(self, device_id: int, delivery: Delivery) -> None:
        """Have it shown that a device sends something; from any thread."""
        self.teller.thread.submit(self.teller.queued, device_id, delivery)

    def _refused(self, device_id: int, reason: str) -> None:
        """Have it shown that a device sent nothing; from any thread."""
        self.teller.thread.submit(self.teller.refused, device_id, reason)

    def _checked(self, numbers: list[str], good: bool) -> None:
        self.teller.show_check(numbers, good=good)


def _kept(work: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> None:
    """Have something kept before going on; the gateway does not close until then."""
    asyncio.run_coroutine_threadsafe(work, loop).result(_LONGEST_STEP)


async def _tell_findings(home: checkup.Home, gateway: Gateway) -> int:
    wrong = 0
    async for finding in checkup.findings(home, gateway):
        wrong += finding.wrong
        log.log(_level(finding), "%s", finding.sentence)
    return wrong


def _end_findings(done: "Future[int]") -> None:
    _tell_fault(done)
    log.info("Check set-up: %s to mend", _counted(1 if done.exception() else done.result()))


def _counted(things: int) -> str:
    return {0: "nothing", 1: "1 thing"}.get(things, f"{things} things")


def _level(finding: Finding) -> int:
    if finding.wrong:
        return logging.ERROR
    return logging.WARNING if finding.unsure else logging.INFO


def _tell_fault(done: Any) -> None:  # noqa: ANN401 - a Future of anything
    fault = done.exception()
    if fault is not None:
        log.error("%s", fault)
