"""The error of V1's SDK, where functions import it from."""


class InvocationException(Exception):  # noqa: N818 - V1's name
    """What was to be published was not taken, or nobody knows: the sentence says which and why."""
