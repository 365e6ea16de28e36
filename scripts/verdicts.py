"""What a build comes to that does not succeed."""


class Refused(Exception):  # noqa: N818 - it is a verdict
    """Something is not as it must be; the text is one sentence that says what and where."""


class Unreachable(Exception):  # noqa: N818 - it is a verdict
    """No package index answers; the text says for what, and wants a colon and a remedy."""
