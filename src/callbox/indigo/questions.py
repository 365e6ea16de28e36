"""Questions that wait for a yes or a no: kept in the store, answered by text, or by time."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field

from callbox.domain.question import Question

YES, NO, TIMEOUT = "yes", "no", "timeout"

_EDGES = " .,;:!?\"'()"
_TOLERANCE = 2.0  # seconds before the question that an answer may be dated: Twilio dates to seconds


@dataclass(frozen=True, slots=True)
class Terms:
    """What a question's answer sets off, by `yes`, `no` and `timeout`.

    `words` are what counts as yes and no, `groups` ids of Indigo's action groups, `replies` texts;
    `device_id` is the number device that asked, `name` who is asked.
    """

    device_id: int
    name: str
    words: dict[str, list[str]]
    groups: dict[str, int] = field(default_factory=dict)
    replies: dict[str, str] = field(default_factory=dict)

    def written(self) -> str:
        """Give the JSON that the store keeps."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, question: Question) -> "Terms":
        """Read what the store kept."""
        return cls(**json.loads(question.terms))

    def meant_by(self, text: str) -> str | None:
        """Read an answer: its first word, or all of it, is one of the words; None if neither."""
        said = text.casefold().strip(_EDGES)
        first = said.split(maxsplit=1)[0].strip(_EDGES) if said else ""
        for answer, words in self.words.items():
            if {said, first} & {word.casefold() for word in words}:
                return answer
        return None


def words_of(text: str) -> list[str]:
    """Read the words of a dialog's field, separated by commas."""
    return [word for part in text.split(",") if (word := part.strip())]


@dataclass(slots=True)
class Questions:
    """Those that are open, the oldest first."""

    _open: dict[str, Question] = field(default_factory=dict)

    def load(self, questions: Iterable[Question]) -> None:
        """Take what the store keeps."""
        self._open = {question.id: question for question in questions}

    def add(self, question: Question) -> None:
        """Wait for an answer."""
        self._open[question.id] = question

    def remove(self, question: Question) -> None:
        """Wait no more."""
        self._open.pop(question.id, None)

    def answered_by(
        self, ours: str, theirs: str, text: str, at: float
    ) -> tuple[Question, str] | None:
        """Give the question that a text answers, the one asked last first, and the answer.

        `at`: when it came; a text from before the question, or after its time, is no answer.
        """
        for question in reversed(list(self._open.values())):
            counts = question.asked_at - _TOLERANCE <= at <= question.expires_at
            if counts and (question.ours, question.theirs) == (ours, theirs):
                answer = Terms.read(question).meant_by(text)
                if answer is not None:
                    return question, answer
        return None

    def overdue(self, now: float) -> Iterator[Question]:
        """Give those that nobody answered in time."""
        yield from [each for each in list(self._open.values()) if each.expires_at <= now]

    def wait(self, now: float, longest: float) -> float:
        """Give the seconds until one may be overdue."""
        dates = [each.expires_at for each in list(self._open.values())]
        return min([longest, *(max(0.0, date - now) for date in dates)])
