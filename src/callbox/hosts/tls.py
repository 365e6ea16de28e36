"""What `mqtts://` needs: whom to trust, whom to be, which protocols to offer; and why it fails.

A broker that speaks TLS 1.3 refuses a client's certificate only after the handshake is done; paho
then tells of a closed connection and nothing more. So the sockets here remember the alert.
"""

import contextlib
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from callbox.config.identity import show
from callbox.errors import ConfigError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_RENEW = "renew mqtt.cert and start the gateway again"
_WANTS_A_CERTIFICATE = "it asks for a client certificate; set mqtt.cert and mqtt.key"
_NOT_ACCEPTED = (
    "it does not accept the certificate in mqtt.cert; take one that it knows, or have its "
    "administrator trust the authority that signed this one"
)
NO_TLS_THERE = "it seems not to speak TLS on this port; correct mqtt.url"

# What the broker says of us, by the end of OpenSSL's name for it. With no certificate of ours,
# the first two mean that it wants one.
_ALERTS = {
    "HANDSHAKE_FAILURE": _NOT_ACCEPTED,
    "BAD_CERTIFICATE": _NOT_ACCEPTED,
    "CERTIFICATE_REQUIRED": _WANTS_A_CERTIFICATE,
    "CERTIFICATE_EXPIRED": f"it says that the certificate in mqtt.cert has expired; {_RENEW}",
    "CERTIFICATE_REVOKED": f"it says that the certificate in mqtt.cert is revoked; {_RENEW}",
    "CERTIFICATE_UNKNOWN": _NOT_ACCEPTED,
    "UNSUPPORTED_CERTIFICATE": _NOT_ACCEPTED,
    "UNKNOWN_CA": "it does not know the authority that signed mqtt.cert; take a certificate of "
    "an authority that it trusts, or have its administrator add this one",
    "ACCESS_DENIED": _NOT_ACCEPTED,
    "DECRYPT_ERROR": _NOT_ACCEPTED,
    "NO_APPLICATION_PROTOCOL": "it does not take any of the protocols in mqtt.alpn; correct it",
    "UNRECOGNIZED_NAME": "it does not serve the host name in mqtt.url; correct it",
    "PROTOCOL_VERSION": "it speaks neither TLS 1.2 nor 1.3; have its administrator allow one",
    "WRONG_VERSION_NUMBER": NO_TLS_THERE,
    "UNEXPECTED_EOF_WHILE_READING": NO_TLS_THERE,
    "RECORD_LAYER_FAILURE": NO_TLS_THERE,
}
_ABOUT_NOTHING_SHOWN = {"HANDSHAKE_FAILURE", "BAD_CERTIFICATE"}

_AUTHORITY = (
    "nobody trusted here has signed it; set mqtt.ca to the PEM file of the authority that has"
)
_NAME = "it is for another host name; write a name in mqtt.url that the certificate has"
# What we say of the broker's certificate, by X509_V_ERR_...
_VERIFICATIONS = {
    9: "it is not valid yet; set this machine's clock, or have the broker's certificate renewed",
    10: "it has expired; have the broker's certificate renewed (and see to this machine's clock)",
    18: _AUTHORITY,
    19: _AUTHORITY,
    20: _AUTHORITY,
    21: _AUTHORITY,
    62: _NAME,
    64: _NAME,
}


class Socket(ssl.SSLSocket):
    """Remembers in `alert` what the other side said when it ended the connection."""

    alert: ssl.SSLError | None = None

    def do_handshake(self, block: bool = False) -> None:
        """See `ssl.SSLSocket.do_handshake`; a failed one is closed, as paho leaves it open."""
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Read; see `ssl.SSLSocket.recv`."""
        try:
            return super().recv(buflen, flags)
        except ssl.SSLError as error:
            if error.errno == ssl.SSL_ERROR_SSL:
                self.alert = error
            raise

    def send(self, data: "ReadableBuffer", flags: int = 0) -> int:
        """Write; see `ssl.SSLSocket.send`. If nobody reads any more, read why: it may be there."""
        try:
            return super().send(data, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except OSError:
            with contextlib.suppress(OSError, ValueError):
                self.recv(1)
            raise


def tls_context(
    ca: Path | None, cert: Path | None, key: Path | None, alpn: Sequence[str]
) -> ssl.SSLContext:
    """Make a context of PEM files, of which the configuration's rules have seen that they fit.

    Raises ConfigError if one cannot be used after all.
    """
    try:
        context = ssl.create_default_context(cafile=str(ca) if ca else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # Python 3.13 would refuse the authorities that people make by themselves.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.sslsocket_class = Socket
        if cert and key:
            show(context, cert, key)
        if alpn:
            context.set_alpn_protocols(list(alpn))
    except OSError as error:
        raise ConfigError([f"mqtt.ca, mqtt.cert, mqtt.key: cannot be used ({error})"]) from error
    return context


def why_refused(error: ssl.SSLError, *, certified: bool) -> str:
    """Say what is wrong with a handshake, and what to do; it goes on after `The broker ...`.

    `certified`: whether a certificate of ours is shown.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        told = _VERIFICATIONS.get(error.verify_code, error.verify_message)
        return f"shows a certificate that is not trusted: {told}"
    reason = error.reason or str(error)
    alert = reason.rpartition("ALERT_")[2]
    if alert in _ABOUT_NOTHING_SHOWN and not certified:
        return f"refuses TLS: {_WANTS_A_CERTIFICATE}"
    return f"refuses TLS: {_ALERTS.get(alert, reason)}"
