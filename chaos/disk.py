"""A small disk of one program's own, to be filled, made read-only and healed."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import time
from pathlib import Path

CHUNK_BYTES = 65_536
REMOUNT_WITHIN_S = 5.0


class Disk:
    """A tmpfs of *mebibytes* at *path*; a plain folder where mounting isn't permitted (``mounted`` tells)."""

    def __init__(self, path: Path, mebibytes: int) -> None:
        self.path = path
        self.mounted = False
        self._mebibytes = mebibytes
        self._ballast = path / "ballast"

    def mount(self) -> None:
        """Mount it, if that is permitted."""
        self.path.mkdir(parents=True)
        options = f"size={self._mebibytes}m"
        command = ["mount", "-t", "tmpfs", "-o", options, "saltern-chaos", str(self.path)]
        self.mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0

    def unmount(self) -> None:
        """Take it away, even when something is open there still."""
        if self.mounted:
            self.mounted = False
            subprocess.run(["umount", "--lazy", str(self.path)], check=False, capture_output=True)

    def fill(self) -> None:
        """Leave no free byte."""
        fd = os.open(self._ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            size = CHUNK_BYTES
            while size:
                try:
                    os.write(fd, bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size //= 2
        finally:
            os.close(fd)

    def make_room(self) -> None:
        """Free what ``fill`` took."""
        with contextlib.suppress(FileNotFoundError):
            self._ballast.unlink()

    def remount(self, mode: str) -> bool:
        """Make it read-only (``ro``) or writable (``rw``); return whether that went, which no open file may hinder."""
        deadline = time.monotonic() + REMOUNT_WITHIN_S
        command = ["mount", "-o", f"remount,{mode}", str(self.path)]
        while subprocess.run(command, capture_output=True, check=False).returncode:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True
