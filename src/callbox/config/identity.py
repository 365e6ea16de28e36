"""Who the gateway is to a broker: a certificate and its private key, and what is wrong with them.

OpenSSL judges, and before anybody is called; so nothing here reads ASN.1.
"""

import re
import ssl
from enum import Enum, auto
from pathlib import Path
from typing import NoReturn

_CERTIFICATE = re.compile(rb"-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----")
_KEY = re.compile(rb"-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY-----")
_HAS_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED
_FLIGHTS = 3  # of a handshake, there and back

_NOT_OF_ONE_PAIR = {"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"}
_WEAK = {"EE_KEY_TOO_SMALL", "CA_KEY_TOO_SMALL", "CA_MD_TOO_WEAK"}


class Flaw(Enum):
    """Why a certificate and a key cannot be shown to a broker."""

    SWAPPED = auto()
    NO_CERTIFICATE = auto()
    NO_KEY = auto()
    LOCKED = auto()  # the key is under a pass phrase
    NOT_OF_ONE_PAIR = auto()
    WEAK = auto()


class _LockedError(ssl.SSLError):
    """OpenSSL asks for a pass phrase."""


def flaw_of(cert: Path, key: Path) -> Flaw | None:
    """Give what is wrong with two PEM files, but for their dates; None: they can be shown."""
    first, second = _read(cert), _read(key)
    if _is_key(first) and _is_certificate(second) and not _is_certificate(first):
        return Flaw.SWAPPED
    if not _is_certificate(first):
        return Flaw.NO_CERTIFICATE
    if not _is_key(second):
        return Flaw.NO_KEY
    try:
        show(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), cert, key)
    except _LockedError:
        return Flaw.LOCKED
    except OSError as error:
        return _judged(error, cert)
    return None


def has_certificates(path: Path) -> bool:
    """Tell whether a file has certificates that can be trusted."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError:
        return False
    return True


def has_expired(cert: Path, key: Path) -> bool:
    """Tell whether a certificate without flaws was valid once and is no more, by this clock.

    It is shown to ourselves, as `ssl` tells the last day of an end user in no other way. One that
    is valid only later has not expired: a machine's clock may not be set yet when it starts.
    """
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.verify_mode = ssl.CERT_REQUIRED
    server.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it is its own authority here
    server.load_verify_locations(cert)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    for context in (server, client):
        show(context, cert, key)
    ends = (
        client.wrap_bio(back, there),
        server.wrap_bio(there, back, server_side=True),
    )
    for end in ends * _FLIGHTS:
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLError as error:
            return getattr(error, "verify_code", None) == _HAS_EXPIRED
    return False


def show(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    """Have a context show a certificate; never asks for a pass phrase, which nobody would type."""
    context.load_cert_chain(cert, key, password=_refuse)


def _refuse() -> NoReturn:
    raise _LockedError("the key is locked by a pass phrase")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _is_certificate(pem: bytes) -> bool:
    return _CERTIFICATE.search(pem) is not None


def _is_key(pem: bytes) -> bool:
    return _KEY.search(pem) is not None


def _judged(error: OSError, cert: Path) -> Flaw:
    reason = getattr(error, "reason", None)
    if reason in _NOT_OF_ONE_PAIR:
        return Flaw.NOT_OF_ONE_PAIR
    if reason in _WEAK:
        return Flaw.WEAK
    return Flaw.NO_KEY if has_certificates(cert) else Flaw.NO_CERTIFICATE
