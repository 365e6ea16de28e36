"""Requests as V1's page prints them."""

from typing import Any

Document = dict[str, Any]


def text(request_id: str, to: str, message: str, **terms: Any) -> Document:  # noqa: ANN401 - JSON
    """Give a text request."""
    recipient = {"name": "Darla", "phone_number": to, "message": message}
    return {"request": {"recipient": recipient, **terms}, "id": request_id}


def call(request_id: str, to: str, location: str, **terms: Any) -> Document:  # noqa: ANN401 - JSON
    """Give a call request."""
    recipient = {"name": "Darla", "phone_number": to, "voice_message_location": location}
    return {"request": {"recipient": recipient, **terms}, "id": request_id}


def number(place: int) -> str:
    """Give a phone number of its own for every place."""
    return f"+1555{place:07d}"
