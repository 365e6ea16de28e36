"""Where a number is, as far as Twilio says; often it does not know, and says so by empty text."""

from typing import NamedTuple


class Place(NamedTuple):
    """What the parameters City, State, Zip and Country hold."""

    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""


NORTH_AMERICA = "+1"
AREAS = {
    "206": Place("SEATTLE", "WA", "98101", "US"),
    "212": Place("NEW YORK", "NY", "10001", "US"),
    "415": Place("SAN FRANCISCO", "CA", "94105", "US"),
}
SOMEWHERE = Place(country="US")


def place(number: str) -> Place:
    """Return the place of an area code that is known, else hardly anything."""
    if not number.startswith(NORTH_AMERICA):
        return Place()
    return AREAS.get(number[2:5], SOMEWHERE)


def parameters(role: str, number: str) -> dict[str, str]:
    """Return `FromCity`, `FromState`, `FromZip` and `FromCountry`, or those of another role."""
    return {f"{role}{name.title()}": text for name, text in place(number)._asdict().items()}
