"""What people's texts carry, which must not fill the memory."""

from collections import deque

from callbox.simulator.records.message import Message

MOST_BYTES = 100_000_000


class Pictures:
    """Knows the texts with contents; of more than `most` bytes the oldest lose theirs."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._bytes = 0
        self._held: deque[tuple[Message, int]] = deque()

    def add(self, message: Message) -> None:
        """Keep what a text carries; what is let go is gone as if it had been deleted."""
        size = sum(len(each.content) for each in message.attachments)
        if not size:
            return
        self._held.append((message, size))
        self._bytes += size
        while self._bytes > self._most:
            oldest, freed = self._held.popleft()
            oldest.attachments = ()
            self._bytes -= freed
