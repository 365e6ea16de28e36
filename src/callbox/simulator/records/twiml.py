"""What a webhook answers: verbs in order."""

from dataclasses import dataclass
from xml.etree import ElementTree as ET

XML_TYPES = {"text/xml", "application/xml", "text/html"}
PLAIN = "text/plain"
LONGEST = 64 * 1024
DEEPEST = 16
"""Elements within elements; what is deeper is left out."""
TOO_LONG, NOT_TWIML, WRONG_TYPE = 11750, 12100, 12300


@dataclass(frozen=True, slots=True)
class Verb:
    """An element, with its attributes, its text and what is in it.

    The text is its own; of a Say it is all there is to say, whatever SSML is around the words.
    """

    name: str
    attributes: dict[str, str]
    text: str
    children: tuple["Verb", ...] = ()

    def count(self, name: str, usual: int) -> int:
        """Return the whole number that an attribute holds."""
        return int(self.attributes.get(name, usual))

    def truth(self, name: str) -> bool:
        """Whether an attribute holds `true`, which it does not unless it is given."""
        return self.attributes.get(name, "false").lower() == "true"


class BadTwiml(ValueError):  # noqa: N818 - it reads as the sentence it is
    """The answer cannot be obeyed; `code` is what Twilio's debugger shows."""

    def __init__(self, code: int) -> None:
        super().__init__(f"Error {code}")
        self.code = code


def read(content_type: str, body: str) -> list[Verb]:
    """Return the verbs of an answer; nothing at all is no verbs, plain text is one Message."""
    if not body.strip():
        return []
    _check_length(body)
    if content_type == PLAIN:
        return [Verb("Message", {}, body)]
    if content_type not in XML_TYPES:
        raise BadTwiml(WRONG_TYPE)
    return verbs(body)


def verbs(text: str) -> list[Verb]:
    """Return the verbs of a Response; without one it is as bad as no XML, says Twilio's 12100.

    So is a blank before the XML declaration, which is no XML.
    """
    _check_length(text)
    try:
        root = ET.fromstring(text)  # noqa: S314 - whoever is simulated at is trusted
    except ET.ParseError:
        raise BadTwiml(NOT_TWIML) from None
    if root.tag != "Response":
        raise BadTwiml(NOT_TWIML)
    return [_verb(element, 1) for element in root]


def _check_length(text: str) -> None:
    if len(text.encode()) > LONGEST:
        raise BadTwiml(TOO_LONG)


def _verb(element: ET.Element, depth: int) -> Verb:
    inside = element if depth < DEEPEST else ()
    children = tuple(_verb(child, depth + 1) for child in inside)
    text = "".join(element.itertext()) if element.tag == "Say" else element.text or ""
    return Verb(element.tag, dict(element.attrib), text.strip(), children)
