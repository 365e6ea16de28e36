"""The texts that people's phones got, and those on their way."""

from heapq import heappop, heappush
from itertools import count

from callbox.simulator.records.message import BLAMED, Message
from callbox.simulator.records.newest import Newest


class Arrivals:
    """Each text arrives as it is sent; one that is canceled before does not."""

    def __init__(self) -> None:
        self._got: Newest[Message] = Newest()
        self._coming: list[tuple[float, int, Message]] = []
        """The next to arrive first."""
        self._serials = count()

    def expect(self, message: Message) -> None:
        """Have a text arrive; one without a pace arrives at once."""
        if message.timeline.statuses[-1] in BLAMED:
            return
        got, due = self.by(message.created_at), message.timeline.due("sent")
        if due:
            heappush(self._coming, (message.created_at + due, next(self._serials), message))
        else:
            got.append(message)

    def by(self, now: float) -> Newest[Message]:
        """Return what has arrived by now, in the order of its arrival."""
        while self._coming and self._coming[0][0] <= now:
            _, _, message = heappop(self._coming)
            if not message.ended:
                self._got.append(message)
        return self._got
