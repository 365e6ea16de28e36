"""A throw-away authority and what it signs, made with the openssl program."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

HERE = "IP:127.0.0.1,DNS:localhost"
"""The names of this machine, as a certificate's subjectAltName has them."""
_EXPIRED = -1  # days: its last day was yesterday


class Identity(NamedTuple):
    """Who somebody is: the files of a certificate and of its private key, both PEM."""

    cert: Path
    key: Path


class Authority:
    """Signs certificates in a folder: `ca.pem`, and `<name>.pem` with `<name>.key` for each."""

    def __init__(self, folder: Path, name: str = "throw-away") -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self.ca = folder / "ca.pem"
        self._openssl(
            f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name} -keyout ca.key -out ca.pem"
        )

    def sign(self, name: str, hosts: str = HERE, *, days: int = 2, bits: int = 2048) -> Identity:
        """Give a certificate for hosts, valid for some days, and its key of so many bits."""
        (self._folder / "names").write_text(f"subjectAltName={hosts}\n")
        self._openssl(
            f"req -newkey rsa:{bits} -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr"
        )
        self._openssl(
            f"x509 -req -days {days} -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial"
            f" -extfile names -out {name}.pem"
        )
        return Identity(self._folder / f"{name}.pem", self._folder / f"{name}.key")

    def expired(self, name: str) -> Identity:
        """Give a certificate that was valid until yesterday, and its key."""
        return self.sign(name, days=_EXPIRED)

    def locked(self, identity: Identity) -> Identity:
        """Give the same with the key under a pass phrase."""
        key = identity.key.with_suffix(".locked")
        self._openssl(f"pkcs8 -topk8 -in {identity.key} -out {key} -passout pass:phrase")
        return identity._replace(key=key)

    def _openssl(self, arguments: str) -> None:
        program = shutil.which("openssl")
        if program is None:
            complaint = "openssl is not installed"
            if os.environ.get("CI"):
                pytest.fail(complaint)
            pytest.skip(complaint)
        subprocess.run(
            [program, *arguments.split()], cwd=self._folder, check=True, capture_output=True
        )
