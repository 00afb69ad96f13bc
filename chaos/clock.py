"""A clock that one program alone sees: libfaketime, told by a file how far off it is."""

from __future__ import annotations

from pathlib import Path

PRELOAD = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
"""libfaketime for programs with threads, where it is installed."""


class Clock:
    """The clock of one program, right until ``step``; *file* tells libfaketime."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.step(0)

    def step(self, seconds: int) -> None:
        """Have it be so many seconds ahead of the right time, or behind."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}\n")
        fresh.replace(self._file)

    def environment(self) -> dict[str, str]:
        """Return what a program needs in its environment."""
        return {
            "LD_PRELOAD": str(PRELOAD),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_CACHE_DURATION": "1",
            "NO_FAKE_STAT": "1",
        }
