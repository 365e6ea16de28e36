"""indigo.PluginBase: what every plugin inherits, each callback under two spellings."""
# ruff: noqa: ANN401, N802, N803, ARG002 - the platform's names and types

import logging
import logging.handlers
import re
from pathlib import Path
from typing import Any

from indigo_host.values import Dict

THREAD_DEBUG = 5


class StopThread(Exception):  # noqa: N818 - the platform's name
    """Raised by self.sleep once the thread is to end."""


class IndigoLogHandler(logging.Handler):
    """Writes the plugin's log lines into the Event Log."""

    def __init__(self, host: Any) -> None:
        super().__init__(logging.INFO)
        self._host = host

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        try:
            error = record.levelno >= logging.ERROR
            self._host.ask("log", self.format(record), None, error, record.levelno)
        except Exception:  # noqa: BLE001 - logging's own way with a handler's fault
            self.handleError(record)


class PluginBase:
    """The base class of plugins."""

    StopThread = StopThread
    _host: Any
    """The plugin host, set on the class before a plugin is made."""

    def __init__(
        self,
        plugin_id: str,
        plugin_display_name: str,
        plugin_version: str,
        plugin_prefs: Dict,
        **_: Any,
    ) -> None:
        self.pluginId = plugin_id
        self.pluginDisplayName = plugin_display_name
        self.pluginVersion = plugin_version
        self.pluginPrefs = plugin_prefs
        self.pluginFolderPath = self._host.welcome.folder
        self.stopThread = False
        self.logger = logging.getLogger("Plugin")
        self.logger.setLevel(logging.DEBUG)
        self.indigo_log_handler = IndigoLogHandler(self._host)
        self.logger.addHandler(self.indigo_log_handler)
        self.plugin_file_handler = _file_handler(Path(self._host.welcome.log_folder))
        self.logger.addHandler(self.plugin_file_handler)

    @property
    def debug(self) -> bool:
        """Whether debug lines go to the Event Log (deprecated)."""
        return self.indigo_log_handler.level <= logging.DEBUG

    @debug.setter
    def debug(self, on: bool) -> None:
        self.indigo_log_handler.setLevel(logging.DEBUG if on else logging.INFO)

    # Life
    def startup(self) -> Any:
        """Run after __init__, before devices and triggers are started."""

    def shutdown(self) -> None:
        """Run last."""

    def runConcurrentThread(self) -> None:
        """Run in a thread of its own."""

    def stopConcurrentThread(self) -> None:
        """Have the thread end."""
        self.stopThread = True
        self._host.wake()

    def sleep(self, seconds: float) -> None:
        """Sleep, or raise StopThread once the thread is to end."""
        self._host.sleep(seconds)

    def prepareToSleep(self) -> None:
        """Stop all before the Mac sleeps."""
        self._host.stop_all()

    def wakeUp(self) -> None:
        """Start all after the Mac slept."""
        self._host.start_all()

    # Devices
    def deviceStartComm(self, dev: Any) -> None:
        """Start a device."""

    def deviceStopComm(self, dev: Any) -> None:
        """Stop a device."""

    def deviceCreated(self, dev: Any) -> None:
        """Start a new device."""
        if dev.enabled and dev.configured:
            self._host.start("devices", dev)

    def deviceDeleted(self, dev: Any) -> None:
        """Stop a deleted device."""
        self._host.stop("devices", dev)

    def deviceUpdated(self, orig: Any, new: Any) -> None:
        """Stop and start a changed device as needed."""
        self._restart("devices", "didDeviceCommPropertyChange", orig, new)

    def didDeviceCommPropertyChange(self, orig: Any, new: Any) -> bool:
        """Whether a change asks for a restart."""
        return bool(orig.pluginProps != new.pluginProps)

    def _restart(self, table: str, question: str, orig: Any, new: Any) -> None:
        was = orig.enabled and orig.configured
        active = new.enabled and new.configured
        if was and active and not self._host.callback(question)(orig, new):
            return
        if was:
            self._host.stop(table, orig)
        if active:
            self._host.start(table, new)

    def getDeviceStateList(self, dev: Any) -> Any:
        """Give the states of a device's type."""
        return self._host.ask("state_list", dev.deviceTypeId)

    def getDeviceDisplayStateId(self, dev: Any) -> str:
        """Give the state shown in the list of devices."""
        return str(dev.displayStateId)

    # Triggers
    def triggerStartProcessing(self, trigger: Any) -> None:
        """Start a trigger."""

    def triggerStopProcessing(self, trigger: Any) -> None:
        """Stop a trigger."""

    def triggerCreated(self, trigger: Any) -> None:
        """Start a new trigger."""
        if trigger.enabled and trigger.configured:
            self._host.start("triggers", trigger)

    def triggerDeleted(self, trigger: Any) -> None:
        """Stop a deleted trigger."""
        self._host.stop("triggers", trigger)

    def triggerUpdated(self, orig: Any, new: Any) -> None:
        """Stop and start a changed trigger as needed."""
        self._restart("triggers", "didTriggerProcessingPropertyChange", orig, new)

    def didTriggerProcessingPropertyChange(self, orig: Any, new: Any) -> bool:
        """Whether a change asks for a restart."""
        return bool(orig.pluginProps != new.pluginProps)

    # Dialogs
    def getPrefsConfigUiValues(self) -> Any:
        """Give the values the preferences open with."""
        return self.pluginPrefs, Dict()

    def getDeviceConfigUiValues(self, props: Dict, type_id: str, dev_id: int) -> Any:
        """Give the values a device's dialog opens with."""
        return props, Dict()

    def getActionConfigUiValues(self, props: Dict, type_id: str, dev_id: int) -> Any:
        """Give the values an action's dialog opens with."""
        return props, Dict()

    def getEventConfigUiValues(self, props: Dict, type_id: str, event_id: int) -> Any:
        """Give the values an event's dialog opens with."""
        return props, Dict()

    def getMenuActionConfigUiValues(self, menu_id: str) -> Any:
        """Give the values a menu item's dialog opens with."""
        return Dict(), Dict()

    def validatePrefsConfigUi(self, values: Dict) -> Any:
        """Accept the preferences."""
        return True, values

    def validateDeviceConfigUi(self, values: Dict, type_id: str, dev_id: int) -> Any:
        """Accept a device's properties."""
        return True, values

    def validateActionConfigUi(self, values: Dict, type_id: str, dev_id: int) -> Any:
        """Accept an action's properties."""
        return True, values

    def validateEventConfigUi(self, values: Dict, type_id: str, event_id: int) -> Any:
        """Accept an event's properties."""
        return True, values

    def closedPrefsConfigUi(self, values: Dict, cancelled: bool) -> None:
        """Run when the preferences are closed."""

    def closedDeviceConfigUi(
        self, values: Dict, cancelled: bool, type_id: str, dev_id: int
    ) -> None:
        """Run when a device's dialog is closed."""

    def closedActionConfigUi(
        self, values: Dict, cancelled: bool, type_id: str, dev_id: int
    ) -> None:
        """Run when an action's dialog is closed."""

    def closedEventConfigUi(
        self, values: Dict, cancelled: bool, type_id: str, event_id: int
    ) -> None:
        """Run when an event's dialog is closed."""

    # Texts and log
    def substitute(self, text: str, validateOnly: bool = False) -> Any:
        """Replace variables, then device states; with validateOnly give (ok, error)."""
        return self._substitute("vd", text, validateOnly)

    def substituteVariable(self, text: str, validateOnly: bool = False) -> Any:
        """Replace variables."""
        return self._substitute("v", text, validateOnly)

    def substituteDeviceState(self, text: str, validateOnly: bool = False) -> Any:
        """Replace device states."""
        return self._substitute("d", text, validateOnly)

    def _substitute(self, kinds: str, text: str, only_check: bool) -> Any:
        replaced, faults = self._host.ask("substitute", kinds, text, not only_check)
        if not only_check:
            return replaced
        return (False, faults[0]) if faults else (True, "")

    def debugLog(self, message: str) -> None:
        """Write a debug line (deprecated)."""
        self.logger.debug(message)

    def errorLog(self, message: str) -> None:
        """Write an error line (deprecated)."""
        self.logger.error(message)


def _file_handler(folder: Path) -> logging.Handler:
    folder.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.TimedRotatingFileHandler(
        folder / "plugin.log",
        when="midnight",
        backupCount=20,
    )
    handler.setFormatter(
        logging.Formatter("%(asctime)s\t%(levelname)s\t%(name)s.%(funcName)s:\t%(message)s"),
    )
    handler.setLevel(logging.DEBUG)
    return handler


def snake(name: str) -> str:
    """Give the other name of a callback."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _thread_debug(self: logging.Logger, message: object, *args: Any, **kwargs: Any) -> None:
    if self.isEnabledFor(THREAD_DEBUG):
        self._log(THREAD_DEBUG, message, args, **kwargs)


def install() -> None:
    """Give the base its snake_case names and loggers their `threaddebug`."""
    for name in [each for each in vars(PluginBase) if re.search("[a-z][A-Z]", each)]:
        setattr(PluginBase, snake(name), vars(PluginBase)[name])
    logging.addLevelName(THREAD_DEBUG, "THREADDEBUG")
    logging.Logger.threaddebug = _thread_debug  # type: ignore[attr-defined]
