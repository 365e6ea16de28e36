"""Where a broker is, and what it wants to see of a client."""

import ssl
from dataclasses import dataclass, field

from callbox.config import iotcore


@dataclass(frozen=True, slots=True)
class Address:
    """Where a broker is and what it wants to see."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    certified: bool = False  # whether `tls` shows a certificate of ours

    @property
    def by_policy(self) -> bool:
        """Whether what we may do is in a policy at AWS."""
        return self.certified and iotcore.is_iot_core(self.host)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"
