"""The clock of real processes, set while they run: Debian's package faketime."""

from __future__ import annotations

import time
from pathlib import Path

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


class FakeClock:
    """A clock that runs as this host's does, ``ahead_s`` seconds ahead of it; monotonic ones are left alone."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.ahead_s = 0
        self.set(0)

    def set(self, ahead_s: int) -> None:
        """Step it, within a second for all its processes: to ask the file each time takes most of their time."""
        new = self._file.with_suffix(".new")  # one that reads half of a file gets times that the kernel refuses
        new.write_text(f"{ahead_s:+d}\n")
        new.replace(self._file)
        self.ahead_s = ahead_s

    def now(self) -> float:
        """Return what it shows, epoch s."""
        return time.time() + self.ahead_s

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process go by it."""
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
