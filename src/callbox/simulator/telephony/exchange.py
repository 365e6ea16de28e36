"""One webhook request and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from callbox.simulator.records.twiml import NOT_TWIML, TOO_LONG, WRONG_TYPE

BAD_REQUEST, SERVER_ERROR = 400, 500
UNREADABLE = {TOO_LONG, NOT_TWIML, WRONG_TYPE}
TROUBLES = {
    "ct": "nobody answers there",
    "rt": "no answer in time, or one that was cut off",
    "4xx": "HTTP status {status}",
    "5xx": "HTTP status {status}",
}
"""What each fault is called."""


@dataclass(slots=True, kw_only=True)
class Exchange:
    """What Twilio's debugger would show, and the headers."""

    method: str
    url: str
    """Without userinfo and fragment; of a GET with the parameters."""
    params: Mapping[str, str]
    headers: Mapping[str, str]
    """Without a login."""
    attempt: int
    """1 at first, one more for each retry; the repetition after a 401 counts as the same."""
    fallback: bool
    """Whether it went to the fallback URL."""
    began_at: float
    status: int | None = None
    """None if no whole answer came."""
    fault: str | None = None
    """`ct` nobody there, `rt` no answer in time or cut off, `4xx`, `5xx`: the names of `#rp=`."""
    seconds: float = 0.0
    content_type: str = ""
    body: str = ""
    error_code: int | None = None
    """What is wrong with an answer that came well: Twilio's debugger shows it."""
    location: str = ""
    """Where a redirection leads."""
    challenge: str = ""
    """What a 401 asks for."""

    @property
    def ok(self) -> bool:
        """Whether Twilio is content with it."""
        return self.fault is None

    @property
    def over(self) -> bool:
        """Whether it was answered, or given up."""
        return self.seconds > 0

    @property
    def trouble(self) -> str:
        """Say what is wrong with it; empty if nothing is."""
        if self.error_code in UNREADABLE:
            return f"an answer that cannot be obeyed, error {self.error_code}"
        if self.error_code is not None:
            return f"an answer that is obeyed in part only, error {self.error_code}"
        return TROUBLES.get(self.fault or "", "").format(status=self.status)

    def answered(self, status: int) -> None:
        """Note the status, and what is wrong with it."""
        self.status = status
        if status >= BAD_REQUEST:
            self.fault = "5xx" if status >= SERVER_ERROR else "4xx"

    def document(self) -> dict[str, object]:
        """Return all of it."""
        return {
            "method": self.method,
            "url": self.url,
            "params": dict(self.params),
            "headers": dict(self.headers),
            "attempt": self.attempt,
            "fallback": self.fallback,
            "began_at": self.began_at,
            "status": self.status,
            "fault": self.fault,
            "seconds": round(self.seconds, 4),
            "content_type": self.content_type,
            "body": self.body,
            "error_code": self.error_code,
        }
