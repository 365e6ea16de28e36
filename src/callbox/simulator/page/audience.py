"""Who has the page open, and at which phones they sit."""

from secrets import token_hex

from callbox.simulator.order import BadOrder
from callbox.simulator.records.switchboard import Switchboard

MOST_PAGES = 16
MOST_PHONES = 200


class Audience:
    """A phone is attended while at least one open page says that its person answers there."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._pages: dict[str, frozenset[str]] = {}

    @property
    def full(self) -> bool:
        """Whether so many look on that one more would slow the simulator down."""
        return len(self._pages) >= MOST_PAGES

    def join(self) -> str:
        """Let one more look on; return the name that its page goes by."""
        page = token_hex(8)
        self._pages[page] = frozenset()
        return page

    def leave(self, page: str) -> None:
        """Let somebody go: the phones that nobody else sits at are unattended again."""
        del self._pages[page]
        self._count()

    def attend(self, page: str, phones: object) -> None:
        """Note the phones that somebody answers; BadOrder if it cannot be."""
        if page not in self._pages:
            raise BadOrder("This page is not connected.")
        if not isinstance(phones, list) or not all(isinstance(each, str) for each in phones):
            raise BadOrder('"phones" must be a list of phone numbers.')
        if len(phones) > MOST_PHONES:
            raise BadOrder(f"Nobody can answer more than {MOST_PHONES} phones.")
        self._pages[page] = frozenset(phones)
        self._count()

    def _count(self) -> None:
        attended = self._board.attended
        attended.clear()
        attended.update(*self._pages.values())
