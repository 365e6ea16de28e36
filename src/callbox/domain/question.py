"""A question that somebody is to answer with yes or no."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """Asked from a number of `ours`, of `theirs`; times in seconds since 1970.

    `terms` is JSON: what the answer sets off, which whoever asks reads.
    """

    id: str
    ours: str
    theirs: str
    asked_at: float
    expires_at: float
    terms: str
