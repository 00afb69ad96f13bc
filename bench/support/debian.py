"""Other systems' programs as Debian packages them. Nothing is installed here: what is missing is said."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
from typing import NamedTuple

from support.programs import HOST


class Package(NamedTuple):
    """A program and the package that holds it."""

    label: str
    program: str
    package: str

    def path(self) -> str:
        """Return the program's path; ends the benchmark with one line that says what to install."""
        path = shutil.which(self.program)
        if path is None:
            raise SystemExit(f"{self.label} is not installed: apt-get install {self.package}")
        return path

    def peer(self) -> str:
        """Return the label with the package's upstream version, as far as it is known."""
        self.path()
        asked = ["dpkg-query", "-W", "-f", "${Version}", self.package]
        try:
            told = subprocess.run(asked, capture_output=True, text=True).stdout
        except FileNotFoundError:  # not Debian
            told = ""
        found = re.match(r"(?:\d+:)?([0-9.]+)", told)
        return f"{self.label} {found[1]}" if found else self.label


def listens(port: int) -> bool:
    """Return whether a server takes connections on the loopback *port*."""
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False
