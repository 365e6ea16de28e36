"""Who does not want to be texted by whom."""

STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
START = frozenset({"START", "YES", "UNSTOP"})


class Consent:
    """Withdrawn and given by words that are the whole of a text."""

    def __init__(self) -> None:
        self._withdrawn: set[tuple[str, str]] = set()

    def hear(self, phone: str, number: str, body: str) -> None:
        """Take note of what a phone texts to a number."""
        word = body.strip().upper()
        if word in STOP:
            self._withdrawn.add((phone, number))
        elif word in START:
            self._withdrawn.discard((phone, number))

    @property
    def withdrawn(self) -> frozenset[tuple[str, str]]:
        """Who does not want to be texted, and by which number."""
        return frozenset(self._withdrawn)

    def refuses(self, phone: str, number: str | None) -> bool:
        """Whether a phone must not be texted by a number; None is a messaging service."""
        if number is None:
            return any(phone == refusing for refusing, _ in self._withdrawn)
        return (phone, number) in self._withdrawn
