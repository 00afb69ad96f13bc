"""Small file systems of a program's, or a test's, own: filled, made read-only and healed."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import time
from pathlib import Path

CHUNK_BYTES = 65_536
REMOUNT_WITHIN_S = 30.0


class Disk:
    """A file system at *path*; a plain folder where mounting isn't permitted (``why_not`` tells).

    A tmpfs of *mebibytes*, or with *options*, or what is in the file *image*.
    """

    def __init__(self, path: Path, mebibytes: int = 4, *, options: str = "", image: Path | None = None) -> None:
        self.path = path
        self.mounted = False
        self.why_not = ""
        """What the system says of that."""
        options = options or f"size={mebibytes}m"
        self._what = ["-o", "loop", str(image)] if image else ["-t", "tmpfs", "-o", options, "saltern-disk"]
        self._ballast = path / "ballast"

    def mount(self) -> None:
        """Mount it, if that is permitted."""
        self.path.mkdir(parents=True, exist_ok=True)
        if os.geteuid() != 0:
            self.why_not = "only root may mount"
            return
        done = subprocess.run(["mount", *self._what, str(self.path)], capture_output=True, text=True, check=False)
        self.mounted = done.returncode == 0
        self.why_not = done.stderr.strip()

    def unmount(self) -> None:
        """Take it away, even when something is open there still."""
        if self.mounted:
            self.mounted = False
            if subprocess.run(["umount", str(self.path)], check=False, capture_output=True).returncode:
                subprocess.run(["umount", "--lazy", str(self.path)], check=False, capture_output=True)

    def fill(self) -> None:
        """Leave no free byte."""
        fd = os.open(self._ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            size = CHUNK_BYTES
            while size:
                try:
                    os.write(fd, bytes(size))
                    os.fsync(fd)
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
