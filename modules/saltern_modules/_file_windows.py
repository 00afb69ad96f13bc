"""Reading a text file bit by bit: windows that overlap, so that what is looked for isn't cut in two."""

from __future__ import annotations

from collections.abc import Iterator

WINDOW = 256 * 1024
STEP = 32 * 1024
"""Characters; each window begins so many after the one before."""


def windows(path: str) -> Iterator[str]:
    """Yield what is in the file *path*, read as UTF-8 as well as that goes. Raises ``OSError``."""
    with open(path, encoding="utf-8", errors="replace", newline="") as stream:
        window = stream.read(WINDOW)
        while window:
            yield window
            more = stream.read(STEP)
            if not more:
                return
            window = window[STEP:] + more
