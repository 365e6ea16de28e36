"""A throw-away authority and what it signs, made with the openssl program."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


class Authority:
    """Signs certificates in a folder: `ca.pem`, and `<name>.pem` with `<name>.key` for each."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self.ca = folder / "ca.pem"
        self._openssl(
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=throw-away"
            " -keyout ca.key -out ca.pem"
        )

    def sign(self, name: str) -> tuple[Path, Path]:
        """Give a certificate for 127.0.0.1 and its key."""
        (self._folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
        self._openssl(
            f"req -newkey rsa:2048 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr"
        )
        self._openssl(
            f"x509 -req -days 2 -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial"
            f" -extfile names -out {name}.pem"
        )
        return self._folder / f"{name}.pem", self._folder / f"{name}.key"

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
