"""Who has the page open, and at which phones they sit."""

from dataclasses import dataclass
from secrets import token_hex

from callbox.simulator.order import BadOrder
from callbox.simulator.records.switchboard import Switchboard

MOST_PAGES = 16
MOST_PHONES = 200


@dataclass(frozen=True, slots=True)
class Seat:
    """What somebody looks after on one page."""

    phones: frozenset[str] = frozenset()
    spare: int = 0
    """How many phones more would appear there, and ring, as soon as they are called."""


class Audience:
    """A phone is attended while at least one open page says that its person answers there."""

    def __init__(self, board: Switchboard) -> None:
        self._attended = board.attended
        self._pages: dict[str, Seat] = {}
        self._told: set[str] = set()
        """What pages say; whatever else is attended was called before they could."""

    @property
    def full(self) -> bool:
        """Whether so many look on that one more would slow the simulator down."""
        return len(self._pages) >= MOST_PAGES

    def join(self) -> str:
        """Let one more look on; return the name that its page goes by."""
        page = token_hex(8)
        self._pages[page] = Seat()
        return page

    def leave(self, page: str) -> None:
        """Let somebody go: the phones that nobody else sits at are unattended again."""
        del self._pages[page]
        self._count()

    def attend(self, page: str, phones: object, spare: object = 0) -> None:
        """Note the phones that somebody answers, and how many more; BadOrder if it cannot be."""
        if page not in self._pages:
            raise BadOrder("This page is not connected.")
        if not isinstance(phones, list) or not all(isinstance(each, str) for each in phones):
            raise BadOrder('"phones" must be a list of phone numbers.')
        if type(spare) is not int or spare < 0:
            raise BadOrder('"spare" must be a whole number of phones.')
        if len(phones) + spare > MOST_PHONES:
            raise BadOrder(f"Nobody can answer more than {MOST_PHONES} phones.")
        self._pages[page] = Seat(frozenset(phones), spare)
        self._count()

    def _count(self) -> None:
        attended, pages = self._attended, self._pages.values()
        spare = max((seat.spare for seat in pages), default=0)
        called = attended - self._told if spare else set[str]()
        self._told = set[str]().union(*(seat.phones for seat in pages))
        called -= self._told
        attended.clear()
        attended.update(self._told | called)
        attended.spare = max(spare - len(called), 0)
