"""The words for a broker that cannot be reached, closes the connection, or refuses it."""

import ssl

from callbox.errors import HostError
from callbox.hosts.address import Address
from callbox.hosts.tls import NO_TLS_THERE, Socket, why_refused

_NOT_LET_IN = frozenset({"Not authorized", "Bad user name or password"})
_BY_POLICY = (
    "check that the certificate is active at AWS and that its policy lets client/{} connect, with "
    "LastWill and PersistentConnect"
)
_VERSION_REFUSED = frozenset({"Unsupported protocol version"})


class RefusedError(HostError):
    """The broker answered CONNECT with a refusal; `version` if it wants another MQTT version."""

    def __init__(self, reason: str, remedy: str) -> None:
        hint = f": {remedy}" if reason in _NOT_LET_IN else ""
        super().__init__(f"The broker refuses the connection: {reason}{hint}")
        self.version = reason in _VERSION_REFUSED


def remedy(address: Address, client_id: str) -> str:
    """Say what to check if a broker does not let this client in."""
    if address.by_policy:
        return _BY_POLICY.format(client_id)
    return "check mqtt.username and mqtt.password"


def why_unreachable(address: Address, error: OSError | UnicodeError) -> str:
    """Say in a sentence why there is no connection to a broker."""
    if isinstance(error, ssl.SSLError):
        return f"The broker at {address} {why_refused(error, certified=address.certified)}"
    if address.tls is not None and isinstance(error, ConnectionResetError):
        return f"The broker at {address} refuses TLS: {NO_TLS_THERE}"
    what = f"cannot be reached: {getattr(error, 'strerror', None) or error}"
    if isinstance(error, TimeoutError):
        what = "does not answer"
    return f"The broker at {address} {what}; start it, or correct mqtt.url"


def why_closed(address: Address, client_id: str, sock: object, reason: str) -> str:
    """Say in a sentence why a broker closed a connection before it answered CONNECT."""
    alert = sock.alert if isinstance(sock, Socket) else None
    if alert is not None:
        return f"The broker at {address} {why_refused(alert, certified=address.certified)}"
    what = f"The broker at {address} closed the connection before it answered"
    if address.by_policy:
        return f"{what}: {remedy(address, client_id)}"
    if address.tls is None:
        return f"{what} ({reason}): if it speaks TLS there, write mqtts:// in mqtt.url"
    if not address.certified:
        return f"{what}: if it wants a client certificate, set mqtt.cert and mqtt.key"
    return f"{what} ({reason}): its log says why; it may not accept mqtt.cert"
