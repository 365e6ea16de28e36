"""What `mqtts://` needs: whom to trust, whom to be, which protocols to offer."""

import ssl
from collections.abc import Sequence
from pathlib import Path

from callbox.errors import ConfigError


def tls_context(
    ca: Path | None, cert: Path | None, key: Path | None, alpn: Sequence[str]
) -> ssl.SSLContext:
    """Make a context of PEM files. Raises ConfigError if one cannot be used."""
    try:
        context = ssl.create_default_context(cafile=str(ca) if ca else None)
        if cert and key:
            context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError([f"mqtt.ca, mqtt.cert, mqtt.key: cannot be used ({error})"]) from error
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context
