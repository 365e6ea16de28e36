"""AWS IoT Core: which hosts are its message brokers, and the limits that these put on a client.

From the pages "AWS IoT Core endpoints and quotas" and "Protocols" of AWS's documentation.
"""

import re

MOST_CLIENT_ID = 128  # bytes
MOST_SLASHES = 7  # of a topic
MOST_TOPIC = 256  # bytes
MOST_PAYLOAD = 131_072  # bytes
MOST_IN_FLIGHT = 100  # publishes that wait for their acknowledgement
KEEPALIVES = (30, 1_200)  # seconds
CERTIFICATE_OVER_443 = "x-amzn-mqtt-ca"  # the ALPN names of how a client logs in on port 443
CUSTOM_LOGIN = "mqtt"

LONGEST_TOPIC = "bridge/response/check_messages"  # below mqtt.base_topic

_ENDPOINT = re.compile(
    r"(?P<account>[a-z0-9-]+(\.ats)?)\.iot\.[a-z0-9-]+\.amazonaws\.com(\.cn)?", re.ASCII
)


def is_iot_core(host: str) -> bool:
    """Tell whether a host is a message broker of AWS."""
    return _ENDPOINT.fullmatch(host.lower()) is not None


def is_of_verisign(host: str) -> bool:
    """Tell whether a host is a broker of the old kind, with VeriSign's certificate not Amazon's."""
    found = _ENDPOINT.fullmatch(host.lower())
    return found is not None and not found["account"].endswith(("-ats", ".ats"))
