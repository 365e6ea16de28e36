"""What was found out, a line each: well, wrong, or neither."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from callbox.twilio.account import Finding


def line(finding: "Finding") -> str:
    """Give the line of a finding."""
    mark = "WRONG" if finding.wrong else "?" if finding.unsure else "ok"
    return f"{mark:6}{finding.sentence}"
