"""A text that somebody sends us, as the control API and tests describe it."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from callbox.simulator.order import BadOrder
from callbox.simulator.records import address
from callbox.simulator.records.attachment import UNKNOWN_TYPE, Attachment
from callbox.simulator.records.message import LONGEST_BODY, MOST_MEDIA
from callbox.simulator.records.segments import length

WHATSAPP = "whatsapp"
FIRST, LAST = 0.0, 253_402_300_799.0
"""Seconds since 1970 that a date can show: to the end of the year 9999."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """From whom, to which number of ours, what; and how it comes."""

    sender: str
    to: str
    body: str = ""
    media: tuple[Mapping[str, str], ...] = ()
    """`url` or `content` (base64), and `content_type`."""
    whatsapp: bool = False
    """Both addresses get the prefix, if they have none."""
    profile_name: str = "Somebody"
    """Who it is, says WhatsApp."""
    opt_out_type: str = ""
    """STOP, START or HELP, where the account has Advanced Opt-Out."""
    messaging_service_sid: str | None = None
    lag: float | None = None
    """Seconds until it is listed. None: as the settings say."""
    date: str | float | None = None
    """When it came, ISO 8601 or seconds since 1970. None: now."""
    webhook: bool = True
    """Whether the number's webhook is called."""

    def __post_init__(self) -> None:
        if length(self.body) > LONGEST_BODY:
            raise BadOrder(
                f'"body" must have at most {LONGEST_BODY} characters: phones and networks cut '
                "longer texts into several, each told by a webhook of its own."
            )
        if len(self.media) > MOST_MEDIA:
            raise BadOrder(f'"media" must be at most {MOST_MEDIA}.')

    def addresses(self) -> tuple[str, str]:
        """Return sender and recipient as Twilio writes them."""
        return self._address(self.sender, "from"), self._address(self.to, "to")

    def _address(self, given: str, name: str) -> str:
        found = given if address.SHORT_CODE.fullmatch(given) else address.recipient(given)
        if found is None:
            raise BadOrder(f'"{name}" must be a phone number, not {given!r}.')
        prefixed = self.whatsapp and not address.channel(found)
        return f"{WHATSAPP}:{found}" if prefixed else found

    def came_at(self, now: float) -> float:
        """When it came; BadOrder if no date can show it."""
        if self.date is None:
            return now
        moment = _instant(self.date) if isinstance(self.date, str) else self.date
        if not FIRST <= moment <= LAST:
            raise BadOrder('"date" must be in the years 1970 to 9999.')
        return moment

    def attachments(self) -> tuple[Attachment, ...]:
        """Return what Twilio keeps of its media."""
        return tuple(_attachment(medium) for medium in self.media)


def _instant(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadOrder('"date" must be ISO 8601 or seconds since 1970.') from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _attachment(medium: object) -> Attachment:
    if not isinstance(medium, Mapping) or not {"url", "content"} & medium.keys():
        raise BadOrder('"media" must be a list of objects with "url" or "content".')
    try:
        content = base64.b64decode(medium.get("content", ""), validate=True)
    except (binascii.Error, TypeError):
        raise BadOrder('"content" of media must be base64.') from None
    kind = medium.get("content_type", UNKNOWN_TYPE)
    return Attachment(url=medium.get("url", ""), content=content, content_type=kind)
