"""What a message, a call and a run of a flow have in common."""

from dataclasses import dataclass

from callbox.simulator.records.timeline import Timeline


@dataclass(slots=True, kw_only=True, eq=False)
class Record:
    """One thing that was created, and what its creator was told."""

    sid: str
    account_sid: str
    to: str
    sender: str | None
    status_callback: str | None
    created_at: float
    arrived_at: float
    timeline: Timeline
    answered: int | str | None = None
    """The HTTP status of the answer to the create, "dropped", or None before either."""
    serial: tuple[float, int] = (0.0, 0)
    """The place in the ledger: later is greater."""
    ended: str | None = None
    """A status that cut the timeline short, at `ended_at`."""
    ended_at: float = 0.0

    def _until(self, now: float) -> float:
        return now if self.ended is None else min(now, self.ended_at)

    def _stage(self, now: float) -> int:
        return self.timeline.stage(self._until(now) - self.created_at)

    def status(self, now: float) -> str:
        """Return the status that Twilio would show."""
        return self.ended or self.timeline.statuses[self._stage(now)]

    def end(self, status: str, now: float) -> None:
        """Cut the timeline short."""
        self.ended, self.ended_at = status, now

    def reached(self, status: str, now: float) -> float | None:
        """When the timeline came to a status; None if it has not."""
        statuses = self.timeline.statuses
        place = statuses.index(status) if status in statuses else len(statuses)
        if place > self._stage(now):
            return None
        return self.created_at + self.timeline.instants[place]

    def updated_at(self, now: float) -> float:
        """When the status last changed."""
        if self.ended is not None:
            return self.ended_at
        return self.created_at + self.timeline.instants[self._stage(now)]

    def entry(self) -> dict[str, object]:
        """Return the entry in the log: what was really sent, as it was asked for."""
        return {
            "sid": self.sid,
            "account_sid": self.account_sid,
            "to": self.to,
            "from": self.sender,
            "status_callback": self.status_callback,
            "created_at": self.created_at,
            "arrived_at": self.arrived_at,
            "answered": self.answered,
        }
