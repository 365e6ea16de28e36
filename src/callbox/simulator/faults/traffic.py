"""What was asked and answered, counted."""

from collections import Counter

Answered = int | str
DROPPED = "dropped"


class Traffic:
    """Counters; they do not grow with the number of requests."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.creating = 0
        self.clear()

    def clear(self) -> None:
        """Count from nothing again; what is in flight stays in flight."""
        self.counts: Counter[tuple[str, Answered]] = Counter()
        self.most_in_flight = self.in_flight
        self.most_creating = self.creating

    def begin(self, endpoint: str) -> None:
        """Count a request that has arrived."""
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        if endpoint.startswith("create-"):
            self.creating += 1
            self.most_creating = max(self.most_creating, self.creating)

    def end(self, endpoint: str, answered: Answered) -> None:
        """Count a request that was answered or dropped."""
        self.in_flight -= 1
        self.creating -= endpoint.startswith("create-")
        self.counts[endpoint, answered] += 1

    def count(self, endpoint: str = "", answered: Answered | None = None) -> int:
        """How many requests; an endpoint may be its beginning, such as `create`."""
        return sum(
            number
            for (name, outcome), number in self.counts.items()
            if name.startswith(endpoint) and answered in {None, outcome}
        )

    def document(self) -> dict[str, object]:
        """All counters."""
        endpoints: dict[str, dict[str, int]] = {}
        for (name, outcome), number in sorted(self.counts.items(), key=str):
            endpoints.setdefault(name, {})[str(outcome)] = number
        return {
            "total": self.counts.total(),
            "endpoints": endpoints,
            "in_flight": self.in_flight,
            "max_in_flight": self.most_in_flight,
            "max_concurrent_creates": self.most_creating,
        }
