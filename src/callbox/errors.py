"""Every error that Callbox raises on purpose.

CallboxError
├── ConfigError          the configuration cannot be used; one sentence a fault
├── StoreError           the store cannot be used
│   ├── StoreInUse       another gateway holds it
│   ├── StoreTooNew      a newer Callbox wrote it
│   └── StoreUnavailable the disk refuses for now: try again later
└── HostError            a host (broker, HTTP port) cannot be used as configured

What Twilio answers is never an error but a value: see domain/outcome.py.
"""


class CallboxError(Exception):
    """The base of the tree: `str()` of it is a sentence for the user."""


class ConfigError(CallboxError):
    """The configuration cannot be used; `faults` has a sentence for each fault."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class StoreError(CallboxError):
    """The store cannot be used; the sentence says why and what to do."""


class StoreInUse(StoreError):  # noqa: N818 - reads as the sentence it is
    """Another gateway holds the store."""


class StoreTooNew(StoreError):  # noqa: N818 - reads as the sentence it is
    """A newer Callbox wrote the store."""


class StoreUnavailable(StoreError):  # noqa: N818 - reads as the sentence it is
    """The disk refuses to write for now (full, read-only, failing)."""


class HostError(CallboxError):
    """A broker or port cannot be used as configured."""
