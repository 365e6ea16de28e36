"""The plugin host: one callback thread, one concurrent thread, and a line to the server."""
# ruff: noqa: ANN401, N802 - the platform's names and types

import inspect
import os
import queue
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from indigo_host.base import PluginBase, StopThread, snake
from indigo_host.objects import Action, Device, Trigger
from indigo_host.quirks import Quirks
from indigo_host.records import ActionRequest, Welcome
from indigo_host.values import ArgumentError, Dict, List, holds_plain_dict, plain, wrap
from indigo_host.wire import Line

_STARTERS = {
    "devices": (Device, "deviceStartComm", "deviceStopComm"),
    "triggers": (Trigger, "triggerStartProcessing", "triggerStopProcessing"),
}
_EVENTS = {"devices": "device", "triggers": "trigger"}
_RESULTS = (bool, int, float, str, Dict, List, type(None))


class CompletionHandler:
    """Finishes a callback later, from any thread; only the first result counts."""

    def __init__(self, answer: Callable[[str, Any], None]) -> None:
        self._answer: Callable[[str, Any], None] | None = answer
        self._lock = threading.Lock()

    def _finish(self, status: str, value: Any) -> None:
        with self._lock:
            answer, self._answer = self._answer, None
        if answer is not None:
            answer(status, value)

    def returnResult(self, value: Any = None) -> None:
        """Give the caller its result."""
        self._finish("ok", value)

    def returnException(self, exception: BaseException) -> None:
        """Give the caller an error."""
        self._finish("exception", exception)


