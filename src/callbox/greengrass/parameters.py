"""The five parameters of the V1 connector: what each takes, and what it has become.

Source: the page of the V1 connector, "Connector Parameters"; patterns are as printed there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

NEWEST = 5  # versions of the connector are 1 to this
TOKEN = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{32}(?![0-9A-Za-z])")  # Twilio's auth tokens
_LONGEST = 2048  # characters of an ARN, by the API of Secrets Manager


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the connector.

    `pattern` holds for the whole value, `since` is the first version of the connector that has
    it, `key` is the key of callbox.yaml that it has become, if any, and `expected` is the pattern
    in words.
    """

    name: str
    pattern: str
    required: bool
    since: int
    key: str | None
    expected: str


ACCOUNT_SID = Parameter(
    "TWILIO_ACCOUNT_SID",
    r".+",
    required=True,
    since=1,
    key="twilio.account_sid",
    expected="the Account SID that console.twilio.com shows",
)
SECRET_ARN = Parameter(
    "TwilioAuthTokenSecretArn",
    r"arn:aws:secretsmanager:[a-z0-9\-]+:[0-9]{12}:secret:"
    r"([a-zA-Z0-9\\]+/)*[a-zA-Z0-9/_+=,.@\-]+-[a-zA-Z0-9]+",
    required=True,
    since=1,
    key=None,
    expected="the ARN of the secret that holds the auth token, never the token itself, like "
    "arn:aws:secretsmanager:us-west-2:123456789012:secret:greengrass-TwilioAuthToken-a1B2c3",
)
RESOURCE_ID = Parameter(
    "TwilioAuthTokenSecretArn-ResourceId",
    r".+",
    required=True,
    since=1,
    key=None,
    expected="the id of the secret resource in the Greengrass group",
)
DEFAULT_FROM = Parameter(
    "DefaultFromPhoneNumber",
    r"^$|\+[0-9]+",
    required=False,
    since=1,
    key="twilio.default_from_number",
    expected="a phone number like +12345000000, or nothing",
)
ISOLATION_MODE = Parameter(
    "IsolationMode",
    r"^NoContainer$|^GreengrassContainer$",
    required=False,
    since=5,
    key="greengrass.isolation_mode",
    expected="GreengrassContainer or NoContainer",
)

PARAMETERS = (ACCOUNT_SID, SECRET_ARN, RESOURCE_ID, DEFAULT_FROM, ISOLATION_MODE)


def is_set(value: object) -> bool:
    """Tell whether a parameter has a value; empty text and null are none."""
    return value is not None and (not isinstance(value, str) or value.strip() != "")


def faults(parameters: Mapping[str, object]) -> list[str]:
    """Give a sentence for each parameter whose value cannot be used.

    Names that are not V1's are left alone. No value is repeated: it may be a secret in the wrong
    place.
    """
    told = ((each.name, fault(each, parameters.get(each.name))) for each in PARAMETERS)
    return [f"{name}: {sentence}." for name, sentence in told if sentence]


def fault(parameter: Parameter, value: object) -> str:
    """Give what is wrong with one value and what is expected; empty if nothing is, or no value."""
    if not is_set(value):
        return ""
    if not isinstance(value, str):
        return f"it is not text; expected {parameter.expected}, in quotation marks"
    wrong = _wrong(parameter, value)
    return f"{wrong}; expected {parameter.expected}" if wrong else ""


def unset(parameter: Parameter) -> str:
    """Give the words for a value that is missing."""
    return f"it is not set; expected {parameter.expected}"


def _wrong(parameter: Parameter, value: str) -> str:
    if parameter is ACCOUNT_SID and TOKEN.fullmatch(value):
        return "it looks like an auth token"
    if parameter is ACCOUNT_SID and not value.isprintable():
        return "it is not printable"
    if len(value) > _LONGEST or not re.fullmatch(parameter.pattern, value):
        return "it cannot be used as it is"
    return ""
