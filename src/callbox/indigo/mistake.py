"""What the owner of the home got wrong, as one sentence for a dialog or the Event Log."""


class Mistake(Exception):  # noqa: N818 - reads as the sentence it is
    """Something cannot be done as asked: what, where, what was expected.

    `field` is the id of the dialog's field that is to be changed, "" if there is none.
    """

    def __init__(self, sentence: str, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field

    @property
    def sentence(self) -> str:
        """What to tell; phone numbers in it are masked, secrets never in it."""
        return str(self)

    def at(self, field: str) -> "Mistake":
        """Give the same mistake, made in this field."""
        return Mistake(self.sentence, field)