class Host:
    """Runs one plugin; `ask` and `sleep` are called from any of its threads."""

    def __init__(self, line: Line, welcome: Welcome) -> None:
        self.welcome = welcome
        self.quirks: Quirks = welcome.quirks
        self.prefs: Dict = wrap(welcome.prefs)
        self.subscriptions: dict[tuple[str, str], str] = {}
        self._line = line
        self._calls: queue.SimpleQueue[tuple[int, str, tuple[Any, ...]]] = queue.SimpleQueue()
        self._questions: dict[int, Future[Any]] = {}
        self._lock = threading.Lock()
        self._asked = 0
        self._plugin: Any = None
        self._started: dict[str, dict[int, Any]] = {"devices": {}, "triggers": {}}
        self._thread: threading.Thread | None = None
        self._sleeping = threading.Condition()
        self._skips = 0
        self._ended = False
        self._handled: CompletionHandler | None = None
        self._answer: Callable[[str, Any], None] | None = None
        self._convert: Callable[[Any], Any] = plain
        self._caller = threading.current_thread()

    # The line
    def ask(self, name: str, *args: Any) -> Any:
        """Ask the server and wait for its answer."""
        waiting: Future[Any] = Future()
        with self._lock:
            self._asked += 1
            number = self._asked
            self._questions[number] = waiting
        self._line.send(("ask", number, name, args))
        return waiting.result()

    def listen(self) -> None:
        """Take what comes from the server until it is gone, which ends this process."""
        try:
            while True:
                kind, *rest = self._line.receive()
                getattr(self, f"_on_{kind}")(*rest)
        except (EOFError, OSError):
            os._exit(1)

    def _on_call(self, number: int, kind: str, args: tuple[Any, ...]) -> None:
        self._calls.put((number, kind, args))

    def _on_answer(self, number: int, value: Any, error: Exception | None) -> None:
        waiting = self._questions.pop(number)
        if error is None:
            waiting.set_result(value)
        else:
            waiting.set_exception(error)

    def _on_skip(self) -> None:
        with self._sleeping:
            self._skips += 1
            self._sleeping.notify_all()

    # The callback thread
    def run(self) -> None:
        """Do the server's calls one by one until it says stop."""
        while not self._ended:
            number, kind, args = self._calls.get()
            self._one(number, kind, args)

    def _one(self, number: int, kind: str, args: tuple[Any, ...]) -> None:
        def answer(status: str, value: Any) -> None:
            self._line.send(("result", number, status, value))

        self._answer, self._handled = answer, None
        try:
            value = getattr(self, f"_do_{kind}")(*args)
        except Exception:  # noqa: BLE001 - a plugin's fault ends no host
            trace = traceback.format_exc()
            self.ask("uncaught", self._name(kind, args), trace)
            answer("raised", trace)
        else:
            if self._handled is None:
                answer("ok", value)

    @staticmethod
    def _name(kind: str, args: tuple[Any, ...]) -> str:
        """Say what was called, as a line of the log does."""
        if kind == "event":
            return f"{_EVENTS[args[0]]}{args[1]}"
        if kind == "action":
            return str(args[0].callback)
        return str(args[0]) if kind in {"method", "menu"} else kind

    def acquire_handler(self) -> CompletionHandler:
        """Give the handler with which another thread finishes the running callback."""
        if threading.current_thread() is not self._caller or self._answer is None:
            raise RuntimeError("acquireCallbackCompleteHandler is for the callback thread")
        answer = self._answer

        convert = self._convert

        def finish(status: str, value: Any) -> None:
            try:
                answer(status, convert(value) if status == "ok" else str(value))
            except ArgumentError as fault:
                answer("exception", str(fault))

        self._handled = CompletionHandler(finish)
        return self._handled

    def callback(self, name: str) -> Any:
        """Give the plugin's method by name; the base's own under either spelling."""
        if not hasattr(PluginBase, name):
            return getattr(self._plugin, name)
        names = {"both": (name, snake(name)), "camel": (name,), "snake": (snake(name),)}
        for each in names[self.quirks.callback_names]:
            for kind in type(self._plugin).__mro__:
                if kind is PluginBase:
                    break
                if each in vars(kind):
                    return getattr(self._plugin, each)
        return getattr(PluginBase, name).__get__(self._plugin)

    @staticmethod
    def convert(value: Any) -> Any:
        """Give a plugin's own types for what came over the line."""
        return wrap(value)

    # Life
    def begin(self, load: Callable[[], Any], indigo: Any) -> None:
        """Make the plugin, start it up, start devices, triggers and the thread; tell the server."""
        number, kind, _ = self._calls.get()
        assert kind == "start"
        status, message = self._begin(load, indigo)
        self._ended = status != "ready"
        self._line.send(("result", number, "ok", (status, message)))

    def _begin(self, load: Callable[[], Any], indigo: Any) -> tuple[str, str]:
        welcome = self.welcome
        try:
            who = (welcome.plugin_id, welcome.display_name, welcome.version)
            self._plugin = indigo.activePlugin = load()(*who, self.prefs)
            answer = self.callback("startup")()
        except Exception:  # noqa: BLE001 - a plugin's fault ends no host
            return "suspended", traceback.format_exc()
        if answer is False or isinstance(answer, str):
            return "refused", answer or "startup returned False"
        self.start_all()
        if self.callback("runConcurrentThread").__func__ is not PluginBase.runConcurrentThread:
            self._thread = threading.Thread(target=self._concurrent, name="concurrent", daemon=True)
            self._thread.start()
        return "ready", ""

    def start_all(self) -> None:
        """Start all active devices, then all active triggers."""
        for table, (kind, *_) in _STARTERS.items():
            for record in self.ask("list", table, "self"):
                if record.active:
                    self.start(table, kind(self, record))

    def stop_all(self) -> None:
        """Stop what was started: triggers, then devices."""
        for table in ("triggers", "devices"):
            for element in reversed(list(self._started[table].values())):
                self.stop(table, element)

    def start(self, table: str, element: Any) -> None:
        """Start a device or trigger that is not started."""
        if element.id not in self._started[table]:
            self._started[table][element.id] = element
            self._guarded(_STARTERS[table][1], element)

    def stop(self, table: str, element: Any) -> None:
        """Stop a device or trigger that is started."""
        if self._started[table].pop(element.id, None) is not None:
            self._guarded(_STARTERS[table][2], element)

    def _guarded(self, name: str, *args: Any) -> None:
        try:
            self.callback(name)(*args)
        except Exception:  # noqa: BLE001 - a plugin's fault ends no host
            self.ask("uncaught", name, traceback.format_exc())

    def _do_stop(self) -> None:
        self._guarded("stopConcurrentThread")
        if self._thread is not None:
            self._thread.join()
        self.stop_all()
        self._guarded("shutdown")
        self.save_prefs()
        self._ended = True

    def save_prefs(self) -> None:
        """Have the server write the preferences."""
        prefs = self.prefs if self._plugin is None else self._plugin.pluginPrefs
        self.ask("save_prefs", plain(prefs))

    # The concurrent thread
    def _concurrent(self) -> None:
        while True:
            try:
                self.callback("runConcurrentThread")()
                trace = "runConcurrentThread returned"
            except StopThread:
                trace = "runConcurrentThread ended"
            except Exception:  # noqa: BLE001 - a plugin's fault ends no host
                trace = traceback.format_exc()
            if self._plugin.stopThread:
                return
            self.ask("thread_ended", trace)
            try:
                self.sleep(self.quirks.thread_restart)
            except StopThread:
                return

    def sleep(self, seconds: float) -> None:
        """Sleep on the server's clock; raise StopThread once the plugin is to stop."""
        until = time.monotonic() + seconds / self.welcome.speed
        with self._sleeping:
            self._line.send(("sleeping", seconds))
            while not self._plugin.stopThread and not self._skips:
                left = until - time.monotonic()
                if left <= 0:
                    return
                self._sleeping.wait(left)
            self._skips = 0
        if self._plugin.stopThread:
            raise StopThread

    def wake(self) -> None:
        """Have sleepers look whether to stop."""
        with self._sleeping:
            self._sleeping.notify_all()

    # What the server calls
    def _do_nothing(self) -> None:
        pass

    def _do_method(self, name: str, args: tuple[Any, ...]) -> Any:
        return dialog_result(self.callback(name)(*self.convert(args)))

    def _do_event(self, table: str, what: str, records: tuple[Any, ...]) -> None:
        kind = _STARTERS[table][0]
        self.callback(f"{_EVENTS[table]}{what}")(*(kind(self, record) for record in records))

    def _do_prefs(self, values: dict[str, Any]) -> None:
        self._plugin.pluginPrefs.update(self.convert(values))
        self.save_prefs()

    def _do_broadcast(self, plugin_id: str, name: str, data: Any) -> None:
        method = self.subscriptions.get((plugin_id, name))
        if method is not None:
            getattr(self._plugin, method)(*() if data is None else (self.convert(data),))

    def _do_prepare_to_sleep(self) -> None:
        self.callback("prepareToSleep")()

    def _do_wake_up(self) -> None:
        self.callback("wakeUp")()

    def _do_menu(self, name: str, values: dict[str, Any] | None, item: str) -> Any:
        method = self.callback(name)
        result = method() if values is None else method(self.convert(values), item)
        return dialog_result(result)

    def _do_action(self, request: ActionRequest) -> Any:
        self._convert = plain if request.web else action_result
        device = None if request.device is None else Device(self, request.device)
        action = Action(
            request.action_id,
            self.welcome.plugin_id,
            0 if device is None else device.id,
            request.props,
        )
        result = call_as_signed(
            self.callback(request.callback),
            (action, device, request.waits),
            {"event_data": self.convert(request.event_data)},
        )
        return None if self._handled is not None else self._convert(result)


def action_result(value: Any) -> Any:
    """Give plain data for an action's result; ArgumentError for what the bridge cannot hold."""
    if not isinstance(value, _RESULTS):
        raise _no_converter(value)
    return plain(value)


def dialog_result(value: Any) -> Any:
    """Give plain data for what a dialog's method returned; a plain dict in it is an error."""
    if holds_plain_dict(value):
        raise _no_converter(value)
    return plain(value)


def _no_converter(value: Any) -> ArgumentError:
    return ArgumentError(
        "No registered converter was able to produce a C++ rvalue of type CXmlDict "
        f"from this Python object of type {type(value).__name__}",
    )


def call_as_signed(method: Any, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """Call a method with as many of the arguments as its signature takes."""
    parameters = inspect.signature(method).parameters
    kinds = [each.kind for each in parameters.values()]
    positional = [
        name
        for name, each in parameters.items()
        if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD) and name not in named
    ]
    count = len(args) if inspect.Parameter.VAR_POSITIONAL in kinds else len(positional)
    anything = inspect.Parameter.VAR_KEYWORD in kinds
    taken = {name: value for name, value in named.items() if anything or name in parameters}
    return method(*args[:count], **taken)
