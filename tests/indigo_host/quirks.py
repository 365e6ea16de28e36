"""Where the platform is undocumented or differs between versions: tests run both ways."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Quirks:
    """One behaviour of the platform per field; the defaults are the likelier ones."""

    own_copy_refreshed: bool = False
    """updateStateOnServer also changes the caller's own Device object."""
    form_as_request_body: bool = False
    """A form POST arrives as the text `request_body`, not parsed as `body_params`."""
    log_readable: bool = True
    """getEventLogList works; else it raises, as without a connection."""
    log_buffer: int = 10_000
    """The most lines getEventLogList reaches back, whatever is asked for."""
    log_survives: bool = False
    """Lines from before a restart of the server can still be read after it."""
    suppress_trigger_lines: bool = False
    """No trigger writes an Event Log line when it runs, as if all had suppressLogging."""
    query_keys: tuple[str, ...] = ("api-key", "api_key")
    """Spellings of the key in a query that the web server takes."""
    key_in_query_args: bool = True
    """The key in a query is also handed to the plugin in `url_query_args`."""
    lower_case_headers: bool = False
    """Header names arrive in lower case, not as sent."""
    callback_names: Literal["both", "camel", "snake"] = "both"
    """Which spelling of a callback's name the host looks for in the plugin."""
    thread_restart: float = 10.0
    """Seconds until runConcurrentThread is called again after it returned or raised."""
    restart_after_crash: float | None = None
    """Seconds until a plugin that ended by itself is started again; None: a test starts it."""
    updates_of_disabled_refused: bool = True
    """A state update of a disabled or unconfigured device is refused with an error line."""
