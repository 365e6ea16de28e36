"""A number of the account as the settings declare it: what it can do and whom it calls."""

from dataclasses import dataclass

from callbox.simulator.order import BadOrder

KINDS = ("", "local", "mobile", "toll-free", "short-code")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnNumber:
    """One entry of `numbers`; the usual one can do everything and calls nobody."""

    kind: str = ""
    """What is shown as its type: local, mobile, toll-free or short-code. Empty: as it looks."""
    voice: bool = True
    sms: bool = True
    mms: bool = True
    sms_url: str = ""
    voice_url: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise BadOrder(f'"kind" must be one of {", ".join(KINDS[1:])}.')


USUAL_NUMBER = OwnNumber()
